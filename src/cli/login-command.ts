/**
 * `certdir login` and `certdir logout`: a session with a server's API, for operators without a client certificate.
 *
 * @module
 */

import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import {
  callOpenly,
  connectApi,
  connectSession,
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
  readonly name?: string;
  readonly passwordFile?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly caFile?: string;
}

interface OpenedSession {
  readonly token: string;
  readonly expires: string;
  readonly idleSeconds: number;
  readonly operator: { readonly name: string };
}

/** Adds both commands to the program. */
export function addLoginCommands(program: Command): void {
  program
    .command('login')
    .description('work with the API of a server, with a password or a client certificate')
    .requiredOption('--server <url>', 'e.g. https://ca.example.jp:8444')
    .option('--name <name>', 'the operator, with its password')
    .option('--password-file <file>', 'file with the password, readable by its owner only')
    .option('--certificate <file>', 'or its client certificate, PEM')
    .option('--key <file>', 'and the key of that, PEM, readable by its owner only')
    .option('--ca-file <file>', "PEM of the certificates that the server's is trusted by")
    .addHelpText(
      'after',
      `
Leaves a file (--session, otherwise ${defaultSessionFile}) that request, api, and with --session also operator, verifier,
audit and others work by. A session ends when it is not used for a while; whoever has its file is the operator until then.
${examples(
  'certdir login --server https://ca.example.jp:8444 --ca gunma --name taro \\\n    --password-file taro.password --ca-file server.pem',
  'certdir login --server https://ca.example.jp:8444 --ca gunma --certificate taro.pem --key taro.key',
)}`,
    )
    .action(async (options: LoginOptions, command: Command) => {
      const context = contextOf(command);
      const { ca, session: file = defaultSessionFile } = context;
      if (ca === undefined) {
        throw new UsageError("name the CA with --ca, by its policy's id, e.g. --ca gunma");
      }
      const session = await logIn(options, { ca, command });
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await withOutputFile(file, 0o600, (write) => write(`${JSON.stringify(session)}\n`));
      const { token: _token, trusted: _trusted, ...shown } = session;
      context.output.answer(shown, () => formatLogin(session));
    });
  program
    .command('logout')
    .description('end the session')
    .addHelpText('after', examples('certdir logout'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const file = context.session ?? defaultSessionFile;
      const { call } = await connectSession(file);
      await call({ method: 'DELETE', path: '/session' });
      await removeOutputFile(file);
      context.output.answer({ loggedOut: true }, () => 'The session has ended');
    });
}

async function logIn(
  options: LoginOptions,
  { ca, command }: { readonly ca: string; readonly command: Command },
): Promise<StoredSession> {
  const { name, passwordFile, certificate, key, caFile } = options;
  const server = serverUrl(options.server);
  const trusted = caFile === undefined ? undefined : await readTrusted(caFile);
  const at = { server: server.origin, ca, ...(trusted === undefined ? {} : { trusted }) };
  if (certificate !== undefined && key !== undefined) {
    const { call } = await connectApi(options, command);
    const { name: operator } = await call<{ name: string }>({ method: 'GET', path: '/session' });
    return { ...at, operator, certificateFile: resolve(certificate), keyFile: resolve(key) };
  }
  if (name === undefined || passwordFile === undefined) {
    throw new UsageError('give --name and --password-file, or --certificate and --key');
  }
  const password = await readSecretFile(passwordFile);
  const { token, expires, operator } = await callOpenly<OpenedSession>(
    { server, ca, trusted },
    { method: 'POST', path: '/sessions', body: { name, password } },
  );
  return { ...at, operator: operator.name, token, expires };
}

function formatLogin({ operator, server, ca, expires }: StoredSession): string {
  const until = expires === undefined ? '' : `, until ${expires} at the latest`;
  return `${operator} is logged in at ${server} (${ca})${until}`;
}
