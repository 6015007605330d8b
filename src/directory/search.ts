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

import type { Awaitable } from '../core/awaitable.ts';
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
import { type Candidates, type FoundReference, SearchRun } from './search-run.ts';
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
  readonly caller: () => Awaitable<Caller>;
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
  readonly record: AnswerRecord | undefined;
  /** For an observer, where there is one. */
  readonly notes: AccessNotes | undefined;
  /** Returned so far. */
  entries: number;
}

/** One that has pages or an order. */
interface SearchInParts extends Search {
  /** Where the last page ended; undefined on the first, and without pages. */
  readonly resumed: PageState | undefined;
}

interface Found {
  readonly run: SearchRun;
  readonly candidates: Candidates;
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
    const { counters, observer } = this.#core;
    counters.searches += 1;
    const refreshed = this.#call.caller();
    const caller = refreshed instanceof Promise ? await refreshed : refreshed;
    const notes = observer && new AccessNotes(this.#call.request.base);
    let search: Search | undefined;
    let result: ObservedAccess['result'] = 'DIRECTORY_ABANDONED';
    try {
      const begun = this.#begin(caller, notes);
      search = begun instanceof Promise ? await begun : begun;
      const preparing = this.#prepare(search);
      const resumed = preparing instanceof Promise ? await preparing : preparing;
      const found = this.#isPlain ? this.#find(search) : undefined;
      const plain = found instanceof Promise ? await found : found;
      if (plain !== undefined && isAtHand(plain.candidates)) {
        // Most searches, without the layers that pages, order and many candidates need.
        for (const candidate of plain.candidates) {
          const made = answerTo(candidate, plain.run);
          const answer = made instanceof Promise ? await made : made;
          if (answer !== undefined) {
            search.entries += 1;
            yield answer;
          }
        }
        this.#referTo(plain.run.references);
      } else {
        for await (const answer of this.#answers(search, { plain, resumed })) {
          search.entries += 1;
          yield answer;
        }
      }
      this.#noteDone(search);
      result = 'success';
    } catch (error) {
      result = error instanceof DirectoryError ? error.code : 'other';
      throw error;
    } finally {
      await this.#end(search, { caller, notes, result });
    }
  }

  #begin(caller: Caller, notes: AccessNotes | undefined): Awaitable<Search> {
    const core = this.#core;
    const { request } = this.#call;
    const base = Dn.parse(request.base, core.schema);
    const access = core.policy.forCaller(caller, core.clock.nowMs());
    const begin = (special: SpecialEntries | undefined): Search => {
      // The figures below cn=Monitor are worked out when they are asked for.
      const isLasting = special === undefined || special === lasting;
      const record = isLasting ? recordOf(request) : undefined;
      record?.begin({ watches: core.tree.watches, baseKey: base.key, audience: access.audience() });
      const binding = { principal: caller.principal, request };
      const view = core.store.snapshot();
      return { base, view, access, special, binding, record, notes, entries: 0 };
    };
    const lasting = publicCandidates(base, request, this.#publicEntries);
    const special = lasting ?? core.monitor.find(base, { scope: request.scope, access });
    return special instanceof Promise ? special.then(begin) : begin(special);
  }

  /** @returns where the last page ended; undefined on the first, and without pages. */
  #prepare(search: Search): Awaitable<PageState | undefined> {
    const { assertion, manageDsaIt, page } = this.#call.request;
    const core = this.#core;
    const isReferring = manageDsaIt !== true && core.kinds.mayHoldReferrals;
    return assertion === undefined && page === undefined && !isReferring
      ? undefined
      : this.#prepareWhole(search);
  }

  async #prepareWhole({
    base,
    view,
    access,
    special,
    binding,
  }: Search): Promise<PageState | undefined> {
    const core = this.#core;
    const { request } = this.#call;
    const { page } = request;
    const hasCookie = page !== undefined && page.cookie.length > 0;
    const resumed = hasCookie ? core.pageCookies.open(page.cookie, binding) : undefined;
    if (request.manageDsaIt !== true && special === undefined) {
      await followReferral(core, base, { view, access, scope: request.scope });
    }
    const publicBase = base.depth === 0 ? rootDseOf(this.#publicEntries) : undefined;
    const outside = special?.base ?? publicBase;
    await expectBaseAssertion(core, outside, { base, request, view, access });
    return resumed;
  }

  /** Without pages and in the order of names. */
  get #isPlain(): boolean {
    const { page, sort } = this.#call.request;
    return page === undefined && sort === undefined;
  }

  #find(search: Search): Awaitable<Found> {
    const run = this.#runOf(search, undefined, 0);
    const found = search.special?.inScope ?? run.candidates(search.base);
    return found instanceof Promise
      ? found.then((candidates) => ({ run, candidates }))
      : { run, candidates: found };
  }

  #runOf(search: Search, order: SearchOrder | undefined, returnedBefore: number): SearchRun {
    const { view, access, special, notes } = search;
    const isPublic = special !== undefined;
    const context = { view, access, isPublic, order, returnedBefore, notes };
    return new SearchRun(this.#core, this.#call.request, context);
  }

  #noteDone({ record, notes, entries }: Search): void {
    if (record !== undefined) {
      record.entries = entries;
      record.notes = notes;
      if (this.#outcome.references !== undefined) {
        record.close();
      }
    }
  }

  #end(
    search: Search | undefined,
    told: {
      readonly caller: Caller;
      readonly notes: AccessNotes | undefined;
      readonly result: ObservedAccess['result'];
    },
  ): Awaitable<void> {
    const { caller, notes, result } = told;
    const { observer } = this.#core;
    if (observer !== undefined && notes !== undefined) {
      const { base, asked, looks } = notes;
      const entries = search?.entries ?? 0;
      const facts = { base, asked, looks, entries, result };
      observer.accessed({ operation: 'search', caller, ...facts, isRepeated: false });
    }
    return search?.view.close();
  }

  async *#answers(
    search: Search,
    {
      plain,
      resumed,
    }: { readonly plain: Found | undefined; readonly resumed: PageState | undefined },
  ): AsyncGenerator<SearchResultEntry, void, undefined> {
    if (plain !== undefined) {
      yield* this.#eachAnswer(plain);
    } else if (this.#call.request.page?.size === 0) {
      this.#outcome = { page: { cookie: nothing } };
    } else {
      yield* this.#inParts({ ...search, resumed });
    }
  }

  async *#eachAnswer({ run, candidates }: Found): AsyncGenerator<SearchResultEntry> {
    try {
      for await (const candidate of candidates) {
        const made = answerTo(candidate, run);
        const answer = made instanceof Promise ? await made : made;
        if (answer !== undefined) {
          yield answer;
        }
      }
    } finally {
      this.#referTo(run.references);
    }
  }

  /** In the order asked for, or, when that cannot be had and need not be, in that of the names. */
  async *#inParts(search: SearchInParts): AsyncGenerator<SearchResultEntry, void, undefined> {
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
    search: SearchInParts,
    order: SearchOrder | undefined,
  ): AsyncGenerator<SearchResultEntry, void, undefined> {
    const core = this.#core;
    const { request } = this.#call;
    const { resumed, binding } = search;
    const returnedBefore = resumed?.returned ?? 0;
    const run = this.#runOf(search, order, returnedBefore);
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
    { base, special, resumed }: SearchInParts,
  ): AsyncGenerator<PlacedMatch, void, undefined> {
    const after = resumed?.position.entryKey;
    const candidates =
      special === undefined ? await run.candidates(base, after) : behind(special.inScope, after);
    for await (const match of run.matches(candidates)) {
      yield { match, position: { sortKeys: [], entryKey: match.entry.key } };
    }
  }

  /** Every match is placed first; entries are read again when their turn comes. */
  async *#sorted(
    run: SearchRun,
    { base, special, view, resumed }: SearchInParts,
    order: SearchOrder,
  ): AsyncGenerator<PlacedMatch, void, undefined> {
    const { limits, sortRoom } = this.#core;
    const positions: SearchPosition[] = [];
    let held = 0;
    try {
      const candidates = special?.inScope ?? (await run.candidates(base));
      for await (const { entry, access } of run.matches(candidates)) {
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

/** What is sent of a candidate; undefined unless it matches. */
function answerTo(
  candidate: VisibleEntry,
  run: SearchRun,
): Awaitable<SearchResultEntry | undefined> {
  const match = run.match(candidate);
  if (match instanceof Promise) {
    return match.then((matching) => matching && run.answer(matching));
  }
  return match && run.answer(match);
}

function isAtHand(candidates: Candidates): candidates is readonly VisibleEntry[] {
  return Array.isArray(candidates);
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
