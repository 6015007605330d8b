/**
 * The lines of LDIF (RFC 2849): chunks of octets become whole lines, folded ones joined, comments
 * dropped. LF or CRLF ends a line.
 *
 * @module
 */

import { concatBytes } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';

export interface LdifLine {
  /** Where it starts, counted from 1. */
  readonly line: number;
  /** Unfolded; empty for a line that separates records. */
  readonly bytes: Uint8Array;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const HASH = 0x23;
const byteOrderMark = Uint8Array.of(0xef, 0xbb, 0xbf);

const nothing = new Uint8Array(0);

export interface LdifLineLimits {
  /** Octets of one line, as it stands and after unfolding. */
  readonly maxLineBytes: number;
  readonly maxRecordBytes: number;
  readonly maxFolds: number;
  readonly maxLines: number;
}

/** Octets that grow. */
class ByteBuffer {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  /** The octets in an array of their own; the buffer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}

export class LdifLineReader {
  readonly #limits: LdifLineLimits;
  /** A line of the file whose end has not come yet. */
  readonly #rest = new ByteBuffer();
  /** What follows the first line of those that are folded into one. */
  readonly #folded = new ByteBuffer();
  /** The first of them, or the only one. */
  #first: Uint8Array = nothing;
  #folds = 0;
  /** Where the folded line starts; undefined when there is none. */
  #foldedAt: number | undefined;
  #isComment = false;
  #line = 0;
  #recordBytes = 0;
  readonly #take: (line: LdifLine) => void;

  /** @param take Given each line as soon as it is complete. */
  constructor(limits: LdifLineLimits, take: (line: LdifLine) => void) {
    this.#limits = limits;
    this.#take = take;
  }

  /** The octets of lines are copies: a value must not hold a chunk. */
  push(given: Uint8Array): void {
    // A Buffer's slice would be no copy.
    const chunk = new Uint8Array(given.buffer, given.byteOffset, given.length);
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      if (this.#rest.length === 0) {
        this.#checkLength(end - start);
        this.#endPhysicalLine(chunk.slice(start, end));
      } else {
        this.#keep(chunk.subarray(start, end));
        this.#endPhysicalLine(this.#rest.take());
      }
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** What is left when the file has ended. */
  finish(): void {
    if (this.#rest.length > 0) {
      this.#endPhysicalLine(this.#rest.take());
    }
    this.#endFoldedLine();
  }

  #keep(bytes: Uint8Array): void {
    this.#checkLength(this.#rest.length + bytes.length);
    this.#rest.append(bytes);
  }

  #checkLength(length: number): void {
    if (length > this.#limits.maxLineBytes) {
      throw this.#limitError(`a line is longer than ${this.#limits.maxLineBytes} octets`);
    }
  }

  #endPhysicalLine(whole: Uint8Array): void {
    let bytes = whole;
    if (this.#line === this.#limits.maxLines) {
      throw this.#limitError(`there are more than ${this.#limits.maxLines} lines`);
    }
    this.#line += 1;
    if (bytes[bytes.length - 1] === CR) {
      bytes = bytes.subarray(0, -1);
    }
    if (this.#line === 1 && byteOrderMark.every((octet, index) => bytes[index] === octet)) {
      bytes = bytes.subarray(byteOrderMark.length);
    }
    this.#recordBytes += bytes.length + 1;
    if (this.#recordBytes > this.#limits.maxRecordBytes) {
      throw this.#limitError(`a record is larger than ${this.#limits.maxRecordBytes} octets`);
    }
    if (bytes[0] === SPACE) {
      this.#continueLine(bytes.subarray(1));
      return;
    }
    this.#endFoldedLine();
    if (bytes.length === 0) {
      this.#recordBytes = 0;
      this.#take({ line: this.#line, bytes });
      return;
    }
    this.#foldedAt = this.#line;
    this.#isComment = bytes[0] === HASH;
    this.#first = this.#isComment ? nothing : bytes;
  }

  #continueLine(bytes: Uint8Array): void {
    if (this.#foldedAt === undefined) {
      throw new DirectoryError(
        'DIRECTORY_LDIF_SYNTAX',
        `line ${this.#line}: a line that starts with a space continues nothing`,
      );
    }
    if (this.#isComment) {
      return;
    }
    this.#folds += 1;
    if (this.#folds > this.#limits.maxFolds) {
      throw this.#limitError(`a line is folded more than ${this.#limits.maxFolds} times`);
    }
    if (this.#first.length + this.#folded.length + bytes.length > this.#limits.maxLineBytes) {
      throw this.#limitError(`a folded line is longer than ${this.#limits.maxLineBytes} octets`);
    }
    this.#folded.append(bytes);
  }

  #endFoldedLine(): void {
    const line = this.#foldedAt;
    this.#foldedAt = undefined;
    if (line !== undefined && !this.#isComment) {
      const bytes = this.#folds === 0 ? this.#first : concatBytes(this.#first, this.#folded.take());
      this.#take({ line, bytes });
    }
    this.#folds = 0;
    this.#first = nothing;
  }

  #limitError(reason: string): DirectoryError {
    return new DirectoryError('DIRECTORY_LDIF_LIMIT', `line ${this.#line + 1}: ${reason}`);
  }
}
