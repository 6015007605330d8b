/**
 * The conformance report as Markdown and as a page that prints.
 *
 * @module
 */

import type { LocalizedText } from '../ca/policy/policy.ts';
import type { ConformanceEntry, ConformanceReport, TestVerdict } from './conformance.ts';
import type { OutsideReason } from './statement.ts';

const reasons: Readonly<Record<OutsideReason, string>> = {
  premises: '施設・設備 / premises and equipment',
  people: '要員・組織 / people and organisation',
  law: '法令・責任 / law and liability',
  money: '料金・財務 / fees and finance',
  document: '文書の説明 / about the document itself',
  unstipulated: '規定なし / nothing is stipulated',
  missing: '未対応 / MISSING: software could carry it and this one does not',
};

const verdicts: Readonly<Record<TestVerdict, string>> = {
  passed: '合格 / passed',
  failed: '不合格 / FAILED',
  skipped: '省略 / skipped',
  'not run': '未実施 / not run',
};

interface Part {
  readonly heading: string;
  readonly rows: readonly (readonly string[])[];
}

const columns = ['項 / clause', '表題 / title', '設定 / setting', '試験 / test'];

export function formatConformanceMarkdown(report: ConformanceReport): string {
  const quote = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('|', '\\|');
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => quote(cell).replaceAll('\n', '<br>')).join(' | ')} |`;
  const parts = partsOf(report).flatMap(({ heading, rows }) => [
    `## ${heading}`,
    '',
    row(columns),
    row(columns.map(() => '---')),
    ...rows.map(row),
    '',
  ]);
  const facts = factsOf(report).flatMap((fact) => [`- ${fact}`]);
  return [`# ${headingOf(report)}`, '', ...facts, '', ...parts].join('\n');
}

export function formatConformanceHtml(report: ConformanceReport): string {
  const cell = (tag: 'th' | 'td', text: string): string =>
    `<${tag}>${escapeHtml(text).replaceAll('\n', '<br>')}</${tag}>`;
  const parts = partsOf(report).map(
    ({ heading, rows }) => `<h2>${escapeHtml(heading)}</h2>
<table>
<tr>${columns.map((text) => cell('th', text)).join('')}</tr>
${rows.map((cells) => `<tr>${cells.map((text) => cell('td', text)).join('')}</tr>`).join('\n')}
</table>`,
  );
  return `<!doctype html>
<html lang="ja">
<meta charset="utf-8">
<title>${escapeHtml(headingOf(report))}</title>
<style>
body { font: 10pt sans-serif; margin: 2em; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; overflow-wrap: anywhere; }
th, td { border: 1px solid #888; padding: 0.3em; text-align: left; vertical-align: top; }
th:first-child { width: 7em; }
tr { break-inside: avoid; }
</style>
<h1>${escapeHtml(headingOf(report))}</h1>
<ul>
${factsOf(report)
  .map((text) => `<li>${escapeHtml(text)}</li>`)
  .join('\n')}
</ul>
${parts.join('\n')}
</html>
`;
}

function headingOf({ title }: ConformanceReport): string {
  return `準拠性報告書 / Conformance report: ${title.ja} (${title.en})`;
}

function factsOf({ statement, totals, testedAt }: ConformanceReport): readonly string[] {
  const { clauses, carried, shown, withoutTest, outside, tests, testsPassed } = totals;
  const left = Object.entries(outside).map(
    ([why, count]) => `${reasons[why as OutsideReason]}: ${count}`,
  );
  return [
    `${statement.title}, ${statement.version}, ${statement.date}`,
    `${clauses} 項 / clauses: ${carried} carried by the software, ${clauses - carried} not.`,
    `実現する項 / Carried: ${shown} shown by tests that all passed, ${withoutTest} without a test, ${carried - shown - withoutTest} with tests that did not pass or were not run.`,
    `それ以外 / Not carried: ${left.length === 0 ? '0' : left.join('; ')}`,
    testedAt === undefined
      ? '試験の記録なし / No record of a test run is here: npm test makes one.'
      : `試験 / Tests: ${testsPassed} of ${tests} named here passed; last run ${testedAt}.`,
  ];
}

/** A part for each chapter. */
function partsOf({ entries }: ConformanceReport): readonly Part[] {
  const parts: { heading: string; rows: (readonly string[])[] }[] = [];
  for (const entry of entries) {
    const isChapter = /^[0-9]+$/.test(entry.clause);
    if (isChapter || parts.length === 0) {
      parts.push({ heading: `${entry.clause} ${entry.title.ja} / ${entry.title.en}`, rows: [] });
    }
    if (!isChapter || entry.kind !== 'heading') {
      parts.at(-1)?.rows.push(cellsOf(entry));
    }
  }
  return parts.filter(({ rows }) => rows.length > 0);
}

function cellsOf(entry: ConformanceEntry): readonly string[] {
  const { clause, title } = entry;
  const first = [clause, `${title.ja}\n${title.en}`];
  switch (entry.kind) {
    case 'heading':
      return [...first, '', ''];
    case 'outside':
      return [...first, reasons[entry.why], noteOf(entry.note).join('\n')];
    case 'carried': {
      const settings = entry.settings.map(({ path, value }) => `${path}: ${value}`);
      const tests = entry.tests.map(
        ({ file, name, verdict }) => `${verdicts[verdict]}: ${file}: ${name}`,
      );
      const shown = tests.length > 0 ? tests : ['示す試験なし / no test shows it'];
      return [...first, [...settings, ...noteOf(entry.note)].join('\n'), shown.join('\n')];
    }
  }
}

function noteOf(note: LocalizedText | undefined): readonly string[] {
  return note === undefined ? [] : [note.ja, note.en];
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
