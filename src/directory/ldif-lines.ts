/**
 * The lines of LDIF (RFC 2849): chunks of octets become whole lines, folded ones joined, comments
 * dropped. LF or CRLF ends a line.
 *
 * @module
 */

import { DirectoryError } from './errors.ts';

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
  readonly #maxLineBytes: number;
  readonly #maxRecordBytes: number;
  /** A line of the file whose end has not come yet. */
  readonly #rest = new ByteBuffer();
  /** The line that further folds may join. */
  readonly #folded = new ByteBuffer();
  /** Where the folded line starts; undefined when there is none. */
  #foldedAt: number | undefined;
  #isComment = false;
  #line = 0;
  #recordBytes = 0;

  constructor(limits: { readonly maxLineBytes: number; readonly maxRecordBytes: number }) {
    this.#maxLineBytes = limits.maxLineBytes;
    this.#maxRecordBytes = limits.maxRecordBytes;
  }

  /** Lines that are complete with this chunk. */
  *push(chunk: Uint8Array): Generator<LdifLine> {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.#keep(chunk.subarray(start, end));
      yield* this.#endPhysicalLine();
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** What is left when the file has ended. */
  *finish(): Generator<LdifLine> {
    if (this.#rest.length > 0) {
      yield* this.#endPhysicalLine();
    }
    yield* this.#endFoldedLine();
  }

  #keep(bytes: Uint8Array): void {
    if (this.#rest.length + bytes.length > this.#maxLineBytes) {
      throw this.#limitError(`a line is longer than ${this.#maxLineBytes} octets`);
    }
    this.#rest.append(bytes);
  }

  *#endPhysicalLine(): Generator<LdifLine> {
    let bytes = this.#rest.take();
    this.#line += 1;
    if (bytes[bytes.length - 1] === CR) {
      bytes = bytes.subarray(0, -1);
    }
    if (this.#line === 1 && byteOrderMark.every((octet, index) => bytes[index] === octet)) {
      bytes = bytes.subarray(byteOrderMark.length);
    }
    this.#recordBytes += bytes.length + 1;
    if (this.#recordBytes > this.#maxRecordBytes) {
      throw this.#limitError(`a record is larger than ${this.#maxRecordBytes} octets`);
    }
    if (bytes[0] === SPACE) {
      this.#continueLine(bytes.subarray(1));
      return;
    }
    yield* this.#endFoldedLine();
    if (bytes.length === 0) {
      this.#recordBytes = 0;
      yield { line: this.#line, bytes };
      return;
    }
    this.#foldedAt = this.#line;
    this.#isComment = bytes[0] === HASH;
    this.#continueLine(bytes);
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
    if (this.#folded.length + bytes.length > this.#maxLineBytes) {
      throw this.#limitError(`a folded line is longer than ${this.#maxLineBytes} octets`);
    }
    this.#folded.append(bytes);
  }

  *#endFoldedLine(): Generator<LdifLine> {
    const line = this.#foldedAt;
    this.#foldedAt = undefined;
    if (line !== undefined && !this.#isComment) {
      yield { line, bytes: this.#folded.take() };
    }
  }

  #limitError(reason: string): DirectoryError {
    return new DirectoryError('DIRECTORY_LDIF_LIMIT', `line ${this.#line + 1}: ${reason}`);
  }
}
