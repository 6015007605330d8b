/**
 * What every command starts from: the data folder, how to answer, who asks, and the operations of
 * the running server or, without one, of the store opened by the command itself.
 *
 * @module
 */

import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';

import { openLocalOperations } from '../app/server.ts';
import { SystemClock } from '../core/clock.ts';
import { openLog } from '../core/log.ts';
import { connectControl, isServerAnswering } from '../http/control-client.ts';
import { CONTROL_SOCKET } from '../http/control-protocol.ts';
import type { Operations, Operator } from '../http/operations.ts';
import { type Output, openOutput } from './output.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';

export interface Context {
  /** Absolute path of the data folder. */
  readonly folder: string;
  readonly output: Output;
  readonly operator: Operator;
}

/** Reads the global options of a command. */
export function contextOf(command: Command): Context {
  const options = command.optsWithGlobals<{ data: string; json?: boolean }>();
  return {
    folder: resolve(options.data),
    output: openOutput({ isJson: options.json === true }),
    operator: { name: userInfo().username },
  };
}

/**
 * Runs `work` on the operations of the data folder: through the running server when one answers,
 * otherwise on the store opened here and closed afterwards.
 */
export async function withOperations<T>(
  context: Context,
  work: (operations: Operations) => Promise<T>,
): Promise<T> {
  const socketFile = join(context.folder, CONTROL_SOCKET);
  if (await isServerAnswering(socketFile)) {
    return work(connectControl(socketFile, context.operator.name));
  }
  const log = openLog(new SystemClock(), { level: 'warn', format: 'text' });
  const local = await openLocalOperations({
    folder: context.folder,
    log,
    askPassphrase: passphrasePrompt(),
  });
  try {
    return await work(local.operations);
  } finally {
    await local.close();
  }
}
