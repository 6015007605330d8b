/**
 * One entry looked at with the eyes of a caller: whether an assertion holds of it (RFC 4528), what of
 * it comes back with a change (RFC 4527). Both see what a search would see, and nothing else.
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import type { CallerAccess, EntryAccess } from '../access/access.ts';
import type { DirectoryCore } from '../directory-core.ts';
import { AttributeSelection } from '../entries/attribute-selection.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import type { Filter } from '../filters/filter.ts';
import { SearchFilter } from '../filters/search-filter.ts';
import type { ChangeOptions, ChangeOutcome, SearchResultEntry } from '../service.ts';
import { selectFrom } from './search-result.ts';

/** Where and for whom an entry is looked at. */
export interface ReadingContext {
  readonly view: ReadView;
  readonly access: CallerAccess;
}

/**
 * Passes when the assertion is true of the entry as far as the caller may look. About an entry outside the
 * tree, to which there is `special` access, nothing is worked out.
 *
 * @throws {DirectoryError} `DIRECTORY_ASSERTION_FAILED`, `DIRECTORY_FILTER_LIMIT`.
 */
export async function expectAssertion(
  core: DirectoryCore,
  assertion: Filter | undefined,
  target: ReadingContext & { readonly entry: Entry; readonly special?: EntryAccess | undefined },
): Promise<void> {
  if (assertion === undefined) {
    return;
  }
  const { entry, view, access, special } = target;
  const entryAccess = special ?? access.on(entry);
  const filter = new SearchFilter(assertion, core.schema);
  const wanted = special !== undefined ? [] : core.computed.wanted((type) => filter.mentions(type));
  const complete = await core.computed.complete(entry, wanted, { view, access });
  const isTrue =
    entryAccess.allows('read', 'entry') && (await filter.matches(complete, view, entryAccess));
  if (!isTrue) {
    throw new DirectoryError('DIRECTORY_ASSERTION_FAILED', 'the assertion is not true');
  }
}

/** The selected attributes that the caller may read; undefined when it may not read the entry. */
export async function readEntryFor(
  core: DirectoryCore,
  entry: Entry,
  { view, access, attributes }: ReadingContext & { readonly attributes: readonly string[] },
): Promise<SearchResultEntry | undefined> {
  const entryAccess = access.on(entry);
  if (!entryAccess.allows('read', 'entry')) {
    return undefined;
  }
  const selection = new AttributeSelection(attributes, core.schema);
  const wanted = core.computed.wanted((type) => selection.includes(type, []));
  return await selectFrom(await core.computed.complete(entry, wanted, { view, access }), {
    view,
    access: entryAccess,
    selection,
    typesOnly: false,
    onWithheld: () => {
      core.counters.withheldAttributes += 1;
    },
  });
}

/** The options of one change, obeyed within its transaction. */
export class ChangeReading {
  readonly #core: DirectoryCore;
  readonly #options: ChangeOptions;
  readonly #context: ReadingContext;
  #preRead: SearchResultEntry | undefined;

  constructor(core: DirectoryCore, options: ChangeOptions, context: ReadingContext) {
    this.#core = core;
    this.#options = options;
    this.#context = context;
  }

  /**
   * To be called with the target once the change is allowed, before anything is written.
   *
   * @throws {DirectoryError} `DIRECTORY_ASSERTION_FAILED`.
   */
  async before(entry: Entry): Promise<void> {
    const { assertion, preRead } = this.#options;
    await expectAssertion(this.#core, assertion, { ...this.#context, entry });
    this.#preRead = await this.#read(entry, preRead);
  }

  /** To be called at the end, with the entry as written; undefined when it is gone. */
  async after(entry: Entry | undefined): Promise<ChangeOutcome> {
    const preRead = this.#preRead;
    const postRead = entry && (await this.#read(entry, this.#options.postRead));
    return {
      ...(preRead === undefined ? {} : { preRead }),
      ...(postRead === undefined ? {} : { postRead }),
    };
  }

  async #read(
    entry: Entry,
    attributes: readonly string[] | undefined,
  ): Promise<SearchResultEntry | undefined> {
    return attributes && (await readEntryFor(this.#core, entry, { ...this.#context, attributes }));
  }
}
