/**
 * The subtree `cn=Monitor`: figures of the running server as entries that are made when somebody looks. They
 * are searched and compared like entries of the tree and under the same access rules (a target below
 * `cn=Monitor`); where no rule grants anything the subtree does not exist. Nothing in it can be changed.
 *
 * Figures are read once for each operation, and only for a caller who may know of `cn=Monitor` itself.
 *
 * Not here: which figures there are (`app/monitor-entries.ts`).
 *
 * @module
 */

import type { Awaitable } from '../core/awaitable.ts';
import { compareBytes, encodeUtf8, equalBytes } from '../core/bytes.ts';
import type { CallerAccess } from './access/access.ts';
import { noSuchObject, type VisibleEntry } from './directory-core.ts';
import { Entry } from './entries/entry.ts';
import { textAttributes } from './entries/text-attributes.ts';
import { DirectoryError } from './errors.ts';
import { createRdn, Dn } from './names/dn.ts';
import { subschemaName } from './public-entries.ts';
import type { AttributeType, SchemaLookup } from './schema/schema-model.ts';
import type { SearchScope } from './service.ts';

/** Where the subtree stands. */
export const monitorName = 'cn=Monitor';

/** What is shown at one place. */
export interface MonitorEntry {
  /** Values of `cn`, from the one below `cn=Monitor` down; empty for `cn=Monitor` itself. */
  readonly path: readonly string[];
  readonly objectClass: string;
  /** Texts by attribute type. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** What there is to show now; places without an entry of their own become containers. */
export type MonitorSource = () => Promise<readonly MonitorEntry[]>;

/** Entries outside the tree that a search is for. */
export interface SpecialEntries {
  readonly base: VisibleEntry;
  /** In the order of their names. */
  readonly inScope: readonly VisibleEntry[];
}

interface MonitorLook {
  readonly scope: SearchScope;
  readonly access: CallerAccess;
}

const CONTAINER = 'certdirMonitorContainer';

export class MonitorTree {
  readonly #schema: SchemaLookup;
  readonly #rootDn: Dn;
  readonly #cn: AttributeType;
  /** What access rules are asked about before any figure is read. */
  readonly #root: Entry;
  #source: MonitorSource | undefined;

  /** @throws {DirectoryError} `DIRECTORY_SCHEMA_REFERENCE`. */
  constructor(schema: SchemaLookup) {
    this.#schema = schema;
    this.#rootDn = Dn.parse(monitorName, schema);
    const [pair] = this.#rootDn.rdn?.pairs ?? [];
    if (pair === undefined) {
      throw new DirectoryError('DIRECTORY_SCHEMA_REFERENCE', 'the schema does not define cn');
    }
    this.#cn = pair.type;
    const root = { path: [], objectClass: CONTAINER, attributes: {} };
    this.#root = this.#entryOf(root, { hasChildren: true });
  }

  publish(source: MonitorSource): void {
    this.#source = source;
  }

  /**
   * The entries of a search.
   *
   * @returns undefined when the base is elsewhere, or nothing is published.
   * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT`, also for what the caller may not know of.
   */
  find(base: Dn, looked: MonitorLook): Awaitable<SpecialEntries | undefined> {
    return this.#source === undefined || !base.isWithin(this.#rootDn)
      ? undefined
      : this.#findIn(this.#source, base, looked);
  }

  async #findIn(
    source: MonitorSource,
    base: Dn,
    { scope, access }: MonitorLook,
  ): Promise<SpecialEntries> {
    if (!access.on(this.#root).allows('disclose', 'entry')) {
      throw noSuchObject();
    }
    const entries = await this.#read(source);
    const visible = entries
      .map(({ dn, entry }) => ({ dn, entry, access: access.on(entry) }))
      .filter((one) => one.access.allows('disclose', 'entry'));
    const found = visible.find(({ dn }) => dn.equals(base));
    if (found === undefined) {
      throw noSuchObject(deepestAbove(base, visible)?.entry.dn ?? '');
    }
    const isInScope = {
      base: ({ dn }: { readonly dn: Dn }) => dn.equals(base),
      one: ({ dn }: { readonly dn: Dn }) => dn.parent()?.equals(base) === true,
      subtree: ({ dn }: { readonly dn: Dn }) => dn.isWithin(base),
    }[scope];
    return { base: found, inScope: visible.filter(isInScope) };
  }

  /**
   * @throws {DirectoryError} `DIRECTORY_UNWILLING` for a name in the subtree, when the caller may know of it.
   */
  refuseChange(dn: Dn, access: CallerAccess): void {
    const isHere = this.#source !== undefined && dn.isWithin(this.#rootDn);
    if (isHere && access.on(this.#root).allows('disclose', 'entry')) {
      throw new DirectoryError(
        'DIRECTORY_UNWILLING',
        `${monitorName} shows figures, which cannot be set`,
      );
    }
  }

  async #read(
    source: MonitorSource,
  ): Promise<readonly { readonly dn: Dn; readonly entry: Entry }[]> {
    const byPath = new Map<string, MonitorEntry>();
    for (const made of await source()) {
      for (let depth = 0; depth < made.path.length; depth += 1) {
        const above = made.path.slice(0, depth);
        const name = JSON.stringify(above);
        if (!byPath.has(name)) {
          byPath.set(name, { path: above, objectClass: CONTAINER, attributes: {} });
        }
      }
      byPath.set(JSON.stringify(made.path), made);
    }
    const all = [...byPath.values()];
    const parents = new Set(all.map(({ path }) => JSON.stringify(path.slice(0, -1))));
    return all
      .map((made) => {
        const hasChildren = parents.has(JSON.stringify(made.path));
        return { dn: this.#nameOf(made.path), entry: this.#entryOf(made, { hasChildren }) };
      })
      .sort((left, right) => compareBytes(left.dn.key, right.dn.key));
  }

  #nameOf(path: readonly string[]): Dn {
    let dn = this.#rootDn;
    for (const value of path) {
      dn = dn.child(createRdn([{ type: this.#cn, value: encodeUtf8(value) }], this.#schema));
    }
    return dn;
  }

  #entryOf(
    { path, objectClass, attributes }: MonitorEntry,
    { hasChildren }: { readonly hasChildren: boolean },
  ): Entry {
    const dn = this.#nameOf(path);
    const all = {
      objectClass: ['top', 'certdirMonitor', objectClass],
      structuralObjectClass: [objectClass],
      cn: [path.at(-1) ?? 'Monitor'],
      entryDN: [dn.format()],
      subschemaSubentry: [subschemaName],
      hasSubordinates: [hasChildren ? 'TRUE' : 'FALSE'],
      ...attributes,
    };
    return new Entry(dn.format(), dn.key, textAttributes(all, this.#schema));
  }
}

function deepestAbove<T extends { readonly dn: Dn }>(
  base: Dn,
  entries: readonly T[],
): T | undefined {
  for (let above = base.parent(); above !== undefined; above = above.parent()) {
    const { key } = above;
    const found = entries.find(({ dn }) => equalBytes(dn.key, key));
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}
