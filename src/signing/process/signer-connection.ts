/**
 * One life of a signer process: calls go out, replies come back in any order, and when the process
 * ends every call still open fails with `SIGNING_UNAVAILABLE`.
 *
 * @module
 */

import type { Clock, TimerHandle } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import { SigningError } from '../errors.ts';
import type { OpenSignerChannel, SignerChannel } from './signer-channel.ts';
import {
  parseReply,
  replyError,
  resultReaders,
  type SignerCall,
  type SignerMethod,
  type SignerMethods,
  type SignerReply,
} from './signer-protocol.ts';

interface OpenCall {
  readonly timer: TimerHandle;
  readonly settle: (reply: SignerReply) => void;
  readonly fail: (error: SigningError) => void;
}

export class SignerConnection {
  /** Resolves with the reason when the process has ended. */
  readonly ended: Promise<string>;
  readonly #clock: Clock;
  readonly #channel: SignerChannel;
  readonly #open = new Map<number, OpenCall>();
  #nextId = 1;
  #lastReplyMs: number;
  #endReason: string | undefined;

  constructor(openChannel: OpenSignerChannel, clock: Clock) {
    this.#clock = clock;
    this.#lastReplyMs = clock.monotonicMs();
    let resolveEnded: (reason: string) => void;
    this.ended = new Promise((resolve) => {
      resolveEnded = resolve;
    });
    this.#channel = openChannel({
      onMessage: (message) => this.#receive(message),
      onEnd: (reason) => {
        this.#giveUp(reason);
        resolveEnded(this.#endReason ?? reason);
      },
    });
  }

  /** True when nothing more will come from it. */
  get hasEnded(): boolean {
    return this.#endReason !== undefined;
  }

  /**
   * @param timeoutMs Without a reply to this call by then it fails; without a reply to any call since it
   *   was sent the process counts as hung and is ended.
   * @throws {SigningError} what the other side answered, or `SIGNING_UNAVAILABLE`.
   */
  call<M extends SignerMethod>(
    method: M,
    argument: SignerMethods[M]['argument'],
    timeoutMs: number,
  ): Promise<SignerMethods[M]['result']> {
    if (this.#endReason !== undefined) {
      return Promise.reject(unavailable(`it has ended (${this.#endReason})`));
    }
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const sentMs = this.#clock.monotonicMs();
      const timer = this.#clock.schedule(timeoutMs, () => {
        this.#open.delete(id);
        reject(unavailable(`no answer to ${method} within ${timeoutMs} ms`));
        if (this.#lastReplyMs <= sentMs) {
          this.kill(`hung in ${method}`);
        }
      });
      const settle = (reply: SignerReply): void => {
        const read = reply.isOk ? resultReaders[method](reply.value) : undefined;
        if (!reply.isOk) {
          reject(replyError(reply));
        } else if (read === undefined) {
          reject(unavailable(`its answer to ${method} makes no sense`));
          this.kill(`a senseless answer to ${method}`);
        } else {
          resolve(read.value);
        }
      };
      this.#open.set(id, { timer, settle, fail: reject });
      this.#channel.send({ id, method, argument } as SignerCall);
    });
  }

  /**
   * Feeds in a part of long content.
   *
   * @param timeoutMs If it is not taken by then the process counts as hung and is ended.
   * @throws {SigningError} `SIGNING_UNAVAILABLE`
   */
  async feed(stream: number, bytes: Uint8Array, timeoutMs: number): Promise<void> {
    if (this.#endReason !== undefined) {
      throw unavailable(`it has ended (${this.#endReason})`);
    }
    const timer = this.#clock.schedule(timeoutMs, () => this.kill('hung in taking content'));
    try {
      // Whatever becomes of the lane, the end of the process is the end of the wait.
      await Promise.race([this.#channel.feed(stream, bytes), this.#failWithEnd()]);
      this.#lastReplyMs = this.#clock.monotonicMs();
    } catch (error) {
      throw error instanceof SigningError ? error : unavailable(formatError(error));
    } finally {
      timer.cancel();
    }
  }

  async #failWithEnd(): Promise<never> {
    throw unavailable(`it has ended (${await this.ended})`);
  }

  /** Asks the process to end; calls still open fail with `error`. */
  disconnect(error: SigningError): void {
    this.#endReason ??= 'closed';
    this.#failAll(error);
    this.#channel.disconnect();
  }

  /** Ends the process at once. */
  kill(reason: string): void {
    this.#giveUp(reason);
    this.#channel.kill();
  }

  #receive(message: unknown): void {
    if (this.#endReason !== undefined) {
      return;
    }
    const reply = parseReply(message);
    if (reply === undefined) {
      this.kill('a message that is no reply');
      return;
    }
    this.#lastReplyMs = this.#clock.monotonicMs();
    const call = this.#open.get(reply.id);
    if (call !== undefined) {
      this.#open.delete(reply.id);
      call.timer.cancel();
      call.settle(reply);
    }
  }

  #giveUp(reason: string): void {
    this.#endReason ??= reason;
    this.#failAll(unavailable(`it has ended (${this.#endReason})`));
  }

  #failAll(error: SigningError): void {
    for (const call of this.#open.values()) {
      call.timer.cancel();
      call.fail(error);
    }
    this.#open.clear();
  }
}

/** The error for a signer process that does not do what was asked. */
export function unavailable(what: string): SigningError {
  return new SigningError('SIGNING_UNAVAILABLE', `the signer process is away: ${what}`);
}
