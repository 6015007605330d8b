/**
 * Calls to a signer process that may die: keeps one running, and repeats what may be repeated.
 *
 * Signing, describing and activating twice is the same as once; generating and destroying are not
 * repeated, because the first may have happened.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { isPassing, SigningError, type SigningErrorCode } from '../errors.ts';
import type { OpeningSource } from '../passphrase.ts';
import type { SignatureAlgorithm, SignRequest } from '../signer.ts';
import type { OpenSignerChannel } from './signer-channel.ts';
import { SignerConnection, unavailable } from './signer-connection.ts';
import type { SignerMethod, SignerMethods, TokenSettings } from './signer-protocol.ts';

export interface SignerTimeouts {
  /** Everything but generating; default 30 s. */
  readonly callMs: number;
  /** Generating a key: an RSA-4096 key may take an HSM minutes; default 5 min. */
  readonly generateMs: number;
}

export interface SignerSurroundings {
  readonly token: TokenSettings;
  readonly passphrase: OpeningSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly openChannel: OpenSignerChannel;
}

const defaultTimeouts: SignerTimeouts = { callMs: 30_000, generateMs: 300_000 };

/** The first restart is at once; then the delay doubles from here to the longest. */
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
/** A process that ran this long is not part of a series of failures. */
const STABLE_MS = 60_000;
/** How long a process may take to end when asked. */
const CLOSE_MS = 5_000;

const isRepeatable: Readonly<Record<SignerMethod, boolean>> = {
  open: true,
  activate: true,
  deactivate: true,
  isActive: true,
  describe: true,
  list: true,
  sign: true,
  inspect: true,
  // Nothing of the one before is left.
  makeSubjectKey: true,
  proposals: true,
  propose: false,
  approve: false,
  generate: false,
  destroy: false,
  // Part of a signature, which is repeated as a whole.
  beginContent: false,
};

/** What a new process may mend. */
const needsNewProcess: ReadonlySet<SigningErrorCode> = new Set([
  'SIGNING_DEVICE_FAILED',
  'SIGNING_TOKEN_REMOVED',
]);

/**
 * What another try does not mend or makes worse: after a few wrong PINs a token locks. Only a person's `activate` tries
 * again.
 */
const isForPerson: ReadonlySet<SigningErrorCode> = new Set([
  'SIGNING_PIN_WRONG',
  'SIGNING_PIN_LOCKED',
  'SIGNING_APPROVAL_NEEDED',
]);

export class SignerCalls {
  readonly #surroundings: SignerSurroundings;
  readonly #timeouts: SignerTimeouts;
  #ready: Promise<SignerConnection> = Promise.reject(unavailable('it was not started'));
  #connection: SignerConnection | undefined;
  /** The last one that was opened, and activated if it was to be. */
  #prepared: SignerConnection | undefined;
  #shouldBeActive = false;
  #wasOpened = false;
  #failures = 0;
  /** Why the last process could not be used although it runs; calls fail with it at once. */
  #refusal: SigningError | undefined;
  #endDelay: (() => void) | undefined;
  #lastStream = 0;
  #isClosed = false;

  constructor(surroundings: SignerSurroundings, timeouts: Partial<SignerTimeouts> = {}) {
    this.#surroundings = surroundings;
    this.#timeouts = { ...defaultTimeouts, ...timeouts };
    this.#ready.catch(() => undefined);
  }

  /**
   * Starts the first process. There is no second try, because what is wrong now is for a person; unless the token
   * may be away and is.
   */
  async start({ mayBeAway }: { readonly mayBeAway: boolean }): Promise<void> {
    try {
      this.#ready = this.#startAfter(0);
      await this.#ready;
    } catch (error) {
      if (mayBeAway && isPassing(error)) {
        // From now on its end is followed by another start.
        this.#wasOpened = true;
        return;
      }
      await this.close();
      throw error;
    }
  }

  async activate(): Promise<void> {
    this.#tryNow();
    try {
      await this.call('activate', undefined);
    } catch (error) {
      // What a person has asked for is done when the token is back.
      this.#shouldBeActive ||= isPassing(error);
      throw error;
    }
    this.#shouldBeActive = true;
  }

  async deactivate(): Promise<void> {
    this.#shouldBeActive = false;
    this.#tryNow();
    await this.call('deactivate', undefined);
  }

  call<M extends SignerMethod>(
    method: M,
    argument: SignerMethods[M]['argument'],
  ): Promise<SignerMethods[M]['result']> {
    const timeoutMs = this.#timeoutOf(method);
    return this.#attempt(isRepeatable[method], (connection) =>
      connection.call(method, argument, timeoutMs),
    );
  }

  /**
   * Has content signed that is too long for one call.
   *
   * @param chunks Called for each attempt.
   */
  signLong(
    request: Omit<SignRequest, 'content'> & { readonly algorithm: SignatureAlgorithm },
    chunks: () => Iterable<Uint8Array>,
  ): Promise<Uint8Array> {
    const { callMs } = this.#timeouts;
    return this.#attempt(true, async (connection) => {
      this.#lastStream += 1;
      const stream = this.#lastStream;
      const { digest } = request.algorithm;
      await connection.call('beginContent', { stream, digest }, callMs);
      let lengthBytes = 0;
      for (const bytes of chunks()) {
        await connection.feed(stream, bytes, callMs);
        lengthBytes += bytes.length;
      }
      const content = { stream, lengthBytes };
      return await connection.call('sign', { ...request, content }, callMs);
    });
  }

  async #attempt<T>(
    isRepeated: boolean,
    act: (connection: SignerConnection) => Promise<T>,
  ): Promise<T> {
    // Nearly always it is ready, and then there is nothing to wait for.
    const connection = this.#usable() ?? (await this.#whenReady());
    try {
      return await act(connection);
    } catch (error) {
      this.#endIfIll(error, connection);
      if (!this.#isLost(error, connection) || !isRepeated) {
        throw error;
      }
    }
    const next = await this.#whenReady();
    try {
      return await act(next);
    } catch (error) {
      this.#endIfIll(error, next);
      throw error;
    }
  }

  /** A module that has lost its device goes on answering so until it is loaded anew. */
  #endIfIll(error: unknown, connection: SignerConnection): void {
    if (error instanceof SigningError && needsNewProcess.has(error.code) && !connection.hasEnded) {
      this.#surroundings.log.error('the token has failed; the signer process is started again', {
        error: formatError(error),
      });
      connection.kill(error.code);
    }
  }

  /** Ends the process and starts another one. */
  restart(): void {
    this.#connection?.kill('restarted');
  }

  async close(): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#endDelay?.();
    const connection = this.#connection;
    if (connection !== undefined) {
      connection.disconnect(closed());
      const timer = this.#surroundings.clock.schedule(CLOSE_MS, () => {
        connection.kill('did not end when asked');
      });
      await connection.ended;
      timer.cancel();
    }
  }

  #timeoutOf(method: SignerMethod): number {
    return method === 'generate' || method === 'makeSubjectKey'
      ? this.#timeouts.generateMs
      : this.#timeouts.callMs;
  }

  #isLost(error: unknown, connection: SignerConnection): boolean {
    const isAway =
      error instanceof SigningError &&
      (error.code === 'SIGNING_UNAVAILABLE' || needsNewProcess.has(error.code));
    return isAway && connection.hasEnded && !this.#isClosed;
  }

  /** The process that can be asked now. */
  #usable(): SignerConnection | undefined {
    const isUsable = !this.#isClosed && this.#prepared === this.#connection;
    return isUsable && this.#prepared?.hasEnded === false ? this.#prepared : undefined;
  }

  /** The running process, or the next one when that is ready soon enough. */
  #whenReady(): Promise<SignerConnection> {
    if (this.#isClosed) {
      return Promise.reject(closed());
    }
    if (this.#refusal !== undefined) {
      return Promise.reject(this.#refusal);
    }
    return new Promise((resolve, reject) => {
      const { callMs } = this.#timeouts;
      const timer = this.#surroundings.clock.schedule(callMs, () => {
        reject(unavailable(`it did not come back within ${callMs} ms`));
      });
      this.#nextUsable()
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }

  /** Follows restarts until a process is usable or refuses to be. */
  async #nextUsable(): Promise<SignerConnection> {
    for (;;) {
      try {
        const connection = await this.#ready;
        if (!connection.hasEnded) {
          return connection;
        }
      } catch (error) {
        if (this.#isClosed || this.#refusal !== undefined || this.#connection === undefined) {
          throw error;
        }
      }
      // When its end has been noticed, `#ready` is the next start.
      await this.#connection?.ended;
    }
  }

  /** Lets a person's next step count at once, instead of after the delay. */
  #tryNow(): void {
    if (this.#connection?.hasEnded === true) {
      this.#refusal = undefined;
      // The delay may not have begun: the end of a process that was killed takes a moment.
      this.#failures = 0;
      this.#endDelay?.();
    }
  }

  async #startAfter(delayMs: number): Promise<SignerConnection> {
    const { clock, openChannel, log } = this.#surroundings;
    await this.#delay(delayMs);
    if (this.#isClosed) {
      throw closed();
    }
    const connection = new SignerConnection(openChannel, clock);
    this.#connection = connection;
    const startedMs = clock.monotonicMs();
    void connection.ended.then((reason) => this.#noticeEnd(reason, startedMs));
    try {
      await this.#prepare(connection);
    } catch (error) {
      if (!connection.hasEnded) {
        this.#refusal = error instanceof SigningError ? error : unavailable(formatError(error));
        log.error('the signer process cannot be used', { error: formatError(error) });
        connection.kill('it cannot be used');
      }
      throw error;
    }
    this.#refusal = undefined;
    this.#prepared = connection;
    return connection;
  }

  async #prepare(connection: SignerConnection): Promise<void> {
    const { token, passphrase } = this.#surroundings;
    // A token that was there and is gone must be missed, not made anew.
    const create = token.create === true && !this.#wasOpened;
    const argument = { token: { ...token, create }, passphrase };
    await connection.call('open', argument, this.#timeouts.callMs);
    this.#wasOpened = true;
    if (this.#shouldBeActive) {
      await this.#reactivate(connection);
    }
  }

  async #reactivate(connection: SignerConnection): Promise<void> {
    try {
      await connection.call('activate', undefined, this.#timeouts.callMs);
    } catch (error) {
      if (!(error instanceof SigningError) || !isForPerson.has(error.code)) {
        throw error;
      }
      this.#shouldBeActive = false;
      this.#surroundings.log.error('the token stays locked until it is activated by a person', {
        error: formatError(error),
      });
    }
  }

  #noticeEnd(reason: string, startedMs: number): void {
    // Before the first one was ready nothing is kept running: `start` fails instead.
    if (this.#isClosed || !this.#wasOpened) {
      return;
    }
    const { clock, log } = this.#surroundings;
    if (clock.monotonicMs() - startedMs >= STABLE_MS) {
      this.#failures = 0;
    }
    const doubled = FIRST_DELAY_MS * 2 ** (this.#failures - 1);
    const delayMs = this.#failures === 0 ? 0 : Math.min(doubled, LONGEST_DELAY_MS);
    this.#failures += 1;
    log.warn('the signer process ended; it is started again', { reason, delayMs });
    this.#ready = this.#startAfter(delayMs);
    // Whoever waits for it gets the error; with nobody waiting, the next end starts another.
    this.#ready.catch(() => undefined);
  }

  async #delay(delayMs: number): Promise<void> {
    if (delayMs === 0) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = this.#surroundings.clock.schedule(delayMs, resolve);
      this.#endDelay = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

function closed(): SigningError {
  return new SigningError('SIGNING_CLOSED', 'the signer is closed');
}
