/**
 * May this caller make this change? Asked before anything that depends on what the entry holds, so that
 * a refusal says nothing about it: an entry that may not be known is as if it were not there, an
 * attribute that may not be written is refused whether or not it has values.
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import type { ResolvedModification } from '../changes/modification.ts';
import { type DirectoryCore, findVisible, noSuchObject, suffixOf } from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import type { Dn } from '../names/dn.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { CallerAccess, EntryAccess } from './access.ts';
import type { AccessRight } from './access-rule.ts';
import type { AccessItem } from './rule-items.ts';

/** A change that the access rules do not allow; such attempts are recorded. */
export class RefusedError extends DirectoryError {}

export type ChangeRight = Extract<AccessRight, 'add' | 'delete' | 'write'>;

export interface ChangeContext {
  readonly view: ReadView;
  readonly access: CallerAccess;
}

/** The parent of the entry, which the caller may change the children of; undefined for a suffix. */
export async function authoriseAdd(
  core: DirectoryCore,
  draft: Entry,
  place: ChangeContext & { readonly dn: Dn },
): Promise<Entry | undefined> {
  const { dn, access } = place;
  const parent = await authorisePlace(core, dn, place);
  expectAddable(draft, access);
  await refuseExisting(core, dn, place);
  return parent;
}

/** The right to have this entry where it would be, with all that a client can have put into it. */
export function expectAddable(draft: Entry, access: CallerAccess): void {
  const rights = access.on(draft);
  expectRight(rights, 'add', 'entry');
  for (const { type } of draft.attributes) {
    // What clients cannot set was set by us, or by someone who may do everything.
    if (!type.isNoUserModification) {
      expectRight(rights, 'add', type);
    }
  }
}

/** What is to be done with values of one type. */
export interface PlannedChange {
  readonly type: AttributeType;
  readonly right: ChangeRight;
}

/** What a list of modifications takes. */
export function plannedChanges(
  changes: Iterable<Pick<ResolvedModification, 'operation' | 'values' | 'description'>>,
): readonly PlannedChange[] {
  return [...changes].map((change) => ({
    type: change.description.type,
    right: rightOf(change),
  }));
}

function rightOf({
  operation,
  values,
}: Pick<ResolvedModification, 'operation' | 'values'>): ChangeRight {
  switch (operation) {
    case 'add':
    case 'delete':
      return operation;
    case 'replace':
      return values.length === 0 ? 'delete' : 'write';
    case 'increment':
      return 'write';
  }
}

/**
 * The entry, after the right to change these attributes. A request without any still leaves its maker's
 * name on the entry.
 */
export async function authoriseModify(
  core: DirectoryCore,
  dn: Dn,
  change: ChangeContext & { readonly planned: readonly PlannedChange[] },
): Promise<Entry> {
  const { entry, access } = await findForChange(core, dn, change);
  if (change.planned.length === 0) {
    expectRight(access, 'write', 'entry');
  }
  for (const { type, right } of change.planned) {
    expectRight(access, right, type);
  }
  return entry;
}

/** The entry, after the right to take it away from under its parent, to rename it (`write`) or delete it. */
export async function authoriseRemoval(
  core: DirectoryCore,
  dn: Dn,
  change: ChangeContext & { readonly right: 'delete' | 'write' },
): Promise<Entry> {
  const { entry, access } = await findForChange(core, dn, change);
  expectRight(access, change.right, 'entry');
  const parent = await readParent(core, dn, change);
  if (parent !== undefined) {
    expectRight(change.access.on(parent), 'delete', 'children');
  }
  return entry;
}

/** Children looked at to find one that may be known. */
const MAX_CHILDREN = 100;

/**
 * Passes when nothing is below the entry. That there are entries below is told only to those who may
 * know of one of them.
 *
 * @throws {DirectoryError} `DIRECTORY_NOT_ON_NON_LEAF`, `DIRECTORY_ACCESS_DENIED`.
 */
export async function expectLeaf(
  { tree }: DirectoryCore,
  entry: Entry,
  { view, access }: ChangeContext,
): Promise<void> {
  let count = 0;
  for await (const child of tree.children(view, entry.key)) {
    if (access.on(child).allows('disclose', 'entry')) {
      throw new DirectoryError('DIRECTORY_NOT_ON_NON_LEAF', 'the entry has entries below it');
    }
    count += 1;
    if (count === MAX_CHILDREN) {
      break;
    }
  }
  if (count > 0) {
    throw accessDenied();
  }
}

/**
 * The right to have an entry at this name: the parent is there, may be known, and may be given children.
 *
 * @returns the parent; undefined for a suffix, which has none.
 */
export async function authorisePlace(
  core: DirectoryCore,
  dn: Dn,
  change: ChangeContext,
): Promise<Entry | undefined> {
  if (suffixOf(core, dn) === undefined) {
    core.monitor.refuseChange(dn, change.access);
    throw noSuchObject();
  }
  const parentDn = dn.parent();
  if (parentDn === undefined || isSuffix(core, dn)) {
    return undefined;
  }
  const parent = await findForChange(core, parentDn, change);
  expectRight(parent.access, 'add', 'children');
  return parent.entry;
}

/** Whether a name is taken is told only to those who may know of the entry. */
export async function refuseExisting(
  core: DirectoryCore,
  dn: Dn,
  { view, access }: ChangeContext,
): Promise<void> {
  const existing = await core.tree.read(view, dn.key);
  if (existing !== undefined) {
    throw access.on(existing).allows('disclose', 'entry')
      ? new DirectoryError('DIRECTORY_ENTRY_EXISTS', 'the entry exists already')
      : accessDenied();
  }
}

export function expectRight(access: EntryAccess, right: ChangeRight, item: AccessItem): void {
  if (!access.allows(right, item)) {
    throw accessDenied();
  }
}

export function isSuffix(core: DirectoryCore, dn: Dn): boolean {
  return core.suffixes.some((suffix) => suffix.equals(dn));
}

function accessDenied(): RefusedError {
  return new RefusedError('DIRECTORY_ACCESS_DENIED', 'insufficient access rights');
}

/** Like `findVisible`; a hidden entry is a refusal for the records and no such object for the caller. */
async function findForChange(
  core: DirectoryCore,
  dn: Dn,
  change: ChangeContext,
): Promise<{ readonly entry: Entry; readonly access: EntryAccess }> {
  core.monitor.refuseChange(dn, change.access);
  try {
    return await findVisible(core, dn, change);
  } catch (error) {
    const isHidden =
      error instanceof DirectoryError && (await core.tree.read(change.view, dn.key)) !== undefined;
    if (isHidden) {
      const { matchedDn } = error;
      throw new RefusedError(error.code, error.message, { matchedDn, cause: error });
    }
    throw error;
  }
}

async function readParent(
  core: DirectoryCore,
  dn: Dn,
  { view }: ChangeContext,
): Promise<Entry | undefined> {
  const parentDn = dn.parent();
  return parentDn === undefined || isSuffix(core, dn)
    ? undefined
    : await core.tree.read(view, parentDn.key);
}
