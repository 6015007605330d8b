/**
 * The parts of an open CA's engine, for benchmarks that measure some of them alone. What they write counts as written by
 * the CA that is open.
 *
 * @module
 */

import type { CaInstance } from '../../src/app/ca-instance.ts';
import { openCore, prepare } from '../../src/ca/authority-opening.ts';
import { type CaCore, reading, readOwner } from '../../src/ca/ca-core.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { silentLog } from '../../src/core/log.ts';

export async function openEngine(instance: CaInstance): Promise<CaCore> {
  const { store, policy } = instance;
  const ownerId = await reading(store, (view) => readOwner(view, new CaTables(policy.id)));
  return await openCore({ ...prepare({ ...instance, log: silentLog }), ownerId });
}
