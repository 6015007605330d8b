/**
 * Writes SearchResultEntry messages (RFC 4511 §4.5.2) as lists of byte arrays for a gathering
 * write. A large value is one of those arrays itself, never a copy, whatever its size.
 *
 * Every length is computed before a byte is written, so that nothing is moved afterwards. The part
 * behind the message id does not depend on the request, so it can be kept and sent again.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { lengthSize, writeLength } from '../asn1/length.ts';
import { Tag } from '../asn1/tags.ts';
import type { SearchResultEntry } from '../directory/service.ts';
import { ResponseTag } from './requests.ts';

/** Values from this size on are sent from where they are; smaller ones are cheaper to copy. */
const SHARED_VALUE_BYTES = 4096;

/** A `protocolOp`, to be sent behind a message id. */
export interface EncodedOperation {
  readonly parts: readonly Uint8Array[];
  /** Bytes of all parts together. */
  readonly length: number;
}

/** Encodes the operation; `values` of the entry must not be changed afterwards. */
export function encodeSearchEntry(entry: SearchResultEntry): EncodedOperation {
  const sizes = measure(entry);
  const writer = new PartsWriter(sizes.operation - sizes.sharedBytes);
  writer.header(ResponseTag.searchEntry, sizes.operationContent);
  writer.text(entry.dn);
  writer.header(Tag.sequence, sizes.listContent);
  for (const [index, attribute] of entry.attributes.entries()) {
    const { content, setContent } = sizes.attributes[index] ?? { content: 0, setContent: 0 };
    writer.header(Tag.sequence, content);
    writer.text(attribute.description);
    writer.header(Tag.set, setContent);
    for (const value of attribute.values) {
      writer.value(value);
    }
  }
  return { parts: writer.finish(), length: sizes.operation };
}

/** At most so many bytes stand before the operation in a message. */
export const MAX_MESSAGE_HEAD_BYTES = 12;

/**
 * Writes what stands before an operation of `operationLength` bytes when it answers `messageId`.
 *
 * @returns the offset behind it.
 */
export function writeMessageHead(
  target: Uint8Array,
  offset: number,
  { messageId, operationLength }: { readonly messageId: number; readonly operationLength: number },
): number {
  const idSize = integerSize(messageId);
  target[offset] = Tag.sequence;
  let at = writeLength(target, offset + 1, 2 + idSize + operationLength);
  target[at] = Tag.integer;
  target[at + 1] = idSize;
  at += 2;
  for (let shift = 8 * (idSize - 1); shift >= 0; shift -= 8) {
    target[at] = messageId >> shift;
    at += 1;
  }
  return at;
}

/** Bytes of a positive INTEGER of 31 bits: the sign bit takes room too. */
function integerSize(value: number): number {
  return Math.floor((32 - Math.clz32(value)) / 8) + 1;
}

interface AttributeSizes {
  readonly content: number;
  readonly setContent: number;
}

interface EntrySizes {
  readonly attributes: readonly AttributeSizes[];
  readonly listContent: number;
  readonly operationContent: number;
  /** With the operation's own header. */
  readonly operation: number;
  /** Bytes of values that are not copied. */
  readonly sharedBytes: number;
}

function measure(entry: SearchResultEntry): EntrySizes {
  const attributes: AttributeSizes[] = [];
  let listContent = 0;
  let sharedBytes = 0;
  for (const { description, values } of entry.attributes) {
    let setContent = 0;
    for (const value of values) {
      setContent += elementSize(value.length);
      sharedBytes += value.length >= SHARED_VALUE_BYTES ? value.length : 0;
    }
    const content = elementSize(Buffer.byteLength(description)) + elementSize(setContent);
    attributes.push({ content, setContent });
    listContent += elementSize(content);
  }
  const operationContent = elementSize(Buffer.byteLength(entry.dn)) + elementSize(listContent);
  const operation = elementSize(operationContent);
  return { attributes, listContent, operationContent, operation, sharedBytes };
}

function elementSize(contentLength: number): number {
  return 1 + lengthSize(contentLength) + contentLength;
}

/** Fills one buffer of known size, leaving shared values out of it. */
class PartsWriter {
  readonly #buffer: Buffer;
  readonly #parts: Uint8Array[] = [];
  #partStart = 0;
  #offset = 0;

  constructor(copiedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(copiedBytes);
  }

  header(tag: number, contentLength: number): void {
    this.#buffer[this.#offset] = tag;
    this.#offset = writeLength(this.#buffer, this.#offset + 1, contentLength);
  }

  text(text: string): void {
    const contentLength = Buffer.byteLength(text);
    this.header(Tag.octetString, contentLength);
    this.#offset += this.#buffer.write(text, this.#offset, contentLength, 'utf8');
  }

  value(value: Uint8Array): void {
    this.header(Tag.octetString, value.length);
    if (value.length < SHARED_VALUE_BYTES) {
      this.#buffer.set(value, this.#offset);
      this.#offset += value.length;
      return;
    }
    this.#endPart();
    this.#parts.push(value);
  }

  finish(): readonly Uint8Array[] {
    assert(this.#offset === this.#buffer.length, 'the measured and the written size agree');
    this.#endPart();
    return this.#parts;
  }

  #endPart(): void {
    if (this.#offset > this.#partStart) {
      this.#parts.push(this.#buffer.subarray(this.#partStart, this.#offset));
      this.#partStart = this.#offset;
    }
  }
}
