/**
 * What a CA's key may sign, looked at where the key is: certificates of given kinds and lists, all in the CA's own name. A
 * responder's key signs answers about certificates of that CA, in its own name (RFC 6960 §4.2.1), and nothing else.
 *
 * The list is fixed when the key is made, and bound to it (sealed beside it in the software token, signed by it in the key
 * register). The signer process parses what it is handed and finds out for itself what it is; a main process that is
 * wrong about that, or lies, gets no signature. RFC 5280 §4.1 and §5.1, RFC 2986 §4.1.
 *
 * Not here: whether a certificate should be issued, or what is in a list (`src/ca`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { DerReader } from '../asn1/der-reader.ts';
import { Tag } from '../asn1/tags.ts';
import { equalBytes } from '../core/bytes.ts';
import type { Content } from './content.ts';
import { SigningError } from './errors.ts';
import type { KeyDescription, KeyUsagePurpose, SigningAlgorithm } from './signer.ts';

/**
 * `self-signed`: the CA's name on both sides, and this very key. `link`: the CA's name on both sides and another key of
 * it, as at a renewal: one that the token holds for the same CA, so that nobody else's key becomes the CA's. `cross`: another CA's certificate. `end-entity`: everything that is no CA, subscribers, staff,
 * servers and responders alike; they cannot be told apart by looking.
 */
export type CertificateKind = 'self-signed' | 'link' | 'cross' | 'end-entity';

export interface KeyUse {
  /** DER Name (RFC 5280 §4.1.2.4): the issuer of everything that is signed, and of what answers are about. */
  readonly issuer: Uint8Array;
  /** None for a responder's key. */
  readonly certificates: readonly CertificateKind[];
}

const kinds: Readonly<Record<CertificateKind, true>> = {
  'self-signed': true,
  link: true,
  cross: true,
  'end-entity': true,
};

export const allCertificateKinds: readonly CertificateKind[] = Object.keys(
  kinds,
) as readonly CertificateKind[];

/** Purposes whose content can be looked at; a key with a `KeyUse` has no other. */
const judgedPurposes: ReadonlySet<KeyUsagePurpose> = new Set([
  'certificate',
  'crl',
  'ocsp',
  'request',
]);

/** A name is far shorter. */
const MAX_NAME_BYTES = 4096;

/** True for what may stand in a key's record. */
export function isKeyUse(value: unknown): value is KeyUse {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { issuer, certificates } = value as Partial<Record<string, unknown>>;
  return (
    issuer instanceof Uint8Array &&
    issuer.length > 0 &&
    issuer.length <= MAX_NAME_BYTES &&
    Array.isArray(certificates) &&
    certificates.every((kind) => typeof kind === 'string' && Object.hasOwn(kinds, kind)) &&
    new Set(certificates).size === certificates.length
  );
}

/** True when a key of these purposes can have a list of uses. A CA's key signs no answers: it delegates that. */
export function areJudged(purposes: readonly KeyUsagePurpose[]): boolean {
  const isCa = purposes.includes('certificate') || purposes.includes('crl');
  return (
    purposes.every((purpose) => judgedPurposes.has(purpose)) && !(isCa && purposes.includes('ocsp'))
  );
}

/** A key's uses as JSON keeps them. */
export interface StoredKeyUse {
  /** Base64. */
  readonly issuer: string;
  readonly certificates: readonly CertificateKind[];
}

export function storeKeyUse({ issuer, certificates }: KeyUse): StoredKeyUse {
  return { issuer: Buffer.from(issuer).toString('base64'), certificates };
}

/** @returns undefined for what `storeKeyUse` does not make. */
export function readKeyUse(value: unknown): KeyUse | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { issuer, certificates } = value as Partial<Record<string, unknown>>;
  if (typeof issuer !== 'string') {
    return undefined;
  }
  const use = { issuer: Uint8Array.from(Buffer.from(issuer, 'base64')), certificates };
  return isKeyUse(use) ? use : undefined;
}

/**
 * @throws {SigningError} `SIGNING_USAGE_REFUSED` when the content is not what the key may sign for this purpose. Keys
 *   without a list of uses sign anything for their purposes.
 * @param others The keys of the token.
 */
export function assertUse(
  key: KeyDescription,
  request: {
    readonly purpose: KeyUsagePurpose;
    readonly algorithm: SigningAlgorithm;
    readonly content: Content;
  },
  others: () => readonly KeyDescription[] = () => [],
): void {
  if (key.use === undefined) {
    return;
  }
  const what = findFault({ key, use: key.use, others }, request);
  if (what !== undefined) {
    throw new SigningError('SIGNING_USAGE_REFUSED', `key ${key.label} does not sign this: ${what}`);
  }
}

/** Who is to sign. */
interface UsedKey {
  readonly key: KeyDescription;
  readonly use: KeyUse;
  readonly others: () => readonly KeyDescription[];
}

function findFault(
  used: UsedKey,
  { purpose, algorithm, content }: Parameters<typeof assertUse>[1],
): string | undefined {
  const { key, use } = used;
  try {
    switch (purpose) {
      case 'certificate':
        return findCertificateFault(used, { algorithm, content });
      case 'crl':
        return findListFault(use, { algorithm, content });
      case 'request':
        return findRequestFault(key, content);
      case 'ocsp':
        return findAnswerFault(key, use, content);
      case 'audit':
      case 'tls':
        return `a CA's key is not for ${purpose}`;
    }
  } catch {
    // What the DER reader refuses.
    return `it is no ${contentNames[purpose] ?? purpose}`;
  }
}

const contentNames: Readonly<Partial<Record<KeyUsagePurpose, string>>> = {
  crl: 'list',
  ocsp: 'OCSP answer',
};

interface Judged {
  readonly algorithm: SigningAlgorithm;
  readonly content: Content;
}

function findCertificateFault(
  { key, use, others }: UsedKey,
  { algorithm, content }: Judged,
): string | undefined {
  if (content.kind !== 'whole') {
    return 'it is too long for a certificate';
  }
  const tbs = readTbsCertificate(content.bytes);
  if (tbs.algorithm !== oidOf(algorithm)) {
    return 'it names another signature algorithm';
  }
  if (!equalBytes(tbs.issuer, use.issuer)) {
    return 'its issuer is another CA';
  }
  const kind = kindOf(tbs, key);
  if (!use.certificates.includes(kind)) {
    return `a ${kind} certificate is not among ${use.certificates.join(', ')}`;
  }
  return kind === 'link' && !others().some((other) => isSibling(other, use, tbs))
    ? "a link certificate for a key that is none of the CA's in this token"
    : undefined;
}

/** True for the key in the certificate when it is one of the same CA; one without a list of uses is of any. */
function isSibling(
  { spki, purposes, use }: KeyDescription,
  { issuer }: KeyUse,
  tbs: TbsFacts,
): boolean {
  return (
    equalBytes(spki, tbs.spki) &&
    purposes.includes('certificate') &&
    (use === undefined || equalBytes(use.issuer, issuer))
  );
}

interface TbsFacts {
  readonly algorithm: string;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly isCa: boolean;
}

function kindOf({ issuer, subject, spki, isCa }: TbsFacts, key: KeyDescription): CertificateKind {
  if (!isCa) {
    return 'end-entity';
  }
  if (!equalBytes(issuer, subject)) {
    return 'cross';
  }
  return equalBytes(spki, key.spki) ? 'self-signed' : 'link';
}

const EXTENSIONS = 0xa3;
const VERSION = 0xa0;
const ISSUER_UNIQUE_ID = 0x81;
const SUBJECT_UNIQUE_ID = 0x82;
const BASIC_CONSTRAINTS = '2.5.29.19';

/** TBSCertificate (RFC 5280 §4.1), as far as it says what kind of certificate it is. */
function readTbsCertificate(bytes: Uint8Array): TbsFacts {
  const outer = new DerReader(bytes);
  const tbs = outer.readConstructed();
  outer.expectEnd();
  tbs.readElement(VERSION);
  tbs.readInteger();
  const algorithm = tbs.readConstructed().readOid();
  const issuer = tbs.readElement(Tag.sequence).raw;
  const validity = tbs.readConstructed();
  validity.readTime();
  validity.readTime();
  const subject = tbs.readElement(Tag.sequence).raw;
  const spki = tbs.readElement(Tag.sequence).raw;
  tbs.readOptional(ISSUER_UNIQUE_ID);
  tbs.readOptional(SUBJECT_UNIQUE_ID);
  const extensions = tbs.readOptional(EXTENSIONS);
  tbs.expectEnd();
  const isCa = extensions !== undefined && saysCa(new DerReader(extensions.content));
  return { algorithm, issuer, subject, spki, isCa };
}

function saysCa(extensions: DerReader): boolean {
  const list = extensions.readConstructed();
  extensions.expectEnd();
  let isCa = false;
  while (!list.isAtEnd) {
    const extension = list.readConstructed();
    const oid = extension.readOid();
    extension.readOptional(Tag.boolean);
    const value = extension.readOctetString();
    if (oid === BASIC_CONSTRAINTS) {
      const constraints = new DerReader(value).readConstructed();
      isCa ||= constraints.peekTag() === Tag.boolean && constraints.readBoolean();
    }
  }
  return isCa;
}

const REVOKED_OR_END: ReadonlySet<number | undefined> = new Set([Tag.sequence, 0xa0]);

/**
 * TBSCertList (RFC 5280 §5.1): its head, and that it is one element as long as all that is signed. Entries and
 * extensions are not looked at: nothing else that starts like this is as long and is no list.
 */
function findListFault(use: KeyUse, { algorithm, content }: Judged): string | undefined {
  const head = content.kind === 'whole' ? content.bytes : content.head;
  const lengthBytes = content.kind === 'whole' ? content.bytes.length : content.lengthBytes;
  const header = readSequenceHeader(head);
  if (header === undefined || header.headerBytes + header.contentBytes !== lengthBytes) {
    return 'it is no list';
  }
  const tbs = new DerReader(head, header.headerBytes);
  if (tbs.readInteger() !== 1n) {
    return 'it is no list of version 2';
  }
  if (tbs.readConstructed().readOid() !== oidOf(algorithm)) {
    return 'it names another signature algorithm';
  }
  if (!equalBytes(tbs.readElement(Tag.sequence).raw, use.issuer)) {
    return 'its issuer is another CA';
  }
  tbs.readTime();
  tbs.readTime();
  return REVOKED_OR_END.has(tbs.peekTag()) ? undefined : 'it is no list';
}

/** The header of a SEQUENCE whose content need not be there. */
function readSequenceHeader(
  bytes: Uint8Array,
): { readonly headerBytes: number; readonly contentBytes: number } | undefined {
  const [tag, first = 0] = bytes;
  if (tag !== Tag.sequence) {
    return undefined;
  }
  if (first < 0x80) {
    return { headerBytes: 2, contentBytes: first };
  }
  const count = first & 0x7f;
  if (count === 0 || count > 4) {
    return undefined;
  }
  const contentBytes = bytes.subarray(2, 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
  return { headerBytes: 2 + count, contentBytes };
}

/** CertificationRequestInfo (RFC 2986 §4.1) for this very key. */
function findRequestFault(key: KeyDescription, content: Content): string | undefined {
  if (content.kind !== 'whole') {
    return 'it is too long for a request';
  }
  const outer = new DerReader(content.bytes);
  const info = outer.readConstructed();
  outer.expectEnd();
  if (info.readInteger() !== 0n) {
    return 'it is no request of version 1';
  }
  info.readElement(Tag.sequence);
  const spki = info.readElement(Tag.sequence).raw;
  info.readOptional(VERSION);
  info.expectEnd();
  return equalBytes(spki, key.spki) ? undefined : 'it is for another key';
}

const RESPONDER_BY_KEY = 0xa2;
const ANSWER_EXTENSIONS = 0xa1;
const issuerDigests: Readonly<Record<string, 'sha1' | 'sha256'>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
};

/** ResponseData (RFC 6960 §4.2.1) by this very key, and about certificates of its CA alone. */
function findAnswerFault(key: KeyDescription, use: KeyUse, content: Content): string | undefined {
  if (content.kind !== 'whole') {
    return 'it is too long for an OCSP answer';
  }
  const outer = new DerReader(content.bytes);
  const data = outer.readConstructed();
  outer.expectEnd();
  const responder = data.readConstructed(RESPONDER_BY_KEY).readOctetString();
  if (!equalBytes(responder, createHash('sha1').update(publicKeyBits(key.spki)).digest())) {
    return 'it names another responder';
  }
  data.readGeneralizedTime();
  const answers = data.readConstructed();
  data.readOptional(ANSWER_EXTENSIONS);
  data.expectEnd();
  do {
    const certId = answers.readConstructed().readConstructed();
    const digest = issuerDigests[certId.readConstructed().readOid()];
    const nameHash = certId.readOctetString();
    const isOurs =
      digest !== undefined && equalBytes(nameHash, createHash(digest).update(use.issuer).digest());
    if (!isOurs) {
      return 'it is about a certificate of another CA';
    }
  } while (!answers.isAtEnd);
  return undefined;
}

function publicKeyBits(spki: Uint8Array): Uint8Array {
  const info = new DerReader(spki).readConstructed();
  info.readElement(Tag.sequence);
  return info.readBitString().bytes;
}

const rsaOids = { sha256: '11', sha384: '12', sha512: '13' } as const;
const ecdsaOids = { sha256: '2', sha384: '3', sha512: '4' } as const;

/** The algorithm as certificates and lists name it (RFC 4055, RFC 5758). */
function oidOf(algorithm: SigningAlgorithm): string | undefined {
  switch (algorithm.scheme) {
    case 'rsa-pkcs1':
      return `1.2.840.113549.1.1.${rsaOids[algorithm.digest]}`;
    case 'rsa-pss':
      return '1.2.840.113549.1.1.10';
    case 'ecdsa':
      return `1.2.840.10045.4.3.${ecdsaOids[algorithm.digest]}`;
    case 'ed25519':
      return undefined;
  }
}
