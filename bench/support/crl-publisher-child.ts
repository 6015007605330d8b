/**
 * Opens a CA in a process of its own, so that its peak memory is that of publishing, and publishes one list
 * twice: first with all its entries new, then with one more.
 *
 * @module
 */

import { benchOrigin, makeRequests, withInstance } from './bench-instance.ts';
import { memoryMiB, peakMemoryMiB } from './process-figures.ts';
import { timeOf } from './timing.ts';
import { answerQuestions } from './workshop.ts';

export interface PublishOrder {
  readonly folder: string;
  readonly scopeId: string;
  /** Rounds of one revocation and one publication after the first publication. */
  readonly rounds: number;
}

export interface PublishFigures {
  readonly firstMs: number;
  readonly nextMs: readonly number[];
  readonly byteLength: number;
  readonly entryCount: number;
  /** Before publishing, and at most. */
  readonly idleMiB: number | undefined;
  readonly peakMiB: number | undefined;
}

/** Lists have whole seconds and must differ in them; waiting for the next one is not publishing. */
const BETWEEN_LISTS_MS = 1_050;

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });

function publish({ folder, scopeId, rounds }: PublishOrder): Promise<PublishFigures> {
  return withInstance(folder, async ({ authority }) => {
    const idleMiB = memoryMiB('self');
    const firstMs = await timeOf(() => authority.publish(scopeId, benchOrigin));
    const nextMs: number[] = [];
    let last = { byteLength: 0, entryCount: 0 };
    for (const request of makeRequests(rounds, scopeId)) {
      const { serialNumber } = await authority.issue(request);
      await authority.revoke({ serialNumber, reason: 'superseded', origin: benchOrigin });
      await sleep(BETWEEN_LISTS_MS);
      nextMs.push(
        await timeOf(async () => {
          last = await authority.publish(scopeId, benchOrigin);
        }),
      );
    }
    const { byteLength, entryCount } = last;
    return { firstMs, nextMs, byteLength, entryCount, idleMiB, peakMiB: peakMemoryMiB('self') };
  });
}

answerQuestions((order) => publish(order as PublishOrder));
