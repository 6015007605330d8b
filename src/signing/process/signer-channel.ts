/**
 * The channel to a signer process: starting it, sending, noticing its end. What is said over it is in
 * `signer-protocol.ts`; what to do about an end is in `signer-process.ts`.
 *
 * @module
 */

import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { SystemClock } from '../../core/clock.ts';
import { sendFrame } from './content-lane.ts';
import { isBusyWith, MessageBatch } from './message-batch.ts';
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

export interface SignerChannel extends ChildChannel<SignerCall> {
  /**
   * Sends a part of long content (`content-lane.ts`).
   *
   * @returns when it has gone and the array may be used again. Rejects when the lane is broken.
   */
  feed(stream: number, bytes: Uint8Array): Promise<void>;
}

export interface SignerChannelEvents {
  /** Anything that arrives, unchecked. */
  readonly onMessage: (message: unknown) => void;
  /** Once, when the process has ended or could not be started. */
  readonly onEnd: (reason: string) => void;
}

export type OpenSignerChannel = (events: SignerChannelEvents) => SignerChannel;

/** How much of what an ended process wrote to standard error is worth a log line. */
const MAX_STDERR_CHARACTERS = 4096;

/** Starts the signer process for the software token: a thread for each processor, and no other environment. */
export const forkSignerChannel: OpenSignerChannel = (events) =>
  forkBatching({ threads: availableParallelism(), environment: {} }, events);

/**
 * Starts the signer process for a PKCS#11 token.
 *
 * @param surroundings `threads`: how many calls of the module may run at a time; `environment`: what the module
 *   needs.
 */
export function openPkcs11Channel(surroundings: {
  readonly threads: number;
  readonly environment: Readonly<Record<string, string>>;
}): OpenSignerChannel {
  return (events) => forkBatching(surroundings, events);
}

/** The fewest threads that Node has for its own work: files, scrypt. */
const MIN_THREADS = 4;

function forkBatching(
  surroundings: {
    readonly threads: number;
    readonly environment: Readonly<Record<string, string>>;
  },
  events: SignerChannelEvents,
): SignerChannel {
  const threads = Math.max(MIN_THREADS, surroundings.threads);
  const environment = { ...surroundings.environment, UV_THREADPOOL_SIZE: String(threads) };
  const start = { environment, argument: String(threads) };
  const channel: LanedChannel<readonly SignerCall[]> = forkChild('signer-child', start, {
    onMessage: (messages) => {
      const list: readonly unknown[] = Array.isArray(messages) ? messages : [messages];
      unanswered -= list.length;
      for (const message of list) {
        events.onMessage(message);
      }
      if (!isBusyWith(unanswered, threads)) {
        batch.hurry();
      }
    },
    onEnd: events.onEnd,
  });
  let unanswered = 0;
  const batch = new MessageBatch<SignerCall>(new SystemClock(), (calls) => {
    unanswered += calls.length;
    channel.send(calls);
  });
  const { lane } = channel;
  return {
    ...channel,
    send: (call) => batch.push(call, isBusyWith(unanswered, threads)),
    feed: (stream, bytes) => sendFrame(lane, stream, bytes),
  };
}

/** Where the lane arrives in the process that was started. */
export const LANE_DESCRIPTOR = 4;

interface LanedChannel<Message> extends ChildChannel<Message> {
  /** Bytes to `LANE_DESCRIPTOR` of the child. */
  readonly lane: Writable;
}

/**
 * Starts one of this folder's child processes: no environment but what is given, no
 * standard streams but standard error, whose end is kept for the reason of the process's.
 */
export function forkChild<Message extends object>(
  name: 'signer-child' | 'pkcs11-child',
  start: {
    readonly environment: Readonly<Record<string, string>>;
    readonly argument?: string;
  },
  events: SignerChannelEvents,
): LanedChannel<Message> {
  // The same file as source under a Node that runs TypeScript, compiled otherwise.
  const entry = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url);
  const child = fork(fileURLToPath(entry), start.argument === undefined ? [] : [start.argument], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
    env: start.environment,
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
  const lane = child.stdio[LANE_DESCRIPTOR] as Socket;
  // Who feeds learns of it by the part that was not taken; that the process has ended is told by its exit.
  lane.on('error', () => undefined);
  lane.unref();
  return {
    pid: child.pid,
    lane,
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
