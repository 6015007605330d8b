/**
 * How certificates, and keys that the CA makes for subscribers, get to those they are for; by profile. A profile without
 * an entry has nobody wait for a receipt, and has keys made for nobody.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import type { PolicyFile } from './policy.ts';
import type { PolicyFault } from './template-faults.ts';

export interface DeliveryTerms {
  /**
   * `none`: subscribers make their own. `card`: made in the token, encrypted to the card's transport key. `pkcs12`: a
   * file under a password.
   */
  readonly keys: 'none' | 'card' | 'pkcs12';
  /** Of keys that are made. */
  readonly keyType: 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ec-p256' | 'ec-p384';
  /** Digest of OAEP, as the cards know it. */
  readonly oaep: 'sha1' | 'sha256';
  /** `drawn`: nobody chooses it, and it goes to the subscriber apart. `given`: by whoever orders the file. */
  readonly password: 'drawn' | 'given';
  readonly passwordCharacters: number;
  /** Rounds of PBKDF2. */
  readonly rounds: number;
  /** After it was fetched for the first time, key and file are erased; sooner when receipt is confirmed. */
  readonly eraseMinutes: number;
  /** What nobody has fetched is erased after so long. */
  readonly keepDays: number;
  /** After so long without a receipt it is overdue; never where it is left out. */
  readonly receiptDays?: number | undefined;
  /** Of a certificate that was never handed over. */
  readonly discardReason: CrlReasonName;
}

export type DeliveryPolicy = Readonly<Record<string, DeliveryTerms>>;

const terms: z.ZodType<DeliveryTerms> = strictObject({
  keys: z.enum(['none', 'card', 'pkcs12']),
  keyType: z.enum(['rsa-2048', 'rsa-3072', 'rsa-4096', 'ec-p256', 'ec-p384']).default('rsa-2048'),
  oaep: z.enum(['sha1', 'sha256']).default('sha256'),
  password: z.enum(['drawn', 'given']).default('drawn'),
  passwordCharacters: z.int().min(8).max(64).default(16),
  rounds: z.int().min(10_000).max(10_000_000).default(100_000),
  eraseMinutes: z
    .int()
    .min(0)
    .max(60 * 24 * 31)
    .default(60),
  keepDays: z.int().min(1).max(366).default(30),
  receiptDays: z.int().min(1).max(366).optional(),
  discardReason: z
    .enum(['unspecified', 'superseded', 'cessationOfOperation'])
    .default('cessationOfOperation'),
});

export const deliveriesSchema: z.ZodType<DeliveryPolicy> = z.record(z.string().max(64), terms);

/** What is wrong with the section beyond the shape of each value. */
export function deliveryFaults(policy: PolicyFile): readonly PolicyFault[] {
  const { deliveries = {}, profiles, revocation, keys } = policy;
  const faults: PolicyFault[] = [];
  for (const [name, { keys: made, keyType, discardReason }] of Object.entries(deliveries)) {
    const path = ['deliveries', name];
    const kind = profiles[name]?.kind;
    if (kind !== 'subscriber' && kind !== 'service') {
      faults.push({ path, message: 'is the name of a profile of kind subscriber or service' });
    }
    if (!revocation.reasons.includes(discardReason)) {
      faults.push({
        path: [...path, 'discardReason'],
        message: `is one of revocation.reasons: ${revocation.reasons.join(', ')}`,
      });
    }
    if (made !== 'none' && !keys.subject.types.some((type) => type === keyType)) {
      faults.push({
        path: [...path, 'keyType'],
        message: `is one of keys.subject.types: ${keys.subject.types.join(', ')}`,
      });
    }
  }
  const waiting = Object.entries(profiles).filter(([, one]) => one.delivery === 'on-receipt');
  for (const [name] of waiting.filter(([name]) => deliveries[name] === undefined)) {
    faults.push({
      path: ['deliveries', name],
      message: 'is missing: certificates of this profile count for nothing until receipt',
    });
  }
  return faults;
}
