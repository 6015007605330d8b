/**
 * Asks a primary for its journal, as `replication-server.ts` serves it. The server is known by the SHA-256 of its certificate,
 * looked at before anything is sent; no issuer and no name is.
 *
 * @module
 */

import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';

import { parseHex } from '../core/bytes.ts';
import { formatError } from '../core/errors.ts';
import { HttpError } from './errors.ts';
import {
  fingerprintOf,
  MAX_WAIT_MS,
  type ReplicationDescription,
  type ReplicationRead,
} from './replication-server.ts';

export interface ReplicationClientOptions {
  /** `https://host:port`. */
  readonly url: string;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the server's certificate, lower-case hexadecimal. */
  readonly server: string;
}

/** The primary has answered with an error of its own. */
export class PrimaryRefusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const SILENCE_MS = 20_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

interface Answer {
  readonly message: IncomingMessage;
  readonly body: Buffer;
}

export class ReplicationClient {
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #abort = new AbortController();

  constructor(options: ReplicationClientOptions) {
    this.#url = new URL(options.url);
    this.#agent = new PinnedAgent(options);
  }

  /** @throws {HttpError} `HTTP_SERVER_UNREACHABLE`, `HTTP_PEER_UNPROVEN`, `HTTP_CLIENT_REFUSED`, or `PrimaryRefusal`. */
  async describe(own: {
    readonly storeId: string | undefined;
    readonly epoch: number;
  }): Promise<ReplicationDescription> {
    const { body } = await this.#ask('POST', '/v1/describe', own);
    const answer = JSON.parse(body.toString('utf8')) as DescriptionAnswer;
    const { storeId, end, segments, isLossless } = answer;
    return {
      storeId: bytesOf(storeId),
      end: end === null ? undefined : { ...end, hash: bytesOf(end.hash) },
      ...{ segments, isLossless },
    };
  }

  /** Throws as {@link describe} does. */
  async read({ first, from, acknowledged, waitMs }: ReplicationRead): Promise<{
    readonly bytes: Uint8Array;
    readonly end: { readonly sequence: number; readonly epoch: number };
  }> {
    const wait = Math.min(MAX_WAIT_MS, Math.max(0, Math.floor(waitMs)));
    const query = `from=${from}&acknowledged=${acknowledged}&wait=${wait}`;
    const { message, body } = await this.#ask('GET', `/v1/segments/${first}?${query}`);
    const numberIn = (name: string): number => Number(message.headers[name] ?? 0);
    const end = { sequence: numberIn('certdir-sequence'), epoch: numberIn('certdir-epoch') };
    return { bytes: body, end };
  }

  /** @returns true when the primary writes no more. Throws as {@link describe} does. */
  async fence(storeId: string, epoch: number): Promise<boolean> {
    const { body } = await this.#ask('POST', '/v1/fence', { storeId, epoch });
    return (JSON.parse(body.toString('utf8')) as { isFenced: boolean }).isFenced;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#agent.destroy();
  }

  async #ask(method: string, path: string, content?: unknown): Promise<Answer> {
    let answer: Answer;
    try {
      answer = await this.#exchange(method, path, content);
    } catch (error) {
      throw error instanceof HttpError
        ? error
        : new HttpError(
            'HTTP_SERVER_UNREACHABLE',
            `${this.#url.origin} does not answer: ${formatError(error)}`,
            { cause: error },
          );
    }
    const { statusCode = 500 } = answer.message;
    if (statusCode !== 200) {
      throw refusalOf(statusCode, answer.body, this.#url.origin);
    }
    return answer;
  }

  #exchange(method: string, path: string, content: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const text = content === undefined ? undefined : JSON.stringify(content);
      const asked = request(new URL(path, this.#url), {
        ...{ method, agent: this.#agent, signal: this.#abort.signal },
        timeout: MAX_WAIT_MS + SILENCE_MS,
        headers: text === undefined ? {} : { 'content-type': 'application/json' },
      });
      asked.once('timeout', () => asked.destroy(new Error('it is silent')));
      asked.once('error', reject);
      asked.once('response', (message) => {
        collect(message).then((body) => resolve({ message, body }), reject);
      });
      asked.end(text);
    });
  }
}

interface DescriptionAnswer {
  readonly storeId: string;
  readonly end: { readonly sequence: number; readonly epoch: number; readonly hash: string } | null;
  readonly segments: readonly number[];
  readonly isLossless: boolean;
}

/** Looks at the server's certificate before it hands the connection over. */
class PinnedAgent extends Agent {
  readonly #options: ReplicationClientOptions;

  constructor(options: ReplicationClientOptions) {
    super({ keepAlive: true, maxCachedSessions: 0 });
    this.#options = options;
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { certificate: cert, key, server } = this.#options;
    const done = callback ?? (() => undefined);
    const socket = connect(
      {
        ...(options as ConnectionOptions),
        ...{ cert, key, minVersion: 'TLSv1.3', rejectUnauthorized: false },
      },
      () => {
        if (fingerprintOf(socket) === server) {
          done(null, socket);
          return;
        }
        socket.destroy();
        const message =
          'the server has another certificate than standby.primary says; nothing was sent to it';
        done(new HttpError('HTTP_PEER_UNPROVEN', message), socket);
      },
    );
    socket.on('error', (error) => done(error, socket));
  }
}

async function collect(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new Error('the answer is too large');
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function refusalOf(status: number, body: Buffer, origin: string): Error {
  let code = 'HTTP_INTERNAL';
  let message = `status ${status}`;
  try {
    const told = JSON.parse(body.toString('utf8')) as { code?: unknown; message?: unknown };
    code = String(told.code);
    message = String(told.message);
  } catch {
    // Not an answer of ours.
  }
  if (code === 'HTTP_CLIENT_REFUSED') {
    return new HttpError(
      'HTTP_CLIENT_REFUSED',
      `${origin} refuses this standby: put the SHA-256 of its certificate into replication.clients there`,
    );
  }
  return status >= 500
    ? new HttpError('HTTP_SERVER_UNREACHABLE', `${origin}: ${message}`)
    : new PrimaryRefusal(code, `${origin}: ${message}`);
}

function bytesOf(hex: string): Uint8Array {
  const bytes = parseHex(hex);
  if (bytes === undefined) {
    throw new HttpError('HTTP_SERVER_UNREACHABLE', 'the answer is none of a primary');
  }
  return bytes;
}
