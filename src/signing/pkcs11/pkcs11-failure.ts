/**
 * What a PKCS#11 error means for us: which of our codes, what a person can do, and what brings the token back.
 * Values of CK_RV from PKCS#11 v2.40 (pkcs11t.h).
 *
 * Not here: doing it (`pkcs11-sessions.ts` inside the signer process, `signer-calls.ts` outside).
 *
 * @module
 */

import { SigningError, type SigningErrorCode } from '../errors.ts';

/**
 * `sessions`: new sessions and a new login in this process. `process`: a new process, the only cure seen for a module
 * that has lost its device. `none`: trying again would not help, or would do harm.
 */
export type Pkcs11Recovery = 'none' | 'sessions' | 'process';

interface Meaning {
  readonly code: SigningErrorCode;
  readonly recovery: Pkcs11Recovery;
  readonly advice: string;
}

const pinWrong: Meaning = {
  code: 'SIGNING_PIN_WRONG',
  recovery: 'none',
  advice:
    'check the PIN file; nothing is tried again until certdir is told to, because a token locks after a few wrong PINs',
};
const pinLocked: Meaning = {
  code: 'SIGNING_PIN_LOCKED',
  recovery: 'none',
  advice: "set or unlock the user PIN with the vendor's tool, as security officer",
};
const removed: Meaning = {
  code: 'SIGNING_TOKEN_REMOVED',
  recovery: 'process',
  advice: 'check power, cabling and network of the HSM; certdir goes on trying',
};
const failed: Meaning = {
  code: 'SIGNING_DEVICE_FAILED',
  recovery: 'process',
  advice: "the module is loaded anew; if this goes on, see the HSM's own log",
};
const sessionLost: Meaning = {
  code: 'SIGNING_DEVICE_FAILED',
  recovery: 'sessions',
  advice: "the session was lost twice in a row; see the HSM's own log",
};
const busy: Meaning = {
  code: 'SIGNING_TOKEN_BUSY',
  recovery: 'none',
  advice: 'lower token.sessions, or end other programs that use the token',
};
const algorithm: Meaning = {
  code: 'SIGNING_ALGORITHM_REFUSED',
  recovery: 'none',
  advice: 'the token does not do this with this key; certdir hsm info shows what it does',
};
const template: Meaning = {
  code: 'SIGNING_KEY_REFUSED',
  recovery: 'none',
  advice:
    'the token refuses such a key, or the session may not write; hsm-config/ says what modules want',
};
const module: Meaning = {
  code: 'SIGNING_PKCS11_MODULE',
  recovery: 'none',
  advice: 'the module does not do what certdir needs',
};

/** CK_RV by number. What is not here is taken for a failing device. */
const meanings: ReadonlyMap<number, Meaning> = new Map([
  [0x02, failed], // HOST_MEMORY
  [0x03, removed], // SLOT_ID_INVALID
  [0x05, failed], // GENERAL_ERROR
  [0x06, failed], // FUNCTION_FAILED
  [0x07, module], // ARGUMENTS_BAD
  [0x0a, module], // CANT_LOCK
  [0x10, template], // ATTRIBUTE_READ_ONLY
  [0x11, template], // ATTRIBUTE_SENSITIVE
  [0x12, template], // ATTRIBUTE_TYPE_INVALID
  [0x13, template], // ATTRIBUTE_VALUE_INVALID
  [0x1b, template], // ACTION_PROHIBITED
  [0x20, algorithm], // DATA_INVALID
  [0x21, algorithm], // DATA_LEN_RANGE
  [0x30, failed], // DEVICE_ERROR
  [0x31, busy], // DEVICE_MEMORY
  [0x32, removed], // DEVICE_REMOVED
  [0x50, sessionLost], // FUNCTION_CANCELED
  [0x54, module], // FUNCTION_NOT_SUPPORTED
  [0x60, sessionLost], // KEY_HANDLE_INVALID
  [0x62, algorithm], // KEY_SIZE_RANGE
  [0x63, algorithm], // KEY_TYPE_INCONSISTENT
  [0x68, algorithm], // KEY_FUNCTION_NOT_PERMITTED
  [0x70, algorithm], // MECHANISM_INVALID
  [0x71, algorithm], // MECHANISM_PARAM_INVALID
  [0x82, sessionLost], // OBJECT_HANDLE_INVALID
  [0x90, sessionLost], // OPERATION_ACTIVE
  [0x91, sessionLost], // OPERATION_NOT_INITIALIZED
  [0xa0, pinWrong], // PIN_INCORRECT
  [0xa1, pinWrong], // PIN_INVALID
  [0xa2, pinWrong], // PIN_LEN_RANGE
  [0xa3, pinLocked], // PIN_EXPIRED
  [0xa4, pinLocked], // PIN_LOCKED
  [0xb0, sessionLost], // SESSION_CLOSED
  [0xb1, busy], // SESSION_COUNT
  [0xb3, sessionLost], // SESSION_HANDLE_INVALID
  [0xb4, module], // SESSION_PARALLEL_NOT_SUPPORTED
  [0xb5, template], // SESSION_READ_ONLY
  [0xd0, template], // TEMPLATE_INCOMPLETE
  [0xd1, template], // TEMPLATE_INCONSISTENT
  [0xe0, removed], // TOKEN_NOT_PRESENT
  [0xe1, removed], // TOKEN_NOT_RECOGNIZED
  [0xe2, template], // TOKEN_WRITE_PROTECTED
  [0x101, sessionLost], // USER_NOT_LOGGED_IN
  [0x102, pinLocked], // USER_PIN_NOT_INITIALIZED
  [0x104, busy], // USER_ANOTHER_ALREADY_LOGGED_IN
  [0x105, busy], // USER_TOO_MANY_TYPES
  [0x130, algorithm], // DOMAIN_PARAMS_INVALID
  [0x140, algorithm], // CURVE_NOT_SUPPORTED
  [0x190, failed], // CRYPTOKI_NOT_INITIALIZED
  [0x200, busy], // FUNCTION_REJECTED
  [0x201, busy], // TOKEN_RESOURCE_EXCEEDED
]);

export const CKR_USER_ALREADY_LOGGED_IN = 0x100;
export const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;
export const CKR_CANT_LOCK = 0x0a;

/** An error of a module's call, in our terms. */
export class Pkcs11Failure extends SigningError {
  readonly recovery: Pkcs11Recovery;

  constructor(call: string, cause: unknown) {
    const { name, value } = returnValueOf(cause);
    const { code, recovery, advice } = meanings.get(value ?? -1) ?? failed;
    super(code, `${call} answered ${name}: ${advice}`, { cause });
    this.recovery = recovery;
  }
}

/** The CK_RV in what pkcs11js threw: `CKR_PIN_INCORRECT:160` in its message, or name and number apart. */
export function returnValueOf(thrown: unknown): {
  readonly name: string;
  readonly value: number | undefined;
} {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const joined = /(CKR_\w+):(\d+)/.exec(text);
  if (joined !== null) {
    return { name: joined[1] ?? '', value: Number(joined[2]) };
  }
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'number' && code > 0
    ? { name: text, value: code }
    : { name: text.slice(0, 200), value: undefined };
}

/** Calls the module. @throws {Pkcs11Failure} in place of what it throws. */
export function callModule<T>(call: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new Pkcs11Failure(call, cause);
  }
}

/** Likewise for what runs on a thread. */
export async function awaitModule<T>(call: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new Pkcs11Failure(call, cause);
  }
}
