/**
 * The thread that asks a directory for lists with ldapjs.
 *
 * @module
 */

import { hash, X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { type ConnectionOptions, TLSSocket } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

import type { Client, SearchCallbackResponse } from 'ldapjs';

import { formatError } from '../core/errors.ts';

export interface DirectoryOrder {
  /** Scheme, host and port. */
  readonly url: string;
  readonly names: readonly string[];
  /** Of each entry; its lists when left out. */
  readonly attributes?: readonly string[] | undefined;
  readonly credentials: { readonly dn: string; readonly password: string } | undefined;
  readonly trusted: string | undefined;
  /** PEM of the one certificate that the server has to show, whoever issued it and for whichever name. */
  readonly pinned?: string | undefined;
  readonly startTls?: boolean;
  /** Whether the lists are sent back or only their SHA-256. */
  readonly wants: 'lists' | 'hashes';
  /** Of all that is received. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** What one entry holds, for whoever asks; nothing where there is no such entry for it. */
export interface EntryLists {
  readonly name: string;
  /** Empty when only hashes were asked for. */
  readonly lists: readonly Uint8Array[];
  /** SHA-256, hexadecimal. */
  readonly hashes: readonly string[];
}

export type DirectoryAnswer =
  | { readonly entries: readonly EntryLists[] }
  | { readonly failure: string; readonly isTooLarge: boolean };

const ATTRIBUTES = ['certificateRevocationList', 'authorityRevocationList', 'deltaRevocationList'];
const NO_SUCH_OBJECT = 32;

// CommonJS whose names an import does not find.
const ldapjs = createRequire(import.meta.url)('ldapjs') as typeof import('ldapjs');

class TooLarge extends Error {}

async function answer(order: DirectoryOrder): Promise<DirectoryAnswer> {
  try {
    return { entries: await readEntries(order) };
  } catch (error) {
    return { failure: formatError(error), isTooLarge: error instanceof TooLarge };
  }
}

async function readEntries(order: DirectoryOrder): Promise<readonly EntryLists[]> {
  const { url, timeoutMs, names, credentials } = order;
  const client = ldapjs.createClient({
    url: [url],
    ...{ timeout: timeoutMs, connectTimeout: timeoutMs, reconnect: false },
    tlsOptions: tlsOptionsOf(order),
  });
  const failed = new Promise<never>((_, reject) => {
    client.on('error', reject);
    client.on('connectError', reject);
    client.on('connectRefused', reject);
    client.on('connectTimeout', () => reject(new Error('it cannot be reached')));
    client.on('close', () => reject(new Error('it closed the connection')));
    let bytes = 0;
    client.on('connect', (socket: Socket) => {
      socket.on('data', (chunk: Uint8Array) => {
        bytes += chunk.length;
        if (bytes > order.maxBytes) {
          reject(new TooLarge('too much'));
          client.destroy();
        }
      });
    });
  });
  failed.catch(() => undefined);
  const work = async (): Promise<readonly EntryLists[]> => {
    const connected = await new Promise<Socket>((resolve) => client.once('connect', resolve));
    if (order.startTls === true) {
      await startTls(client, order);
    } else {
      assertPinned(connected, order);
    }
    if (credentials !== undefined) {
      await bind(client, credentials);
    }
    const entries: EntryLists[] = [];
    for (const name of names) {
      const lists = await listsOf(client, name, order.attributes ?? ATTRIBUTES);
      const hashes = lists.map((list) => hash('sha256', list, 'hex'));
      entries.push({ name, hashes, lists: order.wants === 'lists' ? lists : [] });
    }
    return entries;
  };
  return await Promise.race([work(), failed]);
}

/** A certificate that is known needs nobody who vouches for it. */
function tlsOptionsOf({ trusted, pinned }: DirectoryOrder): ConnectionOptions {
  if (pinned !== undefined) {
    return { rejectUnauthorized: false };
  }
  return trusted === undefined ? {} : { ca: [trusted] };
}

/** Before anything is sent: a server that cannot show it is told no password. */
function assertPinned(socket: Socket, { pinned }: DirectoryOrder): void {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (
    pinned !== undefined &&
    shown?.fingerprint256 !== new X509Certificate(pinned).fingerprint256
  ) {
    throw new Error('the server has another certificate than it should');
  }
}

async function startTls(client: Client, order: DirectoryOrder): Promise<void> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    client.starttls(tlsOptionsOf(order), [], (error: unknown) =>
      error === null || error === undefined
        ? resolve((client as unknown as { readonly _socket: Socket })._socket)
        : reject(error),
    );
  });
  assertPinned(socket, order);
}

function bind(
  client: Client,
  { dn, password }: NonNullable<DirectoryOrder['credentials']>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.bind(dn, password, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** The lists of one entry; none where there is no such entry for whoever asks. */
async function listsOf(
  client: Client,
  name: string,
  attributes: readonly string[],
): Promise<readonly Uint8Array[]> {
  const response = await new Promise<SearchCallbackResponse>((resolve, reject) => {
    const options = { scope: 'base' as const, attributes: [...attributes] };
    client.search(name, options, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
  const lists: Uint8Array[] = [];
  return await new Promise((resolve, reject) => {
    response.on('searchEntry', (entry) => {
      for (const { buffers } of entry.attributes) {
        lists.push(...buffers.map((value) => Uint8Array.from(value)));
      }
    });
    response.once('end', () => resolve(lists));
    response.once('error', (error: Error & { readonly code?: unknown }) =>
      error.code === NO_SUCH_OBJECT ? resolve(lists) : reject(error),
    );
  });
}

parentPort?.postMessage(await answer(workerData as DirectoryOrder));
