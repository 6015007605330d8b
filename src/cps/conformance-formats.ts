/**
 * The conformance report as Markdown and as a page that prints.
 *
 * @module
 */

import type { OutsideReason } from '../ca/policy/policy.ts';
import type { ConformanceClause, ConformanceReport, TestVerdict } from './conformance.ts';

const reasons: Readonly<Record<OutsideReason, string>> = {
  premises: '施設・設備 / premises and equipment',
  people: '要員・組織 / people and organisation',
  law: '法令・責任 / law and liability',
  money: '料金・財務 / fees and finance',
  document: '文書の説明 / about the document itself',
};

const verdicts: Readonly<Record<TestVerdict, string>> = {
  passed: '合格 / passed',
  failed: '不合格 / FAILED',
  skipped: '省略 / skipped',
  'not run': '未実施 / not run',
};

interface Part {
  readonly heading: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function formatConformanceMarkdown(report: ConformanceReport): string {
  const quote = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('|', '\\|');
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => quote(cell).replaceAll('\n', '<br>')).join(' | ')} |`;
  const parts = partsOf(report).flatMap(({ heading, columns, rows }) => [
    `## ${heading}`,
    '',
    row(columns),
    row(columns.map(() => '---')),
    ...rows.map(row),
    '',
  ]);
  return [`# ${headingOf(report)}`, '', ...factsOf(report), '', ...parts].join('\n');
}

export function formatConformanceHtml(report: ConformanceReport): string {
  const cell = (tag: 'th' | 'td', text: string): string =>
    `<${tag}>${escapeHtml(text).replaceAll('\n', '<br>')}</${tag}>`;
  const parts = partsOf(report).map(
    ({ heading, columns, rows }) => `<h2>${escapeHtml(heading)}</h2>
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
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #888; padding: 0.3em; text-align: left; vertical-align: top; }
tr { break-inside: avoid; }
</style>
<h1>${escapeHtml(headingOf(report))}</h1>
${factsOf(report)
  .map((text) => `<p>${escapeHtml(text)}</p>`)
  .join('\n')}
${parts.join('\n')}
</html>
`;
}

function headingOf({ title }: ConformanceReport): string {
  return `準拠性報告書 / Conformance report: ${title.ja} (${title.en})`;
}

function factsOf({ statement, carried, outside, testedAt }: ConformanceReport): readonly string[] {
  const tests = carried.flatMap((clause) => clause.tests);
  const passed = tests.filter(({ verdict }) => verdict === 'passed').length;
  const shown = carried.filter(isShown).length;
  return [
    `${statement.title}, ${statement.version}, ${statement.date}`,
    `${carried.length} 項 / clauses carried by the software, of which ${shown} are shown by tests that passed; ${outside.length} outside it.`,
    testedAt === undefined
      ? '試験の記録なし / No record of a test run is here: npm test makes one.'
      : `試験 / Tests: ${passed} of ${tests.length} named here passed; last run ${testedAt}.`,
  ];
}

/** Shown by tests, all of which passed. */
function isShown({ tests }: ConformanceClause): boolean {
  return tests.length > 0 && tests.every(({ verdict }) => verdict === 'passed');
}

function partsOf({ carried, outside }: ConformanceReport): readonly Part[] {
  return [
    {
      heading: 'ソフトウェアで実現する項 / Clauses that the software carries',
      columns: ['項 / clause', '表題 / title', '設定 / setting', '試験 / test'],
      rows: carried.map(({ clause, title, settings, tests }) => [
        clause,
        `${title.ja}\n${title.en}`,
        settings.map(({ path, value }) => `${path}: ${value}`).join('\n'),
        tests.map(({ file, name, verdict }) => `${file}: ${name}: ${verdicts[verdict]}`).join('\n'),
      ]),
    },
    {
      heading: 'ソフトウェアの対象外の項 / Clauses outside the software',
      columns: ['項 / clause', '表題 / title', '理由 / reason'],
      rows: outside.map(({ clause, title, why }) => [
        clause,
        `${title.ja}\n${title.en}`,
        reasons[why],
      ]),
    },
  ].filter(({ rows }) => rows.length > 0);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
