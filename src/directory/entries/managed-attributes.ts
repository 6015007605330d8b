/**
 * What the CA engine keeps in the directory: certificates, pairs and revocation lists of entries that
 * it manages (operational attribute certdirManagedBy), and the code that says which partition an entry
 * is. Such an entry is changed there only within the engine's own transactions (`managed-entries.ts`).
 *
 * @module
 */

import type { DirectoryTypes } from '../directory-types.ts';
import { DirectoryError } from '../errors.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { Entry } from './entry.ts';

const managedOids: ReadonlySet<string> = new Set([
  '2.5.4.37', // cACertificate
  '2.5.4.38', // authorityRevocationList
  '2.5.4.39', // certificateRevocationList
  '2.5.4.40', // crossCertificatePair
  '2.5.4.53', // deltaRevocationList
]);

/** True for entries that the CA engine manages. */
function isManaged(entry: Entry, types: DirectoryTypes): boolean {
  return entry.attribute(types.managedBy) !== undefined;
}

/** True for a type that is the CA engine's in a managed entry, subtypes included. */
function isManagedType(type: AttributeType): boolean {
  for (let at: AttributeType | undefined = type; at !== undefined; at = at.superior) {
    if (managedOids.has(at.oid) || at.names.includes('certdirPartitionCode')) {
      return true;
    }
  }
  return false;
}

/** @throws {DirectoryError} `DIRECTORY_MANAGED_ATTRIBUTE`. */
export function refuseManagedTypes(
  entry: Entry,
  changed: Iterable<AttributeType>,
  types: DirectoryTypes,
): void {
  if (!isManaged(entry, types)) {
    return;
  }
  for (const type of changed) {
    if (isManagedType(type)) {
      throw managed(`${type.name} of this entry is written by the certification authority alone`);
    }
  }
}

/** @throws {DirectoryError} `DIRECTORY_MANAGED_ATTRIBUTE`. */
export function refuseManagedEntry(entry: Entry, types: DirectoryTypes): void {
  if (isManaged(entry, types)) {
    throw managed('this entry is kept by the certification authority');
  }
}

function managed(message: string): DirectoryError {
  return new DirectoryError('DIRECTORY_MANAGED_ATTRIBUTE', message);
}
