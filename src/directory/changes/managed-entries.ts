/**
 * What the CA engine does with the directory: it makes and changes the entries it manages within its
 * own transactions, so that an act, the record that proves it and the entry that publishes it
 * become durable together. Audit records are the engine's; nothing is recorded here.
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import { randomUuid } from '../../core/random.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { isAccount } from '../accounts/account.ts';
import { actorName, type Principal } from '../accounts/principal.ts';
import { type DirectoryCore, suffixOf } from '../directory-core.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import { type Attribute, Entry, type LargeValue, type StoredValue } from '../entries/entry.ts';
import { checkEntryRules, withNamingValues } from '../entries/entry-rules.ts';
import { loadValues } from '../entries/large-values.ts';
import { identityOf, resolveWritable } from '../entries/value-rules.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import type { AttributeValues } from '../service.ts';
import { stampChange } from './change-stamp.ts';
import { type ChangeFacts, stampModified } from './entry-stamp.ts';
import { applyModifications } from './modification.ts';
import { createEntry, gatherAttributes } from './new-entry.ts';

/** Whom the operational attributes of managed entries name. */
const engine: Principal = { kind: 'system', name: 'certification authority' };

export interface ManagedEntryDraft {
  readonly dn: string;
  /** Certificate syntaxes may come with or without `;binary`. */
  readonly attributes: readonly AttributeValues[];
  /** The value of certdirManagedBy: which CA keeps the entry. */
  readonly manager: string;
}

export class ManagedEntries {
  readonly #core: DirectoryCore;

  constructor(core: DirectoryCore) {
    this.#core = core;
  }

  /**
   * Adds an entry under an existing parent, or a suffix.
   *
   * @throws {DirectoryError} `DIRECTORY_ENTRY_EXISTS`, `DIRECTORY_NO_SUCH_OBJECT` without a parent,
   *   `DIRECTORY_UNWILLING` for an account, and everything a wrong entry is refused for.
   */
  async createEntry(transaction: Transaction, draft: ManagedEntryDraft): Promise<void> {
    const { schema, tree, types } = this.#core;
    const dn = Dn.parse(draft.dn, schema);
    const { rdn } = dn;
    if (rdn === undefined || (await tree.read(transaction, dn.key)) !== undefined) {
      throw new DirectoryError('DIRECTORY_ENTRY_EXISTS', `${draft.dn} exists already`);
    }
    await this.#expectParent(transaction, dn);
    const attributes = [
      ...gatherAttributes(draft.attributes, schema, 'trusted'),
      { type: types.managedBy, options: [], values: [encodeUtf8(draft.manager)] },
    ];
    const named = withNamingValues(new Entry(dn.text, dn.key, attributes), rdn, schema);
    const facts = await this.#stamp(transaction, dn);
    const entryUuid = randomUuid(this.#core.random);
    const entry = createEntry(named, this.#core, { ...facts, entryUuid, rdn });
    refuseAccount(entry, types);
    await tree.write(transaction, entry);
  }

  /**
   * Makes the entry where there is none; takes over an entry that nobody manages, keeping what it holds
   * and adding what it lacks.
   *
   * @returns true when the entry was made.
   * @throws {DirectoryError} `DIRECTORY_MANAGED_ATTRIBUTE` when another CA manages it.
   */
  async ensureEntry(transaction: Transaction, draft: ManagedEntryDraft): Promise<boolean> {
    const { schema, tree, types } = this.#core;
    const dn = Dn.parse(draft.dn, schema);
    const before = await tree.read(transaction, dn.key);
    if (before === undefined) {
      await this.createEntry(transaction, draft);
      return true;
    }
    const [managerValue] = before.values(types.managedBy);
    const manager = managerValue && Buffer.from(managerValue).toString('utf8');
    if (manager === draft.manager) {
      return false;
    }
    if (manager !== undefined) {
      throw new DirectoryError(
        'DIRECTORY_MANAGED_ATTRIBUTE',
        `${draft.dn} is kept by ${manager}; choose another name`,
      );
    }
    const given = gatherAttributes(draft.attributes, schema, 'trusted');
    const classes = given.find(({ type }) => type === types.objectClass);
    const taken = [
      ...given.filter(({ type, options }) => before.attribute(type, options) === undefined),
      this.#withClasses(before, classes),
      { type: types.managedBy, options: [], values: [encodeUtf8(draft.manager)] },
    ].reduce((entry, bundle) => entry.withBundle(bundle), before);
    await this.#rewrite(transaction, dn, { before, changed: taken });
    return false;
  }

  /**
   * Gives an attribute of a managed entry new values; none removes it.
   *
   * @param change `description` as in RFC 4512 §2.5, with or without `;binary`.
   * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT`, `DIRECTORY_UNWILLING` when the entry is not
   *   managed, and everything a wrong value is refused for.
   */
  async replaceValues(
    transaction: Transaction,
    name: string,
    change: AttributeValues,
  ): Promise<void> {
    const { schema } = this.#core;
    const dn = Dn.parse(name, schema);
    const before = await this.#readManaged(transaction, dn);
    const modification = {
      operation: 'replace',
      description: resolveWritable(change.description, schema, 'trusted'),
      values: change.values,
    } as const;
    const view = { view: transaction, schema };
    const changed = await applyModifications(before, [modification], view);
    await this.#rewrite(transaction, dn, { before, changed });
  }

  /**
   * Gives an attribute of a managed entry one value that the store keeps already. The reference that was counted when
   * it was put is the entry's from now on. The caller has checked what the value is.
   *
   * @param value `sha256` and length of what `Transaction.putLarge` has kept.
   * @throws {DirectoryError} as `replaceValues`.
   */
  async replaceWithLarge(
    transaction: Transaction,
    name: string,
    change: { readonly description: string; readonly value: LargeValue },
  ): Promise<void> {
    const { schema } = this.#core;
    const dn = Dn.parse(name, schema);
    const before = await this.#readManaged(transaction, dn);
    const { type, options } = resolveWritable(change.description, schema, 'trusted');
    const changed = before.withBundle({ type, options, values: [change.value] });
    await this.#rewrite(transaction, dn, { before, changed });
  }

  /**
   * Removes a managed leaf.
   *
   * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT`, `DIRECTORY_UNWILLING`,
   *   `DIRECTORY_NOT_ON_NON_LEAF`.
   */
  async deleteEntry(transaction: Transaction, name: string): Promise<void> {
    const dn = Dn.parse(name, this.#core.schema);
    const before = await this.#readManaged(transaction, dn);
    if (await this.#core.tree.hasChildren(transaction, dn.key)) {
      throw new DirectoryError('DIRECTORY_NOT_ON_NON_LEAF', `${name} has entries below it`);
    }
    await this.#stamp(transaction, dn);
    await this.#core.tree.remove(transaction, before);
  }

  /** The values of one attribute, from a snapshot or within a transaction; empty when it is not there. */
  async readValues(
    view: ReadView,
    name: string,
    description: string,
  ): Promise<readonly Uint8Array[]> {
    const { schema, tree } = this.#core;
    const { type, options } = resolveWritable(description, schema, 'trusted');
    const entry = await tree.read(view, Dn.parse(name, schema).key);
    const attribute = entry?.attribute(type, options);
    return attribute === undefined ? [] : await loadValues(view, attribute);
  }

  async hasEntry(view: ReadView, name: string): Promise<boolean> {
    return (await this.readName(view, name)) !== undefined;
  }

  /** The entry's name as it was written when the entry was made; undefined when there is none. */
  async readName(view: ReadView, name: string): Promise<string | undefined> {
    const { schema, tree } = this.#core;
    return (await tree.read(view, Dn.parse(name, schema).key))?.dn;
  }

  /** The entry's object classes and those given, each once. */
  #withClasses(entry: Entry, given: Attribute | undefined): Attribute {
    const { types, schema } = this.#core;
    const type = types.objectClass;
    const all = [...entry.values(type), ...(given?.values ?? [])];
    const byIdentity = new Map<string, StoredValue>();
    for (const value of all) {
      if (value instanceof Uint8Array) {
        const identity = identityOf(type, value, schema);
        byIdentity.set(identity, byIdentity.get(identity) ?? value);
      }
    }
    return { type, options: [], values: [...byIdentity.values()] };
  }

  async #readManaged(transaction: Transaction, dn: Dn): Promise<Entry> {
    const entry = await this.#core.tree.read(transaction, dn.key);
    if (entry === undefined) {
      throw new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', `${dn.text} does not exist`);
    }
    if (entry.attribute(this.#core.types.managedBy) === undefined) {
      throw new DirectoryError('DIRECTORY_UNWILLING', `${dn.text} is not a managed entry`);
    }
    return entry;
  }

  async #rewrite(
    transaction: Transaction,
    dn: Dn,
    change: { readonly before: Entry; readonly changed: Entry },
  ): Promise<void> {
    const { before, changed } = change;
    const checked = checkEntryRules(changed, this.#core, { rdn: dn.rdn, before });
    const facts = await this.#stamp(transaction, dn);
    const stamped = stampModified(checked, this.#core.types, facts);
    refuseAccount(stamped, this.#core.types);
    await this.#core.tree.replace(transaction, before, stamped);
  }

  async #expectParent(transaction: Transaction, dn: Dn): Promise<void> {
    const { suffixes, tree } = this.#core;
    if (suffixes.some((suffix) => suffix.equals(dn))) {
      return;
    }
    const parent = dn.parent();
    const isThere =
      suffixOf(this.#core, dn) !== undefined &&
      parent !== undefined &&
      (await tree.read(transaction, parent.key)) !== undefined;
    if (!isThere) {
      throw new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', `${dn.text} has no parent entry`);
    }
  }

  async #stamp(transaction: Transaction, dn: Dn): Promise<ChangeFacts> {
    const nowMs = this.#core.clock.nowMs();
    const suffix = suffixOf(this.#core, dn) ?? Dn.root;
    const sequence = await stampChange(transaction, suffix.key, nowMs);
    return { sequence, nowMs, actorName: actorName(engine, this.#core.schema) };
  }
}

/** Rights follow accounts as they are changed by clients; the engine's transactions are not seen there. */
function refuseAccount(entry: Entry, types: DirectoryTypes): void {
  if (isAccount(entry, types)) {
    throw new DirectoryError('DIRECTORY_UNWILLING', `${entry.dn} is an account, not managed`);
  }
}
