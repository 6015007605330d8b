/**
 * Passwords that were verified a short while ago, so that a client that binds anew for every request does
 * not cost a scrypt each time.
 *
 * A password is remembered as a keyed hash over it, the stored hash it was right for and the entry's
 * change number: any change of the entry forgets it, and what is remembered is worth nothing without
 * the key, which is made in this process and leaves it never. Wrong passwords are not remembered; each
 * costs a whole hash.
 *
 * @module
 */

import { createHmac } from 'node:crypto';

import { concatBytes, encodeUtf8 } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { RandomSource } from '../../core/random.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { Entry } from '../entries/entry.ts';

const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 10_000;
const KEY_BYTES = 32;

export interface VerifiedPasswordsOptions {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly types: DirectoryTypes;
}

export class VerifiedPasswords {
  readonly #options: VerifiedPasswordsOptions;
  /** Until when, by hash; in the order in which they were verified. */
  readonly #untilMs = new Map<string, number>();
  /** By the same hash. */
  readonly #verifying = new Map<string, Promise<boolean>>();
  #key: Uint8Array | undefined;

  constructor(options: VerifiedPasswordsOptions) {
    this.#options = options;
  }

  /** How many passwords are remembered now. */
  get remembered(): number {
    return this.#untilMs.size;
  }

  /**
   * Whether the password is right for the entry: remembered, or found out by `verify`, once for all who ask
   * at the same time.
   */
  async check(
    entry: Entry,
    password: Uint8Array,
    verify: () => Promise<boolean>,
  ): Promise<boolean> {
    if (this.has(entry, password)) {
      return true;
    }
    const hash = this.#hashOf(entry, password);
    let verifying = this.#verifying.get(hash);
    if (verifying === undefined) {
      verifying = verify().finally(() => this.#verifying.delete(hash));
      this.#verifying.set(hash, verifying);
    }
    const isRight = await verifying;
    if (isRight) {
      this.add(entry, password);
    }
    return isRight;
  }

  /** True when this password was verified for the entry as it is, and not long ago. */
  has(entry: Entry, password: Uint8Array): boolean {
    const hash = this.#hashOf(entry, password);
    const untilMs = this.#untilMs.get(hash);
    if (untilMs === undefined || this.#options.clock.monotonicMs() < untilMs) {
      return untilMs !== undefined;
    }
    this.#untilMs.delete(hash);
    return false;
  }

  /** To be told that the password is right for the entry. */
  add(entry: Entry, password: Uint8Array): void {
    const hash = this.#hashOf(entry, password);
    this.#untilMs.delete(hash);
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size < MAX_REMEMBERED) {
        break;
      }
      this.#untilMs.delete(oldest);
    }
    this.#untilMs.set(hash, this.#options.clock.monotonicMs() + REMEMBERED_MS);
  }

  #hashOf(entry: Entry, password: Uint8Array): string {
    const { types, random } = this.#options;
    this.#key ??= random.bytes(KEY_BYTES);
    const parts: Uint8Array[] = [];
    for (const type of [types.entryUuid, types.entryCsn, types.userPassword]) {
      for (const value of entry.values(type)) {
        parts.push(encodeUtf8(`${value.length} `), value);
      }
    }
    // Each call of the library costs as much as hashing a few hundred bytes.
    const bytes = concatBytes(...parts, password);
    return createHmac('sha256', this.#key).update(bytes).digest('base64');
  }
}
