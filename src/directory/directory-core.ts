/**
 * What the parts of the directory share: where things are kept, what they mean, who may see them.
 * Made once by `directory.ts`.
 *
 * @module
 */

import type { AuditLog } from '../audit/audit-log.ts';
import type { Awaitable } from '../core/awaitable.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { RandomSource } from '../core/random.ts';
import type { ReadView, Store } from '../store/store.ts';
import type { AccessPolicy, CallerAccess, EntryAccess } from './access/access.ts';
import type { PasswordPolicy } from './accounts/password-policy.ts';
import type { DirectoryLimits } from './directory-limits.ts';
import type { DirectoryTypes } from './directory-types.ts';
import type { ComputedAttributes } from './entries/computed-attributes.ts';
import type { Entry } from './entries/entry.ts';
import type { EntryKinds } from './entries/entry-kinds.ts';
import type { EqualityIndex } from './entries/equality-index.ts';
import type { Tree } from './entries/tree.ts';
import { DirectoryError } from './errors.ts';
import type { MonitorTree } from './monitor-tree.ts';
import type { Dn } from './names/dn.ts';
import type { Schema } from './schema/schema.ts';
import type { PageCookies } from './search/page-cookies.ts';
import type { SortRoom } from './search/search-order.ts';
import type { AccessObserver, DirectoryStatistics } from './service.ts';

/** {@link DirectoryStatistics} while it counts. */
export type Counters = { -readonly [name in keyof DirectoryStatistics]: number };

export interface DirectoryCore {
  readonly store: Store;
  readonly schema: Schema;
  readonly types: DirectoryTypes;
  readonly tree: Tree;
  readonly index: EqualityIndex;
  readonly kinds: EntryKinds;
  readonly computed: ComputedAttributes;
  readonly policy: AccessPolicy;
  readonly suffixes: readonly Dn[];
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly audit: AuditLog;
  readonly log: Log;
  readonly limits: DirectoryLimits;
  /** What holds for the passwords of the account with this key. */
  readonly passwordsOf: (account: Uint8Array) => PasswordPolicy;
  readonly monitor: MonitorTree;
  readonly pageCookies: PageCookies;
  readonly sortRoom: SortRoom;
  readonly counters: Counters;
  readonly observer: AccessObserver | undefined;
}

/** An entry that the caller may know of, and what else the caller may. */
export interface VisibleEntry {
  readonly entry: Entry;
  readonly access: EntryAccess;
}

/** The suffix that a name lies under; the deepest where suffixes are nested. */
export function suffixOf(core: DirectoryCore, dn: Dn): Dn | undefined {
  const [only] = core.suffixes;
  if (core.suffixes.length === 1 && only !== undefined) {
    return dn.isWithin(only) ? only : undefined;
  }
  return core.suffixes
    .filter((suffix) => dn.isWithin(suffix))
    .sort((left, right) => right.depth - left.depth)[0];
}

/** @throws {DirectoryError} `DIRECTORY_CONSTRAINT` for a name that index postings cannot hold. */
export function checkNameLength(core: DirectoryCore, key: Uint8Array): void {
  if (key.length > core.limits.maxNameBytes) {
    throw new DirectoryError('DIRECTORY_CONSTRAINT', 'the distinguished name is too long');
  }
}

/**
 * The entry with this name, if the caller may know of it. An entry that the caller may not know of
 * and one that does not exist give the same error.
 *
 * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT` with the deepest ancestor that may be known.
 */
export function findVisible(
  core: DirectoryCore,
  dn: Dn,
  context: VisibilityContext,
): Awaitable<VisibleEntry> {
  const found = readVisible(core, dn, context);
  return found instanceof Promise || found === undefined
    ? foundOrRefused(core, dn, { ...context, found })
    : found;
}

interface VisibilityContext {
  readonly view: ReadView;
  readonly access: CallerAccess;
  /** The entry is one that is likely to be read again soon. */
  readonly isOften?: boolean;
}

async function foundOrRefused(
  core: DirectoryCore,
  dn: Dn,
  context: VisibilityContext & { readonly found: Awaitable<VisibleEntry | undefined> },
): Promise<VisibleEntry> {
  const found = await context.found;
  if (found !== undefined) {
    return found;
  }
  for (let above = dn.parent(); above !== undefined; above = above.parent()) {
    const ancestor = await readVisible(core, above, context);
    if (ancestor !== undefined) {
      throw noSuchObject(ancestor.entry.dn);
    }
  }
  throw noSuchObject();
}

/** The same, undefined where there is none. */
export function readVisible(
  core: DirectoryCore,
  dn: Dn,
  { view, access, isOften = false }: VisibilityContext,
): Awaitable<VisibleEntry | undefined> {
  const entry = isOften ? core.tree.readOften(view, dn.key) : core.tree.read(view, dn.key);
  return entry instanceof Promise
    ? entry.then((read) => visibleOf(read, access))
    : visibleOf(entry, access);
}

function visibleOf(entry: Entry | undefined, access: CallerAccess): VisibleEntry | undefined {
  if (entry === undefined) {
    return undefined;
  }
  const entryAccess = access.on(entry);
  return entryAccess.allows('disclose', 'entry') ? { entry, access: entryAccess } : undefined;
}

export function noSuchObject(matchedDn = ''): DirectoryError {
  return new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', 'no such entry', { matchedDn });
}
