/**
 * Modify DN (RFC 4511 §4.9): an entry gets another name, another parent or both, and everything below
 * it goes along, in one transaction. What moves keeps its identity (entryUUID) and, below the entry
 * itself, its stamps: nothing of those entries changes but where they are.
 *
 * @module
 */

import { concatBytes } from '../../core/bytes.ts';
import type { Transaction } from '../../store/store.ts';
import type { CallerAccess, EntryAccess } from '../access/access.ts';
import {
  authorisePlace,
  authoriseRemoval,
  type ChangeContext,
  expectAddable,
  expectRight,
  isSuffix,
  refuseExisting,
} from '../access/change-access.ts';
import { checkNameLength, type DirectoryCore, suffixOf } from '../directory-core.ts';
import { Entry } from '../entries/entry.ts';
import { checkEntryRules, withNamingValues, withoutNamingValues } from '../entries/entry-rules.ts';
import { isKeyWithin, keyDepth } from '../entries/key-range.ts';
import { refuseManagedEntry } from '../entries/managed-attributes.ts';
import { DirectoryError } from '../errors.ts';
import { Dn, parseRdn, type Rdn, rdnOf } from '../names/dn.ts';
import { ChangeReading } from '../search/entry-reading.ts';
import { isReferred } from '../search/referrals.ts';
import type { Caller, ChangeOutcome, RenameRequest } from '../service.ts';
import type { ChangeDescription, Changes } from './change-runner.ts';
import { stampModified } from './entry-stamp.ts';
import { digestRequest } from './request-digest.ts';

/** One request, resolved. */
interface Renaming {
  readonly dn: Dn;
  readonly newRdn: Rdn;
  readonly target: Dn;
  readonly deleteOldRdn: boolean;
  readonly caller: Caller;
}

/** See `DirectoryService.rename`; `caller` is as it is now. */
export async function renameEntry(
  core: DirectoryCore,
  changes: Changes,
  { request, caller }: { readonly request: RenameRequest; readonly caller: Caller },
): Promise<ChangeOutcome> {
  const renaming = resolveRenaming(core, request, caller);
  const { dn, target } = renaming;
  const details = { newName: target.format() };
  const digest = await digestRequest(core, request);
  const described = { dn, caller, details, options: request };
  const what: ChangeDescription = { kind: 'directory.rename', ...described, ...digest };
  return await changes.run(what, async (transaction, access) => {
    const change = { view: transaction, access };
    const before = await authoriseRemoval(core, dn, { ...change, right: 'write' });
    expectNamingRights(renaming, access.on(before));
    refuseManagedEntry(before, core.types);
    const reading = new ChangeReading(core, request, change);
    await reading.before(before);
    if (request.manageDsaIt !== true && (await isReferred(core, target, change))) {
      throw new DirectoryError('DIRECTORY_OTHER_SERVER', 'another server keeps the new name');
    }
    const parent = await authoriseTarget(core, { target, before }, change);
    const below = await authoriseBelow(core, { before, access }, transaction);
    const renamed = renamedEntry(core, renaming, { before, parent });
    const moved = movedBelow(core, { below, before, after: renamed });
    expectRight(access.on(renamed), 'add', 'entry');
    if (request.newSuperior !== undefined) {
      // Nobody brings to a place what it could not have added there.
      for (const { entry } of [{ entry: renamed }, ...moved]) {
        expectAddable(entry, access);
      }
    }
    const after = await writeRenamed(core, changes, { transaction, renaming, before, renamed });
    for (const { from, entry } of moved) {
      await core.tree.replace(transaction, from, entry);
    }
    return { before, after, movedBelow: below, outcome: await reading.after(after) };
  });
}

function resolveRenaming(core: DirectoryCore, request: RenameRequest, caller: Caller): Renaming {
  const { schema, suffixes } = core;
  const { newSuperior, deleteOldRdn } = request;
  const dn = Dn.parse(request.dn, schema);
  const newRdn = parseRdn(request.newRdn, schema);
  const superior = newSuperior === undefined ? dn.parent() : Dn.parse(newSuperior, schema);
  if (superior === undefined || isSuffix(core, dn)) {
    throw new DirectoryError('DIRECTORY_UNWILLING', 'a naming context cannot be renamed');
  }
  const target = superior.child(newRdn);
  if (suffixes.some((suffix) => suffix.isWithin(dn) || isBelow(suffix, target))) {
    throw new DirectoryError(
      'DIRECTORY_UNWILLING',
      'a naming context lies below the old name or the new one',
    );
  }
  return { dn, newRdn, target, deleteOldRdn, caller };
}

function isBelow(dn: Dn, other: Dn): boolean {
  return dn.depth > other.depth && dn.isWithin(other);
}

/** The new parent, when the new name may be taken. */
async function authoriseTarget(
  core: DirectoryCore,
  { target, before }: { readonly target: Dn; readonly before: Entry },
  change: ChangeContext,
): Promise<Entry | undefined> {
  if (target.key.length > before.key.length && isKeyWithin(target.key, before.key)) {
    throw new DirectoryError('DIRECTORY_UNWILLING', 'an entry cannot be moved below itself');
  }
  const parent = await authorisePlace(core, target, change);
  if (Buffer.compare(target.key, before.key) !== 0) {
    await refuseExisting(core, target, change);
  }
  checkNameLength(core, target.key);
  return parent;
}

/**
 * The entries below, parents before their children. Whoever moves them must be allowed to rename each:
 * another place may have other rules.
 */
async function authoriseBelow(
  core: DirectoryCore,
  { before, access }: { readonly before: Entry; readonly access: CallerAccess },
  transaction: Transaction,
): Promise<readonly Entry[]> {
  const { tree, types, limits } = core;
  const below: Entry[] = [];
  for await (const entry of tree.subtree(transaction, before.key)) {
    if (entry.key.length === before.key.length) {
      continue;
    }
    expectRight(access.on(entry), 'write', 'entry');
    refuseManagedEntry(entry, types);
    if (below.length === limits.maxMovedEntries) {
      throw new DirectoryError(
        'DIRECTORY_SUBTREE_LIMIT',
        `more than ${limits.maxMovedEntries} entries would move; move them in parts`,
      );
    }
    below.push(entry);
  }
  return below;
}

/** The entry under its new name, checked but not stamped. */
function renamedEntry(
  core: DirectoryCore,
  { dn, newRdn, target, deleteOldRdn }: Renaming,
  { before, parent }: { readonly before: Entry; readonly parent: Entry | undefined },
): Entry {
  const { schema } = core;
  const dnText = parent === undefined ? target.text : `${newRdn.text},${parent.dn}`;
  const moved = new Entry(dnText, target.key, before.attributes);
  const named = withNamingValues(moved, newRdn, schema);
  const renamed = deleteOldRdn
    ? withoutNamingValues(named, { oldRdn: rdnOf(dn), newRdn }, schema)
    : named;
  return checkEntryRules(renamed, core, { rdn: newRdn, before });
}

async function writeRenamed(
  core: DirectoryCore,
  changes: Changes,
  act: {
    readonly transaction: Transaction;
    readonly renaming: Renaming;
    readonly before: Entry;
    readonly renamed: Entry;
  },
): Promise<Entry> {
  const { transaction, renaming, before, renamed } = act;
  const { dn, target, caller } = renaming;
  if (suffixOf(core, dn) !== suffixOf(core, target)) {
    // The context that loses the entry has changed as well.
    await changes.stamp(transaction, dn, caller.principal);
  }
  const facts = await changes.stamp(transaction, target, caller.principal);
  return await core.tree.replace(transaction, before, stampModified(renamed, core.types, facts));
}

/** What is below, where it will be. */
function movedBelow(
  core: DirectoryCore,
  move: { readonly below: readonly Entry[]; readonly before: Entry; readonly after: Entry },
): readonly { readonly from: Entry; readonly entry: Entry }[] {
  const { below, before, after } = move;
  return below.map((from) => {
    const key = concatBytes(after.key, from.key.subarray(before.key.length));
    checkNameLength(core, key);
    const rdns = Dn.parse(from.dn, core.schema).rdns.slice(0, keyDepth(key) - keyDepth(after.key));
    const dnText = [...rdns.map(({ text }) => text), after.dn].join(',');
    return { from, entry: new Entry(dnText, key, from.attributes) };
  });
}

/** The right to the values that the name takes and gives up. */
function expectNamingRights({ dn, newRdn, deleteOldRdn }: Renaming, access: EntryAccess): void {
  for (const { type } of newRdn.pairs) {
    expectRight(access, 'add', type);
  }
  for (const { type } of deleteOldRdn ? rdnOf(dn).pairs : []) {
    expectRight(access, 'delete', type);
  }
}
