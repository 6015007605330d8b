/**
 * Several messages as one. A message between processes costs tens of microseconds, whatever is in it: much against
 * the 300 that an RSA signature takes. So what is sent within one turn of the event loop travels together, and while
 * the other side has plenty to do anyway, a few are waited for.
 *
 * @module
 */

import type { Clock, TimerHandle } from '../../core/clock.ts';

/** As many are worth waiting for. */
const FULL = 8;
/** Nobody waits longer than this for others. */
const LONGEST_WAIT_MS = 2;

export class MessageBatch<Message> {
  readonly #send: (messages: readonly Message[]) => void;
  readonly #clock: Clock;
  #waiting: Message[] = [];
  #isFlushing = false;
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, send: (messages: readonly Message[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** @param mayWait The other side has enough to do, and will go on having it for a moment. */
  push(message: Message, mayWait: boolean): void {
    this.#waiting.push(message);
    if (!mayWait || this.#waiting.length >= FULL) {
      this.hurry();
    } else {
      this.#timer ??= this.#clock.schedule(LONGEST_WAIT_MS, () => this.#flush());
    }
  }

  /** Sends at the end of this turn what is waiting. */
  hurry(): void {
    if (!this.#isFlushing && this.#waiting.length > 0) {
      this.#isFlushing = true;
      setImmediate(() => this.#flush());
    }
  }

  #flush(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    this.#isFlushing = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (messages.length > 0) {
      this.#send(messages);
    }
  }
}

/** True when a process with this much unfinished work will not run dry while a few messages are waited for. */
export function isBusyWith(unfinished: number, threads: number): boolean {
  return unfinished >= 2 * threads + FULL;
}
