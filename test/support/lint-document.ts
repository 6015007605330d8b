/**
 * The tables of docs/lint.md, from the rules themselves.
 *
 * @module
 */

import { certificateLintRules } from '../../src/ca/lint/lint.ts';
import { listLintRules } from '../../src/ca/lint/list-rules.ts';
import { answerLintRules } from '../../src/ocsp/answer-rules.ts';

interface DescribedRule {
  readonly id: string;
  readonly source: string;
  readonly severity: string;
  readonly holds: string;
}

export const lintTables: Readonly<Record<string, readonly DescribedRule[]>> = {
  Certificates: certificateLintRules,
  Lists: listLintRules,
  'OCSP answers': answerLintRules,
};

/** A section with a heading and a table for each kind of what is signed. */
export function formatLintTables(): string {
  return Object.entries(lintTables)
    .map(([title, rules]) =>
      [
        `## ${title}`,
        '',
        '| rule | source | severity | what holds |',
        '| --- | --- | --- | --- |',
        ...rules.map((one) => `| \`${one.id}\` | ${one.source} | ${one.severity} | ${one.holds} |`),
      ].join('\n'),
    )
    .join('\n\n');
}
