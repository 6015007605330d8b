import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import {
  type ConformanceClause,
  makeConformanceReport,
  readTestResults,
} from '../../src/cps/conformance.ts';
import {
  formatConformanceHtml,
  formatConformanceMarkdown,
} from '../../src/cps/conformance-formats.ts';
import type { Statement } from '../../src/cps/statement.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('the conformance report', async () => {
  const policy = await loadPolicy(shippedPolicyFile('gunma'));
  const [a, b] = ['test/ca/a.test.ts', 'test/ca/b.test.ts'];
  const statement: Statement = {
    formatVersion: 1,
    headings: [
      { number: '4', ja: '運用要件', en: 'Operation' },
      { number: '4-4', ja: '失効', en: 'Revocation' },
      { number: '4-4-9', ja: '頻度 <|>', en: 'Cadence' },
      { number: '4-5', ja: '報告', en: 'Report' },
      { number: '4-6', ja: '連絡', en: 'Contact' },
      { number: '5', ja: '施設', en: 'Site' },
    ],
    clauses: [
      {
        clause: '4-4-9',
        settings: ['crl.periodHours', 'access', 'crl.scopes.arl.partition'],
        tests: [`${a}: one`, `${a}: two`, `${b}: three`],
      },
      { clause: '4-5', settings: [], tests: [`${a}: one`] },
      {
        clause: '4-6 (2)',
        title: { ja: '窓口', en: 'Desk' },
        settings: [],
        tests: [],
        note: { ja: '人が行う', en: 'people do' },
      },
    ],
    outside: [{ clause: '5', why: 'premises' }],
  };
  const results = {
    finishedAt: '2026-01-02T03:04:05.000Z',
    files: { [a]: { one: 'passed', two: 'failed' } },
  } as const;
  const reportWith = (
    given: typeof results | undefined,
  ): ReturnType<typeof makeConformanceReport> =>
    makeConformanceReport({ policy, statement, results: given });
  const carriedOf = (given: typeof results | undefined): readonly ConformanceClause[] =>
    reportWith(given).entries.filter((one) => one.kind === 'carried');

  it('has what each setting is and what became of each test', () => {
    const [cadence, report] = carriedOf(results);
    assert.deepEqual(cadence?.settings, [
      { path: 'crl.periodHours', value: '24' },
      { path: 'access', value: `${policy.access.length} items` },
      { path: 'crl.scopes.arl.partition', value: '"authority"' },
    ]);
    assert.deepEqual(
      cadence.tests.map(({ verdict }) => verdict),
      ['passed', 'failed', 'not run'],
    );
    assert.deepEqual(report?.tests, [{ file: a, name: 'one', verdict: 'passed' }]);
    assert.deepEqual([cadence.isShown, report.isShown], [false, true]);
  });

  it('follows the statement: headings, clauses, what is outside', () => {
    assert.deepEqual(
      reportWith(results).entries.map(({ kind, clause, title }) => [kind, clause, title.en]),
      [
        ['heading', '4', 'Operation'],
        ['heading', '4-4', 'Revocation'],
        ['carried', '4-4-9', 'Cadence'],
        ['carried', '4-5', 'Report'],
        ['heading', '4-6', 'Contact'],
        ['carried', '4-6 (2)', 'Desk'],
        ['outside', '5', 'Site'],
      ],
    );
  });

  it('claims nothing without a record of a test run', () => {
    const report = reportWith(undefined);
    assert.equal(report.testedAt, undefined);
    const verdicts = carriedOf(undefined).flatMap(({ tests }) => tests.map((one) => one.verdict));
    assert.deepEqual(new Set(verdicts), new Set(['not run']));
    assert.equal(report.totals.shown, 0);
  });

  it('counts as shown what is shown by tests that all passed', () => {
    assert.deepEqual(reportWith(results).totals, {
      clauses: 4,
      carried: 3,
      shown: 1,
      withoutTest: 1,
      outside: { premises: 1 },
      tests: 3,
      testsPassed: 1,
    });
    const text = formatConformanceMarkdown(reportWith(results));
    assert.match(text, /4 項 [^\n]*: 3 carried by the software, 1 not/);
    assert.match(text, /1 of 3 named here passed/);
  });

  it('is a table in Markdown and a page, whatever titles hold', () => {
    const markdown = formatConformanceMarkdown(reportWith(results));
    assert.ok(markdown.includes('頻度 <\\|><br>Cadence'));
    assert.ok(markdown.includes('人が行う<br>people do | 示す試験なし / no test shows it'));
    const page = formatConformanceHtml(reportWith(results));
    assert.ok(page.includes('頻度 &lt;|&gt;<br>Cadence'));
    assert.ok(page.includes('premises and equipment'));
  });

  it('reads the record of a run, and nothing else', async (t) => {
    const file = join(temporaryFolder(t), 'results.json');
    assert.equal(await readTestResults(file), undefined);
    writeFileSync(file, JSON.stringify(results));
    assert.deepEqual(await readTestResults(file), results);
    for (const wrong of ['', '{}', '[]', '{"finishedAt":1,"files":{}}']) {
      writeFileSync(file, wrong);
      await assert.rejects(
        readTestResults(file),
        (error) => isCertdirError(error) && error.code === 'CONFIG_INVALID',
      );
    }
  });
});
