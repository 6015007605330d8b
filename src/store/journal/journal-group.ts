/**
 * The records of one group, as they join the chain.
 *
 * @module
 */

import type { JournalPosition } from './journal.ts';
import { type RecordDraft, type RecordKindCode, sealRecord } from './journal-record.ts';

interface SealedAs {
  readonly kind: RecordKindCode;
  readonly isGroupEnd: boolean;
}

/** Records of one group, as they join the chain. */
export class JournalGroup {
  readonly #place: { readonly groupStart: number; readonly epoch: number; readonly atMs: number };
  readonly #storeSum: number;
  #sequence: number;
  #hash: Uint8Array;

  constructor(
    from: JournalPosition & { readonly chainHash: Uint8Array; readonly storeSum: number },
    atMs: number,
  ) {
    this.#place = { groupStart: from.sequence + 1, epoch: from.epoch, atMs };
    this.#storeSum = from.storeSum;
    this.#sequence = from.sequence;
    this.#hash = from.chainHash;
  }

  get end(): JournalPosition {
    return { sequence: this.#sequence, epoch: this.#place.epoch, hash: this.#hash };
  }

  /** @returns the bytes of the record, in parts. */
  seal(draft: RecordDraft, { kind, isGroupEnd }: SealedAs): readonly Uint8Array[] {
    this.#sequence += 1;
    const place = { ...this.#place, kind, isGroupEnd, sequence: this.#sequence };
    this.#hash = sealRecord(draft, place, { storeSum: this.#storeSum, hash: this.#hash });
    return draft.large === undefined ? [draft.head] : [draft.head, draft.large.bytes];
  }
}
