/**
 * What a token says of itself and of its keys, for people: `certdir hsm info`.
 *
 * @module
 */

import type { Pkcs11Binding, Pkcs11Handle } from './pkcs11/pkcs11-binding.ts';
import { CKM } from './pkcs11/pkcs11-binding.ts';
import type { PrivateKeyProtection } from './pkcs11/pkcs11-keys.ts';
import type { Pkcs11Token } from './pkcs11/pkcs11-slots.ts';
import type { KeyDescription } from './signer.ts';

export interface MechanismReport {
  readonly name: string;
  readonly isSupported: boolean;
  /** Sizes of keys in bits; zero where the module does not say. */
  readonly minBits: number;
  readonly maxBits: number;
}

export interface InspectedKey extends KeyDescription {
  /** CKA_ID in hexadecimal. */
  readonly id: string;
  /** Undefined when the token no longer has the key. */
  readonly protection: PrivateKeyProtection | undefined;
  /** The record was signed with the key itself, as it must be. */
  readonly isProven: boolean;
}

export interface TokenInspection {
  readonly token: Pkcs11Token;
  /** How many the token gave of those that were asked for. */
  readonly sessions: number;
  readonly mechanisms: readonly MechanismReport[];
  readonly keys: readonly InspectedKey[];
}

const mechanisms: readonly (readonly [string, number])[] = [
  ['CKM_RSA_PKCS_KEY_PAIR_GEN', CKM.rsaPkcsKeyPairGen],
  ['CKM_RSA_PKCS', CKM.rsaPkcs],
  ['CKM_RSA_PKCS_PSS', CKM.rsaPkcsPss],
  ['CKM_EC_KEY_PAIR_GEN', CKM.ecKeyPairGen],
  ['CKM_ECDSA', CKM.ecdsa],
  ['CKM_EC_EDWARDS_KEY_PAIR_GEN', CKM.ecEdwardsKeyPairGen],
  ['CKM_EDDSA', CKM.eddsa],
];

/** What the slot does of what certdir uses. */
export function readMechanisms(
  binding: Pick<Pkcs11Binding, 'C_GetMechanismInfo'>,
  slot: Pkcs11Handle,
): readonly MechanismReport[] {
  return mechanisms.map(([name, mechanism]) => {
    try {
      const { minKeySize, maxKeySize } = binding.C_GetMechanismInfo(slot, mechanism);
      return { name, isSupported: true, minBits: minKeySize, maxBits: maxKeySize };
    } catch {
      return { name, isSupported: false, minBits: 0, maxBits: 0 };
    }
  });
}
