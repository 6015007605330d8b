/**
 * The audit log of an instance with all that goes with it: its own key, in the CA's token or in one of its own, its
 * checkpoints and when they are signed.
 *
 * @module
 */

import { AccessJournal } from '../audit/access-journal.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import { putNoteKey, readNoteKey } from '../audit/audit-state.ts';
import { settleTiles } from '../audit/audit-tiles.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { Checkpointer, type CheckpointKey } from '../audit/checkpointer.ts';
import { KeepingRegister } from '../audit/keeping-register.ts';
import { recordDigest } from '../audit/record-digest.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import type { Policy } from '../ca/policy/policy.ts';
import { assertMaySign } from '../ca/recovery-hold.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Clock } from '../core/clock.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Job } from '../scheduler/job.ts';
import { SigningError } from '../signing/errors.ts';
import type { KeyDescription, Signer } from '../signing/signer.ts';
import type { Store } from '../store/store.ts';
import { ed25519KeyOf, formatNoteKey, type NoteKey, parseNoteKey } from '../tlog/signed-note.ts';
import { AccessAccounts } from './access-accounts.ts';
import { checkpointFileOf } from './set-back.ts';

export interface AuditingParts {
  readonly configuration: Configuration;
  readonly policy: Policy;
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
  const { configuration, policy, store, audit, clock, log } = parts;
  await settleTiles(store);
  const checkpointer = new Checkpointer({
    store,
    audit,
    key: await openCheckpointKey(parts),
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
      utcOffsetMs: policy.utcOffsetMs,
    }),
    { name: 'access journal', close: (opened) => opened.close() },
  );
  const trail = new AuditTrail({ store, audit, checkpointer });
  const keeping = new KeepingRegister({ store, audit, clock });
  return { checkpointer, trail, journal, accounts: new AccessAccounts(journal), keeping };
}

/** What is known needs no token: it may be away while the log is read. */
async function openCheckpointKey(parts: AuditingParts): Promise<CheckpointKey> {
  const { policy, signer, store } = parts;
  const label = `${policy.id}-audit-1`;
  const snapshot = store.snapshot();
  const known = await readNoteKey(snapshot).finally(() => snapshot.close());
  const note = known === undefined ? await makeKey(parts, label) : parseNoteKey(known);
  const algorithm = { scheme: 'ed25519' } as const;
  return {
    note,
    sign: (message) => signer.sign({ label, purpose: 'audit', algorithm, content: [message] }),
  };
}

/** The log's own key, which signs nothing else; its making is a record. */
async function makeKey(
  { configuration, policy, signer, store, audit }: AuditingParts,
  label: string,
): Promise<NoteKey> {
  const { spki } = await obtainKey(signer, label);
  const publicKey = ed25519KeyOf(spki);
  if (publicKey === undefined) {
    const text = `the token has a key ${label} that is none for the audit log; name another token in audit.token`;
    throw new SigningError('SIGNING_KEY_REFUSED', text);
  }
  const digest = recordDigest(spki);
  const name = configuration.audit.origin ?? `certdir/${policy.id}/${digest.slice(0, 16)}`;
  const note = { name, publicKey };
  await store.transact('audit: key made', async (transaction) => {
    putNoteKey(transaction, formatNoteKey(note));
    await audit.append(transaction, {
      kind: 'key.generate',
      result: 'done',
      origin: { channel: 'system', actor: 'certdir' },
      subject: label,
      after: digest,
      details: { policy: policy.id, purpose: 'audit' },
    });
  });
  return note;
}

/** Takes up the key that an interrupted run has made. */
async function obtainKey(signer: Signer, label: string): Promise<KeyDescription> {
  try {
    return await signer.describe(label);
  } catch (error) {
    if (!(error instanceof SigningError) || error.code !== 'SIGNING_KEY_UNKNOWN') {
      throw error;
    }
  }
  return await signer.generate({ label, type: { kind: 'ed25519' }, purposes: ['audit'] });
}

/** Tells the accounts which lists there are now. */
export async function announceLists(
  { accounts }: Auditing,
  authority: Pick<CertificateAuthority, 'status'>,
): Promise<void> {
  const { lists } = await authority.status();
  accounts.publish(
    lists.map(({ scope, published }) => ({
      dn: scope.dn,
      partition: scope.id,
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
