/**
 * The thread that asks a directory for lists with ldapjs.
 *
 * @module
 */

import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

import type { Client, SearchCallbackResponse } from 'ldapjs';

import { formatError } from '../core/errors.ts';

export interface DirectoryOrder {
  /** Scheme, host and port. */
  readonly url: string;
  readonly names: readonly string[];
  readonly credentials: { readonly dn: string; readonly password: string } | undefined;
  readonly trusted: string | undefined;
  /** Of all that is received. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

export type DirectoryAnswer =
  | { readonly lists: readonly Uint8Array[] }
  | { readonly failure: string; readonly isTooLarge: boolean };

const ATTRIBUTES = ['certificateRevocationList', 'authorityRevocationList'];
const NO_SUCH_OBJECT = 32;

// CommonJS whose names an import does not find.
const ldapjs = createRequire(import.meta.url)('ldapjs') as typeof import('ldapjs');

class TooLarge extends Error {}

async function answer(order: DirectoryOrder): Promise<DirectoryAnswer> {
  try {
    return { lists: await readLists(order) };
  } catch (error) {
    return { failure: formatError(error), isTooLarge: error instanceof TooLarge };
  }
}

async function readLists(order: DirectoryOrder): Promise<readonly Uint8Array[]> {
  const { url, trusted, timeoutMs, names, credentials } = order;
  const client = ldapjs.createClient({
    url: [url],
    ...{ timeout: timeoutMs, connectTimeout: timeoutMs, reconnect: false },
    tlsOptions: trusted === undefined ? {} : { ca: [trusted] },
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
  const work = async (): Promise<readonly Uint8Array[]> => {
    await new Promise((resolve) => client.once('connect', resolve));
    if (credentials !== undefined) {
      await bind(client, credentials);
    }
    const lists: Uint8Array[] = [];
    for (const name of names) {
      lists.push(...(await listsOf(client, name)));
    }
    return lists;
  };
  return await Promise.race([work(), failed]);
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
async function listsOf(client: Client, name: string): Promise<readonly Uint8Array[]> {
  const response = await new Promise<SearchCallbackResponse>((resolve, reject) => {
    const options = { scope: 'base' as const, attributes: ATTRIBUTES };
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
