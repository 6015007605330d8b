/**
 * The conformance report (R-CPS): for each clause of a practice statement, in the statement's order, the settings that
 * carry it, the tests that show it and whether they passed when they last ran, or why it is outside the software.
 *
 * Not here: how it looks (`conformance-formats.ts`).
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import type { LocalizedText, Policy } from '../ca/policy/policy.ts';
import { ConfigError } from '../config/errors.ts';
import {
  type CarriedClause,
  numberOf,
  type OutsideReason,
  type Statement,
  settingAt,
} from './statement.ts';

export type TestVerdict = 'passed' | 'failed' | 'skipped' | 'not run';

export interface ConformanceTest {
  /** `test/ca/cadence.test.ts` */
  readonly file: string;
  /** Of a test, or of a group of them. */
  readonly name: string;
  readonly verdict: TestVerdict;
}

interface Entry {
  readonly clause: string;
  readonly title: LocalizedText;
}

/** A heading that holds nothing but headings. */
export interface ConformanceHeading extends Entry {
  readonly kind: 'heading';
}

export interface ConformanceClause extends Entry {
  readonly kind: 'carried';
  readonly settings: readonly {
    readonly path: string;
    /** As JSON, or in words where it is long. */
    readonly value: string;
  }[];
  readonly tests: readonly ConformanceTest[];
  /** Tests are named and all of them passed. */
  readonly isShown: boolean;
  readonly note: LocalizedText | undefined;
}

export interface ConformanceOutside extends Entry {
  readonly kind: 'outside';
  readonly why: OutsideReason;
  readonly note: LocalizedText | undefined;
}

export type ConformanceEntry = ConformanceHeading | ConformanceClause | ConformanceOutside;

export interface ConformanceTotals {
  readonly clauses: number;
  readonly carried: number;
  /** Of those carried: shown by tests that passed, and without any test. */
  readonly shown: number;
  readonly withoutTest: number;
  readonly outside: Readonly<Partial<Record<OutsideReason, number>>>;
  readonly tests: number;
  readonly testsPassed: number;
}

export interface ConformanceReport {
  readonly preset: string;
  readonly title: LocalizedText;
  readonly statement: Policy['statement'];
  /** When tests last ran, in ISO 8601; undefined when no record of that is there. */
  readonly testedAt: string | undefined;
  readonly totals: ConformanceTotals;
  /** In the statement's order. */
  readonly entries: readonly ConformanceEntry[];
}

/** What `npm test` leaves behind: names of tests and groups by file, with what became of them. */
export interface TestResults {
  readonly finishedAt: string;
  readonly files: Readonly<Record<string, Readonly<Record<string, TestVerdict>>>>;
}

const MAX_RESULTS_BYTES = 32 * 1024 * 1024;

/**
 * The record of the last run.
 *
 * @returns Undefined when there is none.
 * @throws {ConfigError} `CONFIG_INVALID` when the file is none of ours.
 */
export async function readTestResults(file: string): Promise<TestResults | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  const refuse = (): never => {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${file} is no record of a test run; run npm test, or name another file`,
    );
  };
  if (text.length > MAX_RESULTS_BYTES) {
    return refuse();
  }
  try {
    const results = JSON.parse(text) as TestResults;
    return typeof results.finishedAt === 'string' && typeof results.files === 'object'
      ? results
      : refuse();
  } catch {
    return refuse();
  }
}

/** What a report is made from. */
export interface ConformanceSources {
  readonly policy: Policy;
  readonly statement: Statement;
  readonly results: TestResults | undefined;
}

/** Puts the report together. */
export function makeConformanceReport(sources: ConformanceSources): ConformanceReport {
  const { policy, statement, results } = sources;
  const entries = statement.headings.flatMap(({ number, ja, en }): ConformanceEntry[] => {
    const title = { ja, en };
    const isOf = ({ clause }: { readonly clause: string }): boolean => numberOf(clause) === number;
    const carried = statement.clauses
      .filter(isOf)
      .map((one): ConformanceEntry => carriedEntry(one, title, sources));
    const outside = statement.outside.filter(isOf).map(
      ({ clause, why, note, title: ownTitle = title }): ConformanceEntry => ({
        kind: 'outside',
        clause,
        title: ownTitle,
        why,
        note,
      }),
    );
    const answers = [...carried, ...outside];
    const isWhole = answers.some(({ clause }) => clause === number);
    return isWhole ? answers : [{ kind: 'heading', clause: number, title }, ...answers];
  });
  return {
    preset: policy.id,
    title: policy.title,
    statement: policy.statement,
    testedAt: results?.finishedAt,
    totals: totalsOf(entries),
    entries,
  };
}

function carriedEntry(
  clause: CarriedClause,
  title: LocalizedText,
  { policy, results }: ConformanceSources,
): ConformanceClause {
  const tests = clause.tests.map((test) => verdictOf(test, results));
  return {
    kind: 'carried',
    clause: clause.clause,
    title: clause.title ?? title,
    settings: clause.settings.map((path) => ({ path, value: valueAt(policy, path) })),
    tests,
    isShown: tests.length > 0 && tests.every(({ verdict }) => verdict === 'passed'),
    note: clause.note,
  };
}

function totalsOf(entries: readonly ConformanceEntry[]): ConformanceTotals {
  const carried = entries.filter((one) => one.kind === 'carried');
  const outside: Partial<Record<OutsideReason, number>> = {};
  for (const entry of entries) {
    if (entry.kind === 'outside') {
      outside[entry.why] = (outside[entry.why] ?? 0) + 1;
    }
  }
  const tests = new Map(
    carried.flatMap((one) => one.tests.map((test) => [`${test.file}: ${test.name}`, test])),
  );
  return {
    clauses: entries.filter(({ kind }) => kind !== 'heading').length,
    carried: carried.length,
    shown: carried.filter(({ isShown }) => isShown).length,
    withoutTest: carried.filter((one) => one.tests.length === 0).length,
    outside,
    tests: tests.size,
    testsPassed: [...tests.values()].filter(({ verdict }) => verdict === 'passed').length,
  };
}

function verdictOf(test: string, results: TestResults | undefined): ConformanceTest {
  const cut = test.indexOf(': ');
  const [file, name] = [test.slice(0, cut), test.slice(cut + 2)];
  const names = results?.files[file];
  const verdict = names !== undefined && Object.hasOwn(names, name) ? names[name] : undefined;
  return { file, name, verdict: verdict ?? 'not run' };
}

/** Longer values are told by how many they are. */
const MAX_VALUE_CHARACTERS = 240;

function valueAt(policy: Policy, path: string): string {
  const value = settingAt(policy, path);
  const text = JSON.stringify(value) ?? 'not set';
  if (text.length <= MAX_VALUE_CHARACTERS) {
    return text;
  }
  return Array.isArray(value)
    ? `${value.length} items`
    : `${Object.keys(value as object).length} settings: ${Object.keys(value as object).join(', ')}`;
}
