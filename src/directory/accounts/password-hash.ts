/**
 * Passwords as stored: `{SCRYPT}ln=15,r=8,p=1$salt$hash` (RFC 7914; `ln` is the binary logarithm of N;
 * salt and hash in unpadded base64), the only form that is kept.
 *
 * Not here: the queue that keeps hashing from taking the machine (`password-hasher.ts`).
 *
 * @module
 */

import { scrypt } from 'node:crypto';

export interface ScryptCost {
  /** log2 of N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

export interface PasswordHash {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** 32 MiB and about 0.1 s of one core. */
export const defaultScryptCost: ScryptCost = { logN: 15, r: 8, p: 1 };

export const saltBytes = 16;
export const hashBytes = 32;

const scheme = '{SCRYPT}';
const shape =
  /^\{SCRYPT\}ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;
/** `{SSHA}`, `{CRYPT}` and the like at the start of a value. */
const anyScheme = /^\{[A-Za-z0-9./_-]+\}/;

/** The text form. */
export function formatPasswordHash(stored: PasswordHash): string {
  const { logN, r, p } = stored.cost;
  return `${scheme}ln=${logN},r=${r},p=${p}$${base64(stored.salt)}$${base64(stored.hash)}`;
}

/** @returns undefined when the text is not exactly that form, or its cost is outside what is safe. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = shape.exec(text);
  if (match === null) {
    return undefined;
  }
  const [logN, r, p] = match.slice(1, 4).map(Number);
  const cost = { logN: logN ?? 0, r: r ?? 0, p: p ?? 0 };
  const isBounded = cost.logN >= 10 && cost.logN <= 17 && cost.r >= 8 && cost.r <= 16;
  if (!isBounded || cost.p < 1 || cost.p > 4) {
    return undefined;
  }
  return {
    cost,
    salt: Buffer.from(match[4] ?? '', 'base64'),
    hash: Buffer.from(match[5] ?? '', 'base64'),
  };
}

/** True for values that claim a storage scheme (RFC 2307 §5.3), ours or another. */
export function hasPasswordScheme(text: string): boolean {
  return anyScheme.test(text);
}

/** RFC 7914 on a thread of the pool, not on the event loop. */
export function deriveHash(
  password: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
): Promise<Uint8Array> {
  const options = {
    N: 2 ** cost.logN,
    r: cost.r,
    p: cost.p,
    maxmem: 256 * cost.r * 2 ** cost.logN,
  };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, options, (error, derived) => {
      if (error === null) {
        resolve(derived);
      } else {
        reject(error);
      }
    });
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}
