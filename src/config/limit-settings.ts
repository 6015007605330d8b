/**
 * The limits that `certdir.yaml` can set: which there are, and between which bounds. Their defaults are
 * those of the parts that they limit (`ldap/limits.ts`, `directory/directory-limits.ts`);
 * docs/operations.md has both in one table, and a test holds it to them.
 *
 * @module
 */

import { z } from 'zod';

/** Settings of `ldap.limits`. */
export type LdapLimitName =
  | 'anonymousPduBytes'
  | 'boundPduBytes'
  | 'connections'
  | 'connectionsPerAddress'
  | 'pendingOperations'
  | 'pendingBytes'
  | 'totalPendingOperations'
  | 'totalPendingBytes'
  | 'runningOperations'
  | 'outputBytes'
  | 'totalOutputBytes'
  | 'answerCacheBytes'
  | 'idleMs'
  | 'headerMs'
  | 'requestMs'
  | 'writeStallMs'
  | 'tlsHandshakeMs'
  | 'lingerMs'
  | 'closeMs'
  | 'filterDepth'
  | 'filterNodes'
  | 'selectedAttributes'
  | 'attributes'
  | 'values'
  | 'controls';

/** Settings of `directory.limits`. */
export type DirectoryLimitName =
  | 'maxSizeLimit'
  | 'maxTimeLimitMs'
  | 'maxLookThrough'
  | 'maxSortedEntries'
  | 'maxSortedEntriesInAll'
  | 'maxMovedEntries'
  | 'maxNameBytes'
  | 'importMemoryBytes'
  | 'maxRunningHashes'
  | 'maxWaitingHashes'
  | 'maxTrackedGuessers';

/** The least and the most that a setting may be. */
export interface LimitBounds {
  readonly min: number;
  readonly max: number;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const bytes = (max: number): LimitBounds => ({ min: 1024, max });
const count = (max: number): LimitBounds => ({ min: 1, max });
/** From a tenth of a second to a day. */
const milliseconds: LimitBounds = { min: 100, max: 86_400_000 };

/** `ldap.limits`. */
export const ldapLimitBounds: Readonly<Record<LdapLimitName, LimitBounds>> = {
  anonymousPduBytes: bytes(64 * MIB),
  boundPduBytes: bytes(256 * MIB),
  connections: count(100_000),
  connectionsPerAddress: count(100_000),
  pendingOperations: count(10_000),
  pendingBytes: bytes(256 * MIB),
  totalPendingOperations: count(10_000_000),
  totalPendingBytes: bytes(16 * GIB),
  runningOperations: count(1_000),
  outputBytes: bytes(256 * MIB),
  totalOutputBytes: bytes(16 * GIB),
  answerCacheBytes: bytes(16 * GIB),
  idleMs: milliseconds,
  headerMs: milliseconds,
  requestMs: milliseconds,
  writeStallMs: milliseconds,
  tlsHandshakeMs: milliseconds,
  lingerMs: milliseconds,
  closeMs: milliseconds,
  filterDepth: count(256),
  filterNodes: count(1_000_000),
  selectedAttributes: count(65_536),
  attributes: count(1_000_000),
  values: count(1_000_000),
  controls: count(1_000),
};

/** `directory.limits`. */
export const directoryLimitBounds: Readonly<Record<DirectoryLimitName, LimitBounds>> = {
  maxSizeLimit: count(10_000_000),
  maxTimeLimitMs: milliseconds,
  maxLookThrough: count(100_000_000),
  maxSortedEntries: count(10_000_000),
  maxSortedEntriesInAll: count(100_000_000),
  maxMovedEntries: count(1_000_000),
  // An index posting holds a name's key; above this the store's own bound on keys would come first.
  maxNameBytes: { min: 256, max: 8192 },
  importMemoryBytes: bytes(256 * MIB),
  maxRunningHashes: count(64),
  maxWaitingHashes: count(100_000),
  maxTrackedGuessers: { min: 1024, max: 10_000_000 },
};

/** Settings that are left out keep their defaults. */
export type LdapLimitsConfiguration = LimitSettings<LdapLimitName>;

/** Likewise. */
export type DirectoryLimitsConfiguration = LimitSettings<DirectoryLimitName>;

type LimitSettings<Name extends string> = Readonly<Partial<Record<Name, number | undefined>>>;

/** What `ldap.limits` may be. */
export const ldapLimitsSchema: z.ZodType<LdapLimitsConfiguration> = limitsSchema(ldapLimitBounds);

/** What `directory.limits` may be. */
export const directoryLimitsSchema: z.ZodType<DirectoryLimitsConfiguration> =
  limitsSchema(directoryLimitBounds);

/** Keys that are not in `bounds` are refused, so what comes out has the shape of the settings. */
function limitsSchema<Name extends string>(
  bounds: Readonly<Record<Name, LimitBounds>>,
): z.ZodType<LimitSettings<Name>> {
  const shape: Record<string, z.ZodType<number | undefined>> = {};
  for (const [name, { min, max }] of Object.entries<LimitBounds>(bounds)) {
    shape[name] = z.int().min(min).max(max).optional();
  }
  const schema: z.ZodType<Readonly<Record<string, number | undefined>>> = z.strictObject(shape);
  return schema as z.ZodType<LimitSettings<Name>>;
}
