/**
 * Hashing and checking of passwords: a few at a time, off the event loop, the rest in a bounded
 * queue. What cannot be checked costs as much as what can, so that neither the answer nor its time
 * tells whether a name exists.
 *
 * @module
 */

import { timingSafeEqual } from 'node:crypto';

import { encodeUtf8 } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import { DirectoryError } from '../errors.ts';
import {
  defaultScryptCost,
  deriveHash,
  formatPasswordHash,
  hashBytes,
  type PasswordHash,
  parsePasswordHash,
  type ScryptCost,
  saltBytes,
} from './password-hash.ts';

export interface PasswordHasherOptions {
  readonly random: RandomSource;
  /** Cost of new hashes and of checks without a hash. Default {@link defaultScryptCost}. */
  readonly cost?: ScryptCost;
  /** Hashes computed at the same time. Default 2: the thread pool also serves the store. */
  readonly maxConcurrent?: number;
  /** Hashes that may wait. Default 256. */
  readonly maxWaiting?: number;
}

export class PasswordHasher {
  readonly #random: RandomSource;
  readonly #cost: ScryptCost;
  readonly #maxConcurrent: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: PasswordHasherOptions) {
    this.#random = options.random;
    this.#cost = options.cost ?? defaultScryptCost;
    this.#maxConcurrent = options.maxConcurrent ?? 2;
    this.#maxWaiting = options.maxWaiting ?? 256;
  }

  /** Hashes that are computed now. */
  get running(): number {
    return this.#running;
  }

  /** Hashes that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * @returns the value to store.
   * @throws {DirectoryError} `DIRECTORY_BUSY` when too many hashes wait.
   */
  async hash(password: Uint8Array): Promise<Uint8Array> {
    const salt = this.#random.bytes(saltBytes);
    const hash = await this.#derive(password, { cost: this.#cost, salt, hash: salt });
    return encodeUtf8(formatPasswordHash({ cost: this.#cost, salt, hash }));
  }

  /**
   * @param stored The stored value; undefined when there is none. The work is the same.
   * @throws {DirectoryError} `DIRECTORY_BUSY` when too many hashes wait.
   */
  async verify(password: Uint8Array, stored: Uint8Array | undefined): Promise<boolean> {
    const parsed =
      stored === undefined ? undefined : parsePasswordHash(Buffer.from(stored).toString('latin1'));
    const expected = parsed ?? {
      cost: this.#cost,
      salt: new Uint8Array(saltBytes),
      hash: new Uint8Array(hashBytes),
    };
    const derived = await this.#derive(password, expected);
    return timingSafeEqual(derived, expected.hash) && parsed !== undefined;
  }

  async #derive(password: Uint8Array, from: PasswordHash): Promise<Uint8Array> {
    await this.#enter();
    try {
      return await deriveHash(password, from.salt, from.cost);
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> {
    if (this.#running < this.#maxConcurrent) {
      this.#running += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(
        new DirectoryError('DIRECTORY_BUSY', 'too many passwords wait to be checked; try again'),
      );
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Hands the place to the next in line, or gives it back. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#running -= 1;
    } else {
      next();
    }
  }
}
