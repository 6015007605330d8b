import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { makeConformanceReport, readTestResults } from '../../src/cps/conformance.ts';
import {
  formatConformanceHtml,
  formatConformanceMarkdown,
} from '../../src/cps/conformance-formats.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const presets = readdirSync(join(packageRoot, 'cps'))
  .filter((name) => name.endsWith('.yaml') && !name.startsWith('municipalities'))
  .map((name) => name.slice(0, -'.yaml'.length));

describe('the tests that clauses name', async () => {
  for (const preset of presets) {
    const { clauses } = await loadPolicy(shippedPolicyFile(preset));
    for (const test of new Set(clauses.flatMap(({ tests }) => tests))) {
      it(`${preset}: ${test}`, () => {
        const cut = test.indexOf(': ');
        const file = join(packageRoot, test.slice(0, cut));
        assert.ok(existsSync(file), 'the file is there');
        const name = test.slice(cut + 2);
        assert.ok(readFileSync(file, 'utf8').includes(name), 'a test has the name');
      });
    }
  }
});

describe('the conformance report', async () => {
  const shipped = await loadPolicy(shippedPolicyFile('gunma'));
  const policy: Policy = {
    ...shipped,
    clauses: [
      {
        clause: '4-4-9',
        title: { ja: '頻度 <|>', en: 'Cadence' },
        settings: ['crl.periodHours', 'access'],
        tests: ['test/ca/a.test.ts: one', 'test/ca/a.test.ts: two', 'test/ca/b.test.ts: three'],
      },
      {
        clause: '4-5',
        title: { ja: '報告', en: 'Report' },
        settings: [],
        tests: ['test/ca/a.test.ts: one'],
      },
    ],
    outside: [{ clause: '5-1', title: { ja: '施設', en: 'Site' }, why: 'premises' }],
  };
  const results = {
    finishedAt: '2026-01-02T03:04:05.000Z',
    files: { 'test/ca/a.test.ts': { one: 'passed', two: 'failed' } },
  } as const;

  it('has what each setting is and what became of each test', () => {
    const [cadence, report] = makeConformanceReport(policy, results).carried;
    assert.deepEqual(cadence?.settings, [
      { path: 'crl.periodHours', value: '24' },
      { path: 'access', value: `${shipped.access.length} items` },
    ]);
    assert.deepEqual(
      cadence.tests.map(({ verdict }) => verdict),
      ['passed', 'failed', 'not run'],
    );
    assert.deepEqual(report?.tests, [
      { file: 'test/ca/a.test.ts', name: 'one', verdict: 'passed' },
    ]);
  });

  it('claims nothing without a record of a test run', () => {
    const report = makeConformanceReport(policy, undefined);
    assert.equal(report.testedAt, undefined);
    const verdicts = report.carried.flatMap(({ tests }) => tests.map(({ verdict }) => verdict));
    assert.deepEqual(new Set(verdicts), new Set(['not run']));
  });

  it('counts as shown what is shown by tests that all passed', () => {
    const text = formatConformanceMarkdown(makeConformanceReport(policy, results));
    assert.match(text, /2 項 [^\n]* of which 1 are shown by tests that passed; 1 outside/);
    assert.match(text, /2 of 4 named here passed/);
  });

  it('is a table in Markdown and a page, whatever titles hold', () => {
    const report = makeConformanceReport(policy, results);
    assert.ok(formatConformanceMarkdown(report).includes('頻度 <\\|><br>Cadence'));
    const page = formatConformanceHtml(report);
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
