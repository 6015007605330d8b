/**
 * What the API asks of a CA about people.
 *
 * @module
 */

import type { OperatorIdentity } from '../../ca/accounts/operator-identity.ts';
import type { Permission } from '../../ca/policy/permissions.ts';
import type { EntryPrincipal } from '../../directory/accounts/principal.ts';

export interface PeopleRules {
  /** @returns undefined for an account that is no operator of this CA, or may not be used. */
  identify(principal: EntryPrincipal): Promise<OperatorIdentity | undefined>;
  /**
   * That the operator has the permission now, by all accounts of the person.
   *
   * @throws {CaError} `CA_NOT_PERMITTED`, `CA_SEPARATION`.
   */
  expect(identity: OperatorIdentity, permission: Permission): Promise<void>;
  /** Everything that it may do. */
  permissionsOf(identity: OperatorIdentity): readonly Permission[];
  /** False for what is another office's: whoever acts for an office reaches its own partitions alone. */
  reaches(identity: OperatorIdentity, permission: Permission, partition: string): boolean;
}
