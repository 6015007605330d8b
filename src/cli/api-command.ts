/**
 * `certdir api …`: what a server's API can do, and any operation of it.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';

import { packageRoot } from '../config/package-root.ts';
import type { ApiRoute } from '../http/api/api-route.ts';
import { type ConnectionOptions, connectApi, withConnection } from './api-connection.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { readInputFile } from './input-file.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

const MAX_BODY_BYTES = 1024 * 1024;

/** Adds the command to the program. */
export function addApiCommand(program: Command): void {
  const api = program.command('api').description("the API of a server, for operators' programs");
  addDescription(api);
  addCall(api);
}

function addDescription(api: Command): void {
  api
    .command('openapi')
    .description('print the description of the API (OpenAPI 3.1, JSON)')
    .addHelpText('after', examples('certdir api openapi > certdir-openapi.json'))
    .action(async (_options: unknown, command: Command) => {
      const { describeApi } = await import('../http/api/openapi.ts');
      const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
        version: string;
      };
      const description = describeApi(await allRoutes(), version);
      contextOf(command).output.answer(description, () => JSON.stringify(description, null, 2));
    });
  api
    .command('list')
    .description('list the operations, and which permission each needs')
    .option('--markdown', 'as docs/api.md has them')
    .addHelpText('after', examples('certdir api list'))
    .action(async (options: { readonly markdown?: boolean }, command: Command) => {
      if (options.markdown === true) {
        const { formatApiTable } = await import('../http/api/api-table.ts');
        process.stdout.write(formatApiTable(await allRoutes()));
        return;
      }
      const operations = (await allRoutes()).map(
        ({ operationId, method, path, access, summary }) => {
          const permission = typeof access === 'string' ? access : access.permission;
          return { operationId, method, path, permission, summary };
        },
      );
      contextOf(command).output.answer(operations, () =>
        formatTable(
          ['operation', 'method', 'path', 'permission'],
          operations.map(({ operationId, method, path, permission }) => [
            ...[operationId, method, path, permission],
          ]),
        ),
      );
    });
}

interface CallOptions extends ConnectionOptions {
  readonly set: readonly string[];
  readonly body?: string;
}

function addCall(api: Command): void {
  withConnection(
    api
      .command('call')
      .description('carry out an operation as an operator')
      .argument('<operation>', 'its name, as certdir api list shows it')
      .option('--set <name=value...>', 'parameters of path and query', [])
      .option('--body <file>', 'the body, JSON; - reads standard input'),
  )
    .addHelpText(
      'after',
      examples(
        'certdir api call showCertificate --set serialNumber=4F2A…9C',
        'certdir api call listRecords --set kind=certificate.issue --set limit=10',
        'echo \'{"scopes":"all"}\' | certdir api call publishLists --body -',
      ),
    )
    .action(async (operationId: string, options: CallOptions, command: Command) => {
      const context = contextOf(command);
      const connection = await connectApi(options, command);
      const body = options.body === undefined ? undefined : await readJson(options.body);
      const { invoke } = await import('./api-operations.ts');
      const answer = await invoke<unknown>(connection, operationId, {
        ...settingsFor(
          (await allRoutes()).find((one) => one.operationId === operationId),
          options.set,
        ),
        ...(body === undefined ? {} : { body }),
      });
      context.output.answer(answer ?? null, () =>
        answer === undefined ? 'done' : JSON.stringify(answer, null, 2),
      );
    });
}

/** Loaded only here: the other commands do not need the shapes of everything. */
async function allRoutes(): Promise<readonly ApiRoute[]> {
  return (await import('../http/api/api-routes.ts')).apiRoutes;
}

/** What is in the path is a parameter of it, everything else of the query. */
function settingsFor(
  route: ApiRoute | undefined,
  settings: readonly string[],
): { readonly params: Record<string, string>; readonly query: Record<string, string> } {
  const given = settings.map(splitSetting);
  const isInPath = ([name]: readonly [string, string]): boolean =>
    route?.path.includes(`{${name}}`) === true;
  return {
    params: Object.fromEntries(given.filter(isInPath)),
    query: Object.fromEntries(given.filter((one) => !isInPath(one))),
  };
}

function splitSetting(setting: string): readonly [string, string] {
  const equals = setting.indexOf('=');
  if (equals < 1) {
    throw new UsageError(`--set takes name=value, not ${setting}`);
  }
  return [setting.slice(0, equals), setting.slice(equals + 1)];
}

/** @throws {UsageError} for what is no JSON. */
export async function readJson(file: string): Promise<unknown> {
  const bytes = await readInputFile(file, { what: 'the body', maxBytes: MAX_BODY_BYTES });
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new UsageError(`${file} is no JSON: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    });
  }
}
