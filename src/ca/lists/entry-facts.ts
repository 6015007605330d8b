/**
 * What the store says of the certificates whose entries came into a list or left it, for the publish
 * gate: from the records of certificates and their states, not from what the list was put together of.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import { readCertificateExtension } from '../../x509/certificate.ts';
import type { RevokedEntry } from '../../x509/certificate-list.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import {
  buildCrlDistributionPoints,
  parseCrlDistributionPoints,
} from '../../x509/distribution-point.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { Scope } from '../policy/scope.ts';
import type { CaTables } from '../records/ca-tables.ts';
import {
  parseCertificateRecord,
  parseStatusRecord,
  type StatusRecord,
  sequenceIn,
} from '../records/certificate-record.ts';
import type { AddedEntry, DroppedEntry, PassedOverEntry } from './gate-facts.ts';
import { onlyDirectoryName } from './list-facts.ts';

/** An entry as the list says it. */
export type ListEntry = Omit<RevokedEntry, 'raw'>;

/** Reads what the store says of the entries of one scope. */
export class EntryFacts {
  readonly #tables: CaTables;
  readonly #view: Pick<ReadView, 'read'>;
  readonly #scope: Scope;
  readonly #pointOf: (certificate: Uint8Array) => Uint8Array | undefined;

  constructor(tables: CaTables, view: Pick<ReadView, 'read'>, scope: Scope) {
    this.#tables = tables;
    this.#view = view;
    this.#scope = scope;
    this.#pointOf = distributionPointReader(scope);
  }

  async added({ serialNumber, revocationMs, reason }: ListEntry): Promise<AddedEntry> {
    const certificateBytes = await this.#view.read(this.#tables.certificate(serialNumber));
    const statusBytes = await this.#view.read(this.#tables.status(serialNumber));
    const certificate = certificateBytes && parseCertificateRecord(certificateBytes);
    const status = statusBytes && parseStatusRecord(statusBytes);
    return {
      serialNumber,
      revocationMs,
      reason: reason ?? CrlReason.unspecified,
      certificate: certificate && {
        scope: certificate.scopeId,
        distributionPointDer: this.#pointOf(certificate.der),
        isOfKey: !this.#scope.isFull || certificate.generation === this.#scope.generation,
      },
      revocation: status && this.#revocationOf(status),
    };
  }

  /** @param sequence The number of the revocation or hold that the entry stood for. */
  async dropped({ serialNumber, reason }: ListEntry, sequence: bigint): Promise<DroppedEntry> {
    const certificateBytes = await this.#view.read(this.#tables.certificate(serialNumber));
    return {
      serialNumber,
      reason: reason ?? CrlReason.unspecified,
      sequence,
      notAfterMs: certificateBytes && parseCertificateRecord(certificateBytes).notAfterMs,
      recordedSequence: await this.#recordedSequence(serialNumber),
    };
  }

  async passedOver(serialNumber: bigint, sequence: bigint): Promise<PassedOverEntry> {
    const recordedSequence = await this.#recordedSequence(serialNumber);
    return { serialNumber, sequence, recordedSequence };
  }

  async #recordedSequence(serialNumber: bigint): Promise<bigint | undefined> {
    const statusBytes = await this.#view.read(this.#tables.status(serialNumber));
    return statusBytes && sequenceIn(parseStatusRecord(statusBytes), this.#scope);
  }

  #revocationOf(status: StatusRecord): AddedEntry['revocation'] {
    const sequence = sequenceIn(status, this.#scope);
    const isListed = status.state === 'revoked' || status.state === 'held';
    return isListed && sequence !== undefined
      ? { sinceMs: status.sinceMs, reason: status.reason, sequence }
      : undefined;
  }
}

/**
 * Reads the one name in a certificate's own CRLDP. The extension of the scope is known by its bytes and
 * not taken apart: lists bring thousands of new entries.
 */
export function distributionPointReader({
  distributionPoint,
}: Pick<Scope, 'distributionPoint'>): (certificate: Uint8Array) => Uint8Array | undefined {
  const fullName = [{ kind: 'directoryName' as const, name: distributionPoint }];
  const expected = buildCrlDistributionPoints([{ fullName }]).value;
  return (certificate) => {
    const extension = readCertificateExtension(certificate, Oid.cRLDistributionPoints);
    if (extension === undefined) {
      return undefined;
    }
    if (equalBytes(extension.value, expected)) {
      return distributionPoint.der;
    }
    const [point, ...others] = parseCrlDistributionPoints(extension.value);
    return others.length === 0 ? onlyDirectoryName(point?.fullName) : undefined;
  };
}
