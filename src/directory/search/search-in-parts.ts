/**
 * Searches in pages (RFC 2696) or sorted (RFC 2891): what one request returns of them, and what it says at
 * the end. A page costs what stands before its end behind the last page's; a sorted search all its
 * matches, every page again.
 *
 * Not here: searches without either, and what all have in common (`search.ts`).
 *
 * @module
 */

import { compareBytes, equalBytes } from '../../core/bytes.ts';
import type { Snapshot } from '../../store/store.ts';
import type { CallerAccess } from '../access/access.ts';
import type { AccessNotes } from '../access/access-notes.ts';
import type { DirectoryCore, VisibleEntry } from '../directory-core.ts';
import { DirectoryError } from '../errors.ts';
import type { SpecialEntries } from '../monitor-tree.ts';
import type { Dn } from '../names/dn.ts';
import type { SearchOutcome, SearchRequest, SearchResultEntry } from '../service.ts';
import type { PageBinding, PageState } from './page-cookies.ts';
import { SearchOrder, type SearchPosition, SortRefusal } from './search-order.ts';
import { type FoundReference, SearchRun } from './search-run.ts';

/** A match and where it stands. */
interface PlacedMatch {
  readonly match: VisibleEntry;
  readonly position: SearchPosition;
}

/** A search of which it is known who asks for what, on a state of its own. */
export interface BegunSearch {
  readonly base: Dn;
  readonly view: Snapshot;
  readonly access: CallerAccess;
  /** The entries outside the tree that it is for; undefined when it is for the tree. */
  readonly special: SpecialEntries | undefined;
  readonly binding: PageBinding;
  /** For an observer, where there is one. */
  readonly notes: AccessNotes | undefined;
}

/** One that has pages or an order. */
interface ResumedSearch extends BegunSearch {
  /** Where the last page ended; undefined on the first, and without pages. */
  readonly resumed: PageState | undefined;
}

const nothing = new Uint8Array(0);

/** What one request returns of a search that has pages or an order. */
export class SearchInParts {
  readonly #core: DirectoryCore;
  readonly #request: SearchRequest;
  readonly #search: ResumedSearch;
  #outcome: SearchOutcome = {};

  constructor(core: DirectoryCore, request: SearchRequest, search: ResumedSearch) {
    this.#core = core;
    this.#request = request;
    this.#search = search;
  }

  /** What goes with the result, as far as it is known. */
  get outcome(): SearchOutcome {
    return this.#outcome;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SearchResultEntry, void, undefined> {
    if (this.#request.page?.size === 0) {
      this.#outcome = { page: { cookie: nothing } };
    } else {
      yield* this.#inOrder();
    }
  }

  /** In the order asked for, or, when that cannot be had and need not be, in that of the names. */
  async *#inOrder(): AsyncGenerator<SearchResultEntry, void, undefined> {
    const { sort } = this.#request;
    const { resumed } = this.#search;
    if (sort === undefined || resumed?.isSorted === false) {
      yield* this.#pageOf(undefined);
      return;
    }
    try {
      const order = new SearchOrder(sort.keys, this.#core.schema);
      yield* this.#pageOf(order);
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
    yield* this.#pageOf(undefined);
  }

  /** Up to as many entries as a page has, and what is to be said at their end. */
  async *#pageOf(
    order: SearchOrder | undefined,
  ): AsyncGenerator<SearchResultEntry, void, undefined> {
    const core = this.#core;
    const request = this.#request;
    const { resumed, binding } = this.#search;
    const returnedBefore = resumed?.returned ?? 0;
    const run = runOf(core, request, { search: this.#search, order, returnedBefore });
    const placed = order === undefined ? this.#inOrderOfNames(run) : this.#sorted(run, order);
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

  async *#inOrderOfNames(run: SearchRun): AsyncGenerator<PlacedMatch, void, undefined> {
    const { base, special, resumed } = this.#search;
    const after = resumed?.position.entryKey;
    const candidates =
      special === undefined ? await run.candidates(base, after) : behind(special.inScope, after);
    for await (const match of run.matches(candidates)) {
      yield { match, position: { sortKeys: [], entryKey: match.entry.key } };
    }
  }

  /** Every match is placed first; entries are read again when their turn comes. */
  async *#sorted(run: SearchRun, order: SearchOrder): AsyncGenerator<PlacedMatch, void, undefined> {
    const { base, special, view, resumed } = this.#search;
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

/** The steps of a search. */
export function runOf(
  core: DirectoryCore,
  request: SearchRequest,
  {
    search: { view, access, special, notes },
    order,
    returnedBefore = 0,
  }: {
    readonly search: BegunSearch;
    readonly order?: SearchOrder | undefined;
    readonly returnedBefore?: number;
  },
): SearchRun {
  const isPublic = special !== undefined;
  return new SearchRun(core, request, { view, access, isPublic, order, returnedBefore, notes });
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

function isPatienceSpent(error: unknown): boolean {
  return (
    error instanceof DirectoryError &&
    (error.code === 'DIRECTORY_LOOK_THROUGH_LIMIT' || error.code === 'DIRECTORY_TIME_LIMIT')
  );
}
