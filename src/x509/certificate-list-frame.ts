/**
 * Where the entries of a CRL lie and what stands before them, found from its beginning alone (RFC 5280 §5.1): for lists that are read in pieces.
 *
 * Not here: reading what is around them (`certificate-list.ts`), or the entries (`certificate-list-cursor.ts`).
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import { Tag } from '../asn1/tags.ts';
import { X509Error } from './errors.ts';
import { type Name, parseName } from './name.ts';

/** Positions in octets from the beginning of the list. */
export interface CertificateListFrame {
  /** Where the first entry begins; where the field would stand in a list without one. */
  readonly entriesStart: number;
  /** Behind the last entry; the same in an empty list. */
  readonly entriesEnd: number;
}

interface Header {
  readonly tag: number;
  readonly contentStart: number;
  readonly contentEnd: number;
}

/**
 * Finds the entries.
 *
 * @param beginning At least everything up to the first entry; or the whole list.
 * @param byteLength Of the whole list.
 * @throws {X509Error} `X509_CERTIFICATE_LIST`
 */
export function findEntries(beginning: Uint8Array, byteLength: number): CertificateListFrame {
  const list = expectHeader(beginning, 0, Tag.sequence);
  const tbs = expectHeader(beginning, list.contentStart, Tag.sequence);
  if (list.contentEnd !== byteLength || tbs.contentEnd > byteLength) {
    throw malformed();
  }
  let at = tbs.contentStart;
  const version = expectHeader(beginning, at);
  at = version.tag === Tag.integer ? version.contentEnd : at;
  // signature, issuer, thisUpdate
  at = expectHeader(beginning, at, Tag.sequence).contentEnd;
  at = expectHeader(beginning, at, Tag.sequence).contentEnd;
  at = expectHeader(beginning, at).contentEnd;
  const next = at < tbs.contentEnd ? expectHeader(beginning, at) : undefined;
  if (next?.tag === Tag.utcTime || next?.tag === Tag.generalizedTime) {
    at = next.contentEnd;
  }
  const entries = at < tbs.contentEnd ? expectHeader(beginning, at) : undefined;
  if (entries?.tag !== Tag.sequence) {
    return { entriesStart: at, entriesEnd: at };
  }
  if (entries.contentEnd > tbs.contentEnd) {
    throw malformed();
  }
  return { entriesStart: entries.contentStart, entriesEnd: entries.contentEnd };
}

/** What a list says of itself before its entries. */
export interface CertificateListBeginning {
  readonly issuer: Name;
  readonly thisUpdateMs: number;
}

/**
 * Reads the issuer and thisUpdate.
 *
 * @param beginning At least everything up to them; or the whole list.
 * @throws {X509Error} `X509_CERTIFICATE_LIST`, `X509_NAME`. @throws {DerError}
 */
export function parseListBeginning(beginning: Uint8Array): CertificateListBeginning {
  const list = expectHeader(beginning, 0, Tag.sequence);
  const tbs = expectHeader(beginning, list.contentStart, Tag.sequence);
  const version = expectHeader(beginning, tbs.contentStart);
  const at = version.tag === Tag.integer ? version.contentEnd : tbs.contentStart;
  const algorithm = expectHeader(beginning, at, Tag.sequence);
  const issuer = expectHeader(beginning, algorithm.contentEnd, Tag.sequence);
  const time = expectHeader(beginning, issuer.contentEnd);
  if (time.contentEnd > beginning.length) {
    throw malformed();
  }
  return {
    issuer: parseName(beginning.subarray(algorithm.contentEnd, issuer.contentEnd)),
    thisUpdateMs: new DerReader(beginning.subarray(issuer.contentEnd, time.contentEnd)).readTime(),
  };
}

/** The length of the element at `at`, tag and length included; its header must be there. */
export function elementLength(bytes: Uint8Array, at: number): number {
  // Nearly every entry of a list is shorter than 128 octets.
  const first = bytes[at + 1] ?? 0x80;
  return first < 0x80 ? first + 2 : expectHeader(bytes, at).contentEnd - at;
}

function expectHeader(bytes: Uint8Array, at: number, tag?: number): Header {
  const found = bytes[at];
  const first = bytes[at + 1];
  if (found === undefined || first === undefined || (tag !== undefined && found !== tag)) {
    throw malformed();
  }
  if (first < 0x80) {
    return { tag: found, contentStart: at + 2, contentEnd: at + 2 + first };
  }
  const octets = first - 0x80;
  if (octets === 0 || octets > 6 || at + 2 + octets > bytes.length) {
    throw malformed();
  }
  let length = 0;
  for (let index = 0; index < octets; index += 1) {
    length = length * 256 + (bytes[at + 2 + index] ?? 0);
  }
  const contentStart = at + 2 + octets;
  return { tag: found, contentStart, contentEnd: contentStart + length };
}

function malformed(): X509Error {
  return new X509Error(
    'X509_CERTIFICATE_LIST',
    'the beginning of a certificate list is not that of one',
  );
}
