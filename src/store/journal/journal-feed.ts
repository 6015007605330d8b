/**
 * What a primary gives its standbys: the durable part of its journal, told as it grows; and, where it is asked to,
 * the wait for a standby before anything is acknowledged.
 *
 * Not here: the wire (`http/replication-server.ts`), the other side (`standby-follower.ts`).
 *
 * @module
 */

import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { formatHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { StoreError } from '../errors.ts';
import { fenced, writeFence } from '../standby/standby-marks.ts';
import type { DurableSegment, JournalPosition } from './journal.ts';
import { isMissing, listSegments, segmentName } from './journal-file.ts';
import type { SegmentPart, SegmentRequest, SourceDescription } from './journal-source.ts';
import { gap } from './record-stream.ts';

/** Who must have everything, and what happens when that one does not answer. */
export interface SynchronousSetting {
  /** The name of the standby: SHA-256 of its certificate. */
  readonly standby: string;
  readonly timeoutMs: number;
  /** `stop`: nothing is written any more. `continue`: an alarm, and no waiting until it has caught up. */
  readonly onTimeout: 'stop' | 'continue';
}

export interface FeedOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly synchronous: SynchronousSetting | undefined;
}

/** What the feed needs of the open store. */
export interface FeedJournal {
  readonly storeFolder: string;
  readonly journalFolder: string;
  readonly storeId: Uint8Array;
  readonly end: JournalPosition;
  readonly durableSegment: DurableSegment | undefined;
  /** From now on every write fails with this. */
  refuseWrites(error: StoreError): void;
}

/** What a standby was last known to have. */
export interface StandbyProgress {
  readonly standby: string;
  readonly sequence: number;
  /** Behind by so many records. */
  readonly behind: number;
  /** How old the oldest record is that it lacks; 0 when it has all. */
  readonly behindMs: number;
  /** Since it was last heard of. */
  readonly silentMs: number;
}

export interface FeedStatus {
  readonly epoch: number;
  readonly sequence: number;
  readonly mode: 'asynchronous' | 'synchronous' | 'fallen back';
  readonly standbys: readonly StandbyProgress[];
}

/** A standby's progress with what it has not been given yet. */
export interface MeasuredProgress extends StandbyProgress {
  readonly behindBytes: number;
}

interface Heard {
  readonly sequence: number;
  readonly atMs: number;
  /** What it asked for: the segment, and the byte behind all that it has. */
  readonly first: number;
  readonly from: number;
}

/** Most that one answer carries. */
export const MAX_PART_BYTES: number = 1024 * 1024;
/** Times of recent groups that are kept, for telling how far behind in time a standby is. */
const MAX_TIMES = 4096;

export class JournalFeed {
  readonly #options: FeedOptions;
  #journal: FeedJournal | undefined;
  readonly #heard = new Map<string, Heard>();
  #waiting: (() => void)[] = [];
  #times: { readonly sequence: number; readonly atMs: number }[] = [];
  #isFallenBack = false;
  #isClosed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Told by the store when it is open. */
  attach(journal: FeedJournal): void {
    this.#journal = journal;
  }

  /** Told by the store when a group is durable here. */
  published({ sequence }: JournalPosition): void {
    this.#times.push({ sequence, atMs: this.#options.clock.monotonicMs() });
    if (this.#times.length > MAX_TIMES) {
      this.#times.splice(0, MAX_TIMES / 2);
    }
    this.#wake();
  }

  /**
   * Resolves when a group may be acknowledged.
   *
   * @throws {StoreError} `STORE_STANDBY_SILENT`: it may be durable at the standby or not.
   */
  async confirm({ sequence }: JournalPosition): Promise<void> {
    const { synchronous, clock, log } = this.#options;
    if (synchronous === undefined || this.#isFallenBack) {
      return;
    }
    const { standby, timeoutMs, onTimeout } = synchronous;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    while ((this.#heard.get(standby)?.sequence ?? 0) < sequence) {
      const restMs = deadlineMs - clock.monotonicMs();
      if (restMs <= 0 || this.#isClosed) {
        if (onTimeout === 'continue') {
          this.#isFallenBack = true;
          log.error(
            'the standby does not answer: what is acknowledged from now on may be lost with this machine',
            { standby, sequence, timeoutMs },
          );
          return;
        }
        throw new StoreError(
          'STORE_STANDBY_SILENT',
          `The standby has not made record ${sequence} durable within ${timeoutMs} ms, and nothing is acknowledged ` +
            'without it. Bring it back and restart; or set replication.onTimeout or synchronous',
        );
      }
      await this.#change(restMs);
    }
  }

  /** Answers a standby that begins to follow, and takes note of a later epoch. */
  async describe(asker: {
    readonly standby: string;
    readonly storeId: string | undefined;
    readonly epoch: number;
  }): Promise<SourceDescription> {
    const journal = this.#attached();
    if (asker.storeId === formatHex(journal.storeId) && (await this.fence(asker.epoch))) {
      throw fenced(asker.epoch);
    }
    const { synchronous } = this.#options;
    return {
      storeId: journal.storeId,
      end: journal.end,
      segments: await listSegments(journal.journalFolder),
      isLossless: synchronous?.standby === asker.standby && synchronous.onTimeout === 'stop',
    };
  }

  /**
   * Durable bytes of a segment; waits for them.
   *
   * @param standby Who asks; what it says it has is taken note of.
   */
  async read(standby: string, request: SegmentRequest): Promise<SegmentPart> {
    this.#hear(standby, request);
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + request.waitMs;
    for (;;) {
      const bytes = await this.#durableBytes(request);
      const restMs = deadlineMs - clock.monotonicMs();
      if (bytes.length > 0 || restMs <= 0 || this.#isClosed) {
        return { bytes, end: this.#attached().end };
      }
      await this.#change(restMs);
    }
  }

  /**
   * Stops writing when another store has taken over. An epoch that is not later changes nothing.
   *
   * @returns true when this store is fenced now.
   */
  async fence(epoch: number): Promise<boolean> {
    const journal = this.#attached();
    if (epoch <= journal.end.epoch) {
      return false;
    }
    const error = fenced(epoch);
    journal.refuseWrites(error);
    await writeFence(journal.storeFolder, epoch);
    this.#options.log.error('another store has taken over: nothing is written here any more', {
      epoch,
      ownEpoch: journal.end.epoch,
    });
    return true;
  }

  /** As {@link fence}, from outside: of another store it is none of this one's business. */
  async fenceStore(storeId: string, epoch: number): Promise<boolean> {
    return formatHex(this.#attached().storeId) === storeId && (await this.fence(epoch));
  }

  get status(): FeedStatus {
    const { synchronous, clock } = this.#options;
    const { end } = this.#attached();
    const nowMs = clock.monotonicMs();
    return {
      epoch: end.epoch,
      sequence: end.sequence,
      mode:
        synchronous === undefined
          ? 'asynchronous'
          : this.#isFallenBack
            ? 'fallen back'
            : 'synchronous',
      standbys: [...this.#heard].map(([standby, { sequence, atMs }]) => {
        const missing = this.#times.find((time) => time.sequence > sequence);
        const isBehind = sequence < end.sequence;
        return {
          ...{ standby, sequence, behind: Math.max(0, end.sequence - sequence) },
          behindMs: isBehind ? nowMs - (missing?.atMs ?? atMs) : 0,
          silentMs: nowMs - atMs,
        };
      }),
    };
  }

  /** What each standby lacks, in bytes of the journal too. */
  async measure(): Promise<readonly MeasuredProgress[]> {
    const { journalFolder } = this.#attached();
    const sizes = new Map<number, number>();
    for (const first of await listSegments(journalFolder)) {
      sizes.set(first, (await stat(join(journalFolder, segmentName(first)))).size);
    }
    // Of the open one what is durable at the moment that the rest of the answer is about.
    const { durableSegment } = this.#attached();
    if (durableSegment !== undefined) {
      sizes.set(durableSegment.first, durableSegment.bytes);
    }
    return this.status.standbys.map((progress) => {
      const { first = 0, from = 0 } = this.#heard.get(progress.standby) ?? {};
      const after = [...sizes].filter(([segment]) => segment >= first);
      const bytes = after.reduce((sum, [, size]) => sum + size, 0);
      return { ...progress, behindBytes: Math.max(0, bytes - from) };
    });
  }

  /** Answers all that wait. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #hear(standby: string, { acknowledged, first, from }: SegmentRequest): void {
    const { clock, synchronous, log } = this.#options;
    const { end } = this.#attached();
    const heard = this.#heard.get(standby);
    const known = Math.min(acknowledged, end.sequence);
    this.#heard.set(standby, { sequence: known, atMs: clock.monotonicMs(), first, from });
    if (this.#isFallenBack && synchronous?.standby === standby && known === end.sequence) {
      this.#isFallenBack = false;
      log.info('the standby has caught up: everything is acknowledged with it again', { standby });
    }
    if (heard === undefined || heard.sequence !== known) {
      this.#wake();
    }
  }

  async #durableBytes({ first, from }: SegmentRequest): Promise<Uint8Array> {
    const { durableSegment, journalFolder, end } = this.#attached();
    if (
      first > end.sequence + 1 ||
      (durableSegment !== undefined && first > durableSegment.first)
    ) {
      return new Uint8Array(0);
    }
    const limit = durableSegment?.first === first ? durableSegment.bytes : Number.POSITIVE_INFINITY;
    const bytes = await readPart(join(journalFolder, segmentName(first)), from, limit);
    // All that is not the last one is sealed, and there is always more of it, or one that follows.
    if (bytes.length === 0 && first <= end.sequence && durableSegment?.first !== first) {
      throw gap('the primary', first, 'there is no such segment, or it is shorter');
    }
    return bytes;
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.schedule(timeoutMs, resolve);
      this.#waiting.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) {
      resolve();
    }
  }

  #attached(): FeedJournal {
    if (this.#journal === undefined) {
      throw new StoreError('STORE_CLOSED', 'The store is not open yet');
    }
    return this.#journal;
  }
}

/** Bytes of a segment up to `limit`; none where there is no such file. */
export async function readPart(path: string, from: number, limit: number): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const length = Math.max(0, Math.min(MAX_PART_BYTES, Math.min(size, limit) - from));
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, from);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error)) {
      return new Uint8Array(0);
    }
    throw error;
  }
}
