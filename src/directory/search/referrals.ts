/**
 * Referral objects (RFC 3296): entries that say where another server keeps a subtree. Whoever does not
 * ask for them as entries (manageDsaIT) is referred there by operations on them or on what would be below.
 *
 * One whose `ref` the caller may not read is not there for it, as an entry or as a referral.
 *
 * @module
 */

import { decodeUtf8 } from '../../core/bytes.ts';
import type { EntryAccess } from '../access/access.ts';
import {
  type DirectoryCore,
  noSuchObject,
  readVisible,
  type VisibleEntry,
} from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import type { Dn } from '../names/dn.ts';
import type { SearchScope } from '../service.ts';
import type { ReadingContext } from './entry-reading.ts';
import { type ReferredTarget, referralUri, type UrlScope } from './referral-uri.ts';

const urlScopes: Readonly<Record<SearchScope, UrlScope>> = {
  base: 'base',
  one: 'one',
  subtree: 'sub',
};

/**
 * Refers the caller elsewhere when the target is a referral object, or is not there and would be below
 * one (RFC 3296 §5.2, §5.3).
 *
 * @throws {DirectoryError} `DIRECTORY_REFERRAL`; `DIRECTORY_NO_SUCH_OBJECT` for a referral object whose
 *   references may not be read.
 */
export async function followReferral(
  core: DirectoryCore,
  dn: Dn,
  context: ReadingContext & { readonly scope?: SearchScope },
): Promise<void> {
  const found = await findReferral(core, dn, context);
  if (found === undefined) {
    return;
  }
  const { object, visible } = found;
  const { scope } = context;
  const below = dn.rdns.slice(0, dn.depth - object.depth).map(({ text }) => text);
  const uris = referencesOf(core, visible, {
    below: below.join(','),
    ...(scope === undefined ? {} : { scope: urlScopes[scope] }),
  });
  if (uris.length > 0) {
    throw new DirectoryError('DIRECTORY_REFERRAL', 'another server keeps this', {
      referrals: uris,
    });
  }
  throw noSuchObject(await matchedAbove(core, object, context));
}

/** Whether the name is, or would be below, a referral object that the caller may know of. */
export async function isReferred(
  core: DirectoryCore,
  dn: Dn,
  context: ReadingContext,
): Promise<boolean> {
  return (await findReferral(core, dn, context)) !== undefined;
}

/** The URIs for a search that meets a referral object in its scope (RFC 3296 §5.4). */
export function continuationOf(
  core: DirectoryCore,
  visible: VisibleEntry,
  scope: SearchScope,
): readonly string[] {
  return referencesOf(core, visible, { below: '', scope: scope === 'subtree' ? 'sub' : 'base' });
}

interface FoundReferral {
  readonly object: Dn;
  readonly visible: VisibleEntry;
}

async function findReferral(
  core: DirectoryCore,
  dn: Dn,
  context: ReadingContext,
): Promise<FoundReferral | undefined> {
  if (!core.kinds.mayHoldReferrals) {
    return undefined;
  }
  for (let object: Dn | undefined = dn; object !== undefined; object = object.parent()) {
    const visible = await readVisible(core, object, context);
    if (visible !== undefined) {
      return core.kinds.isReferral(visible.entry) ? { object, visible } : undefined;
    }
  }
  return undefined;
}

/** None when the caller may not read them. */
function referencesOf(
  { kinds }: DirectoryCore,
  { entry, access }: VisibleEntry,
  target: Omit<ReferredTarget, 'objectDn'>,
): readonly string[] {
  const { ref } = kinds;
  if (ref === undefined || !mayRead(access, ref)) {
    return [];
  }
  const texts = entry.values(ref).map((value) => decodeUtf8(value) ?? '');
  return texts.map((text) => referralUri(text, { objectDn: entry.dn, ...target }));
}

function mayRead(access: EntryAccess, ref: NonNullable<DirectoryCore['kinds']['ref']>): boolean {
  return access.allows('read', 'entry') && access.allows('read', ref);
}

async function matchedAbove(
  core: DirectoryCore,
  object: Dn,
  context: ReadingContext,
): Promise<string> {
  for (let above = object.parent(); above !== undefined; above = above.parent()) {
    const visible: { readonly entry: Entry } | undefined = await readVisible(core, above, context);
    if (visible !== undefined && !core.kinds.isReferral(visible.entry)) {
      return visible.entry.dn;
    }
  }
  return '';
}
