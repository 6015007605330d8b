/**
 * Who is told of revocations that were not asked for one by one: the schedule and the answers about certificates.
 *
 * @module
 */

import type { GroupOutcome } from '../certificates/revocation-group.ts';

export interface RevocationListener {
  readonly onRevoked: (outcome: GroupOutcome) => Promise<void>;
  /** Has the lists brought out that do not wait. */
  readonly announce: () => void;
}
