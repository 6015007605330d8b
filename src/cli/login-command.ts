/**
 * `certdir login` and `certdir logout`: a session with a server's API, for operators without a client certificate.
 *
 * @module
 */

import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import {
  type ConnectionOptions,
  callOpenly,
  connectApi,
  defaultSessionFile,
  readTrusted,
  type StoredSession,
  serverUrl,
} from './api-connection.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { removeOutputFile, withOutputFile } from './output-file.ts';
import { UsageError } from './usage-error.ts';

interface LoginOptions {
  readonly server: string;
  readonly name: string;
  readonly passwordFile: string;
  readonly caFile?: string;
  readonly sessionFile?: string;
}

interface OpenedSession {
  readonly token: string;
  readonly expires: string;
  readonly idleSeconds: number;
  readonly operator: { readonly name: string; readonly roles: readonly string[] };
}

/** Adds both commands to the program. */
export function addLoginCommands(program: Command): void {
  program
    .command('login')
    .description('open a session with the API of a server')
    .requiredOption('--server <url>', 'e.g. https://ca.example.jp:8444')
    .requiredOption('--name <name>', 'the operator')
    .requiredOption('--password-file <file>', 'file with the password, readable by its owner only')
    .option('--ca-file <file>', "PEM of the certificates that the server's is trusted by")
    .option('--session-file <file>', `where the session is kept (${defaultSessionFile})`)
    .addHelpText(
      'after',
      `\nThe session ends when it is not used for a while. Whoever has its file is the operator until then.\n${examples(
        'certdir login --server https://ca.example.jp:8444 --ca gunma --name taro \\\n    --password-file taro.password --ca-file server.pem',
      )}`,
    )
    .action(async (options: LoginOptions, command: Command) => {
      const context = contextOf(command);
      const { session, idleSeconds } = await logIn(options, caOf(command));
      const { token: _token, trusted: _trusted, ...shown } = session;
      context.output.answer({ ...shown, idleSeconds }, () =>
        [
          `${session.operator} is logged in at ${session.server} (${session.ca})`,
          `until ${session.expires}, or ${Math.round(idleSeconds / 60)} minutes without use`,
        ].join('\n'),
      );
    });
  program
    .command('logout')
    .description('end the session')
    .option('--session-file <file>', `where the session is kept (${defaultSessionFile})`)
    .addHelpText('after', examples('certdir logout'))
    .action(async (options: ConnectionOptions, command: Command) => {
      const context = contextOf(command);
      const { call } = await connectApi(options, command);
      await call({ method: 'DELETE', path: '/session' });
      await removeOutputFile(options.sessionFile ?? defaultSessionFile);
      context.output.answer({ loggedOut: true }, () => 'The session has ended');
    });
}

/** Of several CAs on one server each has operators of its own. */
function caOf(command: Command): string {
  const { ca } = command.optsWithGlobals<{ ca?: string }>();
  if (ca === undefined) {
    throw new UsageError("name the CA with --ca, by its policy's id, e.g. --ca gunma");
  }
  return ca;
}

async function logIn(
  options: LoginOptions,
  ca: string,
): Promise<{ readonly session: StoredSession; readonly idleSeconds: number }> {
  const { name, passwordFile, caFile } = options;
  const server = serverUrl(options.server);
  const trusted = caFile === undefined ? undefined : await readTrusted(caFile);
  const password = await readSecretFile(passwordFile);
  const opened = await callOpenly<OpenedSession>(
    { server, ca, trusted },
    { method: 'POST', path: '/sessions', body: { name, password } },
  );
  const session = {
    ...{ server: server.origin, ca, token: opened.token, expires: opened.expires },
    operator: opened.operator.name,
    ...(trusted === undefined ? {} : { trusted }),
  };
  const file = options.sessionFile ?? defaultSessionFile;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await withOutputFile(file, 0o600, (write) => write(`${JSON.stringify(session)}\n`));
  return { session, idleSeconds: opened.idleSeconds };
}
