/**
 * Accounts of what was provided to whom: counts by month, verifier, partition, method and outcome, moved
 * on with each sealed segment of the access journal, in the transaction that records the seal.
 *
 *     access ‖ 0x01                                     how far the journal is sealed
 *     access ‖ 0x02 ‖ month (7) ‖ SHA-256 (32)          an account
 *
 * @module
 */

import { hash } from 'node:crypto';

import { decodeUtf8, encodeUtf8, prefixEnd } from '../core/bytes.ts';
import { Keyspace, keyOf } from '../store/keyspace.ts';
import type { ReadView, Transaction } from '../store/store.ts';
import type { AccessFacts, AccessMethod } from './access-event.ts';
import { AuditError } from './errors.ts';

/** A line of the accounts. */
export interface ProvisionCount {
  /** `YYYY-MM`, by the policy's clock. */
  readonly month: string;
  readonly verifier: string;
  readonly partition: string;
  readonly method: AccessMethod;
  readonly outcome: 'provided' | 'refused';
  readonly count: number;
}

/** Up to where the journal is sealed and counted. */
export interface SealedMark {
  /** Number of the file. */
  readonly file: number;
  readonly offset: number;
  /** Segments so far. */
  readonly segments: number;
}

const markKey = keyOf(Keyspace.access, Uint8Array.of(0x01));
const ACCOUNT = Uint8Array.of(0x02);

export async function readSealedMark(view: ReadView): Promise<SealedMark> {
  const bytes = await view.read(markKey);
  return bytes === undefined
    ? { file: 0, offset: 0, segments: 0 }
    : parse<SealedMark>(bytes, ['file', 'offset', 'segments']);
}

export function putSealedMark(transaction: Transaction, mark: SealedMark): void {
  transaction.put(markKey, encodeUtf8(JSON.stringify(mark)));
}

/** Adds counts to the accounts of a month. */
export async function addToAccounts(
  transaction: Transaction,
  counts: readonly ProvisionCount[],
): Promise<void> {
  for (const count of counts) {
    const key = accountKey(count);
    const bytes = await transaction.read(key);
    const before = bytes === undefined ? 0 : parse<ProvisionCount>(bytes, ['count']).count;
    const account = { ...count, count: before + count.count };
    transaction.put(key, encodeUtf8(JSON.stringify(account)));
  }
}

/** The accounts of a year, or a month of it, in the order of months. */
export async function* readAccounts(
  view: ReadView,
  period: string,
): AsyncGenerator<ProvisionCount, void, undefined> {
  const gte = keyOf(Keyspace.access, ACCOUNT, encodeUtf8(period));
  const lt = prefixEnd(gte);
  for await (const [, bytes] of view.range(lt === undefined ? { gte } : { gte, lt })) {
    yield parse<ProvisionCount>(bytes, ['count']);
  }
}

/** Accesses of one segment as they are counted. */
export class ProvisionTally {
  readonly #counts = new Map<string, { facts: AccessFacts; count: number }>();

  add(facts: AccessFacts, count: number): void {
    const name = nameOf(facts);
    const known = this.#counts.get(name);
    if (known === undefined) {
      this.#counts.set(name, { facts, count });
    } else {
      known.count += count;
    }
  }

  counts(month: string): readonly ProvisionCount[] {
    return [...this.#counts.values()].map(({ facts, count }) => {
      const { verifier, partition, method, outcome } = facts;
      return { month, verifier, partition, method, outcome, count };
    });
  }
}

type AccountName = Pick<AccessFacts, 'verifier' | 'partition' | 'method' | 'outcome'>;

function nameOf({ verifier, partition, method, outcome }: AccountName): string {
  return JSON.stringify([verifier, partition, method, outcome]);
}

function accountKey(count: ProvisionCount): Uint8Array {
  const digest = hash('sha256', nameOf(count), 'buffer');
  return keyOf(Keyspace.access, ACCOUNT, encodeUtf8(count.month), digest);
}

function parse<T>(bytes: Uint8Array, numbers: readonly (keyof T & string)[]): T {
  const value: unknown = JSON.parse(decodeUtf8(bytes) ?? 'null');
  const record =
    typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : null;
  if (record === null || !numbers.every((name) => Number.isSafeInteger(record.get(name)))) {
    throw new AuditError('AUDIT_STATE_DAMAGED', 'the accounts of provided information are damaged');
  }
  return value as T;
}
