/**
 * What the store says of the certificates whose entries came into a list or left it, for the publish
 * gate: from the records of certificates and their states, not from what the list was put together of.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import { readCertificateExtension } from '../../x509/certificate.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import {
  buildCrlDistributionPoints,
  parseCrlDistributionPoints,
} from '../../x509/distribution-point.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { Scope } from '../policy/scope.ts';
import type { CaTables } from '../records/ca-tables.ts';
import { parseCertificateRecord, parseStatusRecord } from '../records/certificate-record.ts';
import type { AddedEntry, DroppedEntry } from './gate-facts.ts';
import type { ListEntry } from './list-comparison.ts';
import { onlyDirectoryName } from './list-facts.ts';

/** Reads what the store says of the entries of one scope. */
export class EntryFacts {
  readonly #tables: CaTables;
  readonly #view: Pick<ReadView, 'read'>;
  readonly #pointOf: (certificate: Uint8Array) => Uint8Array | undefined;

  constructor(tables: CaTables, view: Pick<ReadView, 'read'>, scope: Scope) {
    this.#tables = tables;
    this.#view = view;
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
      },
      revocation:
        status?.state === 'revoked' || status?.state === 'held'
          ? { sinceMs: status.sinceMs, reason: status.reason, sequence: status.sequence }
          : undefined,
    };
  }

  async dropped(serialNumber: bigint): Promise<DroppedEntry> {
    const certificateBytes = await this.#view.read(this.#tables.certificate(serialNumber));
    const statusBytes = await this.#view.read(this.#tables.status(serialNumber));
    return {
      serialNumber,
      notAfterMs: certificateBytes && parseCertificateRecord(certificateBytes).notAfterMs,
      sequence: statusBytes && parseStatusRecord(statusBytes).sequence,
    };
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
