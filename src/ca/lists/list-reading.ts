/**
 * Looking into published lists of any size: entry by entry, with a turn for others in between, so that a list of a
 * million entries holds nobody up and makes no object for each.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import { equalBytes } from '../../core/bytes.ts';
import type { CertificateListHead } from '../../x509/certificate-list.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';

/** An entry as a list says it. */
export interface ReadEntry {
  readonly serialNumber: bigint;
  readonly revocationMs: number;
  /** CRLReason; undefined for an entry without one. */
  readonly reason: number | undefined;
}

export interface EntryChange extends ReadEntry {
  readonly change: 'added' | 'removed';
}

/** What a list's entries come to. */
export interface EntrySummary {
  readonly count: number;
  /** By CRLReason; undefined for entries without one. */
  readonly reasons: ReadonlyMap<number | undefined, number>;
  readonly firstRevocationMs: number | undefined;
  readonly lastRevocationMs: number | undefined;
}

type Entries = Pick<CertificateListHead, 'entryBytes'>;

/** Entries that are looked at in one turn of the event loop: some milliseconds. */
const ENTRIES_PER_TURN = 8_192;

/** @throws {DerError} @throws {X509Error} when an entry is malformed. */
export async function summariseEntries({ entryBytes }: Entries): Promise<EntrySummary> {
  const cursor = new RevokedEntryCursor(entryBytes);
  const reasons = new Map<number | undefined, number>();
  let count = 0;
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  while (cursor.next()) {
    const { reason, revocationMs } = cursor;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    firstMs = Math.min(firstMs, revocationMs);
    lastMs = Math.max(lastMs, revocationMs);
    count += 1;
    if (count % ENTRIES_PER_TURN === 0) {
      await nextTurn();
    }
  }
  return {
    count,
    reasons,
    firstRevocationMs: count === 0 ? undefined : firstMs,
    lastRevocationMs: count === 0 ? undefined : lastMs,
  };
}

/** The entries in pages of `pageSize`. @throws {DerError} @throws {X509Error} */
export async function* readEntries(
  { entryBytes }: Entries,
  pageSize: number,
): AsyncGenerator<readonly ReadEntry[], void, undefined> {
  const cursor = new RevokedEntryCursor(entryBytes);
  let page: ReadEntry[] = [];
  while (cursor.next()) {
    page.push(entryAt(cursor));
    if (page.length === pageSize) {
      yield page;
      page = [];
      await nextTurn();
    }
  }
  if (page.length > 0) {
    yield page;
  }
}

/**
 * What one list has that another has not, in pages, in the order of the lists. An entry that says
 * something else of the same certificate is removed and added. Entries stand in the order of revocation, so
 * one walk over both is enough; where they do not, what moved is removed and added.
 *
 * @throws {DerError} @throws {X509Error}
 */
export async function* compareEntries(
  older: Entries,
  newer: Entries,
  pageSize: number,
): AsyncGenerator<readonly EntryChange[], void, undefined> {
  const behind = new RevokedEntryCursor(older.entryBytes);
  const ahead = new RevokedEntryCursor(newer.entryBytes);
  let page: EntryChange[] = [];
  let hasOlder = behind.next();
  let hasNewer = ahead.next();
  let steps = 0;
  while (hasOlder || hasNewer) {
    if (hasOlder && hasNewer && equalBytes(behind.raw, ahead.raw)) {
      hasOlder = behind.next();
      hasNewer = ahead.next();
    } else if (hasOlder) {
      page.push({ change: 'removed', ...entryAt(behind) });
      hasOlder = behind.next();
    } else {
      page.push({ change: 'added', ...entryAt(ahead) });
      hasNewer = ahead.next();
    }
    steps += 1;
    if (page.length === pageSize) {
      yield page;
      page = [];
    }
    if (steps % ENTRIES_PER_TURN === 0) {
      await nextTurn();
    }
  }
  if (page.length > 0) {
    yield page;
  }
}

function entryAt({ serialNumber, revocationMs, reason }: RevokedEntryCursor): ReadEntry {
  return { serialNumber, revocationMs, reason };
}
