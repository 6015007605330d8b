/**
 * Search (RFC 4511 §4.5): candidates by scope or index, from one snapshot, each asked for by the
 * rights of the caller before anything else is looked at.
 *
 * What a search costs: base, one read; one-level, the children; subtree, the subtree; an equality on
 * an indexed attribute, its matches.
 *
 * @module
 */

import { equalBytes } from '../core/bytes.ts';
import type { ReadView } from '../store/store.ts';
import { type CallerAccess, publicAccess } from './access.ts';
import { AttributeSelection } from './attribute-selection.ts';
import { candidateKeys } from './candidate-plan.ts';
import { type DirectoryCore, findVisible, type VisibleEntry } from './directory-core.ts';
import { Dn } from './dn.ts';
import type { Entry } from './entry.ts';
import { expectAssertion, type ReadingContext } from './entry-reading.ts';
import { keyDepth } from './key-range.ts';
import type { PublicEntries } from './public-entries.ts';
import type { AttributeType } from './schema-model.ts';
import { SearchBudget } from './search-budget.ts';
import { SearchFilter } from './search-filter.ts';
import { selectFrom } from './search-result.ts';
import type { Caller, SearchRequest, SearchResultEntry } from './service.ts';

export interface SearchCall {
  readonly request: SearchRequest;
  /** The caller as it is when the search begins. */
  readonly caller: () => Caller | Promise<Caller>;
}

/** See `DirectoryService.search`. */
export async function* searchEntries(
  core: DirectoryCore,
  publicEntries: PublicEntries,
  { request, caller }: SearchCall,
): AsyncGenerator<SearchResultEntry, void, undefined> {
  core.counters.searches += 1;
  const base = Dn.parse(request.base, core.schema);
  const current = await caller();
  const access = core.policy.forCaller(current, core.clock.nowMs());
  const special = publicCandidates(base, request, publicEntries);
  const isPublic = special !== undefined;
  const record = isPublic || request.assertion !== undefined ? undefined : request.record;
  record?.begin({
    watches: core.tree.watches,
    baseKey: base.key,
    base: request.base,
    isSubtree: request.scope !== 'base',
    audience: access.audience(),
  });
  const snapshot = core.store.snapshot();
  let entries = 0;
  try {
    await expectBaseAssertion(core, publicEntries, { base, request, view: snapshot, access });
    const run = new SearchRun(core, request, { view: snapshot, access, isPublic });
    for await (const candidate of special ?? run.candidates(base)) {
      const found = await run.examine(candidate);
      if (found !== undefined) {
        core.counters.entriesReturned += 1;
        entries += 1;
        yield found;
      }
    }
    if (record !== undefined) {
      record.entries = entries;
    }
    core.onAnswered({ base: request.base, entries, caller: current });
  } finally {
    await snapshot.close();
  }
}

/** RFC 4528 §3: after finding the base, before searching. */
async function expectBaseAssertion(
  core: DirectoryCore,
  { rootDse, subschema }: PublicEntries,
  search: ReadingContext & { readonly base: Dn; readonly request: SearchRequest },
): Promise<void> {
  const { base, request, view, access } = search;
  if (request.assertion === undefined) {
    return;
  }
  const special = [rootDse, subschema].find(({ key }) => equalBytes(key, base.key));
  const entry = special ?? (await findVisible(core, base, { view, access })).entry;
  const isPublic = special !== undefined;
  await expectAssertion(core, request.assertion, { view, access, entry, isPublic });
}

interface SearchContext {
  readonly view: ReadView;
  readonly access: CallerAccess;
  /** The candidates are outside the tree: nothing about them is worked out. */
  readonly isPublic: boolean;
}

class SearchRun {
  readonly #core: DirectoryCore;
  readonly #request: SearchRequest;
  readonly #view: ReadView;
  readonly #access: CallerAccess;
  readonly #budget: SearchBudget;
  readonly #filter: SearchFilter;
  readonly #selection: AttributeSelection;
  readonly #computed: readonly AttributeType[];

  constructor(core: DirectoryCore, request: SearchRequest, context: SearchContext) {
    this.#core = core;
    this.#request = request;
    this.#view = context.view;
    this.#access = context.access;
    this.#budget = new SearchBudget(core.clock, request, core.limits);
    this.#filter = new SearchFilter(request.filter, core.schema);
    this.#selection = new AttributeSelection(request.attributes, core.schema);
    this.#computed = context.isPublic
      ? []
      : core.computed.wanted(
          (type) => this.#selection.includes(type, []) || this.#filter.mentions(type),
        );
    if (core.computed.needOthers(this.#computed)) {
      request.record?.widen();
    }
  }

  /** The entries in scope that may match, in the order of their names. */
  async *candidates(base: Dn): AsyncGenerator<VisibleEntry, void, undefined> {
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
    const entries = isRoot ? this.#suffixEntries() : await this.#below(base.key, scope);
    for await (const entry of entries) {
      await this.#budget.step();
      const access = this.#access.on(entry);
      if (access.allows('disclose', 'entry')) {
        yield { entry, access };
      }
    }
  }

  /** The answer for one candidate; undefined when it does not match or may not be read. */
  async examine({
    entry: candidate,
    access,
  }: VisibleEntry): Promise<SearchResultEntry | undefined> {
    this.#budget.takeLook();
    if (!access.allows('read', 'entry')) {
      return undefined;
    }
    const context = { view: this.#view, access: this.#access };
    const entry = await this.#core.computed.complete(candidate, this.#computed, context);
    if (!(await this.#filter.matches(entry, this.#view, access))) {
      return undefined;
    }
    this.#budget.takeEntry();
    return await selectFrom(entry, {
      view: this.#view,
      access,
      selection: this.#selection,
      typesOnly: this.#request.typesOnly,
      onWithheld: () => {
        this.#core.counters.withheldAttributes += 1;
        if (this.#request.record !== undefined) {
          this.#request.record.withheldAttributes += 1;
        }
      },
    });
  }

  async #below(
    baseKey: Uint8Array,
    scope: 'base' | 'one' | 'subtree',
  ): Promise<AsyncIterable<Entry>> {
    const { tree, index } = this.#core;
    const place = { view: this.#view, baseKey };
    const keys = await candidateKeys(this.#filter.resolved, index, place);
    if (keys === undefined) {
      return scope === 'one'
        ? tree.children(this.#view, baseKey)
        : tree.subtree(this.#view, baseKey);
    }
    const depth = keyDepth(baseKey) + 1;
    return tree.readEach(this.#view, scope === 'one' ? atDepth(keys, depth) : keys);
  }

  async *#suffixEntries(): AsyncGenerator<Entry, void, undefined> {
    for (const suffix of this.#core.suffixes) {
      const entry = await this.#core.tree.read(this.#view, suffix.key);
      if (entry !== undefined) {
        yield entry;
      }
    }
  }
}

/** The entry outside the tree that a search is for; undefined when it is for the tree. */
function publicCandidates(
  base: Dn,
  { scope }: SearchRequest,
  { rootDse, subschema }: PublicEntries,
): readonly VisibleEntry[] | undefined {
  if (base.depth === 0) {
    return scope === 'base' ? [{ entry: rootDse, access: publicAccess }] : undefined;
  }
  if (!equalBytes(base.key, subschema.key)) {
    return undefined;
  }
  return scope === 'one' ? [] : [{ entry: subschema, access: publicAccess }];
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
