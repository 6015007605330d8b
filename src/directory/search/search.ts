/**
 * Search (RFC 4511 §4.5), from one snapshot per request.
 *
 * What a search costs: base, one read; one-level, the children; subtree, the subtree; an equality on
 * an indexed attribute, its matches. A page costs what stands before its end behind the last page's;
 * a sorted search all its matches, every page again.
 *
 * Not here: pages and order (`search-in-parts.ts`), the steps of a search (`search-run.ts`).
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import { equalBytes } from '../../core/bytes.ts';
import { publicAccess } from '../access/access.ts';
import { AccessNotes } from '../access/access-notes.ts';
import { type DirectoryCore, findVisible, type VisibleEntry } from '../directory-core.ts';
import { DirectoryError } from '../errors.ts';
import type { SpecialEntries } from '../monitor-tree.ts';
import type { Dn } from '../names/dn.ts';
import { parsePrintedName } from '../names/printed-name.ts';
import type { PublicEntries } from '../public-entries.ts';
import type {
  Caller,
  ObservedAccess,
  SearchAnswers,
  SearchOutcome,
  SearchRequest,
  SearchResultEntry,
} from '../service.ts';
import type { AnswerRecord } from './answer-record.ts';
import { expectAssertion, type ReadingContext } from './entry-reading.ts';
import type { PageState } from './page-cookies.ts';
import { followReferral } from './referrals.ts';
import { type BegunSearch, runOf, SearchInParts } from './search-in-parts.ts';
import type { Candidates, FoundReference, SearchRun } from './search-run.ts';

export interface SearchCall {
  readonly request: SearchRequest;
  /** The caller as it is when the search begins. */
  readonly caller: () => Awaitable<Caller>;
}

/** One search under way. */
interface Search extends BegunSearch {
  readonly record: AnswerRecord | undefined;
  /** Returned so far. */
  entries: number;
}

interface Found {
  readonly run: SearchRun;
  readonly candidates: Candidates;
}

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
    const base = parsePrintedName(request.base, core.schema);
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
    const run = runOf(this.#core, this.#call.request, { search });
    const found = search.special?.inScope ?? run.candidates(search.base);
    return found instanceof Promise
      ? found.then((candidates) => ({ run, candidates }))
      : { run, candidates: found };
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
      return;
    }
    const inParts = new SearchInParts(this.#core, this.#call.request, { ...search, resumed });
    try {
      yield* inParts;
    } finally {
      this.#outcome = inParts.outcome;
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

  #referTo(references: readonly FoundReference[]): void {
    if (references.length > 0) {
      this.#outcome = { ...this.#outcome, references: references.map(({ uris }) => uris) };
    }
  }
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

/** An answer is recorded when the request alone decides it, and nothing goes with its result. */
function recordOf(request: SearchRequest): AnswerRecord | undefined {
  const { record, assertion, page, sort, matchedValues, manageDsaIt, subentries } = request;
  const isAsItIs = (assertion ?? page ?? sort ?? matchedValues) === undefined;
  return isAsItIs && manageDsaIt === undefined && subentries === undefined ? record : undefined;
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
