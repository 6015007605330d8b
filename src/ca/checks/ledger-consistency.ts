/**
 * What is kept ready for the next list of a scope against the register of certificates: the ledger of the newest list's
 * entries, and those that wait.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { parseCertificateListHead } from '../../x509/certificate-list.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
import type { Scope } from '../policy/scope.ts';
import { readChunk, readLedger, sumLedger } from '../records/entry-ledger.ts';
import type { ScopeRecord } from '../records/scope-record.ts';
import { readWaiting } from '../records/waiting-entries.ts';
import { readWithdrawals, type Withdrawals } from '../records/withdrawal.ts';
import type { RevokedCertificate } from './certificate-consistency.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  inconsistent,
} from './consistency-fault.ts';

type Revoked = ReadonlyMap<bigint, RevokedCertificate>;

/**
 * What is kept ready for the next list: the newest list's ledger, and what waits behind it.
 *
 * @returns how many entries the next list must carry.
 */
export async function* checkLiveEntries(
  context: ConsistencyContext,
  scope: Scope,
  { record, revoked }: { readonly record: ScopeRecord; readonly revoked: Revoked },
): AsyncGenerator<ConsistencyFault, number, undefined> {
  if (!context.hasLedgers) {
    yield inconsistent(
      scope.id,
      'its entries are kept as an older version did; they are packed when the CA is opened',
    );
    return record.liveEntries;
  }
  const { view, tables } = context;
  const withdrawals = await readWithdrawals(view, tables, scope.id);
  const { acknowledgedSequence, published, liveEntries } = record;
  const listed = yield* checkLedger(context, scope, { record, revoked, withdrawals });
  const listedUpTo = published?.sequence ?? 0n;
  let waiting = 0n;
  let withdrawn = 0;
  for await (const row of readWaiting(view, tables, scope.id)) {
    const cursor = new RevokedEntryCursor(row.der);
    for (let index = 0; index < row.count; index += 1) {
      const sequence = row.firstSequence + BigInt(index);
      waiting += sequence > listedUpTo ? 1n : 0n;
      const serialNumber = nextSerialNumber(cursor);
      if (withdrawals.has(sequence)) {
        withdrawn += 1;
      } else if (serialNumber === undefined || revoked.get(serialNumber)?.sequence !== sequence) {
        yield inconsistent(scope.id, `entry ${sequence} for the next list is of no revocation`);
      }
    }
    await context.step();
  }
  if (waiting !== acknowledgedSequence - listedUpTo) {
    const missing = acknowledgedSequence - listedUpTo - waiting;
    yield inconsistent(scope.id, `${missing} revocations are not ready for the next list`);
  }
  const count = listed + Number(waiting) - withdrawn;
  if (count !== liveEntries) {
    yield inconsistent(scope.id, `${liveEntries} entries are counted, ${count} are ready`);
  }
  return count;
}

/** @returns how many of the newest list's entries the next one carries on, those that have served included. */
async function* checkLedger(
  { view, tables, step }: ConsistencyContext,
  scope: Scope,
  {
    record: { published },
    revoked,
    withdrawals,
  }: {
    readonly record: ScopeRecord;
    readonly revoked: Revoked;
    readonly withdrawals: Withdrawals;
  },
): AsyncGenerator<ConsistencyFault, number, undefined> {
  const ledger = await readLedger(view, tables, scope.id);
  const { entryCount } = sumLedger(ledger);
  if (
    ledger.listNumber !== (published?.number ?? 0n) ||
    entryCount !== (published?.entryCount ?? 0)
  ) {
    yield inconsistent(scope.id, 'the ledger of entries is not that of the newest list');
    return entryCount;
  }
  const der = published === undefined ? undefined : await view.readLarge(published.sha256);
  if (der === undefined) {
    // Reported with the archive, which it is in.
    return entryCount;
  }
  const cursor = new RevokedEntryCursor(parseCertificateListHead(der).entryBytes);
  let withdrawn = 0;
  for (const chunk of ledger.chunks) {
    const entries = await readChunk(view, tables, { scopeId: scope.id, chunk });
    let byteLength = 0;
    for (let index = 0; index < chunk.count; index += 1) {
      const sequence = entries.sequenceAt(index);
      const serialNumber = nextSerialNumber(cursor);
      byteLength += cursor.raw.length;
      const certificate = serialNumber === undefined ? undefined : revoked.get(serialNumber);
      const isWithdrawn = withdrawals.has(sequence);
      withdrawn += isWithdrawn ? 1 : 0;
      const isRight =
        certificate?.sequence === sequence &&
        certificate.notAfterMs === entries.notAfterMsAt(index);
      if (!isRight && !isWithdrawn) {
        yield inconsistent(scope.id, `the ledger says something else of entry ${sequence}`);
      }
    }
    if (byteLength !== chunk.byteLength) {
      yield inconsistent(
        scope.id,
        `the ledger has another size of the entries from ${chunk.id} on`,
      );
    }
    await step();
  }
  return entryCount - withdrawn;
}

/** @returns undefined when the bytes are no entry. */
function nextSerialNumber(cursor: RevokedEntryCursor): bigint | undefined {
  try {
    return cursor.next() ? cursor.serialNumber : undefined;
  } catch (error) {
    if (isCertdirError(error)) {
      return undefined;
    }
    throw error;
  }
}
