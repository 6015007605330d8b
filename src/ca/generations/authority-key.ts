/**
 * A key of the CA in the token, before it has a certificate, and the profiles of the certificates that a CA makes for
 * its own keys.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { SigningError } from '../../signing/errors.ts';
import { type KeyUse, storeKeyUse } from '../../signing/key-use.ts';
import type { KeyDescription, KeyUsagePurpose, Signer } from '../../signing/signer.ts';
import { computeKeyIdentifier } from '../../x509/key-identifier.ts';
import { nameFromText } from '../../x509/name.ts';
import { importVerifyingKey } from '../../x509/verify-signature.ts';
import type { Authority } from '../authorities.ts';
import type { CaParts, SigningAuthority } from '../ca-core.ts';
import type { CertificateDraft } from '../certificates/certificate-making.ts';
import { CaError } from '../errors.ts';
import { isLegacySignature } from '../policy/legacy-algorithms.ts';
import { keyTypeOf, type Policy, signatureAlgorithmOf } from '../policy/policy.ts';
import type { Profile } from '../policy/profile.ts';

/** What the CA's key may sign; the request is for a certificate by another CA. */
const CA_KEY_PURPOSES: readonly KeyUsagePurpose[] = ['certificate', 'crl', 'request'];

/** The key's name in the token: the policy's id and the generation. */
export function keyLabelOf(policyId: string, generation: number): string {
  return `${policyId}-ca-${generation}`;
}

/** What is asked of the token for a key of a generation. */
export function authorityKeyRequest(
  policy: Policy,
  generation: number,
): Pick<KeyDescription, 'label' | 'type' | 'purposes'> & { readonly use: KeyUse } {
  const { certificates, type, signature } = policy.keys.authority;
  const { issuer, printable } = policy.names;
  return {
    label: keyLabelOf(policy.id, generation),
    type: keyTypeOf(type),
    purposes: CA_KEY_PURPOSES,
    use: {
      issuer: nameFromText(issuer, { printable }).der,
      certificates,
      ...(isLegacySignature(signature) ? { sha1: true } : {}),
    },
  };
}

/**
 * Generates the key, or takes up the one that an interrupted run has generated.
 *
 * @throws {CaError} `CA_KEY_MISMATCH` when the token has a key of that name that is no key for this CA.
 * @throws {SigningError} also `SIGNING_APPROVAL_NEEDED` where custodians have to approve of new keys.
 */
export async function obtainKey(
  { policy, signer }: Pick<CaParts, 'policy' | 'signer'>,
  generation: number,
): Promise<KeyDescription> {
  const wanted = authorityKeyRequest(policy, generation);
  const { label, type, purposes, use } = wanted;
  // Looked for first: a key that is there needs nobody's approval.
  const known = (await signer.list()).find((key) => key.label === label);
  if (known === undefined) {
    try {
      return await signer.generate(wanted);
    } catch (error) {
      if (!(error instanceof SigningError) || error.code !== 'SIGNING_KEY_EXISTS') {
        throw error;
      }
    }
  }
  const key = known ?? (await signer.describe(label));
  const isOurs =
    JSON.stringify(key.type) === JSON.stringify(type) &&
    purposes.every((purpose) => key.purposes.includes(purpose)) &&
    (key.use === undefined ||
      JSON.stringify(storeKeyUse(key.use)) === JSON.stringify(storeKeyUse(use)));
  if (!isOurs) {
    throw new CaError(
      'CA_KEY_MISMATCH',
      `the token has a key ${label} of another type or for other purposes; use another token`,
    );
  }
  return key;
}

/** A new key as it signs its own certificate. */
export function signingAuthority(
  { policy }: Pick<CaParts, 'policy'>,
  key: KeyDescription,
  draft: CertificateDraft,
): SigningAuthority {
  return {
    keyLabel: key.label,
    algorithm: signatureAlgorithmOf(policy.keys.authority.signature),
    reference: {
      name: draft.subject,
      keyIdentifier: computeKeyIdentifier(key.spki),
      serialNumber: draft.serialNumber,
    },
    certificate: undefined,
    verifyingKey: importVerifyingKey(key.spki),
  };
}

/** @throws {CaError} `CA_PROFILE_UNKNOWN` */
export function ownProfile(parts: CaParts, kind: 'self-signed' | 'link'): Profile {
  const profile = findOwnProfile(parts, kind);
  if (profile === undefined) {
    throw new CaError('CA_PROFILE_UNKNOWN', `${parts.policy.id} has no ${kind} profile`);
  }
  return profile;
}

export function findOwnProfile(
  { profiles }: Pick<CaParts, 'profiles'>,
  kind: 'self-signed' | 'link',
): Profile | undefined {
  return [...profiles.values()].find(({ definition }) => definition.kind === kind);
}

/** @throws {CaError} `CA_KEY_MISMATCH` when the token's key is another. @throws {SigningError} also when it has none. */
export async function assertKeyInToken(
  signer: Pick<Signer, 'describe'>,
  { keyLabel, certificate }: Pick<Authority, 'keyLabel' | 'certificate'>,
): Promise<void> {
  const { spki } = await signer.describe(keyLabel);
  if (!equalBytes(spki, certificate.spki)) {
    throw new CaError('CA_KEY_MISMATCH', `the token's key ${keyLabel} is not the CA's key`);
  }
}
