/**
 * When both have accepted the other's certificate, and receipts have gone both ways, the two are a pair (gunma 4-8); what it
 * replaces ends with it (gunma 4-9, 4-10-1).
 *
 * Pure.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { assertPairMatches } from '../../x509/certificate-pair.ts';
import { type CrossRecord, fromBase64 } from '../records/cross-record.ts';

export interface Settlement {
  readonly record: CrossRecord;
  /** There is a pair, or another one than before. */
  readonly isNew: boolean;
  /** Serial numbers of certificates of ours that the new pair's replaces, in hexadecimal. */
  readonly superseded: readonly string[];
}

/** The newest two that both count and match; the pair that stood before when there are none. */
export function settle(record: CrossRecord, nowMs: number): Settlement {
  const { issued, received, pair } = record;
  const stays = { record, isNew: false, superseded: [] };
  const isAlive = (der: string): boolean => parse(der).notAfterMs >= nowMs;
  const ours = issued.findLastIndex(
    ({ receipt, revokedMs, der }) =>
      receipt !== undefined && revokedMs === undefined && isAlive(der),
  );
  const theirs = received.findLastIndex(
    ({ endedMs, der }) => endedMs === undefined && isAlive(der),
  );
  const [issuedBy, issuedTo] = [issued[ours], received[theirs]];
  if (issuedBy === undefined || issuedTo === undefined || !isPair(issuedTo.der, issuedBy.der)) {
    return stays;
  }
  if (pair?.issued === ours && pair.received === theirs) {
    return stays;
  }
  const { cancelledMs: _ended, certifiedMs = nowMs, ...rest } = record;
  return {
    record: {
      ...rest,
      received: received.map((one, index) =>
        index < theirs && one.endedMs === undefined ? { ...one, endedMs: nowMs } : one,
      ),
      pair: { issued: ours, received: theirs, sinceMs: nowMs },
      certifiedMs,
    },
    isNew: true,
    superseded: issued
      .slice(0, ours)
      .filter(({ revokedMs, der }) => revokedMs === undefined && isAlive(der))
      .map(({ serialNumber }) => serialNumber),
  };
}

function isPair(issuedTo: string, issuedBy: string): boolean {
  try {
    assertPairMatches({ issuedToThisCa: parse(issuedTo), issuedByThisCa: parse(issuedBy) });
    return true;
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return false;
  }
}

function parse(der: string): Certificate {
  return parseCertificate(fromBase64(der));
}
