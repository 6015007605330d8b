/**
 * Reading LDIF content records (RFC 2849), streamed: one record is in memory at a time, and its
 * size is bounded.
 *
 * Taken beyond the letter, because files in the wild have it: no version line, UTF-8 that is not in
 * base64, a byte order mark at the start. Refused: change records, values by URL.
 *
 * Not here: what the names and attributes mean.
 *
 * @module
 */

import { decodeUtf8 } from '../core/bytes.ts';
import { DirectoryError, type DirectoryErrorCode } from './errors.ts';
import { type LdifLine, LdifLineReader } from './ldif-lines.ts';

export interface LdifAttribute {
  /** The attribute description as written, options included. */
  readonly description: string;
  readonly value: Uint8Array;
  /** Where it starts, counted from 1. */
  readonly line: number;
}

export interface LdifRecord {
  /** Where the record starts, counted from 1. */
  readonly line: number;
  readonly dn: string;
  /** One for each value, in the order of the file; at least one. */
  readonly attributes: readonly LdifAttribute[];
}

export interface LdifLimits {
  /** Octets of one line after unfolding: of a value, about 4/3 of that in base64. */
  readonly maxLineBytes: number;
  /** Values of one record. */
  readonly maxValues: number;
  /** Octets of one record in the file, folds and comments included. */
  readonly maxRecordBytes: number;
}

export const defaultLdifLimits: LdifLimits = {
  maxLineBytes: 128 * 1024 * 1024,
  maxValues: 100_000,
  maxRecordBytes: 256 * 1024 * 1024,
};

const COLON = 0x3a;
const LESS = 0x3c;
const SPACE = 0x20;

const descriptionShape = /^(?:[a-zA-Z][a-zA-Z0-9-]*|[0-9]+(?:\.[0-9]+)*)(?:;[a-zA-Z0-9-]+)*$/;
/** No attribute description comes near it. */
const MAX_DESCRIPTION = 1024;
// Finds what is outside, which needs no backtracking however long the text is.
const notBase64 = /[^A-Za-z0-9+/]/;

/**
 * The records of a stream, as they are complete.
 *
 * @throws {DirectoryError} `DIRECTORY_LDIF_…`; the message starts with `line N`.
 */
export async function* readLdif(
  source: AsyncIterable<Uint8Array>,
  limits: LdifLimits = defaultLdifLimits,
): AsyncGenerator<LdifRecord> {
  const parser = new LdifParser(limits);
  for await (const chunk of source) {
    yield* parser.push(chunk);
  }
  yield* parser.finish();
}

/** The records of a text that is in memory; see {@link readLdif}. */
export function parseLdif(
  bytes: Uint8Array,
  limits: LdifLimits = defaultLdifLimits,
): readonly LdifRecord[] {
  const parser = new LdifParser(limits);
  return [...parser.push(bytes), ...parser.finish()];
}

interface OpenRecord {
  readonly line: number;
  readonly dn: string;
  readonly attributes: LdifAttribute[];
}

class LdifParser {
  readonly #lines: LdifLineReader;
  readonly #limits: LdifLimits;
  #record: OpenRecord | undefined;
  #isStart = true;

  constructor(limits: LdifLimits) {
    this.#limits = limits;
    this.#lines = new LdifLineReader(limits);
  }

  *push(chunk: Uint8Array): Generator<LdifRecord> {
    yield* this.#take(this.#lines.push(chunk));
  }

  *finish(): Generator<LdifRecord> {
    yield* this.#take(this.#lines.finish());
    yield* this.#close();
  }

  *#take(lines: Iterable<LdifLine>): Generator<LdifRecord> {
    for (const line of lines) {
      if (line.bytes.length === 0) {
        yield* this.#close();
      } else {
        this.#addLine(line);
      }
    }
  }

  *#close(): Generator<LdifRecord> {
    const record = this.#record;
    if (record !== undefined) {
      if (record.attributes.length === 0) {
        throw ldifError('DIRECTORY_LDIF_SYNTAX', record.line, 'the record has no attributes');
      }
      this.#record = undefined;
      yield record;
    }
  }

  #addLine({ line, bytes }: LdifLine): void {
    const { description, value } = parseLine(bytes, line);
    const name = description.toLowerCase();
    if (this.#isStart && name === 'version') {
      this.#isStart = false;
      if (Buffer.from(value).toString('latin1') !== '1') {
        throw ldifError('DIRECTORY_LDIF_VERSION', line, 'only version 1 of LDIF is known');
      }
      return;
    }
    this.#isStart = false;
    if (this.#record === undefined) {
      this.#record = openRecord(name, value, line);
      return;
    }
    const { attributes } = this.#record;
    if (attributes.length === 0 && (name === 'changetype' || name === 'control')) {
      throw ldifError(
        'DIRECTORY_LDIF_CHANGE',
        line,
        'a change record stands where entries are read',
      );
    }
    if (attributes.length >= this.#limits.maxValues) {
      throw ldifError(
        'DIRECTORY_LDIF_LIMIT',
        line,
        `a record has more than ${this.#limits.maxValues} values`,
      );
    }
    attributes.push({ description, value, line });
  }
}

function openRecord(name: string, value: Uint8Array, line: number): OpenRecord {
  if (name !== 'dn') {
    throw ldifError('DIRECTORY_LDIF_SYNTAX', line, 'a record must start with "dn:"');
  }
  const dn = decodeUtf8(value);
  if (dn === undefined) {
    throw ldifError('DIRECTORY_LDIF_SYNTAX', line, 'the name is not UTF-8 text');
  }
  return { line, dn, attributes: [] };
}

/** `description ":" value`, `description "::" base64`. */
function parseLine(
  bytes: Uint8Array,
  line: number,
): { readonly description: string; readonly value: Uint8Array } {
  const colon = bytes.indexOf(COLON);
  const hasDescription = colon >= 0 && colon <= MAX_DESCRIPTION;
  const description = Buffer.from(bytes.subarray(0, hasDescription ? colon : 0)).toString('latin1');
  if (!descriptionShape.test(description)) {
    throw ldifError('DIRECTORY_LDIF_SYNTAX', line, 'the line is not "attribute: value"');
  }
  switch (bytes[colon + 1]) {
    case COLON:
      return { description, value: decodeBase64(afterFill(bytes, colon + 2), line) };
    case LESS:
      throw ldifError(
        'DIRECTORY_LDIF_URL',
        line,
        'a value is given as a URL; write it in base64 ("attribute:: …") instead',
      );
    default:
      return { description, value: checkText(afterFill(bytes, colon + 1), line) };
  }
}

function afterFill(bytes: Uint8Array, start: number): Uint8Array {
  let at = start;
  while (bytes[at] === SPACE) {
    at += 1;
  }
  return bytes.subarray(at);
}

function checkText(value: Uint8Array, line: number): Uint8Array {
  if (value.includes(0x00) || value.includes(0x0d) || decodeUtf8(value) === undefined) {
    throw ldifError(
      'DIRECTORY_LDIF_SYNTAX',
      line,
      'the value has octets that must be in base64 ("attribute:: …")',
    );
  }
  return value;
}

function decodeBase64(encoded: Uint8Array, line: number): Uint8Array {
  const text = Buffer.from(encoded).toString('latin1');
  // The last group alone may have padding, and must have no bits that would be dropped.
  const tail = text.slice(-4);
  const isWhole =
    text.length % 4 === 0 &&
    !notBase64.test(text.slice(0, -4)) &&
    Buffer.from(tail, 'base64').toString('base64') === tail;
  if (!isWhole) {
    throw ldifError('DIRECTORY_LDIF_SYNTAX', line, 'the value is not base64');
  }
  return Buffer.from(text, 'base64');
}

/** An error of this kind; `line` counts from 1. */
function ldifError(code: DirectoryErrorCode, line: number, reason: string): DirectoryError {
  return new DirectoryError(code, `line ${line}: ${reason}`);
}
