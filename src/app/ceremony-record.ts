/**
 * The archived record of a ceremony: JSON for programs, text for the binder.
 *
 * @module
 */

import type { CeremonyReport } from '../http/ceremony-operations.ts';

/** The bytes whose SHA-256 the audit log has. */
export function formatCeremonyJson(report: CeremonyReport): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** To be printed and signed by hand. */
export function formatCeremonyText(report: CeremonyReport): string {
  const { id, kind, policy, label, folder, order, master, witnesses, started, closed, steps } =
    report;
  const people = [
    ['ceremony master', master],
    ...witnesses.map((name) => ['witness', name] as const),
  ];
  return [
    `KEY CEREMONY RECORD  ${id}`,
    '',
    `kind      ${kind}`,
    `policy    ${policy}`,
    `key       ${label}`,
    ...(folder === null ? [] : [`folder    ${folder}`]),
    ...(order === undefined ? [] : [`order     ${JSON.stringify(order)}`]),
    `started   ${started}`,
    `closed    ${closed ?? 'NOT CLOSED'}`,
    ...people.map(([role, name]) => `${role}: ${name}`),
    '',
    ...steps.flatMap(({ title, isDone, at, by, note, facts }, index) => [
      `${index + 1}. ${title}`,
      isDone ? `   done ${at ?? ''}${by.length === 0 ? '' : ` by ${by.join(', ')}`}` : '   OPEN',
      ...(note === '' ? [] : [`   ${note}`]),
      ...Object.entries(facts).flatMap(([name, value]) => [
        `   ${name}:`,
        ...value
          .trimEnd()
          .split('\n')
          .map((line) => `     ${line}`),
      ]),
      '',
    ]),
    'Signed:',
    ...people.flatMap(([role, name]) => ['', `${role} ${name}  ______________________________`]),
    '',
  ].join('\n');
}
