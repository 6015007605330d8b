/**
 * What the main process and the signer process say to each other: numbered calls one way, one reply
 * each the other way, in any order. Values are structured clones (`serialization: 'advanced'`), and several
 * calls or replies travel in one message.
 *
 * Short content travels in the call that signs it. Long content has a lane of its own (`content-lane.ts`): after
 * `beginContent` its bytes go there, and `sign` names the stream and how much of it there is.
 *
 * Replies are checked like anything that comes from outside: the process behind them may be ill.
 *
 * @module
 */

import type { Approval, CustodyOperation } from '../custody/approval.ts';
import type { ApprovalState } from '../custody/approval-board.ts';
import { isSigningErrorCode, SigningError, type SigningErrorCode } from '../errors.ts';
import { isKeyLabel, isKeyType, isPurposeList, type KeyRequest } from '../key-rules.ts';
import { isKeyUse, type KeyUse } from '../key-use.ts';
import type { OpeningSource } from '../passphrase.ts';
import type { DigestName, KeyDescription, SignRequest } from '../signer.ts';
import type { SubjectKey, SubjectKeyRequest } from '../subject-key.ts';
import type { TokenInspection } from '../token-inspection.ts';

/** Which token the signer process opens; its first call. */
export type TokenSettings = SoftwareTokenSettings | Pkcs11TokenSettings;

export interface SoftwareTokenSettings {
  readonly kind: 'software';
  /** Absolute path. */
  readonly file: string;
  /** Makes the file when there is none. */
  readonly create?: boolean;
  /** N of scrypt for a file that is made; see `SoftwareTokenOptions`. */
  readonly scryptCost?: number;
}

export interface Pkcs11TokenSettings {
  readonly kind: 'pkcs11';
  /** Absolute path of the vendor's library. */
  readonly modulePath: string;
  /** Which token: its label or its serial number, or both. */
  readonly tokenLabel?: string;
  readonly tokenSerial?: string;
  /** Absolute path of the file that says what each key is for (`key-register.ts`). */
  readonly registerFile: string;
  /** Makes the register when there is none. */
  readonly create?: boolean;
  /** How many signatures the token makes at a time. */
  readonly sessions: number;
  /** What the module finds its own configuration with; the process gets nothing else. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A request to sign whose content is in it, or was fed in before. */
export interface SignArgument extends Omit<SignRequest, 'content'> {
  readonly content: Uint8Array | { readonly stream: number; readonly lengthBytes: number };
}

/** Argument and result of each call. */
export interface SignerMethods {
  readonly open: {
    readonly argument: { readonly token: TokenSettings; readonly passphrase: OpeningSource };
    readonly result: undefined;
  };
  readonly activate: { readonly argument: undefined; readonly result: undefined };
  readonly deactivate: { readonly argument: undefined; readonly result: undefined };
  readonly isActive: { readonly argument: undefined; readonly result: boolean };
  readonly generate: { readonly argument: KeyRequest; readonly result: KeyDescription };
  readonly describe: { readonly argument: string; readonly result: KeyDescription };
  readonly list: { readonly argument: undefined; readonly result: readonly KeyDescription[] };
  readonly beginContent: {
    readonly argument: { readonly stream: number; readonly digest: DigestName };
    readonly result: undefined;
  };
  readonly sign: { readonly argument: SignArgument; readonly result: Uint8Array };
  readonly makeSubjectKey: {
    readonly argument: SubjectKeyRequest;
    readonly result: SubjectKey;
  };
  readonly destroy: { readonly argument: string; readonly result: undefined };
  readonly propose: { readonly argument: CustodyOperation; readonly result: ApprovalState };
  readonly approve: {
    readonly argument: { readonly hash: string; readonly approval: Approval };
    readonly result: ApprovalState;
  };
  readonly proposals: { readonly argument: undefined; readonly result: readonly ApprovalState[] };
  readonly inspect: {
    readonly argument: undefined;
    readonly result: TokenInspection | undefined;
  };
}

export type SignerMethod = keyof SignerMethods;

/** One call. */
export type SignerCall = {
  [M in SignerMethod]: {
    readonly id: number;
    readonly method: M;
    readonly argument: SignerMethods[M]['argument'];
  };
}[SignerMethod];

export type SignerReply =
  | { readonly id: number; readonly isOk: true; readonly value: unknown }
  | {
      readonly id: number;
      readonly isOk: false;
      readonly code: SigningErrorCode;
      readonly message: string;
    };

/** @returns undefined when `message` is no reply. */
export function parseReply(message: unknown): SignerReply | undefined {
  if (typeof message !== 'object' || message === null) {
    return undefined;
  }
  const { id, isOk, value, code, message: text } = message as Partial<Record<string, unknown>>;
  if (typeof id !== 'number') {
    return undefined;
  }
  if (isOk === true) {
    return { id, isOk, value };
  }
  return isOk === false && isSigningErrorCode(code) && typeof text === 'string'
    ? { id, isOk, code, message: text }
    : undefined;
}

/** What each call must answer with; the reader returns undefined for anything else. */
export const resultReaders: {
  readonly [M in SignerMethod]: (
    value: unknown,
  ) => { readonly value: SignerMethods[M]['result'] } | undefined;
} = {
  open: readNothing,
  activate: readNothing,
  deactivate: readNothing,
  destroy: readNothing,
  // Shown to people; nothing is decided by it on this side.
  propose: (value) => (isApprovalState(value) ? { value } : undefined),
  approve: (value) => (isApprovalState(value) ? { value } : undefined),
  proposals: (value) =>
    Array.isArray(value) && value.every(isApprovalState) ? { value } : undefined,
  inspect: (value) => ({ value: value as TokenInspection | undefined }),
  beginContent: readNothing,
  isActive: (value) => (typeof value === 'boolean' ? { value } : undefined),
  describe: readDescription,
  generate: readDescription,
  list: readDescriptions,
  makeSubjectKey: readSubjectKey,
  // A copy, because what arrives is a view of the message's memory.
  sign: (value) => (value instanceof Uint8Array ? { value: Uint8Array.from(value) } : undefined),
};

function isApprovalState(value: unknown): value is ApprovalState {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { hash, proposal, approvedBy, quorum, isGranted } = value as Partial<
    Record<string, unknown>
  >;
  return (
    typeof hash === 'string' &&
    typeof proposal === 'object' &&
    proposal !== null &&
    Array.isArray(approvedBy) &&
    typeof quorum === 'number' &&
    typeof isGranted === 'boolean'
  );
}

/** No request and no encrypted key is longer. */
const MAX_SUBJECT_KEY_BYTES = 16_384;

function readSubjectKey(value: unknown): { readonly value: SubjectKey } | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { csr, encryptedKey } = value as Partial<Record<string, unknown>>;
  return isPart(csr) && isPart(encryptedKey)
    ? { value: { csr: Uint8Array.from(csr), encryptedKey: Uint8Array.from(encryptedKey) } }
    : undefined;
}

function isPart(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length > 0 && value.length <= MAX_SUBJECT_KEY_BYTES;
}

function readNothing(value: unknown): { readonly value: undefined } | undefined {
  return value === undefined ? { value } : undefined;
}

function readDescriptions(
  value: unknown,
): { readonly value: readonly KeyDescription[] } | undefined {
  if (!Array.isArray(value)) {
    return undefined;
  }
  const descriptions = value.map(readDescription).filter((read) => read !== undefined);
  return descriptions.length === value.length
    ? { value: descriptions.map((read) => read.value) }
    : undefined;
}

function readDescription(value: unknown): { readonly value: KeyDescription } | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { label, type, purposes, use, spki, createdMs } = value as Partial<Record<string, unknown>>;
  const isWhole =
    isKeyLabel(label) &&
    isKeyType(type) &&
    isPurposeList(purposes) &&
    (use === undefined || isKeyUse(use)) &&
    spki instanceof Uint8Array &&
    typeof createdMs === 'number';
  return isWhole
    ? {
        value: { ...described(use), label, type, purposes, spki: Uint8Array.from(spki), createdMs },
      }
    : undefined;
}

function described(use: KeyUse | undefined): Pick<KeyDescription, 'use'> {
  if (use === undefined) {
    return {};
  }
  const { issuer, certificates, sha1 } = use;
  const legacy = sha1 === undefined ? {} : { sha1 };
  return { use: { issuer: Uint8Array.from(issuer), certificates, ...legacy } };
}

/** The error that a reply carries. */
export function replyError(reply: SignerReply & { readonly isOk: false }): SigningError {
  return new SigningError(reply.code, reply.message);
}
