/**
 * `certdir request …`: requests as the people of a CA handle them, over the API of its server. Each operator works as
 * itself, with a session or a client certificate; the machine's administrator is none of them.
 *
 * @module
 */

import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';

import { readJson } from './api-command.ts';
import {
  type ApiConnection,
  type ConnectionOptions,
  connectApi,
  withConnection,
} from './api-connection.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

/** As the API shows a request (`http/api/request-routes.ts`). */
interface ShownRequest {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly description: { readonly ja: string; readonly en: string };
  readonly input: Readonly<Record<string, unknown>>;
  readonly submittedAt: string;
  readonly steps: readonly {
    readonly step: string;
    readonly decision: string;
    readonly at: string;
    readonly operator: string;
    readonly note: string;
  }[];
  readonly next: string | null;
  readonly hash: string;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/** Adds the command to the program. */
export function addRequestCommand(program: Command): void {
  const request = program
    .command('request')
    .description('requests on their way: received, examined, approved, carried out');
  addSubmit(request);
  addBulk(request);
  addList(request);
  addShow(request);
  addDecision(request, 'receive', 'receive what an applicant has submitted');
  addDecision(request, 'examine', 'say that a request is as it should be');
  addDecision(request, 'approve', 'approve exactly what was looked at');
  addDecision(request, 'execute', 'carry a request out');
  addDecision(request, 'reject', 'say no, in the place of the next step');
  addDecision(request, 'withdraw', 'take a request back');
}

interface SubmitOptions extends ConnectionOptions {
  readonly input?: string;
  readonly serial?: string;
  readonly reason?: string;
  readonly note?: string;
}

function addSubmit(request: Command): void {
  withConnection(
    request
      .command('submit')
      .description('receive a request')
      .argument('<kind>', 'issue, renew, revoke, hold, release, …')
      .option('--input <file>', 'what is asked for, JSON; - reads standard input')
      .option('--serial <serial>', 'the certificate, of kinds that are about one')
      .option('--reason <reason>', 'why it is revoked, by its name in RFC 5280')
      .option('--note <text>', 'for the record'),
  )
    .addHelpText(
      'after',
      examples(
        'certdir request submit revoke --serial 4F2A…9C --reason keyCompromise --note 2026-118',
        'certdir request submit issue --input citizen.json',
      ),
    )
    .action(async (kind: string, options: SubmitOptions, command: Command) => {
      const context = contextOf(command);
      const body = { kind, input: await inputOf(options), ...noteOf(options) };
      const { call } = await connectApi(options, command);
      const shown = await call<ShownRequest>({ method: 'POST', path: '/requests', body });
      context.output.answer(shown, () => formatRequest(shown));
    });
}

async function inputOf({ input, serial, reason }: SubmitOptions): Promise<unknown> {
  const about = {
    ...(serial === undefined ? {} : { serialNumber: serial }),
    ...(reason === undefined ? {} : { reason }),
  };
  if (input === undefined) {
    return about;
  }
  const read = await readJson(input);
  if (typeof read !== 'object' || read === null || Array.isArray(read)) {
    throw new UsageError(`${input} is no JSON object`);
  }
  return { ...read, ...about };
}

function noteOf({ note }: { readonly note?: string }): { readonly note?: string } {
  return note === undefined ? {} : { note };
}

interface BulkAnswer {
  readonly results: readonly {
    readonly request?: ShownRequest;
    readonly problem?: { readonly code: string; readonly detail: string };
  }[];
}

function addBulk(request: Command): void {
  withConnection(
    request
      .command('bulk')
      .description('receive many requests: one that is refused stops none of the others')
      .argument('<file>', 'JSON array of {"kind", "input", "note"}; - reads standard input'),
  )
    .addHelpText('after', examples('certdir request bulk notices-of-may.json --json'))
    .action(async (file: string, options: ConnectionOptions, command: Command) => {
      const context = contextOf(command);
      const { call } = await connectApi(options, command);
      const body = { requests: await readJson(file) };
      const answer = await call<BulkAnswer>({ method: 'POST', path: '/requests/bulk', body });
      context.output.answer(answer, () =>
        answer.results
          .map(({ request: shown, problem }, index) =>
            shown === undefined
              ? `${index + 1}: refused, ${problem?.code}: ${problem?.detail}`
              : `${index + 1}: ${shown.id} ${shown.state}`,
          )
          .join('\n'),
      );
    });
}

interface ListOptions extends ConnectionOptions {
  readonly state?: string;
  readonly kind?: string;
  readonly subject?: string;
  readonly mine?: boolean;
  readonly after?: string;
  readonly limit?: string;
}

function addList(request: Command): void {
  withConnection(
    request
      .command('list')
      .description('list requests that one may see, oldest first')
      .option('--state <state>', 'open, or a state such as received')
      .option('--kind <kind>', 'of one kind')
      .option('--subject <name>', 'about one thing, e.g. serial:4F2A…9C')
      .option('--mine', 'only those whose next step one may take')
      .option('--after <id>', 'behind this one')
      .option('--limit <count>', 'so many at most'),
  )
    .addHelpText(
      'after',
      examples('certdir request list --mine', 'certdir request list --state open'),
    )
    .action(async (options: ListOptions, command: Command) => {
      const context = contextOf(command);
      const { call } = await connectApi(options, command);
      const { state, kind, subject, mine, after, limit } = options;
      const wanted = {
        state,
        kind,
        subject,
        mine: mine === true ? 'true' : undefined,
        after,
        limit,
      };
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(wanted)) {
        if (value !== undefined) {
          query.set(name, value);
        }
      }
      const path = query.size === 0 ? '/requests' : `/requests?${query}`;
      const { requests } = await call<{ readonly requests: readonly ShownRequest[] }>({
        ...{ method: 'GET', path },
      });
      context.output.answer(requests, () =>
        requests.length === 0 ? 'There is no such request.' : formatRequests(requests),
      );
    });
}

function addShow(request: Command): void {
  withConnection(
    request
      .command('show')
      .description('show a request, its steps, and the hash to be approved')
      .argument('<id>', 'the request'),
  )
    .addHelpText('after', examples('certdir request show 20260105-4F2A'))
    .action(async (id: string, options: ConnectionOptions, command: Command) => {
      const context = contextOf(command);
      const shown = await read(await connectApi(options, command), id);
      context.output.answer(shown, () => formatRequest(shown));
    });
}

type Decision = 'receive' | 'examine' | 'approve' | 'execute' | 'reject' | 'withdraw';

interface DecisionOptions extends ConnectionOptions {
  readonly hash?: string;
  readonly note?: string;
  readonly passwordFile?: string;
}

function addDecision(request: Command, decision: Decision, description: string): void {
  const needsHash = decision === 'approve' || decision === 'execute';
  const command = request
    .command(decision)
    .description(description)
    .argument('<id>', 'the request');
  const hash = [
    '--hash <hash>',
    'of the request that was looked at (certdir request show)',
  ] as const;
  if (needsHash) {
    command.option(
      '--password-file <file>',
      'with the last step, where a file with a key is made: its password; readable by its owner only',
    );
  }
  withConnection(
    (needsHash ? command.requiredOption(...hash) : command.option(...hash)).option(
      '--note <text>',
      'for the record',
    ),
  )
    .addHelpText(
      'after',
      examples(
        `certdir request ${decision} 20260105-4F2A${needsHash ? ' --hash 9f86d081…' : ' --note 2026-118'}`,
      ),
    )
    .action(async (id: string, options: DecisionOptions, self: Command) => {
      const context = contextOf(self);
      const { call } = await connectApi(options, self);
      const body = {
        ...(options.hash === undefined ? {} : { hash: options.hash }),
        ...noteOf(options),
        ...(options.passwordFile === undefined
          ? {}
          : { password: await readSecretFile(options.passwordFile) }),
      };
      const path = `/requests/${encodeURIComponent(id)}/${decision}`;
      const shown = await call<ShownRequest>({ method: 'POST', path, body });
      context.output.answer(shown, () => formatRequest(shown));
    });
}

function read({ call }: ApiConnection, id: string): Promise<ShownRequest> {
  return call<ShownRequest>({ method: 'GET', path: `/requests/${encodeURIComponent(id)}` });
}

function formatRequests(requests: readonly ShownRequest[]): string {
  return formatTable(
    ['id', 'kind', 'state', 'next', 'asks for'],
    requests.map(({ id, kind, state, next, description }) => [
      ...[id, kind, state, next ?? '-', description.en],
    ]),
  );
}

function formatRequest(shown: ShownRequest): string {
  const { id, kind, state, description, next, hash, steps, input, result, failure } = shown;
  return [
    `${id}  ${kind}  ${state}`,
    description.ja,
    description.en,
    `next      ${next ?? '-'}`,
    `hash      ${hash}`,
    ...steps.map(
      ({ step, decision, at, operator, note }) =>
        `${step.padEnd(9)} ${decision} by ${operator} at ${at}${note === '' ? '' : `: ${note}`}`,
    ),
    `input     ${JSON.stringify(input)}`,
    ...(result === null ? [] : [`result    ${JSON.stringify(result)}`]),
    ...(failure === null ? [] : [`failed    ${failure.code}: ${failure.message}`]),
  ].join('\n');
}
