/**
 * The socket under a session, in clear or under TLS, and the change from one to the other.
 *
 * A socket is wrapped for TLS the same way behind StartTLS and on an LDAPS listener, so that
 * connections count, deadlines hold and certificates are exchanged alike from the first byte.
 *
 * @module
 */

import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

export interface TransportEvents {
  /** What was received; the array is the receiver's. Under TLS only what came encrypted. */
  onData(chunk: Uint8Array): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** The TLS handshake succeeded, with the DER of the certificate that the peer showed. */
  onSecured(clientCertificate: Uint8Array | undefined): void;
  /** Everything is over; called once. */
  onClosed(): void;
}

export class Transport {
  readonly address: string;
  readonly #events: TransportEvents;
  #socket: Socket;

  /** Takes a connected socket that nobody has read from, and pauses it. */
  constructor(socket: Socket, events: TransportEvents) {
    this.#socket = socket;
    this.#events = events;
    this.address = peerAddress(socket);
    socket.setNoDelay(true);
    this.#attach();
  }

  /** Changes once, when the connection is secured. */
  get socket(): Socket {
    return this.#socket;
  }

  /** True when bytes were received that `onData` has not been given. */
  get hasUnreadBytes(): boolean {
    return this.#socket.readableLength > 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Goes on under TLS, as the server. Whatever is unread or arrives now is taken as TLS, so bytes
   * in clear that someone slipped in end the connection.
   */
  secure(secureContext: SecureContext): void {
    // What is unread is read by TLS, and every reading of a socket reports to its listeners.
    this.#socket.removeAllListeners('data');
    const secured = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext,
      // Asked for, not required; whose it is decides the directory, and only when the peer says EXTERNAL.
      requestCert: true,
      rejectUnauthorized: false,
    });
    secured.disableRenegotiation();
    secured.once('secure', () => this.#events.onSecured(secured.getPeerX509Certificate()?.raw));
    this.#socket = secured;
    this.#attach();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #attach(): void {
    const socket = this.#socket;
    /** What happens on the socket below, once there is TLS above it, is not the session's. */
    const report = (event: () => void): void => {
      if (socket === this.#socket) {
        event();
      }
    };
    socket.pause();
    socket.on('data', (chunk: Uint8Array) => report(() => this.#events.onData(chunk)));
    socket.on('end', () => report(() => this.#events.onEnd()));
    // An error is always followed by 'close', and there is nothing to tell the peer any more.
    socket.on('error', ignore);
    socket.once('close', () => report(() => this.#events.onClosed()));
  }
}

function ignore(): void {}

const IPV4_MAPPED = '::ffff:';

/** The peer's address; IPv4 in its own notation also on an IPv6 listener. */
function peerAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith(IPV4_MAPPED) ? address.slice(IPV4_MAPPED.length) : address;
}
