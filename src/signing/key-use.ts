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
import { parseName, sameName } from '../x509/name.ts';
import { Oid } from '../x509/object-identifiers.ts';
import type { Content } from './content.ts';
import { SigningError } from './errors.ts';
import type { KeyDescription, KeyUsagePurpose, SigningAlgorithm } from './signer.ts';

/**
 * `self-signed`: the CA's name on both sides, and this very key. `link`: the CA's name on both sides and another key of
 * it, as at a renewal: one that the token holds for the same CA, so that nobody else's key becomes the CA's. `cross`:
 * another CA's certificate. `end-entity`: everything that verifiers take for no CA, subscribers, staff and servers
 * alike, who cannot be told apart by looking; an OCSP responder (RFC 6960 §4.2.2.2) only with a key of the token for it.
 */
export type CertificateKind = 'self-signed' | 'link' | 'cross' | 'end-entity';

export interface KeyUse {
  /** DER Name (RFC 5280 §4.1.2.4): the issuer of everything that is signed, and of what answers are about. */
  readonly issuer: Uint8Array;
  /** None for a responder's key. */
  readonly certificates: readonly CertificateKind[];
  /** Signs with SHA-1 too: the policy allowed legacy algorithms when the key was made. */
  readonly sha1?: true | undefined;
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
  const { issuer, certificates, sha1 } = value as Partial<Record<string, unknown>>;
  return (
    (sha1 === undefined || sha1 === true) &&
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
  readonly sha1?: true;
}

export function storeKeyUse({ issuer, certificates, sha1 }: KeyUse): StoredKeyUse {
  return {
    issuer: Buffer.from(issuer).toString('base64'),
    certificates,
    ...(sha1 === undefined ? {} : { sha1 }),
  };
}

/** @returns undefined for what `storeKeyUse` does not make. */
export function readKeyUse(value: unknown): KeyUse | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { issuer, certificates, sha1 } = value as Partial<Record<string, unknown>>;
  if (typeof issuer !== 'string') {
    return undefined;
  }
  const use = {
    issuer: Uint8Array.from(Buffer.from(issuer, 'base64')),
    certificates,
    ...(sha1 === undefined ? {} : { sha1 }),
  };
  return isKeyUse(use) ? use : undefined;
}

/**
 * @param others The keys of the token.
 * @returns the other key that makes it right, for the token to make sure that it has it.
 * @throws {SigningError} `SIGNING_USAGE_REFUSED` when the content is not what the key may sign for this purpose. Keys
 *   without a list of uses sign anything for their purposes.
 */
export function assertUse(
  key: KeyDescription,
  request: {
    readonly purpose: KeyUsagePurpose;
    readonly algorithm: SigningAlgorithm;
    readonly content: Content;
  },
  others: () => readonly KeyDescription[] = () => [],
): KeyDescription | undefined {
  if (key.use === undefined) {
    return undefined;
  }
  const found = judge({ key, use: key.use, others }, request);
  if (typeof found === 'string') {
    throw new SigningError(
      'SIGNING_USAGE_REFUSED',
      `key ${key.label} does not sign this: ${found}`,
    );
  }
  return found;
}

/**
 * Whether a certificate is one for another CA, as this looks at it. What cannot be read is refused elsewhere, and a key
 * without a list of uses could sign anything: then whatever is no end entity's counts.
 */
export function isCrossCertificate(key: KeyDescription, content: Content): boolean {
  if (content.kind !== 'whole') {
    return false;
  }
  try {
    const tbs = readTbsCertificate(content.bytes);
    const issuer = key.use?.issuer ?? tbs?.issuer;
    if (tbs === undefined || issuer === undefined) {
      return false;
    }
    return kindOf(tbs, { key, use: { issuer, certificates: [] } }) === 'cross';
  } catch {
    return false;
  }
}

/** Who is to sign. */
interface UsedKey {
  readonly key: KeyDescription;
  readonly use: KeyUse;
  readonly others: () => readonly KeyDescription[];
}

/** What is wrong, or the other key that makes it right. */
function judge(
  used: UsedKey,
  { purpose, algorithm, content }: Parameters<typeof assertUse>[1],
): string | KeyDescription | undefined {
  const { key, use } = used;
  try {
    switch (purpose) {
      case 'certificate':
        return judgeCertificate(used, { algorithm, content });
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

function judgeCertificate(
  { key, use, others }: UsedKey,
  { algorithm, content }: Judged,
): string | KeyDescription | undefined {
  if (content.kind !== 'whole') {
    return 'it is too long for a certificate';
  }
  const tbs = readTbsCertificate(content.bytes);
  if (tbs === undefined) {
    return 'it is no certificate of version 3';
  }
  if (tbs.algorithm !== oidOf(algorithm)) {
    return 'it names another signature algorithm';
  }
  if (!equalBytes(tbs.issuer, use.issuer)) {
    return 'its issuer is another CA';
  }
  const kind = kindOf(tbs, { key, use });
  if (!use.certificates.includes(kind)) {
    return `a ${kind} certificate is not among ${use.certificates.join(', ')}`;
  }
  const otherFor = (purpose: KeyUsagePurpose): KeyDescription | undefined =>
    others().find((other) => isSibling(other, { use, tbs, purpose }));
  if (kind === 'link') {
    return (
      otherFor('certificate') ??
      "a link certificate for a key that is none of the CA's in this token"
    );
  }
  return tbs.answersStatus
    ? (otherFor('ocsp') ??
        'a responder certificate for a key that is none for answers in this token')
    : undefined;
}

/** True for the key in the certificate when it is one of the same CA for this; one without a list of uses is of any. */
function isSibling(
  { spki, purposes, use }: KeyDescription,
  by: { readonly use: KeyUse; readonly tbs: TbsFacts; readonly purpose: KeyUsagePurpose },
): boolean {
  return (
    equalBytes(spki, by.tbs.spki) &&
    purposes.includes(by.purpose) &&
    (use === undefined || equalBytes(use.issuer, by.use.issuer))
  );
}

interface TbsFacts {
  readonly algorithm: string;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  /** Some verifier takes certificates or lists that its key has signed. */
  readonly isCa: boolean;
  /** Verifiers take its answers about certificates of this CA. */
  readonly answersStatus: boolean;
}

/**
 * By the name first: whatever has the CA's own can sign lists in its name, unless it says that it does not (RFC 5280
 * §6.3.3 f).
 */
function kindOf(
  { subject, spki, isCa }: TbsFacts,
  { key, use }: { readonly key: KeyDescription; readonly use: KeyUse },
): CertificateKind {
  if (sameName(parseName(subject), parseName(use.issuer))) {
    return equalBytes(spki, key.spki) ? 'self-signed' : 'link';
  }
  return isCa ? 'cross' : 'end-entity';
}

const EXTENSIONS = 0xa3;
const VERSION = 0xa0;
const VERSION_3 = 2n;
const ISSUER_UNIQUE_ID = 0x81;
const SUBJECT_UNIQUE_ID = 0x82;

/** TBSCertificate (RFC 5280 §4.1), as far as it says what kind of certificate it is. @throws {DerError} */
function readTbsCertificate(bytes: Uint8Array): TbsFacts | undefined {
  const outer = new DerReader(bytes);
  const tbs = outer.readConstructed();
  outer.expectEnd();
  const version = tbs.readConstructed(VERSION);
  if (version.readInteger() !== VERSION_3) {
    return undefined;
  }
  version.expectEnd();
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
  const powers =
    extensions === undefined
      ? { isCa: false, answersStatus: false }
      : readPowers(new DerReader(extensions.content));
  return { algorithm, issuer, subject, spki, ...powers };
}

const KEY_USAGE_CA_BITS = [5, 6];
const NETSCAPE_CA_BITS = [5, 6, 7];

/**
 * What the extensions let the key do. Not by cA of basicConstraints alone: without that extension OpenSSL takes
 * keyCertSign, and Netscape's type, for a CA; cRLSign makes a signer of lists.
 */
function readPowers(extensions: DerReader): Pick<TbsFacts, 'isCa' | 'answersStatus'> {
  const list = extensions.readConstructed();
  extensions.expectEnd();
  let isCa = false;
  let answersStatus = false;
  while (!list.isAtEnd) {
    const extension = list.readConstructed();
    const oid = extension.readOid();
    extension.readOptional(Tag.boolean);
    const value = new DerReader(extension.readOctetString());
    if (oid === Oid.basicConstraints) {
      const constraints = value.readConstructed();
      isCa ||= constraints.peekTag() === Tag.boolean && constraints.readBoolean();
    } else if (oid === Oid.keyUsage || oid === Oid.netscapeCertType) {
      const bits = value.readNamedBits();
      const wanted = oid === Oid.keyUsage ? KEY_USAGE_CA_BITS : NETSCAPE_CA_BITS;
      isCa ||= wanted.some((bit) => bits.has(bit));
    } else if (oid === Oid.extendedKeyUsage) {
      const purposes = value.readConstructed();
      while (!purposes.isAtEnd) {
        answersStatus = purposes.readOid() === Oid.ocspSigning || answersStatus;
      }
    }
  }
  return { isCa, answersStatus };
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

const rsaOids = { sha1: '5', sha256: '11', sha384: '12', sha512: '13' } as const;
const ecdsaOids = { sha256: '2', sha384: '3', sha512: '4' } as const;

/** The algorithm as certificates and lists name it (RFC 4055, RFC 5758). */
function oidOf(algorithm: SigningAlgorithm): string | undefined {
  switch (algorithm.scheme) {
    case 'rsa-pkcs1':
      return `1.2.840.113549.1.1.${rsaOids[algorithm.digest]}`;
    case 'rsa-pss':
      return '1.2.840.113549.1.1.10';
    case 'ecdsa':
      return algorithm.digest === 'sha1'
        ? undefined
        : `1.2.840.10045.4.3.${ecdsaOids[algorithm.digest]}`;
    case 'ed25519':
      return undefined;
  }
}
