/**
 * One CA of an instance: its policy and its engine, with everything below that all CAs of a data folder share.
 *
 * @module
 */

import type { AuditLog } from '../audit/audit-log.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import { CaError } from '../ca/errors.ts';
import type { Policy } from '../ca/policy/policy.ts';
import type { SharedPolicy } from '../ca/policy/shared-policy.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { RandomSource } from '../core/random.ts';
import type { Directory } from '../directory/directory.ts';
import type { SignerProcess } from '../signing/process/signer-process.ts';
import type { JournalFeed } from '../store/journal/journal-feed.ts';
import type { Store } from '../store/store.ts';
import type { Auditing } from './auditing.ts';

/** At least one. */
export type Policies = readonly [Policy, ...Policy[]];

/** What the CAs of a data folder share. */
export interface InstanceParts {
  readonly configuration: Configuration;
  /** Of each CA, in the order of the configuration. */
  readonly policies: Policies;
  /** What they come to for what is one for all. */
  readonly shared: SharedPolicy;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly signer: SignerProcess;
  readonly directory: Directory;
  readonly auditing: Auditing;
  /** Undefined where no standby is provided for. */
  readonly feed: JournalFeed | undefined;
  /** Where standbys find the journal; none while it is not served. */
  readonly replicationEndpoints: readonly string[];
}

/** What an instance shares, as one of its CAs uses it: `log` and `audit` say which CA it is where there are several. */
export interface CaInstance extends InstanceParts {
  readonly policy: Policy;
  readonly authority: CertificateAuthority;
}

/** An instance: what is shared, and its CAs in the order of the configuration; there is at least one. */
export interface Instance extends InstanceParts {
  readonly cas: readonly [CaInstance, ...CaInstance[]];
}

/**
 * The CA of a policy.
 *
 * @param id Of the policy; may be left out where there is one CA.
 * @throws {CaError} `CA_NOT_NAMED`, `CA_UNKNOWN`.
 */
export function caOf({ cas }: Pick<Instance, 'cas'>, id: string | undefined): CaInstance {
  const ids = cas.map(({ policy }) => policy.id);
  if (id === undefined) {
    assertOne(ids);
    return cas[0];
  }
  const found = cas.find(({ policy }) => policy.id === id);
  if (found === undefined) {
    throw new CaError('CA_UNKNOWN', `there is no CA ${id} here; there is ${ids.join(', ')}`);
  }
  return found;
}

/** @throws {CaError} `CA_NOT_NAMED` when there are several. */
export function assertOne(ids: readonly string[]): void {
  if (ids.length > 1) {
    const text = `there are several CAs here; say with --ca which one is meant: ${ids.join(', ')}`;
    throw new CaError('CA_NOT_NAMED', text);
  }
}

/** The name of a CA's job: where there are several CAs, with the CA's. */
export function jobNameOf(
  { policies, policy }: Pick<CaInstance, 'policies' | 'policy'>,
  name: string,
): string {
  return policies.length === 1 ? name : `${name} of ${policy.id}`;
}

/** How the register of copies names the CA: not at all where the data folder was made with it. */
export function exporterOf({
  policy,
  shared,
}: Pick<CaInstance, 'policy' | 'shared'>): string | undefined {
  return policy.id === shared.id ? undefined : policy.id;
}
