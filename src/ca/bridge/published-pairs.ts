/**
 * What the CA's entry has as crossCertificatePair: the pair of each peer with which both certificates stand (gunma 4-8;
 * RFC 4523 §2.3), worked out from the records. Whoever revokes a cross certificate, the pair leaves the entry with the
 * same transaction.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { encodeCertificatePair } from '../../x509/certificate-pair.ts';
import type { CaParts } from '../ca-core.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import { type CrossRecord, fromBase64 } from '../records/cross-record.ts';
import { readAllCross, writeCross } from './peers.ts';

type Surroundings = Pick<CaParts, 'entries' | 'policy' | 'tables' | 'clock'>;

const ATTRIBUTE = 'crossCertificatePair';

/** The pair that a record says is published, as CertificatePair; undefined when there is none. */
export function pairOf({ pair, issued, received }: CrossRecord): Uint8Array | undefined {
  if (pair === undefined) {
    return undefined;
  }
  const ours = issued[pair.issued];
  const theirs = received[pair.received];
  if (ours === undefined || theirs === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', 'a pair is of certificates that the record lacks');
  }
  return encodeCertificatePair({
    issuedToThisCa: parseCertificate(fromBase64(theirs.der)),
    issuedByThisCa: parseCertificate(fromBase64(ours.der)),
  });
}

/** When the first of a published pair's certificates ends, in epoch milliseconds; undefined without a pair. */
export function pairEndMs({ pair, issued, received }: CrossRecord): number | undefined {
  const ders = pair && [issued[pair.issued]?.der, received[pair.received]?.der];
  const ends = ders?.flatMap((der) =>
    der === undefined ? [] : [parseCertificate(fromBase64(der)).notAfterMs],
  );
  return ends && Math.min(...ends);
}

async function wantedPairs(
  view: ReadView,
  tables: CaParts['tables'],
): Promise<readonly Uint8Array[]> {
  return (await readAllCross(view, tables)).flatMap((record) => pairOf(record) ?? []);
}

/** Writes them into the CA's entry. */
export async function publishPairs(
  { entries, policy, tables }: Surroundings,
  transaction: Transaction,
): Promise<void> {
  await entries.replaceValues(transaction, policy.names.issuer, {
    description: ATTRIBUTE,
    values: await wantedPairs(transaction, tables),
  });
}

/** False when the entry has other pairs than the records. */
export async function arePairsPublished(
  { entries, policy, tables }: Surroundings,
  view: ReadView,
): Promise<boolean> {
  const kept = await entries.readValues(view, policy.names.issuer, ATTRIBUTE);
  const wanted = await wantedPairs(view, tables);
  return (
    kept.length === wanted.length &&
    wanted.every((value) => kept.some((other) => equalBytes(other, value)))
  );
}

/**
 * Certificates for peers were revoked, in this transaction: the records say so, and their pairs leave the CA's entry.
 */
export async function noteRevokedCross(
  parts: Surroundings,
  transaction: Transaction,
  serialNumbers: readonly bigint[],
): Promise<void> {
  const revoked = new Set(serialNumbers.map(formatSerialNumber));
  const nowMs = parts.clock.nowMs();
  for (const record of await readAllCross(transaction, parts.tables)) {
    if (record.issued.some(({ serialNumber }) => revoked.has(serialNumber))) {
      const issued = record.issued.map((one) =>
        revoked.has(one.serialNumber) ? { ...one, revokedMs: nowMs } : one,
      );
      const isBroken = issued[record.pair?.issued ?? -1]?.revokedMs !== undefined;
      const rest = isBroken ? withoutPair(record, nowMs) : record;
      writeCross(transaction, parts.tables, { ...rest, issued });
    }
  }
  await publishPairs(parts, transaction);
}

/** The same without a pair. */
export function withoutPair({ pair, ...record }: CrossRecord, nowMs: number): CrossRecord {
  return pair === undefined ? record : { ...record, cancelledMs: nowMs };
}
