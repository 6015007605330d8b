/**
 * Policies with every kind of partition, made from the small Gunma: what the presets to come will say.
 *
 * @module
 */

import type { Policy, ScopeDefinition } from '../../src/ca/policy/policy.ts';
import { smallGunma } from './ca-test-bed.ts';

const below = 'OU=CRL Distribution Points,OU=Gunma Prefectural CA,O=JPKI,C=JP';
const operations: ScopeDefinition = {
  ...{ id: 'operations', partition: 'single' },
  distributionPoint: `CN=Operations CRLDP,${below}`,
};
const arl: ScopeDefinition = { id: 'arl', partition: 'authority' };

/** The small Gunma with other lists, its certificates in the last of them. */
export function withScopes(
  scopes: readonly ScopeDefinition[],
  crl: Partial<Policy['crl']> = {},
): Policy {
  const last = scopes
    .filter(({ partition, closed }) => partition !== 'full' && closed !== true)
    .at(-1);
  const { 'end-entity': endEntity, ...profiles } = smallGunma.profiles;
  return {
    ...smallGunma,
    profiles: {
      ...profiles,
      ...(endEntity === undefined
        ? {}
        : { 'end-entity': { ...endEntity, scope: last?.id ?? endEntity.scope } }),
    },
    crl: { ...smallGunma.crl, ...crl, scopes },
  };
}

/** Numbered lists (secom 2.6.1), with the ARL in the entry of the first. */
export function byCount(opens: ScopeDefinition['opens']): Policy {
  const numbered: ScopeDefinition = {
    ...{ id: 'crl', partition: 'count', opens },
    distributionPoint: `CN=CRL{number},${below}`,
    httpPaths: ['/repository/{scope}.crl'],
  };
  return withScopes([{ ...arl, distributionPoint: `CN=CRL1,${below}` }, operations, numbered]);
}

/** A list for each value of an attribute. */
export function byAttribute(by: ScopeDefinition['by'], values?: readonly string[]): Policy {
  const region: ScopeDefinition = {
    ...{ id: 'region', partition: 'attribute', by },
    ...(values === undefined ? {} : { values }),
    distributionPoint: `CN={value} CRLDP,${below}`,
  };
  return withScopes([arl, operations, region]);
}

/** One list for all (mic). */
export const single: Policy = withScopes([
  arl,
  operations,
  { id: 'all', partition: 'single', distributionPoint: `CN=All CRLDP,${below}` },
]);

/** As secom has it: numbered lists, the ARL beside the first, a full list for each key, each revocation at once. */
export const secomLike: Policy = {
  ...byCount({ certificates: 3 }),
  crl: {
    ...byCount({ certificates: 3 }).crl,
    earliestHours: 23,
    atEachRevocation: { coalesceSeconds: 5, alarmMinutes: 15 },
    scopes: [
      ...byCount({ certificates: 3 }).crl.scopes,
      {
        ...{ id: 'full', partition: 'full' },
        httpPaths: ['/G-ID/repository2/CRL.crl', '/G-ID/repository3/CRL.crl'],
      },
    ],
  },
};
