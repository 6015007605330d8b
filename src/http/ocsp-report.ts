/**
 * Where the CA's OCSP responder stands, for operators.
 *
 * @module
 */

import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import { formatName } from '../x509/name.ts';
import { formatTime } from './report-time.ts';

export interface OcspReport {
  /** What the policy says: `off`, `public`, `verifiers`. */
  readonly access: string;
  readonly url: string | null;
  /** Null before the first was made. */
  readonly responder: {
    readonly number: number;
    readonly keyLabel: string;
    readonly serialNumber: string;
    readonly subject: string;
    readonly notBefore: string;
    readonly notAfter: string;
  } | null;
  /** When the schedule makes another; null where none is to be made. */
  readonly renewalDue: string | null;
}

export function describeOcsp({
  policy,
  responder,
}: Pick<CertificateAuthority, 'policy' | 'responder'>): OcspReport {
  const { current, dueMs } = responder;
  return {
    access: policy.ocsp?.access ?? 'off',
    url: policy.ocsp?.url ?? null,
    responder:
      current === undefined
        ? null
        : {
            number: current.number,
            keyLabel: current.keyLabel,
            serialNumber: formatSerialNumber(current.certificate.serialNumber),
            subject: formatName(current.certificate.subject),
            notBefore: formatTime(current.certificate.notBeforeMs),
            notAfter: formatTime(current.certificate.notAfterMs),
          },
    renewalDue: dueMs === undefined ? null : formatTime(dueMs),
  };
}
