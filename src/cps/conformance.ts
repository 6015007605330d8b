/**
 * The conformance report (R-CPS): for each clause of a practice statement the settings that carry it, the tests that
 * show it and whether they passed when they last ran, or why it is outside the software.
 *
 * Not here: how it looks (`conformance-formats.ts`).
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import type { LocalizedText, OutsideReason, Policy } from '../ca/policy/policy.ts';
import { ConfigError } from '../config/errors.ts';

export type TestVerdict = 'passed' | 'failed' | 'skipped' | 'not run';

export interface ConformanceTest {
  /** `test/ca/cadence.test.ts` */
  readonly file: string;
  /** Of a test, or of a group of them. */
  readonly name: string;
  readonly verdict: TestVerdict;
}

export interface ConformanceClause {
  readonly clause: string;
  readonly title: LocalizedText;
  readonly settings: readonly {
    readonly path: string;
    /** As JSON, or in words where it is long. */
    readonly value: string;
  }[];
  readonly tests: readonly ConformanceTest[];
}

export interface ConformanceReport {
  readonly preset: string;
  readonly title: LocalizedText;
  readonly statement: Policy['statement'];
  /** When tests last ran, in ISO 8601; undefined when no record of that is there. */
  readonly testedAt: string | undefined;
  readonly carried: readonly ConformanceClause[];
  readonly outside: readonly {
    readonly clause: string;
    readonly title: LocalizedText;
    readonly why: OutsideReason;
  }[];
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

/** Puts the report together. */
export function makeConformanceReport(
  policy: Policy,
  results: TestResults | undefined,
): ConformanceReport {
  return {
    preset: policy.id,
    title: policy.title,
    statement: policy.statement,
    testedAt: results?.finishedAt,
    carried: policy.clauses.map(({ clause, title, settings, tests }) => ({
      clause,
      title,
      settings: settings.map((path) => ({ path, value: valueAt(policy, path) })),
      tests: tests.map((test) => verdictOf(test, results)),
    })),
    outside: policy.outside,
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
const MAX_VALUE_CHARACTERS = 160;

function valueAt(policy: Policy, path: string): string {
  let value: unknown = policy;
  for (const name of path.split('.')) {
    const isHolder = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
    value = isHolder ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  }
  if (path === 'utcOffset') {
    return `${policy.utcOffsetMs / 3_600_000} h`;
  }
  const text = JSON.stringify(value) ?? 'not set';
  if (text.length <= MAX_VALUE_CHARACTERS) {
    return text;
  }
  return Array.isArray(value)
    ? `${value.length} items`
    : `${Object.keys(value as object).length} settings: ${Object.keys(value as object).join(', ')}`;
}
