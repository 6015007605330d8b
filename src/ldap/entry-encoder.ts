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

/** The arrays to be written, in order, for an operation as the answer to `messageId`. */
export function encodeWithMessageId(
  messageId: number,
  operation: EncodedOperation,
): readonly Uint8Array[] {
  const idSize = integerSize(messageId);
  const content = 2 + idSize + operation.length;
  const [first, ...others] = operation.parts;
  const prefixSize = 1 + lengthSize(content) + 2 + idSize;
  const joined = first !== undefined && first.length < SHARED_VALUE_BYTES ? first : undefined;
  const prefix = Buffer.allocUnsafe(prefixSize + (joined?.length ?? 0));
  prefix[0] = Tag.sequence;
  let offset = writeLength(prefix, 1, content);
  prefix[offset] = Tag.integer;
  prefix[offset + 1] = idSize;
  offset = prefix.writeIntBE(messageId, offset + 2, idSize);
  if (joined === undefined) {
    return [prefix, ...operation.parts];
  }
  prefix.set(joined, offset);
  return [prefix, ...others];
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
