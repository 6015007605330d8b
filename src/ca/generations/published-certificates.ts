/**
 * What the CA's entry has as cACertificate: every self-signed and link certificate that is valid (gunma 2-6-1, 4-13;
 * RFC 4523 §2.1), worked out from the authority record.
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
import type { CaTables } from '../records/ca-tables.ts';

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

/** All that were ever shown, ended or not, the newest generation first. */
export function everPublished({ generations }: AuthorityRecord): readonly Uint8Array[] {
  return generations
    .filter(({ state }) => isShown[state])
    .toReversed()
    .flatMap(certificatesOf);
}

/** What is to be published at an instant: what has not ended, without links that are revoked. */
export async function publishedCertificates(
  view: ReadView,
  tables: Pick<CaTables, 'status'>,
  { record, nowMs }: { readonly record: AuthorityRecord; readonly nowMs: number },
): Promise<readonly Uint8Array[]> {
  const own = record.generations.map(({ certificate }) => certificate);
  const published: Uint8Array[] = [];
  for (const der of everPublished(record)) {
    const { serialNumber, notAfterMs } = parseCertificate(der);
    // A self-signed certificate is no word of another key, which could be taken back.
    const isRevoked =
      !own.includes(der) && (await view.read(tables.status(serialNumber))) !== undefined;
    if (notAfterMs > nowMs && !isRevoked) {
      published.push(der);
    }
  }
  return published;
}

/** When the next of them ends, in epoch milliseconds. */
export function nextEndMs(record: AuthorityRecord, nowMs: number): number {
  const ends = everPublished(record).map((der) => parseCertificate(der).notAfterMs);
  return Math.min(...ends.filter((endMs) => endMs > nowMs));
}

type Surroundings = Pick<CaParts, 'entries' | 'policy' | 'clock' | 'tables'>;

/** Writes them into the CA's entry. */
export async function publishCertificates(
  { entries, policy, clock, tables }: Surroundings,
  transaction: Transaction,
  record: AuthorityRecord,
): Promise<void> {
  await entries.replaceValues(transaction, policy.names.issuer, {
    description: 'cACertificate',
    values: await publishedCertificates(transaction, tables, { record, nowMs: clock.nowMs() }),
  });
}

/** False when something has ended or was revoked since they were written, or something is missing. */
export async function areCertificatesPublished(
  { entries, policy, clock, tables }: Surroundings,
  view: ReadView,
  record: AuthorityRecord,
): Promise<boolean> {
  const kept = await entries.readValues(view, policy.names.issuer, 'cACertificate');
  const wanted = await publishedCertificates(view, tables, { record, nowMs: clock.nowMs() });
  return (
    kept.length === wanted.length &&
    wanted.every((value) => kept.some((other) => equalBytes(other, value)))
  );
}
