/**
 * What a server does about lists once they are out: watches them over time (I7, I15, age) and reads them back (I8).
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import type { PublishLists } from '../http/local-operations.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { BrokenInvariants } from './broken-invariants.ts';
import type { CaInstance } from './ca-instance.ts';
import { addJob } from './ca-service.ts';
import { ListReadback } from './list-readback.ts';
import { watchListsJob } from './list-watch.ts';
import { type OpenListener, ownReaders } from './own-readers.ts';
import { scheduleOrigin } from './publication-job.ts';

/** Adds the jobs. @throws {ConfigError} of the verifier's password file. */
export async function watchPublishedLists(
  instance: CaInstance,
  {
    scheduler,
    listeners,
    publishLists,
  }: {
    readonly scheduler: Scheduler;
    readonly listeners: readonly OpenListener[];
    readonly publishLists: PublishLists;
  },
): Promise<BrokenInvariants> {
  const { authority, configuration, clock } = instance;
  const log = instance.log.with({ component: 'lists' });
  const broken = new BrokenInvariants(log);
  const { certificateFile } = configuration.ldap;
  const certificate =
    certificateFile === undefined ? undefined : await readFile(certificateFile, 'utf8');
  const readers = await ownReaders({ listeners, configuration, certificate, clock });
  const republish = (scopeId: string): Promise<unknown> =>
    publishLists({ scopeIds: [scopeId], origin: scheduleOrigin }, () => undefined);
  const readback = new ListReadback({ ...instance, log, broken, readers, republish });
  authority.onPublication((scopeId) => readback.note(scopeId));
  addJob(scheduler, instance, watchListsJob(instance, broken));
  addJob(scheduler, instance, readback.job);
  return broken;
}
