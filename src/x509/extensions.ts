/**
 * Extensions of certificates, CRLs, CRL entries and requests as a list (RFC 5280 §4.1.2.9): object
 * identifier, criticality and opaque value.
 *
 * What the values mean lies in a file per group: basic-constraints.ts, key-usage.ts,
 * key-identifier.ts, alternative-name.ts, distribution-point.ts, certificate-policies.ts,
 * crl-extensions.ts. Each has builders, which return a complete `Extension` with the criticality
 * that RFC 5280 asks for unless told otherwise, and parsers, which take `Extension.value`.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import { encodeBoolean, encodeOctetString, encodeOid, encodeSequence } from '../asn1/der-writer.ts';
import { Tag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** What lies inside the OCTET STRING, one DER element. */
  readonly value: Uint8Array;
}

/** Encodes one Extension. @throws {X509Error} `X509_EXTENSION` when `oid` is none. */
export function encodeExtension(extension: Extension): Uint8Array {
  // X.690 §11.5: critical is DEFAULT FALSE, so false is not written.
  const critical = extension.critical ? [encodeBoolean(true)] : [];
  return parsing('X509_EXTENSION', 'extension', () =>
    encodeSequence(encodeOid(extension.oid), ...critical, encodeOctetString(extension.value)),
  );
}

/**
 * Encodes `Extensions`; the caller adds the `[0]` or `[3]` around it.
 *
 * @throws {X509Error} `X509_EXTENSION` when the list is empty or names an extension twice.
 */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  if (extensions.length === 0) {
    throw new X509Error('X509_EXTENSION', 'a list of extensions is left out when it is empty');
  }
  refuseDuplicates(extensions);
  return encodeSequence(...extensions.map(encodeExtension));
}

/**
 * Parses `Extensions`. A critical that is spelt out as FALSE is accepted: older authorities wrote
 * it.
 *
 * @throws {X509Error} `X509_EXTENSION` when it is malformed, empty, or has an extension twice
 *   (RFC 5280 §4.2).
 */
export function parseExtensions(der: Uint8Array): readonly Extension[] {
  return parsing('X509_EXTENSION', 'extensions', () => {
    const outer = new DerReader(der);
    const reader = outer.readConstructed();
    outer.expectEnd();
    const extensions: Extension[] = [];
    do {
      const fields = reader.readConstructed();
      const oid = fields.readOid();
      const critical = fields.peekTag() === Tag.boolean && fields.readBoolean();
      const value = fields.readOctetString();
      fields.expectEnd();
      extensions.push({ oid, critical, value });
    } while (!reader.isAtEnd);
    refuseDuplicates(extensions);
    return extensions;
  });
}

/**
 * The first extension of this type in `Extensions`, for those that were parsed before.
 *
 * @throws {DerError}
 */
export function scanForExtension(der: Uint8Array, oid: string): Extension | undefined {
  const reader = new DerReader(der).readConstructed();
  while (!reader.isAtEnd) {
    const fields = reader.readConstructed();
    if (fields.readOid() === oid) {
      const critical = fields.peekTag() === Tag.boolean && fields.readBoolean();
      return { oid, critical, value: fields.readOctetString() };
    }
  }
  return undefined;
}

function refuseDuplicates(extensions: readonly Extension[]): void {
  const seen = new Set<string>();
  for (const { oid } of extensions) {
    if (seen.has(oid)) {
      throw new X509Error('X509_EXTENSION', `extension ${oid} is there twice`);
    }
    seen.add(oid);
  }
}

/** The extension of a list, or undefined. */
export function findExtension(
  extensions: readonly Extension[],
  oid: string,
): Extension | undefined {
  return extensions.find((extension) => extension.oid === oid);
}

/**
 * Runs a parser over one whole extension value.
 *
 * @throws {X509Error} `X509_EXTENSION` for malformed DER or bytes that the parser left unread.
 */
export function parseExtensionValue<T>(
  name: string,
  value: Uint8Array,
  read: (reader: DerReader) => T,
): T {
  return parsing('X509_EXTENSION', name, () => {
    const reader = new DerReader(value);
    const parsed = read(reader);
    reader.expectEnd();
    return parsed;
  });
}
