/**
 * The conformance report of a CA as it is run, at the end of its story.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { loadPolicy } from '../../src/ca/policy/policy.ts';
import { makeConformanceReport } from '../../src/cps/conformance.ts';
import {
  formatConformanceHtml,
  formatConformanceMarkdown,
} from '../../src/cps/conformance-formats.ts';
import { assertSettings, loadStatement } from '../../src/cps/statement.ts';

/** Every clause of the statement is answered, and those with tests are shown once these have passed. */
export async function assertConformity(policyFile: string): Promise<void> {
  const policy = await loadPolicy(policyFile);
  const statement = await loadStatement(policy);
  assert.ok(statement !== undefined);
  await assertSettings(policy, statement);
  const files: Record<string, Record<string, 'passed'>> = {};
  for (const test of statement.clauses.flatMap(({ tests }) => tests)) {
    const cut = test.indexOf(': ');
    const names = files[test.slice(0, cut)] ?? {};
    files[test.slice(0, cut)] = { ...names, [test.slice(cut + 2)]: 'passed' };
  }
  const results = { finishedAt: '2026-01-02T03:04:05.000Z', files };
  const report = makeConformanceReport({ policy, statement, results });
  const { clauses, carried, shown, withoutTest, outside, tests, testsPassed } = report.totals;
  const outsideCount = Object.values(outside).reduce((sum, count) => sum + count, 0);
  assert.equal(carried + outsideCount, clauses);
  assert.deepEqual([shown, testsPassed], [carried - withoutTest, tests]);
  assert.ok(shown > 0);
  const numbers = new Set(report.entries.map(({ clause }) => clause));
  for (const page of [formatConformanceHtml(report), formatConformanceMarkdown(report)]) {
    assert.ok(page.includes(policy.statement.title));
    for (const number of numbers) {
      assert.ok(page.includes(number), number);
    }
  }
  const untested = makeConformanceReport({ policy, statement, results: undefined });
  assert.equal(untested.totals.shown, 0);
}
