/**
 * The audit log's own key: one after the other in the CA's token or in one of its own, each made for `audit` alone.
 *
 * @module
 */

import type { AuditLog, AuditOrigin } from '../audit/audit-log.ts';
import { putNoteKey, readHandovers, readNoteKey } from '../audit/audit-state.ts';
import type { Checkpointer, CheckpointKey, RotatedKey } from '../audit/checkpointer.ts';
import { recordDigest } from '../audit/record-digest.ts';
import type { SharedPolicy } from '../ca/policy/shared-policy.ts';
import type { Configuration } from '../config/configuration.ts';
import { ConfigError } from '../config/errors.ts';
import { formatError, isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { SigningError } from '../signing/errors.ts';
import type { KeyDescription, Signer } from '../signing/signer.ts';
import type { Store } from '../store/store.ts';
import { ed25519KeyOf, formatNoteKey, type NoteKey, parseNoteKey } from '../tlog/signed-note.ts';

export interface AuditKeyParts {
  readonly configuration: Configuration;
  readonly shared: SharedPolicy;
  readonly store: Store;
  readonly audit: AuditLog;
  /** Of the token that `audit.token` names, or the CA's. */
  readonly signer: Signer;
  readonly log: Log;
}

export interface OpenedAuditKey {
  readonly key: CheckpointKey;
  /** How it came to be the one; signed notes. */
  readonly handovers: readonly string[];
}

/**
 * The key that signs now, made where there is none yet. What is known needs no token: it may be away while the
 * log is read.
 *
 * @throws {AuditError} @throws {SigningError}
 */
export async function openAuditKey(parts: AuditKeyParts): Promise<OpenedAuditKey> {
  const snapshot = parts.store.snapshot();
  try {
    const known = await readNoteKey(snapshot);
    const handovers = await readHandovers(snapshot);
    const label = labelOf(parts.shared, handovers.length + 1);
    const note = known === undefined ? await makeFirst(parts, label) : parseNoteKey(known);
    assertFounderFirst(note, parts.shared);
    return { key: checkpointKey(parts.signer, label, note), handovers };
  } finally {
    await snapshot.close();
  }
}

/** Keys of the log, and accounts, are named after the CA that the data folder was made with. */
function assertFounderFirst({ name }: NoteKey, { id }: SharedPolicy): void {
  const [, founder = id] = /^certdir\/([a-z0-9-]+)\/[0-9a-f]{16}$/.exec(name) ?? [];
  if (founder !== id) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `policies: the data folder was made with ${founder}, whose policy stays the first; found ${id} there`,
    );
  }
}

export interface KeyRotation extends RotatedKey {
  /** True when the key before was destroyed, as it was asked for. */
  readonly isOldDestroyed: boolean;
}

/**
 * Makes another key and lets it sign from now on.
 *
 * @param destroysOld Destroys the key before afterwards. That it could not be done is on record and in the log;
 *   the other key signs all the same.
 * @throws {AuditError} @throws {SigningError} `SIGNING_APPROVAL_NEEDED` where custodians must let the token make a
 *   key: what it made is taken up when this is called again.
 */
export async function rotateAuditKey(
  parts: AuditKeyParts,
  checkpointer: Checkpointer,
  { destroysOld, origin }: { readonly destroysOld: boolean; readonly origin: AuditOrigin },
): Promise<KeyRotation> {
  const { shared, signer, store, audit } = parts;
  const number = checkpointer.keys.keys.length;
  const label = labelOf(shared, number + 1);
  const spki = await obtainKey(signer, label);
  await store.transact('audit: key made', (transaction) =>
    audit.append(transaction, generated(parts, { label, spki, origin })),
  );
  const note = { name: checkpointer.key.name, publicKey: publicKeyOf(spki, label) };
  const rotated = await checkpointer.rotate(checkpointKey(signer, label, note), origin);
  const isOldDestroyed =
    destroysOld && (await destroyKey(parts, { label: labelOf(shared, number), origin }));
  return { ...rotated, isOldDestroyed };
}

async function destroyKey(
  { signer, store, audit, log }: AuditKeyParts,
  { label, origin }: { readonly label: string; readonly origin: AuditOrigin },
): Promise<boolean> {
  let fault: unknown;
  try {
    await signer.destroy(label);
  } catch (error) {
    fault = error;
    log.error('the audit key before could not be destroyed', { label, error: formatError(error) });
  }
  await store.transact('audit: key destroyed', (transaction) =>
    audit.append(transaction, {
      kind: 'key.destroy',
      result: fault === undefined ? 'done' : 'failed',
      origin,
      subject: label,
      details: {
        purpose: 'audit',
        ...(fault === undefined ? {} : { code: isCertdirError(fault) ? fault.code : 'UNEXPECTED' }),
      },
    }),
  );
  return fault === undefined;
}

/** The log's first key; its making, and that it is in use from now on, is on record. */
async function makeFirst(parts: AuditKeyParts, label: string): Promise<NoteKey> {
  const { configuration, shared, signer, store, audit } = parts;
  const spki = await obtainKey(signer, label);
  const digest = recordDigest(spki);
  const name = configuration.audit.origin ?? `certdir/${shared.id}/${digest.slice(0, 16)}`;
  const note = { name, publicKey: publicKeyOf(spki, label) };
  const origin = { channel: 'system', actor: 'certdir' };
  await store.transact('audit: key made', async (transaction) => {
    putNoteKey(transaction, formatNoteKey(note));
    await audit.append(transaction, generated(parts, { label, spki, origin }));
    await audit.append(transaction, {
      kind: 'audit.key.use',
      result: 'done',
      origin,
      subject: name,
      details: { key: formatNoteKey(note) },
    });
  });
  return note;
}

function generated(
  { shared }: AuditKeyParts,
  made: { readonly label: string; readonly spki: Uint8Array; readonly origin: AuditOrigin },
): Parameters<AuditLog['append']>[1] {
  return {
    kind: 'key.generate',
    result: 'done',
    origin: made.origin,
    subject: made.label,
    after: recordDigest(made.spki),
    details: { policy: shared.id, purpose: 'audit' },
  };
}

function labelOf({ id }: SharedPolicy, number: number): string {
  return `${id}-audit-${number}`;
}

function checkpointKey(signer: Signer, label: string, note: NoteKey): CheckpointKey {
  const algorithm = { scheme: 'ed25519' } as const;
  return {
    note,
    sign: (message) => signer.sign({ label, purpose: 'audit', algorithm, content: [message] }),
  };
}

/** Takes up the key that an interrupted run has made. @returns its SubjectPublicKeyInfo. */
async function obtainKey(signer: Signer, label: string): Promise<Uint8Array> {
  const made = async (): Promise<KeyDescription> => {
    try {
      return await signer.describe(label);
    } catch (error) {
      if (!(error instanceof SigningError) || error.code !== 'SIGNING_KEY_UNKNOWN') {
        throw error;
      }
    }
    return await signer.generate({ label, type: { kind: 'ed25519' }, purposes: ['audit'] });
  };
  return (await made()).spki;
}

function publicKeyOf(spki: Uint8Array, label: string): Uint8Array {
  const publicKey = ed25519KeyOf(spki);
  if (publicKey === undefined) {
    const text = `the token has a key ${label} that is none for the audit log; name another token in audit.token`;
    throw new SigningError('SIGNING_KEY_REFUSED', text);
  }
  return publicKey;
}
