/**
 * `certdir standby --from …` as a process of its own.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { readStandbyReport, type StandbyReport } from '../../src/app/standby.ts';
import { certdirCommand } from './certdir-process.ts';
import { childEnvironment } from './command-run.ts';

const TIMEOUT_MS = 60_000;
const LOOK_MS = 50;

export class StandbyProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  /** @param folder The standby's data folder. */
  constructor(folder: string, from: string) {
    this.#folder = folder;
    const args = [certdirCommand, '--data', folder, 'standby', '--from', from];
    this.#child = spawn(process.execPath, args, {
      env: childEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  /** What it has written so far. */
  get log(): string {
    return this.#log;
  }

  /** Waits until what it writes about itself is so. */
  async until(isSo: (report: StandbyReport) => boolean): Promise<StandbyReport> {
    const endMs = performance.now() + TIMEOUT_MS;
    for (;;) {
      const report = await readStandbyReport(this.#folder);
      if (report !== undefined && isSo(report)) {
        return report;
      }
      assert.ok(this.#child.exitCode === null, `the standby ended: ${this.#log}`);
      assert.ok(performance.now() < endMs, `within a minute: ${JSON.stringify(report)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Ends it as a service manager does. Does nothing when it has ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await gone;
    }
  }
}
