/**
 * Lines of the log that a peer can cause as often as it likes: of each kind one for an address and
 * interval, the next with the count of those that were left out, so that nobody can fill the disk.
 *
 * What is remembered is bounded; when many addresses take part, the late ones share a line.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { Log, LogFields } from '../core/log.ts';

const INTERVAL_MS = 60_000;
const MAX_REMEMBERED = 1024;
const OTHERS = 'others';

interface Remembered {
  readonly sinceMs: number;
  leftOut: number;
}

export class PeerLog {
  readonly #log: Log;
  readonly #clock: Clock;
  /** By kind and address, oldest first. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  info(address: string, message: string, fields: LogFields = {}): void {
    this.#say('info', address, { message, fields });
  }

  warn(address: string, message: string, fields: LogFields = {}): void {
    this.#say('warn', address, { message, fields });
  }

  error(address: string, message: string, fields: LogFields = {}): void {
    this.#say('error', address, { message, fields });
  }

  #say(
    level: 'info' | 'warn' | 'error',
    peer: string,
    { message, fields }: { readonly message: string; readonly fields: LogFields },
  ): void {
    const nowMs = this.#clock.monotonicMs();
    const address = this.#hasPlaceFor(`${message} ${peer}`, nowMs) ? peer : OTHERS;
    const name = `${message} ${address}`;
    const known = this.#remembered.get(name);
    if (known !== undefined && nowMs - known.sinceMs < INTERVAL_MS) {
      known.leftOut += 1;
      return;
    }
    this.#remembered.delete(name);
    this.#remembered.set(name, { sinceMs: nowMs, leftOut: 0 });
    const leftOut = known?.leftOut ?? 0;
    this.#log[level](message, { address, ...fields, ...(leftOut === 0 ? {} : { leftOut }) });
  }

  /** Forgets what is over, as long as that makes room. */
  #hasPlaceFor(name: string, nowMs: number): boolean {
    for (const [oldest, { sinceMs, leftOut }] of this.#remembered) {
      if (nowMs - sinceMs < INTERVAL_MS || oldest === name) {
        break;
      }
      this.#remembered.delete(oldest);
      if (leftOut > 0) {
        this.#log.info('as before, and left out of the log', { what: oldest, leftOut });
      }
    }
    return this.#remembered.has(name) || this.#remembered.size < MAX_REMEMBERED;
  }
}
