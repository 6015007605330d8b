/**
 * certificatePolicies (RFC 5280 §4.2.1.4). Of the qualifiers the CPS pointer and the text of a user notice are
 * known; others are skipped when read, references to notices (noticeRef) included.
 *
 * @module
 */

import type { DerReader } from '../asn1/der-reader.ts';
import {
  encodeIa5String,
  encodeOid,
  encodeSequence,
  encodeUtf8String,
} from '../asn1/der-writer.ts';
import { Tag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

export interface PolicyInformation {
  readonly oid: string;
  /** The CPS pointer; the last one when there are several. */
  readonly cpsUri?: string;
  /** explicitText of a user notice, at most 200 characters; the last one when there are several. */
  readonly userNotice?: string;
}

const MAX_NOTICE_CHARACTERS = 200;

/** @throws {X509Error} `X509_EXTENSION` when there is none, one is there twice, or a notice is too long. */
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

function encodePolicy({ oid, cpsUri, userNotice }: PolicyInformation): Uint8Array {
  if (userNotice !== undefined && [...userNotice].length > MAX_NOTICE_CHARACTERS) {
    throw new X509Error('X509_EXTENSION', 'a user notice has at most 200 characters');
  }
  const qualifiers = [
    ...(cpsUri === undefined
      ? []
      : [encodeSequence(encodeOid(Oid.cpsUriQualifier), encodeIa5String(cpsUri))]),
    ...(userNotice === undefined
      ? []
      : [
          encodeSequence(
            encodeOid(Oid.userNoticeQualifier),
            encodeSequence(encodeUtf8String(userNotice)),
          ),
        ]),
  ];
  return qualifiers.length === 0
    ? encodeSequence(encodeOid(oid))
    : encodeSequence(encodeOid(oid), encodeSequence(...qualifiers));
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
  let read: Omit<PolicyInformation, 'oid'> = {};
  if (!reader.isAtEnd) {
    const qualifiers = reader.readConstructed();
    do {
      read = { ...read, ...readQualifier(qualifiers.readConstructed()) };
    } while (!qualifiers.isAtEnd);
  }
  reader.expectEnd();
  return { oid, ...read };
}

function readQualifier(reader: DerReader): Omit<PolicyInformation, 'oid'> {
  const kind = reader.readOid();
  if (kind === Oid.cpsUriQualifier && reader.peekTag() === Tag.ia5String) {
    const cpsUri = reader.readString().value;
    reader.expectEnd();
    return { cpsUri };
  }
  if (kind === Oid.userNoticeQualifier && reader.peekTag() === Tag.sequence) {
    const notice = reader.readConstructed();
    reader.expectEnd();
    if (notice.peekTag() === Tag.sequence) {
      notice.skip();
    }
    return notice.isAtEnd ? {} : { userNotice: notice.readString().value };
  }
  reader.skip();
  reader.expectEnd();
  return {};
}
