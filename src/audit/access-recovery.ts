/**
 * Reading the access journal's files: what a crash has left unsealed, and everything for verification.
 *
 * A write that was cut off leaves a torn frame at the end of the last file, which never counted. Anything
 * else that is no frame is damage.
 *
 * @module
 */

import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { equalBytes } from '../core/bytes.ts';
import { FILE_HEADER, readAccesses, readFrame } from './access-encoding.ts';
import type { AccessEvent, AccessFacts } from './access-event.ts';
import { accessFileName } from './access-file.ts';
import { monthOf } from './civil-month.ts';
import { readIfThere } from './durable-file.ts';
import { AuditError } from './errors.ts';
import { type ProvisionCount, ProvisionTally, type SealedMark } from './provision-accounts.ts';

/** A segment that is to be sealed. */
export interface RecoveredSegment {
  readonly file: number;
  readonly from: number;
  readonly end: number;
  readonly accesses: number;
  readonly sha256: string;
  readonly counts: readonly ProvisionCount[];
}

export interface RecoveredAccesses {
  readonly segments: readonly RecoveredSegment[];
  /** Where writing goes on: number of the file, and the offset behind its last whole frame. */
  readonly file: number;
  readonly offset: number;
  /** Behind the first damage; 0 where there is none. */
  readonly damagedBytes: number;
  /** The file that the mark is in is not there, or shorter: put back without it, or lost. */
  readonly isMarkLost: boolean;
}

/**
 * What is in the files behind the mark. Where the marked file is missing or shorter, what was sealed of it
 * is counted already, and writing goes on in a file of a new number.
 */
export async function recoverAccesses(
  folder: string,
  mark: SealedMark,
  utcOffsetMs: number,
): Promise<RecoveredAccesses> {
  const numbers = await fileNumbers(folder);
  const last = Math.max(mark.file, ...numbers, 1);
  const segments: RecoveredSegment[] = [];
  let damagedBytes = 0;
  let offset = 0;
  let isMarkLost = false;
  for (let file = Math.max(mark.file, 1); file <= last; file += 1) {
    const from = file === mark.file ? mark.offset : FILE_HEADER.length;
    const bytes = await readIfThere(join(folder, accessFileName(file)));
    if (bytes === undefined || bytes.length < from) {
      isMarkLost ||= file === mark.file && mark.offset > 0;
      offset = 0;
      continue;
    }
    const read = readSegments({ bytes, from, file }, utcOffsetMs);
    segments.push(...read.segments);
    offset = read.end;
    damagedBytes += isTorn(bytes, read.end, file === last) ? 0 : bytes.length - read.end;
  }
  // What is damaged stays as it is, to be looked at.
  return damagedBytes > 0 || isMarkLost
    ? { segments, file: last + 1, offset: 0, damagedBytes, isMarkLost }
    : { segments, file: last, offset, damagedBytes, isMarkLost };
}

/** Numbers of the files in the folder, ascending. */
export async function fileNumbers(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return [];
    }
    throw error;
  });
  return names
    .flatMap((name) => /^access-(\d{8})\.log$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((left, right) => left - right);
}

/** A cut write is at the end of the last file, and no whole frame follows it. */
function isTorn(bytes: Uint8Array, end: number, isLast: boolean): boolean {
  if (end === bytes.length) {
    return true;
  }
  for (let at = end + 1; at < bytes.length; at += 1) {
    if (readFrame(bytes, at) !== undefined) {
      return false;
    }
  }
  return isLast;
}

interface Stretch {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly file: number;
}

function readSegments(
  { bytes, from, file }: Stretch,
  utcOffsetMs: number,
): { readonly segments: readonly RecoveredSegment[]; readonly end: number } {
  const segments: RecoveredSegment[] = [];
  let dictionary: AccessFacts[] = [];
  let events: AccessEvent[] = [];
  let begin = from;
  let end = from;
  const finish = (): void => {
    if (end > begin) {
      segments.push(segmentOf({ bytes, from: begin, file }, { end, events, utcOffsetMs }));
    }
    dictionary = [];
    events = [];
    begin = end;
  };
  for (let frame = readFrame(bytes, end); frame !== undefined; frame = readFrame(bytes, end)) {
    if (frame.beginsSegment) {
      finish();
    }
    const found = readAccesses(frame, dictionary);
    if (found === undefined) {
      break;
    }
    events.push(...found);
    end = frame.end;
  }
  finish();
  return { segments, end };
}

function segmentOf(
  { bytes, from, file }: Stretch,
  read: {
    readonly end: number;
    readonly events: readonly AccessEvent[];
    readonly utcOffsetMs: number;
  },
): RecoveredSegment {
  const { end, events, utcOffsetMs } = read;
  const tally = new ProvisionTally();
  for (const event of events) {
    tally.add(event, 1);
  }
  const month = monthOf(events[0]?.timeMs ?? 0, utcOffsetMs).name;
  const sha256 = hash('sha256', bytes.subarray(from, end), 'hex');
  return { file, from, end, accesses: events.length, sha256, counts: tally.counts(month) };
}

/**
 * Every access of the journal, file by file.
 *
 * @throws {AuditError} `AUDIT_JOURNAL_DAMAGED` for a file that is none.
 */
export async function* readJournal(folder: string): AsyncGenerator<AccessEvent, void, undefined> {
  for (const number of await fileNumbers(folder)) {
    const bytes = await readFile(join(folder, accessFileName(number)));
    if (!equalBytes(bytes.subarray(0, FILE_HEADER.length), FILE_HEADER)) {
      throw new AuditError('AUDIT_JOURNAL_DAMAGED', `${accessFileName(number)} is no journal`);
    }
    const dictionary: AccessFacts[] = [];
    let offset = FILE_HEADER.length;
    for (let frame = readFrame(bytes, offset); frame !== undefined; ) {
      if (frame.beginsSegment) {
        dictionary.length = 0;
      }
      yield* readAccesses(frame, dictionary) ?? [];
      offset = frame.end;
      frame = readFrame(bytes, offset);
    }
  }
}
