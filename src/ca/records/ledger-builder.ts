/**
 * Works out the ledger of the next list (`entry-ledger.ts`) while the list is put together: chunks that stay as they
 * are, chunks that lost entries, and entries that come in behind.
 *
 * @module
 */

import {
  ChunkEntries,
  ChunkWriter,
  countInRow,
  describeChunk,
  type LedgerChange,
  type LedgerChunk,
  type LedgerEntry,
  MAX_CHUNK_ENTRIES,
  MAX_GONE,
  reasonBit,
} from './entry-ledger.ts';

export class LedgerBuilder {
  readonly #chunks: LedgerChunk[] = [];
  readonly #puts = new Map<bigint, Uint8Array>();
  readonly #gone = new Map<bigint, Uint8Array>();
  readonly #deletes: bigint[] = [];
  /** The last chunk of which only the positions are written. */
  #lastReduced: { readonly id: bigint; readonly row: () => Uint8Array } | undefined;
  #open: ChunkWriter | undefined;

  /** The chunk stays as it is. */
  keep(chunk: LedgerChunk): void {
    this.#chunks.push(chunk);
  }

  /**
   * The chunk has lost entries.
   *
   * @param leaving Their indexes, rising. @param byteLength What is left of the chunk's octets in the list.
   */
  reduce(
    chunk: LedgerChunk,
    entries: ChunkEntries,
    { leaving, byteLength }: { readonly leaving: readonly number[]; readonly byteLength: number },
  ): void {
    if (leaving.length === entries.count) {
      this.#deletes.push(chunk.id);
      return;
    }
    // Reasons that are gone with an entry stay in the mask: it may say too much, never too little.
    const left = { id: chunk.id, byteLength, reasons: chunk.reasons };
    if (entries.goneCount + leaving.length > MAX_GONE) {
      this.#write(left, entries.without(leaving));
      return;
    }
    this.#gone.set(chunk.id, entries.goneWith(leaving));
    this.#chunks.push(describeChunk(left, entries, leaving));
    this.#lastReduced = { id: chunk.id, row: () => entries.without(leaving) };
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
    const reduced = this.#lastReduced;
    const row =
      this.#puts.get(last.id) ??
      (reduced?.id === last.id ? reduced.row() : (await read(last)).without([]));
    this.#chunks.pop();
    this.#puts.delete(last.id);
    this.#gone.delete(last.id);
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
    return { ledger, puts: this.#puts, gone: this.#gone, deletes: this.#deletes };
  }

  #close(): void {
    if (this.#open !== undefined) {
      this.#write(this.#open, this.#open.row);
      this.#open = undefined;
    }
  }

  #write(chunk: Pick<LedgerChunk, 'id' | 'byteLength' | 'reasons'>, row: Uint8Array): void {
    this.#puts.set(chunk.id, row);
    const entries = new ChunkEntries({ id: chunk.id, count: countInRow(row) }, row);
    this.#chunks.push(describeChunk(chunk, entries));
  }
}
