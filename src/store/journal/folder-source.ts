/**
 * The journal of a primary as files: a folder that is shared or copied again and again, `store/journal` of the primary or
 * `segments` of its backups.
 *
 * Whether the last bytes of a file are durable at the primary cannot be seen. What is durable is a group that another
 * one stands behind, because the primary writes one only when that before it is durable; so the last group of the
 * last segment is left for later. Promotion takes no more than was followed.
 *
 * @module
 */

import { join } from 'node:path';

import { type Clock, delay } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import { StoreError } from '../errors.ts';
import { readPart } from './journal-feed.ts';
import { listSegments, segmentName } from './journal-file.ts';
import { HEADER_BYTES, parseRecordHeader, SEGMENT_HEAD_BYTES } from './journal-record.ts';
import type {
  JournalSource,
  SegmentPart,
  SegmentRequest,
  SourceDescription,
} from './journal-source.ts';
import { gap } from './record-stream.ts';
import { SegmentReader } from './segment-reader.ts';

const POLL_MS = 250;
/** A header that is not one and does not become one for so long is not just being written. */
const PATIENCE_MS = 5_000;

/** How far the open segment was looked at. */
interface Walk {
  readonly first: number;
  /** Of the next header. */
  offset: number;
  /** Of the last group's beginning: what is before is durable. */
  settled: number;
  groupStart: number | undefined;
  sequence: number;
  epoch: number;
  /** Since when the header at `offset` is none, and in a file of which size. */
  stuck: { readonly sinceMs: number; readonly size: number } | undefined;
}

export class FolderSource implements JournalSource {
  readonly name: string;
  readonly #clock: Clock;
  #walk: Walk | undefined;
  #isClosed = false;

  constructor(folder: string, clock: Clock) {
    this.name = folder;
    this.#clock = clock;
  }

  describe(): Promise<SourceDescription> {
    return this.#reached(async () => {
      const segments = await listSegments(this.name);
      const last = segments.at(-1);
      const reader = last && (await SegmentReader.open(join(this.name, segmentName(last))));
      if (last === undefined || reader === undefined || reader === 0) {
        throw new StoreError(
          'STORE_FEED_UNREACHABLE',
          `${this.name} has no segment of a journal, or the last one is being made. Give the folder store/journal of a primary`,
        );
      }
      const { storeId } = reader.head;
      await reader.close();
      return { storeId, end: undefined, segments, isLossless: false };
    });
  }

  async read(request: SegmentRequest): Promise<SegmentPart> {
    const deadlineMs = this.#clock.monotonicMs() + request.waitMs;
    for (;;) {
      const part = await this.#reached(() => this.#readNow(request));
      if (part.bytes.length > 0 || this.#isClosed || this.#clock.monotonicMs() >= deadlineMs) {
        return part;
      }
      await delay(this.#clock, POLL_MS);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #readNow({ first, from }: SegmentRequest): Promise<SegmentPart> {
    const path = join(this.name, segmentName(first));
    const segments = await listSegments(this.name);
    const isLast = segments.at(-1) === first;
    const next = segments.find((each) => each > first);
    if (next !== undefined && !segments.includes(first)) {
      throw gap(this.name, first, `there is none; the next segment begins with ${next}`);
    }
    const walk = isLast ? await this.#walkOn(first, path) : this.#walk;
    const limit = isLast ? (walk?.settled ?? 0) : Number.POSITIVE_INFINITY;
    const bytes = await readPart(path, from, limit);
    const end = { sequence: walk?.sequence ?? 0, epoch: walk?.epoch ?? 0 };
    return { bytes, end };
  }

  /** Looks at the headers that have come. */
  async #walkOn(first: number, path: string): Promise<Walk> {
    const walk =
      this.#walk?.first === first
        ? this.#walk
        : {
            first,
            ...{ offset: SEGMENT_HEAD_BYTES, settled: SEGMENT_HEAD_BYTES },
            ...unread(first),
          };
    this.#walk = walk;
    const reader = await SegmentReader.open(path);
    if (reader === undefined) {
      return walk;
    }
    try {
      walk.epoch = Math.max(walk.epoch, reader.head.epoch);
      await this.#headers(reader, walk);
    } finally {
      await reader.close();
    }
    return walk;
  }

  async #headers(reader: SegmentReader, walk: Walk): Promise<void> {
    while (walk.offset + HEADER_BYTES <= reader.size) {
      const bytes = await reader.bytes(walk.offset, HEADER_BYTES);
      const header = parseRecordHeader(bytes, reader.storeSum);
      if (header === undefined) {
        this.#noteStuck(reader.size, walk);
        return;
      }
      walk.stuck = undefined;
      if (walk.offset + HEADER_BYTES + header.payloadBytes > reader.size) {
        return;
      }
      if (header.groupStart !== walk.groupStart) {
        walk.settled = walk.offset;
        walk.groupStart = header.groupStart;
      }
      walk.sequence = header.sequence;
      walk.epoch = header.epoch;
      walk.offset += HEADER_BYTES + header.payloadBytes;
    }
  }

  /** What stays so is given on as it is, for the standby to say what is wrong with it. */
  #noteStuck(size: number, walk: Walk): void {
    const nowMs = this.#clock.monotonicMs();
    if (walk.stuck?.size !== size) {
      walk.stuck = { sinceMs: nowMs, size };
    } else if (nowMs - walk.stuck.sinceMs >= PATIENCE_MS) {
      walk.settled = size;
    }
  }

  async #reached<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof StoreError
        ? error
        : new StoreError(
            'STORE_FEED_UNREACHABLE',
            `${this.name} cannot be read: ${formatError(error)}`,
            { cause: error },
          );
    }
  }
}

function unread(first: number): Pick<Walk, 'groupStart' | 'sequence' | 'epoch' | 'stuck'> {
  return { groupStart: undefined, sequence: first - 1, epoch: 0, stuck: undefined };
}
