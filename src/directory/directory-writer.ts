/**
 * Add, modify and delete (RFC 4511 §4.6 to §4.8): each one transaction that checks the right, the entry
 * and the tree, writes, and carries its audit record.
 *
 * Not here: rename (`renaming.ts`), what the CA engine writes (`managed-entries.ts`), LDIF (`ldif-import.ts`).
 *
 * @module
 */

import { randomUuid } from '../core/random.ts';
import type { Transaction } from '../store/store.ts';
import { authoriseAdd, authoriseDelete, authoriseModify } from './change-access.ts';
import type { ChangeRunner, CommittedChange } from './change-runner.ts';
import { checkNameLength, type DirectoryCore } from './directory-core.ts';
import { Dn, rdnOf } from './dn.ts';
import { type Attribute, Entry } from './entry.ts';
import { checkEntryRules, withNamingValues } from './entry-rules.ts';
import { stampModified } from './entry-stamp.ts';
import { DirectoryError } from './errors.ts';
import { refuseManagedEntry, refuseManagedTypes } from './managed-attributes.ts';
import { applyModifications, type ResolvedModification } from './modification.ts';
import { createEntry, gatherAttributes } from './new-entry.ts';
import { stampChangedPassword } from './password-ageing.ts';
import type { PasswordValues } from './password-values.ts';
import { renameEntry } from './renaming.ts';
import type {
  AddRequest,
  Caller,
  DeleteRequest,
  Modification,
  ModifyRequest,
  RenameRequest,
} from './service.ts';
import { resolveWritable } from './value-rules.ts';

export class DirectoryWriter {
  readonly #core: DirectoryCore;
  readonly #passwords: PasswordValues;
  readonly #changes: ChangeRunner;

  constructor(core: DirectoryCore, passwords: PasswordValues, changes: ChangeRunner) {
    this.#core = core;
    this.#passwords = passwords;
    this.#changes = changes;
  }

  async add(request: AddRequest, caller: Caller): Promise<void> {
    const { schema } = this.#core;
    const dn = this.#parseNewName(request.dn);
    const given = gatherAttributes(request.attributes, schema, 'client');
    const attributes = await this.#hashPasswords(dn, given, caller);
    const draft = withNamingValues(new Entry(dn.text, dn.key, attributes), rdnOf(dn), schema);
    await this.#changes.run({ kind: 'directory.add', dn, caller }, async (transaction, access) => {
      await authoriseAdd(this.#core, draft, { view: transaction, access, dn });
      const facts = await this.#changes.stamp(transaction, dn, caller.principal);
      const entryUuid = randomUuid(this.#core.random);
      const entry = createEntry(draft, this.#core, { ...facts, entryUuid, rdn: rdnOf(dn) });
      return { after: await this.#core.tree.write(transaction, entry) };
    });
  }

  async modify(request: ModifyRequest, caller: Caller): Promise<void> {
    const dn = Dn.parse(request.dn, this.#core.schema);
    const resolved = request.changes.map((change) => this.#resolveChange(change));
    const types = new Set(resolved.map(({ description }) => description.type));
    const changes = await this.#preparePasswords(dn, resolved, caller);
    const details = { changes: describeChanges(resolved) };
    const what = { kind: 'directory.modify', dn, caller, details } as const;
    await this.#changes.run(what, async (transaction, access) => {
      const place = { view: transaction, access, types };
      const before = await authoriseModify(this.#core, dn, place);
      refuseManagedTypes(before, types, this.#core.types);
      const context = { view: transaction, schema: this.#core.schema };
      const changed = await applyModifications(before, changes, context);
      const checked = checkEntryRules(changed, this.#core, { rdn: dn.rdn, before });
      return await this.#rewrite(transaction, dn, { before, changed: checked, caller });
    });
  }

  async delete(request: DeleteRequest, caller: Caller): Promise<void> {
    const dn = Dn.parse(request.dn, this.#core.schema);
    await this.#changes.run(
      { kind: 'directory.delete', dn, caller },
      async (transaction, access) => {
        const before = await authoriseDelete(this.#core, dn, { view: transaction, access });
        refuseManagedEntry(before, this.#core.types);
        await this.#expectLeaf(transaction, before);
        await this.#changes.stamp(transaction, dn, caller.principal);
        await this.#core.tree.remove(transaction, before);
        return { before };
      },
    );
  }

  async rename(request: RenameRequest, caller: Caller): Promise<void> {
    await renameEntry(this.#core, this.#changes, { request, caller });
  }

  /** Stamps a changed entry and writes it in the place of the old one. */
  async #rewrite(
    transaction: Transaction,
    dn: Dn,
    change: { readonly before: Entry; readonly changed: Entry; readonly caller: Caller },
  ): Promise<CommittedChange> {
    const { before, changed, caller } = change;
    const facts = await this.#changes.stamp(transaction, dn, caller.principal);
    const { types, passwords } = this.#core;
    const context = { types, policy: passwords, nowMs: facts.nowMs };
    const stamped = stampModified(stampChangedPassword(before, changed, context), types, facts);
    const after = await this.#core.tree.replace(transaction, before, stamped);
    return { before, after };
  }

  async #expectLeaf(transaction: Transaction, entry: Entry): Promise<void> {
    if (await this.#core.tree.hasChildren(transaction, entry.key)) {
      throw new DirectoryError('DIRECTORY_NOT_ON_NON_LEAF', 'the entry has entries below it');
    }
  }

  #parseNewName(text: string): Dn {
    const dn = Dn.parse(text, this.#core.schema);
    if (dn.depth === 0) {
      throw new DirectoryError('DIRECTORY_NAMING', 'the root of the tree is not an entry to add');
    }
    checkNameLength(this.#core, dn.key);
    return dn;
  }

  #resolveChange(change: Modification): ResolvedModification {
    const { operation, attribute, values } = change;
    const description = resolveWritable(attribute, this.#core.schema, 'client');
    return { operation, description, values };
  }

  /** Hashing comes after a first look at the rights, so that nobody can make us hash for nothing. */
  async #hashPasswords(
    dn: Dn,
    attributes: readonly Attribute[],
    caller: Caller,
  ): Promise<readonly Attribute[]> {
    if (!attributes.some(({ type }) => this.#passwords.isPassword(type))) {
      return attributes;
    }
    const draft = new Entry(dn.text, dn.key, attributes);
    await this.#changes.rehearse({ kind: 'directory.add', dn, caller }, async (view, access) => {
      await authoriseAdd(this.#core, draft, { view, access, dn });
    });
    const named = withNamingValues(draft, rdnOf(dn), this.#core.schema);
    return await this.#passwords.hashAll(named, caller);
  }

  async #preparePasswords(
    dn: Dn,
    changes: readonly ResolvedModification[],
    caller: Caller,
  ): Promise<readonly ResolvedModification[]> {
    if (!changes.some(({ description }) => this.#passwords.isPassword(description.type))) {
      return changes;
    }
    const types = new Set(changes.map(({ description }) => description.type));
    const what = { kind: 'directory.modify', dn, caller } as const;
    const entry = await this.#changes.rehearse(what, (view, access) =>
      authoriseModify(this.#core, dn, { view, access, types }),
    );
    return await this.#passwords.prepare(changes, entry, caller);
  }
}

/** `+cn -sn =description #serial`: what was changed (`#`: incremented), never to what. */
function describeChanges(changes: readonly ResolvedModification[]): string {
  const sign = { add: '+', delete: '-', replace: '=', increment: '#' } as const;
  return changes
    .map(({ operation, description }) => `${sign[operation]}${description.type.name}`)
    .join(' ');
}
