/**
 * A file with a certificate: PEM or DER.
 *
 * @module
 */

import { decodePem } from '../x509/pem.ts';
import { readInputFile } from './input-file.ts';

/** More than any certificate, or request for one, has. */
export const MAX_CERTIFICATE_BYTES = 65_536;

/**
 * @returns base64 of the DER.
 * @throws {InputError} `CLI_INPUT_UNREADABLE`, `CLI_INPUT_TOO_LARGE`. @throws {X509Error} `X509_PEM`.
 */
export async function readCertificate(file: string): Promise<string> {
  const bytes = await readInputFile(file, {
    what: 'the certificate',
    maxBytes: MAX_CERTIFICATE_BYTES,
  });
  const text = bytes.toString('latin1');
  const der = text.includes('-----BEGIN') ? decodePem(text, 'CERTIFICATE') : bytes;
  return Buffer.from(der).toString('base64');
}
