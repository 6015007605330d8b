/**
 * Runs a program with a list of arguments, without a shell, and never for longer than allowed.
 *
 * @module
 */

import { spawn } from 'node:child_process';

const DEFAULT_TIMEOUT_MS = 30_000;

export interface CommandOptions {
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input; nothing when left out. */
  readonly input?: Uint8Array | string;
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The environment for a program under test: this process's, without what the test runner tells its
 * own children.
 */
export function childEnvironment(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _runner, NODE_OPTIONS: _options, ...env } = process.env;
  return { ...env, ...added };
}

/**
 * Runs `command` to its end.
 *
 * @throws {Error} when it is missing, ends by a signal, or is still there after the time allowed.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  { env, input, timeoutMs = DEFAULT_TIMEOUT_MS }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: childEnvironment(env),
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', reject);
    child.once('close', (status, signal) => {
      const said = Buffer.concat(stderr).toString('utf8');
      if (status === null) {
        reject(new Error(`${command} ${args.join(' ')} ended by ${signal}: ${said}`));
      } else {
        resolve({ status, stdout: Buffer.concat(stdout).toString('utf8'), stderr: said });
      }
    });
    // A program that ends without reading its input is judged by its exit, not by our pipe.
    child.stdin.once('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}
