/**
 * What it costs to make bytes durable on the disk under a benchmark's folder.
 *
 * @module
 */

import { open } from 'node:fs/promises';

import { median, timeOf } from './timing.ts';

/** Median milliseconds to append `bytes` to a file and wait until they are durable. */
export async function timeDurableWrite(
  file: string,
  bytes: Uint8Array,
  rounds: number,
): Promise<number> {
  const handle = await open(file, 'a');
  try {
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      times.push(
        await timeOf(async () => {
          await handle.write(bytes);
          await handle.datasync();
        }),
      );
    }
    return median(times);
  } finally {
    await handle.close();
  }
}
