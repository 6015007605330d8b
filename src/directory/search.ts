/**
 * Search (RFC 4511 §4.5), in pages (RFC 2696) and sorted (RFC 2891) where that is asked for, from one
 * snapshot per request.
 *
 * What a search costs: base, one read; one-level, the children; subtree, the subtree; an equality on
 * an indexed attribute, its matches. A page costs what stands before its end behind the last page's;
 * a sorted search all its matches, every page again.
 *
 * @module
 */

import { compareBytes, equalBytes } from '../core/bytes.ts';
import type { Snapshot } from '../store/store.ts';
import { type CallerAccess, publicAccess } from './access.ts';
import { AccessNotes } from './access-notes.ts';
import type { AnswerRecord } from './answer-record.ts';
import { type DirectoryCore, findVisible, type VisibleEntry } from './directory-core.ts';
import { Dn } from './dn.ts';
import { expectAssertion, type ReadingContext } from './entry-reading.ts';
import { DirectoryError } from './errors.ts';
import type { SpecialEntries } from './monitor-tree.ts';
import type { PageBinding, PageState } from './page-cookies.ts';
import type { PublicEntries } from './public-entries.ts';
import { followReferral } from './referrals.ts';
import { SearchOrder, type SearchPosition, SortRefusal } from './search-order.ts';
import { type FoundReference, SearchRun } from './search-run.ts';
import type {
  Caller,
  ObservedAccess,
  SearchAnswers,
  SearchOutcome,
  SearchRequest,
  SearchResultEntry,
} from './service.ts';

export interface SearchCall {
  readonly request: SearchRequest;
  /** The caller as it is when the search begins. */
  readonly caller: () => Caller | Promise<Caller>;
}

/** A match and where it stands. */
interface PlacedMatch {
  readonly match: VisibleEntry;
  readonly position: SearchPosition;
}

/** One search under way. */
interface Search {
  readonly base: Dn;
  readonly view: Snapshot;
  readonly access: CallerAccess;
  /** The entries outside the tree that it is for; undefined when it is for the tree. */
  readonly special: SpecialEntries | undefined;
  readonly binding: PageBinding;
  /** Where the last page ended; undefined on the first, and without pages. */
  readonly resumed: PageState | undefined;
  /** For an observer, where there is one. */
  readonly notes: AccessNotes | undefined;
}

const nothing = new Uint8Array(0);

/** See `DirectoryService.search`. */
export class EntrySearch implements SearchAnswers {
  readonly #core: DirectoryCore;
  readonly #publicEntries: PublicEntries;
  readonly #call: SearchCall;
  #outcome: SearchOutcome = {};

  constructor(core: DirectoryCore, publicEntries: PublicEntries, call: SearchCall) {
    this.#core = core;
    this.#publicEntries = publicEntries;
    this.#call = call;
  }

  get outcome(): SearchOutcome {
    return this.#outcome;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SearchResultEntry, void, undefined> {
    const { observer, counters } = this.#core;
    counters.searches += 1;
    const caller = await this.#call.caller();
    if (observer === undefined) {
      yield* this.#search(caller, undefined);
      return;
    }
    const { base } = this.#call.request;
    const notes = new AccessNotes(base);
    let result: ObservedAccess['result'] = 'DIRECTORY_ABANDONED';
    try {
      yield* this.#search(caller, notes);
      result = 'success';
    } catch (error) {
      result = error instanceof DirectoryError ? error.code : 'other';
      throw error;
    } finally {
      const { asked, looks, entries } = notes;
      const facts = { base, asked, looks, entries, result };
      observer.accessed({ operation: 'search', caller, ...facts, isRepeated: false });
    }
  }

  async *#search(
    caller: Caller,
    notes: AccessNotes | undefined,
  ): AsyncGenerator<SearchResultEntry, void, undefined> {
    const core = this.#core;
    const { request } = this.#call;
    const base = Dn.parse(request.base, core.schema);
    const access = core.policy.forCaller(caller, core.clock.nowMs());
    const special =
      publicCandidates(base, request, this.#publicEntries) ??
      (await core.monitor.find(base, { scope: request.scope, access }));
    const record = special === undefined ? recordOf(request) : undefined;
    record?.begin({ watches: core.tree.watches, baseKey: base.key, audience: access.audience() });
    const view = core.store.snapshot();
    let entries = 0;
    try {
      const binding = { principal: caller.principal, request };
      const { page } = request;
      const hasCookie = page !== undefined && page.cookie.length > 0;
      const resumed = hasCookie ? core.pageCookies.open(page.cookie, binding) : undefined;
      if (request.manageDsaIt !== true && special === undefined) {
        await followReferral(core, base, { view, access, scope: request.scope });
      }
      const publicBase = base.depth === 0 ? rootDseOf(this.#publicEntries) : undefined;
      const asserted = special?.base ?? publicBase;
      await expectBaseAssertion(core, asserted, { base, request, view, access });
      const search: Search = { base, view, access, special, binding, resumed, notes };
      if (page?.size === 0) {
        this.#outcome = { page: { cookie: nothing } };
        return;
      }
      for await (const entry of this.#answers(search)) {
        entries += 1;
        if (notes !== undefined) {
          notes.entries = entries;
        }
        yield entry;
      }
      if (record !== undefined) {
        record.entries = entries;
        record.notes = notes;
        if (this.#outcome.references !== undefined) {
          record.close();
        }
      }
    } finally {
      await view.close();
    }
  }

  /** In the order asked for, or, when that cannot be had and need not be, in that of the names. */
  async *#answers(search: Search): AsyncGenerator<SearchResultEntry, void, undefined> {
    const { sort } = this.#call.request;
    const { resumed } = search;
    if (sort === undefined || resumed?.isSorted === false) {
      yield* this.#pageOf(search, undefined);
      return;
    }
    try {
      const order = new SearchOrder(sort.keys, this.#core.schema);
      yield* this.#pageOf(search, order);
      return;
    } catch (error) {
      if (!(error instanceof SortRefusal)) {
        throw error;
      }
      this.#outcome = { sort: error.failure };
      if (sort.isCritical) {
        throw new DirectoryError(
          'DIRECTORY_SORT_REFUSED',
          'the entries cannot be sorted like this',
        );
      }
      if (resumed !== undefined) {
        throw new DirectoryError('DIRECTORY_PAGE_COOKIE', 'the pages so far were sorted');
      }
    }
    yield* this.#pageOf(search, undefined);
  }

  /** Up to as many entries as a page has, and what is to be said at their end. */
  async *#pageOf(
    search: Search,
    order: SearchOrder | undefined,
  ): AsyncGenerator<SearchResultEntry, void, undefined> {
    const core = this.#core;
    const { request } = this.#call;
    const { resumed, binding } = search;
    const { view, access, special, notes } = search;
    const returnedBefore = resumed?.returned ?? 0;
    const isPublic = special !== undefined;
    const context = { view, access, isPublic, order, returnedBefore, notes };
    const run = new SearchRun(core, request, context);
    const placed =
      order === undefined ? this.#inOrderOfNames(run, search) : this.#sorted(run, search, order);
    const size = request.page?.size ?? Number.POSITIVE_INFINITY;
    let count = 0;
    let last: SearchPosition | undefined;
    let hasMore = false;
    try {
      for await (const { match, position } of placed) {
        hasMore = count === size;
        if (hasMore) {
          break;
        }
        const answer = await run.answer(match);
        count += 1;
        last = position;
        yield answer;
      }
    } catch (error) {
      this.#referTo(run.references);
      // Whether there is another page may take longer to find out than this one is allowed.
      hasMore = count === size && isPatienceSpent(error);
      if (!hasMore) {
        throw error;
      }
    }
    if (order !== undefined) {
      this.#outcome = { ...this.#outcome, sort: { result: 'success' } };
    }
    this.#referTo(hasMore ? referencesUpTo(last, run.references, order) : run.references);
    if (request.page !== undefined) {
      const progress = { returned: returnedBefore + count, isSorted: order !== undefined };
      const cookie =
        hasMore && last !== undefined
          ? core.pageCookies.seal({ ...progress, position: last }, binding)
          : nothing;
      this.#outcome = { ...this.#outcome, page: { cookie } };
    }
  }

  #referTo(references: readonly FoundReference[]): void {
    if (references.length > 0) {
      this.#outcome = { ...this.#outcome, references: references.map(({ uris }) => uris) };
    }
  }

  async *#inOrderOfNames(
    run: SearchRun,
    { base, special, resumed }: Search,
  ): AsyncGenerator<PlacedMatch, void, undefined> {
    const after = resumed?.position.entryKey;
    const candidates =
      special === undefined ? run.candidates(base, after) : behind(special.inScope, after);
    for await (const match of run.matches(candidates)) {
      yield { match, position: { sortKeys: [], entryKey: match.entry.key } };
    }
  }

  /** Every match is placed first; entries are read again when their turn comes. */
  async *#sorted(
    run: SearchRun,
    { base, special, view, resumed }: Search,
    order: SearchOrder,
  ): AsyncGenerator<PlacedMatch, void, undefined> {
    const { limits, sortRoom } = this.#core;
    const positions: SearchPosition[] = [];
    let held = 0;
    try {
      for await (const { entry, access } of run.matches(special?.inScope ?? run.candidates(base))) {
        if (held === limits.maxSortedEntries) {
          throw new SortRefusal({ result: 'adminLimitExceeded' });
        }
        sortRoom.take();
        held += 1;
        const position = await order.positionOf(entry, { view, access });
        if (resumed === undefined || order.compare(position, resumed.position) > 0) {
          positions.push(position);
        }
      }
      positions.sort((left, right) => order.compare(left, right));
      for (const position of positions) {
        const match =
          special === undefined
            ? await run.readAgain(position.entryKey)
            : special.inScope.find(({ entry }) => equalBytes(entry.key, position.entryKey));
        if (match !== undefined) {
          yield { match, position };
        }
      }
    } finally {
      sortRoom.release(held);
    }
  }
}

/** Those whose names come behind the one named `after`. */
function behind(
  entries: readonly VisibleEntry[],
  after: Uint8Array | undefined,
): readonly VisibleEntry[] {
  return after === undefined
    ? entries
    : entries.filter(({ entry }) => compareBytes(entry.key, after) > 0);
}

/** What is behind the end of a page belongs to the next; of sorted pages, all to the last. */
function referencesUpTo(
  last: SearchPosition | undefined,
  references: readonly FoundReference[],
  order: SearchOrder | undefined,
): readonly FoundReference[] {
  return last === undefined || order !== undefined
    ? []
    : references.filter(({ entryKey }) => compareBytes(entryKey, last.entryKey) < 0);
}

/** An answer is recorded when the request alone decides it, and nothing goes with its result. */
function recordOf(request: SearchRequest): AnswerRecord | undefined {
  const { record, assertion, page, sort, matchedValues, manageDsaIt, subentries } = request;
  const options = [assertion, page, sort, matchedValues, manageDsaIt, subentries];
  return options.every((option) => option === undefined) ? record : undefined;
}

function isPatienceSpent(error: unknown): boolean {
  return (
    error instanceof DirectoryError &&
    (error.code === 'DIRECTORY_LOOK_THROUGH_LIMIT' || error.code === 'DIRECTORY_TIME_LIMIT')
  );
}

/** RFC 4528 §3: after finding the base, before searching. */
async function expectBaseAssertion(
  core: DirectoryCore,
  special: VisibleEntry | undefined,
  search: ReadingContext & { readonly base: Dn; readonly request: SearchRequest },
): Promise<void> {
  const { base, request, view, access } = search;
  if (request.assertion === undefined) {
    return;
  }
  const { entry } = special ?? (await findVisible(core, base, { view, access }));
  const context = { view, access, entry, special: special?.access };
  await expectAssertion(core, request.assertion, context);
}

/** It is the base of every search from the root, and found by those of it alone. */
function rootDseOf({ rootDse }: PublicEntries): VisibleEntry {
  return { entry: rootDse, access: publicAccess };
}

/** The entry outside the tree that a search is for; undefined when it is for the tree. */
function publicCandidates(
  base: Dn,
  { scope }: SearchRequest,
  publicEntries: PublicEntries,
): SpecialEntries | undefined {
  if (base.depth === 0) {
    const found = rootDseOf(publicEntries);
    return scope === 'base' ? { base: found, inScope: [found] } : undefined;
  }
  const { subschema } = publicEntries;
  if (!equalBytes(base.key, subschema.key)) {
    return undefined;
  }
  const found = { entry: subschema, access: publicAccess };
  return { base: found, inScope: scope === 'one' ? [] : [found] };
}
