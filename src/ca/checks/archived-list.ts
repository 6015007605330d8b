/**
 * Reading a list of the archive back, whichever of the CA's keys has signed it.
 *
 * @module
 */

import { CaError } from '../errors.ts';
import { type ListReading, readBackList } from '../lists/list-facts.ts';
import type { PublishedList } from '../records/scope-record.ts';
import type { ConsistencyContext } from './consistency-fault.ts';

/** @throws {CertdirError} when it is not there, damaged, or no list. */
export async function readArchivedList(
  { view, authorities }: ConsistencyContext,
  { sha256, number }: PublishedList,
): Promise<ListReading> {
  const der = await view.readLarge(sha256);
  if (der === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `list ${number} is not in the store`);
  }
  let last: ListReading | undefined;
  for (const authority of authorities.toReversed()) {
    last = readBackList(der, authority);
    if (last.facts.isSignatureValid) {
      return last;
    }
  }
  if (last === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `there is no key that could have signed list ${number}`);
  }
  return last;
}
