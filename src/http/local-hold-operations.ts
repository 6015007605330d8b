/**
 * Holding and releasing certificates, on the CA of this process.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import type { HoldReceipt } from '../ca/certificates/holding.ts';
import { formatSerialNumber, parseSerialNumber } from '../ca/certificates/serial-number.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { formatName } from '../x509/name.ts';
import type { HoldInput, HoldOperations, HoldReport } from './hold-operations.ts';
import { type Operator, originOf } from './operator.ts';
import { formatTime } from './report-time.ts';

export class LocalHolds implements HoldOperations {
  readonly #authority: Pick<CertificateAuthority, 'hold' | 'release'>;

  constructor(authority: Pick<CertificateAuthority, 'hold' | 'release'>) {
    this.#authority = authority;
  }

  async hold(input: HoldInput, operator: Operator): Promise<HoldReport> {
    return reportOf('held', await this.#authority.hold(requestOf(input, operator)));
  }

  async release(input: HoldInput, operator: Operator): Promise<HoldReport> {
    return reportOf('good', await this.#authority.release(requestOf(input, operator)));
  }
}

function requestOf(
  { serialNumber }: HoldInput,
  operator: Operator,
): { readonly serialNumber: bigint; readonly origin: AuditOrigin } {
  const origin = originOf(operator);
  return { serialNumber: parseSerialNumber(serialNumber), origin };
}

function reportOf(state: HoldReport['state'], receipt: HoldReceipt): HoldReport {
  return {
    serialNumber: formatSerialNumber(receipt.serialNumber),
    subject: formatName(parseCertificate(receipt.certificate.der).subject),
    state,
    since: formatTime(receipt.sinceMs),
    partition: receipt.scope.id,
    publicationDue: formatTime(receipt.publicationDueMs),
  };
}
