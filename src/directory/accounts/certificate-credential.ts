/**
 * Certificates that accounts authenticate with. An account names a certificate by its SHA-256
 * (certdirCertificateSha256), never by a name in it: names can be had from any authority, and be spelt
 * in many ways. That the client has the private key is for the front end to know (TLS).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { decodeUtf8, encodeUtf8, formatHex } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { X509Error } from '../../x509/errors.ts';
import type { DirectoryCore } from '../directory-core.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import type { CertificateCredential } from './principal.ts';

const shape = /^[0-9A-Fa-f]{64}$/;

/** @returns undefined for bytes that are no certificate. */
export function readCredential(der: Uint8Array): CertificateCredential | undefined {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(der);
  } catch (error) {
    if (error instanceof X509Error) {
      return undefined;
    }
    throw error;
  }
  const { notBeforeMs, notAfterMs } = certificate;
  return {
    sha256: formatHex(createHash('sha256').update(der).digest()),
    notBeforeMs,
    // The last second counts whole.
    notAfterMs: notAfterMs + 999,
  };
}

export function isInForce(credential: CertificateCredential, nowMs: number): boolean {
  return nowMs >= credential.notBeforeMs && nowMs <= credential.notAfterMs;
}

/** Whether the account authenticates with this certificate. */
export function hasCertificate(
  entry: Entry,
  { sha256 }: CertificateCredential,
  types: DirectoryTypes,
): boolean {
  return entry
    .values(types.certificateSha256)
    .some((value) => decodeUtf8(value)?.toLowerCase() === sha256);
}

/** The one account with this certificate; undefined also when several have it. */
export async function findCertificateAccount(
  core: DirectoryCore,
  view: ReadView,
  credential: CertificateCredential,
): Promise<Entry | undefined> {
  const { index, tree, schema, types } = core;
  const type = types.certificateSha256;
  const value = encodeUtf8(credential.sha256);
  const found: Entry[] = [];
  for (const indexKey of type.equality?.indexKeys(value, schema) ?? []) {
    const keys = await index.candidates(view, { type, indexKey }, { baseKey: Dn.root.key });
    for await (const entry of tree.readEach(view, keys)) {
      if (hasCertificate(entry, credential, types)) {
        found.push(entry);
      }
    }
  }
  return found.length === 1 ? found[0] : undefined;
}

/** @throws {DirectoryError} `DIRECTORY_CONSTRAINT` for a value that could never fit a certificate. */
export function checkCertificateValues(entry: Entry, types: DirectoryTypes): void {
  for (const value of entry.values(types.certificateSha256)) {
    if (!shape.test(Buffer.from(value).toString('latin1'))) {
      throw new DirectoryError(
        'DIRECTORY_CONSTRAINT',
        `${types.certificateSha256.name} is the SHA-256 of a certificate, 64 hexadecimal digits without separators`,
      );
    }
  }
}
