/**
 * The figures for Prometheus: `GET /metrics` on an address of its own, without authentication, so it listens
 * on the loopback unless told otherwise. The figures name no person and no certificate; partitions are named.
 *
 * @module
 */

import fastify from 'fastify';

import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { MetricsRegistry } from '../core/metrics.ts';
import { listenAt } from './listening.ts';

export interface MetricsServer {
  /** `http://address:port/metrics`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  readonly registry: MetricsRegistry;
  readonly address: string;
  readonly port: number;
  readonly log: Log;
}

/**
 * Starts the server.
 *
 * @throws {HttpError} `HTTP_ADDRESS_IN_USE`, `HTTP_LISTEN_FAILED`.
 */
export async function openMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { registry, address, port, log } = options;
  const server = fastify({
    logger: false,
    bodyLimit: 1024,
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    forceCloseConnections: true,
  });
  server.setErrorHandler((error, _request, reply) => {
    log.error('metrics could not be shown', { error: formatError(error) });
    void reply.status(500).type('text/plain').send('internal error\n');
  });
  server.setNotFoundHandler((_request, reply) => {
    void reply.status(404).type('text/plain').send('not found\n');
  });
  server.get('/metrics', async (_request, reply) => {
    const text = await registry.expose();
    return reply.header('cache-control', 'no-store').type(registry.contentType).send(text);
  });
  const url = await listenAt(server, { address, port, setting: 'metrics' });
  return { url: `${url}/metrics`, close: () => server.close() };
}
