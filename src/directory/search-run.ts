/**
 * The steps of one search on one snapshot: candidates by scope or index, which of them match, what is
 * sent of a match. Each candidate is asked for by the rights of the caller before anything else is
 * looked at.
 *
 * @module
 */

import { compareBytes } from '../core/bytes.ts';
import type { ReadView } from '../store/store.ts';
import type { CallerAccess } from './access.ts';
import { type AccessNotes, revocationOids } from './access-notes.ts';
import { AttributeSelection } from './attribute-selection.ts';
import { candidateKeys } from './candidate-plan.ts';
import { type DirectoryCore, findVisible, type VisibleEntry } from './directory-core.ts';
import type { Dn } from './dn.ts';
import type { Entry } from './entry.ts';
import { keyDepth } from './key-range.ts';
import { continuationOf } from './referrals.ts';
import type { AttributeType } from './schema-model.ts';
import { SearchBudget } from './search-budget.ts';
import { SearchFilter } from './search-filter.ts';
import type { SearchOrder } from './search-order.ts';
import { selectFrom } from './search-result.ts';
import type { SearchRequest, SearchResultEntry } from './service.ts';
import { ValueSelection } from './value-selection.ts';

export interface SearchRunOptions {
  readonly view: ReadView;
  readonly access: CallerAccess;
  /** The candidates are outside the tree: nothing about them is worked out. */
  readonly isPublic: boolean;
  readonly order: SearchOrder | undefined;
  /** Entries that earlier pages of this search returned. */
  readonly returnedBefore: number;
  /** For an observer, where there is one. */
  readonly notes: AccessNotes | undefined;
}

/** A referral object in scope, and what the client is told of it. */
export interface FoundReference {
  readonly entryKey: Uint8Array;
  readonly uris: readonly string[];
}

export class SearchRun {
  readonly #core: DirectoryCore;
  readonly #request: SearchRequest;
  readonly #view: ReadView;
  readonly #access: CallerAccess;
  readonly #budget: SearchBudget;
  readonly #filter: SearchFilter;
  readonly #selection: AttributeSelection;
  readonly #matchedValues: ValueSelection | undefined;
  readonly #computed: readonly AttributeType[];
  readonly #isPublic: boolean;
  /** Referral objects are not entries for this search. */
  readonly #refers: boolean;
  readonly #references: FoundReference[] = [];
  readonly #notes: AccessNotes | undefined;

  constructor(core: DirectoryCore, request: SearchRequest, options: SearchRunOptions) {
    const { order, returnedBefore } = options;
    const { matchedValues, attributes } = request;
    this.#core = core;
    this.#request = request;
    this.#view = options.view;
    this.#access = options.access;
    this.#isPublic = options.isPublic;
    this.#refers = request.manageDsaIt !== true && core.kinds.mayHoldReferrals;
    this.#budget = new SearchBudget(core, request, returnedBefore);
    this.#filter = new SearchFilter(request.filter, core.schema);
    this.#selection = new AttributeSelection(attributes, core.schema);
    this.#matchedValues = matchedValues && new ValueSelection(matchedValues, core.schema);
    this.#computed = options.isPublic
      ? []
      : core.computed.wanted(
          (type) =>
            this.#selection.includes(type, []) ||
            this.#filter.mentions(type) ||
            order?.mentions(type) === true,
        );
    this.#notes = options.notes;
    if (this.#notes !== undefined) {
      this.#noteAsked(this.#notes);
    }
    if (request.scope === 'base' && !core.computed.needOthers(this.#computed)) {
      request.record?.narrow();
    }
  }

  /** Those met so far, in the order of the candidates. */
  get references(): readonly FoundReference[] {
    return this.#references;
  }

  /** The entries in scope that may match, in the order of their names, behind the one named `after`. */
  async *candidates(base: Dn, after?: Uint8Array): AsyncGenerator<VisibleEntry, void, undefined> {
    const { scope } = this.#request;
    if (base.depth > 0) {
      const context = { view: this.#view, access: this.#access };
      const found = await findVisible(this.#core, base, context);
      if (scope === 'base') {
        yield found;
        return;
      }
    }
    const isRoot = base.depth === 0 && scope === 'one';
    const entries = isRoot
      ? this.#suffixEntries(after)
      : await this.#below(base.key, { isOneLevel: scope === 'one', after });
    for await (const entry of entries) {
      await this.#budget.step();
      const access = this.#access.on(entry);
      if (access.allows('disclose', 'entry')) {
        yield { entry, access };
      }
    }
  }

  /** Those of the candidates that match and may be read, with what is worked out about them. */
  async *matches(
    candidates: AsyncIterable<VisibleEntry> | Iterable<VisibleEntry>,
  ): AsyncGenerator<VisibleEntry, void, undefined> {
    for await (const candidate of candidates) {
      this.#budget.takeLook();
      if (this.#refers && this.#core.kinds.isReferral(candidate.entry)) {
        this.#refer(candidate);
      } else if (this.#isVisible(candidate)) {
        const match = await this.#complete(candidate);
        if (await this.#filter.matches(match.entry, this.#view, match.access)) {
          yield match;
        }
      }
    }
  }

  /** A match of this search, read again by the key of its name. */
  async readAgain(entryKey: Uint8Array): Promise<VisibleEntry | undefined> {
    await this.#budget.step();
    const entry = await this.#core.tree.read(this.#view, entryKey);
    return entry && (await this.#complete({ entry, access: this.#access.on(entry) }));
  }

  /** What is sent of a match. @throws {DirectoryError} `DIRECTORY_SIZE_LIMIT`. */
  async answer({ entry, access }: VisibleEntry): Promise<SearchResultEntry> {
    const { counters } = this.#core;
    const { record } = this.#request;
    this.#budget.takeEntry();
    const result = await selectFrom(entry, {
      view: this.#view,
      access,
      selection: this.#selection,
      matchedValues: this.#matchedValues,
      typesOnly: this.#request.typesOnly,
      notes: this.#notes,
      onWithheld: () => {
        counters.withheldAttributes += 1;
        if (record !== undefined) {
          record.withheldAttributes += 1;
        }
      },
    });
    counters.entriesReturned += 1;
    return result;
  }

  /** RFC 3672 §3, and the right to read the entry at all. */
  #isVisible({ entry, access }: VisibleEntry): boolean {
    const { scope, subentries } = this.#request;
    if (!access.allows('read', 'entry')) {
      return false;
    }
    return subentries === undefined
      ? scope === 'base' || this.#isPublic || !this.#core.kinds.isSubentry(entry)
      : subentries === this.#core.kinds.isSubentry(entry);
  }

  #noteAsked(notes: AccessNotes): void {
    for (const oid of revocationOids) {
      const type = this.#core.schema.attributeType(oid);
      if (type && (this.#selection.mentions(type) || this.#filter.mentions(type))) {
        notes.noteAsked(type);
      }
    }
  }

  #refer(object: VisibleEntry): void {
    const uris = continuationOf(this.#core, object, this.#request.scope);
    if (uris.length > 0) {
      this.#references.push({ entryKey: object.entry.key, uris });
    }
  }

  async #complete({ entry, access }: VisibleEntry): Promise<VisibleEntry> {
    const context = { view: this.#view, access: this.#access };
    return { entry: await this.#core.computed.complete(entry, this.#computed, context), access };
  }

  async #below(
    baseKey: Uint8Array,
    {
      isOneLevel,
      after,
    }: { readonly isOneLevel: boolean; readonly after?: Uint8Array | undefined },
  ): Promise<AsyncIterable<Entry>> {
    const { tree, index, schema } = this.#core;
    const place = { view: this.#view, baseKey, after, withReferrals: this.#refers };
    const keys = await candidateKeys(this.#filter.resolved, { index, schema }, place);
    if (keys === undefined) {
      return isOneLevel
        ? tree.children(this.#view, baseKey, after)
        : tree.subtree(this.#view, baseKey, after);
    }
    return tree.readEach(this.#view, isOneLevel ? atDepth(keys, keyDepth(baseKey) + 1) : keys);
  }

  async *#suffixEntries(after: Uint8Array | undefined): AsyncGenerator<Entry, void, undefined> {
    const suffixes = this.#core.suffixes.toSorted((left, right) =>
      compareBytes(left.key, right.key),
    );
    for (const { key } of suffixes) {
      const isBehind = after === undefined || compareBytes(key, after) > 0;
      const entry = isBehind ? await this.#core.tree.read(this.#view, key) : undefined;
      if (entry !== undefined) {
        yield entry;
      }
    }
  }
}

async function* atDepth(
  keys: AsyncIterable<Uint8Array>,
  depth: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const key of keys) {
    if (keyDepth(key) === depth) {
      yield key;
    }
  }
}
