/**
 * The access journal's files against the seals that the audit log has of them.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

import type { Snapshot } from '../store/store.ts';
import { accessFileName } from './access-file.ts';
import type { AuditLog, AuditRecord } from './audit-log.ts';
import { AuditError } from './errors.ts';

export interface VerifiedAccesses {
  /** Segments that are as they were sealed. */
  readonly segments: number;
  /** Segments whose file is not there any more. */
  readonly absent: number;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * @throws {AuditError} `AUDIT_JOURNAL_DAMAGED` for the first segment that is not as it was sealed.
 */
export async function verifyAccesses(
  folder: string,
  audit: AuditLog,
  snapshot: Snapshot,
): Promise<VerifiedAccesses> {
  let segments = 0;
  let absent = 0;
  for await (const record of audit.records(snapshot)) {
    if (record.kind !== 'access.seal') {
      continue;
    }
    const isThere = await verifySeal(folder, record);
    segments += isThere ? 1 : 0;
    absent += isThere ? 0 : 1;
  }
  return { segments, absent };
}

/** @returns false when the file is not there. */
async function verifySeal(folder: string, record: AuditRecord): Promise<boolean> {
  const { subject, after, details } = record;
  const file = accessFileName(Number(details?.['file']));
  let handle: FileHandle;
  try {
    handle = await open(join(folder, file), 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return false;
    }
    throw error;
  }
  try {
    const range = { from: Number(details?.['from']), end: Number(details?.['end']) };
    if ((await digestOf(handle, range)) !== after) {
      const text = `${subject} in ${file} is not what was sealed`;
      throw new AuditError('AUDIT_JOURNAL_DAMAGED', text);
    }
    return true;
  } finally {
    await handle.close();
  }
}

/** @returns undefined when the file ends before the range does. */
async function digestOf(
  handle: FileHandle,
  { from, end }: { readonly from: number; readonly end: number },
): Promise<string | undefined> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let at = from; at < end; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(CHUNK_BYTES, end - at), at);
    if (bytesRead === 0) {
      return undefined;
    }
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest('hex');
}
