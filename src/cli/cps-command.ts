/**
 * `certdir cps …`: policies, the practice statements as data.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';

import type { Policy } from '../ca/policy/policy.ts';
import type { PolicyChange } from '../ca/policy/policy-change.ts';
import { packageRoot } from '../config/package-root.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { ExitCode } from './exit-codes.ts';
import { formatTable } from './output.ts';
import { withOutputFile } from './output-file.ts';
import { UsageError } from './usage-error.ts';

const POLICY = 'a policy file, or the name of a preset';

/** Adds the commands to the program. */
export function addCpsCommand(program: Command): void {
  const cps = program
    .command('cps')
    .description('policies: what practice statements ask for, as data');
  addCheck(cps);
  addDiff(cps);
  addReport(cps);
  addSchema(cps);
}

function addCheck(cps: Command): void {
  cps
    .command('check')
    .description('say everything that is wrong with a policy: file, line, setting, what is allowed')
    .argument('<policy>', POLICY)
    .addHelpText(
      'after',
      examples('certdir cps check ./policy.yaml', 'certdir cps check gunma --json'),
    )
    .action(async (name: string, _options: unknown, command: Command) => {
      const { output } = contextOf(command);
      const { checkPolicy } = await import('../cps/policy-check.ts');
      const report = await checkPolicy(await fileOf(name));
      output.answer(report, () =>
        [
          report.title,
          `statement ${report.statement}`,
          `${report.profiles} profiles, ${report.lists} lists, ${report.accessRules} access rules, ${report.clauses} clauses`,
          '',
          ...report.warnings.map((warning) => `Warning: ${warning}.`),
          'Nothing is wrong with it.',
        ].join('\n'),
      );
    });
}

function addDiff(cps: Command): void {
  cps
    .command('diff')
    .description('what a changed policy means for what was issued; 4 when it would break that')
    .argument('<old>', POLICY)
    .argument('<new>', POLICY)
    .addHelpText(
      'after',
      examples(
        'certdir cps diff /var/lib/certdir/policy.yaml ./policy-2027.yaml',
        'certdir cps diff gunma ./gunma-changed.yaml --json',
      ),
    )
    .action(async (old: string, now: string, _options: unknown, command: Command) => {
      const { output } = contextOf(command);
      const { comparePolicies } = await import('../ca/policy/policy-change.ts');
      const changes = comparePolicies(await load(old), await load(now));
      const breaks = changes.filter(({ effect }) => effect === 'breaks').length;
      output.answer({ isPossible: breaks === 0, changes }, () => formatChanges(changes, breaks));
      process.exitCode = breaks === 0 ? ExitCode.done : ExitCode.refused;
    });
}

interface ReportOptions {
  readonly preset?: string;
  readonly format: string;
  readonly out?: string;
  readonly results?: string;
}

function addReport(cps: Command): void {
  cps
    .command('report')
    .description('clause by clause: the settings that carry it, the tests that show it')
    .argument('[policy]', POLICY)
    .option('--preset <name>', 'the preset, instead of the argument')
    .option('--format <format>', 'markdown, html or json', 'markdown')
    .option('--out <file>', 'write it into a file')
    .option('--results <file>', 'what npm test left behind; dist/test-results.json if absent')
    .addHelpText(
      'after',
      examples(
        'certdir cps report --preset gunma --format html --out conformance-gunma.html',
        'certdir cps report /var/lib/certdir/policy.yaml --json',
      ),
    )
    .action(async (named: string | undefined, options: ReportOptions, command: Command) => {
      const { output } = contextOf(command);
      const { makeConformanceReport, readTestResults } = await import('../cps/conformance.ts');
      const { loadStatement } = await import('../cps/statement.ts');
      const { formatConformanceHtml, formatConformanceMarkdown } = await import(
        '../cps/conformance-formats.ts'
      );
      const results = await readTestResults(
        options.results ?? join(packageRoot, 'dist/test-results.json'),
      );
      const policy = await load(oneOf(named, options.preset));
      const statement = await loadStatement(policy);
      if (statement === undefined) {
        throw new UsageError(
          `the policy ${policy.id} names no clauses: a file in its setting clauses`,
        );
      }
      const report = makeConformanceReport({ policy, statement, results });
      const texts: ReadonlyMap<string, () => string> = new Map([
        ['markdown', () => formatConformanceMarkdown(report)],
        ['html', () => formatConformanceHtml(report)],
        ['json', () => `${JSON.stringify(report, undefined, 2)}\n`],
      ]);
      const text = texts.get(output.isJson ? 'json' : options.format)?.();
      if (text === undefined) {
        throw new UsageError('--format is markdown, html or json');
      }
      if (options.out === undefined) {
        output.answer(report, () => text.replace(/\n$/, ''));
      } else {
        await withOutputFile(options.out, 0o644, (write) => write(text));
        output.answer({ file: options.out }, () => `Written to ${options.out}`);
      }
    });
}

function oneOf(argument: string | undefined, preset: string | undefined): string {
  const name = argument ?? preset;
  if (name === undefined || (argument !== undefined && preset !== undefined)) {
    throw new UsageError('a policy file or --preset, one of the two');
  }
  return name;
}

function addSchema(cps: Command): void {
  cps
    .command('schema')
    .description('the JSON Schema of policy files, for editors')
    .option('--clauses', 'that of the files with clauses')
    .addHelpText(
      'after',
      examples(
        'certdir cps schema > policy.schema.json',
        'certdir cps schema --clauses > clauses.schema.json',
      ),
    )
    .action(async (options: { readonly clauses?: true }, command: Command) => {
      const { output } = contextOf(command);
      const { policyJsonSchema } = await import('../ca/policy/policy-json-schema.ts');
      const { statementJsonSchema } = await import('../cps/statement.ts');
      const schema = options.clauses ? statementJsonSchema() : policyJsonSchema();
      output.answer(schema, () => JSON.stringify(schema, undefined, 2));
    });
}

/** A file that is there, otherwise a preset. */
async function fileOf(name: string): Promise<string> {
  const { shippedPolicyFile } = await import('../ca/policy/policy.ts');
  const isPreset = /^[a-z][a-z0-9-]{0,31}$/.test(name) && !existsSync(name);
  return isPreset ? shippedPolicyFile(name) : name;
}

async function load(name: string): Promise<Policy> {
  const { loadPolicy } = await import('../ca/policy/policy.ts');
  return await loadPolicy(await fileOf(name));
}

const effects: Readonly<Record<PolicyChange['effect'], string>> = {
  breaks: 'BREAKS',
  'next-key': 'with the next key',
  'issued-from-now': 'what is issued from now',
  'at-once': 'with the next start',
  text: 'text',
};

function formatChanges(changes: readonly PolicyChange[], breaks: number): string {
  if (changes.length === 0) {
    return 'The policies say the same.';
  }
  const shown = withoutRepetition(changes);
  const table = formatTable(
    ['setting', 'before', 'after', 'takes effect', 'meaning'],
    shown.map(({ path, before, after, effect, meaning }) => [
      path,
      shorten(before),
      shorten(after),
      effects[effect],
      meaning,
    ]),
  );
  const verdict =
    breaks === 0
      ? 'What was issued stays valid. The new policy counts from the next start.'
      : `${breaks} of these would break what was issued: a CA that exists cannot take this policy.`;
  const left = changes.length - shown.length;
  const rest = left > 0 ? [`and ${left} more lists (--json shows all)`] : [];
  return [table, ...rest, '', verdict].join('\n');
}

const MAX_LISTS = 5;

/** What becomes of one municipality's list becomes of all. */
function withoutRepetition(changes: readonly PolicyChange[]): readonly PolicyChange[] {
  let lists = 0;
  return changes.filter(({ path }) => {
    lists += path.startsWith('crl.scopes.') ? 1 : 0;
    return !path.startsWith('crl.scopes.') || lists <= MAX_LISTS;
  });
}

const MAX_SHOWN = 48;

function shorten(text: string | undefined): string {
  if (text === undefined) {
    return '-';
  }
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
