/**
 * A verifier's entry in the directory: its attributes read and written, what is checked of each.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { readCredential } from '../../directory/accounts/certificate-credential.ts';
import { parseGeneralizedTime } from '../../directory/schema/generalized-time.ts';
import type { AttributeValues, Modification } from '../../directory/service.ts';
import { CaError } from '../errors.ts';
import type { CivilDay } from '../policy/civil-time.ts';

/** What a verifier authenticates with: a password, a certificate (DER), or either. */
export interface VerifierCredentials {
  readonly password?: string | undefined;
  readonly certificate?: Uint8Array | undefined;
}

/** How the certificates that a verifier authenticates with change. */
export type CertificateChange =
  /** This one and no other from now on. */
  | { readonly kind: 'replace'; readonly certificate: Uint8Array }
  /** This one too, so that the verifier can go over to it. */
  | { readonly kind: 'add'; readonly certificate: Uint8Array }
  /** No longer the one with this SHA-256, in hexadecimal. */
  | { readonly kind: 'remove'; readonly sha256: string };

export interface RegisteredVerifier {
  readonly dn: string;
  readonly name: string;
  readonly kind: string;
  readonly agreementNumber: string;
  /** Undefined for an entry that was made without; it has no access then. */
  readonly agreementFromMs: number | undefined;
  /** The last second of access. */
  readonly agreementUntilMs: number | undefined;
  readonly partitions: readonly string[];
  /** SHA-256 of the certificates it authenticates with, lower-case hexadecimal. */
  readonly certificates: readonly string[];
  readonly isDisabled: boolean;
}

/** A change that leaves these values, or none. */
export function replacing(attribute: string, ...texts: readonly string[]): Modification {
  return { operation: 'replace', attribute, values: texts.map(encodeUtf8) };
}

/** SHA-256 of the certificates that are left. @throws {CaError} `CA_VERIFIER_INVALID`. */
export function certificatesAfter(
  now: readonly string[],
  change: CertificateChange,
): readonly string[] {
  switch (change.kind) {
    case 'replace':
      return [sha256Of(change.certificate)];
    case 'add':
      return [...new Set([...now, sha256Of(change.certificate)])];
    case 'remove': {
      const sha256 = change.sha256.replaceAll(':', '').toLowerCase();
      if (!now.includes(sha256)) {
        throw invalid(
          'the verifier has no certificate with this SHA-256; certdir verifier list --json shows those it has',
        );
      }
      return now.filter((one) => one !== sha256);
    }
  }
}

/** An entry as a registration. */
export function readVerifier(
  dn: string,
  attributes: readonly AttributeValues[],
): RegisteredVerifier {
  const texts = (name: string): readonly string[] =>
    (attributes.find(({ description }) => description === name)?.values ?? []).map(
      (value) => decodeUtf8(value) ?? '',
    );
  const one = (name: string): string => texts(name)[0] ?? '';
  return {
    dn,
    name: one('cn'),
    kind: one('certdirVerifierKind'),
    agreementNumber: one('certdirAgreementNumber'),
    agreementFromMs: parseGeneralizedTime(one('certdirAgreementNotBefore'))?.atMs,
    agreementUntilMs: parseGeneralizedTime(one('certdirAgreementNotAfter'))?.atMs,
    partitions: texts('certdirGrantedPartition'),
    certificates: texts('certdirCertificateSha256').map((text) => text.toLowerCase()),
    isDisabled: one('certdirAccountDisabled') === 'TRUE',
  };
}

/** The credentials of an entry that is made. @throws {CaError} `CA_VERIFIER_INVALID` without any. */
export function credentialsOf({
  password,
  certificate,
}: VerifierCredentials): readonly AttributeValues[] {
  if (password === undefined && certificate === undefined) {
    throw invalid('a verifier needs a password or a certificate to authenticate with');
  }
  return [
    ...(password === undefined ? [] : [valuesOf('userPassword', password)]),
    ...(certificate === undefined
      ? []
      : [valuesOf('certdirCertificateSha256', sha256Of(certificate))]),
  ];
}

function sha256Of(certificate: Uint8Array): string {
  const credential = readCredential(certificate);
  if (credential === undefined) {
    throw invalid('the certificate cannot be read; give one X.509 certificate, PEM or DER');
  }
  return credential.sha256;
}

export function valuesOf(description: string, ...texts: readonly string[]): AttributeValues {
  return { description, values: texts.map(encodeUtf8) };
}

/** @throws {CaError} `CA_VERIFIER_INVALID`. */
export function assertText(what: string, text: string): void {
  if (text.trim() === '' || [...text].length > 64 || /\p{Cc}/u.test(text)) {
    throw invalid(`a ${what} has 1 to 64 characters, without control characters`);
  }
}

/** @throws {CaError} `CA_VERIFIER_INVALID` for what is no day. */
export function parseDay(text: string): CivilDay {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const parsed = { year: Number(year), month: Number(month), day: Number(day) };
  const check = new Date(Date.UTC(parsed.year, parsed.month - 1, parsed.day));
  if (
    year === '' ||
    check.getUTCMonth() + 1 !== parsed.month ||
    check.getUTCDate() !== parsed.day
  ) {
    throw invalid(`"${text.slice(0, 20)}" is not a day; write it as YYYY-MM-DD`);
  }
  return parsed;
}

export function invalid(message: string): CaError {
  return new CaError('CA_VERIFIER_INVALID', message);
}
