/**
 * What a policy says of OCSP: to whom it is answered, how, and with which responder.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import type { KeyTypeName, PolicyFile, SignatureName } from './policy.ts';
import type { PolicyFault } from './template-faults.ts';

export interface OcspPolicy {
  /**
   * `off`: nobody is answered. `public`: everyone. `verifiers`: those that may read the list of the certificate's
   * scope by the access rules, known by a TLS client certificate or a signed request.
   */
  readonly access: 'off' | 'public' | 'verifiers';
  /** The profile of the responder's certificate: a `service` with ocspSigning and ocspNoCheck. */
  readonly profile: string;
  /** The responder's key. */
  readonly key: { readonly type: KeyTypeName; readonly signature: SignatureName };
  /** So many days before the responder's certificate ends there is another one with another key. */
  readonly renewBeforeDays: number;
  /** From thisUpdate to nextUpdate. */
  readonly validityMinutes: number;
  /** How long caches outside may give an answer without asking; 0: not at all. */
  readonly httpMaxAgeMinutes: number;
  /** Whether answers say why a certificate was revoked. */
  readonly reasons: boolean;
  /** Whether a requestor's signature tells who asks. */
  readonly signedRequests: boolean;
  /** Says in answers for how many years after its end a certificate is still answered (RFC 6960 §4.4.4). */
  readonly archiveCutoffYears?: number | undefined;
  /** Where it is answered, for authorityInfoAccess. */
  readonly url?: string | undefined;
  /** Where the CA's certificate is, likewise. */
  readonly caIssuersUrl?: string | undefined;
}

export function ocspSchema(names: {
  readonly keyTypes: z.ZodType<KeyTypeName>;
  readonly signatures: z.ZodType<SignatureName>;
}): z.ZodType<OcspPolicy> {
  const url = z.string().regex(/^https?:\/\/[\x21-\x7e]+$/, 'an http or https URL');
  return strictObject({
    access: z.enum(['off', 'public', 'verifiers']),
    profile: z.string(),
    key: strictObject({ type: names.keyTypes, signature: names.signatures }),
    renewBeforeDays: z.int().min(1).max(366),
    validityMinutes: z
      .int()
      .min(1)
      .max(60 * 24 * 7),
    httpMaxAgeMinutes: z
      .int()
      .min(0)
      .max(60 * 24 * 7),
    reasons: z.boolean(),
    signedRequests: z.boolean(),
    archiveCutoffYears: z.int().min(1).max(100).optional(),
    url: url.optional(),
    caIssuersUrl: url.optional(),
  });
}

/** What is wrong with the section beyond the shape of each value. */
export function ocspFaults(policy: PolicyFile): readonly PolicyFault[] {
  const { ocsp } = policy;
  if (ocsp === undefined) {
    return [];
  }
  const faults: PolicyFault[] = [];
  const fault = (path: readonly (string | number)[], message: string): void => {
    faults.push({ path: ['ocsp', ...path], message });
  };
  if (!signsAnswers(policy, ocsp.profile)) {
    fault(
      ['profile'],
      'is a profile of kind service with ocspSigning and ocspNoCheck, without municipality',
    );
  }
  const { type, signature } = ocsp.key;
  if (type.startsWith('rsa-') !== signature.startsWith('rsa-')) {
    fault(['key', 'signature'], `is no signature of a key of type ${type}`);
  }
  if (!policy.keys.subject.types.includes(type)) {
    fault(
      ['key', 'type'],
      `is one of keys.subject.types (${policy.keys.subject.types.join(', ')})`,
    );
  }
  if (ocsp.httpMaxAgeMinutes > ocsp.validityMinutes) {
    fault(['httpMaxAgeMinutes'], `is at most validityMinutes (${ocsp.validityMinutes})`);
  }
  if (ocsp.access === 'verifiers' && ocsp.httpMaxAgeMinutes > 0) {
    fault(
      ['httpMaxAgeMinutes'],
      'is 0 where answers are not public: a cache would give them to others',
    );
  }
  return faults;
}

function signsAnswers({ profiles }: PolicyFile, name: string): boolean {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  return (
    profile?.kind === 'service' &&
    profile.extensions.some(
      (one) => one.type === 'extendedKeyUsage' && one.purposes.includes('ocspSigning'),
    ) &&
    profile.extensions.some(({ type }) => type === 'ocspNoCheck')
  );
}
