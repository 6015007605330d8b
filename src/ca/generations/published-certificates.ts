/**
 * What the CA's entry has as cACertificate: every self-signed and link certificate that has not ended (gunma 2-6-1,
 * 4-13; RFC 4523 §2.1), worked out from the authority record.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import type { CaParts } from '../ca-core.ts';
import type {
  AuthorityRecord,
  GenerationState,
  KeyGeneration,
} from '../records/authority-record.ts';

const isShown: Readonly<Record<GenerationState, boolean>> = {
  made: false,
  current: true,
  retiring: true,
  retired: true,
};

/** The self-signed certificate of a generation and its links. */
export function certificatesOf({ certificate, links }: KeyGeneration): readonly Uint8Array[] {
  return links === undefined ? [certificate] : [certificate, links.oldWithNew, links.newWithOld];
}

/** What is published at an instant, the newest generation first. */
export function publishedCertificates(
  { generations }: AuthorityRecord,
  nowMs: number,
): readonly Uint8Array[] {
  return generations
    .filter(({ state }) => isShown[state])
    .toReversed()
    .flatMap(certificatesOf)
    .filter((der) => endOf(der) > nowMs);
}

/** When the next of them ends, in epoch milliseconds. */
export function nextEndMs(record: AuthorityRecord, nowMs: number): number {
  return Math.min(...publishedCertificates(record, nowMs).map(endOf));
}

function endOf(der: Uint8Array): number {
  return parseCertificate(der).notAfterMs;
}

/** Writes them into the CA's entry. */
export async function publishCertificates(
  { entries, policy, clock }: Pick<CaParts, 'entries' | 'policy' | 'clock'>,
  transaction: Transaction,
  record: AuthorityRecord,
): Promise<void> {
  await entries.replaceValues(transaction, policy.names.issuer, {
    description: 'cACertificate',
    values: publishedCertificates(record, clock.nowMs()),
  });
}

/** False when something has ended since they were written, or something is missing. */
export async function areCertificatesPublished(
  { entries, policy, clock }: Pick<CaParts, 'entries' | 'policy' | 'clock'>,
  view: ReadView,
  record: AuthorityRecord,
): Promise<boolean> {
  const kept = await entries.readValues(view, policy.names.issuer, 'cACertificate');
  return sameValues(kept, publishedCertificates(record, clock.nowMs()));
}

/** True for the same values, in whatever order. */
export function sameValues(left: readonly Uint8Array[], right: readonly Uint8Array[]): boolean {
  return (
    left.length === right.length &&
    right.every((value) => left.some((other) => equalBytes(other, value)))
  );
}
