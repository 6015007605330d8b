/**
 * Putting the entries of the next list together: those of the list before it, carried over as they lie there, less
 * those that leave, and behind them what has come in since. No object per entry, no copy but the one into the buffer
 * that becomes the list.
 *
 * Not here: what stands around the entries (`crl-assembly.ts`), and whether it is right (`publication-facts.ts`).
 *
 * @module
 */

import { Turns } from '../../core/turns.ts';
import type { ReadView } from '../../store/store.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
import { elementLength, findEntries } from '../../x509/certificate-list-frame.ts';
import type { CaCore } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import {
  type ChunkEntries,
  type LedgerChange,
  type LedgerChunk,
  readChunk,
  readLedger,
  sumLedger,
} from '../records/entry-ledger.ts';
import { LedgerBuilder } from '../records/ledger-builder.ts';
import type { PublishedList, ScopeRecord } from '../records/scope-record.ts';
import { readWaiting, type WaitingEntries } from '../records/waiting-entries.ts';
import { readWithdrawals, type Withdrawals } from '../records/withdrawal.ts';

/** An entry of the list before that the next one leaves out. */
export interface LeftOutEntry {
  /** Before which octet of the carried entries it stood. */
  readonly at: number;
  /** As it stood in the list before. */
  readonly der: Uint8Array;
  readonly sequence: bigint;
}

/** The list before, without its entries. */
export interface ListAround {
  readonly list: PublishedList;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

export interface EntryRegion {
  /** Where the entries are; there is room in front of them and behind them. */
  readonly buffer: Uint8Array;
  readonly start: number;
  /** Behind the entries that were carried over; those that came in follow. */
  readonly carriedEnd: number;
  readonly end: number;
  readonly carriedCount: number;
  readonly addedCount: number;
  /** In the order in which they stood. */
  readonly leftOut: readonly LeftOutEntry[];
  readonly around: ListAround | undefined;
  /** All that wait to be left out, those that no list ever carried as well. */
  readonly withdrawals: Withdrawals;
  /** Rows of waiting entries that the list takes up. */
  readonly waitingKeys: readonly bigint[];
  readonly change: LedgerChange;
  /** Every reason that a carried entry has or had (`reasonBit`). */
  readonly carriedReasons: number;
}

/** Octets that are copied, or hashed, before others get their turn. */
export const BYTES_PER_TURN: number = 2 * 1024 * 1024;

export interface RegionOrder {
  readonly scopeId: string;
  readonly state: ScopeRecord;
  /** Octets to be left free in front of the entries and behind them. */
  readonly room: (entriesLength: number) => { readonly before: number; readonly behind: number };
}

/** @throws {CaError} `CA_GATE_I10` when the list before is not there; `CA_RECORD_DAMAGED`. @throws {StoreError} */
export async function layOutEntries(
  core: Pick<CaCore, 'tables'>,
  view: ReadView,
  order: RegionOrder,
): Promise<EntryRegion> {
  const layout = new RegionLayout(core, view, order);
  return await layout.make();
}

class RegionLayout {
  readonly #tables: CaCore['tables'];
  readonly #view: ReadView;
  readonly #order: RegionOrder;
  readonly #builder = new LedgerBuilder();
  readonly #turns = new Turns(BYTES_PER_TURN);
  readonly #leftOut: LeftOutEntry[] = [];
  readonly #waitingKeys: bigint[] = [];
  #withdrawals: Withdrawals = new Map();
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;
  #carriedCount = 0;
  #addedCount = 0;

  constructor({ tables }: Pick<CaCore, 'tables'>, view: ReadView, order: RegionOrder) {
    this.#tables = tables;
    this.#view = view;
    this.#order = order;
  }

  async make(): Promise<EntryRegion> {
    const { scopeId, state } = this.#order;
    this.#withdrawals = await readWithdrawals(this.#view, this.#tables, scopeId);
    const ledger = await readLedger(this.#view, this.#tables, scopeId);
    const waiting: WaitingEntries[] = [];
    let waitingBytes = 0;
    for await (const row of readWaiting(this.#view, this.#tables, scopeId)) {
      waiting.push(row);
      waitingBytes += row.der.length;
    }
    const before = sumLedger(ledger);
    this.#allocate(before.byteLength + waitingBytes);
    const around = state.published && (await this.#copyList(state.published, before.byteLength));
    if (ledger.listNumber !== (state.published?.number ?? 0n)) {
      throw new CaError('CA_RECORD_DAMAGED', `the ledger of ${scopeId} is not its newest list's`);
    }
    await this.#closeGaps(ledger.chunks);
    const carriedEnd = this.#end;
    await this.#takeUp(waiting);
    return {
      buffer: this.#buffer,
      start: this.#start,
      carriedEnd,
      end: this.#end,
      carriedCount: this.#carriedCount,
      addedCount: this.#addedCount,
      leftOut: this.#leftOut,
      around,
      withdrawals: this.#withdrawals,
      waitingKeys: this.#waitingKeys,
      change: this.#builder.finish(state.lastNumber + 1n),
      carriedReasons: before.reasons,
    };
  }

  #allocate(entriesLength: number): void {
    const { before, behind } = this.#order.room(entriesLength);
    // Every octet of the list is written; what is around it is never looked at.
    const length = before + entriesLength + behind;
    this.#buffer = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    this.#start = before;
    this.#end = before;
  }

  /** All entries of the list before, in one go. */
  async #copyList(list: PublishedList, byteLength: number): Promise<ListAround> {
    const { number, sha256 } = list;
    if ((await this.#view.largeLength(sha256)) === undefined) {
      throw new CaError('CA_GATE_I10', `list number ${number} is not in the archive`);
    }
    let at = 0;
    let frame: { readonly entriesStart: number; readonly entriesEnd: number } | undefined;
    const head: Uint8Array[] = [];
    const tail: Uint8Array[] = [];
    for await (const piece of this.#view.largePieces(sha256)) {
      frame ??= findEntries(piece, list.byteLength);
      const { entriesStart, entriesEnd } = frame;
      if (entriesEnd - entriesStart !== byteLength) {
        throw new CaError('CA_RECORD_DAMAGED', `the ledger is not that of list ${number}`);
      }
      const from = clamp(entriesStart - at, piece.length);
      const to = clamp(entriesEnd - at, piece.length);
      head.push(piece.slice(0, from));
      this.#buffer.set(piece.subarray(from, to), this.#start + Math.max(0, at - entriesStart));
      tail.push(piece.slice(to));
      at += piece.length;
      await this.#turns.spend(piece.length);
    }
    return { list, head: Buffer.concat(head), tail: Buffer.concat(tail) };
  }

  /** Moves together what stays. */
  async #closeGaps(chunks: readonly LedgerChunk[]): Promise<void> {
    let from = this.#start;
    for (const chunk of chunks) {
      const { byteLength } = chunk;
      if (this.#mayLose(chunk)) {
        await this.#sift(chunk, from);
      } else {
        this.#move(from, byteLength);
        this.#carriedCount += chunk.count;
        this.#builder.keep(chunk);
      }
      from += byteLength;
      await this.#turns.spend(byteLength);
    }
  }

  #move(from: number, byteLength: number): void {
    if (from !== this.#end) {
      this.#buffer.copyWithin(this.#end, from, from + byteLength);
    }
    this.#end += byteLength;
  }

  #mayLose({ id, lastSequence, minNotAfterMs }: LedgerChunk): boolean {
    const { regular } = this.#order.state;
    const hasServed =
      regular !== undefined && minNotAfterMs < regular.thisUpdateMs && id <= regular.sequence;
    return hasServed || this.#isWithdrawnWithin(id, lastSequence);
  }

  #isWithdrawnWithin(first: bigint, last: bigint): boolean {
    for (const sequence of this.#withdrawals.keys()) {
      if (sequence >= first && sequence <= last) {
        return true;
      }
    }
    return false;
  }

  async #sift(chunk: LedgerChunk, start: number): Promise<void> {
    const { scopeId } = this.#order;
    const entries = await readChunk(this.#view, this.#tables, { scopeId, chunk });
    const gone = this.#findLeaving(chunk, entries);
    const newStart = this.#end;
    const buffer = this.#buffer;
    let next = 0;
    let at = start;
    let run = start;
    for (let index = 0; index < chunk.count; index += 1) {
      const length = elementLength(buffer, at);
      if (index === gone[next]) {
        next += 1;
        this.#move(run, at - run);
        const der = buffer.slice(at, at + length);
        this.#leftOut.push({
          at: this.#end - this.#start,
          der,
          sequence: entries.sequenceAt(index),
        });
        run = at + length;
      }
      at += length;
    }
    if (at !== start + chunk.byteLength) {
      throw new CaError('CA_RECORD_DAMAGED', `the ledger of ${scopeId} is not that of its list`);
    }
    this.#move(run, at - run);
    this.#carriedCount += chunk.count - gone.length;
    if (gone.length === 0) {
      this.#builder.keep(chunk);
    } else {
      const byteLength = this.#end - newStart;
      this.#builder.reduce(chunk, entries, { leaving: gone, byteLength });
    }
  }

  /**
   * Which entries of a chunk leave, by their positions. RFC 5280 §3.3: an entry stays until it has appeared on a regularly
   * scheduled list issued beyond the end of its certificate; that of a hold goes when the hold is released.
   */
  #findLeaving({ id, lastSequence }: LedgerChunk, entries: ChunkEntries): readonly number[] {
    const { regular } = this.#order.state;
    const endMs = regular?.thisUpdateMs ?? Number.NEGATIVE_INFINITY;
    const regularSequence = regular?.sequence ?? 0n;
    const hasWithdrawals = this.#isWithdrawnWithin(id, lastSequence);
    const gone: number[] = [];
    for (let index = 0; index < entries.count; index += 1) {
      const hasEnded = entries.notAfterMsAt(index) < endMs;
      // A sequence is a bigint, which costs: it is looked at for few.
      if (hasEnded || hasWithdrawals) {
        const sequence = entries.sequenceAt(index);
        if ((hasEnded && sequence <= regularSequence) || this.#withdrawals.has(sequence)) {
          gone.push(index);
        }
      }
    }
    return gone;
  }

  async #takeUp(waiting: readonly WaitingEntries[]): Promise<void> {
    if (waiting.length === 0) {
      return;
    }
    const { scopeId } = this.#order;
    await this.#builder.fillUp((chunk) => readChunk(this.#view, this.#tables, { scopeId, chunk }));
    for (const row of waiting) {
      this.#waitingKeys.push(row.firstSequence);
      this.#takeUpRow(row);
      await this.#turns.spend(row.der.length * TAKING_UP_COST);
    }
  }

  #takeUpRow(row: WaitingEntries): void {
    const cursor = new RevokedEntryCursor(row.der);
    for (let index = 0; index < row.count; index += 1) {
      if (!cursor.next()) {
        throw new CaError('CA_RECORD_DAMAGED', 'entries that wait for a list are incomplete');
      }
      const sequence = row.firstSequence + BigInt(index);
      if (!this.#withdrawals.has(sequence)) {
        const { raw, reason } = cursor;
        this.#buffer.set(raw, this.#end);
        this.#end += raw.length;
        this.#addedCount += 1;
        const entry = { sequence, notAfterMs: row.notAfterMsAt(index) };
        this.#builder.append(entry, { byteLength: raw.length, reason });
      }
    }
  }
}

/** Taking an entry up takes as long as copying some twenty. */
const TAKING_UP_COST = 20;

function clamp(position: number, length: number): number {
  return Math.min(Math.max(position, 0), length);
}
