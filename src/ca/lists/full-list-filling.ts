/**
 * A full list that a policy adds beside partitions which have revocations already: it is given those of its key before it
 * comes out for the first time, when the CA is opened. In steps, each a transaction; one that is ended goes on at the next
 * opening, and until the last of them the CA is not open.
 *
 * Certificates that have ended are left out: their partitions have listed them, or are about to (RFC 5280 §3.3).
 *
 * @module
 */

import { Turns } from '../../core/turns.ts';
import type { Transaction } from '../../store/store.ts';
import { encodeRevokedEntry } from '../../x509/certificate-list.ts';
import { type CaCore, reading, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import type { Scope } from '../policy/scope.ts';
import { serialNumberOfKey } from '../records/ca-tables.ts';
import {
  encodeStatusRecord,
  parseCertificateRecord,
  parseStatusRecord,
  type StatusRecord,
  sequenceIn,
} from '../records/certificate-record.ts';
import type { NewEntry } from '../records/waiting-entries.ts';
import { appendEntries } from './scope-append.ts';

/** Statuses that are looked at in one transaction. */
const STATUSES_PER_STEP = 2048;
/** Look-ups between two turns of the event loop. */
const LOOKUPS_PER_TURN = 64;

/** A revocation or hold that the list is to have. */
interface Missing {
  readonly serialNumber: bigint;
  readonly status: StatusRecord;
  readonly entry: NewEntry;
}

/** Has a list that was just made given what came before it. */
export function markForFilling(
  { tables }: Pick<CaCore, 'tables'>,
  transaction: Transaction,
  scopeId: string,
): void {
  transaction.put(tables.filling(scopeId), tables.statuses.gte ?? new Uint8Array(0));
}

/** Gives the full lists that are marked what they lack. @throws {CaError} `CA_NOT_OWNER`, `CA_RECORD_DAMAGED`. */
export async function fillFullLists(core: CaCore): Promise<void> {
  const { store, tables, scopes, log } = core;
  for (const scope of scopes.list.filter(({ isFull }) => isFull)) {
    const mark = await reading(store, async (view) => await view.read(tables.filling(scope.id)));
    let filled = 0;
    for (let isMore = mark !== undefined; isMore; ) {
      const step = await transactAsOwner(core, 'ca: fill a full list', (transaction) =>
        fillStep(core, transaction, scope),
      );
      filled += step.filled;
      isMore = step.isMore;
    }
    if (filled > 0) {
      log.info('a full list was given the revocations from before it', {
        scope: scope.id,
        entries: filled,
      });
    }
  }
}

async function fillStep(
  core: CaCore,
  transaction: Transaction,
  scope: Scope,
): Promise<{ readonly filled: number; readonly isMore: boolean }> {
  const { tables, clock } = core;
  const markKey = tables.filling(scope.id);
  const from = await transaction.read(markKey);
  if (from === undefined) {
    return { filled: 0, isMore: false };
  }
  const range = { ...tables.statuses, gte: from, limit: STATUSES_PER_STEP };
  const missing: Missing[] = [];
  const turns = new Turns(LOOKUPS_PER_TURN);
  let last: Uint8Array | undefined;
  let seen = 0;
  for await (const [key, bytes] of transaction.range(range)) {
    last = key;
    seen += 1;
    const found = await findMissing(core, transaction, { scope, key, bytes });
    missing.push(...(found === undefined ? [] : [found]));
    await turns.spend(1);
  }
  if (missing.length > 0) {
    await take(core, transaction, { scope, missing, nowMs: clock.nowMs() });
  }
  if (last === undefined || seen < STATUSES_PER_STEP) {
    transaction.delete(markKey);
    return { filled: missing.length, isMore: false };
  }
  transaction.put(markKey, Uint8Array.of(...last, 0));
  return { filled: missing.length, isMore: true };
}

async function findMissing(
  { tables, clock }: CaCore,
  transaction: Transaction,
  {
    scope,
    key,
    bytes,
  }: { readonly scope: Scope; readonly key: Uint8Array; readonly bytes: Uint8Array },
): Promise<Missing | undefined> {
  const status = parseStatusRecord(bytes);
  const isListed = status.state === 'revoked' || status.state === 'held';
  if (!isListed || sequenceIn(status, scope) !== undefined) {
    return undefined;
  }
  const serialNumber = serialNumberOfKey(key);
  const record = await transaction.read(tables.certificate(serialNumber));
  if (record === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', 'a certificate that is revoked is not there');
  }
  const { generation, notAfterMs } = parseCertificateRecord(record);
  if (generation !== scope.generation || notAfterMs < clock.nowMs()) {
    return undefined;
  }
  const { sinceMs: revokedMs, reason } = status;
  const der = encodeRevokedEntry({ serialNumber, revokedMs, reason });
  return { serialNumber, status, entry: { notAfterMs, der } };
}

/** In the order of serial numbers, which says nothing in a list. */
async function take(
  core: CaCore,
  transaction: Transaction,
  {
    scope,
    missing,
    nowMs,
  }: { readonly scope: Scope; readonly missing: readonly Missing[]; readonly nowMs: number },
): Promise<void> {
  const { tables, audit } = core;
  const entries = missing.map(({ entry }) => entry);
  const { firstSequence } = await appendEntries(core, transaction, { scope, entries, nowMs });
  for (const [index, { serialNumber, status }] of missing.entries()) {
    const own = { scopeId: scope.id, sequence: firstSequence + BigInt(index) };
    const alsoListed = [...(status.alsoListed ?? []), own];
    transaction.put(tables.status(serialNumber), encodeStatusRecord({ ...status, alsoListed }));
  }
  await audit.append(transaction, {
    kind: 'crl.fill',
    result: 'done',
    origin: { channel: 'system', actor: 'certdir' },
    subject: scope.id,
    details: { entries: missing.length, sequence: Number(firstSequence) },
  });
}
