/**
 * What is to be known of the entries in a scope's newest list beside the list itself, which keeps them: of each the
 * end of its certificate and the number of its revocation, in the order of the list, packed in chunks.
 *
 *     ledger      ‖ scope             number of the list (8) ‖ for each chunk: id (8) ‖ last sequence (8) ‖
 *                                     count (4) ‖ octets in the list (6) ‖ earliest and latest notAfter (6 each) ‖ reasons (2)
 *     ledgerChunk ‖ scope ‖ id (8)    for each entry: sequence - id (4) ‖ notAfter (6)
 *     ledgerGone  ‖ scope ‖ id (8)    positions in that row, rising, of entries that have left (2 each)
 *
 * A chunk's id is the sequence of the first entry it ever had. The next list is made by looking at the ledger alone for
 * what may leave; a chunk is read only when one of its entries leaves, or when entries are added to the last. Each day a few
 * entries leave each chunk: their positions are written, and the row itself only when they have become many.
 *
 * @module
 */

import type { ReadView, Transaction } from '../../store/store.ts';
import { CaError } from '../errors.ts';
import type { CaTables } from './ca-tables.ts';

/** Entries that stand together in the list. */
export interface LedgerChunk {
  readonly id: bigint;
  readonly lastSequence: bigint;
  readonly count: number;
  /** Octets of its entries in the list. */
  readonly byteLength: number;
  readonly minNotAfterMs: number;
  readonly maxNotAfterMs: number;
  /** Every reason that one of its entries has or had (`reasonBit`). */
  readonly reasons: number;
}

export interface Ledger {
  /** The list that it is about; 0 before the first. */
  readonly listNumber: bigint;
  readonly chunks: readonly LedgerChunk[];
}

/** What a chunk says of one entry. */
export interface LedgerEntry {
  readonly sequence: bigint;
  readonly notAfterMs: number;
}

export const MAX_CHUNK_ENTRIES = 4096;
/** Positions of entries that left, before the row is written without them. */
export const MAX_GONE = 512;

const HEAD_OCTETS = 8;
const CHUNK_OCTETS = 40;
const SEQUENCE_OCTETS = 4;
const TIME_OCTETS = 6;
const ENTRY_OCTETS: number = SEQUENCE_OCTETS + TIME_OCTETS;
const POSITION_OCTETS = 2;

/** Of an entry without a reason. */
const NO_REASON_BIT = 15;

/** @param reason CRLReason; undefined for an entry without one. */
export function reasonBit(reason: number | undefined): number {
  return 1 << (reason ?? NO_REASON_BIT);
}

/** The reasons of a mask of `reasonBit`s. */
export function reasonsOf(mask: number): ReadonlySet<number | undefined> {
  const reasons = new Set<number | undefined>();
  for (let bit = 0; bit <= NO_REASON_BIT; bit += 1) {
    if ((mask & (1 << bit)) !== 0) {
      reasons.add(bit === NO_REASON_BIT ? undefined : bit);
    }
  }
  return reasons;
}

/** How many entries the list has, by its ledger, and their octets. */
export function sumLedger({ chunks }: Ledger): {
  readonly entryCount: number;
  readonly byteLength: number;
  readonly reasons: number;
} {
  let entryCount = 0;
  let byteLength = 0;
  let reasons = 0;
  for (const chunk of chunks) {
    entryCount += chunk.count;
    byteLength += chunk.byteLength;
    reasons |= chunk.reasons;
  }
  return { entryCount, byteLength, reasons };
}

export function encodeLedger({ listNumber, chunks }: Ledger): Uint8Array {
  const bytes = Buffer.alloc(HEAD_OCTETS + CHUNK_OCTETS * chunks.length);
  bytes.writeBigUInt64BE(listNumber, 0);
  let at = HEAD_OCTETS;
  for (const chunk of chunks) {
    bytes.writeBigUInt64BE(chunk.id, at);
    bytes.writeBigUInt64BE(chunk.lastSequence, at + 8);
    bytes.writeUInt32BE(chunk.count, at + 16);
    bytes.writeUIntBE(chunk.byteLength, at + 20, 6);
    bytes.writeUIntBE(chunk.minNotAfterMs, at + 26, TIME_OCTETS);
    bytes.writeUIntBE(chunk.maxNotAfterMs, at + 32, TIME_OCTETS);
    bytes.writeUInt16BE(chunk.reasons, at + 38);
    at += CHUNK_OCTETS;
  }
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseLedger(row: Uint8Array): Ledger {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.length);
  if (bytes.length < HEAD_OCTETS || (bytes.length - HEAD_OCTETS) % CHUNK_OCTETS !== 0) {
    throw new CaError('CA_RECORD_DAMAGED', "the ledger of a list's entries cannot be read");
  }
  const chunks: LedgerChunk[] = [];
  for (let at = HEAD_OCTETS; at < bytes.length; at += CHUNK_OCTETS) {
    chunks.push({
      id: bytes.readBigUInt64BE(at),
      lastSequence: bytes.readBigUInt64BE(at + 8),
      count: bytes.readUInt32BE(at + 16),
      byteLength: bytes.readUIntBE(at + 20, 6),
      minNotAfterMs: bytes.readUIntBE(at + 26, TIME_OCTETS),
      maxNotAfterMs: bytes.readUIntBE(at + 32, TIME_OCTETS),
      reasons: bytes.readUInt16BE(at + 38),
    });
  }
  return { listNumber: bytes.readBigUInt64BE(0), chunks };
}

/** The ledger of a scope; empty before its first list. @throws {CaError} `CA_RECORD_DAMAGED` */
export async function readLedger(
  view: ReadView,
  tables: CaTables,
  scopeId: string,
): Promise<Ledger> {
  const row = await view.read(tables.ledger(scopeId));
  return row === undefined ? { listNumber: 0n, chunks: [] } : parseLedger(row);
}

/** The entries of a chunk, in the order of the list: its row, but for those that have left. */
export class ChunkEntries {
  readonly #id: bigint;
  readonly #bytes: Buffer;
  /** Where in the row each entry is; undefined while all of the row are there. */
  readonly #positions: Uint16Array | undefined;
  /** Positions of those that have left. */
  readonly #gone: readonly number[];

  /** @throws {CaError} `CA_RECORD_DAMAGED` */
  constructor(
    { id, count }: Pick<LedgerChunk, 'id' | 'count'>,
    row: Uint8Array,
    gone: Uint8Array = new Uint8Array(0),
  ) {
    this.#id = id;
    this.#bytes = Buffer.from(row.buffer, row.byteOffset, row.length);
    this.#gone = parsePositions(gone);
    if (row.length !== (count + this.#gone.length) * ENTRY_OCTETS) {
      throw damagedChunk();
    }
    this.#positions = this.#gone.length === 0 ? undefined : positionsBut(this.#gone, count);
  }

  /** How many have left since the row was written. */
  get goneCount(): number {
    return this.#gone.length;
  }

  get count(): number {
    return this.#bytes.length / ENTRY_OCTETS - this.#gone.length;
  }

  sequenceAt(index: number): bigint {
    return this.#id + BigInt(this.#bytes.readUInt32BE(this.#at(index)));
  }

  notAfterMsAt(index: number): number {
    return this.#bytes.readUIntBE(this.#at(index) + SEQUENCE_OCTETS, TIME_OCTETS);
  }

  /** A row of these entries alone, without some. @param indexes Rising. */
  without(indexes: readonly number[]): Uint8Array {
    const row = new Uint8Array((this.count - indexes.length) * ENTRY_OCTETS);
    let next = 0;
    let to = 0;
    for (let index = 0; index < this.count; index += 1) {
      if (index === indexes[next]) {
        next += 1;
      } else {
        const at = this.#at(index);
        row.set(this.#bytes.subarray(at, at + ENTRY_OCTETS), to);
        to += ENTRY_OCTETS;
      }
    }
    return row;
  }

  /** The positions of what has left, with some that leave now. @param indexes Rising. */
  goneWith(indexes: readonly number[]): Uint8Array {
    const positions = [...this.#gone, ...indexes.map((index) => this.#at(index) / ENTRY_OCTETS)];
    positions.sort((left, right) => left - right);
    const bytes = Buffer.alloc(positions.length * POSITION_OCTETS);
    for (const [index, position] of positions.entries()) {
      bytes.writeUInt16BE(position, index * POSITION_OCTETS);
    }
    return new Uint8Array(bytes);
  }

  #at(index: number): number {
    return (this.#positions?.[index] ?? index) * ENTRY_OCTETS;
  }
}

/** @throws {CaError} `CA_RECORD_DAMAGED` when they do not rise. */
function parsePositions(bytes: Uint8Array): readonly number[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const positions: number[] = [];
  for (let at = 0; at + POSITION_OCTETS <= view.length; at += POSITION_OCTETS) {
    const position = view.readUInt16BE(at);
    if (position <= (positions.at(-1) ?? -1)) {
      throw damagedChunk();
    }
    positions.push(position);
  }
  return positions;
}

/** @throws {CaError} `CA_RECORD_DAMAGED` for a position behind the row. */
function positionsBut(gone: readonly number[], count: number): Uint16Array {
  const kept = new Uint16Array(count);
  let index = 0;
  let next = 0;
  for (let position = 0; index < count; position += 1) {
    if (position === gone[next]) {
      next += 1;
    } else {
      kept[index] = position;
      index += 1;
    }
  }
  const behind = (kept.at(-1) ?? -1) + 1 + (gone.length - next);
  if (behind !== count + gone.length || (gone.at(-1) ?? 0) >= count + gone.length) {
    throw damagedChunk();
  }
  return kept;
}

function damagedChunk(): CaError {
  return new CaError('CA_RECORD_DAMAGED', "a part of the ledger of a list's entries is damaged");
}

/** The row of a chunk that entries are added to. */
export class ChunkWriter {
  readonly id: bigint;
  readonly #bytes = Buffer.alloc(MAX_CHUNK_ENTRIES * ENTRY_OCTETS);
  #used: number;
  byteLength: number;
  reasons: number;

  /** @param chunk What it has so far, and its row. */
  constructor(
    chunk: Pick<LedgerChunk, 'id' | 'byteLength' | 'reasons'>,
    row: Uint8Array = new Uint8Array(0),
  ) {
    this.id = chunk.id;
    this.byteLength = chunk.byteLength;
    this.reasons = chunk.reasons;
    this.#bytes.set(row);
    this.#used = row.length;
  }

  get isFull(): boolean {
    return this.#used === this.#bytes.length;
  }

  append({ sequence, notAfterMs }: LedgerEntry): void {
    this.#bytes.writeUInt32BE(Number(sequence - this.id), this.#used);
    this.#bytes.writeUIntBE(notAfterMs, this.#used + SEQUENCE_OCTETS, TIME_OCTETS);
    this.#used += ENTRY_OCTETS;
  }

  get row(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#used));
  }
}

/**
 * What the ledger says of a chunk, worked out from its entries.
 *
 * @param without Those that leave: their indexes, rising.
 */
export function describeChunk(
  { id, byteLength, reasons }: Pick<LedgerChunk, 'id' | 'byteLength' | 'reasons'>,
  entries: ChunkEntries,
  without: readonly number[] = [],
): LedgerChunk {
  let minNotAfterMs = Number.MAX_SAFE_INTEGER;
  let maxNotAfterMs = 0;
  let last = 0;
  let next = 0;
  for (let index = 0; index < entries.count; index += 1) {
    if (index === without[next]) {
      next += 1;
    } else {
      const notAfterMs = entries.notAfterMsAt(index);
      minNotAfterMs = Math.min(minNotAfterMs, notAfterMs);
      maxNotAfterMs = Math.max(maxNotAfterMs, notAfterMs);
      last = index;
    }
  }
  const count = entries.count - without.length;
  const lastSequence = entries.sequenceAt(last);
  return { id, lastSequence, count, byteLength, minNotAfterMs, maxNotAfterMs, reasons };
}

/** How many entries a row has. */
export function countInRow(row: Uint8Array): number {
  return row.length / ENTRY_OCTETS;
}

/** @throws {CaError} `CA_RECORD_DAMAGED` when it is missing. */
export async function readChunk(
  view: ReadView,
  tables: CaTables,
  of: { readonly scopeId: string; readonly chunk: Pick<LedgerChunk, 'id' | 'count'> },
): Promise<ChunkEntries> {
  const row = await view.read(tables.ledgerChunk(of.scopeId, of.chunk.id));
  if (row === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `a part of the ledger of ${of.scopeId} is missing`);
  }
  const isWhole = row.length === of.chunk.count * ENTRY_OCTETS;
  const gone = isWhole ? undefined : await view.read(tables.ledgerGone(of.scopeId, of.chunk.id));
  return new ChunkEntries(of.chunk, row, gone);
}

/** What a list brings about in its ledger. */
export interface LedgerChange {
  readonly ledger: Ledger;
  /** Chunks to be written, by id. */
  readonly puts: ReadonlyMap<bigint, Uint8Array>;
  /** What has left of chunks that stay as they are written, by id. */
  readonly gone: ReadonlyMap<bigint, Uint8Array>;
  readonly deletes: readonly bigint[];
}

export function writeLedger(
  transaction: Transaction,
  tables: CaTables,
  { scopeId, change }: { readonly scopeId: string; readonly change: LedgerChange },
): void {
  for (const id of change.deletes) {
    transaction.delete(tables.ledgerChunk(scopeId, id));
    transaction.delete(tables.ledgerGone(scopeId, id));
  }
  for (const [id, row] of change.puts) {
    transaction.put(tables.ledgerChunk(scopeId, id), row);
    transaction.delete(tables.ledgerGone(scopeId, id));
  }
  for (const [id, positions] of change.gone) {
    transaction.put(tables.ledgerGone(scopeId, id), positions);
  }
  transaction.put(tables.ledger(scopeId), encodeLedger(change.ledger));
}
