/**
 * Reading LDIF (RFC 2849), streamed: one record is in memory at a time, and its size is bounded.
 *
 * Taken beyond the letter, because files in the wild have it: no version line, UTF-8 that is not in
 * base64, a byte order mark at the start. A file holds entries or changes, as the caller says, never
 * both. Values by URL are refused unless the caller can read them.
 *
 * Not here: what the lines of a change say (`ldif-change.ts`), what names and attributes mean.
 *
 * @module
 */

import { isUtf8 } from 'node:buffer';

import { asBuffer, decodeUtf8 } from '../../core/bytes.ts';
import { DirectoryError, type DirectoryErrorCode } from '../errors.ts';
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
  /**
   * One for each value, in the order of the file; at least one. In a record of changes also `control`,
   * `changetype` and so on, and for a line `-` one of that description.
   */
  readonly attributes: readonly LdifAttribute[];
}

export interface LdifReading {
  readonly limits?: LdifLimits;
  /** What the records are; `entries` by default. */
  readonly holds?: 'entries' | 'changes';
  /**
   * Reads a value given as a URL (`attribute:< url`).
   *
   * @throws {DirectoryError} `DIRECTORY_LDIF_URL`, `DIRECTORY_LDIF_LIMIT`.
   */
  readonly readUrl?: (url: string, maxBytes: number) => Promise<Uint8Array>;
  /** Asked from time to time whether others shall have their turn. */
  readonly turn?: { yieldIfDue(): Promise<void> | undefined };
}

export interface LdifLimits {
  /** Octets of one line after unfolding: of a value, about 4/3 of that in base64. */
  readonly maxLineBytes: number;
  /** Values of one record. */
  readonly maxValues: number;
  /** Octets of one record in the file, folds and comments included, and of files it names. */
  readonly maxRecordBytes: number;
  /** Lines of the file that one line is folded into. */
  readonly maxFolds: number;
  /** Lines of the whole file. */
  readonly maxLines: number;
}

export const defaultLdifLimits: LdifLimits = {
  maxLineBytes: 128 * 1024 * 1024,
  maxValues: 100_000,
  maxRecordBytes: 256 * 1024 * 1024,
  // What the longest line comes to when it is folded at 76 columns, twice.
  maxFolds: 4_000_000,
  maxLines: 0xffff_ffff,
};

const COLON = 0x3a;
const LESS = 0x3c;
const SPACE = 0x20;

const descriptionShape = /^(?:[a-zA-Z][a-zA-Z0-9-]*|[0-9]+(?:\.[0-9]+)*)(?:;[a-zA-Z0-9-]+)*$/;
/** No attribute description comes near it. */
const MAX_DESCRIPTION = 1024;
/** What a change's parts end with. */
const DASH = 0x2d;
/** How much is taken apart in one go. */
const SLICE_BYTES = 16 * 1024;
// Finds what is outside, which needs no backtracking however long the text is.
const notBase64 = /[^A-Za-z0-9+/]/;

/**
 * The records of a stream, as they are complete.
 *
 * @throws {DirectoryError} `DIRECTORY_LDIF_…`; the message starts with `line N`.
 */
export async function* readLdif(
  source: AsyncIterable<Uint8Array>,
  reading: LdifReading = {},
): AsyncGenerator<LdifRecord> {
  for await (const page of readLdifPages(source, reading)) {
    yield* page;
  }
}

/** The same, those together that are complete at a time: one wait for all instead of one for each. */
export async function* readLdifPages(
  source: AsyncIterable<Uint8Array>,
  reading: LdifReading = {},
): AsyncGenerator<readonly LdifRecord[]> {
  const parser = new LdifParser(reading);
  const { turn } = reading;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      yield await withFiles(parser.push(chunk.subarray(at, at + SLICE_BYTES)), reading);
      parser.expectSound();
      await turn?.yieldIfDue();
    }
  }
  yield await withFiles(parser.finish(), reading);
  parser.expectSound();
}

/** The records of a text that is in memory; see {@link readLdif}. Values by URL are refused. */
export function parseLdif(
  bytes: Uint8Array,
  reading: Omit<LdifReading, 'readUrl' | 'turn'> = {},
): readonly LdifRecord[] {
  const parser = new LdifParser(reading);
  const records = [...parser.push(bytes)];
  parser.expectSound();
  records.push(...parser.finish());
  parser.expectSound();
  return records;
}

/** The records with the values that are in files. */
async function withFiles(
  records: readonly OpenRecord[],
  reading: LdifReading,
): Promise<readonly LdifRecord[]> {
  if (records.every(({ urls }) => urls === undefined)) {
    return records;
  }
  const whole: LdifRecord[] = [];
  for (const record of records) {
    whole.push(record.urls === undefined ? record : await withItsFiles(record, reading));
  }
  return whole;
}

async function withItsFiles(record: OpenRecord, reading: LdifReading): Promise<LdifRecord> {
  const { limits = defaultLdifLimits, readUrl } = reading;
  const attributes: LdifAttribute[] = [];
  let left = limits.maxRecordBytes;
  for (const attribute of record.attributes) {
    const url = record.urls?.get(attribute);
    if (url === undefined || readUrl === undefined) {
      attributes.push(attribute);
      continue;
    }
    try {
      const value = await readUrl(url, Math.min(left, limits.maxLineBytes));
      left -= value.length;
      attributes.push({ ...attribute, value });
    } catch (cause) {
      throw cause instanceof DirectoryError
        ? ldifError(cause.code, attribute.line, cause.message)
        : cause;
    }
  }
  return { line: record.line, dn: record.dn, attributes };
}

interface OpenRecord {
  readonly line: number;
  readonly dn: string;
  readonly attributes: LdifAttribute[];
  /** Where values are, for those that are elsewhere. */
  urls?: Map<LdifAttribute, string>;
}

class LdifParser {
  readonly #lines: LdifLineReader;
  readonly #limits: LdifLimits;
  readonly #holdsChanges: boolean;
  readonly #readsUrls: boolean;
  #record: OpenRecord | undefined;
  #complete: OpenRecord[] = [];
  #fault: DirectoryError | undefined;
  #isStart = true;

  constructor({ limits = defaultLdifLimits, holds, readUrl }: LdifReading) {
    this.#limits = limits;
    this.#holdsChanges = holds === 'changes';
    this.#readsUrls = readUrl !== undefined;
    this.#lines = new LdifLineReader(limits, (line) => this.#takeLine(line));
  }

  /**
   * The records that are complete with this chunk. What is wrong behind them is thrown by the next call of
   * {@link LdifParser.expectSound}: how a file is cut into chunks makes no difference.
   */
  push(chunk: Uint8Array): readonly OpenRecord[] {
    return this.#recordsOf(() => this.#lines.push(chunk));
  }

  finish(): readonly OpenRecord[] {
    return this.#recordsOf(() => {
      this.#lines.finish();
      this.#close();
    });
  }

  /** @throws {DirectoryError} what stopped the parser, if anything did. */
  expectSound(): void {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
  }

  #recordsOf(parse: () => void): readonly OpenRecord[] {
    try {
      parse();
    } catch (error) {
      if (!(error instanceof DirectoryError)) {
        throw error;
      }
      this.#fault = error;
    }
    const records = this.#complete;
    this.#complete = [];
    return records;
  }

  #takeLine(line: LdifLine): void {
    if (line.bytes.length === 0) {
      this.#close();
    } else {
      this.#addLine(line);
    }
  }

  #close(): void {
    const record = this.#record;
    if (record === undefined) {
      return;
    }
    if (record.attributes.length === 0) {
      throw ldifError('DIRECTORY_LDIF_SYNTAX', record.line, 'the record has no attributes');
    }
    this.#record = undefined;
    this.#complete.push(record);
  }

  #addLine({ line, bytes }: LdifLine): void {
    if (this.#holdsChanges && bytes.length === 1 && bytes[0] === DASH) {
      this.#addAttribute({ description: '-', value: bytes, line });
      return;
    }
    const parsed = parseLine(bytes, line);
    const { description, value } = parsed;
    if (this.#record === undefined) {
      this.#begin(parsed, line);
      return;
    }
    const attribute = { description, value, line };
    this.#addAttribute(attribute);
    if (parsed.isUrl) {
      if (!this.#readsUrls) {
        throw ldifError(
          'DIRECTORY_LDIF_URL',
          line,
          'a value is given as a URL; write it in base64 ("attribute:: …") instead',
        );
      }
      this.#record.urls ??= new Map();
      this.#record.urls.set(attribute, Buffer.from(value).toString('latin1'));
    }
  }

  #begin({ description, value, isUrl }: ParsedLine, line: number): void {
    const name = description.toLowerCase();
    if (this.#isStart && name === 'version') {
      this.#isStart = false;
      if (Buffer.from(value).toString('latin1') !== '1') {
        throw ldifError('DIRECTORY_LDIF_VERSION', line, 'only version 1 of LDIF is known');
      }
      return;
    }
    this.#isStart = false;
    if (isUrl) {
      throw ldifError('DIRECTORY_LDIF_URL', line, 'a name cannot be given as a URL');
    }
    this.#record = openRecord(name, value, line);
  }

  #addAttribute(attribute: LdifAttribute): void {
    const { attributes } = this.#record ?? {};
    const { description, line } = attribute;
    if (attributes === undefined) {
      throw ldifError('DIRECTORY_LDIF_SYNTAX', line, 'a record must start with "dn:"');
    }
    if (attributes.length === 0 && !this.#holdsChanges && isChangeLine(description)) {
      throw ldifError(
        'DIRECTORY_LDIF_CHANGE',
        line,
        'a change record stands where entries are read; use `certdir ldif modify`',
      );
    }
    if (attributes.length >= this.#limits.maxValues) {
      throw ldifError(
        'DIRECTORY_LDIF_LIMIT',
        line,
        `a record has more than ${this.#limits.maxValues} values`,
      );
    }
    attributes.push(attribute);
  }
}

/** What only a record of changes has behind its name. */
function isChangeLine(description: string): boolean {
  const name = description.toLowerCase();
  return name === 'changetype' || name === 'control';
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

interface ParsedLine {
  readonly description: string;
  /** The URL's text when it is one. */
  readonly value: Uint8Array;
  readonly isUrl: boolean;
}

/** `description ":" value`, `description "::" base64`, `description ":<" url`. */
function parseLine(bytes: Uint8Array, line: number): ParsedLine {
  const colon = bytes.indexOf(COLON);
  const description = descriptionIn(bytes, colon);
  if (description === undefined) {
    throw ldifError('DIRECTORY_LDIF_SYNTAX', line, 'the line is not "attribute: value"');
  }
  switch (bytes[colon + 1]) {
    case COLON:
      return {
        description,
        value: decodeBase64(afterFill(bytes, colon + 2), line),
        isUrl: false,
      };
    case LESS:
      return {
        description,
        value: checkText(afterFill(bytes, colon + 2), line),
        isUrl: true,
      };
    default:
      return { description, value: checkText(afterFill(bytes, colon + 1), line), isUrl: false };
  }
}

interface KnownDescription {
  readonly octets: Uint8Array;
  readonly text: string;
}

/** Descriptions that were found well-formed, by length and first octet: files have few of them, often. */
const knownDescriptions = new Map<number, readonly KnownDescription[]>();
const MAX_KNOWN = 8;
const MAX_KNOWN_LENGTH = 64;

/** The description before the colon; undefined when it is none. */
function descriptionIn(bytes: Uint8Array, length: number): string | undefined {
  if (length <= 0 || length > MAX_DESCRIPTION) {
    return undefined;
  }
  const place = length * 256 + (bytes[0] ?? 0);
  const known = knownDescriptions.get(place) ?? [];
  for (const { octets, text } of known) {
    if (startsWith(bytes, octets)) {
      return text;
    }
  }
  const text = asBuffer(bytes).toString('latin1', 0, length);
  if (!descriptionShape.test(text)) {
    return undefined;
  }
  if (length <= MAX_KNOWN_LENGTH && known.length < MAX_KNOWN) {
    knownDescriptions.set(place, [...known, { octets: bytes.slice(0, length), text }]);
  }
  return text;
}

function startsWith(bytes: Uint8Array, octets: Uint8Array): boolean {
  for (let at = 0; at < octets.length; at += 1) {
    if (bytes[at] !== octets[at]) {
      return false;
    }
  }
  return true;
}

function afterFill(bytes: Uint8Array, start: number): Uint8Array {
  let at = start;
  while (bytes[at] === SPACE) {
    at += 1;
  }
  return bytes.subarray(at);
}

function checkText(value: Uint8Array, line: number): Uint8Array {
  if (value.includes(0x00) || value.includes(0x0d) || !isUtf8(value)) {
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
