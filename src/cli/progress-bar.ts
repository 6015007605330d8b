/**
 * Progress of long work on a terminal: how much is done, of how much, and about how long the rest takes. The estimate is
 * made here from what is told, so it is the same for work of this process and of a server.
 *
 * @module
 */

import { SingleBar } from 'cli-progress';

import type { OnProgress, Progress } from '../http/operations.ts';

const SECOND_MS = 1_000;
const MINUTE_S = 60;
const HOUR_S = 3_600;
const BAR_WIDTH = 40;

/** The time left by the pace since the first that was told of the same work. */
export class TimeLeft {
  #first: { readonly progress: Progress; readonly atMs: number } | undefined;
  #last: { readonly progress: Progress; readonly atMs: number } | undefined;

  /** Takes in progress; another `what` is another work. */
  note(progress: Progress, nowMs: number): void {
    if (this.#first?.progress.what !== progress.what) {
      this.#first = { progress, atMs: nowMs };
    }
    if (this.#last?.progress.what !== progress.what || this.#last.progress.done < progress.done) {
      this.#last = { progress, atMs: nowMs };
    }
  }

  /** @returns undefined while it cannot be known: no total, or nothing done yet. */
  leftMs(nowMs: number): number | undefined {
    const [first, last] = [this.#first, this.#last];
    if (first === undefined || last === undefined) {
      return undefined;
    }
    const { done, total } = last.progress;
    const steps = done - first.progress.done;
    if (total < done || steps <= 0) {
      return undefined;
    }
    const expectedMs = ((last.atMs - first.atMs) / steps) * (total - done);
    const waitedMs = nowMs - last.atMs;
    // A step that takes longer than those before it takes as long again as it has taken, for all that is known.
    return total === done ? 0 : Math.max(expectedMs - waitedMs, waitedMs);
  }
}

/** `40 s left`, `3 min 20 s left`, `2 h 5 min left`. */
export function formatTimeLeft(leftMs: number): string {
  const seconds = Math.ceil(leftMs / SECOND_MS);
  if (seconds < MINUTE_S) {
    return `${seconds} s left`;
  }
  return seconds < HOUR_S
    ? `${Math.floor(seconds / MINUTE_S)} min ${seconds % MINUTE_S} s left`
    : `${Math.floor(seconds / HOUR_S)} h ${Math.floor((seconds % HOUR_S) / MINUTE_S)} min left`;
}

/** The line as it stands on the terminal. */
export function formatProgress(
  { done, total, what }: Progress,
  leftMs: number | undefined,
): string {
  if (total === 0) {
    return `${what} ${done}`;
  }
  const drawn = Math.round(BAR_WIDTH * Math.min(done / total, 1));
  const bar = '='.repeat(drawn).padEnd(BAR_WIDTH, '-');
  const left = leftMs === undefined ? '' : `, ${formatTimeLeft(leftMs)}`;
  return `${what} [${bar}] ${done}/${total}${left}`;
}

/** Shows progress on standard error, a terminal, until it is stopped. */
export function openProgressBar(): { readonly onProgress: OnProgress; stop(): void } {
  const timeLeft = new TimeLeft();
  let now: Progress | undefined;
  const format = (): string =>
    now === undefined ? '' : formatProgress(now, timeLeft.leftMs(Date.now()));
  const bar = new SingleBar({
    format,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  return {
    onProgress: (progress) => {
      const { done, total } = progress;
      timeLeft.note(progress, Date.now());
      const isFirst = now === undefined;
      now = progress;
      if (isFirst) {
        bar.start(Math.max(total, done), done);
      }
      bar.setTotal(Math.max(total, done));
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
