/**
 * Where requests are kept: a row for each, another while it has not ended, the key of its submission, and sets of those
 * about the same thing.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import { addMember, eachMember } from '../../store/key-sets.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { CaError } from '../errors.ts';
import { civilDayOf } from '../policy/civil-time.ts';
import type { CaTables } from '../records/ca-tables.ts';
import {
  encodeRequestRecord,
  hasEnded,
  parseRequestRecord,
  type RequestRecord,
} from './request-record.ts';

/** Without letters and digits that are taken for one another. */
const ID_CHARACTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
const ID_LENGTH = 6;
const nothing = new Uint8Array(0);

export class RequestStore {
  readonly #tables: CaTables;

  constructor(tables: CaTables) {
    this.#tables = tables;
  }

  /** @throws {CaError} `CA_REQUEST_UNKNOWN`, `CA_RECORD_DAMAGED`. */
  async read(view: ReadView, id: string): Promise<RequestRecord> {
    const bytes = await view.read(this.#tables.request(id));
    if (bytes === undefined) {
      throw unknownRequest(id);
    }
    return parseRequestRecord(bytes);
  }

  /** @returns the row, for its digest. */
  write(transaction: Transaction, request: RequestRecord): Uint8Array {
    const bytes = encodeRequestRecord(request);
    transaction.put(this.#tables.request(request.id), bytes);
    const open = this.#tables.openRequest(request.id);
    if (hasEnded(request)) {
      transaction.delete(open);
    } else {
      transaction.put(open, nothing);
    }
    return bytes;
  }

  /** Notes what a new request is found by. */
  async index(
    transaction: Transaction,
    id: string,
    { key, subjects }: { readonly key?: string | undefined; readonly subjects: readonly string[] },
  ): Promise<void> {
    if (key !== undefined) {
      transaction.put(this.#tables.requestKey(digest(key)), encodeUtf8(id));
    }
    for (const subject of new Set(subjects)) {
      await addMember(transaction, this.#tables.requestSubject(digest(subject)), encodeUtf8(id));
    }
  }

  /** The request that a submission with this key has led to. */
  async findByKey(view: ReadView, key: string): Promise<RequestRecord | undefined> {
    const id = await view.read(this.#tables.requestKey(digest(key)));
    return id && (await this.read(view, decodeUtf8(id) ?? ''));
  }

  /** Requests that name a subject, oldest first. */
  async *about(view: ReadView, subject: string): AsyncIterable<RequestRecord> {
    for await (const id of eachMember(view, this.#tables.requestSubject(digest(subject)))) {
      yield await this.read(view, decodeUtf8(id) ?? '');
    }
  }

  /** All requests, or those that have not ended, oldest first, behind the one with the id `after`. */
  async *all(
    view: ReadView,
    { isOpen, after }: { readonly isOpen: boolean; readonly after?: string | undefined },
  ): AsyncIterable<RequestRecord> {
    const tables = this.#tables;
    const range = isOpen ? tables.openRequests : tables.requests;
    const from =
      after === undefined ? undefined : isOpen ? tables.openRequest(after) : tables.request(after);
    // A key and an octet: the next one that there can be.
    const behind = from === undefined ? {} : { gte: Uint8Array.from([...from, 0]) };
    for await (const key of view.keys({ ...range, ...behind })) {
      yield await this.read(view, tables.requestIdOf(key));
    }
  }

  /** An id that no request has: day and time of the policy's clock, which people read, and something drawn. */
  async drawId(
    view: ReadView,
    at: { readonly nowMs: number; readonly utcOffsetMs: number; readonly random: RandomSource },
  ): Promise<string> {
    const { year, month, day } = civilDayOf(at.nowMs, at.utcOffsetMs);
    const two = (value: number): string => String(value).padStart(2, '0');
    const time = new Date(at.nowMs + at.utcOffsetMs).toISOString().slice(11, 19);
    const stamp = `${year}${two(month)}${two(day)}-${time.replaceAll(':', '')}`;
    for (;;) {
      const drawn = [...at.random.bytes(ID_LENGTH)].map((octet) => ID_CHARACTERS[octet & 31]);
      const id = `${stamp}-${drawn.join('')}`;
      if ((await view.read(this.#tables.request(id))) === undefined) {
        return id;
      }
    }
  }
}

export function unknownRequest(id: string): CaError {
  return new CaError(
    'CA_REQUEST_UNKNOWN',
    `there is no request ${id.slice(0, 40)}; certdir request list shows those that there are`,
  );
}

function digest(text: string): Uint8Array {
  return createHash('sha256').update(text, 'utf8').digest();
}
