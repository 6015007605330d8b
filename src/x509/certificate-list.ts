/**
 * Certificate revocation lists, version 2 (RFC 5280 §5.1): reading any, writing ours.
 *
 * Ours are streamed: `buildTbsCertificateList` gives what stands before and behind the entries,
 * `encodeRevokedEntry` an entry, and the caller sends head, entries, tail through the hash once.
 *
 * Not here: which entries belong in which list (ca/), and signing.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import {
  encodeBitString,
  encodeExplicit,
  encodeHeader,
  encodeInteger,
  encodeSequence,
  encodeTime,
} from '../asn1/der-writer.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import { concatBytes, equalBytes } from '../core/bytes.ts';
import { encodeSignatureAlgorithm, type SignatureAlgorithmLike } from './algorithms.ts';
import { maxSerialNumber, parseSigned } from './certificate.ts';
import { RevokedEntryCursor } from './certificate-list-cursor.ts';
import { buildReasonCode, CrlReason, parseCrlNumber } from './crl-extensions.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, encodeExtensions, findExtension, parseExtensions } from './extensions.ts';
import { type Name, parseName } from './name.ts';
import { Oid } from './object-identifiers.ts';

/** One entry of a CRL. */
export interface RevokedEntry {
  readonly serialNumber: bigint;
  readonly revocationMs: number;
  /** CRLReason; absent means unspecified. */
  readonly reason?: number;
  /** The entry as it stands in the list. */
  readonly raw: Uint8Array;
}

/** A CRL without a look at its entries. */
export interface CertificateListHead {
  /** The complete CRL; every other byte array here is a view of it. */
  readonly der: Uint8Array;
  /** What was signed. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2;
  /** AlgorithmIdentifier; see `parseSignatureAlgorithm`. */
  readonly signatureAlgorithm: Uint8Array;
  readonly issuer: Name;
  readonly thisUpdateMs: number;
  /** Absent only in lists that RFC 5280 §5.1.2.5 does not allow. */
  readonly nextUpdateMs?: number;
  readonly extensions: readonly Extension[];
  /** cRLNumber. */
  readonly number?: bigint;
  /** The entries one after another, without the SEQUENCE around them. */
  readonly entryBytes: Uint8Array;
  readonly signature: Uint8Array;
}

export interface CertificateList extends CertificateListHead {
  readonly entryCount: number;
  /** The entries, parsed one at a time. */
  entries(): Iterable<RevokedEntry>;
  /** A cursor before the first entry, for lists too long for an object per entry. */
  cursor(): RevokedEntryCursor;
}

const extensionsTag = contextTag(0, 'constructed');

/**
 * Parses one CRL in strict DER, each of its entries included.
 *
 * @throws {X509Error} `X509_CERTIFICATE_LIST`; `X509_NAME` or `X509_EXTENSION` when that part of it
 *   is malformed.
 */
export function parseCertificateList(der: Uint8Array): CertificateList {
  return parsing('X509_CERTIFICATE_LIST', 'certificate list', () => {
    const head = parseCertificateListHead(der);
    const { entryBytes } = head;
    return {
      ...head,
      entryCount: countEntries(entryBytes),
      entries: () => listEntries(entryBytes),
      cursor: () => new RevokedEntryCursor(entryBytes),
    };
  });
}

/**
 * Parses one CRL except for its entries, which are passed over as one element: for lists that were
 * checked before, of whatever size.
 *
 * @throws {X509Error} As {@link parseCertificateList}.
 */
export function parseCertificateListHead(der: Uint8Array): CertificateListHead {
  return parsing('X509_CERTIFICATE_LIST', 'certificate list', () => {
    const { tbs, signatureAlgorithm, signature } = parseSigned(der);
    const reader = new DerReader(tbs).readConstructed();
    const version = readVersion(reader);
    const innerAlgorithm = reader.readElement(Tag.sequence).raw;
    const issuer = parseName(reader.readElement(Tag.sequence).raw);
    const thisUpdateMs = reader.readTime();
    const nextUpdateMs = isTime(reader.peekTag()) ? reader.readTime() : undefined;
    const entryBytes = readEntryBytes(reader);
    const extensions = readExtensions(reader, version);
    if (!equalBytes(innerAlgorithm, signatureAlgorithm)) {
      // RFC 5280 §5.1.1.2
      throw new X509Error('X509_CERTIFICATE_LIST', 'the two signature algorithms are not the same');
    }
    const number = findExtension(extensions, Oid.crlNumber);
    return {
      der,
      tbs,
      version,
      signatureAlgorithm,
      issuer,
      thisUpdateMs,
      ...(nextUpdateMs === undefined ? {} : { nextUpdateMs }),
      extensions,
      ...(number === undefined ? {} : { number: parseCrlNumber(number.value) }),
      entryBytes,
      signature,
    };
  });
}

function readVersion(reader: DerReader): 1 | 2 {
  if (reader.peekTag() !== Tag.integer) {
    return 1;
  }
  if (reader.readInteger() !== 1n) {
    throw new X509Error('X509_CERTIFICATE_LIST', 'the version of the certificate list is not 2');
  }
  return 2;
}

function isTime(tag: number | undefined): boolean {
  return tag === Tag.utcTime || tag === Tag.generalizedTime;
}

/** RFC 5280 §5.1.2.6: without revoked certificates the field is absent, not empty. */
function readEntryBytes(reader: DerReader): Uint8Array {
  const field = reader.readOptional(Tag.sequence);
  if (field?.content.length === 0) {
    throw new X509Error('X509_CERTIFICATE_LIST', 'revokedCertificates is there but empty');
  }
  return field?.content ?? new Uint8Array(0);
}

function readExtensions(reader: DerReader, version: number): readonly Extension[] {
  const wrapper = reader.readOptional(extensionsTag);
  reader.expectEnd();
  if (wrapper === undefined) {
    return [];
  }
  if (version === 1) {
    throw new X509Error('X509_CERTIFICATE_LIST', 'extensions in a version 1 certificate list');
  }
  return parseExtensions(wrapper.content);
}

/** Counts the entries and checks them, so that nobody behind this meets a malformed one. */
function countEntries(entryBytes: Uint8Array): number {
  const cursor = new RevokedEntryCursor(entryBytes);
  let count = 0;
  while (cursor.next()) {
    cursor.check();
    count += 1;
  }
  return count;
}

function* listEntries(entryBytes: Uint8Array): Generator<RevokedEntry> {
  const cursor = new RevokedEntryCursor(entryBytes);
  while (cursor.next()) {
    yield currentEntry(cursor);
  }
}

function currentEntry(cursor: RevokedEntryCursor): RevokedEntry {
  const { serialNumber, revocationMs, reason, raw } = cursor;
  return { serialNumber, revocationMs, ...(reason === undefined ? {} : { reason }), raw };
}

/** The entry of a serial number, or undefined. Walks the list once. */
export function findRevokedEntry(
  list: CertificateList,
  serialNumber: bigint,
): RevokedEntry | undefined {
  const content = new DerReader(encodeInteger(serialNumber)).readContent(Tag.integer);
  const cursor = list.cursor();
  while (cursor.next()) {
    if (cursor.hasSerial(content)) {
      return currentEntry(cursor);
    }
  }
  return undefined;
}

/**
 * Encodes one entry.
 *
 * @param entry `reason` 0 (unspecified) is left out, as RFC 5280 §5.3.1 asks.
 * @throws {X509Error} `X509_CERTIFICATE_LIST` for a serial number outside 1 to 2^159 - 1;
 *   `X509_EXTENSION` for a number that is no reason.
 */
export function encodeRevokedEntry(entry: {
  readonly serialNumber: bigint;
  readonly revokedMs: number;
  readonly reason?: number;
  /** Further extensions, behind the reason. */
  readonly extensions?: readonly Extension[];
}): Uint8Array {
  const { serialNumber, revokedMs, reason = CrlReason.unspecified } = entry;
  if (serialNumber < 1n || serialNumber > maxSerialNumber) {
    throw new X509Error('X509_CERTIFICATE_LIST', 'a serial number is positive, up to 20 octets');
  }
  const extensions = [
    ...(reason === CrlReason.unspecified ? [] : [buildReasonCode(reason)]),
    ...(entry.extensions ?? []),
  ];
  return parsing('X509_CERTIFICATE_LIST', 'entry of a certificate list', () =>
    encodeSequence(
      encodeInteger(serialNumber),
      encodeTime(revokedMs),
      ...(extensions.length === 0 ? [] : [encodeExtensions(extensions)]),
    ),
  );
}

export interface TbsCertificateList {
  readonly issuer: Name;
  readonly algorithm: SignatureAlgorithmLike;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Written in this order; not empty, since a CRL has at least its number. */
  readonly extensions: readonly Extension[];
  /** Octets of all entries together; 0 for an empty list. */
  readonly entriesLength: number;
}

/** What stands around the entries: `head`, the entries, `tail` are the bytes to be signed. */
export interface TbsListParts {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /** Octets of head, entries and tail. */
  readonly length: number;
}

/**
 * Encodes a version 2 TBSCertList without its entries.
 *
 * @throws {X509Error} `X509_CERTIFICATE_LIST` when nextUpdate is not after thisUpdate;
 *   `X509_EXTENSION`.
 */
export function buildTbsCertificateList(list: TbsCertificateList): TbsListParts {
  return parsing('X509_CERTIFICATE_LIST', 'certificate list', () => encodeAroundEntries(list));
}

function encodeAroundEntries(list: TbsCertificateList): TbsListParts {
  if (!(list.nextUpdateMs > list.thisUpdateMs)) {
    throw new X509Error('X509_CERTIFICATE_LIST', 'nextUpdate is not after thisUpdate');
  }
  const fields = concatBytes(
    encodeInteger(1),
    encodeSignatureAlgorithm(list.algorithm),
    list.issuer.der,
    encodeTime(list.thisUpdateMs),
    encodeTime(list.nextUpdateMs),
    list.entriesLength === 0 ? new Uint8Array(0) : encodeHeader(Tag.sequence, list.entriesLength),
  );
  const tail = encodeExplicit(0, encodeExtensions(list.extensions));
  const contentLength = fields.length + list.entriesLength + tail.length;
  const head = concatBytes(encodeHeader(Tag.sequence, contentLength), fields);
  return { head, tail, length: head.length + list.entriesLength + tail.length };
}

/**
 * What stands around the signed bytes of a CRL: `head`, the signed bytes, `tail` are the CRL.
 *
 * @param tbsLength Octets that were signed; `TbsListParts.length`.
 */
export function buildSignedEnvelope(
  tbsLength: number,
  algorithm: SignatureAlgorithmLike,
  signature: Uint8Array,
): { readonly head: Uint8Array; readonly tail: Uint8Array } {
  const tail = concatBytes(encodeSignatureAlgorithm(algorithm), encodeBitString(signature));
  return { head: encodeHeader(Tag.sequence, tbsLength + tail.length), tail };
}
