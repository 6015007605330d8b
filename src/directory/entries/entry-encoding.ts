/**
 * Entries as stored bytes:
 *
 * ```
 * format (1 byte, 0x01) · dn · count · attribute …
 * attribute = code (1 byte; 0x00: OID text follows) · option count · option … · value count · value …
 * value     = length × 2 · bytes, or length × 2 + 1 · SHA-256 for a value kept apart
 * ```
 *
 * Texts and values have their length in front; numbers are varints (7 bits a byte, low first).
 * Decoding makes views of the stored bytes, no copies.
 *
 * @module
 */

import { asBuffer } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';
import { attributeCode, codedOid } from './attribute-codes.ts';
import { type Attribute, Entry, LargeValue, type StoredValue } from './entry.ts';

const FORMAT = 1;
const SHA256_LENGTH = 32;
/** What is kept in memory for the next entry. */
const MAX_KEPT_SCRATCH = 1024 * 1024;
const MAX_CODE = 127;
const noOptions: readonly string[] = [];

/** Encodes an entry; its key is stored as the key, not here. */
export function encodeEntry(entry: Entry): Uint8Array {
  const parts = new PartWriter();
  parts.byte(FORMAT);
  parts.text(entry.dn);
  parts.number(entry.attributes.length);
  for (const attribute of entry.attributes) {
    const code = attributeCode(attribute.type.oid);
    parts.byte(code ?? 0);
    if (code === undefined) {
      parts.text(attribute.type.oid);
    }
    parts.number(attribute.options.length);
    for (const option of attribute.options) {
      parts.text(option);
    }
    parts.number(attribute.values.length);
    for (const value of attribute.values) {
      const isLarge = value instanceof LargeValue;
      parts.number(value.length * 2 + (isLarge ? 1 : 0));
      parts.bytes(isLarge ? value.sha256 : value);
    }
  }
  return parts.finish();
}

/**
 * Decodes what {@link encodeEntry} made.
 *
 * @throws {DirectoryError} `DIRECTORY_ENTRY_DAMAGED` when the bytes are not such an encoding, or when
 *   an attribute type has left the schema.
 */
export function decodeEntry(key: Uint8Array, bytes: Uint8Array, schema: SchemaLookup): Entry {
  const reader = new PartReader(bytes);
  const format = reader.byte();
  if (format !== FORMAT) {
    throw damaged(`unknown format ${format}`);
  }
  const dn = reader.text();
  const attributes: Attribute[] = new Array(reader.count());
  for (let index = 0; index < attributes.length; index += 1) {
    attributes[index] = decodeAttribute(reader, schema);
  }
  reader.expectEnd();
  return new Entry(dn, key, attributes);
}

function decodeAttribute(reader: PartReader, schema: SchemaLookup): Attribute {
  const type = decodeType(reader, schema);
  const optionCount = reader.count();
  const options = optionCount === 0 ? noOptions : reader.repeat(optionCount, () => reader.text());
  const values = reader.repeat(reader.count(), () => decodeValue(reader));
  return { type, options, values };
}

function decodeType(reader: PartReader, schema: SchemaLookup): AttributeType {
  const code = reader.byte();
  if (code !== 0) {
    return codedTypeOf(schema)[code] ?? missingType(codedOid(code) ?? `code ${code}`);
  }
  const oid = reader.text();
  return schema.attributeType(oid) ?? missingType(oid);
}

const codedTypes = new WeakMap<SchemaLookup, readonly (AttributeType | undefined)[]>();

/** The schema's types by their codes. */
function codedTypeOf(schema: SchemaLookup): readonly (AttributeType | undefined)[] {
  let types = codedTypes.get(schema);
  if (types === undefined) {
    types = Array.from({ length: MAX_CODE + 1 }, (_none, code) => {
      const oid = codedOid(code);
      return oid === undefined ? undefined : schema.attributeType(oid);
    });
    codedTypes.set(schema, types);
  }
  return types;
}

function missingType(name: string): never {
  throw damaged(`attribute type ${name} is not in the schema; restore its file`);
}

function decodeValue(reader: PartReader): StoredValue {
  const header = reader.number();
  const length = Math.floor(header / 2);
  return header % 2 === 0
    ? reader.bytes(length)
    : new LargeValue(reader.bytes(SHA256_LENGTH), length);
}

function damaged(what: string): DirectoryError {
  return new DirectoryError('DIRECTORY_ENTRY_DAMAGED', `stored entry: ${what}`);
}

/** Bytes that are put together in one place and copied out once. */
class PartWriter {
  /** Shared: an encoding is finished before the next begins. */
  static #scratch: Buffer = Buffer.alloc(16 * 1024);
  #length = 0;

  byte(value: number): void {
    this.#reserve(1);
    PartWriter.#scratch[this.#length] = value;
    this.#length += 1;
  }

  number(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    PartWriter.#scratch.set(value, this.#length);
    this.#length += value.length;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.number(length);
    this.#reserve(length);
    PartWriter.#scratch.write(value, this.#length, 'utf8');
    this.#length += length;
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    bytes.set(PartWriter.#scratch.subarray(0, this.#length));
    if (PartWriter.#scratch.length > MAX_KEPT_SCRATCH) {
      PartWriter.#scratch = Buffer.alloc(MAX_KEPT_SCRATCH);
    }
    return bytes;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed > PartWriter.#scratch.length) {
      const larger = Buffer.alloc(Math.max(needed, PartWriter.#scratch.length * 2));
      larger.set(PartWriter.#scratch.subarray(0, this.#length));
      PartWriter.#scratch = larger;
    }
  }
}

class PartReader {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#buffer = asBuffer(bytes);
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) {
      throw damaged('cut short');
    }
    this.#offset += 1;
    return value;
  }

  /** A varint below 2^49. */
  number(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 7; count += 1) {
      const byte = this.byte();
      value += (byte % 0x80) * factor;
      if (byte < 0x80) {
        return value;
      }
      factor *= 0x80;
    }
    throw damaged('a number is too long');
  }

  /** A number of things that take at least a byte each. */
  count(): number {
    const value = this.number();
    if (value > this.#bytes.length - this.#offset) {
      throw damaged('a count is larger than what is left');
    }
    return value;
  }

  bytes(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      throw damaged('cut short');
    }
    const view = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return view;
  }

  text(): string {
    const length = this.count();
    const start = this.#offset;
    this.#offset += length;
    return this.#buffer.toString('utf8', start, this.#offset);
  }

  repeat<T>(count: number, decode: () => T): readonly T[] {
    const items: T[] = new Array(count);
    for (let index = 0; index < count; index += 1) {
      items[index] = decode();
    }
    return items;
  }

  expectEnd(): void {
    if (this.#offset !== this.#bytes.length) {
      throw damaged('bytes behind the end');
    }
  }
}
