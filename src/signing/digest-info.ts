/**
 * What RSA signs around a digest: `DigestInfo` and the EMSA-PKCS1-v1_5 block (RFC 8017 §9.2).
 *
 * The SHA-2 prefixes are constants: the standard itself lists them (RFC 8017 §9.2, note 1), and an
 * encoder could only be wrong here. Not here: PSS, see `emsa-pss.ts`.
 *
 * @module
 */

import { concatBytes } from '../core/bytes.ts';
import { SigningError } from './errors.ts';
import type { DigestName } from './signer.ts';

const digests: Readonly<Record<DigestName, { readonly bytes: number; readonly prefix: string }>> = {
  sha1: { bytes: 20, prefix: '3021300906052b0e03021a05000414' },
  sha256: { bytes: 32, prefix: '3031300d060960864801650304020105000420' },
  sha384: { bytes: 48, prefix: '3041300d060960864801650304020205000430' },
  sha512: { bytes: 64, prefix: '3051300d060960864801650304020305000440' },
};

/** Length of a digest in bytes. */
export function digestLength(name: DigestName): number {
  return digests[name].bytes;
}

/**
 * DER `DigestInfo` (RFC 8017 appendix A.2.4) with NULL parameters.
 *
 * @throws {SigningError} `SIGNING_ALGORITHM_REFUSED` when the digest has another length.
 */
export function encodeDigestInfo(name: DigestName, digest: Uint8Array): Uint8Array {
  const { bytes, prefix } = digests[name];
  if (digest.length !== bytes) {
    throw new SigningError(
      'SIGNING_ALGORITHM_REFUSED',
      `a ${name} digest has ${bytes} bytes, not ${digest.length}`,
    );
  }
  return concatBytes(Buffer.from(prefix, 'hex'), digest);
}

/**
 * The whole block that PKCS#1 v1.5 raises to the private exponent: `00 01 ff…ff 00 DigestInfo`.
 * Verification compares with it byte for byte instead of parsing what came out (RFC 8017 §8.2.2),
 * which leaves no room for a forged encoding.
 *
 * @param modulusBytes Length of the modulus; at least 256 here, so the padding always fits.
 */
export function encodePkcs1Block(
  name: DigestName,
  digest: Uint8Array,
  modulusBytes: number,
): Uint8Array {
  const info = encodeDigestInfo(name, digest);
  const block = new Uint8Array(modulusBytes).fill(0xff);
  block[0] = 0x00;
  block[1] = 0x01;
  block[modulusBytes - info.length - 1] = 0x00;
  block.set(info, modulusBytes - info.length);
  return block;
}
