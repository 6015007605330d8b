/**
 * Sorted runs in files: what a bulk load has put so far, written in the order of keys by the thread that
 * sorted it (`run-thread.ts`), read back in that order, several merged.
 *
 * @module
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { compareBytes } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import { keyAt, ROW_HEADER_BYTES, readUint32, rowEnd } from './run-rows.ts';

/** What one file holds. */
export interface RunFile {
  readonly file: string;
  readonly bytes: number;
  readonly rows: number;
  /** CRC-32 over the whole. */
  readonly crc32: number;
  /** Where the rows of each keyspace stand. */
  readonly sections: readonly RunSection[];
}

export interface RunSection {
  readonly keyspace: number;
  readonly start: number;
  readonly end: number;
}

/** A row as it is in a run. Its arrays are views of the block it was read with. */
export interface RunRow {
  readonly key: Uint8Array;
  /** With its checksum. */
  readonly stored: Uint8Array;
  readonly tag: number;
}

const WRITE_BYTES = 1024 * 1024;
const BLOCK_BYTES = 256 * 1024;
const PAGE_ROWS = 512;
const PAGE_BYTES = 512 * 1024;

/** Writes rows in the order of `starts`, without waiting for the disk. Blocks its thread. */
export function writeRun(file: string, rows: Uint8Array, starts: Uint32Array): RunFile {
  const sections: { keyspace: number; start: number; end: number }[] = [];
  const buffer = new Uint8Array(WRITE_BYTES);
  const handle = openSync(file, 'wx', 0o600);
  let [buffered, bytes, sum] = [0, 0, 0];
  const flush = (part: Uint8Array): void => {
    sum = crc32(part, sum);
    for (let at = 0; at < part.length; ) {
      at += writeSync(handle, part, at);
    }
  };
  try {
    for (const start of starts) {
      const row = rows.subarray(start, rowEnd(rows, start));
      const keyspace = row[ROW_HEADER_BYTES] ?? 0;
      if (sections.at(-1)?.keyspace !== keyspace) {
        sections.push({ keyspace, start: bytes, end: bytes });
      }
      if (buffered + row.length > buffer.length) {
        flush(buffer.subarray(0, buffered));
        buffered = 0;
      }
      if (row.length > buffer.length) {
        flush(row);
      } else {
        buffer.set(row, buffered);
        buffered += row.length;
      }
      bytes += row.length;
      (sections.at(-1) as { end: number }).end = bytes;
    }
    flush(buffer.subarray(0, buffered));
  } finally {
    closeSync(handle);
  }
  return { file, bytes, rows: starts.length, crc32: sum, sections };
}

/** @returns whether the file is what was written. */
export async function isIntact({ file, bytes, crc32: expected }: RunFile): Promise<boolean> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) {
    return false;
  }
  try {
    const block = new Uint8Array(WRITE_BYTES);
    let [read, sum] = [0, 0];
    for (;;) {
      const { bytesRead } = await handle.read(block, 0, block.length, read);
      if (bytesRead === 0) {
        return read === bytes && sum === expected;
      }
      sum = crc32(block.subarray(0, bytesRead), sum);
      read += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/**
 * The rows of several runs in the order of keys; rows of one key in the order of the runs.
 *
 * @param keyspace Only this one's; all when left out.
 */
export async function* mergeRuns(
  runs: readonly RunFile[],
  keyspace?: number,
): AsyncGenerator<readonly RunRow[], void, undefined> {
  const cursors: RunCursor[] = [];
  try {
    for (const [order, run] of runs.entries()) {
      cursors.push(await RunCursor.open(run, { order, keyspace }));
    }
    const heap = new CursorHeap(cursors.filter(({ row }) => row !== undefined));
    let page: RunRow[] = [];
    let bytes = 0;
    for (let cursor = heap.least; cursor !== undefined; cursor = heap.least) {
      const { row } = cursor;
      if (row !== undefined) {
        page.push(row);
        bytes += row.stored.length;
      }
      if (!cursor.advance()) {
        await cursor.fill();
      }
      heap.leastHasMoved();
      if (page.length === PAGE_ROWS || bytes > PAGE_BYTES) {
        yield page;
        page = [];
        bytes = 0;
      }
    }
    if (page.length > 0) {
      yield page;
    }
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.close()));
  }
}

class RunCursor {
  readonly order: number;
  readonly #handle: FileHandle;
  readonly #end: number;
  #offset: number;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** The row it stands on; undefined at the end. */
  row: RunRow | undefined;

  private constructor(handle: FileHandle, order: number, range: { start: number; end: number }) {
    this.order = order;
    this.#handle = handle;
    this.#offset = range.start;
    this.#end = range.end;
  }

  static async open(
    { file, bytes, sections }: RunFile,
    { order, keyspace }: { readonly order: number; readonly keyspace: number | undefined },
  ): Promise<RunCursor> {
    const section = sections.find((each) => each.keyspace === keyspace) ?? { start: 0, end: 0 };
    const range = keyspace === undefined ? { start: 0, end: bytes } : section;
    const cursor = new RunCursor(await open(file, 'r'), order, range);
    await cursor.fill();
    return cursor;
  }

  /** @returns false when more must be read first; see {@link fill}. */
  advance(): boolean {
    const block = this.#block;
    const start = this.#at;
    if (start + ROW_HEADER_BYTES > block.length) {
      return false;
    }
    const end = rowEnd(block, start);
    if (end > block.length) {
      return false;
    }
    const key = keyAt(block, start);
    const stored = block.subarray(start + ROW_HEADER_BYTES + key.length, end);
    this.row = { key, stored, tag: readUint32(block, start) };
    this.#at = end;
    return true;
  }

  /** Reads on, so that at least one more row is there, and moves to it. */
  async fill(): Promise<void> {
    for (let wanted = BLOCK_BYTES; !this.advance(); wanted *= 2) {
      const rest = this.#block.subarray(this.#at);
      const length = Math.min(wanted, this.#end - this.#offset);
      if (length === 0) {
        this.row = undefined;
        return;
      }
      // Rows given out are views of the block before, so this is a new one.
      const block = new Uint8Array(rest.length + length);
      block.set(rest);
      const { bytesRead } = await this.#handle.read(block, rest.length, length, this.#offset);
      if (bytesRead === 0) {
        throw new StoreError('STORE_DAMAGED', 'A file of a load is shorter than it was');
      }
      this.#offset += bytesRead;
      this.#block = block.subarray(0, rest.length + bytesRead);
      this.#at = 0;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Cursors by the key that they stand on. */
class CursorHeap {
  readonly #cursors: RunCursor[];

  constructor(cursors: readonly RunCursor[]) {
    this.#cursors = [...cursors];
    for (let at = this.#cursors.length >>> 1; at >= 0; at -= 1) {
      this.#sink(at);
    }
  }

  get least(): RunCursor | undefined {
    return this.#cursors[0];
  }

  /** To be called when the least stands on another row, or on none. */
  leastHasMoved(): void {
    if (this.#cursors[0]?.row === undefined) {
      const last = this.#cursors.pop();
      if (last !== undefined && this.#cursors.length > 0) {
        this.#cursors[0] = last;
      }
    }
    this.#sink(0);
  }

  #sink(from: number): void {
    const cursors = this.#cursors;
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < cursors.length && isBefore(cursors[child], cursors[least])) {
          least = child;
        }
      }
      const moved = cursors[at];
      const other = cursors[least];
      if (least === at || moved === undefined || other === undefined) {
        return;
      }
      cursors[at] = other;
      cursors[least] = moved;
      at = least;
    }
  }
}

function isBefore(left: RunCursor | undefined, right: RunCursor | undefined): boolean {
  if (left?.row === undefined || right?.row === undefined) {
    return false;
  }
  return (compareBytes(left.row.key, right.row.key) || left.order - right.order) < 0;
}
