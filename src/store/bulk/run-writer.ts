/**
 * Turns rows put in any order into sorted runs in files, in bounded memory: rows gather in one array while a
 * thread sorts and writes those before.
 *
 * @module
 */

import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { StoreError } from '../errors.ts';
import { CHECKSUM_BYTES, writeSealedValue } from '../level/value-checksum.ts';
import type { RunFile } from './run-file.ts';
import { ROW_HEADER_BYTES, writeUint32 } from './run-rows.ts';
import type { RunAnswer, RunOrder } from './run-thread.ts';

interface Gathering {
  readonly rows: Uint8Array<ArrayBuffer>;
  readonly starts: Uint32Array<ArrayBuffer>;
}

/** Arrays handed to the thread at once; one more is being filled. */
const MAX_HANDED_OVER = 2;
/** Shorter rows than this are rare; a run of them ends before its array is full. */
const LEAST_ROW_BYTES = 48;

export class RunWriter {
  readonly #folder: string;
  readonly #runBytes: number;
  readonly #runs: RunFile[] = [];
  readonly #free: Gathering[] = [];
  #thread: Worker | undefined;
  #gathering: Gathering | undefined;
  #bytes = 0;
  #count = 0;
  #begun = 0;
  #onAnswer: () => void = () => undefined;
  #failure: StoreError | undefined;

  /** @param runBytes How much a run holds, but for a row that is larger. */
  constructor(folder: string, runBytes: number) {
    this.#folder = folder;
    this.#runBytes = runBytes;
  }

  put(tag: number, key: Uint8Array, value: Uint8Array): void {
    const start = this.#startFor(ROW_HEADER_BYTES + key.length + value.length + CHECKSUM_BYTES);
    const rows = this.#gathering?.rows;
    if (rows === undefined) {
      return;
    }
    writeUint32(rows, start, tag);
    writeUint32(rows, start + 4, value.length + CHECKSUM_BYTES);
    rows[start + 8] = key.length >>> 8;
    rows[start + 9] = key.length;
    rows.set(key, start + ROW_HEADER_BYTES);
    writeSealedValue(rows, start + ROW_HEADER_BYTES + key.length, [key, value]);
  }

  /** See `BulkLoad.room`. */
  room(): Promise<void> | undefined {
    return this.#failure === undefined && this.#handedOver < MAX_HANDED_OVER
      ? undefined
      : this.#untilBelow(MAX_HANDED_OVER);
  }

  /**
   * Waits until everything is in files and on the disk.
   *
   * @returns the runs in the order in which they were put.
   * @throws {StoreError} `STORE_LOAD_FAILED`.
   */
  async finish(): Promise<readonly RunFile[]> {
    this.#handOver();
    await this.#untilBelow(1);
    await this.close();
    return this.#runs;
  }

  /** Ends the thread, whatever it does. */
  async close(): Promise<void> {
    this.#gathering = undefined;
    this.#free.length = 0;
    await this.#thread?.terminate();
  }

  get #handedOver(): number {
    return this.#begun - this.#runs.length;
  }

  /** Where a row of this length goes. */
  #startFor(length: number): number {
    const { rows, starts } = this.#gathering ?? noRows;
    if (this.#bytes + length > rows.length || this.#count === starts.length) {
      this.#handOver();
      this.#gathering = this.#take(length);
    }
    const start = this.#bytes;
    this.#bytes += length;
    const into = this.#gathering?.starts;
    if (into !== undefined) {
      into[this.#count] = start;
    }
    this.#count += 1;
    return start;
  }

  #take(length: number): Gathering {
    const free = this.#free.pop();
    return free !== undefined && free.rows.length >= length
      ? free
      : {
          rows: new Uint8Array(Math.max(this.#runBytes, length)),
          starts: new Uint32Array(Math.ceil(this.#runBytes / LEAST_ROW_BYTES)),
        };
  }

  #handOver(): void {
    if (this.#gathering !== undefined && this.#count > 0 && this.#failure === undefined) {
      const order: RunOrder = {
        ...this.#gathering,
        file: join(this.#folder, String(this.#begun)),
        count: this.#count,
      };
      this.#begun += 1;
      this.#startedThread().postMessage(order, [order.rows.buffer, order.starts.buffer]);
      this.#gathering = undefined;
    }
    this.#bytes = 0;
    this.#count = 0;
  }

  #startedThread(): Worker {
    if (this.#thread === undefined) {
      // The same file as source under a Node that runs TypeScript, compiled otherwise.
      const entry = new URL(`./run-thread${extname(import.meta.url)}`, import.meta.url);
      this.#thread = new Worker(entry);
      this.#thread.on('message', (answer: RunAnswer) => this.#answered(answer));
      this.#thread.on('error', (cause) => this.#fail(cause.message, cause));
    }
    return this.#thread;
  }

  #answered({ rows, starts, outcome }: RunAnswer): void {
    if ('failure' in outcome) {
      this.#fail(outcome.failure);
      return;
    }
    this.#runs.push(outcome.run);
    this.#free.push({ rows, starts });
    this.#onAnswer();
  }

  #fail(text: string, cause?: unknown): void {
    this.#failure ??= new StoreError(
      'STORE_LOAD_FAILED',
      `A file of the load cannot be written: ${text}. Nothing was loaded; check the disk`,
      { cause },
    );
    this.#onAnswer();
  }

  async #untilBelow(count: number): Promise<void> {
    while (this.#failure === undefined && this.#handedOver >= count) {
      await new Promise<void>((resolve) => {
        this.#onAnswer = resolve;
      });
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }
}

const noRows: Gathering = { rows: new Uint8Array(0), starts: new Uint32Array(0) };
