/**
 * A small LDAP client for tests: bytes out as they are given, answers in as they come.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

import { answerLength, type LdapAnswer, parseAnswer } from './ldap-answers.ts';
import {
  type ControlBytes,
  extendedOperation,
  message,
  START_TLS_OID,
} from './ldap-request-bytes.ts';

/** Tests use certificates that nobody signed. */
const trustAnything: ConnectionOptions = { rejectUnauthorized: false };

export class LdapTestClient {
  #socket: Socket;
  /** Received and not handed out. */
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  #isClosed = false;
  #waiting: (() => void)[] = [];
  #nextMessageId = 1;
  /** The bytes of answers, while someone wants them. */
  #kept: Buffer[] | undefined;
  /** Bytes received so far. */
  receivedBytes = 0;

  /** Connects in clear. */
  static async connect(port: number, address = '127.0.0.1'): Promise<LdapTestClient> {
    const socket = connectTcp({ port, host: address, allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new LdapTestClient(socket);
  }

  /** Connects to an LDAPS port. */
  static async connectTls(port: number, options?: ConnectionOptions): Promise<LdapTestClient> {
    const socket = connectTls({ port, host: '127.0.0.1', ...trustAnything, ...options });
    await once(socket, 'secureConnect');
    return new LdapTestClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#attach();
  }

  /** The socket below, under TLS the encrypted one. */
  get socket(): Socket {
    return this.#socket;
  }

  #attach(): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#heldBytes += chunk.length;
      this.receivedBytes += chunk.length;
      this.#wake();
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Sends bytes. */
  send(...bytes: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(bytes));
  }

  /** Sends bytes in pieces that leave one after another, with a turn of the event loop between. */
  async sendPieces(...pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (this.#isClosed) {
        return;
      }
      await new Promise<void>((resolve) => {
        this.#socket.write(piece, () => resolve());
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ends this side of the connection. */
  end(): void {
    this.#socket.end();
  }

  /** Resets the connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The next message; undefined when the server closed the connection instead. */
  async nextOrEnd(): Promise<LdapAnswer | undefined> {
    for (;;) {
      const answer = this.#take();
      if (answer !== undefined) {
        return answer;
      }
      if (this.#isClosed) {
        assert.equal(this.#heldBytes, 0, 'no half message at the end');
        return undefined;
      }
      await this.#change();
    }
  }

  /** As `request`, with the bytes of all answers as they came. */
  async exchange(
    operation: Uint8Array,
    controls?: readonly ControlBytes[],
  ): Promise<{ readonly bytes: Buffer; readonly answers: readonly LdapAnswer[] }> {
    this.#kept = [];
    try {
      const answers = await this.request(operation, controls);
      return { answers, bytes: Buffer.concat(this.#kept) };
    } finally {
      this.#kept = undefined;
    }
  }

  /** A whole message off the chunks, which are joined only when it is there. */
  #take(): LdapAnswer | undefined {
    const [first = Buffer.alloc(0)] = this.#chunks;
    const length = answerLength(first.length < 6 ? Buffer.concat(this.#chunks) : first);
    if (length === undefined || this.#heldBytes < length) {
      return undefined;
    }
    const held = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = held.length === length ? [] : [held.subarray(length)];
    this.#heldBytes -= length;
    const bytes = held.subarray(0, length);
    this.#kept?.push(bytes);
    return parseAnswer(bytes);
  }

  /** The next message. */
  async next(): Promise<LdapAnswer> {
    const answer = await this.nextOrEnd();
    assert.ok(answer !== undefined, 'the server closed the connection');
    return answer;
  }

  /** Every message until the server closes the connection. */
  async untilClosed(): Promise<LdapAnswer[]> {
    const answers: LdapAnswer[] = [];
    for (;;) {
      const answer = await this.nextOrEnd();
      if (answer === undefined) {
        return answers;
      }
      answers.push(answer);
    }
  }

  /** Resolves when the connection is closed, whatever was received. */
  async whenClosed(): Promise<void> {
    while (!this.#isClosed) {
      await this.#change();
    }
  }

  /** Resolves when at least so many bytes were received. */
  async whenReceived(bytes: number): Promise<void> {
    while (this.receivedBytes < bytes && !this.#isClosed) {
      await this.#change();
    }
  }

  /** Sends an operation under the next message id and returns the answers up to the last. */
  async request(operation: Uint8Array, controls?: readonly ControlBytes[]): Promise<LdapAnswer[]> {
    const messageId = this.#nextMessageId;
    this.#nextMessageId += 1;
    this.send(message(messageId, operation, controls));
    const answers: LdapAnswer[] = [];
    for (;;) {
      const answer = await this.next();
      assert.equal(answer.messageId, messageId);
      answers.push(answer);
      if (answer.kind !== 'entry' && answer.kind !== 'searchReference') {
        return answers;
      }
    }
  }

  /** As `request`, for an operation with one answer. */
  async ask(operation: Uint8Array, controls?: readonly ControlBytes[]): Promise<LdapAnswer> {
    const [answer, ...others] = await this.request(operation, controls);
    assert.ok(answer !== undefined && others.length === 0, 'one answer');
    return answer;
  }

  /** StartTLS, which must succeed, and the handshake. */
  async startTls(options?: ConnectionOptions): Promise<void> {
    const answer = await this.ask(extendedOperation(START_TLS_OID));
    assert.equal(answer.resultCode, 0);
    await this.handshake(options);
  }

  /** Goes over to TLS. */
  async handshake(options?: ConnectionOptions): Promise<void> {
    const clear = this.#socket;
    clear.removeAllListeners();
    clear.on('error', () => undefined);
    const secured: TLSSocket = connectTls({ socket: clear, ...trustAnything, ...options });
    this.#socket = secured;
    this.#attach();
    await once(secured, 'secureConnect');
  }
}
