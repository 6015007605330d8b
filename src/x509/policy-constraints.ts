/**
 * policyConstraints and inhibitAnyPolicy (RFC 5280 §4.2.1.11, §4.2.1.14): from how many certificates further down on
 * policies have to be named, are not mapped any more, and anyPolicy counts for nothing.
 *
 * @module
 */

import type { DerReader } from '../asn1/der-reader.ts';
import { encodeInteger, encodeSequence, retag } from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

/** At least one of the two; numbers of certificates that may come in between. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy?: number;
  readonly inhibitPolicyMapping?: number;
}

const ConstraintTag = {
  requireExplicitPolicy: contextTag(0, 'primitive'),
  inhibitPolicyMapping: contextTag(1, 'primitive'),
} as const;

/** @throws {X509Error} `X509_EXTENSION` when neither is given or one is no count. */
export function buildPolicyConstraints(
  { requireExplicitPolicy, inhibitPolicyMapping }: PolicyConstraints,
  critical = true,
): Extension {
  if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) {
    throw new X509Error('X509_EXTENSION', 'policyConstraints must say something');
  }
  const value = encodeSequence(
    ...encodeSkip(ConstraintTag.requireExplicitPolicy, requireExplicitPolicy),
    ...encodeSkip(ConstraintTag.inhibitPolicyMapping, inhibitPolicyMapping),
  );
  return { oid: Oid.policyConstraints, critical, value };
}

function encodeSkip(tag: number, certificates: number | undefined): readonly Uint8Array[] {
  return certificates === undefined ? [] : [retag(tag, encodeCount(certificates))];
}

function encodeCount(certificates: number): Uint8Array {
  if (!Number.isSafeInteger(certificates) || certificates < 0) {
    throw new X509Error('X509_EXTENSION', 'a number of certificates is whole and not negative');
  }
  return encodeInteger(certificates);
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parsePolicyConstraints(value: Uint8Array): PolicyConstraints {
  return parseExtensionValue('policyConstraints', value, (outer) => {
    const reader = outer.readConstructed();
    const requireExplicitPolicy = readSkip(reader, ConstraintTag.requireExplicitPolicy);
    const inhibitPolicyMapping = readSkip(reader, ConstraintTag.inhibitPolicyMapping);
    reader.expectEnd();
    if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) {
      throw new X509Error('X509_EXTENSION', 'malformed policyConstraints: it says nothing');
    }
    return {
      ...(requireExplicitPolicy === undefined ? {} : { requireExplicitPolicy }),
      ...(inhibitPolicyMapping === undefined ? {} : { inhibitPolicyMapping }),
    };
  });
}

function readSkip(reader: DerReader, tag: number): number | undefined {
  return !reader.isAtEnd && reader.peekTag() === tag ? reader.readSmallInteger(tag) : undefined;
}

/**
 * @param certificates How many more certificates anyPolicy counts in.
 * @throws {X509Error} `X509_EXTENSION`
 */
export function buildInhibitAnyPolicy(certificates: number, critical = true): Extension {
  const value = parsing('X509_EXTENSION', 'inhibitAnyPolicy', () => encodeCount(certificates));
  return { oid: Oid.inhibitAnyPolicy, critical, value };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseInhibitAnyPolicy(value: Uint8Array): number {
  return parseExtensionValue('inhibitAnyPolicy', value, (reader) => reader.readSmallInteger());
}
