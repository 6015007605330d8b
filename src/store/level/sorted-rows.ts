/**
 * Writes that are not flushed yet: an ordered map from key to stored value or to "deleted".
 *
 * A sorted list of small sorted chunks: look-up and insertion are binary searches and a move of at
 * most one chunk. A view is the list of chunks at one moment; a chunk that a view may hold is copied
 * before it is changed, so a range shows what was there when it began.
 *
 * @module
 */

import { compareBytes } from '../../core/bytes.ts';

/** The stored value, or null where the key is deleted. */
export type RowState = Uint8Array | null;

export type Row = readonly [key: Uint8Array, state: RowState];

export interface RowBounds {
  readonly gte?: Uint8Array | undefined;
  readonly lt?: Uint8Array | undefined;
}

interface Chunk {
  /** The map's generation when this copy was made; an older one may be in a view. */
  readonly generation: number;
  readonly keys: Uint8Array[];
  readonly states: RowState[];
}

const MAX_CHUNK_ROWS = 256;

const EMPTY_CHUNK: Pick<Chunk, 'keys' | 'states'> = { keys: [], states: [] };

export class SortedRows {
  #chunks: Chunk[] = [];
  #generation = 0;
  #size = 0;
  #bytes = 0;

  /** Number of keys. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of all keys and stored values. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The key's state; undefined when this map says nothing about it. */
  find(key: Uint8Array): RowState | undefined {
    const chunk = this.#chunks[this.#chunkOf(key)];
    if (chunk === undefined) {
      return undefined;
    }
    const at = lowerBound(chunk.keys, key);
    return isAt(chunk, at, key) ? chunk.states[at] : undefined;
  }

  /** Neither array may be changed afterwards. */
  set(key: Uint8Array, state: RowState): void {
    const index = this.#chunkOf(key);
    const chunk = this.#writableChunk(index);
    const at = lowerBound(chunk.keys, key);
    if (isAt(chunk, at, key)) {
      this.#bytes += stateBytes(state) - stateBytes(chunk.states[at] ?? null);
      chunk.states[at] = state;
      return;
    }
    chunk.keys.splice(at, 0, key);
    chunk.states.splice(at, 0, state);
    this.#size += 1;
    this.#bytes += key.length + stateBytes(state);
    if (chunk.keys.length > MAX_CHUNK_ROWS) {
      this.#split(index, chunk);
    }
  }

  /** Takes over every row of `later`, which wins. */
  setAll(later: SortedRows): void {
    for (const [key, state] of later.rows({}, false)) {
      this.set(key, state);
    }
  }

  /** Takes over the rows of `earlier` whose keys this map says nothing about. */
  setMissing(earlier: SortedRows): void {
    for (const [key, state] of earlier.rows({}, false)) {
      if (this.find(key) === undefined) {
        this.set(key, state);
      }
    }
  }

  /** The rows between the bounds as they are now, whatever is written afterwards. */
  rows(bounds: RowBounds, reverse: boolean): Iterator<Row> & Iterable<Row> {
    const chunks = this.#view();
    return reverse ? descend(chunks, bounds) : ascend(chunks, bounds);
  }

  /** What {@link rows} may go on reading while this map changes. */
  #view(): readonly Chunk[] {
    this.#generation += 1;
    return this.#chunks.slice();
  }

  /** The last chunk whose first key is not above `key`, or the first chunk. */
  #chunkOf(key: Uint8Array): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const first = this.#chunks[middle]?.keys[0];
      if (first !== undefined && compareBytes(first, key) <= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  #writableChunk(index: number): Chunk {
    const chunk = this.#chunks[index];
    if (chunk !== undefined && chunk.generation === this.#generation) {
      return chunk;
    }
    const copy: Chunk = {
      generation: this.#generation,
      keys: chunk?.keys.slice() ?? [],
      states: chunk?.states.slice() ?? [],
    };
    this.#chunks[index] = copy;
    return copy;
  }

  #split(index: number, chunk: Chunk): void {
    // Keys often arrive in order; a full last chunk is then left full.
    const isLast = index === this.#chunks.length - 1;
    const at = isLast ? chunk.keys.length - 1 : chunk.keys.length >>> 1;
    const upper: Chunk = {
      generation: this.#generation,
      keys: chunk.keys.splice(at),
      states: chunk.states.splice(at),
    };
    this.#chunks.splice(index + 1, 0, upper);
  }
}

/** The first index whose key is not below `key`. */
function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = keys[middle];
    if (other !== undefined && compareBytes(other, key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function isAt(chunk: Chunk, at: number, key: Uint8Array): boolean {
  const other = chunk.keys[at];
  return other !== undefined && compareBytes(other, key) === 0;
}

function stateBytes(state: RowState): number {
  return state?.length ?? 0;
}

function* ascend(chunks: readonly Chunk[], { gte, lt }: RowBounds): Generator<Row, undefined> {
  for (let index = firstChunk(chunks, gte); index < chunks.length; index += 1) {
    const { keys, states } = chunks[index] ?? EMPTY_CHUNK;
    for (let at = gte === undefined ? 0 : lowerBound(keys, gte); at < keys.length; at += 1) {
      const key = keys[at];
      if (key === undefined || (lt !== undefined && compareBytes(key, lt) >= 0)) {
        return;
      }
      yield [key, states[at] ?? null];
    }
  }
}

function* descend(chunks: readonly Chunk[], { gte, lt }: RowBounds): Generator<Row, undefined> {
  const last = lt === undefined ? chunks.length - 1 : firstChunk(chunks, lt);
  for (let index = Math.min(last, chunks.length - 1); index >= 0; index -= 1) {
    const { keys, states } = chunks[index] ?? EMPTY_CHUNK;
    for (let at = (lt === undefined ? keys.length : lowerBound(keys, lt)) - 1; at >= 0; at -= 1) {
      const key = keys[at];
      if (key === undefined || (gte !== undefined && compareBytes(key, gte) < 0)) {
        return;
      }
      yield [key, states[at] ?? null];
    }
  }
}

/** The first chunk that can hold `key` or one above it. */
function firstChunk(chunks: readonly Chunk[], key: Uint8Array | undefined): number {
  if (key === undefined) {
    return 0;
  }
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const last = chunks[middle]?.keys.at(-1);
    if (last !== undefined && compareBytes(last, key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
