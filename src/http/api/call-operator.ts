/**
 * Whoever calls, as the operations that commands have too (`operations.ts`) want it.
 *
 * @module
 */

import type { Operator } from '../operator.ts';
import type { OperatorCall } from './api-route.ts';

/** Recorded with address and name, and bound by the directory's access rules like everybody who has an account. */
export function callingOperator({
  identity,
  origin,
  caller,
}: Pick<OperatorCall, 'identity' | 'origin' | 'caller'>): Operator {
  return { name: identity.name, remote: { origin, caller } };
}
