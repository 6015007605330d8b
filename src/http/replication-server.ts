/**
 * The journal for standbys: HTTPS on a listener of its own, TLS 1.3, for those whose client certificates are listed by
 * their SHA-256. Whoever is not gets no answer but that.
 *
 *     POST /v1/describe              where the journal ends; what the standby is
 *     GET  /v1/segments/FIRST        durable bytes of a segment from an offset on, waited for
 *     POST /v1/fence                 another store has taken over
 *
 * Not here: what the journal is (`store/journal/journal-feed.ts`).
 *
 * @module
 */

import type { TLSSocket } from 'node:tls';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';

import { formatHex } from '../core/bytes.ts';
import { formatError, isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { listenAt } from './listening.ts';

/** Where a journal ends. */
export interface ReplicationEnd {
  readonly sequence: number;
  readonly epoch: number;
  readonly hash: Uint8Array;
}

export interface ReplicationDescription {
  readonly storeId: Uint8Array;
  readonly end: ReplicationEnd | undefined;
  readonly segments: readonly number[];
  readonly isLossless: boolean;
}

export interface ReplicationRead {
  readonly first: number;
  readonly from: number;
  readonly acknowledged: number;
  readonly waitMs: number;
}

/** What is served; `standby` is the SHA-256 of its certificate, lower-case hexadecimal. */
export interface ReplicationService {
  describe(asker: {
    readonly standby: string;
    readonly storeId: string | undefined;
    readonly epoch: number;
  }): Promise<ReplicationDescription>;
  read(
    standby: string,
    request: ReplicationRead,
  ): Promise<{
    readonly bytes: Uint8Array;
    readonly end: Pick<ReplicationEnd, 'sequence' | 'epoch'>;
  }>;
  fenceStore(storeId: string, epoch: number): Promise<boolean>;
  /** Ends what waits. */
  close(): void;
}

export interface ReplicationServerOptions {
  readonly service: ReplicationService;
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of client certificates, lower-case hexadecimal. */
  readonly clients: readonly string[];
  readonly log: Log;
}

export interface ReplicationServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Longest that a request waits for something new. */
export const MAX_WAIT_MS = 30_000;

const number = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const storeId = { type: 'string', pattern: '^[0-9a-f]{32}$' } as const;
const asker = {
  type: 'object',
  properties: { storeId, epoch: number },
  required: ['epoch'],
  additionalProperties: false,
} as const;

type Server = Awaited<ReturnType<typeof makeServer>>;

/**
 * Starts the server.
 *
 * @throws {HttpError} `HTTP_ADDRESS_IN_USE`, `HTTP_LISTEN_FAILED`.
 */
export async function openReplicationServer(
  options: ReplicationServerOptions,
): Promise<ReplicationServer> {
  const { service, address, port } = options;
  const server = makeServer(options);
  route(server, service);
  const url = await listenAt(server, { address, port, setting: 'replication' });
  return {
    url,
    close: async () => {
      service.close();
      await server.close();
    },
  };
}

function makeServer({ certificate, key, clients, log }: ReplicationServerOptions) {
  const server = fastify({
    logger: false,
    bodyLimit: 4096,
    requestTimeout: 10_000,
    forceCloseConnections: true,
    https: {
      cert: certificate,
      key,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // Certificates are known by their hashes; no issuer is asked.
      rejectUnauthorized: false,
    },
  });
  const listed = new Set(clients);
  server.addHook('onRequest', async (request, reply) => {
    if (!listed.has(standbyOf(request))) {
      log.warn('a client without a listed certificate was refused', { address: request.ip });
      await reply.status(403).send({
        code: 'HTTP_CLIENT_REFUSED',
        message: 'this certificate is not among replication.clients',
      });
    }
  });
  server.setErrorHandler((error, _request, reply) => refuse(reply, error, log));
  return server;
}

function refuse(reply: FastifyReply, error: unknown, log: Log): void {
  if (error instanceof Error && 'validation' in error) {
    void reply.status(400).send({ code: 'HTTP_REQUEST_INVALID', message: error.message });
    return;
  }
  if (isCertdirError(error)) {
    log.info('a standby was refused', { code: error.code });
    void reply.status(409).send({ code: error.code, message: error.message });
    return;
  }
  log.error('the journal could not be served', { error: formatError(error) });
  void reply.status(500).send({ code: 'HTTP_INTERNAL', message: 'see the log of the primary' });
}

function route(server: Server, service: ReplicationService): void {
  server.post<{ Body: { storeId?: string; epoch: number } }>(
    '/v1/describe',
    { schema: { body: asker } },
    async (request) => {
      const { body } = request;
      const found = await service.describe({
        standby: standbyOf(request),
        storeId: body.storeId,
        epoch: body.epoch,
      });
      const { end } = found;
      return {
        ...{ ...found, storeId: formatHex(found.storeId) },
        end: end === undefined ? null : { ...end, hash: formatHex(end.hash) },
      };
    },
  );
  server.get<{
    Params: { first: number };
    Querystring: { from: number; acknowledged: number; wait: number };
  }>(
    '/v1/segments/:first',
    {
      schema: {
        params: { type: 'object', properties: { first: number } },
        querystring: {
          type: 'object',
          properties: {
            from: number,
            acknowledged: number,
            wait: { ...number, maximum: MAX_WAIT_MS },
          },
          required: ['from', 'acknowledged', 'wait'],
        },
      },
    },
    async (request, reply) => {
      const { from, acknowledged, wait } = request.query;
      const wanted = { first: request.params.first, from, acknowledged, waitMs: wait };
      const { bytes, end } = await service.read(standbyOf(request), wanted);
      return reply
        .header('certdir-sequence', end.sequence)
        .header('certdir-epoch', end.epoch)
        .type('application/octet-stream')
        .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    },
  );
  server.post<{ Body: { storeId: string; epoch: number } }>(
    '/v1/fence',
    { schema: { body: { ...asker, required: ['storeId', 'epoch'] } } },
    async ({ body }) => ({ isFenced: await service.fenceStore(body.storeId, body.epoch) }),
  );
}

/** Empty without a certificate. */
function standbyOf(request: FastifyRequest): string {
  const socket = request.raw.socket as TLSSocket;
  return fingerprintOf(socket);
}

/** SHA-256 of the peer's certificate, lower-case hexadecimal; empty without one. */
export function fingerprintOf(socket: TLSSocket): string {
  const { fingerprint256 } = socket.getPeerCertificate() as { fingerprint256?: string };
  return (fingerprint256 ?? '').replaceAll(':', '').toLowerCase();
}
