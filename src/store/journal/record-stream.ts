/**
 * Verifies the bytes of a segment as they come, cut wherever they are: head, then records, each against the store, the
 * sequence, its checksums and the chain of hashes before it. Nothing is given on that was not verified.
 *
 * @module
 */

import { concatBytes, equalBytes } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import { crc32c } from './crc32c.ts';
import type { JournalPosition } from './journal.ts';
import {
  HEADER_BYTES,
  hashOfHead,
  isRecordIntact,
  parseRecordHeader,
  parseSegmentHead,
  type RecordHeader,
  RecordKind,
  SEGMENT_HEAD_BYTES,
  sumOfPayload,
} from './journal-record.ts';
import { LargeValueCheck } from './large-record.ts';

export type StreamItem =
  | { readonly kind: 'head'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'record';
      readonly header: RecordHeader;
      /** Header and payload. */
      readonly bytes: Uint8Array;
      /** Where it stands: the segment's first sequence number, and the offset. */
      readonly segment: number;
      readonly offset: number;
    };

export interface StreamPlace {
  readonly storeId: Uint8Array;
  /** The last record of the chain. */
  readonly end: JournalPosition;
  /** What the next record goes on from: `end.hash`, or that of the head behind it. */
  readonly chainHash: Uint8Array;
  /** The segment that is read, and how far. */
  readonly first: number;
  readonly offset: number;
  /** For messages. */
  readonly name: string;
}

export class RecordStream {
  readonly #storeId: Uint8Array;
  readonly #storeSum: number;
  readonly #name: string;
  #end: JournalPosition;
  #chainHash: Uint8Array;
  #first: number;
  /** Of the last item's end. */
  #offset: number;
  #groupStart: number | undefined;
  #pending: Uint8Array = new Uint8Array(0);
  readonly #largeValues = new LargeValueCheck();

  constructor({ storeId, end, chainHash, first, offset, name }: StreamPlace) {
    this.#storeId = storeId;
    this.#storeSum = crc32c(storeId);
    this.#name = name;
    this.#end = end;
    this.#chainHash = chainHash;
    this.#first = first;
    this.#offset = offset;
  }

  /** What is wanted next: the segment, and the byte behind all that was taken in. */
  get wanted(): { readonly first: number; readonly from: number } {
    return { first: this.#first, from: this.#offset + this.#pending.length };
  }

  /** Forgets what was cut off: it is asked for again. */
  dropPending(): void {
    this.#pending = new Uint8Array(0);
  }

  /**
   * Takes in the bytes at {@link wanted}.
   *
   * @throws {StoreError} `STORE_FEED_DAMAGED`, `STORE_FEED_FOREIGN`, `STORE_FEED_FORK`, `STORE_FEED_GAP`, `STORE_FENCED`.
   */
  *push(bytes: Uint8Array): Generator<StreamItem, void, undefined> {
    this.#pending = this.#pending.length === 0 ? bytes : concatBytes(this.#pending, bytes);
    for (;;) {
      const item = this.#offset === 0 ? this.#head() : this.#record();
      if (item === undefined) {
        return;
      }
      this.#pending = this.#pending.subarray(item.bytes.length);
      this.#offset += item.bytes.length;
      if (item.kind === 'record' && item.header.kind === RecordKind.seal) {
        if (this.#pending.length > 0) {
          throw this.#damaged('something stands behind the seal');
        }
        this.#first = item.header.sequence + 1;
        this.#offset = 0;
      }
      yield item;
    }
  }

  #head(): StreamItem | undefined {
    if (this.#pending.length < SEGMENT_HEAD_BYTES) {
      return undefined;
    }
    const bytes = this.#pending.subarray(0, SEGMENT_HEAD_BYTES);
    const head = parseSegmentHead(bytes);
    if (head === undefined) {
      throw this.#damaged('its head is not one that was written');
    }
    if (!equalBytes(head.storeId, this.#storeId)) {
      throw foreign(this.#name);
    }
    if (head.firstSequence !== this.#first) {
      throw this.#damaged(`it begins with record ${head.firstSequence}`);
    }
    this.#assertEpoch(head.epoch);
    if (!equalBytes(head.previousHash, this.#end.hash)) {
      throw forked(this.#name, this.#end.sequence);
    }
    this.#chainHash = hashOfHead(bytes);
    return { kind: 'head', bytes };
  }

  #record(): StreamItem | undefined {
    const pending = this.#pending;
    if (pending.length < HEADER_BYTES) {
      return undefined;
    }
    const header = parseRecordHeader(pending.subarray(0, HEADER_BYTES), this.#storeSum);
    if (header === undefined) {
      throw this.#damaged('a record’s header is not one that was written');
    }
    const length = HEADER_BYTES + header.payloadBytes;
    this.#assertPlace(header);
    if (pending.length < length) {
      return undefined;
    }
    const bytes = pending.subarray(0, length);
    const payload = bytes.subarray(HEADER_BYTES);
    if (sumOfPayload(header.kind, payload) !== header.payloadSum) {
      throw this.#damaged(`record ${header.sequence} is not the one that was written`);
    }
    if (!isRecordIntact(bytes, payload, this.#chainHash)) {
      throw forked(this.#name, this.#end.sequence);
    }
    this.#end = { sequence: header.sequence, epoch: header.epoch, hash: header.hash };
    this.#chainHash = header.hash;
    this.#groupStart = header.isGroupEnd ? undefined : header.groupStart;
    if (!this.#largeValues.take(header, payload)) {
      throw this.#damaged(
        `record ${header.sequence} ends a large value that is not what its name says`,
      );
    }
    return { kind: 'record', header, bytes, segment: this.#first, offset: this.#offset };
  }

  #assertPlace({ sequence, groupStart, epoch }: RecordHeader): void {
    const next = this.#end.sequence + 1;
    if (sequence !== next) {
      throw gap(this.#name, next, `record ${sequence} stands there`);
    }
    if (groupStart !== (this.#groupStart ?? next)) {
      throw this.#damaged(`record ${sequence} is of another group`);
    }
    this.#assertEpoch(epoch);
  }

  #assertEpoch(epoch: number): void {
    if (epoch < this.#end.epoch) {
      throw forked(this.#name, this.#end.sequence);
    }
  }

  #damaged(why: string): StoreError {
    return new StoreError(
      'STORE_FEED_DAMAGED',
      `What was followed is damaged: ${this.#name}, segment ${this.#first}, byte ${this.#offset}: ${why}. Nothing of it ` +
        'was taken. Run certdir check on the primary; the standby goes on when the segment is whole again',
    );
  }
}

export function foreign(name: string): StoreError {
  return new StoreError(
    'STORE_FEED_FOREIGN',
    `${name} is another store than the one that this standby has followed. Nothing was taken. Give the right ` +
      'place, or begin a standby in an empty store folder',
  );
}

export function forked(name: string, sequence: number): StoreError {
  return new StoreError(
    'STORE_FEED_FORK',
    `${name} does not go on from record ${sequence} of this standby: both have written since they were one store. ` +
      'Find out which one has what was acknowledged; move the other’s store folder away and begin it anew as a standby',
  );
}

export function gap(name: string, next: number, what: string): StoreError {
  return new StoreError(
    'STORE_FEED_GAP',
    `This standby needs record ${next} next, and in ${name} ${what}. Put the missing segments there, or into this ` +
      'standby’s journal from a backup',
  );
}
