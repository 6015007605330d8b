/**
 * Sessions with one token: several side by side for signing, one login for all of them (PKCS#11 v2.40 §2.6.8), made
 * anew when the token has lost them.
 *
 * Not here: a token that is gone or ill, for which only a new process helps (`signer-calls.ts`).
 *
 * @module
 */

import { SigningError } from '../errors.ts';
import { CKF, CKU_USER, type Pkcs11Binding, type Pkcs11Handle } from './pkcs11-binding.ts';
import {
  CKR_USER_ALREADY_LOGGED_IN,
  callModule,
  Pkcs11Failure,
  returnValueOf,
} from './pkcs11-failure.ts';

export interface SessionsOptions {
  readonly binding: Pkcs11Binding;
  readonly slot: Pkcs11Handle;
  /** How many; the token may give fewer. */
  readonly count: number;
}

/** Logged in until `close`. */
export class Pkcs11Sessions {
  readonly #options: SessionsOptions;
  readonly #pin: Buffer;
  #free: Pkcs11Handle[] = [];
  #count = 0;
  /** Counts how often the sessions were made anew. */
  #epoch = 0;
  #isClosed = false;
  #inUse = 0;
  readonly #waiting: (() => void)[] = [];

  private constructor(options: SessionsOptions, pin: Buffer) {
    this.#options = options;
    this.#pin = pin;
  }

  /**
   * Opens the sessions and logs in, once.
   *
   * @param pin Overwritten by `close`, or when this fails.
   * @throws {SigningError} `SIGNING_PIN_WRONG`, `SIGNING_PIN_LOCKED`, and what `Pkcs11Failure` has.
   */
  static open(options: SessionsOptions, pin: Buffer): Pkcs11Sessions {
    const sessions = new Pkcs11Sessions(options, pin);
    try {
      sessions.#open();
      return sessions;
    } catch (error) {
      sessions.close();
      throw error;
    }
  }

  /** Handles of objects are worth nothing once this has changed. */
  get epoch(): number {
    return this.#epoch;
  }

  /** How many the token gave. */
  get count(): number {
    return this.#count;
  }

  /**
   * Lends a session. When it turns out to be lost, all are made anew and `use` is called once more.
   *
   * @throws {SigningError}
   */
  async run<T>(use: (session: Pkcs11Handle) => T | Promise<T>): Promise<T> {
    const { result, epoch } = await this.#lend(use);
    if (result.isOk) {
      return result.value;
    }
    const { error } = result;
    if (!(error instanceof Pkcs11Failure) || error.recovery !== 'sessions') {
      throw error;
    }
    // Another caller may have noticed first.
    if (epoch === this.#epoch) {
      this.#reopen();
    }
    const again = await this.#lend(use);
    if (again.result.isOk) {
      return again.result.value;
    }
    throw again.result.error;
  }

  /** Ends the sessions, which logs out, and forgets the PIN. Never throws: the token may be gone. */
  close(): void {
    this.#isClosed = true;
    this.#pin.fill(0);
    this.#drop();
    for (const wake of this.#waiting.splice(0)) {
      wake();
    }
  }

  #open(): void {
    const { binding, slot, count } = this.#options;
    const openOne = (): Pkcs11Handle =>
      callModule('C_OpenSession', () =>
        binding.C_OpenSession(slot, CKF.serialSession | CKF.rwSession),
      );
    const first = openOne();
    this.#login(first);
    this.#free = [first];
    while (this.#free.length < count) {
      try {
        this.#free.push(openOne());
      } catch (error) {
        // A token with fewer sessions than were asked for is slower, nothing else.
        if (error instanceof Pkcs11Failure && error.code === 'SIGNING_TOKEN_BUSY') {
          break;
        }
        throw error;
      }
    }
    this.#count = this.#free.length;
    this.#inUse = 0;
  }

  #login(session: Pkcs11Handle): void {
    const { binding } = this.#options;
    try {
      binding.C_Login(session, CKU_USER, this.#pin.toString('utf8'));
    } catch (cause) {
      if (returnValueOf(cause).value !== CKR_USER_ALREADY_LOGGED_IN) {
        throw new Pkcs11Failure('C_Login', cause);
      }
    }
  }

  #reopen(): void {
    this.#drop();
    this.#epoch += 1;
    this.#open();
    for (const wake of this.#waiting.splice(0)) {
      wake();
    }
  }

  #drop(): void {
    const { binding, slot } = this.#options;
    this.#free = [];
    try {
      binding.C_CloseAllSessions(slot);
    } catch {
      // They are lost already, or the token is.
    }
  }

  async #lend<T>(use: (session: Pkcs11Handle) => T | Promise<T>): Promise<{
    readonly result:
      | { readonly isOk: true; readonly value: T }
      | { readonly isOk: false; readonly error: unknown };
    readonly epoch: number;
  }> {
    // Together: between one turn and the next all sessions may have been made anew.
    const { session, epoch } = await this.#take();
    try {
      return { result: { isOk: true, value: await use(session) }, epoch };
    } catch (error) {
      return { result: { isOk: false, error }, epoch };
    } finally {
      // A session of before belongs to nobody any more.
      if (epoch === this.#epoch && !this.#isClosed) {
        this.#inUse -= 1;
        this.#free.push(session);
        this.#waiting.shift()?.();
      }
    }
  }

  async #take(): Promise<{ readonly session: Pkcs11Handle; readonly epoch: number }> {
    for (;;) {
      if (this.#isClosed) {
        throw new SigningError('SIGNING_NOT_ACTIVE', 'the token is locked; activate it first');
      }
      const session = this.#free.pop();
      if (session !== undefined) {
        this.#inUse += 1;
        return { session, epoch: this.#epoch };
      }
      if (this.#inUse === 0) {
        // The last attempt to make them anew failed half way.
        this.#reopen();
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}
