/**
 * What an index holds, however its sets lie in rows.
 *
 * @module
 */

import { formatHex } from '../../src/core/bytes.ts';
import { everyMember } from '../../src/store/key-sets.ts';
import { Keyspace, keyOf } from '../../src/store/keyspace.ts';
import type { KeyRange, ReadView } from '../../src/store/store.ts';

const everyIndex: KeyRange = { gte: keyOf(Keyspace.index), lt: keyOf(Keyspace.index + 1) };

/** Each posting as text, in order. */
export async function postingsOf(
  view: ReadView,
  range: KeyRange = everyIndex,
): Promise<readonly string[]> {
  const postings: string[] = [];
  for await (const { key, member } of everyMember(view, range)) {
    postings.push(`${formatHex(key)} ${formatHex(member)}`);
  }
  return postings;
}
