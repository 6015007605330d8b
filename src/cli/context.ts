/**
 * What every command starts from: the data folder, how to answer, who asks, and the operations of
 * the running server or, without one, of the store opened by the command itself.
 *
 * What the program is made of is loaded only where it is used, here and in the commands: most of them
 * have a server do the work and are done before all of it would have been read.
 *
 * @module
 */

import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';

import type { OpenOptions } from '../app/instance.ts';
import type { LocalInstance } from '../app/local-instance.ts';
import { type Clock, SystemClock } from '../core/clock.ts';
import { isCertdirError } from '../core/errors.ts';
import { connectControl, isServerAnswering } from '../http/control-client.ts';
import { CONTROL_SOCKET } from '../http/control-protocol.ts';
import type { Operations, Operator } from '../http/operations.ts';
import { BusyError } from './busy-error.ts';
import { type Output, openOutput } from './output.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';

export interface Context {
  /** Absolute path of the data folder. */
  readonly folder: string;
  readonly output: Output;
  readonly operator: Operator;
  /** Which of several CAs is meant. */
  readonly ca: string | undefined;
  /** Whose session at a server's API the command works by, rather than at this machine. */
  readonly session: string | undefined;
}

interface GlobalOptions {
  readonly data: string;
  readonly json?: boolean;
  readonly ca?: string;
  readonly session?: string;
}

/** Reads the global options of a command. */
export function contextOf(command: Command): Context {
  const options = command.optsWithGlobals<GlobalOptions>();
  return {
    folder: resolve(options.data),
    output: openOutput({ isJson: options.json === true }),
    operator: { name: userInfo().username },
    ca: options.ca,
    session: options.session,
  };
}

/** How long a command waits for another one, or for a server that starts, to give the store free. */
const MAX_WAIT_MS = 10_000;
const RETRY_MS = 200;

/**
 * Runs `work` on the operations of the data folder, or with `--session` on those of a server's API: through the running server when one answers,
 * otherwise on the store opened here and closed afterwards. While another command has the store open,
 * or a server is about to answer, it waits a little.
 */
export function withOperations<T>(
  context: Context,
  work: (operations: Operations) => Promise<T>,
): Promise<T> {
  return withServerOr(
    async (options) => (await import('../app/local-instance.ts')).openLocalOperations(options),
    context,
    work,
  );
}

/** As {@link withOperations}, opening without a server only what some operations need. */
export async function withServerOr<T, Name extends keyof Operations>(
  openLocal: (options: OpenOptions) => Promise<LocalInstance<Name>>,
  context: Context,
  work: (operations: Pick<Operations, Name>) => Promise<T>,
): Promise<T> {
  const clock = new SystemClock();
  const deadlineMs = clock.monotonicMs() + MAX_WAIT_MS;
  for (;;) {
    const opened = await openOperations(openLocal, context, clock);
    if (opened !== undefined) {
      try {
        return await work(opened.operations);
      } finally {
        await opened.close();
      }
    }
    if (clock.monotonicMs() >= deadlineMs) {
      throw new BusyError(
        'CLI_BUSY',
        `another process has ${context.folder} open and does not answer; try again when it is done`,
      );
    }
    await pause(RETRY_MS);
  }
}

/** @returns undefined while another process has the store open and no server answers. */
async function openOperations<Name extends keyof Operations>(
  openLocal: (options: OpenOptions) => Promise<LocalInstance<Name>>,
  { folder, operator, ca, session }: Context,
  clock: Clock,
): Promise<LocalInstance<Name> | undefined> {
  if (session !== undefined) {
    const { connectSession } = await import('./api-connection.ts');
    const { apiOperations } = await import('./api-operations.ts');
    const operations = apiOperations(await connectSession(session, ca));
    return { operations, close: () => Promise.resolve() };
  }
  const socketFile = join(folder, CONTROL_SOCKET);
  if (await isServerAnswering(socketFile)) {
    return {
      operations: connectControl(socketFile, operator.name, ca),
      close: () => Promise.resolve(),
    };
  }
  const { openLog } = await import('../core/log.ts');
  const log = openLog(clock, { level: 'warn', format: 'text' });
  try {
    return await openLocal({ folder, log, ca, askPassphrase: passphrasePrompt() });
  } catch (error) {
    if (isCertdirError(error) && error.code === 'STORE_LOCKED') {
      return undefined;
    }
    throw error;
  }
}

/** Unlike a timer of the clock, this keeps the process alive: there is nothing else to wait for. */
function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
