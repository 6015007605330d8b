/**
 * A process that acts on a store until it fails, is killed, or has acted often enough, and says each number on its
 * standard output when it is durable. See numbered-acts.ts.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { isCertdirError } from '../../src/core/errors.ts';
import { type OpenAppendFile, openAppendFile } from '../../src/store/journal/journal-file.ts';
import type { LevelStoreOptions } from '../../src/store/level/level-store.ts';
import { act, countWholeActs, openActStore } from './numbered-acts.ts';

export interface WriterOrders {
  readonly folder: string;
  readonly callers: number;
  /** Acts of each caller; without end when left out. */
  readonly acts?: number;
  readonly segmentBytes?: number;
  readonly writeBufferBytes?: number;
  /** Each so manieth act puts a large value too. */
  readonly largeEvery?: number;
  /** Does not wait for the disk: what a harness of power cuts must find out. */
  readonly isUnsynced?: boolean;
  /** Reads everything after the first failure. */
  readonly readsOn?: boolean;
}

const self = fileURLToPath(new URL(`./act-writer${extname(import.meta.url)}`, import.meta.url));

/** The program and arguments that carry out the orders. */
export function writerCommand(orders: WriterOrders): readonly string[] {
  return [process.execPath, self, JSON.stringify(orders)];
}

/** Starts a writer; `wrap` are program and arguments in front of it. */
export function startWriter(
  orders: WriterOrders,
  wrap: { readonly command?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  const [program = '', ...args] = [...(wrap.command ?? []), ...writerCommand(orders)];
  const env = { ...process.env, ...wrap.env };
  return spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** All lines that the child says; resolves when it has ended. */
export async function linesOf(
  child: ChildProcess,
  onLine: (line: string, count: number) => void = () => undefined,
): Promise<string[]> {
  const exited = once(child, 'exit');
  const lines: string[] = [];
  if (child.stdout !== null) {
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      onLine(line, lines.length);
    }
  }
  await exited;
  return lines;
}

/** The highest number among lines; one that was cut is no higher. */
export function highestOf(lines: readonly string[]): number {
  return Math.max(0, ...lines.filter((line) => /^\d+$/.test(line)).map(Number));
}

const unsynced: OpenAppendFile = async (path, size) => {
  const file = await openAppendFile(path, size);
  return {
    append: (parts) => file.append(parts),
    sync: async () => undefined,
    cut: (at) => file.cut(at),
    close: () => file.close(),
  };
};

async function write(orders: WriterOrders): Promise<void> {
  const { folder, callers, acts, isUnsynced, readsOn, segmentBytes, writeBufferBytes } = orders;
  const options: Partial<LevelStoreOptions> = {
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    ...(writeBufferBytes === undefined ? {} : { writeBufferBytes }),
    ...(isUnsynced === true ? { openJournalFile: unsynced } : {}),
  };
  const store = await openActStore(folder, options);
  const caller = async (): Promise<void> => {
    for (let done = 0; done < (acts ?? Number.POSITIVE_INFINITY); done += 1) {
      say(String(await act(store, orders.largeEvery)));
    }
  };
  const answers = await Promise.allSettled(Array.from({ length: callers }, caller));
  for (const answer of answers) {
    if (answer.status === 'rejected') {
      say(codeOf(answer.reason));
    }
  }
  if (readsOn === true) {
    say(`reads ${(await countWholeActs(store)) > 0}`);
  }
  await store.close();
  say('closed');
}

function codeOf(error: unknown): string {
  return isCertdirError(error) ? error.code : String(error);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (process.argv[1] === self) {
  try {
    await write(JSON.parse(process.argv[2] ?? '') as WriterOrders);
  } catch (error) {
    say(codeOf(error));
  }
}
