/**
 * The access journal: every access at the price of a few bytes in memory, written and synced by group, and
 * sealed once a minute, when its digest enters the audit log and its counts the accounts.
 *
 * Guarantee: what was added more than `syncMs` ago, and the time one write takes, is in the file after any
 * crash; accounts and file agree exactly, whatever happened, because counts are moved by what was sealed
 * and what was not is read again at the next start. What the disk refuses is kept in memory and tried
 * again; only what is beyond `maxPendingBytes` then is lost, and how much is on record.
 *
 * One segment holds accesses of one month.
 *
 * @module
 */

import type { Clock, TimerHandle } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Store } from '../store/store.ts';
import { FrameBuffer } from './access-encoding.ts';
import type { AccessFacts } from './access-event.ts';
import { type AccessFile, accessFileName, openAccessFile } from './access-file.ts';
import { type RecoveredSegment, recoverAccesses } from './access-recovery.ts';
import { type Numbered, newSegment, numbered, type Segment } from './access-segment.ts';
import type { AuditLog } from './audit-log.ts';
import { monthOf } from './civil-month.ts';
import {
  addToAccounts,
  ProvisionTally,
  putSealedMark,
  readSealedMark,
  type SealedMark,
} from './provision-accounts.ts';

export interface AccessJournalOptions {
  readonly folder: string;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Log;
  /** From UTC to the clock that months go by. */
  readonly utcOffsetMs: number;
  /** From an access to the sync that covers it, at most. Default 500 ms. */
  readonly syncMs?: number;
  /** A file that is larger is followed by another one. Default 64 MiB. */
  readonly maxFileBytes?: number;
  /** Kept while the disk refuses to take it. Default 64 MiB. */
  readonly maxPendingBytes?: number;
}

const MIB = 1024 * 1024;
/** A frame is begun anew beyond this, so that none takes long to write. */
const FLUSH_BYTES = 256 * 1024;
/** Different facts in one segment; whoever brings more of them gets it sealed early. */
const MAX_FACTS = 20_000;

/** Since the journal was opened. */
export interface AccessJournalStatistics {
  /** Accesses that were added, and those that the disk and memory could not take. */
  readonly accesses: number;
  readonly lost: number;
  /** Bytes that are in the files. */
  readonly bytes: number;
  readonly sealedSegments: number;
  /** Of the monotonic clock: the last seal, or the opening. */
  readonly sealedAtMonotonicMs: number;
}

/** Facts that were put in once, to be counted again and again. */
export type AccessHandle = Numbered;

export class AccessJournal {
  readonly #options: AccessJournalOptions;
  #file: AccessFile;
  #segment: Segment;
  /** Segments that are in the file and not sealed. */
  readonly #ended: RecoveredSegment[] = [];
  #timer: TimerHandle | undefined;
  /** Writes and seals one after another. */
  #last: Promise<unknown> = Promise.resolve();
  #pendingBytes = 0;
  #lost = 0;
  #isFailing = false;
  /** To be told as soon as the disk refuses a write. */
  readonly #onFailing = new Set<() => void>();
  #isClosed = false;
  readonly #counted = { accesses: 0, lost: 0, bytes: 0, sealedSegments: 0 };
  #sealedAtMonotonicMs: number;
  #onSynced: (durationMs: number) => void = () => undefined;

  private constructor(options: AccessJournalOptions, file: AccessFile) {
    this.#options = options;
    this.#file = file;
    this.#sealedAtMonotonicMs = options.clock.monotonicMs();
    this.#segment = this.#newSegment();
  }

  /**
   * Opens the journal, counting and sealing what a crash has left unsealed. A journal that is damaged or
   * missing keeps nobody from working: it is logged and recorded, and a new file begun.
   */
  static async open(options: AccessJournalOptions): Promise<AccessJournal> {
    const { store, folder, log } = options;
    const snapshot = store.snapshot();
    const mark = await readSealedMark(snapshot).finally(() => snapshot.close());
    const recovered = await recoverAccesses(folder, mark, options.utcOffsetMs);
    if (recovered.damagedBytes > 0) {
      log.error('the access journal is damaged; what follows the damage is not counted', {
        file: recovered.file,
        bytes: recovered.damagedBytes,
      });
    }
    const file = await openAccessFile(folder, recovered.file, recovered.offset);
    if (recovered.isMarkLost) {
      await recordLoss(options, mark, file);
    }
    const journal = new AccessJournal(options, file);
    journal.#ended.push(...recovered.segments);
    await journal.#recordEnded(recovered.damagedBytes);
    return journal;
  }

  /** Accesses that are not sealed yet. */
  get unsealed(): number {
    return this.#segment.accesses + this.#ended.length + this.#lost;
  }

  get statistics(): AccessJournalStatistics {
    return { ...this.#counted, sealedAtMonotonicMs: this.#sealedAtMonotonicMs };
  }

  /** Has `listener` told how long each write with its sync took. Replaces the listener before. */
  onSynced(listener: (durationMs: number) => void): void {
    this.#onSynced = listener;
  }

  /** Makes facts ready to be counted cheaply. */
  prepare(facts: AccessFacts): AccessHandle {
    return { segment: undefined, number: 0, facts };
  }

  /** Counts an access now. Neither throws nor waits. */
  add(handle: AccessHandle): void {
    const nowMs = this.#options.clock.nowMs();
    let segment = this.#segment;
    if (nowMs < segment.month.fromMs || nowMs >= segment.month.untilMs) {
      segment = this.#turnOver();
    }
    if (this.#pendingBytes > (this.#options.maxPendingBytes ?? 64 * MIB)) {
      this.#lost += 1;
      this.#counted.lost += 1;
      return;
    }
    const { number } = handle.segment === segment ? handle : numbered(segment, handle);
    segment.counts[number] = (segment.counts[number] ?? 0) + 1;
    segment.buffer.access(number, nowMs);
    segment.accesses += 1;
    this.#counted.accesses += 1;
    this.#arm();
    if (segment.buffer.byteLength > FLUSH_BYTES) {
      this.#flushSoon(segment);
    }
    if (segment.known.length >= MAX_FACTS) {
      this.#turnOver();
    }
  }

  /** Resolves when everything added so far is in the file and synced. */
  async sync(): Promise<void> {
    this.#flushSoon(this.#segment);
    await this.#last;
  }

  /**
   * Seals what there is; resolves when the counts of everything added so far are durable. While the disk
   * refuses to take it nobody is kept waiting: it is sealed when it was written.
   */
  async seal(): Promise<void> {
    if (this.#segment.accesses > 0) {
      this.#turnOver();
    } else if (this.#ended.length > 0) {
      this.#inTurn(() => this.#recordEnded(0));
    }
    await this.#untilWritten();
  }

  async close(): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.seal();
    await this.#last;
    await this.#file.close();
  }

  async #untilWritten(): Promise<void> {
    if (this.#isFailing) {
      return;
    }
    let stopWaiting = (): void => undefined;
    const failing = new Promise<void>((resolve) => {
      stopWaiting = resolve;
    });
    this.#onFailing.add(stopWaiting);
    await Promise.race([this.#last, failing]);
    this.#onFailing.delete(stopWaiting);
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#isClosed) {
      return;
    }
    this.#timer = this.#options.clock.schedule(this.#options.syncMs ?? 500, () => {
      this.#timer = undefined;
      this.#flushSoon(this.#segment);
    });
  }

  /** Hands the buffer over to be written. */
  #flushSoon(segment: Segment): void {
    if (segment.buffer.isEmpty) {
      return;
    }
    const frame = segment.buffer.finish(!segment.isBegun);
    segment.isBegun = true;
    segment.buffer = new FrameBuffer();
    this.#pendingBytes += frame.length;
    this.#inTurn(async () => {
      await this.#write(frame);
      this.#pendingBytes -= frame.length;
      segment.hash.update(frame);
      segment.bytes += frame.length;
    });
  }

  /** Tries until the disk takes it, or the journal is closed. */
  async #write(frame: Uint8Array): Promise<void> {
    for (;;) {
      try {
        const startedMs = this.#options.clock.monotonicMs();
        await this.#file.append(frame);
        this.#counted.bytes += frame.length;
        this.#onSynced(this.#options.clock.monotonicMs() - startedMs);
        if (this.#isFailing) {
          this.#isFailing = false;
          this.#options.log.info('the access journal is written again');
        }
        return;
      } catch (error) {
        if (this.#isClosed) {
          throw error;
        }
        if (!this.#isFailing) {
          this.#isFailing = true;
          for (const stopWaiting of this.#onFailing) {
            stopWaiting();
          }
          const facts = { error: formatError(error) };
          this.#options.log.error('the access journal cannot be written; it is tried again', facts);
        }
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.schedule(this.#options.syncMs ?? 500, resolve);
    });
  }

  /** Ends the segment, to be sealed, and begins another one. */
  #turnOver(): Segment {
    const ended = this.#segment;
    this.#segment = this.#newSegment();
    if (ended.accesses > 0) {
      this.#flushSoon(ended);
      this.#inTurn(() => this.#sealEnded(ended));
    }
    return this.#segment;
  }

  async #sealEnded(ended: Segment): Promise<void> {
    const tally = new ProvisionTally();
    for (const [number, { facts }] of ended.known.entries()) {
      tally.add(facts, ended.counts[number] ?? 0);
    }
    const { accesses, bytes, month } = ended;
    const sha256 = ended.hash.digest('hex');
    const { number: file, size } = this.#file;
    const counts = tally.counts(month.name);
    this.#ended.push({ file, from: size - bytes, end: size, accesses, sha256, counts });
    const { maxFileBytes = 64 * MIB, folder } = this.#options;
    // Handles that nobody uses any more must not keep everything that was seen beside them.
    ended.known.length = 0;
    const isGone = await this.#file.isGone();
    if (isGone || size >= maxFileBytes) {
      await this.#turnPage(() => openAccessFile(folder, file + 1, 0));
    }
    await this.#recordEnded(0);
    if (isGone && this.#file.number !== file) {
      await recordLoss(this.#options, { file, offset: size }, this.#file);
    }
  }

  /** Goes on in another file; where it cannot be made, in the same one until the next seal. */
  async #turnPage(open: () => Promise<AccessFile>): Promise<void> {
    const before = this.#file;
    try {
      this.#file = await open();
    } catch (error) {
      const facts = { error: formatError(error) };
      this.#options.log.error('no further file of the access journal can be made', facts);
      return;
    }
    await before.close();
  }

  /**
   * Seals what has ended: digests into the audit log, counts into the accounts, all or nothing. What the
   * store does not take waits for the next time.
   */
  async #recordEnded(damagedBytes: number): Promise<void> {
    const { store, audit } = this.#options;
    const ended = [...this.#ended];
    const lost = this.#lost;
    await store.transact('audit: seal accesses', async (transaction) => {
      let mark = await readSealedMark(transaction);
      for (const [index, segment] of ended.entries()) {
        const { file, from, end, accesses, sha256, counts } = segment;
        // A commit that was reported as failed may have been made all the same.
        if (file < mark.file || (file === mark.file && end <= mark.offset)) {
          continue;
        }
        mark = { file, offset: end, segments: mark.segments + 1 };
        await addToAccounts(transaction, counts);
        putSealedMark(transaction, mark);
        await audit.append(transaction, {
          kind: 'access.seal',
          result: 'done',
          origin: { channel: 'system', actor: 'certdir' },
          subject: `segment ${mark.segments}`,
          after: sha256,
          details: {
            ...{ file, from, end, accesses },
            ...(lost === 0 || index > 0 ? {} : { lost }),
            ...(damagedBytes === 0 || index > 0 ? {} : { damagedBytes }),
          },
        });
      }
    });
    this.#counted.sealedSegments += ended.length;
    this.#sealedAtMonotonicMs = this.#options.clock.monotonicMs();
    this.#ended.splice(0, ended.length);
    this.#lost -= ended.length === 0 ? 0 : lost;
  }

  #newSegment(): Segment {
    const month = monthOf(this.#options.clock.nowMs(), this.#options.utcOffsetMs);
    return newSegment(month);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#last = this.#last.then(work).catch((error: unknown) => {
      // What was not sealed is in the file, and counted at the next start.
      this.#options.log.error('accesses could not be sealed', { error: formatError(error) });
    });
  }
}

/** What was sealed is counted, but its bytes are not there: an auditor must know. */
async function recordLoss(
  { store, audit, log }: AccessJournalOptions,
  lost: Pick<SealedMark, 'file' | 'offset'>,
  { number, size }: AccessFile,
): Promise<void> {
  const name = accessFileName(lost.file);
  log.error('a file of the access journal is missing or shorter than what was sealed of it', {
    file: name,
  });
  await store.transact('audit: accesses lost', async (transaction) => {
    const mark = await readSealedMark(transaction);
    putSealedMark(transaction, { ...mark, file: number, offset: size });
    await audit.append(transaction, {
      kind: 'access.loss',
      result: 'failed',
      origin: { channel: 'system', actor: 'certdir' },
      subject: name,
      details: { ...{ file: lost.file, offset: lost.offset }, segments: mark.segments },
    });
  });
}
