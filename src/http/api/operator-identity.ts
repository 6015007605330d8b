/**
 * Who calls the API: an operator of one CA, as its entry says at this moment.
 *
 * @module
 */

import type { Permission } from '../../ca/policy/permissions.ts';
import type { EntryPrincipal } from '../../directory/accounts/principal.ts';

export interface OperatorIdentity {
  /** The CA's id. */
  readonly ca: string;
  /** entryUUID of the account. */
  readonly id: string;
  /** The value of cn. */
  readonly name: string;
  readonly dn: string;
  readonly roles: readonly string[];
  /** Codes of municipalities that an office may act for; empty: all. */
  readonly partitions: readonly string[];
  /** How the identity was proven. */
  readonly method: 'certificate' | 'password';
}

/** What the API asks of a CA's policy about people. */
export interface PeopleRules {
  /** @returns undefined for an account that is no operator of this CA. */
  identify(principal: EntryPrincipal): Promise<OperatorIdentity | undefined>;
  mayDo(identity: OperatorIdentity, permission: Permission): boolean;
  /** True for whoever may do it for the partitions of its account alone. */
  isBound(identity: OperatorIdentity, permission: Permission): boolean;
}
