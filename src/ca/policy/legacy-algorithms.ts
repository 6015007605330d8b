/**
 * Algorithms that statements print and that are no longer safe: signatures over SHA-1, RSA keys of 1024 bits. A policy
 * has them only with `allowLegacyAlgorithms: true`, and people are told wherever the policy is read.
 *
 * @module
 */

import type { PolicyFile } from './policy.ts';
import type { PolicyFault } from './template-faults.ts';

type AlgorithmPolicy = Pick<PolicyFile, 'keys' | 'allowLegacyAlgorithms'>;

const LEGACY_SIGNATURE = 'rsa-pkcs1-sha1';
const LEGACY_KEY = 'rsa-1024';

export function isLegacySignature(signature: string): boolean {
  return signature === LEGACY_SIGNATURE;
}

/** Least bits of an RSA modulus in certificates. */
export function leastModulusBits({ keys, allowLegacyAlgorithms }: AlgorithmPolicy): 1024 | 2048 {
  return allowLegacyAlgorithms && keys.subject.types.includes(LEGACY_KEY) ? 1024 : 2048;
}

/** For people: what of a policy is no longer safe; empty for one that has nothing of the kind. */
export function legacyWarnings({ keys }: AlgorithmPolicy): readonly string[] {
  const warnings: string[] = [];
  if (isLegacySignature(keys.authority.signature)) {
    warnings.push(
      'keys.authority.signature is SHA-1: whoever pays for a collision gets certificates that the CA never issued; ' +
        'present verifiers refuse them',
    );
  }
  if (keys.subject.types.includes(LEGACY_KEY)) {
    warnings.push(
      'keys.subject.types has rsa-1024: such keys can be factored within the life of a certificate; present verifiers refuse them',
    );
  }
  return warnings;
}

/** Legacy algorithms without the word that they are meant. */
export function legacyFaults({ keys, allowLegacyAlgorithms }: AlgorithmPolicy): PolicyFault[] {
  if (allowLegacyAlgorithms) {
    return [];
  }
  const remedy = 'is historical and no longer safe; it needs allowLegacyAlgorithms: true';
  const faults: PolicyFault[] = [];
  if (isLegacySignature(keys.authority.signature)) {
    faults.push({ path: ['keys', 'authority', 'signature'], message: remedy });
  }
  const at = keys.subject.types.indexOf(LEGACY_KEY);
  if (at >= 0) {
    faults.push({ path: ['keys', 'subject', 'types', at], message: remedy });
  }
  return faults;
}
