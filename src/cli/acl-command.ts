/**
 * `certdir acl …`: what the access rules come to.
 *
 * @module
 */

import { isIP } from 'node:net';
import type { Command } from 'commander';

import type {
  AccessExplanation,
  ExplainedTls,
  ItemExplanation,
} from '../directory/access/access-explanation.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

interface ExplainOptions {
  readonly as: string;
  readonly on: string;
  readonly attr?: string;
  readonly tls: string;
  readonly address?: string;
}

const tlsLevels: readonly ExplainedTls[] = ['none', 'tls', 'client'];

/** Adds the command to the program. */
export function addAclCommand(program: Command): void {
  const acl = program.command('acl').description("look at what the policy's access rules come to");
  acl
    .command('explain')
    .description('what someone may do with an entry, and which rule says so')
    .requiredOption('--as <dn>', "who: an account's name, or anonymous")
    .requiredOption('--on <dn>', 'the entry')
    .option(
      '--attr <attribute>',
      'one attribute, entry or children; all that the entry has if absent',
    )
    .option(
      '--tls <level>',
      'none, tls, or client: TLS and a bind with a client certificate',
      'none',
    )
    .option('--address <address>', "the peer's address, for rules that look at it")
    .addHelpText(
      'after',
      examples(
        'certdir acl explain --as anonymous --on "CN=Maebashi-shi CRLDP,…" --tls tls',
        'certdir acl explain --as "CN=tax-office,OU=Verifiers,…" --on "CN=Maebashi-shi CRLDP,…" --tls tls \\\n' +
          '    --attr certificateRevocationList --address 192.0.2.7 --json',
      ),
    )
    .action(async (options: ExplainOptions, command: Command) => {
      const context = contextOf(command);
      const question = questionOf(options);
      const explanation = await withOperations(context, (operations) =>
        operations.explainAccess(question),
      );
      const isDetailed = options.attr !== undefined;
      context.output.answer(explanation, () => formatExplanation(explanation, isDetailed));
    });
}

function questionOf({ as, on, attr, tls, address }: ExplainOptions): {
  readonly as?: string;
  readonly on: string;
  readonly attribute?: string;
  readonly tls: ExplainedTls;
  readonly address?: string;
} {
  if (as === '') {
    throw new UsageError("--as is the name of an account's entry, or anonymous");
  }
  const level = tlsLevels.find((each) => each === tls);
  if (level === undefined) {
    throw new UsageError(`--tls is ${tlsLevels.join(', ')}; found ${tls}`);
  }
  if (address !== undefined && isIP(address) === 0) {
    throw new UsageError(`--address is an IPv4 or IPv6 address; found ${address}`);
  }
  return {
    on,
    tls: level,
    ...(as === 'anonymous' ? {} : { as }),
    ...(attr === undefined ? {} : { attribute: attr }),
    ...(address === undefined ? {} : { address }),
  };
}

const connections: Readonly<Record<ExplainedTls, string>> = {
  none: 'in clear',
  tls: 'TLS',
  client: 'TLS, bound with a client certificate',
};

function formatExplanation(explanation: AccessExplanation, isDetailed: boolean): string {
  const { as, judgedAs, on, tls, address, items, notes } = explanation;
  const facts = [
    ['as', as],
    ...(judgedAs === as ? [] : [['judged as', judgedAs]]),
    ['on', on],
    ['over', `${connections[tls]}, ${address === null ? 'no address' : `from ${address}`}`],
    ...notes.map((note) => ['note', note]),
  ];
  const body = isDetailed ? items.map(formatItem).join('\n\n') : formatItems(items);
  return [...facts.map(([name = '', value = '']) => `${name.padEnd(9)}  ${value}`), '', body].join(
    '\n',
  );
}

/** One line an item: each right with the number of the rule that decides. */
function formatItems(items: readonly ItemExplanation[]): string {
  const header = items[0]?.rights.map(({ right }) => right) ?? [];
  const table = formatTable(
    ['', 'rule', ...header],
    items.map(({ item, rights }) => [
      item,
      ruleNumber(rights[0]),
      ...rights.map(({ isGranted }) => (isGranted ? 'yes' : '-')),
    ]),
  );
  return `${table}\n\nrule: the one that decides, from 1; --attr says why`;
}

function formatItem({ item, isPresent, rights, passed }: ItemExplanation): string {
  const table = formatTable(
    [item, '', 'rule', 'why'],
    rights.map((decided) => [
      decided.right,
      decided.isGranted ? 'yes' : 'no',
      ruleText(decided),
      decided.why,
    ]),
  );
  const absent = isPresent === false ? [`The entry has no ${item} now.`, ''] : [];
  const above = passed.map(
    (one) => `  rule ${ruleText(one)} (${one.rights.join(', ')}): ${one.why}`,
  );
  return [
    ...absent,
    table,
    ...(above.length === 0
      ? []
      : ['', 'Rules that come first, grant something and do not fit:', ...above]),
  ].join('\n');
}

interface NumberedRule {
  readonly rule: number | null;
  readonly policy?: string;
  readonly ruleName: string | null;
}

/** `5`, where each CA has its own rules `gunma 5`. */
function ruleNumber({ rule = null, policy }: Partial<NumberedRule> = {}): string {
  return rule === null ? '-' : policy === undefined ? String(rule) : `${policy} ${rule}`;
}

function ruleText(rule: NumberedRule): string {
  return rule.ruleName === null ? ruleNumber(rule) : `${ruleNumber(rule)} (${rule.ruleName})`;
}
