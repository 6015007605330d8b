/**
 * The access journal's bytes. A file is a header line and frames; a frame is what one flush wrote:
 *
 *     length (4)   of what follows the checksum
 *     CRC-32 (4)   of what follows
 *     flags (1)    bit 0: a segment begins here, with an empty dictionary
 *     time (8)     ms since the epoch, big-endian, which the first access counts from
 *     items        0 ‖ length (4) ‖ facts as JSON     defines the next number of the dictionary
 *                  number + 1 ‖ ms                    an access: its facts, time since the one before
 *
 * Numbers of items are unsigned, seven bits a byte, the lowest first, and the time zigzag, since clocks
 * go back. Who looks at the same list again costs two or three bytes.
 *
 * @module
 */

import { crc32 } from 'node:zlib';

import { asBuffer, decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import type { AccessEvent, AccessFacts } from './access-event.ts';

export const FILE_HEADER: Uint8Array = encodeUtf8('certdir access journal 1\n');

const PREFIX_BYTES = 8;
const FRAME_HEAD_BYTES = 9;
const BEGINS_SEGMENT = 1;
const DEFINITION = 0;
const MAX_ITEM_BYTES = 16;
const FIRST_BUFFER_BYTES = 64 * 1024;
/** No flush writes more; a longer length is no frame. */
export const MAX_FRAME_BYTES: number = 64 * 1024 * 1024;

/** Items on their way into a frame. */
export class FrameBuffer {
  #bytes = Buffer.alloc(FIRST_BUFFER_BYTES);
  #length = PREFIX_BYTES + FRAME_HEAD_BYTES;
  #baseMs = 0;
  #lastMs = 0;
  /** Accesses in it. */
  count = 0;

  get isEmpty(): boolean {
    return this.#length === PREFIX_BYTES + FRAME_HEAD_BYTES;
  }

  get byteLength(): number {
    return this.#length;
  }

  define(facts: AccessFacts): void {
    const json = encodeUtf8(JSON.stringify(facts));
    this.#reserve(json.length + MAX_ITEM_BYTES);
    this.#bytes[this.#length] = DEFINITION;
    this.#bytes.writeUInt32BE(json.length, this.#length + 1);
    this.#bytes.set(json, this.#length + 5);
    this.#length += 5 + json.length;
  }

  access(number: number, timeMs: number): void {
    this.#reserve(MAX_ITEM_BYTES);
    if (this.count === 0) {
      this.#baseMs = timeMs;
      this.#lastMs = timeMs;
    }
    const delta = timeMs - this.#lastMs;
    this.#lastMs = timeMs;
    this.count += 1;
    // Nearly always one byte for each.
    if (number < 0x7f && delta >= 0 && delta < 0x40) {
      this.#bytes[this.#length] = number + 1;
      this.#bytes[this.#length + 1] = delta * 2;
      this.#length += 2;
      return;
    }
    this.#putNumber(number + 1);
    this.#putNumber(delta >= 0 ? delta * 2 : -delta * 2 - 1);
  }

  /** The frame; the buffer is not to be used again. */
  finish(beginsSegment: boolean): Uint8Array {
    const frame = this.#bytes.subarray(0, this.#length);
    frame[PREFIX_BYTES] = beginsSegment ? BEGINS_SEGMENT : 0;
    frame.writeBigUInt64BE(BigInt(this.#baseMs), PREFIX_BYTES + 1);
    const content = frame.subarray(PREFIX_BYTES);
    frame.writeUInt32BE(content.length, 0);
    frame.writeUInt32BE(crc32(content), 4);
    return frame;
  }

  #putNumber(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length] = (rest % 0x80) | 0x80;
      this.#length += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length] = rest;
    this.#length += 1;
  }

  #reserve(more: number): void {
    if (this.#length + more > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + more));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
  }
}

/** A frame that was found whole. */
export interface Frame {
  readonly beginsSegment: boolean;
  readonly baseMs: number;
  readonly items: Uint8Array;
  /** Where the next one begins. */
  readonly end: number;
}

/** @returns undefined where no whole frame begins at `offset`. */
export function readFrame(bytes: Uint8Array, offset: number): Frame | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (offset + PREFIX_BYTES + FRAME_HEAD_BYTES > view.length) {
    return undefined;
  }
  const length = view.readUInt32BE(offset);
  const end = offset + PREFIX_BYTES + length;
  if (length < FRAME_HEAD_BYTES || length > MAX_FRAME_BYTES || end > view.length) {
    return undefined;
  }
  const content = view.subarray(offset + PREFIX_BYTES, end);
  if (crc32(content) !== view.readUInt32BE(offset + 4)) {
    return undefined;
  }
  return {
    beginsSegment: content[0] === BEGINS_SEGMENT,
    baseMs: Number(content.readBigUInt64BE(1)),
    items: content.subarray(FRAME_HEAD_BYTES),
    end,
  };
}

/**
 * Counts a frame's accesses by the number of their facts, without making anything of them.
 *
 * @param dictionary Of the segment so far; grows by what the frame defines.
 * @param counts By number, likewise.
 * @returns how many there were; undefined when the items are none.
 */
export function countAccesses(
  frame: Frame,
  dictionary: AccessFacts[],
  counts: number[],
): number | undefined {
  let total = 0;
  const isRight = readItems(frame, dictionary, (number) => {
    counts[number] = (counts[number] ?? 0) + 1;
    total += 1;
  });
  return isRight ? total : undefined;
}

/**
 * The accesses of a frame.
 *
 * @param dictionary Of the segment so far; grows by what the frame defines.
 * @returns undefined when the items are none.
 */
export function readAccesses(
  frame: Frame,
  dictionary: AccessFacts[],
): readonly AccessEvent[] | undefined {
  const events: AccessEvent[] = [];
  let timeMs = frame.baseMs;
  const isRight = readItems(frame, dictionary, (number, delta) => {
    timeMs += delta % 2 === 0 ? delta / 2 : -(delta + 1) / 2;
    const facts = dictionary[number];
    if (facts !== undefined) {
      events.push({ ...facts, timeMs });
    }
  });
  return isRight ? events : undefined;
}

/** @returns false when the items are none. */
function readItems(
  { items }: Frame,
  dictionary: AccessFacts[],
  onAccess: (number: number, delta: number) => void,
): boolean {
  let at = 0;
  const readNumber = (): number => {
    let value = 0;
    for (let scale = 1; at < items.length; scale *= 0x80) {
      const byte = items[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value;
      }
    }
    return Number.NaN;
  };
  while (at < items.length) {
    const number = readNumber();
    if (number === DEFINITION) {
      const length = at + 4 > items.length ? 0 : asBuffer(items).readUInt32BE(at);
      const facts = parseFacts(items.subarray(at + 4, at + 4 + length));
      if (facts === undefined) {
        return false;
      }
      dictionary.push(facts);
      at += 4 + length;
    } else {
      const delta = readNumber();
      if (dictionary[number - 1] === undefined || Number.isNaN(delta)) {
        return false;
      }
      onAccess(number - 1, delta);
    }
  }
  return true;
}

function parseFacts(bytes: Uint8Array): AccessFacts | undefined {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '');
    return typeof value === 'object' && value !== null ? (value as AccessFacts) : undefined;
  } catch {
    return undefined;
  }
}
