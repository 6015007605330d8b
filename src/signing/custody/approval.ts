/**
 * An operation on keys that custodians are asked for, and one custodian's approval of it.
 *
 * An approval is a signature over the hash of the whole proposal: what is to be done, to the last detail, for which
 * custody, under which number used once, until when. For an activation it also carries the custodian's share, readable by
 * the signer process alone (X25519, HKDF-SHA-256, AES-256-GCM).
 *
 * Not here: counting approvals (`approval-board.ts`).
 *
 * @module
 */

import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';

import { encodeUtf8 } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import { isKeyLabel, isKeyType, isPurposeList } from '../key-rules.ts';
import { readKeyUse, type StoredKeyUse } from '../key-use.ts';
import type { KeyType, KeyUsagePurpose, SigningAlgorithm } from '../signer.ts';
import { type SealedText, seal, unseal } from '../software/sealing.ts';
import type { OpenedCustodian } from './custody-document.ts';

export type CustodyOperation =
  | { readonly act: 'activate' }
  | { readonly act: 'deactivate' }
  | {
      readonly act: 'generate';
      readonly label: string;
      readonly type: KeyType;
      readonly purposes: readonly KeyUsagePurpose[];
      readonly use: StoredKeyUse | null;
    }
  | { readonly act: 'destroy'; readonly label: string }
  | {
      /** A standby becomes the primary; approved in a file, since no token is open there. */
      readonly act: 'promote';
      /** Hexadecimal. */
      readonly storeId: string;
      /** The epoch that it begins, and the last record before it. */
      readonly epoch: number;
      readonly sequence: number;
    }
  | {
      /** A quorum's word for a document, e.g. a ceremony's record; nothing is done with a key. */
      readonly act: 'attest';
      readonly subject: string;
      /** Of the document, in hexadecimal. */
      readonly sha256: string;
    }
  | {
      /** `sign-cross`: a certificate for another CA. */
      readonly act: 'sign' | 'sign-cross';
      readonly label: string;
      readonly purpose: KeyUsagePurpose;
      readonly algorithm: SigningAlgorithm;
      /** Of what is to be signed, in hexadecimal. */
      readonly sha256: string;
    };

export interface Proposal {
  readonly operation: CustodyOperation;
  /** Id of the custody document. */
  readonly custody: string;
  /** Used once. */
  readonly nonce: string;
  readonly expiresMs: number;
  /** DER SubjectPublicKeyInfo, X25519, in base64: who may read the shares. */
  readonly recipient: string;
}

export interface Approval {
  readonly custodian: string;
  /** The share for the signer process; null where none is needed. */
  readonly share: { readonly sender: string; readonly sealed: SealedText } | null;
  /** Ed25519 over `approvalContent`, in base64. */
  readonly signature: string;
}

/** True for what can be put before custodians, wherever it came from. */
export function isCustodyOperation(value: unknown): value is CustodyOperation {
  if (typeof value !== 'object' || value === null || !('act' in value)) {
    return false;
  }
  const { act, label, type, purposes, use, subject, sha256, purpose, algorithm } = value as Partial<
    Record<string, unknown>
  >;
  switch (act) {
    case 'activate':
    case 'deactivate':
      return true;
    case 'destroy':
      return isKeyLabel(label);
    case 'attest':
      return isKeyLabel(subject) && isSha256(sha256);
    case 'sign-cross':
      return (
        isKeyLabel(label) && purpose === 'certificate' && isAlgorithm(algorithm) && isSha256(sha256)
      );
    case 'generate':
      return (
        isKeyLabel(label) &&
        isKeyType(type) &&
        isPurposeList(purposes) &&
        (use === null || readKeyUse(use) !== undefined)
      );
    default:
      return false;
  }
}

function isSha256(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

const schemes: readonly unknown[] = ['rsa-pkcs1', 'rsa-pss', 'ecdsa'];
const digests: readonly unknown[] = ['sha1', 'sha256', 'sha384', 'sha512'];

function isAlgorithm(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { scheme, digest } = value as Partial<Record<string, unknown>>;
  return schemes.includes(scheme) && digests.includes(digest);
}

/** Two operations are the same when this is. */
export function formatOperation(operation: CustodyOperation): string {
  switch (operation.act) {
    case 'activate':
    case 'deactivate':
      return JSON.stringify([operation.act]);
    case 'generate': {
      const { act, label, type, purposes, use } = operation;
      const legacy = use?.sha1 === true ? ['sha1'] : [];
      const uses = use === null ? null : [use.issuer, use.certificates, ...legacy];
      return JSON.stringify([act, label, formatType(type), purposes, uses]);
    }
    case 'destroy':
      return JSON.stringify([operation.act, operation.label]);
    case 'promote': {
      const { act, storeId, epoch, sequence } = operation;
      return JSON.stringify([act, storeId, epoch, sequence]);
    }
    case 'attest':
      return JSON.stringify([operation.act, operation.subject, operation.sha256]);
    case 'sign':
    case 'sign-cross': {
      const { act, label, purpose, algorithm, sha256 } = operation;
      const { scheme } = algorithm;
      const digest = scheme === 'ed25519' ? null : algorithm.digest;
      return JSON.stringify([act, label, purpose, scheme, digest, sha256]);
    }
  }
}

function formatType(type: KeyType): readonly (string | number)[] {
  switch (type.kind) {
    case 'rsa':
      return [type.kind, type.modulusBits];
    case 'ec':
      return [type.kind, type.curve];
    case 'ed25519':
      return [type.kind];
  }
}

/** SHA-256 over everything in the proposal, in hexadecimal: what custodians compare and sign. */
export function hashOfProposal(proposal: Proposal): string {
  const { operation, custody, nonce, expiresMs, recipient } = proposal;
  const text = JSON.stringify([
    'certdir proposal 1',
    formatOperation(operation),
    custody,
    nonce,
    expiresMs,
    recipient,
  ]);
  return createHash('sha256').update(text).digest('hex');
}

function approvalContent(
  hash: string,
  { custodian, share }: Omit<Approval, 'signature'>,
): Uint8Array {
  const sealed = share === null ? null : [share.sender, share.sealed];
  return encodeUtf8(JSON.stringify(['certdir approval 1', hash, custodian, sealed]));
}

/** A custodian's word for a proposal, with the share when it is an activation. */
export function approve(
  proposal: Proposal,
  custodian: OpenedCustodian,
  random: RandomSource,
): Approval {
  const hash = hashOfProposal(proposal);
  const share =
    proposal.operation.act === 'activate' ? sealShare(proposal, { custodian, hash }, random) : null;
  const unsigned = { custodian: custodian.name, share };
  const signature = sign(null, approvalContent(hash, unsigned), custodian.signingKey);
  return { ...unsigned, signature: signature.toString('base64') };
}

function sealShare(
  { recipient }: Proposal,
  { custodian, hash }: { readonly custodian: OpenedCustodian; readonly hash: string },
  random: RandomSource,
): { readonly sender: string; readonly sealed: SealedText } {
  const pair = generateKeyPairSync('x25519');
  const sender = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const key = sharedKey(pair.privateKey, recipient, { sender, recipient });
  try {
    const context = shareContext(hash, custodian.name);
    return { sender, sealed: seal(key, { bytes: custodian.share, context }, random) };
  } finally {
    key.fill(0);
  }
}

/** The share in an approval, for the caller to overwrite; undefined when it is not for this proposal and key. */
export function openShare(
  proposal: Proposal,
  approval: Approval,
  recipientKey: KeyObject,
): Buffer | undefined {
  if (approval.share === null) {
    return undefined;
  }
  const { sender, sealed } = approval.share;
  try {
    const key = sharedKey(recipientKey, sender, { sender, recipient: proposal.recipient });
    const context = shareContext(hashOfProposal(proposal), approval.custodian);
    const share = unseal(key, { text: sealed, context });
    key.fill(0);
    return share;
  } catch {
    // A sender that is no X25519 key.
    return undefined;
  }
}

/** True when the custodian with this key has signed exactly this. */
export function isApproval(proposal: Proposal, approval: Approval, spki: string): boolean {
  const key = createPublicKey({
    key: Buffer.from(spki, 'base64'),
    format: 'der',
    type: 'spki',
  });
  const content = approvalContent(hashOfProposal(proposal), approval);
  return verify(null, content, key, Buffer.from(approval.signature, 'base64'));
}

function sharedKey(
  privateKey: KeyObject,
  other: string,
  names: { readonly sender: string; readonly recipient: string },
): Buffer {
  const publicKey = createPublicKey({
    key: Buffer.from(other, 'base64'),
    format: 'der',
    type: 'spki',
  });
  const secret = diffieHellman({ privateKey, publicKey });
  const info = `certdir share\0${names.sender}\0${names.recipient}`;
  const key = Buffer.from(hkdfSync('sha256', secret, new Uint8Array(), info, 32));
  secret.fill(0);
  return key;
}

function shareContext(hash: string, custodian: string): Uint8Array {
  return encodeUtf8(JSON.stringify(['certdir share 1', hash, custodian]));
}
