/**
 * A server that works under a load of its own process until it is killed; each answer is told to the parent before the
 * next act.
 *
 * @module
 */

import { serve } from '../../src/app/server.ts';
import { silentLog } from '../../src/core/log.ts';
import type { KillOrders, KillReport } from './kill-acts.ts';
import { KillLoad } from './kill-load.ts';

/** Resolves when the parent's end of the pipe has it. */
function report(message: KillReport): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, {}, (error) => (error === null ? resolve() : reject(error)));
  });
}

async function work(orders: KillOrders): Promise<never> {
  const { operations, endpoints } = await serve({ folder: orders.folder, log: silentLog });
  const ldaps = endpoints.find((endpoint) => endpoint.startsWith('ldaps:')) ?? '';
  await report({ kind: 'serving' });
  return await new KillLoad(orders, operations, report).run(ldaps);
}

process.once('message', (orders: KillOrders) => {
  work(orders).catch(async (error: unknown) => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await report({ kind: 'fault', message });
    process.exit(1);
  });
});
// Whoever started it is gone.
process.once('disconnect', () => process.exit(2));
