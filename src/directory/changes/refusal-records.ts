/**
 * Audit records of what was refused, so that whoever is refused cannot fill the log: the first of a kind is
 * recorded at once, those that follow are counted, and once a minute the count is a record of its own.
 *
 * Of one kind are refusals of the same act for the same reason to the same actor at the same address.
 * How many kinds are told apart is bounded; all others share one count for each act.
 *
 * A crash loses the counts of the minute that had begun, never a record.
 *
 * @module
 */

import type { AuditEvent } from '../../audit/audit-log.ts';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

export interface RefusalRecordsOptions {
  /** Makes the records durable, in one transaction. */
  readonly write: (events: readonly AuditEvent[]) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** From one count of the same kind to the next. Default 1 minute. */
  readonly windowMs?: number;
  /** Kinds that are told apart within a window. Default 100. */
  readonly maxKinds?: number;
}

/** Refusals of one kind since the last record of it. */
interface Tally {
  readonly isShared: boolean;
  count: number;
  /** When the first and the last of them were, by the wall clock. */
  firstMs: number;
  lastMs: number;
  latest: AuditEvent;
  hasOneSubject: boolean;
}

/** The actor of a count that several kinds share. */
const VARIOUS = 'various';

export class RefusalRecords {
  readonly #options: RefusalRecordsOptions;
  readonly #windowMs: number;
  readonly #maxKinds: number;
  readonly #tallies = new Map<string, Tally>();
  /** Records on their way to the store. */
  readonly #writing = new Set<Promise<void>>();
  #sharedTallies = 0;
  #timer: TimerHandle | undefined;

  constructor(options: RefusalRecordsOptions) {
    this.#options = options;
    this.#windowMs = options.windowMs ?? 60_000;
    this.#maxKinds = options.maxKinds ?? 100;
  }

  /**
   * Records or counts a refusal; the answer to the client does not wait for it.
   *
   * @param event `details.code` or `details.reason` says why.
   */
  add(event: AuditEvent): void {
    const own = kindOf(event);
    const known = this.#tallies.get(own);
    if (known !== undefined) {
      this.#count(known, event);
    } else if (this.#tallies.size - this.#sharedTallies < this.#maxKinds) {
      this.#begin(own, event, false);
    } else {
      const shared = sharedKindOf(event);
      const tally = this.#tallies.get(shared);
      if (tally === undefined) {
        this.#begin(shared, event, true);
      } else {
        this.#count(tally, event);
      }
    }
  }

  /** Records what was counted so far and forgets it; resolves when every refusal so far is recorded. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#writeCounts();
    this.#tallies.clear();
    this.#sharedTallies = 0;
    await Promise.all(this.#writing);
  }

  #begin(kind: string, event: AuditEvent, isShared: boolean): void {
    const tally = { isShared, count: 0, firstMs: 0, lastMs: 0, latest: event, hasOneSubject: true };
    this.#tallies.set(kind, tally);
    this.#sharedTallies += isShared ? 1 : 0;
    this.#arm();
    this.#write([event], 1);
  }

  #count(tally: Tally, event: AuditEvent): void {
    const nowMs = this.#options.clock.nowMs();
    const isFirst = tally.count === 0;
    tally.firstMs = isFirst ? nowMs : tally.firstMs;
    tally.hasOneSubject =
      isFirst || (tally.hasOneSubject && tally.latest.subject === event.subject);
    tally.lastMs = nowMs;
    tally.latest = event;
    tally.count += 1;
  }

  #arm(): void {
    this.#timer ??= this.#options.clock.schedule(this.#windowMs, () => {
      this.#timer = undefined;
      this.#forgetIdle();
      this.#writeCounts();
      if (this.#tallies.size > 0) {
        this.#arm();
      }
    });
  }

  /** What was not refused again for a whole window is new when it comes back. */
  #forgetIdle(): void {
    for (const [kind, tally] of this.#tallies) {
      if (tally.count === 0) {
        this.#tallies.delete(kind);
        this.#sharedTallies -= tally.isShared ? 1 : 0;
      }
    }
  }

  #writeCounts(): void {
    const events: AuditEvent[] = [];
    let count = 0;
    for (const tally of this.#tallies.values()) {
      if (tally.count > 0) {
        events.push(eventOf(tally));
        count += tally.count;
        tally.count = 0;
      }
    }
    if (events.length > 0) {
      this.#write(events, count);
    }
  }

  #write(events: readonly AuditEvent[], count: number): void {
    const writing = this.#options
      .write(events)
      .catch((error: unknown) => {
        this.#options.log.error('refusals could not be recorded', {
          kind: events[0]?.kind,
          actor: events[0]?.origin.actor,
          count,
          error: formatError(error),
        });
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }
}

function kindOf({ kind, origin, details }: AuditEvent): string {
  const { channel, actor, address } = origin;
  return JSON.stringify([kind, channel, actor, address, details?.['code'], details?.['reason']]);
}

function sharedKindOf({ kind, origin }: AuditEvent): string {
  return JSON.stringify([kind, origin.channel]);
}

/** A record of what was counted: as the last one, how many, and when. */
function eventOf({ latest, isShared, count, firstMs, lastMs, hasOneSubject }: Tally): AuditEvent {
  return {
    ...latest,
    origin: isShared ? { channel: latest.origin.channel, actor: VARIOUS } : latest.origin,
    details: {
      ...(isShared ? {} : latest.details),
      count,
      first: new Date(firstMs).toISOString(),
      last: new Date(lastMs).toISOString(),
      sameSubject: hasOneSubject,
    },
  };
}
