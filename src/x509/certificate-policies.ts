/**
 * certificatePolicies (RFC 5280 §4.2.1.4). Of the qualifiers only the CPS pointer is written;
 * others are kept as bytes when read.
 *
 * @module
 */

import type { DerReader } from '../asn1/der-reader.ts';
import { encodeIa5String, encodeOid, encodeSequence } from '../asn1/der-writer.ts';
import { Tag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

export interface PolicyInformation {
  readonly oid: string;
  /** The CPS pointer; the last one when there are several. */
  readonly cpsUri?: string;
}

/** @throws {X509Error} `X509_EXTENSION` when there is none or one is there twice. */
export function buildCertificatePolicies(
  policies: readonly PolicyInformation[],
  critical = false,
): Extension {
  if (policies.length === 0) {
    throw new X509Error('X509_EXTENSION', 'certificatePolicies needs at least one policy');
  }
  refuseRepeated(policies);
  const value = parsing('X509_EXTENSION', 'certificatePolicies', () =>
    encodeSequence(...policies.map(encodePolicy)),
  );
  return { oid: Oid.certificatePolicies, critical, value };
}

function encodePolicy({ oid, cpsUri }: PolicyInformation): Uint8Array {
  if (cpsUri === undefined) {
    return encodeSequence(encodeOid(oid));
  }
  const pointer = encodeSequence(encodeOid(Oid.cpsUriQualifier), encodeIa5String(cpsUri));
  return encodeSequence(encodeOid(oid), encodeSequence(pointer));
}

function refuseRepeated(policies: readonly PolicyInformation[]): void {
  if (new Set(policies.map(({ oid }) => oid)).size !== policies.length) {
    throw new X509Error('X509_EXTENSION', 'certificatePolicies has a policy twice');
  }
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseCertificatePolicies(value: Uint8Array): readonly PolicyInformation[] {
  return parseExtensionValue('certificatePolicies', value, (outer) => {
    const reader = outer.readConstructed();
    const policies: PolicyInformation[] = [];
    do {
      policies.push(readPolicy(reader.readConstructed()));
    } while (!reader.isAtEnd);
    refuseRepeated(policies);
    return policies;
  });
}

function readPolicy(reader: DerReader): PolicyInformation {
  const oid = reader.readOid();
  let cpsUri: string | undefined;
  if (!reader.isAtEnd) {
    const qualifiers = reader.readConstructed();
    do {
      const qualifier = qualifiers.readConstructed();
      if (qualifier.readOid() === Oid.cpsUriQualifier && qualifier.peekTag() === Tag.ia5String) {
        cpsUri = qualifier.readString().value;
      } else {
        qualifier.skip();
      }
      qualifier.expectEnd();
    } while (!qualifiers.isAtEnd);
  }
  reader.expectEnd();
  return cpsUri === undefined ? { oid } : { oid, cpsUri };
}
