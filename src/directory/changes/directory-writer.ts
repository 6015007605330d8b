/**
 * Add, modify and delete (RFC 4511 §4.6 to §4.8): each one transaction that checks the right, the entry
 * and the tree, writes, and carries its audit record.
 *
 * Not here: rename (`renaming.ts`), what the CA engine writes (`managed-entries.ts`), LDIF (`ldif-import.ts`).
 *
 * @module
 */

import { randomUuid } from '../../core/random.ts';
import {
  authoriseAdd,
  authoriseModify,
  authoriseRemoval,
  expectLeaf,
  plannedChanges,
} from '../access/change-access.ts';
import { stampCredentialSetters } from '../accounts/credential-setters.ts';
import { stampChangedPassword } from '../accounts/password-ageing.ts';
import type { PasswordValues } from '../accounts/password-values.ts';
import type { Principal } from '../accounts/principal.ts';
import { checkNameLength, type DirectoryCore } from '../directory-core.ts';
import { type Attribute, Entry } from '../entries/entry.ts';
import { checkEntryRules, withNamingValues } from '../entries/entry-rules.ts';
import { refuseManagedEntry, refuseManagedTypes } from '../entries/managed-attributes.ts';
import { resolveWritable } from '../entries/value-rules.ts';
import { DirectoryError } from '../errors.ts';
import { Dn, rdnOf } from '../names/dn.ts';
import { ChangeReading } from '../search/entry-reading.ts';
import type {
  AddRequest,
  Caller,
  ChangeOutcome,
  DeleteRequest,
  Modification,
  ModifyRequest,
  RenameRequest,
} from '../service.ts';
import type { ChangeDescription, Changes } from './change-runner.ts';
import { type ChangeFacts, stampModified } from './entry-stamp.ts';
import { applyModifications, type ResolvedModification } from './modification.ts';
import { createEntry, gatherAttributes } from './new-entry.ts';
import { renameEntry } from './renaming.ts';
import { digestRequest } from './request-digest.ts';

export class DirectoryWriter {
  readonly #core: DirectoryCore;
  readonly #passwords: PasswordValues;
  readonly #changes: Changes;

  constructor(core: DirectoryCore, passwords: PasswordValues, changes: Changes) {
    this.#core = core;
    this.#passwords = passwords;
    this.#changes = changes;
  }

  async add(request: AddRequest, caller: Caller): Promise<ChangeOutcome> {
    const { schema } = this.#core;
    const dn = this.#parseNewName(request.dn);
    const given = gatherAttributes(request.attributes, schema, 'client');
    const digest = await digestRequest(
      this.#core,
      request,
      given.map(({ type }) => type),
    );
    const what = { kind: 'directory.add', dn, caller, options: request, ...digest } as const;
    const attributes = await this.#hashPasswords(what, given);
    const draft = withNamingValues(new Entry(dn.text, dn.key, attributes), rdnOf(dn), schema);
    return await this.#changes.run(what, async (transaction, access) => {
      const place = { view: transaction, access };
      await authoriseAdd(this.#core, draft, { ...place, dn });
      const facts = await this.#changes.stamp(transaction, dn, caller.principal);
      const entryUuid = randomUuid(this.#core.random);
      const { principal } = caller;
      const entry = stampCredentialSetters(
        {
          before: undefined,
          after: createEntry(draft, this.#core, { ...facts, entryUuid, rdn: rdnOf(dn) }),
          principal,
        },
        this.#core.types,
      );
      const reading = new ChangeReading(this.#core, request, place);
      await reading.before(entry);
      const after = await this.#core.tree.write(transaction, entry);
      return { after, outcome: await reading.after(after) };
    });
  }

  async modify(request: ModifyRequest, caller: Caller): Promise<ChangeOutcome> {
    const dn = Dn.parse(request.dn, this.#core.schema);
    const resolved = request.changes.map((change) => this.#resolveChange(change));
    const types = new Set(resolved.map(({ description }) => description.type));
    const planned = plannedChanges(resolved);
    const details = { changes: describeChanges(resolved) };
    const digest = await digestRequest(this.#core, request, types);
    const described = { dn, caller, details, options: request };
    const what: ChangeDescription = { kind: 'directory.modify', ...described, ...digest };
    const changes = await this.#preparePasswords(what, resolved);
    return await this.#changes.run(what, async (transaction, access) => {
      const place = { view: transaction, access };
      const before = await authoriseModify(this.#core, dn, { ...place, planned });
      refuseManagedTypes(before, types, this.#core.types);
      const reading = new ChangeReading(this.#core, request, place);
      await reading.before(before);
      const context = { view: transaction, schema: this.#core.schema };
      const changed = await applyModifications(before, changes, context);
      const checked = checkEntryRules(changed, this.#core, { rdn: dn.rdn, before });
      const facts = await this.#changes.stamp(transaction, dn, caller.principal);
      const after = await this.#core.tree.replace(
        transaction,
        before,
        this.#stampModified({ before, changed: checked, facts, principal: caller.principal }),
      );
      return { before, after, outcome: await reading.after(after) };
    });
  }

  async delete(request: DeleteRequest, caller: Caller): Promise<ChangeOutcome> {
    const dn = Dn.parse(request.dn, this.#core.schema);
    const digest = await digestRequest(this.#core, request);
    const what = { kind: 'directory.delete', dn, caller, options: request, ...digest } as const;
    return await this.#changes.run(what, async (transaction, access) => {
      const place = { view: transaction, access };
      const before = await authoriseRemoval(this.#core, dn, { ...place, right: 'delete' });
      refuseManagedEntry(before, this.#core.types);
      const reading = new ChangeReading(this.#core, request, place);
      await reading.before(before);
      await expectLeaf(this.#core, before, place);
      await this.#changes.stamp(transaction, dn, caller.principal);
      await this.#core.tree.remove(transaction, before);
      return { before, outcome: await reading.after(undefined) };
    });
  }

  async rename(request: RenameRequest, caller: Caller): Promise<ChangeOutcome> {
    return await renameEntry(this.#core, this.#changes, { request, caller });
  }

  #stampModified(change: {
    readonly before: Entry;
    readonly changed: Entry;
    readonly facts: ChangeFacts;
    readonly principal: Principal;
  }): Entry {
    const { before, changed, facts, principal } = change;
    const { types, passwordsOf } = this.#core;
    const policy = passwordsOf(before.key);
    const ageing = { types, policy, nowMs: facts.nowMs };
    const aged = stampChangedPassword(before, changed, ageing);
    const set = stampCredentialSetters({ before, after: aged, principal }, types);
    return stampModified(set, types, facts);
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
    what: ChangeDescription,
    attributes: readonly Attribute[],
  ): Promise<readonly Attribute[]> {
    const { dn, caller } = what;
    if (!attributes.some(({ type }) => this.#passwords.isPassword(type))) {
      return attributes;
    }
    const draft = new Entry(dn.text, dn.key, attributes);
    await this.#changes.rehearse(what, async (view, access) => {
      await authoriseAdd(this.#core, draft, { view, access, dn });
    });
    const named = withNamingValues(draft, rdnOf(dn), this.#core.schema);
    return await this.#passwords.hashAll(named, caller);
  }

  async #preparePasswords(
    what: ChangeDescription,
    changes: readonly ResolvedModification[],
  ): Promise<readonly ResolvedModification[]> {
    const { dn, caller } = what;
    if (!changes.some(({ description }) => this.#passwords.isPassword(description.type))) {
      return changes;
    }
    const planned = plannedChanges(changes);
    const entry = await this.#changes.rehearse(what, (view, access) =>
      authoriseModify(this.#core, dn, { view, access, planned }),
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
