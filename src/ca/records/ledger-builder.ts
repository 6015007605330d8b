/**
 * Works out the ledger of the next list (`entry-ledger.ts`) while the list is put together: chunks that stay as they
 * are, chunks that lost entries, and entries that come in behind.
 *
 * @module
 */

import {
  type ChunkEntries,
  ChunkWriter,
  describeChunk,
  type LedgerChange,
  type LedgerChunk,
  type LedgerEntry,
  MAX_CHUNK_ENTRIES,
  reasonBit,
} from './entry-ledger.ts';

export class LedgerBuilder {
  readonly #chunks: LedgerChunk[] = [];
  readonly #puts = new Map<bigint, Uint8Array>();
  readonly #deletes: bigint[] = [];
  #open: ChunkWriter | undefined;

  /** The chunk stays as it is. */
  keep(chunk: LedgerChunk): void {
    this.#chunks.push(chunk);
  }

  /**
   * The chunk has lost entries.
   *
   * @param row What is left of its row. @param byteLength What is left of its octets in the list.
   */
  reduce(chunk: LedgerChunk, row: Uint8Array, byteLength: number): void {
    if (row.length === 0) {
      this.#deletes.push(chunk.id);
      return;
    }
    // Reasons that are gone with an entry stay in the mask: it may say too much, never too little.
    this.#write({ id: chunk.id, byteLength, reasons: chunk.reasons }, row);
  }

  /**
   * The last chunk is filled up, if there is room in it. To be called between the last `keep` or `reduce` and the
   * first `append`.
   *
   * @param read Its entries, as they are stored.
   */
  async fillUp(read: (chunk: LedgerChunk) => Promise<ChunkEntries>): Promise<void> {
    const last = this.#chunks.at(-1);
    if (last === undefined || last.count >= MAX_CHUNK_ENTRIES) {
      return;
    }
    const row = this.#puts.get(last.id) ?? (await read(last)).row;
    this.#chunks.pop();
    this.#puts.delete(last.id);
    this.#open = new ChunkWriter(last, row);
  }

  /** An entry comes in, behind all others. */
  append(
    entry: LedgerEntry,
    { byteLength, reason }: { readonly byteLength: number; readonly reason: number | undefined },
  ): void {
    if (this.#open?.isFull === true) {
      this.#close();
    }
    this.#open ??= new ChunkWriter({ id: entry.sequence, byteLength: 0, reasons: 0 });
    this.#open.append(entry);
    this.#open.byteLength += byteLength;
    this.#open.reasons |= reasonBit(reason);
  }

  /** @param listNumber Of the list that it becomes the ledger of. */
  finish(listNumber: bigint): LedgerChange {
    this.#close();
    const ledger = { listNumber, chunks: this.#chunks };
    return { ledger, puts: this.#puts, deletes: this.#deletes };
  }

  #close(): void {
    if (this.#open !== undefined) {
      this.#write(this.#open, this.#open.row);
      this.#open = undefined;
    }
  }

  #write(chunk: Pick<LedgerChunk, 'id' | 'byteLength' | 'reasons'>, row: Uint8Array): void {
    this.#puts.set(chunk.id, row);
    this.#chunks.push(describeChunk(chunk, row));
  }
}
