/**
 * A server's API as commands reach it: by an operator's client certificate, or by the session that `certdir login` has
 * opened and left in a file of the operator's own (`--session`). Requests that change something carry an Idempotency-Key and are
 * sent again when the answer is lost, so that nothing is done twice.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import { CertdirError, isCertdirError } from '../core/errors.ts';
import { randomUuid, SystemRandom } from '../core/random.ts';
import type { Problem } from '../http/api/problem.ts';
import { HttpError } from '../http/errors.ts';
import { readInputFile } from './input-file.ts';
import { UsageError } from './usage-error.ts';

/** Where a session is kept when no other file is named. */
export const defaultSessionFile: string = join(homedir(), '.certdir', 'session.json');

/** What `certdir login` leaves. */
export interface StoredSession {
  readonly server: string;
  readonly ca: string;
  readonly operator: string;
  /** A session's, with its end (RFC 3339); otherwise a client certificate is shown. */
  readonly token?: string;
  readonly expires?: string;
  /** Absolute paths. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
  /** PEM that the server's certificate is trusted by; what the system trusts when left out. */
  readonly trusted?: string;
}

export interface ConnectionOptions {
  readonly server?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly caFile?: string;
}

/** Global options of all commands. */
interface GlobalOptions {
  readonly ca?: string;
  readonly session?: string;
}

/** One call of the API. */
export interface ApiCallInput {
  readonly method: string;
  /** Below the CA's path, with its query. */
  readonly path: string;
  readonly body?: unknown;
}

export interface ApiConnection {
  /** @throws {CertdirError} with the server's code; `HTTP_SERVER_UNREACHABLE`. */
  call<T>(input: ApiCallInput): Promise<T>;
}

/** An error that the server answered with; the code is the server's own. */
class ApiRefusal extends CertdirError {}

/** Adds the options by which a command finds its server. */
export function withConnection(command: Command): Command {
  return command
    .option('--server <url>', 'the API of a server, e.g. https://ca.example.jp:8444')
    .option('--certificate <file>', 'client certificate of the operator, PEM')
    .option('--key <file>', 'its key, PEM, readable by its owner only')
    .option('--ca-file <file>', "PEM of the certificates that the server's is trusted by");
}

interface Access {
  readonly server: URL;
  readonly ca: string;
  readonly tls: Pick<RequestOptions, 'ca' | 'cert' | 'key'>;
  readonly token: string | undefined;
}

/**
 * @param command Its global options `--ca` and `--session` count.
 * @throws {UsageError} for options that do not say which server, as whom.
 */
export async function connectApi(
  options: ConnectionOptions,
  command: Command,
): Promise<ApiConnection> {
  const { ca, session } = command.optsWithGlobals<GlobalOptions>();
  const { server, certificate, key, caFile } = options;
  if (certificate === undefined && key === undefined && server === undefined) {
    return await connectSession(session ?? defaultSessionFile, ca);
  }
  if (certificate === undefined || key === undefined || server === undefined || ca === undefined) {
    throw new UsageError('a client certificate needs --server, --ca, --certificate and --key');
  }
  const trusted = caFile === undefined ? undefined : await readTrusted(caFile);
  const files = { certificateFile: certificate, keyFile: key };
  return connectionTo(await accessOf({ server, ca, ...files, ...(trusted && { trusted }) }));
}

/**
 * What a session's file leads to.
 *
 * @param ca Another of the server's CAs than the session's.
 */
export async function connectSession(file: string, ca?: string): Promise<ApiConnection> {
  const session = await readSession(file);
  return connectionTo(await accessOf({ ...session, ca: ca ?? session.ca }));
}

function connectionTo(access: Access): ApiConnection {
  return {
    call: async <T>(input: ApiCallInput): Promise<T> => (await callWithRetries(access, input)) as T,
  };
}

async function accessOf(session: Omit<StoredSession, 'operator' | 'expires'>): Promise<Access> {
  const { server, ca, token, certificateFile, keyFile, trusted } = session;
  const shown =
    certificateFile === undefined || keyFile === undefined
      ? {}
      : {
          cert: await readInputFile(certificateFile, { what: 'the certificate', maxBytes: 65_536 }),
          key: await readSecretFile(keyFile),
        };
  const tls = { ...shown, ...(trusted === undefined ? {} : { ca: trusted }) };
  return { server: serverUrl(server), ca, token, tls };
}

/** @throws {InputError} when it cannot be read. */
export async function readTrusted(file: string): Promise<string> {
  const bytes = await readInputFile(file, { what: 'trusted certificates', maxBytes: 1_048_576 });
  return bytes.toString('latin1');
}

/** @throws {UsageError} */
export function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') {
    throw new UsageError(`${text} is no address of an API; it begins with https://`);
  }
  return url;
}

async function readSession(file: string): Promise<StoredSession> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as StoredSession;
  } catch (cause) {
    throw new UsageError(
      `no session in ${file}: run certdir login, or give --server, --ca, --certificate and --key`,
      { cause },
    );
  }
}

/** The server as somebody who has not authenticated. */
export function callOpenly<T>(
  at: { readonly server: URL; readonly ca: string; readonly trusted: string | undefined },
  input: ApiCallInput,
): Promise<T> {
  const { server, ca, trusted } = at;
  const tls = trusted === undefined ? {} : { ca: trusted };
  return send({ server, ca, tls, token: undefined }, input, {}) as Promise<T>;
}

const TRIES = 3;
const RETRY_MS = 500;
/** What the next try may not meet again. */
const passing = new Set(['HTTP_SERVER_UNREACHABLE', 'HTTP_KEY_IN_WORK', 'DIRECTORY_BUSY']);

async function callWithRetries(access: Access, input: ApiCallInput): Promise<unknown> {
  const key = randomUuid(new SystemRandom());
  const headers = input.method === 'GET' ? {} : { 'idempotency-key': key };
  for (let tries = 1; ; tries += 1) {
    try {
      return await send(access, input, headers);
    } catch (error) {
      if (tries === TRIES || !isCertdirError(error) || !passing.has(error.code)) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, tries * RETRY_MS));
    }
  }
}

const TIMEOUT_MS = 60_000;

function send(
  { server, ca, tls, token }: Access,
  { method, path, body }: ApiCallInput,
  extra: Readonly<Record<string, string>>,
): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const url = new URL(`/api/v1/${encodeURIComponent(ca)}${path}`, server);
  const headers = {
    ...extra,
    accept: 'application/json',
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const unreachable = (cause: Error): void => {
      const why = `${server.origin} does not answer: ${cause.message}`;
      reject(new HttpError('HTTP_SERVER_UNREACHABLE', why, { cause }));
    };
    const asked = httpsRequest(url, { ...tls, method, headers, timeout: TIMEOUT_MS }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', unreachable);
      answer.on('end', () => {
        const status = answer.statusCode ?? 0;
        const received = Buffer.concat(pieces).toString('utf8');
        try {
          const parsed: unknown = received === '' ? undefined : JSON.parse(received);
          if (status >= 400) {
            reject(refusalOf(parsed as Problem));
          } else {
            resolve(parsed);
          }
        } catch (cause) {
          reject(
            new HttpError('HTTP_SERVER_UNREACHABLE', `${server.origin} is no API of certdir`, {
              cause,
            }),
          );
        }
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('it takes too long')));
    asked.on('error', unreachable);
    asked.end(text);
  });
}

/** Every fault in a line of its own. */
function refusalOf({ code, detail, errors }: Problem): ApiRefusal {
  const lines = errors?.map(({ pointer, detail: fault }) => `${pointer} ${fault}`) ?? [detail];
  return new ApiRefusal(code, lines.join('\n'));
}
