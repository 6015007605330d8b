/**
 * Group commit: bodies run one after another, each seeing what the ones before it wrote, and their
 * writes pile up while the group before is being made durable; then one write makes them all so.
 *
 * Nothing is answered before what it was based on is durable: not only a transaction that wrote,
 * also one that read or refused on the ground of rows that were not flushed yet.
 *
 * The first failed write is the last: what a database does after one is not to be trusted
 * (docs/decisions/0002).
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Clock } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { StoreError } from '../errors.ts';
import type { StoreStatistics } from '../store.ts';
import { type Row, SortedRows } from './sorted-rows.ts';

/** What one body has come to. */
export interface BodyOutcome {
  /** Its writes; empty when it only read, or threw. */
  readonly rows: SortedRows;
  /** Answers the caller, once all that the body could read is durable. */
  settle(): void;
  /**
   * How the rows of a body that runs alone are made durable, with what else belongs to them. Until it has
   * ended nothing else runs. Its failure is that of a write.
   */
  commit?(rows: Iterable<Row>): Promise<void>;
}

/** A transaction waiting for its turn. */
export interface QueuedBody {
  readonly reason: string;
  /** Everything before it is durable when it begins, and it is when the next begins. */
  readonly isAlone?: boolean;
  /** Runs the body over the unflushed layers, newest first. Never rejects. */
  run(layers: readonly SortedRows[]): Promise<BodyOutcome>;
  /** Answers the caller instead. */
  fail(error: StoreError): void;
}

export interface CommitQueueOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes all rows durable or throws. */
  write(rows: Iterable<Row>): Promise<void>;
  /** The next body waits while the group being filled has this much. */
  readonly maxGroupBytes: number;
  readonly maxGroupRows: number;
  /** A body that runs longer is reported: all writes wait for it. */
  readonly slowBodyMs: number;
}

/** Bodies that never wait for I/O may not keep everything else from running. */
const BODIES_PER_TURN = 64;

interface Waiter {
  readonly body: QueuedBody;
  readonly outcome: BodyOutcome;
}

interface Group {
  rows: SortedRows;
  readonly waiters: Waiter[];
}

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #queue: QueuedBody[] = [];
  readonly #listeners: ((error: Error) => void)[] = [];
  readonly #idleWaiters: (() => void)[] = [];
  readonly #flushListeners: ((durationMs: number) => void)[] = [];
  #unanswered = 0;
  #answered = 0;
  #lost = 0;
  #isDraining = false;
  #isFlushPlanned = false;
  #filling: Group = { rows: new SortedRows(), waiters: [] };
  #flushing: Group | undefined;
  #flushed: Promise<void> = Promise.resolve();
  #failure: StoreError | undefined;
  #running: { readonly reason: string; readonly sinceMs: number } | undefined;
  #isWatching = false;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  /** Set once a write has failed. */
  get failure(): StoreError | undefined {
    return this.#failure;
  }

  get statistics(): Omit<StoreStatistics, 'sharedLargeValues'> {
    return {
      transactions: this.#answered,
      lostTransactions: this.#lost,
      pendingTransactions: this.#unanswered,
    };
  }

  onFlushed(listener: (durationMs: number) => void): void {
    this.#flushListeners.push(listener);
  }

  onFailure(listener: (error: Error) => void): void {
    if (this.#failure === undefined) {
      this.#listeners.push(listener);
    } else {
      this.#notify(listener, this.#failure);
    }
  }

  add(body: QueuedBody): void {
    this.#unanswered += 1;
    this.#queue.push(body);
    if (!this.#isDraining) {
      this.#isDraining = true;
      void this.#drain();
    }
  }

  /** Waits until every body added so far has been answered. */
  async idle(): Promise<void> {
    if (this.#unanswered > 0) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
  }

  async #drain(): Promise<void> {
    let untilTurn = BODIES_PER_TURN;
    for (let body = this.#queue.shift(); body !== undefined; body = this.#queue.shift()) {
      while (this.#isGroupFull()) {
        this.#flush();
        await this.#flushed;
      }
      if (body.isAlone === true) {
        await this.#flushAll();
      }
      if (this.#failure === undefined) {
        await this.#run(body);
      } else {
        this.#fail(body, this.#failure);
      }
      untilTurn -= 1;
      if (untilTurn === 0) {
        untilTurn = BODIES_PER_TURN;
        await nextTurn();
      }
    }
    this.#isDraining = false;
  }

  async #run(body: QueuedBody): Promise<void> {
    this.#running = { reason: body.reason, sinceMs: this.#options.clock.monotonicMs() };
    this.#watch();
    const layers = [this.#filling.rows, ...(this.#flushing ? [this.#flushing.rows] : [])];
    const outcome = await body.run(layers);
    this.#running = undefined;
    if (this.#failure !== undefined) {
      this.#fail(body, builtOnLost(this.#failure));
      return;
    }
    if (outcome.commit !== undefined) {
      await this.#commitAlone(body, outcome);
      return;
    }
    this.#adopt(outcome.rows);
    const group = this.#filling.rows.size > 0 ? this.#filling : this.#flushing;
    if (group === undefined) {
      this.#settle(outcome);
      return;
    }
    group.waiters.push({ body, outcome });
    this.#planFlush();
  }

  async #commitAlone(body: QueuedBody, outcome: BodyOutcome): Promise<void> {
    try {
      await outcome.commit?.(outcome.rows.rows({}, false));
    } catch (error) {
      this.#close(error);
      this.#fail(body, builtOnLost(this.#failure));
      return;
    }
    this.#settle(outcome);
  }

  async #flushAll(): Promise<void> {
    while (this.#failure === undefined && (this.#flushing || this.#filling.rows.size > 0)) {
      this.#flush();
      await this.#flushed;
    }
  }

  /** Adds a body's rows to the group, moving the fewer ones. */
  #adopt(rows: SortedRows): void {
    if (rows.size > this.#filling.rows.size) {
      rows.setMissing(this.#filling.rows);
      this.#filling.rows = rows;
    } else {
      this.#filling.rows.setAll(rows);
    }
  }

  #isGroupFull(): boolean {
    const { rows } = this.#filling;
    return rows.bytes >= this.#options.maxGroupBytes || rows.size >= this.#options.maxGroupRows;
  }

  /** At once when nobody else is ready; otherwise the bodies that are ready join the group. */
  #planFlush(): void {
    if (this.#queue.length === 0) {
      this.#flush();
    } else if (!this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      setImmediate(() => {
        this.#isFlushPlanned = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    const group = this.#filling;
    if (this.#flushing !== undefined || group.rows.size === 0 || this.#failure !== undefined) {
      return;
    }
    this.#flushing = group;
    this.#filling = { rows: new SortedRows(), waiters: [] };
    this.#flushed = this.#write(group);
  }

  async #write(group: Group): Promise<void> {
    const { clock } = this.#options;
    const sinceMs = clock.monotonicMs();
    try {
      await this.#options.write(group.rows.rows({}, false));
    } catch (error) {
      this.#close(error);
      return;
    }
    const durationMs = clock.monotonicMs() - sinceMs;
    this.#flushing = undefined;
    // The next group first, so that the disk works while the callers are answered.
    this.#flush();
    for (const { outcome } of group.waiters) {
      this.#settle(outcome);
    }
    for (const listener of this.#flushListeners) {
      listener(durationMs);
    }
  }

  #close(cause: unknown): void {
    const text = formatError(cause);
    this.#failure = isRefusal(cause)
      ? cause
      : new StoreError(
          'STORE_WRITER_CLOSED',
          `The store takes no more writes, because one failed: ${text}. Repair the disk and restart`,
          { cause },
        );
    this.#options.log.error('the store takes no more writes', { cause: text });
    const lost = [...(this.#flushing?.waiters ?? []), ...this.#filling.waiters];
    this.#flushing = undefined;
    this.#filling = { rows: new SortedRows(), waiters: [] };
    for (const { body } of lost) {
      this.#fail(body, builtOnLost(this.#failure));
    }
    for (const listener of this.#listeners.splice(0)) {
      this.#notify(listener, this.#failure);
    }
  }

  #settle(outcome: BodyOutcome): void {
    outcome.settle();
    this.#countAnswer();
  }

  #fail(body: QueuedBody, error: StoreError): void {
    body.fail(error);
    this.#lost += 1;
    this.#countAnswer();
  }

  #countAnswer(): void {
    this.#unanswered -= 1;
    this.#answered += 1;
    if (this.#unanswered === 0) {
      for (const resolve of this.#idleWaiters.splice(0)) {
        resolve();
      }
    }
  }

  #notify(listener: (error: Error) => void, error: Error): void {
    try {
      listener(error);
    } catch (thrown) {
      this.#options.log.error('a listener failed', { cause: formatError(thrown) });
    }
  }

  /** One timer for all bodies: what it finds running for too long is reported. */
  #watch(): void {
    if (this.#isWatching) {
      return;
    }
    this.#isWatching = true;
    const { clock, log, slowBodyMs } = this.#options;
    clock.schedule(slowBodyMs, () => {
      this.#isWatching = false;
      if (this.#running !== undefined) {
        const runningMs = Math.round(clock.monotonicMs() - this.#running.sinceMs);
        if (runningMs >= slowBodyMs) {
          log.warn('a transaction holds up all others', {
            reason: this.#running.reason,
            runningMs,
            waiting: this.#queue.length,
          });
        }
        this.#watch();
      }
    });
  }
}

/** What closes the writer with every part of the store whole: it says itself what to do. */
function isRefusal(cause: unknown): cause is StoreError {
  return (
    cause instanceof StoreError &&
    (cause.code === 'STORE_FENCED' || cause.code === 'STORE_STANDBY_SILENT')
  );
}

function builtOnLost(failure: StoreError | undefined): StoreError {
  return new StoreError(
    'STORE_WRITE_FAILED',
    `The commit may not have become durable: ${formatError(failure?.cause ?? failure)}`,
    { cause: failure?.cause ?? failure },
  );
}
