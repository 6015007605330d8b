/**
 * Operational attributes that are not stored but worked out when someone asks: entryDN (RFC 5020),
 * subschemaSubentry, hasSubordinates and numSubordinates (X.501 §13; children that the caller may
 * not know of do not count), contextCSN on a suffix's entry.
 *
 * Not here: operational attributes that are stored with the entry (`entry-stamp.ts`).
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import { encodeUtf8 } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import type { CallerAccess } from '../access/access.ts';
import { readContextSequence } from '../changes/change-stamp.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { Attribute, Entry } from './entry.ts';
import type { Tree } from './tree.ts';

export interface ComputationContext {
  readonly view: ReadView;
  readonly access: CallerAccess;
}

export class ComputedAttributes {
  readonly #tree: Tree;
  readonly #types: DirectoryTypes;
  readonly #subschemaDn: Uint8Array;
  readonly #all: readonly AttributeType[];

  constructor(tree: Tree, types: DirectoryTypes, subschemaDn: string) {
    this.#tree = tree;
    this.#types = types;
    this.#subschemaDn = encodeUtf8(subschemaDn);
    this.#all = [
      types.entryDn,
      types.subschemaSubentry,
      types.hasSubordinates,
      types.numSubordinates,
      types.contextCsn,
    ];
  }

  /** Those computed types that `isWanted` says yes to. */
  wanted(isWanted: (type: AttributeType) => boolean): readonly AttributeType[] {
    return this.#all.filter(isWanted);
  }

  /** True when one of these is worked out from more than the entry itself. */
  needOthers(wanted: readonly AttributeType[]): boolean {
    const { hasSubordinates, numSubordinates, contextCsn } = this.#types;
    return wanted.some((type) => [hasSubordinates, numSubordinates, contextCsn].includes(type));
  }

  /** The entry with these computed attributes beside its stored ones. */
  complete(
    entry: Entry,
    wanted: readonly AttributeType[],
    context: ComputationContext,
  ): Awaitable<Entry> {
    return wanted.length === 0 ? entry : this.#complete(entry, wanted, context);
  }

  async #complete(
    entry: Entry,
    wanted: readonly AttributeType[],
    context: ComputationContext,
  ): Promise<Entry> {
    const computed: Attribute[] = [];
    for (const type of wanted) {
      const value = await this.#compute(type, entry, context);
      if (value !== undefined) {
        computed.push({ type, options: [], values: [value] });
      }
    }
    return entry.withAttributes([...entry.attributes, ...computed]);
  }

  async #compute(
    type: AttributeType,
    entry: Entry,
    context: ComputationContext,
  ): Promise<Uint8Array | undefined> {
    switch (type) {
      case this.#types.entryDn:
        return encodeUtf8(entry.dn);
      case this.#types.subschemaSubentry:
        return this.#subschemaDn;
      case this.#types.hasSubordinates:
        return encodeUtf8((await this.#countChildren(entry, context, 1)) > 0 ? 'TRUE' : 'FALSE');
      case this.#types.numSubordinates:
        return encodeUtf8(String(await this.#countChildren(entry, context)));
      default:
        return await readContextSequence(context.view, entry.key);
    }
  }

  /** Children that the caller may know of, counted up to `limit`. */
  async #countChildren(
    entry: Entry,
    { view, access }: ComputationContext,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    let count = 0;
    for await (const child of this.#tree.children(view, entry.key)) {
      count += access.on(child).allows('disclose', 'entry') ? 1 : 0;
      if (count >= limit) {
        break;
      }
    }
    return count;
  }
}
