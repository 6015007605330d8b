/**
 * Cross-certification as a policy writes it (R-XC; gunma 4-6 to 4-10): the CAs that this one exchanges certificates
 * with, what its own certificate for each says (a profile of kind `cross`), and what theirs has to say.
 *
 * Not here: the exchange (`ca/bridge`).
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import type { MappingDefinition } from './constraint-extensions.ts';
import { mappingSchema } from './extension-definition.ts';
import type { PolicyFile } from './policy.ts';
import { type PolicyFault, templateFaults } from './template-faults.ts';

/** What a peer's certificate for this CA has to say, and may. */
export interface ReceivedPolicy {
  /** The longest time that it is valid for. */
  readonly maxYears: number;
  /** Names in `policyIdentifiers`; it has all of them. */
  readonly policies: readonly string[];
  /** It maps no other policies than these: the peer's, and ours that is as good. */
  readonly mappings: readonly MappingDefinition[];
  /** CAs below this one that a path through it has to have room for. */
  readonly leastPathLength: number;
  readonly nameConstraints: 'none' | 'optional' | 'required';
}

export interface CrossPeer {
  readonly title: { readonly ja: string; readonly en: string };
  /** The peer's name as issuer; how it is encoded is in its own certificate. */
  readonly name: string;
  /** Of kind `cross`: what it gets from this CA. */
  readonly profile: string;
  /** `ldap://host:port` or `ldaps://…`: where its entry is read (the connection test). */
  readonly directory?: string | undefined;
  readonly received: ReceivedPolicy;
}

export interface CrossPolicy {
  /** Days before one of a pair's certificates ends at which somebody is told. */
  readonly warningDays: readonly number[];
  /** A certificate is issued after the peer's directory has been read (gunma 4-7). */
  readonly connectionTest: boolean;
  /** Whether custodians approve of each cross certificate. */
  readonly approval: 'none' | 'custodians';
  /** By the name that commands use. */
  readonly peers: Readonly<Record<string, CrossPeer>>;
}

const text = z.string().min(1);
const peerName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens');

const received: z.ZodType<ReceivedPolicy> = strictObject({
  maxYears: z.int().min(1).max(30),
  policies: z.array(text).max(100).default([]),
  mappings: z.array(mappingSchema).max(100).default([]),
  leastPathLength: z.int().min(0).max(16).default(0),
  nameConstraints: z.enum(['none', 'optional', 'required']).default('optional'),
});

const peer: z.ZodType<CrossPeer> = strictObject({
  title: strictObject({ ja: text, en: text }),
  name: text,
  profile: text,
  directory: z
    .string()
    .regex(/^ldaps?:\/\/[A-Za-z0-9.:[\]-]+$/, 'ldap://host:port or ldaps://host:port')
    .optional(),
  received,
});

export const crossSchema: z.ZodType<CrossPolicy> = strictObject({
  warningDays: z.array(z.int().min(1).max(3660)).min(1).max(10).default([180, 90, 30, 7]),
  connectionTest: z.boolean().default(true),
  approval: z.enum(['none', 'custodians']).default('none'),
  peers: z.record(peerName, peer),
});

/** What is wrong with the section beyond the shape of each value. */
export function crossFaults(policy: PolicyFile): readonly PolicyFault[] {
  const { cross, profiles, keys } = policy;
  const crossProfiles = Object.entries(profiles).filter(([, { kind }]) => kind === 'cross');
  const faults: PolicyFault[] = [];
  if (crossProfiles.length > 0 && !keys.authority.certificates.includes('cross')) {
    faults.push({
      path: ['keys', 'authority', 'certificates'],
      message: 'has cross, since there is a profile of kind cross',
    });
  }
  const peers = Object.entries(cross?.peers ?? {});
  for (const [name, definition] of peers) {
    const path = ['cross', 'peers', name];
    faults.push(...peerFaults(policy, definition, path));
    if (peers.some(([other, { name: dn }]) => other < name && dn === definition.name)) {
      faults.push({ path: [...path, 'name'], message: 'is the name of no other peer' });
    }
  }
  return faults;
}

function peerFaults(
  policy: PolicyFile,
  { name, profile, received: wanted }: CrossPeer,
  path: readonly string[],
): readonly PolicyFault[] {
  const { profiles, policyIdentifiers, names } = policy;
  const faults = [...templateFaults(policy, { path: [...path, 'name'], text: name, allowed: [] })];
  if (name === names.issuer) {
    faults.push({ path: [...path, 'name'], message: 'is another name than names.issuer' });
  }
  if (profiles[profile]?.kind !== 'cross') {
    const known = Object.keys(profiles).filter((one) => profiles[one]?.kind === 'cross');
    faults.push({
      path: [...path, 'profile'],
      message: `is a profile of kind cross: ${known.join(', ')}`,
    });
  }
  const known = Object.keys(policyIdentifiers);
  const unknown = (at: readonly (string | number)[], one: string): void => {
    if (!known.includes(one)) {
      faults.push({
        path: [...path, 'received', ...at],
        message: `is a name in policyIdentifiers: ${known.join(', ')}`,
      });
    }
  };
  for (const [index, one] of wanted.policies.entries()) {
    unknown(['policies', index], one);
  }
  for (const [index, { issuer, subject }] of wanted.mappings.entries()) {
    unknown(['mappings', index, 'issuer'], issuer);
    unknown(['mappings', index, 'subject'], subject);
  }
  return faults;
}
