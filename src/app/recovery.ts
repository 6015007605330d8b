/**
 * What `certdir recover confirm` gathers: lists in use, from files, directories and web addresses.
 *
 * @module
 */

import { asBuffer } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { type ListAddress, readPublishedLists } from '../readback/published-lists.ts';
import { decodePem } from '../x509/pem.ts';

export interface ListsInUse {
  /** DER or PEM. */
  readonly files: readonly Uint8Array[];
  readonly addresses: readonly ListAddress[];
}

/**
 * Reads the lists in use; whether they are the CA's is found out when they are taken in.
 *
 * @returns DER.
 * @throws {ReadbackError} of an address that cannot be read; {@link decodePem}'s of a file that is no list.
 */
export async function gatherLists(
  { files, addresses }: ListsInUse,
  clock: Clock,
): Promise<readonly Uint8Array[]> {
  const lists = [...files];
  for (const address of addresses) {
    lists.push(...(await readPublishedLists(address, clock)));
  }
  return lists.map(derOf);
}

function derOf(list: Uint8Array): Uint8Array {
  const text = asBuffer(list).subarray(0, 10).toString('latin1');
  return text === '-----BEGIN' ? decodePem(asBuffer(list).toString('latin1'), 'X509 CRL') : list;
}
