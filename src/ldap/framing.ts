/**
 * Cuts the bytes of a connection into LDAPMessages (RFC 4511 §5.1): each is one BER SEQUENCE of
 * definite length.
 *
 * The header is judged from its first byte on, and the length against the limit before any memory
 * is taken for it. What is held never exceeds twice what was received, however it was cut up; a
 * message that lies within one received chunk is handed out as a view of it.
 *
 * @module
 */

import { readBerHeader } from '../asn1/ber-reader.ts';
import { BerError } from '../asn1/errors.ts';
import { Tag } from '../asn1/tags.ts';
import { LdapError } from './errors.ts';

const EMPTY = new Uint8Array(0);
const MIN_BUFFER_BYTES = 64;

export class PduFramer {
  /**
   * Unread bytes are `#buffer[#start..#end)`. Bytes before `#start` belong to those who got them, so
   * they are never written again; bytes from `#end` on are free.
   */
  #buffer: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** Whole length of the message at `#start` once its header is known. */
  #pduBytes: number | undefined;

  /** How many bytes are held that have not been handed out. */
  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /** Whether the length of the message that is being received is known. */
  get hasLength(): boolean {
    return this.#pduBytes !== undefined;
  }

  /** Takes what a socket delivered; the chunk must not be changed afterwards. */
  push(chunk: Uint8Array): void {
    if (this.bufferedBytes === 0) {
      this.#buffer = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (this.#end + chunk.length > this.#buffer.length) {
      this.#grow(this.bufferedBytes + chunk.length);
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next whole message.
   *
   * @param maxPduBytes What a message, header included, may have now.
   * @returns A view, valid for as long as it is kept; undefined when more bytes are needed.
   * @throws {LdapError} `LDAP_MALFORMED`, `LDAP_PDU_TOO_LARGE`; there is no way on from either.
   */
  next(maxPduBytes: number): Uint8Array | undefined {
    this.#pduBytes ??= this.#readLength(maxPduBytes);
    if (this.#pduBytes === undefined || this.bufferedBytes < this.#pduBytes) {
      return undefined;
    }
    const pdu = this.#buffer.subarray(this.#start, this.#start + this.#pduBytes);
    this.#start += this.#pduBytes;
    this.#pduBytes = undefined;
    if (this.#start === this.#end) {
      this.#buffer = EMPTY;
      this.#start = 0;
      this.#end = 0;
    }
    return pdu;
  }

  #readLength(maxPduBytes: number): number | undefined {
    if (this.bufferedBytes === 0) {
      return undefined;
    }
    if (this.#buffer[this.#start] !== Tag.sequence) {
      throw new LdapError('LDAP_MALFORMED', 'the bytes do not start with an LDAPMessage');
    }
    const header = this.#readHeader();
    if (header === undefined) {
      return undefined;
    }
    const pduBytes = header.headerLength + header.contentLength;
    if (pduBytes > maxPduBytes) {
      throw new LdapError(
        'LDAP_PDU_TOO_LARGE',
        `a request of ${pduBytes} bytes; at most ${maxPduBytes} are taken here`,
      );
    }
    return pduBytes;
  }

  #readHeader(): ReturnType<typeof readBerHeader> {
    try {
      return readBerHeader(this.#buffer, this.#start, this.#end);
    } catch (cause) {
      if (cause instanceof BerError) {
        throw new LdapError('LDAP_MALFORMED', `the length of a request: ${cause.message}`, {
          cause,
        });
      }
      throw cause;
    }
  }

  #grow(wantedBytes: number): void {
    const doubled = Math.max(MIN_BUFFER_BYTES, 2 * wantedBytes);
    const pduBytes = this.#pduBytes ?? 0;
    const capacity = pduBytes >= wantedBytes ? Math.min(doubled, pduBytes) : doubled;
    const grown = new Uint8Array(capacity);
    grown.set(this.#buffer.subarray(this.#start, this.#end));
    this.#end = this.bufferedBytes;
    this.#start = 0;
    this.#buffer = grown;
  }
}
