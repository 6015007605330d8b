/**
 * Every reader of what strangers send.
 *
 * @module
 */

import type { FuzzTarget } from './fuzz-target.ts';
import { assertionsTarget } from './targets/assertions.ts';
import { connectionsTarget, directoriesTarget } from './targets/connections.ts';
import { filterTextsTarget } from './targets/filter-texts.ts';
import { ldifTarget } from './targets/ldif.ts';
import { namesTarget } from './targets/names.ts';
import { ocspTarget } from './targets/ocsp.ts';
import {
  controlsTarget,
  credentialsTarget,
  extendedValuesTarget,
  filtersTarget,
  framesTarget,
  messagesTarget,
} from './targets/requests.ts';
import { signedMessagesTarget } from './targets/signed-messages.ts';
import { valuesTarget } from './targets/values.ts';
import {
  certificatesTarget,
  extensionsTarget,
  listsTarget,
  pairsTarget,
  requestsTarget,
} from './targets/x509.ts';

export const allTargets: readonly FuzzTarget[] = [
  framesTarget,
  messagesTarget,
  filtersTarget,
  controlsTarget,
  credentialsTarget,
  extendedValuesTarget,
  connectionsTarget,
  directoriesTarget,
  namesTarget,
  filterTextsTarget,
  ldifTarget,
  valuesTarget,
  assertionsTarget,
  certificatesTarget,
  listsTarget,
  pairsTarget,
  requestsTarget,
  signedMessagesTarget,
  extensionsTarget,
  ocspTarget,
];

/** @throws {Error} naming those that there are. */
export function targetNamed(name: string): FuzzTarget {
  const target = allTargets.find((one) => one.name === name);
  if (target === undefined) {
    const names = allTargets.map((one) => one.name).join(', ');
    throw new Error(`${name} is not one of the targets: ${names}`);
  }
  return target;
}
