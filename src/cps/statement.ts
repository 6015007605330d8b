/**
 * The clauses of a practice statement, from the file that a policy names (`cps/clauses/*.yaml`): every numbered
 * heading, which settings and tests carry the clause below it, or why it is outside the software (R-CPS).
 *
 * A CA runs without it; only the conformance report and `certdir cps check` read it. The statement's text is not here.
 *
 * @module
 */

import { z } from 'zod';

import type { LocalizedText, Policy } from '../ca/policy/policy.ts';
import { ConfigError } from '../config/errors.ts';
import { strictObject } from '../config/strict-object.ts';
import { loadYamlFile, locateInYamlFile } from '../config/yaml-file.ts';

/** A numbered heading of the statement. */
export interface StatementHeading extends LocalizedText {
  /** As printed: `4-4-9`, `7.1.2`. */
  readonly number: string;
}

/** A clause, or an item of one, that the software carries. */
export interface CarriedClause {
  /** A heading's number, or one with an item: `1-3-1 (9)-(12)`. */
  readonly clause: string;
  /** Of items; a heading has its own. */
  readonly title?: LocalizedText | undefined;
  /** Paths into the policy, e.g. `crl.periodHours`; none where nothing can be chosen. */
  readonly settings: readonly string[];
  /** The tests that show it, as `test/ca/cadence.test.ts: name of a test or of a group of them`. */
  readonly tests: readonly string[];
  /** What of the clause people carry, and what is missing. */
  readonly note?: LocalizedText | undefined;
}

export const outsideReasons = [
  /** Rooms, power, doors, other machines. */
  'premises',
  /** People and their organisation. */
  'people',
  'law',
  'money',
  /** Words about the statement itself, its parties and terms. */
  'document',
  /** The statement says that it says nothing. */
  'unstipulated',
  /** Software could carry it, and this one does not. */
  'missing',
] as const;

/** Why a clause is not carried. */
export type OutsideReason = (typeof outsideReasons)[number];

export interface OutsideClause {
  readonly clause: string;
  readonly title?: LocalizedText | undefined;
  readonly why: OutsideReason;
  readonly note?: LocalizedText | undefined;
}

export interface Statement {
  readonly formatVersion: 1;
  readonly headings: readonly StatementHeading[];
  readonly clauses: readonly CarriedClause[];
  readonly outside: readonly OutsideClause[];
}

const text = z.string().min(1);
const localized = strictObject({ ja: text, en: text });
const number = z
  .string('a number as printed, in quotes')
  .regex(/^[0-9]+([.-][0-9]+)*$/, 'a number as printed, e.g. "4-4-9"');
const clauseName = z
  .string('a clause as printed, in quotes')
  .regex(/^[0-9]+([.-][0-9]+)*( .+)?$/, 'a number as printed, and an item after a space');

const carried: z.ZodType<CarriedClause> = strictObject({
  clause: clauseName,
  title: localized.optional(),
  settings: z.array(text).default([]),
  tests: z
    .array(z.string().regex(/^test\/[a-z0-9/-]+\.test\.ts: .+$/, 'test/folder/file.test.ts: name'))
    .default([]),
  note: localized.optional(),
}).refine(({ settings, tests, note }) => settings.length + tests.length > 0 || note, {
  path: ['settings'],
  message: 'a setting, a test or a note; a clause outside the software stands under outside',
});

const outside: z.ZodType<OutsideClause> = strictObject({
  clause: clauseName,
  title: localized.optional(),
  why: z.enum(outsideReasons),
  note: localized.optional(),
});

export const statementSchema: z.ZodType<Statement> = strictObject({
  formatVersion: z.literal(1),
  headings: z.array(strictObject({ number, ja: text, en: text })).min(1),
  clauses: z.array(carried),
  outside: z.array(outside),
}).superRefine((statement, context) => {
  for (const { path, message } of faultsOf(statement)) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
});

/** The schema as JSON Schema (draft 2020-12), for editors. */
export function statementJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(statementSchema, {
    io: 'input',
    unrepresentable: 'any',
  });
  const title = 'certdir clauses';
  return { $schema, title, description: 'The clauses of a practice statement.', ...rest };
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Every heading is answered, or holds headings that are; nothing is there twice, everything has a title. */
function faultsOf({ headings, clauses, outside: left }: Statement): readonly Fault[] {
  const numbers = headings.map((heading) => heading.number);
  const answers = [
    ...clauses.map((one, index) => ({ ...one, path: ['clauses', index] as const })),
    ...left.map((one, index) => ({ ...one, path: ['outside', index] as const })),
  ];
  const answered = new Set(answers.map(({ clause }) => numberOf(clause)));
  const faults: Fault[] = [];
  for (const [index, one] of numbers.entries()) {
    if (numbers.indexOf(one) !== index) {
      faults.push({ path: ['headings', index, 'number'], message: 'is there twice' });
    } else if (!answered.has(one) && !numbers.some((other) => isBelow(other, one))) {
      faults.push({
        path: ['headings', index, 'number'],
        message: 'is among neither clauses nor outside, and has no headings below it',
      });
    }
  }
  for (const [index, { clause, title, path }] of answers.entries()) {
    if (answers.findIndex((other) => other.clause === clause) !== index) {
      faults.push({ path: [...path, 'clause'], message: 'is there twice' });
    }
    if (!numbers.includes(numberOf(clause))) {
      faults.push({ path: [...path, 'clause'], message: 'is below no heading of the statement' });
    }
    if (numbers.includes(clause) === (title !== undefined)) {
      const message = 'an item has a title of its own, and a heading has that of headings';
      faults.push({ path: [...path, 'title'], message });
    }
  }
  return faults;
}

/** Whether one heading stands below another, at any depth. */
export function isBelow(one: string, other: string): boolean {
  return one.length > other.length && one.startsWith(other) && /[.-]/.test(one[other.length] ?? '');
}

/** The heading's number of a clause. */
export function numberOf(clause: string): string {
  return clause.split(' ')[0] ?? clause;
}

/**
 * Reads a policy's clauses.
 *
 * @returns Undefined where the policy names none.
 * @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`.
 */
export async function loadStatement({ clausesFile }: Policy): Promise<Statement | undefined> {
  return clausesFile === undefined ? undefined : await loadYamlFile(clausesFile, statementSchema);
}

/**
 * Holds that every setting that a clause names is set.
 *
 * @throws {ConfigError} `CONFIG_INVALID` with the place of the first that is not.
 */
export async function assertSettings(policy: Policy, { clauses }: Statement): Promise<void> {
  for (const [index, { settings }] of clauses.entries()) {
    for (const [at, setting] of settings.entries()) {
      if (settingAt(policy, setting) === undefined) {
        const place = ['clauses', index, 'settings', at];
        const where = await locateInYamlFile(policy.clausesFile ?? '', place);
        const message = `${where}: "${setting}" is no setting of the policy ${policy.id}`;
        throw new ConfigError('CONFIG_INVALID', message);
      }
    }
  }
}

/**
 * The value of a setting by its path; undefined when it is not set. Members of lists go by their `id` or `type`:
 * `crl.scopes.arl.partition`, `profiles.link.extensions.keyUsage`.
 */
export function settingAt(policy: Policy, path: string): unknown {
  if (path === 'utcOffset') {
    return `${policy.utcOffsetMs / 3_600_000} h`;
  }
  if (path === 'municipalities') {
    return `${policy.municipalities.list.length} municipalities`;
  }
  return path.split('.').reduce<unknown>(memberOf, policy);
}

function memberOf(value: unknown, name: string): unknown {
  if (Array.isArray(value)) {
    return value.find((one: unknown) => ['id', 'type'].some((key) => own(one, key) === name));
  }
  return own(value, name);
}

function own(value: unknown, name: string): unknown {
  const isHolder = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return isHolder ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
