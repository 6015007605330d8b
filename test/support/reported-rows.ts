/**
 * Rows that a program in another language tried, as its one JSON document says.
 *
 * @module
 */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

import { type CommandOptions, runCommand } from './command-run.ts';

interface ReportedRow {
  readonly name: string;
  /** What went wrong; nothing when left out. */
  readonly failure?: string;
}

export interface RowProgram extends CommandOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** How many rows it has at least: one that ends early has not passed. */
  readonly leastRows: number;
}

/** Runs the program and makes each of its rows a test. */
export async function runRows(t: TestContext, program: RowProgram): Promise<void> {
  const { command, args, leastRows, ...options } = program;
  const { status, stdout, stderr } = await runCommand(command, args, options);
  assert.equal(status, 0, `${command}: ${stderr}`);
  const rows = JSON.parse(stdout) as readonly ReportedRow[];
  for (const { name, failure } of rows) {
    await t.test(name, () => {
      if (failure !== undefined) {
        assert.fail(failure);
      }
    });
  }
  assert.ok(rows.length >= leastRows, `${rows.length} rows: ${stderr}`);
}
