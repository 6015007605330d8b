/**
 * privateKeyUsagePeriod (RFC 3280 §4.2.1.4, X.509 §8.2.2.5): when the private key may sign, where that
 * is shorter than the certificate's validity. RFC 5280 has dropped it; older certificates have it.
 *
 * @module
 */

import { encodeGeneralizedTime, encodeSequence, retag } from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

/** At least one of the two; both are part of the period. */
export interface PrivateKeyUsagePeriod {
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

const PeriodTag = {
  notBefore: contextTag(0, 'primitive'),
  notAfter: contextTag(1, 'primitive'),
} as const;

/** @throws {X509Error} `X509_EXTENSION` when neither end is given, or one lies outside the years 0 to 9999. */
export function buildPrivateKeyUsagePeriod(
  { notBeforeMs, notAfterMs }: PrivateKeyUsagePeriod,
  critical = false,
): Extension {
  if (notBeforeMs === undefined && notAfterMs === undefined) {
    throw new X509Error('X509_EXTENSION', 'privateKeyUsagePeriod needs one end at least');
  }
  const end = (tag: number, atMs: number | undefined): readonly Uint8Array[] =>
    atMs === undefined ? [] : [retag(tag, encodeGeneralizedTime(atMs))];
  const value = parsing('X509_EXTENSION', 'privateKeyUsagePeriod', () =>
    encodeSequence(
      ...end(PeriodTag.notBefore, notBeforeMs),
      ...end(PeriodTag.notAfter, notAfterMs),
    ),
  );
  return { oid: Oid.privateKeyUsagePeriod, critical, value };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parsePrivateKeyUsagePeriod(value: Uint8Array): PrivateKeyUsagePeriod {
  return parseExtensionValue('privateKeyUsagePeriod', value, (outer) => {
    const reader = outer.readConstructed();
    const end = (tag: number): number | undefined =>
      reader.peekTag() === tag ? reader.readGeneralizedTime(tag) : undefined;
    const notBeforeMs = end(PeriodTag.notBefore);
    const notAfterMs = end(PeriodTag.notAfter);
    reader.expectEnd();
    if (notBeforeMs === undefined && notAfterMs === undefined) {
      throw new X509Error('X509_EXTENSION', 'malformed privateKeyUsagePeriod: it has no end');
    }
    return {
      ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
      ...(notAfterMs === undefined ? {} : { notAfterMs }),
    };
  });
}
