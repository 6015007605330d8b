/**
 * The LDAP session of a connection (RFC 4511 §5.3): who the client is, which of its requests are
 * pending, and what each request does to the session.
 *
 * A bind runs alone, and nothing behind it is read until it is answered (RFC 4511 §4.2.1). From the
 * moment it arrives the session is anonymous, whatever comes of it.
 *
 * Not here: the connection's life (connection.ts), what the operations do (operations.ts).
 *
 * @module
 */

import type { SecureContext } from 'node:tls';

import type { Log } from '../core/log.ts';
import { anonymous, type Principal } from '../directory/accounts/principal.ts';
import type { Caller, DirectoryService, Session } from '../directory/service.ts';
import type { AnswerCache, RequestText } from './answer-cache.ts';
import { CANCEL, cancelOperation, decodeCancel } from './cancel.ts';
import { LdapError } from './errors.ts';
import type { LdapLimits } from './limits.ts';
import type { OperationCounts } from './operation-counts.ts';
import {
  type OperationEnvironment,
  responseTagOf,
  resultOfFailure,
  runOperation,
} from './operations.ts';
import type { Output } from './output.ts';
import {
  type OperationSource,
  PendingOperation,
  PendingOperations,
  type PendingTotal,
} from './pending-operations.ts';
import { readControls } from './request-controls.ts';
import { type DecodedRequest, decodeRequest, type Envelope } from './request-decoder.ts';
import {
  type BindRequest,
  type Control,
  changeKinds,
  type ExtendedRequest,
  type RequestKind,
  ResponseTag,
} from './requests.ts';
import { encodeExtendedResult, encodeResult } from './response-encoder.ts';
import { success } from './result-codes.ts';
import { offeredMechanisms } from './sasl-bind.ts';
import { authenticate } from './simple-bind.ts';
import { admitStartTls, START_TLS } from './start-tls.ts';

export interface SessionOptions {
  readonly directory: DirectoryService;
  readonly limits: LdapLimits;
  readonly allowClearPasswords: boolean;
  readonly address: string;
  readonly log: Log;
  readonly answerCache: AnswerCache | undefined;
  /** True while unsent answers of all connections leave no room for more. */
  readonly isOverloaded: () => boolean;
  /** Of all connections. */
  readonly pendingTotal: PendingTotal;
  readonly counts: OperationCounts;
}

/** What a session needs of the connection under it. */
export interface SessionHost {
  readonly output: Output;
  /** Bytes have arrived behind the request that is being handled. */
  readonly hasUnreadBytes: boolean;
  /** What StartTLS would use now; undefined where it is not offered. */
  readonly startTlsContext: SecureContext | undefined;
  /** Sends what waits, goes over to TLS and calls `onSecured`. */
  startTls(secureContext: SecureContext): void;
  /** Sends what waits and ends the connection. */
  end(): void;
  /** Cuts the connection. */
  destroy(): void;
  /** Something that was pending is not any more. */
  onProgress(): void;
}

/** A message without the operation in it. */
interface Received {
  readonly messageId: number;
  readonly controls: readonly Control[];
}

interface PendingBind extends Received {
  readonly request: BindRequest;
}

export class LdapSession {
  readonly #options: SessionOptions;
  readonly #host: SessionHost;
  readonly #operations: PendingOperations;
  #caller: Caller;
  #isBinding = false;
  #isDropped = false;

  constructor(options: SessionOptions, host: SessionHost) {
    this.#options = options;
    this.#host = host;
    const { directory, limits, log, isOverloaded, allowClearPasswords, answerCache } = options;
    const { output } = host;
    const { counts } = options;
    const environment: OperationEnvironment = {
      ...{ directory, output, limits, log, isOverloaded, allowClearPasswords, answerCache, counts },
    };
    this.#operations = new PendingOperations({
      maxRunning: options.limits.runningOperations,
      total: options.pendingTotal,
      run: (operation) => runOperation(operation, environment),
      onEnded: () => host.onProgress(),
    });
    this.#caller = { principal: anonymous, session: this.#sessionWith({ isProtected: false }) };
  }

  /** Whether another request may be read. */
  get hasRoom(): boolean {
    const { limits } = this.#options;
    return (
      !this.#isBinding &&
      !this.#isDropped &&
      this.#operations.count < limits.pendingOperations &&
      this.#operations.bytes < limits.pendingBytes
    );
  }

  /** Whether every request was answered. */
  get isIdle(): boolean {
    return this.#operations.count === 0 && !this.#isBinding;
  }

  /** How long a request may be now. */
  get maxPduBytes(): number {
    const { anonymousPduBytes, boundPduBytes } = this.#options.limits;
    return this.#caller.principal.kind === 'anonymous' ? anonymousPduBytes : boundPduBytes;
  }

  /** TLS is established: whoever it was before, in clear, is nobody now. */
  onSecured(clientCertificate: Uint8Array | undefined): void {
    const proof = clientCertificate === undefined ? {} : { clientCertificate };
    this.#caller = {
      principal: anonymous,
      session: this.#sessionWith({ isProtected: true, ...proof }),
    };
  }

  /** Nothing more is to be answered. */
  drop(): void {
    this.#isDropped = true;
    this.#operations.drop();
  }

  /**
   * Handles one request.
   *
   * @throws {LdapError} `LDAP_MALFORMED`, with which the session is over.
   */
  receive(envelope: Envelope, pduBytes: number): void {
    const { messageId } = envelope;
    if (this.#operations.find(messageId) !== undefined) {
      throw new LdapError('LDAP_MALFORMED', 'the message id of a request that is not answered yet');
    }
    this.#options.counts.initiated(envelope.kind);
    const answerKey = this.#answerKeyOf(envelope);
    if (answerKey !== undefined && this.#answerAgain(messageId, answerKey)) {
      return;
    }
    const decoded = this.#decode(envelope);
    if (decoded === undefined) {
      return;
    }
    const { request, controls } = decoded;
    switch (request.kind) {
      case 'unbind':
        this.#options.counts.completed('unbind', undefined);
        this.drop();
        this.#host.end();
        break;
      case 'abandon':
        this.#abandon(request.messageId, controls);
        break;
      case 'bind':
        void this.#bind({ messageId, controls, request: request.bind });
        break;
      default:
        if (request.kind === 'extended' && request.extended.name === START_TLS) {
          this.#startTls({ messageId, controls }, request.extended);
        } else if (request.kind === 'extended' && request.extended.name === CANCEL) {
          this.#cancel({ messageId, controls }, request.extended);
        } else {
          const key = controls.length === 0 ? answerKey : undefined;
          this.#begin({
            messageId,
            controls,
            request,
            pduBytes,
            answerKey: key,
            received: changeKinds.has(request.kind) ? envelope.bytes : undefined,
            caller: this.#caller,
          });
        }
    }
  }

  #sessionWith(security: Pick<Session, 'isProtected' | 'clientCertificate'>): Session {
    const session = { ...security, address: this.#options.address, channel: 'ldap' };
    return { ...session, saslMechanisms: offeredMechanisms(session) };
  }

  #become(principal: Principal): void {
    this.#caller = { principal, session: this.#caller.session };
  }

  /** From here on nobody is authenticated, and what an earlier identity still reads is given up. */
  #becomeAnonymous(): void {
    this.#become(anonymous);
    this.#operations.abandonAll();
  }

  /** Answers a request that can be named but not carried out; undefined then. */
  #decode(envelope: Envelope): DecodedRequest | undefined {
    try {
      return decodeRequest(envelope, this.#options.limits);
    } catch (error) {
      if (error instanceof LdapError && error.code === 'LDAP_MALFORMED') {
        this.#options.counts.completed(envelope.kind, undefined);
        throw error;
      }
      if (envelope.kind === 'bind') {
        this.#becomeAnonymous();
      }
      this.#refuse({ messageId: envelope.messageId, request: { kind: envelope.kind } }, error);
      return undefined;
    }
  }

  #refuse(
    { messageId, request }: { messageId: number; request: { kind: RequestKind } },
    error: unknown,
  ): void {
    const tag = responseTagOf[request.kind];
    const result = resultOfFailure(error, this.#options.log);
    this.#options.counts.completed(request.kind, tag === undefined ? undefined : result.resultCode);
    if (tag !== undefined) {
      this.#host.output.send([encodeResult(messageId, tag, result)]);
    }
  }

  #begin(source: OperationSource): void {
    if (!this.#options.pendingTotal.hasRoom) {
      this.#refuse(
        source,
        new LdapError('LDAP_BUSY', 'too many requests are under way; try again'),
      );
      return;
    }
    this.#operations.add(new PendingOperation(source));
  }

  /** The key of an answer that may have been given before; undefined for requests without one. */
  #answerKeyOf({ kind, bytes, reader }: Envelope): RequestText | undefined {
    const { answerCache, isOverloaded } = this.#options;
    return kind === 'search' && !isOverloaded()
      ? answerCache?.requestText(bytes, reader.offset)
      : undefined;
  }

  /** Gives the answer to the same request again, where there is one for this caller. */
  #answerAgain(messageId: number, answerKey: RequestText): boolean {
    const messages = this.#options.answerCache?.take(answerKey, this.#caller);
    for (const message of messages ?? []) {
      this.#host.output.sendOperation(messageId, message);
    }
    if (messages !== undefined) {
      this.#options.counts.completed('search', success.resultCode);
    }
    return messages !== undefined;
  }

  /** Nobody is told when a critical control that is not known here keeps it from being done (§4.1.11). */
  #abandon(messageId: number, controls: readonly Control[]): void {
    this.#options.counts.completed('abandon', undefined);
    const operation = this.#operations.find(messageId);
    if (operation?.canBeAbandoned === true && !controls.some(({ isCritical }) => isCritical)) {
      operation.abandon();
    }
  }

  /** RFC 3909; at once, not behind what it is to cancel. */
  #cancel({ messageId, controls }: Received, request: ExtendedRequest): void {
    const { limits, log } = this.#options;
    let result = success;
    try {
      readControls('extended', controls, limits);
      cancelOperation(this.#operations.find(decodeCancel(request)));
    } catch (error) {
      result = resultOfFailure(error, log);
    }
    this.#options.counts.completed('extended', result.resultCode);
    this.#host.output.send([encodeExtendedResult(messageId, result)]);
  }

  async #bind({ messageId, request, controls }: PendingBind): Promise<void> {
    const { directory, allowClearPasswords, limits, log } = this.#options;
    const { session } = this.#caller;
    this.#isBinding = true;
    this.#becomeAnonymous();
    await this.#operations.whenEmpty();
    let result = success;
    try {
      readControls('bind', controls, limits);
      this.#become(await authenticate(request, { directory, session, allowClearPasswords }));
    } catch (error) {
      result = resultOfFailure(error, log);
    }
    this.#isBinding = false;
    this.#options.counts.completed('bind', result.resultCode);
    this.#host.output.send([encodeResult(messageId, ResponseTag.bind, result)]);
    this.#host.onProgress();
  }

  /** RFC 4511 §4.14. */
  #startTls({ messageId, controls }: Received, request: ExtendedRequest): void {
    const { limits, log } = this.#options;
    if (this.#host.hasUnreadBytes) {
      // Sent in clear, these would be taken for the client's own words under TLS.
      this.#options.counts.completed('extended', undefined);
      log.warn('bytes behind a StartTLS request: the connection is cut');
      this.#host.destroy();
      return;
    }
    const send = (result = success): void => {
      this.#options.counts.completed('extended', result.resultCode);
      this.#host.output.send([encodeExtendedResult(messageId, result, { name: START_TLS })]);
    };
    try {
      readControls('extended', controls, limits);
      const secureContext = admitStartTls(request, {
        secureContext: this.#host.startTlsContext,
        isProtected: this.#caller.session.isProtected,
        pendingOperations: this.#operations.count,
      });
      send();
      this.#host.startTls(secureContext);
    } catch (error) {
      send(resultOfFailure(error, log));
    }
  }
}
