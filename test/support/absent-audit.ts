/**
 * The audit operations of something that has no audit log.
 *
 * @module
 */

import type { AuditOperations } from '../../src/http/audit-operations.ts';

const refuse = (): Promise<never> => Promise.reject(new Error('nobody asks'));

export const absentAudit: AuditOperations = {
  list: refuse,
  prove: refuse,
  verify: refuse,
  checkpoint: refuse,
  acceptLoss: refuse,
  rotateKey: refuse,
  review: refuse,
  export: () => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) }),
  exported: refuse,
  provisions: refuse,
  prune: refuse,
};
