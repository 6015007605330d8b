/**
 * OCSP over HTTP (RFC 6960 appendix A, RFC 5019 §5 and §6): GET with the request in the path, POST with it in the
 * body, and headers that let caches outside keep what may be kept.
 *
 * On Node's own server and not on the framework, because an answer that is at hand costs less than the framework's
 * routing of it.
 *
 * Not here: what is answered (`src/ocsp`, behind `OcspService`).
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, isIPv6, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import type { Awaitable } from '../core/awaitable.ts';
import { asBuffer } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { listeningError } from './listening.ts';

/** A response as the service makes it. */
export type OcspServiceReply =
  | {
      readonly kind: 'answer';
      readonly der: Uint8Array;
      readonly tag: string;
      readonly thisUpdateMs: number;
      readonly nextUpdateMs: number;
      /** 0: no cache may keep it. */
      readonly maxAgeMs: number;
    }
  | { readonly kind: 'refused'; readonly der: Uint8Array };

/** What is known of a connection; the same object for all its requests. */
export interface OcspConnection {
  readonly address: string;
  readonly isProtected: boolean;
  readonly clientCertificate?: Uint8Array;
}

export interface OcspService {
  /** Never rejects. @param key A byte of the request for each character (latin1), where the caller has that at hand. */
  answer(der: Uint8Array, connection: OcspConnection, key?: string): Awaitable<OcspServiceReply>;
}

export interface OcspServerOptions {
  readonly service: OcspService;
  readonly address: string;
  readonly port: number;
  /** PEM; without it the server speaks HTTP. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly clock: Clock;
  readonly log: Log;
}

export interface OcspServer {
  /** `http://address:port` or `https://…`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/** A request for 16 certificates with a chain for its signature is smaller. */
const MAX_REQUEST_BYTES = 16 * 1024;
const MAX_PATH_CHARACTERS = 8 * 1024;
const MAX_CONNECTIONS = 10_000;
const CONTENT_TYPE = 'application/ocsp-response';

/** Answers requests that arrive at a path; `base` is cut off, e.g. `/ocsp`. */
export type OcspHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  base: string,
) => void;

/**
 * Starts the server.
 *
 * @throws {HttpError} `HTTP_ADDRESS_IN_USE`, `HTTP_LISTEN_FAILED`.
 */
export async function openOcspServer(options: OcspServerOptions): Promise<OcspServer> {
  const handle = makeOcspHandler(options);
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    handle(request, response, '');
  const limits = { requestTimeout: 30_000, headersTimeout: 15_000, keepAliveTimeout: 60_000 };
  const { tls } = options;
  const server: Server =
    tls === undefined
      ? createServer(limits, listener)
      : createTlsServer(
          {
            ...limits,
            cert: tls.certificate,
            key: tls.key,
            minVersion: 'TLSv1.2',
            // Whose it is, and whether that suffices, is the service's to say.
            requestCert: true,
            rejectUnauthorized: false,
          },
          listener,
        );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const host = isIPv6(options.address) ? `[${options.address}]` : options.address;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    close: () => closeServer(server),
  };
}

function listen(
  server: Server,
  { address, port }: Pick<OcspServerOptions, 'address' | 'port'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(listeningError(cause, { address, port, setting: 'ocsp' }));
    });
    server.listen(port, address, resolve);
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

/** The answering itself, for the server here and for a path of another one. */
export function makeOcspHandler({
  service,
  clock,
  log,
}: Pick<OcspServerOptions, 'service' | 'clock' | 'log'>): OcspHandler {
  const answer: Answer = ({ der, key }, request, response) => {
    const send = (reply: OcspServiceReply): void =>
      sendReply(reply, { request, response, nowMs: clock.nowMs() });
    const reply = service.answer(der, connectionOf(request.socket), key);
    if (reply instanceof Promise) {
      reply.then(send).catch((error: unknown) => {
        log.error('an OCSP answer was not sent', { error: formatError(error) });
        response.destroy();
      });
    } else {
      send(reply);
    }
  };
  return (request, response, base) => {
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        answerGet(request, response, { base, answer });
        return;
      case 'POST':
        answerPost(request, response, answer);
        return;
      default:
        refuse(response, 405, { allow: 'GET, HEAD, POST' });
    }
  };
}

/** A request as it came; a path's `key` is the same string each time, whose hash is known. */
interface Asked {
  readonly der: Uint8Array;
  readonly key?: string;
}

/** What is known of a socket is kept with it: a WeakMap of thousands of them would cost each garbage collection. */
const described = Symbol('described');

function connectionOf(socket: Socket & { [described]?: OcspConnection }): OcspConnection {
  socket[described] ??= describeConnection(socket);
  return socket[described];
}

type Answer = (asked: Asked, request: IncomingMessage, response: ServerResponse) => void;

/** The first header of this name, which is in lower case. Cheaper than `headers`, which takes all of them apart. */
function headerOf({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const found = rawHeaders[at];
    if (found?.length === name.length && found.toLowerCase() === name) {
      return rawHeaders[at + 1];
    }
  }
  return undefined;
}

function describeConnection(socket: Socket): OcspConnection {
  const address = socket.remoteAddress ?? '';
  if (!(socket instanceof TLSSocket)) {
    return { address, isProtected: false };
  }
  const clientCertificate = socket.getPeerX509Certificate()?.raw;
  return {
    address,
    isProtected: true,
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

function answerGet(
  request: IncomingMessage,
  response: ServerResponse,
  { base, answer }: { readonly base: string; readonly answer: Answer },
): void {
  const path = (request.url ?? '').slice(base.length);
  if (path.length > MAX_PATH_CHARACTERS) {
    refuse(response, 414);
  } else if (path === '' || path === '/') {
    refuse(response, 404);
  } else {
    answer(requestIn(path), request, response);
  }
}

const MAX_REMEMBERED_PATHS = 4096;
const MAX_REMEMBERED_CHARACTERS = 512;
const rememberedPaths = new Map<string, Asked>();

/** What is no base64 is no request either, and answered as such. Paths that come again are not decoded again. */
function requestIn(path: string): Asked {
  const known = rememberedPaths.get(path);
  if (known !== undefined) {
    return known;
  }
  const der = decodePath(path) ?? new Uint8Array(0);
  const asked = { der, key: asBuffer(der).toString('latin1') };
  if (path.length <= MAX_REMEMBERED_CHARACTERS) {
    if (rememberedPaths.size >= MAX_REMEMBERED_PATHS) {
      rememberedPaths.clear();
    }
    rememberedPaths.set(path, asked);
  }
  return asked;
}

/**
 * The request in a path: base64 of the DER, with or without URL encoding (RFC 6960 A.1). Some clients put a slash too
 * many in front.
 *
 * @returns undefined for anything else.
 */
export function decodePath(path: string): Uint8Array | undefined {
  let text = path.replace(/^\/+/, '');
  if (text.includes('%')) {
    try {
      text = decodeURIComponent(text);
    } catch {
      return undefined;
    }
  }
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
    ? Buffer.from(text, 'base64')
    : undefined;
}

function answerPost(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const type = headerOf(request, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/ocsp-request') {
    refuse(response, 415);
    return;
  }
  if (Number(headerOf(request, 'content-length') ?? 0) > MAX_REQUEST_BYTES) {
    refuse(response, 413);
    return;
  }
  const pieces: Buffer[] = [];
  let length = 0;
  request.on('data', (piece: Buffer) => {
    length += piece.length;
    if (length <= MAX_REQUEST_BYTES) {
      pieces.push(piece);
    } else if (!response.headersSent) {
      refuse(response, 413);
    }
  });
  request.on('end', () => {
    if (length <= MAX_REQUEST_BYTES) {
      const [only] = pieces;
      const isWhole = pieces.length === 1 && only !== undefined;
      answer({ der: isWhole ? only : Buffer.concat(pieces) }, request, response);
    }
  });
}

/** Refusals of HTTP itself. The connection ends: what else would come on it was never read. */
function refuse(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...headers,
    'content-type': 'text/plain',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(`${status}\n`);
}

function sendReply(
  reply: OcspServiceReply,
  {
    request,
    response,
    nowMs,
  }: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly nowMs: number;
  },
): void {
  const maxAge =
    request.method === 'POST' || reply.kind === 'refused' ? 0 : maxAgeSeconds(reply, nowMs);
  const { headers, lasting, body } = preparedFor(reply, Math.max(0, maxAge));
  if (lasting !== undefined && isHeldBy(request, lasting.tag)) {
    response.writeHead(304, [...lasting.headers]);
    response.end();
    return;
  }
  response.writeHead(200, headers);
  // With a string Node writes headers and body at once; of a Buffer it makes a second write.
  response.end(body, 'latin1');
}

function isHeldBy(request: IncomingMessage, tag: string): boolean {
  return headerOf(request, 'if-none-match')?.includes(`"${tag}"`) === true;
}

/** A reply with this remaining age on the wire. */
interface Prepared {
  readonly maxAge: number;
  readonly headers: string[];
  /** The part that caches look at; undefined where none may keep the reply. */
  readonly lasting: { readonly tag: string; readonly headers: readonly string[] } | undefined;
  /** A byte for each character. */
  readonly body: string;
}

/** The same for a second, and asked for thousands of times in it. */
const prepared = new WeakMap<OcspServiceReply, Prepared>();

function preparedFor(reply: OcspServiceReply, maxAge: number): Prepared {
  const known = prepared.get(reply);
  if (known?.maxAge === maxAge) {
    return known;
  }
  const lasting =
    maxAge === 0 || reply.kind === 'refused'
      ? undefined
      : { tag: reply.tag, headers: cacheHeaders(reply, maxAge) };
  const made = {
    maxAge,
    headers: [
      ...['content-type', CONTENT_TYPE, 'content-length', String(reply.der.length)],
      ...['x-content-type-options', 'nosniff'],
      ...(lasting?.headers ?? ['cache-control', 'no-store']),
    ],
    lasting,
    body: known?.body ?? asBuffer(reply.der).toString('latin1'),
  };
  prepared.set(reply, made);
  return made;
}

/** RFC 5019 §6.2. */
function cacheHeaders(
  reply: OcspServiceReply & { readonly kind: 'answer' },
  maxAge: number,
): readonly string[] {
  return [
    ...['etag', `"${reply.tag}"`],
    ...['last-modified', new Date(reply.thisUpdateMs).toUTCString()],
    ...['expires', new Date(reply.nextUpdateMs).toUTCString()],
    ...['cache-control', `max-age=${maxAge}, public, no-transform, must-revalidate`],
  ];
}

/** Never past nextUpdate. */
function maxAgeSeconds(
  { maxAgeMs, nextUpdateMs }: { readonly maxAgeMs: number; readonly nextUpdateMs: number },
  nowMs: number,
): number {
  return Math.floor(Math.min(maxAgeMs, nextUpdateMs - 1000 - nowMs) / 1000);
}
