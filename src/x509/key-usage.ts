/**
 * What a certified key may be used for: keyUsage (RFC 5280 §4.2.1.3), extendedKeyUsage
 * (§4.2.1.12), id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1) and Netscape's certificate type.
 *
 * @module
 */

import { encodeNamedBits, encodeNull, encodeOid, encodeSequence } from '../asn1/der-writer.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

/** In the order of their bits. */
export const keyUsageNames = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;

export type KeyUsageName = (typeof keyUsageNames)[number];

/** In the order of their bits; bit 4 is reserved. */
export const netscapeCertTypeNames = [
  'sslClient',
  'sslServer',
  'smime',
  'objectSigning',
  'reserved',
  'sslCa',
  'smimeCa',
  'objectSigningCa',
] as const;

export type NetscapeCertTypeName = (typeof netscapeCertTypeNames)[number];

/** @throws {X509Error} `X509_EXTENSION` when no usage is named. */
export function buildKeyUsage(usages: Iterable<KeyUsageName>, critical = true): Extension {
  return { oid: Oid.keyUsage, critical, value: encodeNames(keyUsageNames, usages) };
}

/** @throws {X509Error} `X509_EXTENSION` when it is malformed or empty. */
export function parseKeyUsage(value: Uint8Array): ReadonlySet<KeyUsageName> {
  return parseNames('keyUsage', keyUsageNames, value);
}

/** @throws {X509Error} `X509_EXTENSION` when no type is named. */
export function buildNetscapeCertType(
  types: Iterable<NetscapeCertTypeName>,
  critical = false,
): Extension {
  return { oid: Oid.netscapeCertType, critical, value: encodeNames(netscapeCertTypeNames, types) };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseNetscapeCertType(value: Uint8Array): ReadonlySet<NetscapeCertTypeName> {
  return parseNames('netscape-cert-type', netscapeCertTypeNames, value);
}

function encodeNames<T extends string>(all: readonly T[], chosen: Iterable<T>): Uint8Array {
  const bits = new Set([...chosen].map((name) => all.indexOf(name)));
  if (bits.size === 0) {
    throw new X509Error('X509_EXTENSION', 'a list of key usages needs at least one');
  }
  return encodeNamedBits(bits);
}

function parseNames<T extends string>(
  what: string,
  all: readonly T[],
  value: Uint8Array,
): ReadonlySet<T> {
  const bits = parseExtensionValue(what, value, (reader) => reader.readNamedBits());
  const names = all.filter((_name, bit) => bits.has(bit));
  if (names.length === 0 || names.length !== bits.size) {
    throw new X509Error('X509_EXTENSION', `malformed ${what}: no bit, or an unknown one`);
  }
  return new Set(names);
}

/**
 * @param purposes OIDs, written in this order.
 * @throws {X509Error} `X509_EXTENSION` when there is none, or one is no OID.
 */
export function buildExtendedKeyUsage(purposes: readonly string[], critical = false): Extension {
  if (purposes.length === 0) {
    throw new X509Error('X509_EXTENSION', 'extendedKeyUsage needs at least one purpose');
  }
  const value = parsing('X509_EXTENSION', 'extendedKeyUsage', () =>
    encodeSequence(...purposes.map(encodeOid)),
  );
  return { oid: Oid.extendedKeyUsage, critical, value };
}

/** The purposes' OIDs in their order. @throws {X509Error} `X509_EXTENSION` */
export function parseExtendedKeyUsage(value: Uint8Array): readonly string[] {
  return parseExtensionValue('extendedKeyUsage', value, (outer) => {
    const reader = outer.readConstructed();
    const purposes: string[] = [];
    do {
      purposes.push(reader.readOid());
    } while (!reader.isAtEnd);
    return purposes;
  });
}

/** The responder's certificate needs no revocation check for as long as it is valid. */
export function buildOcspNoCheck(critical = false): Extension {
  return { oid: Oid.ocspNoCheck, critical, value: encodeNull() };
}
