/**
 * Idempotency keys in the store: what was asked under each, and what was answered, until they expire. A row for each key and
 * one by its time, so that the oldest are found; both are removed as new ones come.
 *
 * @module
 */

import { asBuffer, encodeUtf8, formatHex } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { RandomSource } from '../core/random.ts';
import type { Begun, KeptAnswers } from '../http/api/idempotency.ts';
import { encodeUint64, Keyspace, keyOf } from '../store/keyspace.ts';
import type { ReadView, Store, Transaction } from '../store/store.ts';

const Table = { answer: Uint8Array.of(1), time: Uint8Array.of(2), end: Uint8Array.of(3) } as const;
/** Removed with each new key, at most: more than come. */
const REMOVED_AT_ONCE = 8;
const ID_BYTES = 32;
const HOUR_MS = 3_600_000;

interface Row {
  readonly beganMs: number;
  /** Of what was asked, hexadecimal. */
  readonly digest: string;
  readonly operationKey: string;
  readonly isDone: boolean;
  /** JSON. */
  readonly answer?: string;
}

export interface KeptAnswersOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly keptHours: number;
  readonly maxKept: number;
}

export class StoredAnswers implements KeptAnswers {
  readonly #options: KeptAnswersOptions;
  /** Of keys that are kept; undefined until it was counted. */
  #count: number | undefined;

  constructor(options: KeptAnswersOptions) {
    this.#options = options;
  }

  async begin(id: Uint8Array, digest: Uint8Array): Promise<Begun> {
    const { store, clock, random, keptHours, maxKept } = this.#options;
    const fresh = formatHex(random.bytes(16));
    const nowMs = clock.nowMs();
    this.#count ??= await this.#countKept();
    const outcome = await store.transact('api: a request begins', async (transaction) => {
      const expiredMs = nowMs - keptHours * HOUR_MS;
      const removed = await removeBefore(transaction, expiredMs);
      const known = await readRow(transaction, id);
      // One that is being removed in a later turn has expired all the same.
      if (known !== undefined && known.beganMs > expiredMs) {
        return { begun: begunAs(known, digest), removed, added: 0 };
      }
      if (known !== undefined) {
        transaction.delete(timeKey(known.beganMs, id));
      } else if ((this.#count ?? 0) - removed >= maxKept) {
        return { begun: { kind: 'full' } as const, removed, added: 0 };
      }
      putRow(transaction, id, {
        ...{ beganMs: nowMs, digest: formatHex(digest), operationKey: fresh, isDone: false },
      });
      transaction.put(timeKey(nowMs, id), new Uint8Array(0));
      const added = known === undefined ? 1 : 0;
      return { begun: { kind: 'new', operationKey: fresh } as const, removed, added };
    });
    this.#count += outcome.added - outcome.removed;
    return outcome.begun;
  }

  async finish(id: Uint8Array, answer: string | undefined): Promise<void> {
    await this.#options.store.transact('api: a request is done', async (transaction) => {
      const row = await readRow(transaction, id);
      if (row !== undefined) {
        putRow(transaction, id, {
          ...{ ...row, isDone: true },
          ...(answer === undefined ? {} : { answer }),
        });
      }
    });
  }

  async forget(id: Uint8Array): Promise<void> {
    const isGone = await this.#options.store.transact(
      'api: a request is refused',
      async (transaction) => {
        const row = await readRow(transaction, id);
        if (row === undefined || row.isDone) {
          return false;
        }
        transaction.delete(rowKey(id));
        transaction.delete(timeKey(row.beganMs, id));
        return true;
      },
    );
    if (isGone && this.#count !== undefined) {
      this.#count -= 1;
    }
  }

  async #countKept(): Promise<number> {
    const snapshot = this.#options.store.snapshot();
    let count = 0;
    try {
      for await (const _key of snapshot.keys(timeRange())) {
        count += 1;
      }
    } finally {
      await snapshot.close();
    }
    return count;
  }
}

function begunAs({ isDone, digest, operationKey, answer }: Row, asked: Uint8Array): Begun {
  if (digest !== formatHex(asked)) {
    return { kind: 'other' };
  }
  return isDone ? { kind: 'done', answer } : { kind: 'open', operationKey };
}

async function removeBefore(transaction: Transaction, expiredMs: number): Promise<number> {
  let removed = 0;
  const range = { ...timeRange(expiredMs), limit: REMOVED_AT_ONCE };
  for await (const key of transaction.keys(range)) {
    transaction.delete(key);
    transaction.delete(rowKey(key.slice(-ID_BYTES)));
    removed += 1;
  }
  return removed;
}

function timeRange(untilMs?: number): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const lt =
    untilMs === undefined
      ? keyOf(Keyspace.answer, Table.end)
      : keyOf(Keyspace.answer, Table.time, encodeUint64(Math.max(0, untilMs)));
  return { gte: keyOf(Keyspace.answer, Table.time), lt };
}

function rowKey(id: Uint8Array): Uint8Array {
  return keyOf(Keyspace.answer, Table.answer, id);
}

function timeKey(atMs: number, id: Uint8Array): Uint8Array {
  return keyOf(Keyspace.answer, Table.time, encodeUint64(atMs), id);
}

async function readRow(view: ReadView, id: Uint8Array): Promise<Row | undefined> {
  const bytes = await view.read(rowKey(id));
  return bytes === undefined ? undefined : (JSON.parse(asBuffer(bytes).toString('utf8')) as Row);
}

function putRow(transaction: Transaction, id: Uint8Array, row: Row): void {
  transaction.put(rowKey(id), encodeUtf8(JSON.stringify(row)));
}
