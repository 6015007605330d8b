/**
 * Snappy, decompression of one block (google/snappy, format_description.txt). LevelDB compresses the blocks of its
 * tables with it.
 *
 * @module
 */

/** More than any block that the index of a table fills; bounded before memory is taken. */
const MAX_BYTES = 64 * 1024 * 1024;

/** @returns undefined when the bytes are not such a block. */
export function decompressSnappy(compressed: Uint8Array): Uint8Array | undefined {
  const length = readVarint(compressed, 0);
  if (length === undefined || length.value > MAX_BYTES) {
    return undefined;
  }
  const output = new Uint8Array(length.value);
  let at = length.end;
  let filled = 0;
  while (at < compressed.length) {
    const element = readElement(compressed, at);
    if (element === undefined || filled + element.length > output.length) {
      return undefined;
    }
    if (element.offset === 0) {
      output.set(compressed.subarray(element.start, element.start + element.length), filled);
    } else if (element.offset > filled) {
      return undefined;
    } else {
      // Byte by byte: a copy may reach into what it has just written.
      for (let done = 0; done < element.length; done += 1) {
        output[filled + done] = output[filled + done - element.offset] ?? 0;
      }
    }
    filled += element.length;
    at = element.end;
  }
  return filled === output.length ? output : undefined;
}

/** A literal when `offset` is 0, otherwise a copy from so far back. */
interface Element {
  readonly length: number;
  readonly offset: number;
  /** Where a literal's bytes begin. */
  readonly start: number;
  readonly end: number;
}

function readElement(bytes: Uint8Array, at: number): Element | undefined {
  const tag = bytes[at] ?? 0;
  const kind = tag & 3;
  if (kind === 0) {
    const extra = Math.max(0, (tag >>> 2) - 59);
    const length = (extra === 0 ? tag >>> 2 : readLittle(bytes, at + 1, extra)) + 1;
    const start = at + 1 + extra;
    const end = start + length;
    return end <= bytes.length ? { length, offset: 0, start, end } : undefined;
  }
  const size = kind === 1 ? 1 : kind === 2 ? 2 : 4;
  const end = at + 1 + size;
  const low = readLittle(bytes, at + 1, size);
  const offset = kind === 1 ? ((tag >>> 5) << 8) | low : low;
  const length = kind === 1 ? 4 + ((tag >>> 2) & 7) : (tag >>> 2) + 1;
  return end <= bytes.length && offset > 0 ? { length, offset, start: end, end } : undefined;
}

function readLittle(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index -= 1) {
    value = value * 256 + (bytes[at + index] ?? 0);
  }
  return value;
}

/** A number in groups of seven bits, the least first; in its shortest form, as LevelDB writes it. */
export function readVarint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 7 && at + index < bytes.length; index += 1) {
    const byte = bytes[at + index] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) {
      return byte === 0 && index > 0 ? undefined : { value, end: at + index + 1 };
    }
  }
  return undefined;
}
