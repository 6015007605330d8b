/**
 * What the parts of the consistency check share: what a fault is, and what they look at.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import type { ReadView } from '../../store/store.ts';
import type { Authority } from '../authorities.ts';
import type { Policy } from '../policy/policy.ts';
import type { Scopes } from '../policy/scope.ts';
import type { CaTables } from '../records/ca-tables.ts';

/** Something that does not fit. */
export interface ConsistencyFault {
  /** `CA_INCONSISTENT`, or the code of the error that reading it gave. */
  readonly code: string;
  /** A serial number, a list's scope, a record. */
  readonly subject: string;
  readonly message: string;
}

export interface ConsistencySubject {
  readonly policy: Policy;
  readonly view: ReadView;
  /** The values of an attribute of a directory entry, from the same state. */
  readonly publishedValues: (dn: string, attribute: string) => Promise<readonly Uint8Array[]>;
  readonly nowMs: number;
}

/** What was looked at so far. */
export interface ConsistencyTally {
  certificates: number;
  revoked: number;
  lists: number;
  /** Keys that the CA has had. */
  generations: number;
  /** Certificates that it has made for them: self-signed ones and links. */
  ownCertificates: number;
}

/** What the parts of the check share. */
export interface ConsistencyContext extends ConsistencySubject {
  readonly tables: CaTables;
  readonly scopes: Scopes;
  /** The CA's keys, oldest first. */
  readonly authorities: readonly Authority[];
  /** False while the indexes are as an older version wrote them (`index-layout.ts`). */
  readonly hasIndexes: boolean;
  /** False while entries of lists are kept as an older version did (`list-layout.ts`). */
  readonly hasLedgers: boolean;
  readonly tally: ConsistencyTally;
  /** To be called after each certificate and each list: tells progress, lets others work. */
  readonly step: () => Promise<void>;
}

export function inconsistent(subject: string, message: string): ConsistencyFault {
  return { code: 'CA_INCONSISTENT', subject, message };
}

/** The fault that an error is about `subject`; errors of the program itself are thrown on. */
export function faultOf(subject: string, error: unknown): ConsistencyFault {
  if (!isCertdirError(error)) {
    throw error;
  }
  return { code: error.code, subject, message: error.message };
}
