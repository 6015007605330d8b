/**
 * The TLS certificate that a new data folder starts with: self-signed, for the names of this
 * machine's loopback and the address it listens on. An operator replaces it by one that the verifiers trust;
 * the CA of a practice statement does not issue it, because its profiles do not know such certificates.
 *
 * @module
 */

import { generateKeyPairSync, sign } from 'node:crypto';
import { isIP } from 'node:net';

import type { Clock } from '../core/clock.ts';
import type { RandomSource } from '../core/random.ts';
import { encodeSignatureAlgorithm } from '../x509/algorithms.ts';
import { buildSubjectAltName } from '../x509/alternative-name.ts';
import { buildBasicConstraints } from '../x509/basic-constraints.ts';
import { assembleSigned, encodeTbsCertificate } from '../x509/certificate.ts';
import type { GeneralName } from '../x509/general-name.ts';
import { buildSubjectKeyIdentifier, computeKeyIdentifier } from '../x509/key-identifier.ts';
import { buildExtendedKeyUsage, buildKeyUsage } from '../x509/key-usage.ts';
import { nameFromText } from '../x509/name.ts';
import { Oid } from '../x509/object-identifiers.ts';
import { encodePem } from '../x509/pem.ts';

const DAY_MS = 86_400_000;
const VALIDITY_DAYS = 397;
const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;

export interface TlsCertificate {
  readonly certificatePem: string;
  /** PKCS#8; for a file that only its owner may read. */
  readonly keyPem: string;
}

/**
 * Makes an ECDSA P-256 key and a certificate for `localhost`, the loopback addresses and `address`.
 *
 * @param address What the listeners bind to; a wildcard address adds nothing.
 */
export function makeTlsCertificate(options: {
  readonly address: string;
  readonly clock: Clock;
  readonly random: RandomSource;
}): TlsCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const name = nameFromText('CN=localhost');
  const nowMs = options.clock.nowMs();
  const tbs = encodeTbsCertificate({
    serialNumber: serialFrom(options.random),
    algorithm,
    issuer: name,
    subject: name,
    notBeforeMs: nowMs - DAY_MS,
    notAfterMs: nowMs + VALIDITY_DAYS * DAY_MS,
    spki,
    extensions: [
      buildBasicConstraints({ isCa: false }),
      buildKeyUsage(['digitalSignature']),
      buildExtendedKeyUsage([Oid.serverAuth]),
      buildSubjectKeyIdentifier(computeKeyIdentifier(spki)),
      buildSubjectAltName(namesFor(options.address)),
    ],
  });
  const der = assembleSigned(
    tbs,
    encodeSignatureAlgorithm(algorithm),
    sign('sha256', tbs, privateKey),
  );
  return {
    certificatePem: encodePem('CERTIFICATE', der),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function namesFor(address: string): readonly GeneralName[] {
  const addresses = new Set(['127.0.0.1', '::1']);
  const hostNames = new Set(['localhost']);
  const isWildcard = address === '0.0.0.0' || address === '::';
  if (!isWildcard) {
    (isIP(address) === 0 ? hostNames : addresses).add(address);
  }
  return [
    ...[...hostNames].map((text): GeneralName => ({ kind: 'dnsName', text })),
    ...[...addresses].map(
      (text): GeneralName => ({ kind: 'ipAddress', bytes: encodeAddress(text) }),
    ),
  ];
}

/** Sixteen random bytes below the sign bit, never zero. */
function serialFrom(random: RandomSource): bigint {
  const hex = Buffer.from(random.bytes(16)).toString('hex');
  return BigInt(`0x01${hex}`);
}

/** 4 or 16 octets (RFC 5280 §4.2.1.6) of a textual address. */
function encodeAddress(text: string): Uint8Array {
  if (isIP(text) === 4) {
    return Uint8Array.from(text.split('.').map(Number));
  }
  // The URL parser brings every spelling, embedded IPv4 too, into hexadecimal words.
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const left = words(head);
  const right = words(tail ?? '');
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...Array<number>(gap).fill(0), ...right];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}
