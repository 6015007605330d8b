/**
 * Reads what a peer's directory shows to everybody of its CA's entry, with a client that is not ours: the connection
 * test before certificates are exchanged (gunma 4-7).
 *
 * @module
 */

import type { PeerDirectory } from '../ca/bridge/directory-examination.ts';
import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import { ReadbackError } from '../readback/errors.ts';
import { readDirectoryEntries } from '../readback/published-lists.ts';

/**
 * @param peer `url`: scheme, host and port of the directory; `name`: of the CA's entry.
 * @throws {ReadbackError}
 */
export async function readPeerDirectory(
  { url, name }: { readonly url: string; readonly name: string },
  clock: Clock,
): Promise<PeerDirectory> {
  const read = async (attribute: string): Promise<readonly Uint8Array[]> => {
    const how = { url, names: [name], attributes: [attribute], wants: 'lists' } as const;
    try {
      return (await readDirectoryEntries(how, clock)).flatMap(({ lists }) => lists);
    } catch (error) {
      throw error instanceof ReadbackError ? told(url, error) : error;
    }
  };
  return {
    url,
    certificates: await read('cACertificate;binary'),
    lists: await read('authorityRevocationList;binary'),
  };
}

/** What reading lists says of it is about lists. */
function told(url: string, error: ReadbackError): ReadbackError {
  const why = error.cause === undefined ? error.message : formatError(error.cause);
  const message = `the peer's directory ${url} cannot be read: ${why}`;
  return new ReadbackError(error.code, message, { cause: error });
}
