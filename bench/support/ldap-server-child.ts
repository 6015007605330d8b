/**
 * Our server on a data folder, as `certdir serve` runs it, in a process of its own.
 *
 * @module
 */

import { serve } from '../../src/app/server.ts';
import { silentLog } from '../../src/core/log.ts';
import { answerQuestions } from './workshop.ts';

/** @returns The port of the LDAP listener. */
async function listen(folder: string): Promise<number> {
  const server = await serve({ folder, log: silentLog });
  process.once('disconnect', () => void server.close());
  const url = server.endpoints.find((endpoint) => endpoint.startsWith('ldap:'));
  return Number(new URL(url ?? '').port);
}

answerQuestions((folder) => listen(folder as string));
