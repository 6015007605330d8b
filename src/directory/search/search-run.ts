/**
 * The steps of one search on one snapshot: candidates by scope or index, which of them match, what is
 * sent of a match. Each candidate is asked for by the rights of the caller before anything else is
 * looked at.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import { compareBytes } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import type { CallerAccess } from '../access/access.ts';
import { type AccessNotes, revocationOids } from '../access/access-notes.ts';
import { type DirectoryCore, findVisible, type VisibleEntry } from '../directory-core.ts';
import { AttributeSelection } from '../entries/attribute-selection.ts';
import type { Entry } from '../entries/entry.ts';
import type { NameKeys } from '../entries/equality-index.ts';
import { keyDepth } from '../entries/key-range.ts';
import { candidateKeys } from '../filters/candidate-plan.ts';
import { SearchFilter } from '../filters/search-filter.ts';
import type { Dn } from '../names/dn.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { SearchRequest, SearchResultEntry } from '../service.ts';
import { continuationOf } from './referrals.ts';
import { SearchBudget } from './search-budget.ts';
import type { SearchOrder } from './search-order.ts';
import { selectFrom } from './search-result.ts';
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

/** Entries that the caller may know of. */
export type Candidates = readonly VisibleEntry[] | AsyncIterable<VisibleEntry>;

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

  /**
   * The entries in scope that may match, in the order of their names, behind the one named `after`: a few
   * that are at hand, or as they are read.
   *
   * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT` for the base.
   */
  candidates(base: Dn, after?: Uint8Array): Awaitable<Candidates> {
    if (base.depth === 0) {
      return this.#inScope(base, after);
    }
    const isOften = this.#request.scope !== 'base';
    const found = findVisible(this.#core, base, {
      view: this.#view,
      access: this.#access,
      isOften,
    });
    if (!isOften) {
      return found instanceof Promise ? found.then((entry) => [entry]) : [found];
    }
    return found instanceof Promise
      ? found.then(() => this.#inScope(base, after))
      : this.#inScope(base, after);
  }

  /** Those of the candidates that match and may be read, with what is worked out about them. */
  async *matches(candidates: Candidates): AsyncGenerator<VisibleEntry, void, undefined> {
    for await (const candidate of candidates) {
      const match = await this.match(candidate);
      if (match !== undefined) {
        yield match;
      }
    }
  }

  /** The candidate with what is worked out about it, if it matches and may be read. */
  match(candidate: VisibleEntry): Awaitable<VisibleEntry | undefined> {
    this.#budget.takeLook();
    if (this.#refers && this.#core.kinds.isReferral(candidate.entry)) {
      this.#refer(candidate);
      return undefined;
    }
    if (!this.#isVisible(candidate)) {
      return undefined;
    }
    const complete = this.#complete(candidate);
    return complete instanceof Promise
      ? complete.then((entry) => this.#filtered(entry))
      : this.#filtered(complete);
  }

  /** A match of this search, read again by the key of its name. */
  async readAgain(entryKey: Uint8Array): Promise<VisibleEntry | undefined> {
    await this.#budget.step();
    const entry = await this.#core.tree.read(this.#view, entryKey);
    return entry && (await this.#complete({ entry, access: this.#access.on(entry) }));
  }

  /** What is sent of a match. @throws {DirectoryError} `DIRECTORY_SIZE_LIMIT`. */
  answer({ entry, access }: VisibleEntry): Awaitable<SearchResultEntry> {
    this.#budget.takeEntry();
    this.#core.counters.entriesReturned += 1;
    return selectFrom(entry, {
      view: this.#view,
      access,
      selection: this.#selection,
      matchedValues: this.#matchedValues,
      typesOnly: this.#request.typesOnly,
      notes: this.#notes,
      onWithheld: this.#onWithheld,
    });
  }

  readonly #onWithheld = (): void => {
    const { record } = this.#request;
    this.#core.counters.withheldAttributes += 1;
    if (record !== undefined) {
      record.withheldAttributes += 1;
    }
  };

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

  #complete({ entry, access }: VisibleEntry): Awaitable<VisibleEntry> {
    if (this.#computed.length === 0) {
      return { entry, access };
    }
    const context = { view: this.#view, access: this.#access };
    const complete = this.#core.computed.complete(entry, this.#computed, context);
    return complete instanceof Promise
      ? complete.then((completed) => ({ entry: completed, access }))
      : { entry: complete, access };
  }

  #filtered(match: VisibleEntry): Awaitable<VisibleEntry | undefined> {
    const isMatch = this.#filter.matches(match.entry, this.#view, match.access);
    if (isMatch instanceof Promise) {
      return isMatch.then((matches) => (matches ? match : undefined));
    }
    return isMatch === true ? match : undefined;
  }

  #inScope(base: Dn, after: Uint8Array | undefined): Awaitable<Candidates> {
    const { index, schema } = this.#core;
    if (base.depth === 0 && this.#request.scope === 'one') {
      return this.#disclosed(this.#suffixEntries(after));
    }
    const place = { view: this.#view, baseKey: base.key, after, withReferrals: this.#refers };
    const keys = candidateKeys(this.#filter.resolved, { index, schema }, place);
    if (keys instanceof Promise) {
      return keys.then((found) => this.#named(found, base, after));
    }
    const few = isFew(keys) ? this.#readFew(keys, base) : undefined;
    return few ?? this.#named(keys, base, after);
  }

  /** The candidates with these names; all in scope when the indexes cannot tell. */
  #named(keys: NameKeys | undefined, base: Dn, after: Uint8Array | undefined): Candidates {
    const { tree } = this.#core;
    const isOneLevel = this.#request.scope === 'one';
    if (keys === undefined) {
      return this.#disclosed(
        isOneLevel
          ? tree.children(this.#view, base.key, after)
          : tree.subtree(this.#view, base.key, after),
      );
    }
    const inScope = isOneLevel ? atDepth(keys, keyDepth(base.key) + 1) : keys;
    return this.#disclosed(tree.readEach(this.#view, inScope));
  }

  /** At once where the store has them at hand. */
  #readFew(keys: readonly Uint8Array[], base: Dn): readonly VisibleEntry[] | undefined {
    const depth = this.#request.scope === 'one' ? keyDepth(base.key) + 1 : undefined;
    const visible: VisibleEntry[] = [];
    for (const key of keys) {
      if (depth !== undefined && keyDepth(key) !== depth) {
        continue;
      }
      const entry = this.#core.tree.read(this.#view, key);
      if (entry instanceof Promise) {
        // The others are read together.
        return undefined;
      }
      this.#budget.check();
      if (entry !== undefined) {
        const access = this.#access.on(entry);
        if (access.allows('disclose', 'entry')) {
          visible.push({ entry, access });
        }
      }
    }
    return visible;
  }

  async *#disclosed(entries: AsyncIterable<Entry>): AsyncGenerator<VisibleEntry, void, undefined> {
    for await (const entry of entries) {
      await this.#budget.step();
      const access = this.#access.on(entry);
      if (access.allows('disclose', 'entry')) {
        yield { entry, access };
      }
    }
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

/** So few that reading them at one go keeps nobody waiting. */
const FEW = 32;

function isFew(keys: NameKeys | undefined): keys is readonly Uint8Array[] {
  return Array.isArray(keys) && keys.length <= FEW;
}

async function* atDepth(
  keys: NameKeys,
  depth: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const key of keys) {
    if (keyDepth(key) === depth) {
      yield key;
    }
  }
}
