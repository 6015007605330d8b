/**
 * A policy whose requests an EST client can make: certificates for servers, named by their PKCS#10.
 *
 * @module
 */

import type { RequestRoute } from '../../src/ca/policy/people-schema.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { smallGunma } from './ca-test-bed.ts';

/** @param steps How requests for certificates go. */
export function estPolicy(steps: RequestRoute['steps']): Policy {
  const { people, profiles, policyIdentifiers } = smallGunma;
  const responder = profiles['ocsp-responder'];
  if (people === undefined || responder === undefined) {
    throw new Error('the policy of Gunma has people and a responder');
  }
  const route = { steps, approvals: 1, executors: 1, approvalHours: 72 };
  return {
    ...smallGunma,
    ...(policyIdentifiers === undefined ? {} : { policyIdentifiers }),
    profiles: {
      ...profiles,
      server: {
        ...responder,
        subject: 'CN={domainName},O=JPKI,C=JP',
        fields: { domainName: { minCharacters: 1, maxCharacters: 64, pattern: '[a-z.]+' } },
        extensions: responder.extensions.filter(({ type }) =>
          ['authorityKeyIdentifier', 'subjectKeyIdentifier', 'cRLDistributionPoints'].includes(
            type,
          ),
        ),
      },
    },
    people: {
      ...people,
      permissions: {
        ...people.permissions,
        'request.issue.receive': ['reception'],
        'request.issue.approve': ['approver'],
        'request.renew.receive': ['reception'],
      },
      requests: { ...people.requests, issue: route, renew: { ...route, steps: ['receive'] } },
    },
  };
}
