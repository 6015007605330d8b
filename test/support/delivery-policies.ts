/**
 * Small CAs that make keys for their subscribers: encrypted to a card (jlis), in a file under a password (secom,
 * mic-ops).
 *
 * @module
 */

import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import type { DeliveryTerms } from '../../src/ca/policy/delivery-policy.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import type { ProfileDefinition } from '../../src/ca/policy/profile-definition.ts';
import { smallGunma } from './ca-test-bed.ts';

const subscriber = smallGunma.profiles['end-entity'] as ProfileDefinition;

export const cardTerms: DeliveryTerms = {
  keys: 'card',
  keyType: 'ec-p256',
  oaep: 'sha256',
  password: 'drawn',
  passwordCharacters: 16,
  rounds: 10_000,
  eraseMinutes: 60,
  keepDays: 30,
  receiptDays: 14,
  discardReason: 'unspecified',
};

export function withDeliveries(
  terms: Partial<DeliveryTerms>,
  delivery: ProfileDefinition['delivery'],
): Policy {
  return {
    ...smallGunma,
    keys: { ...smallGunma.keys, subject: { types: ['ec-p256'] } },
    profiles: { ...smallGunma.profiles, 'end-entity': { ...subscriber, delivery } },
    revocation: {
      reasons: ['unspecified', ...smallGunma.revocation.reasons],
      hold: 'until-expiry',
    },
    deliveries: { 'end-entity': { ...cardTerms, ...terms } },
  };
}

/** Keys for cards; certificates count from delivery. */
export const cardPolicy: Policy = withDeliveries({}, 'on-receipt');
/** Files under a password that nobody chose; certificates count at once. */
export const filePolicy: Policy = withDeliveries(
  { keys: 'pkcs12', discardReason: 'cessationOfOperation' },
  'at-once',
);

export interface SampleCard {
  readonly spki: Uint8Array;
  readonly privateKey: KeyObject;
}

let card: SampleCard | undefined;

/** The same for the whole process: RSA takes its time. */
export function sampleCard(): SampleCard {
  if (card === undefined) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    card = {
      spki: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })),
      privateKey,
    };
  }
  return card;
}
