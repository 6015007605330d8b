/**
 * One listening socket, and errors of listening in words for the one who configured it.
 *
 * @module
 */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

import type { TlsMode } from './connection.ts';
import { LdapError } from './errors.ts';

export interface ListenerOptions {
  /** An address of this machine, `0.0.0.0` or `::`. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls: TlsMode;
}

/** A listener that listens. */
export interface Listener {
  /** With the port that the system chose. */
  readonly bound: ListenerOptions;
  /** Stops accepting; what was accepted is not touched. */
  close(): void;
}

/** The kernel keeps so many connections that are not accepted yet. */
const BACKLOG = 1024;

export interface ListenerEvents {
  onConnection(socket: Socket): void;
  /** Accepting one connection failed, e.g. for want of file descriptors; the listener goes on. */
  onError(error: Error): void;
}

/**
 * Listens.
 *
 * @throws {LdapError} `LDAP_PORT_IN_USE`, `LDAP_PORT_DENIED`, `LDAP_LISTEN`.
 */
export async function openListener(
  options: ListenerOptions,
  events: ListenerEvents,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    events.onConnection(socket),
  );
  const { address, port } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenError(options, cause)));
    server.listen({ host: address, port, backlog: BACKLOG }, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => events.onError(error));
  return {
    bound: { ...options, port: boundPort(server) },
    close: () => void server.close(),
  };
}

function boundPort(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function listenError({ address, port }: ListenerOptions, cause: Error): LdapError {
  const code = 'code' in cause ? cause.code : undefined;
  const where = `port ${port} of ${address}`;
  if (code === 'EADDRINUSE') {
    return new LdapError(
      'LDAP_PORT_IN_USE',
      `${where} is in use: stop the program that listens there (it may be another certdir), or set another port under ldap.listeners`,
      { cause },
    );
  }
  if (code === 'EACCES') {
    return new LdapError(
      'LDAP_PORT_DENIED',
      `this user may not listen on ${where}: set a port above 1023 under ldap.listeners, or grant the right to bind low ports`,
      { cause },
    );
  }
  return new LdapError(
    'LDAP_LISTEN',
    `cannot listen on ${where} (${cause.message}): set an address of this machine under ldap.listeners`,
    { cause },
  );
}
