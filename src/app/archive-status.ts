/**
 * What is held of every kind of records, since when, and what could be removed by the policy.
 *
 * @module
 */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { readMarks } from '../audit/audit-state.ts';
import { recordKey } from '../audit/audit-tiles.ts';
import { monthOf } from '../audit/civil-month.ts';
import { readHead } from '../audit/merkle-audit-log.ts';
import { readAccounts } from '../audit/provision-accounts.ts';
import { parseAuditRecord } from '../audit/record-encoding.ts';
import {
  keptLongEnoughBeforeMs,
  type RecordKind,
  recordKinds,
  retentionOf,
} from '../ca/policy/retention.ts';
import type { ArchiveStatusReport, CopyReport, HeldReport } from '../http/archive-operations.ts';
import { formatTime } from '../http/report-time.ts';
import type { ReadView } from '../store/store.ts';
import { TILE_WIDTH } from '../tlog/tile.ts';
import type { CaInstance } from './ca-instance.ts';
import { findOverdue } from './overdue.ts';

/** Counts of one kind. */
interface Held {
  readonly held: number;
  readonly oldestMs: number | undefined;
  readonly pastRetention: number;
  /** None where nothing removes them. */
  readonly removable?: number;
}

interface Bound {
  /** What is from before this instant has been kept long enough. */
  readonly beforeMs: number;
  readonly from: 'record' | 'certificateEnd';
}

type Counting = (instance: CaInstance, bound: Bound) => Promise<Held>;

const countings: Readonly<Record<RecordKind, Counting>> = {
  auditRecords: countAuditRecords,
  certificates: countCertificates,
  lists: countLists,
  accessJournal: countAccessFiles,
  provisionAccounts: countAccounts,
};

const removers: Partial<Readonly<Record<RecordKind, string>>> = {
  auditRecords: 'certdir audit prune',
};

const ITEMS_PER_TURN = 256;

/** Reads what is on record of every kind; a look at each certificate takes a while where there are millions. */
export async function readArchiveStatus(instance: CaInstance): Promise<ArchiveStatusReport> {
  const { policy, shared, clock, auditing } = instance;
  const nowMs = clock.nowMs();
  const own = ['certificates', 'lists'];
  const held: HeldReport[] = [];
  for (const kind of recordKinds) {
    const { name, years, from, onLineWeeks } = retentionOf(
      (own.includes(kind) ? policy : shared).retention,
      kind,
    );
    const beforeMs = keptLongEnoughBeforeMs({ years, onLineWeeks }, nowMs);
    const counted = await countings[kind](instance, { beforeMs, from });
    held.push({
      ...{ kind, retention: name, years, from, held: counted.held },
      oldest: formatted(counted.oldestMs),
      pastRetention: counted.pastRetention,
      removable: counted.removable ?? 0,
      removedBy: removers[kind] ?? null,
    });
  }
  const facts = await auditing.keeping.facts();
  const copies: CopyReport[] = [
    ...facts.months.flatMap(({ month, copies: ofMonth }) =>
      ofMonth.map((copy) => ({ of: month, copy })),
    ),
    ...facts.backups.slice(-1).map((copy) => ({ of: 'backup', copy })),
  ].map(({ of, copy: { sha256, madeMs, attestedMs } }) => ({
    ...{ of, manifestSha256: sha256, made: formatTime(madeMs) },
    written: formatted(attestedMs.written),
    received: formatted(attestedMs.received),
    read: formatted(attestedMs.read),
  }));
  const overdue = findOverdue(facts, shared, nowMs).map(({ matter, dueMs, advice }) => ({
    ...{ matter, since: formatTime(dueMs), advice },
  }));
  return { held, copies, overdue };
}

function formatted(atMs: number | undefined): string | null {
  return atMs === undefined ? null : formatTime(atMs);
}

/** Records are in the order of time but for a clock that was set back, which costs a few of them. */
async function countAuditRecords({ store }: CaInstance, { beforeMs }: Bound): Promise<Held> {
  const snapshot = store.snapshot();
  try {
    const { size } = await readHead(snapshot);
    const { pruned, reviewed, exported } = await readMarks(snapshot);
    let low = pruned;
    let high = size;
    while (low < high) {
      const middle = (low + high) / 2n;
      const timeMs = await timeOf(snapshot, middle);
      if (timeMs !== undefined && timeMs < beforeMs) {
        low = middle + 1n;
      } else {
        high = middle;
      }
    }
    const width = BigInt(TILE_WIDTH);
    const [bound = 0n] = [low, reviewed, exported].sort((left, right) => (left < right ? -1 : 1));
    const removable = (bound / width) * width - pruned;
    return {
      held: Number(size - pruned),
      oldestMs: await timeOf(snapshot, pruned),
      pastRetention: Number(low - pruned),
      removable: removable > 0n ? Number(removable) : 0,
    };
  } finally {
    await snapshot.close();
  }
}

async function timeOf(view: ReadView, sequence: bigint): Promise<number | undefined> {
  const bytes = await view.read(recordKey(sequence));
  return bytes === undefined ? undefined : parseAuditRecord(bytes).timeMs;
}

async function countCertificates({ authority }: CaInstance, bound: Bound): Promise<Held> {
  const tally = new Tally(bound.beforeMs);
  for await (const { issuedMs, notAfterMs } of authority.listCertificates()) {
    await tally.add(issuedMs, bound.from === 'record' ? issuedMs : notAfterMs);
  }
  return tally;
}

/** A list is about certificates until its own end. */
async function countLists({ authority }: CaInstance, bound: Bound): Promise<Held> {
  const tally = new Tally(bound.beforeMs);
  for (const { id } of authority.scopes.list) {
    for (const { thisUpdateMs, nextUpdateMs } of await authority.listArchived(id)) {
      await tally.add(thisUpdateMs, bound.from === 'record' ? thisUpdateMs : nextUpdateMs);
    }
  }
  return tally;
}

/** By the last access that a file has. */
async function countAccessFiles({ configuration }: CaInstance, bound: Bound): Promise<Held> {
  const tally = new Tally(bound.beforeMs);
  const { folder } = configuration.access;
  for (const name of await readdir(folder)) {
    if (/^access-\d+\.log$/.test(name)) {
      const { mtimeMs } = await stat(join(folder, name));
      await tally.add(Math.floor(mtimeMs), mtimeMs);
    }
  }
  return tally;
}

async function countAccounts({ store, shared }: CaInstance, bound: Bound): Promise<Held> {
  const tally = new Tally(bound.beforeMs);
  const snapshot = store.snapshot();
  try {
    for await (const { month } of readAccounts(snapshot, '')) {
      const span = monthOf(Date.parse(`${month}-01`) - shared.utcOffsetMs, shared.utcOffsetMs);
      await tally.add(span.fromMs, span.untilMs);
    }
  } finally {
    await snapshot.close();
  }
  return tally;
}

class Tally implements Held {
  held = 0;
  pastRetention = 0;
  oldestMs: number | undefined;
  readonly #beforeMs: number;

  constructor(beforeMs: number) {
    this.#beforeMs = beforeMs;
  }

  /** @param countsFromMs What its years count from. */
  async add(madeMs: number, countsFromMs: number): Promise<void> {
    this.held += 1;
    this.oldestMs = Math.min(madeMs, this.oldestMs ?? madeMs);
    this.pastRetention += countsFromMs < this.#beforeMs ? 1 : 0;
    if (this.held % ITEMS_PER_TURN === 0) {
      await nextTurn();
    }
  }
}
