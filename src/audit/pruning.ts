/**
 * Removing records whose time is over (R-AUD 3): only what was reviewed and exported, only whole bundles,
 * from the oldest on. Their hashes stay, so that root hash and proofs of all others do not change, and
 * each removal is a record that says how far it went.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Snapshot, Store } from '../store/store.ts';
import { TILE_WIDTH } from '../tlog/tile.ts';
import type { AuditLog, AuditOrigin } from './audit-log.ts';
import { type AuditMarks, putMarks, readMarks } from './audit-state.ts';
import { readBundle, recordKey } from './audit-tiles.ts';
import { AuditError } from './errors.ts';
import { parseAuditRecord } from './record-encoding.ts';

const WIDTH = BigInt(TILE_WIDTH);
/** Of one transaction: others wait no longer than for an ordinary act. */
const BUNDLES_AT_A_TIME = 8n;

export interface PruningOptions {
  readonly store: Store;
  readonly audit: AuditLog;
  /** Records from this instant on are kept. */
  readonly beforeMs: number;
  readonly origin: AuditOrigin;
  /** Told after each step how many records are gone. */
  readonly onPruned?: (records: bigint) => void;
}

/**
 * Removes what may be removed.
 *
 * @returns the marks afterwards.
 * @throws {AuditError} `AUDIT_NOT_PRUNABLE` when there is nothing.
 */
export async function pruneRecords(options: PruningOptions): Promise<AuditMarks> {
  let marks: AuditMarks | undefined;
  for (let next = await step(options); next !== undefined; next = await step(options)) {
    marks = next;
    options.onPruned?.(next.pruned);
  }
  if (marks === undefined) {
    throw new AuditError(
      'AUDIT_NOT_PRUNABLE',
      'no 256 records in a row are old enough, reviewed and exported',
    );
  }
  return marks;
}

async function step({
  store,
  audit,
  beforeMs,
  origin,
}: PruningOptions): Promise<AuditMarks | undefined> {
  const snapshot = store.snapshot();
  const found = await findPrunable(snapshot, beforeMs).finally(() => snapshot.close());
  if (found === undefined) {
    return undefined;
  }
  const { from, below, kinds } = found;
  return await store.transact('audit: prune', async (transaction) => {
    const marks = await readMarks(transaction);
    if (marks.pruned !== from) {
      throw new AuditError('AUDIT_NOT_PRUNABLE', 'records are being removed by somebody else');
    }
    for (let sequence = from; sequence < below; sequence += 1n) {
      transaction.delete(recordKey(sequence));
    }
    const prunedKinds: Record<string, number> = { ...marks.prunedKinds };
    for (const [kind, count] of kinds) {
      prunedKinds[kind] = (prunedKinds[kind] ?? 0) + count;
    }
    const pruned = { ...marks, pruned: below, prunedKinds };
    putMarks(transaction, pruned);
    await audit.append(transaction, {
      kind: 'audit.prune',
      result: 'done',
      origin,
      subject: `records ${from} to ${below - 1n}`,
      details: { from: from.toString(), below: below.toString() },
    });
    return pruned;
  });
}

interface Prunable {
  readonly from: bigint;
  readonly below: bigint;
  readonly kinds: ReadonlyMap<string, number>;
}

async function findPrunable(snapshot: Snapshot, beforeMs: number): Promise<Prunable | undefined> {
  const { pruned, reviewed, exported } = await readMarks(snapshot);
  const kinds = new Map<string, number>();
  let below = pruned;
  const limit = pruned + WIDTH * BUNDLES_AT_A_TIME;
  while (below < limit && below + WIDTH <= reviewed && below + WIDTH <= exported) {
    const bundle = await readBundle(snapshot, { index: below / WIDTH, width: TILE_WIDTH });
    const records = bundle.map(parseAuditRecord);
    if (records.some(({ timeMs }) => timeMs >= beforeMs)) {
      break;
    }
    for (const { kind, result } of records) {
      const name = `${kind} ${result}`;
      kinds.set(name, (kinds.get(name) ?? 0) + 1);
    }
    below += WIDTH;
    await nextTurn();
  }
  return below === pruned ? undefined : { from: pruned, below, kinds };
}
