/**
 * The life of one LDAP connection, from accepting it to its last byte.
 *
 * - `open`: requests are read while there is room, for pending operations, for their bytes, for unsent
 *   answers. Otherwise they stay in the socket, and the peer's own writes come to a halt.
 * - `securing`: TLS is being established, on an LDAPS listener or after StartTLS.
 * - `ended`: the last message is on its way; what still arrives is thrown away.
 * - `closed`: the socket is gone.
 *
 * Not here: what requests mean (session.ts), sockets and TLS (transport.ts).
 *
 * @module
 */

import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';

import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { DirectoryService } from '../directory/service.ts';
import type { AnswerCache } from './answer-cache.ts';
import { type Deadline, Deadlines } from './deadlines.ts';
import { LdapError } from './errors.ts';
import type { LdapLimits } from './limits.ts';
import type { OperationCounts } from './operation-counts.ts';
import { Output, type OutputTotal } from './output.ts';
import type { PeerLog } from './peer-log.ts';
import type { PendingTotal } from './pending-operations.ts';
import { RequestReader } from './request-reader.ts';
import { encodeNoticeOfDisconnection } from './response-encoder.ts';
import { type LdapResult, resultOfError } from './result-codes.ts';
import { LdapSession } from './session.ts';
import { Transport } from './transport.ts';

/** So long the notice that the server stops may take to arrive; nobody shall have to wait for more. */
const STOP_LINGER_MS = 250;

/** `none`: in clear for good; `starttls`: the client may start TLS; `ldaps`: TLS from the start. */
export type TlsMode = 'none' | 'starttls' | 'ldaps';

export interface ConnectionOptions {
  readonly directory: DirectoryService;
  readonly limits: LdapLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly allowClearPasswords: boolean;
  readonly outputTotal: OutputTotal;
  readonly pendingTotal: PendingTotal;
  readonly counts: OperationCounts;
  /** For lines that a peer can cause as often as it likes. */
  readonly peerLog: PeerLog;
  /** Shared by all connections. */
  readonly answerCache: AnswerCache | undefined;
  readonly tls: TlsMode;
  /** The server's credentials of the moment. */
  readonly secureContext: () => SecureContext | undefined;
  /** Called once, when the socket is closed and no operation runs any more. */
  readonly onClosed: () => void;
}

export class LdapConnection {
  readonly #options: ConnectionOptions;
  readonly #log: Log;
  readonly #transport: Transport;
  readonly #output: Output;
  readonly #deadlines: Deadlines;
  readonly #reader: RequestReader;
  readonly #session: LdapSession;
  #state: 'open' | 'securing' | 'ended' | 'closed' = 'open';
  /** Set when nothing more is to be read; the notice is sent once nothing is pending. */
  #ending: { readonly notice?: LdapResult } | undefined;
  #isPeerEnded = false;
  #isReported = false;
  #isStopping = false;

  /** Takes over a connected socket that nobody has read from. */
  constructor(socket: Socket, options: ConnectionOptions) {
    this.#options = options;
    const { limits, clock, directory, outputTotal, allowClearPasswords, answerCache } = options;
    const { pendingTotal, counts } = options;
    this.#transport = new Transport(socket, {
      onData: (chunk) => this.#onData(chunk),
      onEnd: () => this.#onPeerEnded(),
      onSecured: (clientCertificate) => this.#onSecured(clientCertificate),
      onClosed: () => this.#onClosed(),
    });
    const { address } = this.#transport;
    this.#log = options.log.with({ address });
    this.#output = new Output(socket, {
      clock,
      capacityBytes: limits.outputBytes,
      total: outputTotal,
      onUnsent: () => this.#deadlines.set('write', limits.writeStallMs),
      onTaken: () => this.#onTaken(),
    });
    this.#deadlines = new Deadlines(clock, (deadline) => this.#onExpired(deadline));
    const isOverloaded = (): boolean => outputTotal.ownBytes >= limits.totalOutputBytes;
    this.#session = new LdapSession(
      {
        ...{ directory, limits, allowClearPasswords, address, answerCache, isOverloaded },
        pendingTotal,
        counts,
        log: this.#log,
      },
      this.#sessionHost(),
    );
    this.#reader = new RequestReader({
      transport: this.#transport,
      deadlines: this.#deadlines,
      limits,
      total: pendingTotal,
      hasRoom: () => this.#hasRoom,
      maxPduBytes: () => this.#session.maxPduBytes,
      onRequest: (envelope, pduBytes) => this.#session.receive(envelope, pduBytes),
    });
  }

  /** Begins to read, or to establish TLS. */
  start(): void {
    this.#deadlines.set('idle', this.#options.limits.idleMs);
    if (this.#options.tls !== 'ldaps') {
      this.#reader.readOn();
      return;
    }
    const secureContext = this.#options.secureContext();
    if (secureContext === undefined) {
      this.destroy();
    } else {
      this.#secure(secureContext);
    }
  }

  /** Reads no more, answers what was read, sends the notice of disconnection and ends. */
  shutDown(): void {
    if (this.#state === 'securing') {
      this.destroy();
      return;
    }
    this.#isStopping = true;
    const error = new LdapError('LDAP_SHUTDOWN', 'the server is being stopped');
    this.#endWhenIdle({ notice: resultOfError(error) });
  }

  /** Cuts the connection: from here on nothing is read, not even what has arrived. */
  destroy(): void {
    this.#session.drop();
    this.#transport.destroy();
  }

  #sessionHost(): ConstructorParameters<typeof LdapSession>[1] {
    const hasUnreadBytes = (): boolean => this.#reader.hasUnreadBytes;
    const { tls, secureContext } = this.#options;
    return {
      output: this.#output,
      get hasUnreadBytes() {
        return hasUnreadBytes();
      },
      get startTlsContext() {
        return tls === 'starttls' ? secureContext() : undefined;
      },
      startTls: (context) => this.#startTls(context),
      end: () => this.#end(),
      destroy: () => this.destroy(),
      onProgress: () => this.#proceed(),
    };
  }

  get #hasRoom(): boolean {
    return (
      this.#state === 'open' &&
      this.#ending === undefined &&
      this.#session.hasRoom &&
      this.#output.hasRoom
    );
  }

  #onData(chunk: Uint8Array): void {
    this.#deadlines.set('idle', this.#options.limits.idleMs);
    this.#reader.push(chunk);
    this.#proceed();
  }

  #onTaken(): void {
    if (this.#output.unsentBytes > 0) {
      this.#deadlines.set('write', this.#options.limits.writeStallMs);
    } else {
      this.#deadlines.clear('write');
    }
    this.#proceed();
  }

  /** Something arrived or was finished: goes on with what had to wait for it. */
  #proceed(): void {
    if (this.#state === 'closed') {
      this.#reportClosed();
    } else if (this.#state === 'open' && this.#ending !== undefined) {
      this.#endIfIdle(this.#ending.notice);
    } else if (this.#state === 'open') {
      this.#readOn();
    }
  }

  #readOn(): void {
    try {
      const hasReadAll = this.#reader.readOn();
      if (hasReadAll && this.#isPeerEnded) {
        this.#endIfIdle();
      }
    } catch (error) {
      this.#disconnect(error);
    }
  }

  #startTls(secureContext: SecureContext): void {
    this.#state = 'securing';
    this.#reader.pause();
    this.#deadlines.set('handshake', this.#options.limits.tlsHandshakeMs);
    this.#output.whenFlushed(() => this.#secure(secureContext));
  }

  #secure(secureContext: SecureContext): void {
    this.#state = 'securing';
    this.#deadlines.set('handshake', this.#options.limits.tlsHandshakeMs);
    this.#transport.secure(secureContext);
    this.#output.moveTo(this.#transport.socket);
  }

  #onSecured(clientCertificate: Uint8Array | undefined): void {
    this.#deadlines.clear('handshake');
    this.#deadlines.set('idle', this.#options.limits.idleMs);
    this.#session.onSecured(clientCertificate);
    this.#state = 'open';
    this.#proceed();
  }

  #onPeerEnded(): void {
    this.#isPeerEnded = true;
    if (this.#state === 'securing') {
      this.destroy();
    } else {
      this.#proceed();
    }
  }

  #endWhenIdle(ending: { readonly notice?: LdapResult }): void {
    this.#ending ??= ending;
    this.#reader.pause();
    this.#proceed();
  }

  #endIfIdle(notice?: LdapResult): void {
    if (this.#session.isIdle) {
      this.#end(notice);
    }
  }

  /** The peer broke the protocol, or we failed: says so and ends (RFC 4511 §4.1.1). */
  #disconnect(error: unknown): void {
    this.#session.drop();
    if (error instanceof LdapError) {
      const { code, message } = error;
      this.#options.peerLog.info(this.#transport.address, 'disconnected', {
        code,
        reason: message,
      });
      this.#end(resultOfError(error));
    } else {
      this.#log.error('an LDAP connection failed', { error: formatError(error) });
      this.destroy();
    }
  }

  #end(notice?: LdapResult): void {
    this.#state = 'ended';
    this.#deadlines.clear('idle');
    if (notice !== undefined) {
      this.#output.send([encodeNoticeOfDisconnection(notice)]);
    }
    const { lingerMs } = this.#options.limits;
    this.#output.whenFlushed(() =>
      this.#deadlines.set(
        'close',
        this.#isStopping ? Math.min(lingerMs, STOP_LINGER_MS) : lingerMs,
      ),
    );
    this.#output.end();
    // Unread bytes at the close would reset the connection and take the last message with them.
    this.#reader.discard();
  }

  #onExpired(deadline: Deadline): void {
    const { counts } = this.#options;
    if (deadline !== 'idle') {
      counts.expired(deadline);
      this.#log.debug('cut after a deadline', { deadline });
      this.destroy();
    } else if (this.#session.isIdle && this.#state === 'open') {
      counts.expired(deadline);
      this.#endWhenIdle({});
    } else {
      this.#deadlines.set('idle', this.#options.limits.idleMs);
    }
  }

  #onClosed(): void {
    this.#state = 'closed';
    this.#deadlines.clearAll();
    this.#session.drop();
    this.#reader.close();
    this.#output.close();
    this.#reportClosed();
  }

  #reportClosed(): void {
    if (!this.#isReported && this.#session.isIdle) {
      this.#isReported = true;
      this.#options.onClosed();
    }
  }
}
