/**
 * What the files of ceremonies have said, by SHA-256, in the store: a ceremony goes on from what certdir itself has
 * written, so that a step cannot be had done by an editor. A file of earlier is good: its steps are done once more.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import { Keyspace, keyOf } from '../store/keyspace.ts';
import type { ReadView, Store, Transaction } from '../store/store.ts';

/** More than a ceremony has steps and is asked again. */
const MAX_STANDINGS = 64;

/** Notes what the file will say, in the transaction that has its audit record. */
export async function putStanding(
  transaction: Transaction,
  id: string,
  sha256: string,
): Promise<void> {
  const known = await readStandings(transaction, id);
  const standings = [...known.filter((one) => one !== sha256), sha256].slice(-MAX_STANDINGS);
  transaction.put(keyOfCeremony(id), encodeUtf8(standings.join(' ')));
}

/** True when certdir has written a file of this content for this ceremony. */
export async function isStanding(store: Store, id: string, sha256: string): Promise<boolean> {
  const view = store.snapshot();
  try {
    return (await readStandings(view, id)).includes(sha256);
  } finally {
    await view.close();
  }
}

async function readStandings(view: Pick<ReadView, 'read'>, id: string): Promise<readonly string[]> {
  const bytes = await view.read(keyOfCeremony(id));
  return (bytes === undefined ? undefined : decodeUtf8(bytes))?.split(' ') ?? [];
}

function keyOfCeremony(id: string): Uint8Array {
  return keyOf(Keyspace.ceremony, encodeUtf8(id));
}
