/**
 * A request to revoke a certificate as CMC has it (RFC 5272): PKIData with one RevokeRequest control (§6.11) and nothing
 * to be certified. It is the content of the SignedData that a subscriber signs (`cms-signed-data.ts`).
 *
 * @module
 */

import { assertDer } from '../asn1/assert-der.ts';
import { DerReader } from '../asn1/der-reader.ts';
import {
  encodeEnumerated,
  encodeInteger,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeUtf8String,
} from '../asn1/der-writer.ts';
import { Tag } from '../asn1/tags.ts';
import { decodeUtf8 } from '../core/bytes.ts';
import { parsing, X509Error } from './errors.ts';
import { type Name, parseName } from './name.ts';
import { Oid } from './object-identifiers.ts';

export interface RevokeRequestContent {
  readonly issuer: Name;
  readonly serialNumber: bigint;
  /** CRLReason. */
  readonly reason: number;
  readonly comment?: string;
}

const MAX_CONTENT_BYTES = 4096;
const MAX_COMMENT_BYTES = 1024;
const BODY_PART = 1;

/** PKIData in DER, to be signed. */
export function encodeRevokeRequest(content: RevokeRequestContent): Uint8Array {
  const { issuer, serialNumber, reason, comment } = content;
  const request = encodeSequence(
    issuer.der,
    encodeInteger(serialNumber),
    encodeEnumerated(reason),
    ...(comment === undefined ? [] : [encodeUtf8String(comment)]),
  );
  const control = encodeSequence(
    encodeInteger(BODY_PART),
    encodeOid(Oid.revokeRequest),
    encodeSetOf(request),
  );
  const none = encodeSequence();
  return encodeSequence(encodeSequence(control), none, none, none);
}

/** @throws {X509Error} `X509_REVOKE_REQUEST` for anything but one control that asks to revoke one certificate. */
export function parseRevokeRequest(der: Uint8Array): RevokeRequestContent {
  if (der.length > MAX_CONTENT_BYTES) {
    throw malformed('it is too large');
  }
  return parsing('X509_REVOKE_REQUEST', 'request to revoke', () => {
    assertDer(der);
    const outer = new DerReader(der);
    const data = outer.readConstructed();
    outer.expectEnd();
    const controls = data.readConstructed();
    const control = controls.readConstructed();
    if (!controls.isAtEnd) {
      throw malformed('it has more than one control');
    }
    for (const what of ['certificates', 'messages', 'others']) {
      if (!data.readConstructed().isAtEnd) {
        throw malformed(`it asks for ${what} as well`);
      }
    }
    data.expectEnd();
    control.readInteger();
    if (control.readOid() !== Oid.revokeRequest) {
      throw malformed('its control does not ask to revoke');
    }
    const values = control.readConstructed(Tag.set);
    control.expectEnd();
    const request = values.readConstructed();
    values.expectEnd();
    return readRequest(request);
  });
}

function readRequest(request: DerReader): RevokeRequestContent {
  const issuer = parseName(request.readElement(Tag.sequence).raw);
  const serialNumber = request.readInteger();
  const reason = request.readSmallInteger(Tag.enumerated);
  if (request.peekTag() === Tag.generalizedTime || request.peekTag() === Tag.octetString) {
    throw malformed('it has a date or a shared secret, which are not taken');
  }
  const comment = request.isAtEnd ? undefined : readComment(request);
  request.expectEnd();
  return { issuer, serialNumber, reason, ...(comment === undefined ? {} : { comment }) };
}

function readComment(request: DerReader): string {
  const bytes = request.readContent(Tag.utf8String);
  const comment = bytes.length <= MAX_COMMENT_BYTES ? decodeUtf8(bytes) : undefined;
  if (comment === undefined) {
    throw malformed('its comment is too long or no UTF-8');
  }
  return comment;
}

function malformed(message: string): X509Error {
  return new X509Error('X509_REVOKE_REQUEST', `the request to revoke cannot be taken: ${message}`);
}
