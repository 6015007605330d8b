/**
 * The audit log of an instance with all that goes with it: its own key, in the CA's token or in one of its own, its
 * checkpoints and when they are signed.
 *
 * @module
 */

import { AccessJournal } from '../audit/access-journal.ts';
import type { AuditLog, AuditOrigin } from '../audit/audit-log.ts';
import { settleTiles } from '../audit/audit-tiles.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { Checkpointer } from '../audit/checkpointer.ts';
import { KeepingRegister } from '../audit/keeping-register.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import type { SharedPolicy } from '../ca/policy/shared-policy.ts';
import { assertMaySign } from '../ca/recovery-hold.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Clock } from '../core/clock.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Job } from '../scheduler/job.ts';
import type { Signer } from '../signing/signer.ts';
import type { Store } from '../store/store.ts';
import { AccessAccounts } from './access-accounts.ts';
import { type KeyRotation, openAuditKey, rotateAuditKey } from './audit-key.ts';
import { checkpointFileOf } from './set-back.ts';

export interface AuditingParts {
  readonly configuration: Configuration;
  readonly shared: SharedPolicy;
  readonly store: Store;
  readonly audit: AuditLog;
  /** Of the token that `audit.token` names, or the CA's. */
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Auditing {
  readonly trail: AuditTrail;
  readonly checkpointer: Checkpointer;
  readonly journal: AccessJournal;
  readonly accounts: AccessAccounts;
  readonly keeping: KeepingRegister;
  /** A list's name in the accounts: with its CA's, but for the CA that the data folder was made with. */
  readonly partitionOf: (ca: string, scopeId: string) => string;
  /** See `rotateAuditKey`. */
  readonly rotateKey: (rotation: {
    readonly destroysOld: boolean;
    readonly origin: AuditOrigin;
  }) => Promise<KeyRotation>;
}

export const CHECKPOINT_JOB = 'audit checkpoint';

/** The scheduler looks every ten seconds, so within a minute of what was written. */
const CHECKPOINT_EVERY_MS = 50_000;

/**
 * Opens what the audit log needs, making what an older version did not have: its key, its tiles.
 *
 * @throws {AuditError} @throws {SigningError}
 */
export async function openAuditing(parts: AuditingParts, closing: ClosingStack): Promise<Auditing> {
  const { configuration, shared, store, audit, clock, log } = parts;
  await settleTiles(store);
  const checkpointer = new Checkpointer({
    store,
    audit,
    ...(await openAuditKey(parts)),
    file: checkpointFileOf(configuration),
    assertMaySign: () => assertMaySign(store),
    log: log.with({ component: 'audit' }),
  });
  const journal = closing.push(
    await AccessJournal.open({
      ...{ store, audit, clock },
      log: log.with({ component: 'access journal' }),
      folder: configuration.access.folder,
      syncMs: configuration.access.syncMs,
      utcOffsetMs: shared.utcOffsetMs,
    }),
    { name: 'access journal', close: (opened) => opened.close() },
  );
  const trail = new AuditTrail({ store, audit, checkpointer });
  const keeping = new KeepingRegister({ store, audit, clock });
  const accounts = new AccessAccounts(journal);
  const rotateKey: Auditing['rotateKey'] = (rotation) =>
    rotateAuditKey(parts, checkpointer, rotation);
  const partitionOf: Auditing['partitionOf'] = (ca, scopeId) =>
    ca === shared.id ? scopeId : `${ca}/${scopeId}`;
  return { checkpointer, trail, journal, accounts, keeping, partitionOf, rotateKey };
}

/** Tells the accounts which lists a CA has now. */
export async function announceLists(
  { accounts, partitionOf }: Pick<Auditing, 'accounts' | 'partitionOf'>,
  authority: Pick<CertificateAuthority, 'status' | 'policy'>,
): Promise<void> {
  const { lists } = await authority.status();
  accounts.publish(
    authority.policy.id,
    lists.map(({ scope, published }) => ({
      dn: scope.dn,
      partition: partitionOf(authority.policy.id, scope.id),
      listNumber: published?.number.toString() ?? '',
    })),
  );
}

/** Seals accesses and signs a checkpoint a minute after the last one, when something came since. */
export function checkpointJob({ checkpointer, journal }: Auditing, clock: Clock): Job {
  let lastMs = clock.nowMs();
  return {
    name: CHECKPOINT_JOB,
    nextDueMs: async () => {
      const nowMs = clock.nowMs();
      // The clock may have been set back.
      const dueMs = lastMs > nowMs ? nowMs : lastMs + CHECKPOINT_EVERY_MS;
      const isBehind = journal.unsealed > 0 || (await checkpointer.isBehind());
      return isBehind ? dueMs : undefined;
    },
    run: async () => {
      await journal.seal();
      await checkpointer.sign();
      lastMs = clock.nowMs();
    },
  };
}

/** Signs a checkpoint where there is nobody to tell that it failed; the next one covers the same. */
export async function signQuietly(
  { checkpointer, journal }: Auditing,
  { store, log }: Pick<AuditingParts, 'store' | 'log'>,
): Promise<void> {
  try {
    if (store.isWritable) {
      await journal.seal();
    }
    if (store.isWritable && (await checkpointer.isBehind())) {
      await checkpointer.sign();
    }
  } catch (error) {
    log.error('no checkpoint of the audit log could be signed', { error: formatError(error) });
  }
}
