/**
 * The LDAP server: its listeners, and what all connections together may use.
 *
 * @module
 */

import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';

import type { Clock, TimerHandle } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { sourceOf } from '../directory/access/address-range.ts';
import type { DirectoryService } from '../directory/service.ts';
import { AnswerCache, type AnswerCacheStatistics } from './answer-cache.ts';
import { LdapConnection, type TlsMode } from './connection.ts';
import { LdapError } from './errors.ts';
import { defaultLdapLimits, type LdapLimits } from './limits.ts';
import { type Listener, type ListenerOptions, openListener } from './listener.ts';
import { OperationCounts, type OperationStatistics } from './operation-counts.ts';
import { OutputTotal } from './output.ts';
import { PeerLog } from './peer-log.ts';
import { PendingTotal } from './pending-operations.ts';
import { RefusedConnections } from './refused-connections.ts';
import { createTlsContext, type TlsCredentials } from './tls-credentials.ts';

export interface LdapServerOptions {
  readonly directory: DirectoryService;
  readonly listeners: readonly ListenerOptions[];
  /** Needed as soon as a listener has TLS. */
  readonly tls?: TlsCredentials;
  /** Those left out have their defaults. */
  readonly limits?: Partial<LdapLimits>;
  /** Lets passwords through in clear. Only for trials on the loopback. */
  readonly allowClearPasswords?: boolean;
  readonly log: Log;
  readonly clock: Clock;
}

/** Counters since the server was opened. */
export interface LdapServerStatistics extends OperationStatistics {
  /** Now. */
  readonly connections: number;
  readonly acceptedConnections: number;
  /** Because of a limit. */
  readonly refusedConnections: number;
  /** Now, of all connections. */
  readonly unsentBytes: number;
  /** Now, of all connections: requests that were read and not answered. */
  readonly pendingOperations: number;
  /** Now, of all connections: bytes of those, and of requests that have begun to arrive. */
  readonly pendingBytes: number;
  /** Undefined where no answers are kept. */
  readonly answerCache: AnswerCacheStatistics | undefined;
}

export class LdapServer {
  readonly #options: LdapServerOptions;
  readonly #limits: LdapLimits;
  readonly #outputTotal = new OutputTotal();
  readonly #counts = new OperationCounts();
  readonly #pendingTotal: PendingTotal;
  readonly #refused: RefusedConnections;
  readonly #peerLog: PeerLog;
  readonly #answerCache: AnswerCache | undefined;
  readonly #connections = new Set<LdapConnection>();
  readonly #countBySource = new Map<string, number>();
  #listeners: readonly Listener[] = [];
  #secureContext: SecureContext | undefined;
  #acceptedConnections = 0;
  #closing: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  /**
   * Listens on every address, or on none.
   *
   * @throws {LdapError} `LDAP_PORT_IN_USE`, `LDAP_PORT_DENIED`, `LDAP_LISTEN`,
   *   `LDAP_TLS_CREDENTIALS`.
   */
  static async open(options: LdapServerOptions): Promise<LdapServer> {
    const server = new LdapServer(options);
    await server.#listen();
    return server;
  }

  private constructor(options: LdapServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultLdapLimits, ...options.limits };
    this.#pendingTotal = new PendingTotal(this.#limits);
    this.#refused = new RefusedConnections(options.clock);
    this.#peerLog = new PeerLog(options.log, options.clock);
    const { answers } = options.directory;
    const maxBytes = this.#limits.answerCacheBytes;
    this.#answerCache = answers && new AnswerCache({ answers, maxBytes });
    this.#secureContext = options.tls && createTlsContext(options.tls);
    if (this.#secureContext === undefined && options.listeners.some(({ tls }) => tls !== 'none')) {
      throw new LdapError(
        'LDAP_TLS_CREDENTIALS',
        'a listener offers TLS, but there is no certificate: set ldap.certificateFile and ldap.keyFile',
      );
    }
  }

  /** Where the server listens, with the ports that the system chose. */
  get listeners(): readonly ListenerOptions[] {
    return this.#listeners.map(({ bound }) => bound);
  }

  get statistics(): LdapServerStatistics {
    return {
      ...this.#counts.statistics,
      connections: this.#connections.size,
      acceptedConnections: this.#acceptedConnections,
      refusedConnections: this.#refused.count,
      unsentBytes: this.#outputTotal.bytes,
      pendingOperations: this.#pendingTotal.operations,
      pendingBytes: this.#pendingTotal.bytes,
      answerCache: this.#answerCache?.statistics,
    };
  }

  /**
   * Shows new connections these credentials; connections that exist keep theirs.
   *
   * @throws {LdapError} `LDAP_TLS_CREDENTIALS`; the ones before stay in use then.
   */
  reloadTls(credentials: TlsCredentials): void {
    this.#secureContext = createTlsContext(credentials);
  }

  /**
   * Stops accepting, lets every connection answer what it was asked, tells it that the server stops,
   * and cuts what is left after `limits.closeMs`.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #listen(): Promise<void> {
    const listeners: Listener[] = [];
    try {
      for (const options of this.#options.listeners) {
        listeners.push(
          await openListener(options, {
            onConnection: (socket) => this.#accept(socket, options.tls),
            onError: ({ message }) =>
              this.#peerLog.error('', 'a connection was not accepted', { error: message }),
          }),
        );
      }
    } catch (error) {
      for (const listener of listeners) {
        listener.close();
      }
      throw error;
    }
    this.#listeners = listeners;
  }

  #accept(socket: Socket, tls: TlsMode): void {
    const address = socket.remoteAddress ?? '';
    const source = sourceOf(address);
    const count = this.#countBySource.get(source) ?? 0;
    const { connections, connectionsPerAddress } = this.#limits;
    if (
      this.#closing !== undefined ||
      this.#connections.size >= connections ||
      count >= connectionsPerAddress
    ) {
      this.#refuse(socket, { address, tls });
      return;
    }
    this.#acceptedConnections += 1;
    this.#countBySource.set(source, count + 1);
    const { directory, clock, log, allowClearPasswords = false } = this.#options;
    const connection = new LdapConnection(socket, {
      directory,
      clock,
      log,
      allowClearPasswords,
      limits: this.#limits,
      outputTotal: this.#outputTotal,
      pendingTotal: this.#pendingTotal,
      counts: this.#counts,
      peerLog: this.#peerLog,
      answerCache: this.#answerCache,
      tls,
      secureContext: () => this.#secureContext,
      onClosed: () => this.#forget(connection, source),
    });
    this.#connections.add(connection);
    connection.start();
  }

  #refuse(
    socket: Socket,
    { address, tls }: { readonly address: string; readonly tls: TlsMode },
  ): void {
    const connections = this.#connections.size;
    this.#peerLog.warn(address, 'connections are refused: too many', { connections });
    this.#refused.refuse(socket, tls);
  }

  #forget(connection: LdapConnection, source: string): void {
    this.#connections.delete(connection);
    const count = this.#countBySource.get(source) ?? 0;
    if (count > 1) {
      this.#countBySource.set(source, count - 1);
    } else {
      this.#countBySource.delete(source);
    }
    if (this.#connections.size === 0) {
      this.#onEmpty?.();
    }
  }

  async #close(): Promise<void> {
    for (const listener of this.#listeners) {
      listener.close();
    }
    this.#refused.close();
    if (this.#connections.size === 0) {
      return;
    }
    const { clock } = this.#options;
    let timer: TimerHandle | undefined;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      timer = clock.schedule(this.#limits.closeMs, () => {
        for (const connection of this.#connections) {
          connection.destroy();
        }
        resolve();
      });
      for (const connection of this.#connections) {
        connection.shutDown();
      }
    });
    timer?.cancel();
  }
}
