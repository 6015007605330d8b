/**
 * The channel to a signer process: starting it, sending, noticing its end. What is said over it is in
 * `signer-protocol.ts`; what to do about an end is in `signer-process.ts`.
 *
 * @module
 */

import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { SignerCall } from './signer-protocol.ts';

/** A child process and the way to talk to it. */
export interface ChildChannel<Message> {
  /** Undefined when the process could not be started. */
  readonly pid: number | undefined;
  send(message: Message): void;
  /** Asks the process to forget its secrets and end. */
  disconnect(): void;
  /** Ends the process at once, hung or not. */
  kill(): void;
}

export type SignerChannel = ChildChannel<SignerCall>;

export interface SignerChannelEvents {
  /** Anything that arrives, unchecked. */
  readonly onMessage: (message: unknown) => void;
  /** Once, when the process has ended or could not be started. */
  readonly onEnd: (reason: string) => void;
}

export type OpenSignerChannel = (events: SignerChannelEvents) => SignerChannel;

/** How much of what an ended process wrote to standard error is worth a log line. */
const MAX_STDERR_CHARACTERS = 4096;

/** Starts the signer process, with an empty environment. */
export const forkSignerChannel: OpenSignerChannel = (events) =>
  forkChild('signer-child', {}, events);

/**
 * Starts one of this folder's child processes: no arguments, no environment but what is given, no
 * standard streams but standard error, whose end is kept for the reason of the process's.
 */
export function forkChild<Message extends object>(
  name: 'signer-child' | 'pkcs11-child',
  environment: Readonly<Record<string, string>>,
  events: SignerChannelEvents,
): ChildChannel<Message> {
  // The same file as source under a Node that runs TypeScript, compiled otherwise.
  const entry = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url);
  const child = fork(fileURLToPath(entry), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: environment,
    execArgv: [],
  });
  const stderr = tailOf(child);
  let hasEnded = false;
  const end = (reason: string): void => {
    if (!hasEnded) {
      hasEnded = true;
      events.onEnd([reason, stderr()].filter((part) => part !== '').join(': '));
    }
  };
  child.on('message', events.onMessage);
  child.on('error', (error) => {
    // Without a process there is no exit to wait for; with one, a failed send is no end.
    if (child.pid === undefined) {
      end(error.message);
    }
  });
  child.on('exit', (code, signal) => {
    const reason = signal ?? `exit code ${code}`;
    // Its last words may still be in the pipe. The child's own 'close' event does not do: it never
    // comes when this side has closed the channel.
    if (child.stderr === null || child.stderr.closed) {
      end(reason);
    } else {
      child.stderr.once('close', () => end(reason));
    }
  });
  return {
    pid: child.pid,
    send: (message) => void child.send(message, () => undefined),
    disconnect: () => {
      if (child.connected) {
        child.disconnect();
      }
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function tailOf(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    tail = (tail + text).slice(-MAX_STDERR_CHARACTERS);
  });
  return () => tail.trim();
}
