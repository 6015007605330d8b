/**
 * Connections that there is no room for: each is told that the server is busy (a notice of
 * disconnection, RFC 4511 §4.4.1) and closed, without ever becoming a connection of the server. Where
 * TLS comes first nothing can be said.
 *
 * They take a socket until the peer has read the notice, so only a few may be on their way at a time;
 * the others are cut.
 *
 * @module
 */

import type { Socket } from 'node:net';

import type { Clock } from '../core/clock.ts';
import type { TlsMode } from './connection.ts';
import { LdapError } from './errors.ts';
import { encodeNoticeOfDisconnection } from './response-encoder.ts';
import { resultOfError } from './result-codes.ts';

const MAX_LEAVING = 64;
const LEAVE_MS = 1_000;

export class RefusedConnections {
  readonly #clock: Clock;
  readonly #leaving = new Set<Socket>();
  readonly #notice = encodeNoticeOfDisconnection(
    resultOfError(new LdapError('LDAP_BUSY', 'too many connections; try again later')),
  );
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Since the server was opened. */
  get count(): number {
    return this.#count;
  }

  refuse(socket: Socket, tls: TlsMode): void {
    this.#count += 1;
    if (tls === 'ldaps' || this.#leaving.size >= MAX_LEAVING) {
      socket.destroy();
      return;
    }
    this.#leaving.add(socket);
    const timer = this.#clock.schedule(LEAVE_MS, () => socket.destroy());
    socket.once('close', () => {
      timer.cancel();
      this.#leaving.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    // Unread bytes at the close would reset the connection and take the notice with them.
    socket.resume();
    socket.end(this.#notice);
  }

  /** Cuts those that are still on their way. */
  close(): void {
    for (const socket of this.#leaving) {
      socket.destroy();
    }
  }
}
