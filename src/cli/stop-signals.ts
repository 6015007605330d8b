/**
 * Runs a server until the operator or the system stops it. The first SIGINT or SIGTERM lets work
 * under way finish; a second one ends the process at once, which the store survives.
 *
 * @module
 */

import type { Output } from './output.ts';

interface Stoppable {
  close(): Promise<void>;
}

/**
 * Resolves when the server has stopped cleanly after a signal.
 *
 * @param failed Rejects when the server cannot go on by itself.
 */
export async function untilStopped(
  server: Stoppable,
  output: Output,
  failed: Promise<never> = new Promise(() => undefined),
): Promise<void> {
  const signalled = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => resolve(signal));
    }
  });
  // Timers of the server do not keep the process alive; this does, until the signal comes.
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  try {
    const signal = await Promise.race([signalled, failed]);
    output.note(`${signal}: stopping; once more ends it at once`);
    for (const again of ['SIGINT', 'SIGTERM'] as const) {
      process.once(again, () => process.exit(130));
    }
  } finally {
    clearInterval(keepAlive);
    await server.close();
  }
}
