/**
 * Where a benchmark works: a temporary folder, the child processes it starts, a limit in time. At the end,
 * also after a failure or Ctrl-C, the children are ended and the folder is removed.
 *
 * @module
 */

import { type ChildProcess, fork, type Serializable, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ClosingStack } from '../../src/core/closing-stack.ts';
import { printReport, type Report } from './report.ts';

/** The programs of this folder that run in processes of their own. */
export type ChildProgram =
  | 'access-server-child'
  | 'crl-publisher-child'
  | 'issuing-server-child'
  | 'ldap-directory-child'
  | 'ldap-idle-child'
  | 'ldap-load-child'
  | 'ldap-server-child'
  | 'ldap-transfer-child'
  | 'ldif-import-child'
  | 'nation-server-child'
  | 'ocsp-program-child'
  | 'prepared-http-child'
  | 'prepared-server-child'
  | 'standby-child';

/** Far more than a benchmark takes on a quiet machine. */
const TIME_LIMIT_MS = 180_000;

/** A program of this folder that answers one message with one message. */
export interface Helper {
  readonly pid: number;
  /** One question at a time. */
  ask<Answer>(question: Serializable): Promise<Answer>;
  /** Lets it end by itself. */
  close(): Promise<void>;
}

export class Workshop {
  readonly folder: string;
  /** Closed before the children are ended. */
  readonly closing: ClosingStack = new ClosingStack();
  readonly #children = new Set<ChildProcess>();

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `certdir-bench-${name}-`));
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** Starts a program that is not part of certdir, its output thrown away but for errors. */
  spawn(command: string, args: readonly string[], cwd: string = this.folder): ChildProcess {
    return this.#keep(spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] }));
  }

  /** Starts a program of this folder. */
  fork(program: ChildProgram): Helper {
    // The same file as source under a Node that runs TypeScript, compiled otherwise.
    const entry = new URL(`./${program}${extname(import.meta.url)}`, import.meta.url);
    const child = this.#keep(fork(fileURLToPath(entry), [], { serialization: 'advanced' }));
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    return {
      pid: child.pid ?? -1,
      ask: (question) => askOnce(child, question),
      close: () => {
        if (child.connected) {
          child.disconnect();
        }
        return ended;
      },
    };
  }

  #keep(child: ChildProcess): ChildProcess {
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  async close(): Promise<void> {
    try {
      await this.closing.close();
    } finally {
      this.abandon();
    }
  }

  /** The same at once, without waiting for anything. */
  abandon(): void {
    for (const child of this.#children) {
      child.kill('SIGKILL');
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function askOnce<Answer>(child: ChildProcess, question: Serializable): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: unknown): void => {
      child.off('exit', onExit);
      resolve(answer as Answer);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      child.off('message', onMessage);
      reject(new Error(`a helper process ended: ${signal ?? `exit code ${code}`}`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(question);
  });
}

/** Waits for the end of a program that must succeed. */
export function untilEnded(child: ChildProcess, name: string): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4096);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new Error(`${name}: ${cause.message}`, { cause })));
    child.once('close', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`${name} ended with ${code ?? signal}: ${said}`)),
    );
  });
}

/** Runs a benchmark and prints its report. */
export async function runBenchmark(
  name: string,
  measure: (workshop: Workshop) => Promise<Report>,
  timeLimitMs: number = TIME_LIMIT_MS,
): Promise<void> {
  const workshop = new Workshop(name);
  const stop = (reason: string, exitCode: number): void => {
    workshop.abandon();
    process.stderr.write(`bench ${name}: ${reason}\n`);
    process.exit(exitCode);
  };
  process.once('SIGINT', () => stop('interrupted', 130));
  process.once('SIGTERM', () => stop('interrupted', 143));
  setTimeout(() => stop(`not done within ${timeLimitMs / 1000} s`, 1), timeLimitMs).unref();
  let report: Report;
  try {
    report = await measure(workshop);
  } finally {
    await workshop.close();
  }
  printReport(report);
}

/** The side of a helper: answers each question until the one who asks has gone. */
export function answerQuestions(answer: (question: unknown) => Promise<Serializable>): void {
  process.on('message', (question) => {
    answer(question).then(
      (answered) => process.send?.(answered),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        process.exit(1);
      },
    );
  });
  // Ctrl-C reaches the whole group; whoever started this process ends it.
  process.on('SIGINT', () => undefined);
  process.once('disconnect', () => process.exit(0));
}
