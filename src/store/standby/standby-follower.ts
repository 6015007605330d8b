/**
 * A standby: follows the journal of a primary, verifies every record against its own chain, keeps the same bytes in
 * segments of its own and applies them to its index.
 *
 * What is cut off is asked for again from the last whole record. What does not fit stops it, with a code that says how:
 * another store, another history, a gap, damage. Nobody reads from the index meanwhile.
 *
 * Not here: where the bytes come from (`journal-source.ts`), promotion (`standby-promotion.ts`).
 *
 * @module
 */

import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { asBuffer, equalBytes, formatHex } from '../../core/bytes.ts';
import { type Clock, delay } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { StoreError } from '../errors.ts';
import { readPart } from '../journal/journal-feed.ts';
import { segmentName } from '../journal/journal-file.ts';
import { HEADER_BYTES, RecordKind } from '../journal/journal-record.ts';
import { indexRowsOf } from '../journal/journal-replay.ts';
import type { JournalSource, SegmentPart, SourceDescription } from '../journal/journal-source.ts';
import { foreign, forked, gap, RecordStream, type StreamItem } from '../journal/record-stream.ts';
import type { JournaledDatabase } from '../level/journaled-database.ts';
import type { Row } from '../level/sorted-rows.ts';
import { prepareStoreFolder } from '../level/store-format.ts';
import { openJournaledDatabase } from '../level/store-opening.ts';
import { readFence, readStandbyMark, writeStandbyMark } from './standby-marks.ts';

export interface FollowerOptions {
  /** The standby's store; made where there is none. */
  readonly folder: string;
  readonly source: JournalSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly cacheBytes: number;
  readonly writeBufferBytes: number;
  /** How long one request waits for something new. */
  readonly waitMs?: number;
  /** Told whenever it stands elsewhere. */
  readonly onProgress?: (status: FollowerStatus) => void;
}

export interface FollowerStatus {
  /** Hexadecimal; null before the primary was reached for the first time. */
  readonly storeId: string | null;
  readonly from: string;
  readonly epoch: number;
  /** The last record that is durable here. */
  readonly sequence: number;
  /** The last one of the source, as far as it has said. */
  readonly sourceSequence: number;
  readonly behind: number;
  /** How long it has been behind; 0 when it has everything. */
  readonly behindMs: number;
  readonly isConnected: boolean;
  /** When the source was last heard of, in milliseconds since the epoch of time; null: never. */
  readonly heardMs: number | null;
  readonly isLossless: boolean;
  /** Why it is not connected; null when it is. */
  readonly problem: string | null;
}

const WAIT_MS = 10_000;
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 15_000;
/** A larger group is not kept in memory until it is whole. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024;
/** So much of the end of what is there is compared with the source when it is asked anew. */
const OVERLAP_BYTES = 4096;

type StreamRecord = Extract<StreamItem, { readonly kind: 'record' }>;

interface OpenGroup {
  rows: Row[] | undefined;
  bytes: number;
}

export class StandbyFollower {
  readonly #options: FollowerOptions;
  #store: JournaledDatabase | undefined;
  #stream: RecordStream | undefined;
  #group: OpenGroup = { rows: [], bytes: 0 };
  #source = { sequence: 0, epoch: 0 };
  #isLossless = false;
  #isConnected = false;
  #problem: string | null = null;
  #heardMs: number | null = null;
  #behindSinceMs: number | undefined;
  #isStopping = false;
  #running: Promise<void> | undefined;
  readonly #stopped: Promise<void>;
  #stop: () => void = () => undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  get status(): FollowerStatus {
    const { source, clock } = this.#options;
    const sequence = this.#store?.end.sequence ?? 0;
    const behind = Math.max(0, this.#source.sequence - sequence);
    return {
      storeId: this.#store === undefined ? null : formatHex(this.#store.storeId),
      from: source.name,
      epoch: this.#store?.end.epoch ?? 0,
      ...{ sequence, sourceSequence: this.#source.sequence, behind },
      behindMs:
        behind === 0 || this.#behindSinceMs === undefined
          ? 0
          : Math.round(clock.monotonicMs() - this.#behindSinceMs),
      ...{ isConnected: this.#isConnected, heardMs: this.#heardMs },
      ...{ isLossless: this.#isLossless, problem: this.#problem },
    };
  }

  /**
   * Follows until {@link close}.
   *
   * @throws {StoreError} what cannot be mended by trying again.
   */
  follow(): Promise<void> {
    this.#running ??= this.#follow();
    return this.#running;
  }

  /** Stops following and closes the store. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#stop();
    await this.#options.source.close();
    await this.#running?.catch(() => undefined);
    await this.#store?.close();
    this.#store = undefined;
  }

  async #follow(): Promise<void> {
    const { folder, clock, log, source } = this.#options;
    const mark = await readStandbyMark(folder);
    this.#isLossless = mark?.isLossless ?? false;
    if (mark !== undefined) {
      // So that one that cannot reach its primary says where it stands.
      await this.#open(undefined);
    }
    let retryMs = FIRST_RETRY_MS;
    while (!this.#isStopping) {
      try {
        await this.#connect();
        retryMs = FIRST_RETRY_MS;
        await this.#copyOn();
      } catch (error) {
        this.#isConnected = false;
        this.#stream?.dropPending();
        if (this.#isStopping) {
          return;
        }
        this.#problem = formatError(error);
        this.#tell();
        if (!(error instanceof StoreError) || error.code !== 'STORE_FEED_UNREACHABLE') {
          log.error('the standby stops', { error: formatError(error) });
          throw error;
        }
        log.warn('the primary’s journal cannot be reached; trying again', {
          ...{ from: source.name, error: formatError(error), retryMs },
        });
        await Promise.race([delay(clock, retryMs), this.#stopped]);
        retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
      }
    }
  }

  /** Asks what the source is, and finds out whether it goes on from here. */
  async #connect(): Promise<void> {
    const { source, folder, log } = this.#options;
    const found = await source.describe({
      storeId: this.#store?.storeId,
      epoch: Math.max(this.#store?.end.epoch ?? 0, await readFence(folder)),
    });
    const store = this.#store ?? (await this.#open(found.storeId));
    if (!equalBytes(found.storeId, store.storeId)) {
      throw foreign(source.name);
    }
    this.#hear(found.end);
    this.#assertEpoch(store, found);
    const stream = this.#stream ?? this.#newStream(store);
    this.#assertGoesOn(store, found);
    await this.#compareOverlap(store);
    this.#stream = stream;
    await this.#mark(store, found);
    this.#isConnected = true;
    this.#problem = null;
    this.#tell();
    const { sequence, epoch } = store.end;
    log.info('following', { from: source.name, sequence, epoch, behind: this.status.behind });
  }

  async #mark(store: JournaledDatabase, { isLossless }: SourceDescription): Promise<void> {
    const { folder, source } = this.#options;
    const storeId = formatHex(store.storeId);
    const present = await readStandbyMark(folder);
    const isSame = present?.from === source.name && present.isLossless === isLossless;
    if (!isSame) {
      await writeStandbyMark(folder, { storeId, from: source.name, isLossless });
    }
    this.#isLossless = isLossless;
  }

  async #open(storeId: Uint8Array | undefined): Promise<JournaledDatabase> {
    const { folder, clock, log, cacheBytes, writeBufferBytes } = this.#options;
    const { format } = await prepareStoreFolder(folder);
    const sizes = { cacheBytes, writeBufferBytes };
    const bornAs = format === undefined ? storeId : undefined;
    this.#store = await openJournaledDatabase({
      ...{ folder, clock, log, sizes, bornAs, role: 'standby' },
    });
    return this.#store;
  }

  #newStream(store: JournaledDatabase): RecordStream {
    const segment = store.durableSegment;
    return new RecordStream({
      ...{ storeId: store.storeId, end: store.end, chainHash: store.chainHash },
      first: segment?.first ?? store.end.sequence + 1,
      offset: segment?.bytes ?? 0,
      name: this.#options.source.name,
    });
  }

  #assertEpoch({ end }: JournaledDatabase, found: SourceDescription): void {
    const { name } = this.#options.source;
    if (found.end !== undefined && found.end.epoch < end.epoch) {
      throw new StoreError(
        'STORE_FENCED',
        `${name} writes in epoch ${found.end.epoch}, and here is epoch ${end.epoch} already: another store has taken ` +
          'over from it. Follow that one',
      );
    }
  }

  #assertGoesOn({ end, durableSegment }: JournaledDatabase, found: SourceDescription): void {
    const { name } = this.#options.source;
    const there = found.end;
    const isFork =
      there !== undefined &&
      (there.sequence < end.sequence ||
        (there.sequence === end.sequence && !equalBytes(there.hash, end.hash)));
    if (isFork) {
      throw forked(name, end.sequence);
    }
    const first = durableSegment?.first ?? end.sequence + 1;
    const oldest = found.segments[0] ?? 1;
    if (first < oldest) {
      throw gap(name, end.sequence + 1, `the oldest segment begins with record ${oldest}`);
    }
    const next = found.segments.find((each) => each > first);
    const has = found.segments.includes(first);
    if (!has && next !== undefined) {
      throw durableSegment === undefined
        ? gap(name, first, `there is none; the next segment begins with ${next}`)
        : forked(name, end.sequence);
    }
  }

  /** The end of the open segment must be the same there. */
  async #compareOverlap(store: JournaledDatabase): Promise<void> {
    const { source } = this.#options;
    const segment = store.durableSegment;
    if (segment === undefined) {
      return;
    }
    const { first, bytes: end } = segment;
    const from = Math.max(0, end - OVERLAP_BYTES);
    const own = await readPart(join(store.journalFolder, segmentName(first)), from, end);
    for (let at = 0; at < own.length; ) {
      const acknowledged = store.end.sequence;
      const part = await source.read({ first, from: from + at, acknowledged, waitMs: 0 });
      const bytes = part.bytes.subarray(0, own.length - at);
      if (bytes.length === 0 || !asBuffer(bytes).equals(own.subarray(at, at + bytes.length))) {
        throw forked(source.name, acknowledged);
      }
      at += bytes.length;
    }
  }

  async #copyOn(): Promise<void> {
    const { source, waitMs = WAIT_MS } = this.#options;
    while (!this.#isStopping && this.#stream !== undefined && this.#store !== undefined) {
      const { first, from } = this.#stream.wanted;
      const acknowledged = this.#store.end.sequence;
      const part: SegmentPart = await source.read({ first, from, acknowledged, waitMs });
      this.#hear(part.end);
      for (const item of this.#stream.push(part.bytes)) {
        await this.#take(this.#store, item);
      }
      this.#hear(part.end);
      this.#tell();
      await nextTurn();
    }
  }

  async #take(store: JournaledDatabase, item: StreamItem): Promise<void> {
    if (item.kind === 'head') {
      await store.beginCopy(item.bytes);
      return;
    }
    const { header, bytes } = item;
    await store.copyRecord(bytes);
    this.#keep(item);
    if (header.isGroupEnd) {
      const { rows } = this.#group;
      this.#group = { rows: [], bytes: 0 };
      const { sequence, epoch, hash, kind } = header;
      const isSeal = kind === RecordKind.seal;
      await store.settleCopy({ sequence, epoch, hash }, { rows: isSeal ? [] : rows, isSeal });
    }
  }

  #keep({ header, bytes, segment, offset }: StreamRecord): void {
    const group = this.#group;
    const rows = indexRowsOf(header.kind, bytes.subarray(HEADER_BYTES), { segment, offset });
    if (rows === undefined) {
      throw new StoreError(
        'STORE_FEED_DAMAGED',
        'A record that was followed does not hold what it says',
      );
    }
    // Of a large value the index has its place alone.
    group.bytes += header.kind === RecordKind.rows ? bytes.length : 0;
    if (group.bytes > MAX_GROUP_BYTES) {
      group.rows = undefined;
    }
    group.rows?.push(...rows);
  }

  #hear(end: { readonly sequence: number; readonly epoch: number } | undefined): void {
    const { clock } = this.#options;
    this.#heardMs = clock.nowMs();
    if (end === undefined) {
      return;
    }
    const own = this.#store?.end.sequence ?? 0;
    if (end.sequence > this.#source.sequence) {
      this.#source = { sequence: end.sequence, epoch: end.epoch };
    }
    this.#behindSinceMs =
      this.#source.sequence > own ? (this.#behindSinceMs ?? clock.monotonicMs()) : undefined;
  }

  #tell(): void {
    this.#options.onProgress?.(this.status);
  }
}
