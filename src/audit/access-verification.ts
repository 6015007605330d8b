/**
 * The access journal's files against the seals that the audit log has of them, and the accounts against the files.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Snapshot } from '../store/store.ts';
import { accessFileName } from './access-file.ts';
import { AccountRecount } from './access-recount.ts';
import type { AuditLog, AuditRecord } from './audit-log.ts';
import { readMarks } from './audit-state.ts';
import { AuditError } from './errors.ts';

export interface VerifiedAccesses {
  /** Segments that are as they were sealed. */
  readonly segments: number;
  /** Segments whose file is not there any more. */
  readonly absent: number;
  /** Accounts that are what the segments come to; where some are absent, no account is less than the others do. */
  readonly accounts: number;
}

export interface AccessVerification {
  readonly folder: string;
  readonly audit: AuditLog;
  readonly snapshot: Snapshot;
  /** From UTC to the clock that months go by. */
  readonly utcOffsetMs: number;
}

/**
 * @throws {AuditError} `AUDIT_JOURNAL_DAMAGED` for the first segment that is not as it was sealed,
 *   `AUDIT_ACCOUNTS_DIFFER`.
 */
export async function verifyAccesses(subject: AccessVerification): Promise<VerifiedAccesses> {
  const { folder, audit, snapshot, utcOffsetMs } = subject;
  const recount = new AccountRecount(utcOffsetMs);
  let segments = 0;
  let absent = 0;
  for await (const record of audit.records(snapshot)) {
    if (record.kind !== 'access.seal') {
      continue;
    }
    const bytes = await readSealed(folder, record);
    if (bytes === undefined) {
      absent += 1;
    } else {
      segments += 1;
      await recount.add(bytes, record.subject);
    }
  }
  const { pruned } = await readMarks(snapshot);
  const isWhole = absent === 0 && pruned === 0n;
  return { segments, absent, accounts: await recount.compare(snapshot, isWhole) };
}

/** @returns undefined when the file is not there. */
async function readSealed(folder: string, record: AuditRecord): Promise<Uint8Array | undefined> {
  const { subject, after, details } = record;
  const file = accessFileName(Number(details?.['file']));
  let handle: FileHandle;
  try {
    handle = await open(join(folder, file), 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  try {
    const from = Number(details?.['from']);
    const bytes = await readRange(handle, from, Number(details?.['end']));
    if (bytes === undefined || (await digestOf(bytes)) !== after) {
      const text = `${subject} in ${file} is not what was sealed`;
      throw new AuditError('AUDIT_JOURNAL_DAMAGED', text);
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** @returns undefined when the file ends before the range does. */
async function readRange(
  handle: FileHandle,
  from: number,
  end: number,
): Promise<Uint8Array | undefined> {
  if ((await handle.stat()).size < end) {
    return undefined;
  }
  const bytes = Buffer.allocUnsafe(end - from);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at, from + at);
    if (bytesRead === 0) {
      return undefined;
    }
    at += bytesRead;
  }
  return bytes;
}

const CHUNK_BYTES = 1024 * 1024;

async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    hash.update(bytes.subarray(at, at + CHUNK_BYTES));
    await nextTurn();
  }
  return hash.digest('hex');
}
