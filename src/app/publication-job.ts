/**
 * The publication of lists, as one job of the scheduler: what is due, and what somebody has asked for.
 * Whoever asks while it runs shares the next run, so that no list is made twice for two who want it.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import type { Publication } from '../ca/lists/crl-publication.ts';
import { runInLanes } from '../ca/lists/publication-run.ts';
import { formatError } from '../core/errors.ts';
import type { PublishLists } from '../http/local-operations.ts';
import { SchedulerError } from '../scheduler/errors.ts';
import type { Job } from '../scheduler/job.ts';
import type { CaInstance } from './ca-instance.ts';

const JOB_NAME = 'publish lists';
const HOUR_MS = 3_600_000;

type JobSurroundings = Pick<CaInstance, 'clock' | 'policy' | 'log'> & {
  readonly authority: Pick<CaInstance['authority'], 'dueScopes' | 'nextDueMs' | 'publish'>;
};

/** Lists that somebody waits for. */
interface Order {
  readonly scopeIds: readonly string[];
  readonly origin: AuditOrigin;
  readonly onPublished: (done: number) => void;
  /** Those that are out, by scope. */
  readonly publications: Map<string, Publication>;
  /** Of the first that is not. */
  failure: unknown;
}

/** A list to be made, and who wanted it. */
interface Due {
  readonly scopeId: string;
  readonly origin: AuditOrigin;
}

/** The origin of what nobody asked for. */
export const scheduleOrigin: AuditOrigin = { channel: 'scheduler', actor: 'schedule' };

export class ListPublication {
  readonly #surroundings: JobSurroundings;
  #orders: Order[] = [];

  constructor(surroundings: JobSurroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * A job that publishes whatever is ordered, then whatever is due, the longest overdue first. A list
   * that cannot be published does not hold up the others; the run fails at its end, so that the
   * scheduler tries again.
   */
  get job(): Job {
    const { authority, policy } = this.#surroundings;
    const { periodHours, warningAgeHours, alarmAgeHours } = policy.crl;
    return {
      name: JOB_NAME,
      nextDueMs: async () => authority.nextDueMs(),
      run: (signal, asOfMs) => this.#run(signal, asOfMs),
      lateAlarmsMs: [warningAgeHours, alarmAgeHours].map((age) => (age - periodHours) * HOUR_MS),
    };
  }

  /**
   * Publishing for those who ask.
   *
   * @param trigger Runs the job, as `Scheduler.trigger` does.
   */
  through(trigger: (jobName: string) => Promise<void>): PublishLists {
    return async ({ scopeIds, origin }, onPublished) => {
      const order = { scopeIds, origin, onPublished, publications: new Map(), failure: undefined };
      this.#orders.push(order);
      let fault: unknown;
      try {
        await trigger(JOB_NAME);
      } catch (error) {
        fault = error;
      }
      // The run may have failed for the sake of another list.
      return publicationsOf(order, fault);
    };
  }

  async #run(signal: AbortSignal, asOfMs = Number.NEGATIVE_INFINITY): Promise<void> {
    const orders = this.#orders;
    this.#orders = [];
    const failures: unknown[] = [];
    const tried = new Set<string>();
    const next = (): Due | undefined => {
      const found = signal.aborted ? undefined : this.#next(orders, { tried, asOfMs });
      if (found !== undefined) {
        tried.add(found.scopeId);
      }
      return found;
    };
    await runInLanes(next, ({ scopeId, origin }) =>
      this.#publish({ scopeId, origin }, orders, failures),
    );
    if (failures.length > 0) {
      throw new AggregateError(failures, `${failures.length} lists were not published`);
    }
  }

  async #publish(
    { scopeId, origin }: Due,
    orders: readonly Order[],
    failures: unknown[],
  ): Promise<void> {
    const concerned = orders.filter(({ scopeIds }) => scopeIds.includes(scopeId));
    try {
      const publication = await this.#surroundings.authority.publish(scopeId, origin);
      for (const { publications, onPublished } of concerned) {
        publications.set(scopeId, publication);
        onPublished(publications.size);
      }
    } catch (error) {
      const { log } = this.#surroundings;
      log.error('a list was not published', { scope: scopeId, error: formatError(error) });
      failures.push(error);
      for (const order of concerned) {
        order.failure ??= error;
      }
    }
  }

  /** Asked before each list: others become due while lists are made. */
  #next(
    orders: readonly Order[],
    { tried, asOfMs }: { readonly tried: ReadonlySet<string>; readonly asOfMs: number },
  ): Due | undefined {
    for (const { scopeIds, origin } of orders) {
      const scopeId = scopeIds.find((one) => !tried.has(one));
      if (scopeId !== undefined) {
        return { scopeId, origin };
      }
    }
    const { authority, clock } = this.#surroundings;
    const dueByMs = Math.max(clock.nowMs(), asOfMs);
    const scopeId = authority.dueScopes(dueByMs).find((one) => !tried.has(one));
    return scopeId === undefined ? undefined : { scopeId, origin: scheduleOrigin };
  }
}

/** @throws what kept one of the lists from being published, or the run from beginning. */
function publicationsOf(
  { scopeIds, publications, failure }: Order,
  fault: unknown,
): readonly Publication[] {
  const found = scopeIds.flatMap((scopeId) => publications.get(scopeId) ?? []);
  if (found.length < scopeIds.length) {
    throw failure ?? fault ?? stopped();
  }
  return found;
}

function stopped(): SchedulerError {
  const text = 'the server stopped before every list was published; the others are as they were';
  return new SchedulerError('SCHEDULER_CLOSED', text);
}

/**
 * A job that publishes the delta lists that are due, the longest overdue first; the ones behind full lists come with
 * those. One that fails does not hold up the others.
 */
export function deltaJob({
  authority: { deltas },
  clock,
  policy,
  log,
}: Pick<CaInstance, 'clock' | 'policy' | 'log'> & {
  readonly authority: {
    readonly deltas: Pick<CaInstance['authority']['deltas'], 'dueScopes' | 'nextDueMs' | 'publish'>;
  };
}): Job {
  const { periodHours = 0, validityHours = 0 } = policy.crl.delta ?? {};
  return {
    name: 'publish delta lists',
    nextDueMs: async () => {
      const dueMs = deltas.nextDueMs();
      return dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs;
    },
    run: async (signal, asOfMs = clock.nowMs()) => {
      const failures: unknown[] = [];
      const due = deltas.dueScopes(asOfMs).values();
      await runInLanes(
        () => (signal.aborted ? undefined : due.next().value),
        async (scopeId) => {
          try {
            await deltas.publish(scopeId, scheduleOrigin);
          } catch (error) {
            log.error('a delta list was not published', {
              scope: scopeId,
              error: formatError(error),
            });
            failures.push(error);
          }
        },
      );
      if (failures.length > 0) {
        throw new AggregateError(failures, `${failures.length} delta lists were not published`);
      }
    },
    // Late enough that the one on show would lapse.
    lateAlarmsMs: [(validityHours - periodHours) * HOUR_MS],
  };
}

/** Publishing at once, where no scheduler runs: a few at a time, to the first that fails. */
export function publishDirectly({
  authority,
}: {
  readonly authority: Pick<CaInstance['authority'], 'publish'>;
}): PublishLists {
  return async ({ scopeIds, origin }, onPublished) => {
    const publications = new Map<string, Publication>();
    const open = scopeIds.values();
    await runInLanes(
      () => open.next().value,
      async (scopeId) => {
        publications.set(scopeId, await authority.publish(scopeId, origin));
        onPublished(publications.size);
      },
    );
    return scopeIds.flatMap((scopeId) => publications.get(scopeId) ?? []);
  };
}
