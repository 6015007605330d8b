/**
 * The read views that the LevelDB driver hands out: snapshots, and transactions that keep their
 * writes to themselves until their body has ended well.
 *
 * @module
 */

import assert from 'node:assert/strict';

import type { Awaitable } from '../../core/awaitable.ts';
import { compareBytes } from '../../core/bytes.ts';
import type { Log } from '../../core/log.ts';
import { StoreError } from '../errors.ts';
import { findJournalDamage, type JournalCheck } from '../journal/journal-check.ts';
import { FIRST_KEYSPACE } from '../keyspace.ts';
import {
  type LargeValueRows,
  type LargeValueWrites,
  largeValueLength,
  largeValuePieces,
  piecesInMemory,
  putLargeValue,
  readLargeValue,
  releaseLargeValue,
} from '../large-values.ts';
import type { SharedLargeValues } from '../shared-large-values.ts';
import type { KeyRange, KeyValue, ReadView, Snapshot, StoreDamage, Transaction } from '../store.ts';
import { findDamage } from './damage-scan.ts';
import type { DurableState } from './durable-states.ts';
import type { LevelDatabase } from './level-database.ts';
import { RowReader, type RowSource } from './row-reader.ts';
import { SortedRows } from './sorted-rows.ts';
import { sealValue } from './value-checksum.ts';

/** Bounds on what is kept in memory until it is flushed. */
export interface TransactionLimits {
  readonly maxKeyBytes: number;
  /** Of an ordinary value; large values have only the transaction's bound. */
  readonly maxValueBytes: number;
  /** Keys and values of one transaction together. */
  readonly maxTransactionBytes: number;
}

const LOWEST_KEY: Uint8Array = Uint8Array.of(FIRST_KEYSPACE);

class LevelReadView implements ReadView {
  protected readonly reader: RowReader;
  readonly #maxKeyBytes: number;

  constructor(source: RowSource, maxKeyBytes: number) {
    this.reader = new RowReader(source);
    this.#maxKeyBytes = maxKeyBytes;
  }

  read(key: Uint8Array): Awaitable<Uint8Array | undefined> {
    this.assertKey(key);
    return this.reader.read(key);
  }

  range(range: KeyRange): AsyncIterable<KeyValue> {
    return this.reader.rows(withoutStoreKeys(range));
  }

  keys(range: KeyRange): AsyncIterable<Uint8Array> {
    return this.reader.keys(withoutStoreKeys(range));
  }

  async readLarge(sha256: Uint8Array): Promise<Uint8Array | undefined> {
    return await readLargeValue(this.reader, sha256);
  }

  largeLength(sha256: Uint8Array): number | undefined {
    return largeValueLength(this.reader, sha256);
  }

  largePieces(sha256: Uint8Array): AsyncIterable<Uint8Array> {
    return largeValuePieces(this.reader, sha256);
  }

  protected assertKey(key: Uint8Array): void {
    assertKey(key, this.#maxKeyBytes);
  }
}

/** What all snapshots of a store have in common. */
export interface SnapshotBasis {
  readonly database: LevelDatabase;
  readonly log: Log;
  readonly large: SharedLargeValues;
  readonly maxKeyBytes: number;
  readonly journalFolder: string;
  /** Keeps segments from being removed until the returned function is called. */
  readonly holdJournal: () => () => void;
}

const noLayers: readonly SortedRows[] = [];

class SnapshotSource implements RowSource {
  readonly journalFolder: string;
  readonly database: LevelDatabase;
  readonly log: Log;
  readonly state: DurableState;
  readonly layers = noLayers;
  isClosed = false;

  constructor({ database, log, journalFolder }: SnapshotBasis, state: DurableState) {
    this.journalFolder = journalFolder;
    this.database = database;
    this.log = log;
    this.state = state;
  }

  assertUsable(): void {
    if (this.isClosed) {
      throw new StoreError('STORE_SNAPSHOT_CLOSED', 'The snapshot is closed');
    }
  }
}

/** A durable state, held until closed. */
export class LevelSnapshot extends LevelReadView implements Snapshot {
  readonly #source: SnapshotSource;
  readonly #large: SharedLargeValues;
  readonly #journal: Pick<SnapshotBasis, 'journalFolder' | 'holdJournal'>;

  /** @param state Held for this snapshot, which releases it. */
  constructor(basis: SnapshotBasis, state: DurableState) {
    const source = new SnapshotSource(basis, state);
    super(source, basis.maxKeyBytes);
    this.#source = source;
    this.#large = basis.large;
    this.#journal = basis;
  }

  /** The same object for views of the same state. */
  get revision(): object {
    return this.#source.state;
  }

  override largePieces(sha256: Uint8Array): AsyncIterable<Uint8Array> {
    const held = this.#large.held(this.reader, sha256);
    return held === undefined ? super.largePieces(sha256) : piecesInMemory(held);
  }

  override async readLarge(sha256: Uint8Array): Promise<Uint8Array | undefined> {
    return await this.#large.read(this.reader, sha256);
  }

  findDamage(onRows: (rows: number) => void = () => undefined): AsyncIterable<StoreDamage> {
    const { database, state } = this.#source;
    this.#source.assertUsable();
    return findDamage({ database, snapshot: state.pin(), rows: this.reader }, onRows);
  }

  async *findJournalDamage(check: JournalCheck): AsyncGenerator<StoreDamage, void, undefined> {
    const { database, state } = this.#source;
    const { journalFolder, holdJournal } = this.#journal;
    this.#source.assertUsable();
    const release = holdJournal();
    try {
      yield* findJournalDamage({ journalFolder, database, snapshot: state.pin() }, check);
    } finally {
      release();
    }
  }

  close(): Awaitable<void> {
    const source = this.#source;
    if (source.isClosed) {
      return;
    }
    source.isClosed = true;
    return source.state.release();
  }
}

export class LevelTransaction extends LevelReadView implements Transaction {
  /** What the body has written so far. */
  readonly rows: SortedRows;
  readonly #limits: TransactionLimits;
  readonly #state: { isOver: boolean };
  readonly #settledListeners: (() => void)[] = [];
  #refusal: unknown;

  /** @param source Where to read what this transaction has not written. */
  constructor(source: Omit<RowSource, 'assertUsable'>, limits: TransactionLimits) {
    const rows = new SortedRows();
    const state = { isOver: false };
    const assertUsable = (): void => assertNotOver(state.isOver);
    super({ ...source, layers: [rows, ...source.layers], assertUsable }, limits.maxKeyBytes);
    this.rows = rows;
    this.#state = state;
    this.#limits = limits;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#guard(() => {
      assertRow(key, value, this.#limits);
      this.#write(key, value);
    });
  }

  delete(key: Uint8Array): void {
    this.#guard(() => {
      this.assertKey(key);
      this.#write(key, null);
    });
  }

  async putLarge(
    value: Uint8Array,
    { sha256 }: { readonly sha256?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    return await this.#guardAsync(() => putLargeValue(this.ownRows, value, sha256));
  }

  async releaseLarge(sha256: Uint8Array): Promise<void> {
    await this.#guardAsync(async () => releaseLargeValue(this.ownRows, sha256));
  }

  onSettled(listener: () => void): void {
    assertNotOver(this.#state.isOver);
    this.#settledListeners.push(listener);
  }

  /** To be called once the outcome is known. */
  settled(): void {
    for (const listener of this.#settledListeners.splice(0)) {
      listener();
    }
  }

  /**
   * Ends the transaction: nothing can be read or written through it any more.
   *
   * @throws What a write was refused with, even if the body has caught it: half of a body's writes
   *   must not be committed.
   */
  end(): void {
    this.#state.isOver = true;
    if (this.#refusal !== undefined) {
      throw this.#refusal;
    }
  }

  /** Rows of every keyspace, the store's own included. */
  readonly ownRows: LargeValueWrites = {
    ...ownReads(this.reader),
    put: (key: Uint8Array, value: Uint8Array): void => this.#write(key, value),
    putWhole: (key: Uint8Array, value: Uint8Array): void => this.#set(key, value),
    delete: (key: Uint8Array): void => this.#write(key, null),
  };

  #write(key: Uint8Array, value: Uint8Array | null): void {
    // Copies, so that the caller may reuse both arrays.
    this.#set(new Uint8Array(key), value === null ? null : sealValue(key, value));
  }

  #set(key: Uint8Array, stored: Uint8Array | null): void {
    assertNotOver(this.#state.isOver);
    this.rows.set(key, stored);
    if (this.rows.bytes > this.#limits.maxTransactionBytes) {
      throw new StoreError(
        'STORE_TRANSACTION_TOO_LARGE',
        `A transaction may write ${this.#limits.maxTransactionBytes} bytes; do it in several`,
      );
    }
  }

  #guard(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#refusal ??= error;
      throw error;
    }
  }

  async #guardAsync<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      this.#refusal ??= error;
      throw error;
    }
  }
}

function ownReads(reader: RowReader): LargeValueRows {
  return {
    journalFolder: reader.journalFolder,
    read: (key) => reader.read(key),
    readNewest: (key) => reader.readNewest(key),
    unflushed: (key) => reader.unflushed(key),
  };
}

/** @throws {StoreError} `STORE_KEY_INVALID`, `STORE_VALUE_TOO_LARGE`. */
export function assertRow(
  key: Uint8Array,
  value: Uint8Array,
  limits: Pick<TransactionLimits, 'maxKeyBytes' | 'maxValueBytes'>,
): void {
  assertKey(key, limits.maxKeyBytes);
  if (value.length > limits.maxValueBytes) {
    throw new StoreError(
      'STORE_VALUE_TOO_LARGE',
      `A value of ${value.length} bytes is above ${limits.maxValueBytes}; use putLarge`,
    );
  }
}

function assertKey(key: Uint8Array, maxKeyBytes: number): void {
  const first = key[0];
  if (first === undefined || first < FIRST_KEYSPACE || key.length > maxKeyBytes) {
    throw new StoreError(
      'STORE_KEY_INVALID',
      `A key is 1 to ${maxKeyBytes} bytes and starts with a keyspace that is not the ` +
        `store's own; this one has ${key.length} bytes and starts with ${first}`,
    );
  }
}

function assertNotOver(isOver: boolean): void {
  if (isOver) {
    throw new StoreError(
      'STORE_TRANSACTION_OVER',
      'A transaction was used after its body had ended; await everything inside the body',
    );
  }
}

/** An open range is everything but the store's own keyspaces, which sort first. */
function withoutStoreKeys(range: KeyRange): KeyRange {
  assert(range.limit === undefined || (Number.isInteger(range.limit) && range.limit >= 0));
  const isBelow = range.gte === undefined || compareBytes(range.gte, LOWEST_KEY) < 0;
  return isBelow ? { ...range, gte: LOWEST_KEY } : range;
}
