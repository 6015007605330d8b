/**
 * PKCS#10 requests made with `openssl`.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { runOpenssl } from './openssl.ts';

export type RequestKey =
  | { readonly kind: 'rsa'; readonly bits: number; readonly exponent?: number }
  | { readonly kind: 'ec'; readonly curve: string };

export interface OpensslRequest {
  /** PEM files. */
  readonly keyFile: string;
  readonly requestFile: string;
  /** The request as DER. */
  readonly der: Buffer;
}

/**
 * Makes a key and a request for it. The CA takes neither name nor extensions from the request.
 *
 * @param name What the files in `folder` are called, without their endings.
 */
export function makeOpensslRequest(
  folder: string,
  name: string,
  key: RequestKey = { kind: 'ec', curve: 'P-256' },
): OpensslRequest {
  const keyFile = join(folder, `${name}.key`);
  const requestFile = join(folder, `${name}.csr`);
  const made = ['-newkey', ...keyOptions(key), '-nodes', '-keyout', keyFile, '-sha256'];
  runOpenssl(['req', '-new', ...made, '-subj', '/CN=applicant', '-out', requestFile]);
  const pem = readFileSync(requestFile);
  return { keyFile, requestFile, der: runOpenssl(['req', '-outform', 'DER'], pem) };
}

function keyOptions(key: RequestKey): readonly string[] {
  if (key.kind === 'ec') {
    return ['ec', '-pkeyopt', `ec_paramgen_curve:${key.curve}`];
  }
  const exponent =
    key.exponent === undefined ? [] : ['-pkeyopt', `rsa_keygen_pubexp:${key.exponent}`];
  return [`rsa:${key.bits}`, ...exponent];
}
