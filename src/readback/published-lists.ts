/**
 * Reads revocation lists back from where others read them: a directory (`ldap:`, `ldaps:`) through ldapjs, which
 * shares no code with the server here, or a file behind `http:` or `https:`.
 *
 * Nothing that is read is believed: whether a list is one of the CA's own is for `ca/recovery.ts` to verify.
 *
 * @module
 */

import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import { ReadbackError } from './errors.ts';
import type { DirectoryAnswer, DirectoryOrder, EntryLists } from './ldap-thread.ts';

/** Of all that one address gives. */
const MAX_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
/** The thread's own memory; what it receives is bounded by itself. */
const THREAD_MIB = 512;

export interface ListAddress {
  readonly url: string;
  /** The entries that a directory is asked for lists of. */
  readonly names: readonly string[];
  /** Who asks a directory; anonymous when left out. */
  readonly credentials?: { readonly dn: string; readonly password: string } | undefined;
  /** PEM of the certificates that TLS trusts; the system's when left out. */
  readonly trusted?: string | undefined;
}

/**
 * Reads the lists behind an address.
 *
 * @param clock Bounds the whole by a minute.
 * @returns the lists as they were sent, a directory's in the order of `names`; entries without one give none.
 * @throws {ReadbackError} `READBACK_ADDRESS`, `READBACK_FAILED`, `READBACK_TOO_LARGE`.
 */
export async function readPublishedLists(
  address: ListAddress,
  clock: Clock,
): Promise<readonly Uint8Array[]> {
  const url = parseAddress(address.url);
  const isDirectory = url.protocol.startsWith('ldap');
  try {
    return isDirectory
      ? (await readDirectory({ ...address, url }, clock)).flatMap(({ lists }) => lists)
      : [await readFile({ ...address, url }, clock)];
  } catch (cause) {
    throw failure(url, cause);
  }
}

/** A directory, and how it is talked to. */
export interface DirectoryReading extends ListAddress {
  /** PEM of the one certificate that the server has to show; instead of `trusted`. */
  readonly pinned?: string | undefined;
  readonly startTls?: boolean;
  /** What is read of each entry; its lists when left out. */
  readonly attributes?: readonly string[] | undefined;
  /** Whether the lists are wanted or their SHA-256 suffices. */
  readonly wants: 'lists' | 'hashes';
}

/**
 * Reads what entries of a directory hold, in the order of `names`.
 *
 * @throws {ReadbackError} as `readPublishedLists`.
 */
export async function readDirectoryEntries(
  reading: DirectoryReading,
  clock: Clock,
): Promise<readonly EntryLists[]> {
  const url = parseAddress(reading.url);
  try {
    return await readDirectory({ ...reading, url }, clock);
  } catch (cause) {
    throw failure(url, cause);
  }
}

function failure({ host }: URL, cause: unknown): ReadbackError {
  return cause instanceof ReadbackError
    ? cause
    : new ReadbackError(
        'READBACK_FAILED',
        `No lists could be read from ${host}: ${formatError(cause)}. Give another address, files (--list) or numbers (--number)`,
        { cause },
      );
}

function parseAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(ldaps?|https?):$/.test(url.protocol) || url.hostname === '') {
    throw new ReadbackError(
      'READBACK_ADDRESS',
      `Lists are read from ldap://HOST, ldaps://HOST, http:// and https://, not from ${text}`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new ReadbackError('READBACK_ADDRESS', 'An address has no name and password in it');
  }
  return url;
}

type ParsedAddress = Omit<ListAddress, 'url'> & { readonly url: URL };

async function readDirectory(
  {
    url,
    names,
    credentials,
    trusted,
    ...how
  }: Omit<DirectoryReading, 'url' | 'wants'> & {
    readonly url: URL;
    readonly wants?: 'lists' | 'hashes';
  },
  clock: Clock,
): Promise<readonly EntryLists[]> {
  const { wants = 'lists', ...rest } = how;
  const order: DirectoryOrder = {
    url: `${url.protocol}//${url.host}`,
    ...{ ...rest, wants, names, credentials, trusted },
    ...{ maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS },
  };
  // A thread: what ldapjs cannot read ends no more than that. The same file as source under a Node that runs
  // TypeScript, compiled otherwise.
  const entry = new URL(`./ldap-thread${extname(import.meta.url)}`, import.meta.url);
  const thread = new Worker(entry, {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MIB },
  });
  try {
    const answer = await new Promise<DirectoryAnswer>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', () => reject(new Error('the connection ended')));
      clock.schedule(TIMEOUT_MS, () => reject(new Error('it did not answer in time')));
    });
    if ('failure' in answer) {
      throw answer.isTooLarge ? tooLarge(url) : new Error(answer.failure);
    }
    return answer.entries;
  } finally {
    await thread.terminate();
  }
}

async function readFile(
  { url, trusted, credentials }: ParsedAddress,
  clock: Clock,
): Promise<Uint8Array> {
  const abort = new AbortController();
  const timer = clock.schedule(TIMEOUT_MS, () => abort.abort(new Error('it took too long')));
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const { signal } = abort;
      const tls = trusted === undefined ? {} : { ca: trusted };
      // In clear, anyone on the way would have the password.
      const headers = url.protocol === 'https:' ? authorization(credentials) : {};
      const request =
        url.protocol === 'https:'
          ? getHttps(url, { signal, headers, ...tls }, resolve)
          : getHttp(url, { signal }, resolve);
      request.once('error', reject);
    });
    if (answer.statusCode !== 200) {
      answer.destroy();
      if ([401, 403, 404, 410].includes(answer.statusCode ?? 0)) {
        const message = `${url.href} answers with HTTP status ${answer.statusCode}`;
        throw new ReadbackError('READBACK_ABSENT', message);
      }
      throw new Error(`it answered with HTTP status ${answer.statusCode}`);
    }
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of answer as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      if (bytes > MAX_BYTES) {
        throw tooLarge(url);
      }
      parts.push(part);
    }
    return Buffer.concat(parts);
  } finally {
    timer.cancel();
    abort.abort();
  }
}

/** RFC 7617. */
function authorization(credentials: ListAddress['credentials']): Readonly<Record<string, string>> {
  if (credentials === undefined) {
    return {};
  }
  const token = Buffer.from(`${credentials.dn}:${credentials.password}`).toString('base64');
  return { authorization: `Basic ${token}` };
}

function tooLarge(url: URL): ReadbackError {
  const message = `${url.host} sends more than ${MAX_BYTES} bytes, which no lists are`;
  return new ReadbackError('READBACK_TOO_LARGE', message);
}
