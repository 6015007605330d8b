/**
 * Rows one behind the other in memory or in a file, as a bulk load keeps them, and their order.
 *
 *     tag (4) · length of the stored value (4) · length of the key (2) · key · stored value
 *
 * Numbers are big-endian. The stored value has its checksum behind it (value-checksum.ts).
 *
 * @module
 */

import { compareBytes } from '../../core/bytes.ts';

/** What stands in front of a row's key. */
export const ROW_HEADER_BYTES = 10;

/** Below this many rows, comparing whole keys is quicker than dividing further. */
const FEW_ROWS = 12;
const DIGIT_BYTES = 4;

/** Where a row's key begins and ends. */
function keyStart(start: number): number {
  return start + ROW_HEADER_BYTES;
}

function keyEnd(rows: Uint8Array, start: number): number {
  return keyStart(start) + (((rows[start + 8] ?? 0) << 8) | (rows[start + 9] ?? 0));
}

/** The key of the row that starts there. */
export function keyAt(rows: Uint8Array, start: number): Uint8Array {
  return rows.subarray(keyStart(start), keyEnd(rows, start));
}

/** Where the row that starts there ends. */
export function rowEnd(rows: Uint8Array, start: number): number {
  return keyEnd(rows, start) + readUint32(rows, start + 4);
}

export function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** A part of the rows whose keys are equal up to `depth`. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

/**
 * Brings rows into the order of their keys; rows of one key stay in the order of `starts`, which must be
 * ascending.
 *
 * Keys here begin alike for dozens of bytes, so that comparing pairs of them costs far more than what
 * this does: it divides by four bytes at a time (Bentley and Sedgewick's multikey quicksort) and looks
 * at each byte of what is alike once.
 *
 * @param starts Where each row starts; reordered in place.
 */
export function sortRows(rows: Uint8Array, starts: Uint32Array): void {
  const digits = new Uint32Array(starts.length);
  const parts: Part[] = [{ from: 0, to: starts.length, depth: 0 }];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { from, to, depth } = part;
    if (to - from <= FEW_ROWS) {
      insertionSort(rows, starts, part);
    } else if (readDigits(rows, starts, { part, digits })) {
      divide(starts, digits, { parts, from, to, depth });
    } else {
      sortByLength(rows, starts, part);
    }
  }
}

/** @returns false when no key reaches beyond the part's depth. */
function readDigits(
  rows: Uint8Array,
  starts: Uint32Array,
  { part: { from, to, depth }, digits }: { readonly part: Part; readonly digits: Uint32Array },
): boolean {
  let isAnyLonger = false;
  for (let at = from; at < to; at += 1) {
    const start = starts[at] ?? 0;
    const left = keyEnd(rows, start) - keyStart(start) - depth;
    const digitAt = keyStart(start) + depth;
    let digit = 0;
    if (left >= DIGIT_BYTES) {
      digit = readUint32(rows, digitAt);
    } else if (left > 0) {
      // A key that ends counts as if zeros followed.
      digit = (readUint32(rows, digitAt) & (0xffffffff << (8 * (DIGIT_BYTES - left)))) >>> 0;
    }
    isAnyLonger ||= left > 0;
    digits[at] = digit;
  }
  return isAnyLonger;
}

/** Quicksort by the digits; what is equal in them goes on with the next ones. */
function divide(
  starts: Uint32Array,
  digits: Uint32Array,
  { parts, from, to, depth }: Part & { readonly parts: Part[] },
): void {
  const ranges: [number, number][] = [[from, to]];
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const [low, high] = range;
    if (high - low <= 1) {
      continue;
    }
    const pivot = median(digits[low] ?? 0, digits[(low + high) >>> 1] ?? 0, digits[high - 1] ?? 0);
    let below = low;
    let above = high;
    let at = low;
    while (at < above) {
      const digit = digits[at] ?? 0;
      if (digit < pivot) {
        swap(starts, digits, at, below);
        below += 1;
        at += 1;
      } else if (digit > pivot) {
        above -= 1;
        swap(starts, digits, at, above);
      } else {
        at += 1;
      }
    }
    parts.push({ from: below, to: above, depth: depth + DIGIT_BYTES });
    ranges.push([low, below], [above, high]);
  }
}

function swap(starts: Uint32Array, digits: Uint32Array, ...[left, right]: [number, number]): void {
  const start = starts[left] ?? 0;
  const digit = digits[left] ?? 0;
  starts[left] = starts[right] ?? 0;
  digits[left] = digits[right] ?? 0;
  starts[right] = start;
  digits[right] = digit;
}

function median(first: number, second: number, third: number): number {
  return Math.max(Math.min(first, second), Math.min(Math.max(first, second), third));
}

function insertionSort(rows: Uint8Array, starts: Uint32Array, { from, to, depth }: Part): void {
  for (let at = from + 1; at < to; at += 1) {
    const start = starts[at] ?? 0;
    let place = at;
    while (place > from && compareFrom(rows, depth, [starts[place - 1] ?? 0, start]) > 0) {
      starts[place] = starts[place - 1] ?? 0;
      place -= 1;
    }
    starts[place] = start;
  }
}

function compareFrom(
  rows: Uint8Array,
  depth: number,
  [left, right]: readonly [left: number, right: number],
): number {
  const leftEnd = keyEnd(rows, left);
  const rightEnd = keyEnd(rows, right);
  let leftAt = keyStart(left) + depth;
  let rightAt = keyStart(right) + depth;
  while (leftAt < leftEnd && rightAt < rightEnd) {
    const difference = (rows[leftAt] ?? 0) - (rows[rightAt] ?? 0);
    if (difference !== 0) {
      return difference;
    }
    leftAt += 1;
    rightAt += 1;
  }
  // Dividing by several bytes at once may have gone past the end of both.
  return keyEnd(rows, left) - keyStart(left) - (rightEnd - keyStart(right)) || left - right;
}

/** Keys that are equal but for zeros at their end. */
function sortByLength(rows: Uint8Array, starts: Uint32Array, { from, to }: Part): void {
  const part = [...starts.subarray(from, to)];
  part.sort((left, right) => compareBytes(keyAt(rows, left), keyAt(rows, right)) || left - right);
  starts.set(part, from);
}
