import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { AuditEvent, AuditLog, AuditRecord } from '../../src/audit/audit-log.ts';
import { verifyAuditLog } from '../../src/audit/audit-verification.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { encodeAuditRecord } from '../../src/audit/record-encoding.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { encodeUint64, Keyspace, keyOf } from '../../src/store/keyspace.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Snapshot, Store, Transaction } from '../../src/store/store.ts';
import { appendLeaf, emptyFrontier, hashLeaf, rootHash } from '../../src/tlog/merkle-tree.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Bench {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly clock: SimulatedClock;
}

async function setUp(t: TestContext, records = 0): Promise<Bench> {
  const folder = temporaryFolder(t);
  const store = await openLevelStore({ folder, clock: new SystemClock(), log: silentLog });
  t.after(() => store.close());
  const clock = new SimulatedClock();
  const audit = openAuditLog({ clock });
  await store.transact('test', async (transaction) => {
    for (let at = 0; at < records; at += 1) {
      await audit.append(transaction, eventOf(at));
      clock.setWallClock(clock.nowMs() + 1000);
    }
  });
  return { store, audit, clock };
}

const eventOf = (at: number): AuditEvent => ({
  kind: 'certificate.issue',
  result: at % 3 === 0 ? 'refused' : 'done',
  origin: { channel: 'cli', actor: 'operator', ...(at % 2 === 0 ? { address: '::1' } : {}) },
  subject: `serial ${at}`,
  ...(at % 2 === 0 ? { details: { number: at } } : {}),
});

async function withSnapshot<T>(store: Store, use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  const snapshot = store.snapshot();
  try {
    return await use(snapshot);
  } finally {
    await snapshot.close();
  }
}

const recordsOf = ({ store, audit }: Bench, fromSequence?: bigint): Promise<AuditRecord[]> =>
  withSnapshot(store, async (snapshot) => {
    const records: AuditRecord[] = [];
    for await (const record of audit.records(snapshot, fromSequence)) {
      records.push(record);
    }
    return records;
  });

const recordKey = (sequence: number): Uint8Array =>
  keyOf(Keyspace.auditRecord, encodeUint64(sequence));

const stateKey = keyOf(Keyspace.auditState, Buffer.from('tree'));

describe('the audit log', () => {
  it('of a new store is empty', async (t) => {
    const bench = await setUp(t);
    await withSnapshot(bench.store, async (snapshot) => {
      const head = { size: 0n, rootHash: rootHash(emptyFrontier) };
      assert.deepEqual(await bench.audit.head(snapshot), head);
      assert.deepEqual(await verifyAuditLog(snapshot), head);
    });
    assert.deepEqual(await recordsOf(bench), []);
  });

  it('gives the records back in order, with number and time', async (t) => {
    const bench = await setUp(t, 7);
    const startMs = new SimulatedClock().nowMs();
    const expected = Array.from({ length: 7 }, (_, at) => ({
      ...eventOf(at),
      sequence: BigInt(at),
      timeMs: startMs + 1000 * at,
    }));
    assert.deepEqual(await recordsOf(bench), expected);
    assert.deepEqual(await recordsOf(bench, 5n), expected.slice(5));
    assert.deepEqual(await recordsOf(bench, 7n), []);
  });

  it('has the root hash over the records, whatever transactions they came in', async (t) => {
    const bench = await setUp(t, 4);
    await Promise.all(
      [4, 5, 6].map((at) =>
        bench.store.transact('test', async (transaction) => {
          await bench.audit.append(transaction, eventOf(at));
        }),
      ),
    );
    const records = await recordsOf(bench);
    const frontier = records.reduce(
      (before, record) => appendLeaf(before, hashLeaf(encodeAuditRecord(record))),
      emptyFrontier,
    );
    await withSnapshot(bench.store, async (snapshot) => {
      const head = { size: 7n, rootHash: rootHash(frontier) };
      assert.deepEqual(await bench.audit.head(snapshot), head);
      assert.deepEqual(await verifyAuditLog(snapshot), head);
    });
  });

  it('keeps no record of an act that did not happen', async (t) => {
    const bench = await setUp(t, 1);
    const failing = bench.store.transact('test', async (transaction) => {
      await bench.audit.append(transaction, eventOf(1));
      throw new Error('no');
    });
    await assert.rejects(failing, { message: 'no' });
    assert.equal((await recordsOf(bench)).length, 1);
  });

  it('lets no act happen whose record cannot be kept', async (t) => {
    const bench = await setUp(t, 1);
    const failing = bench.store.transact('test', async (transaction) => {
      transaction.put(Buffer.from('\x20act'), Buffer.from(''));
      await bench.audit.append(transaction, { ...eventOf(1), kind: '' });
    });
    await assert.rejects(failing, { code: 'AUDIT_EVENT_INVALID' });
    await withSnapshot(bench.store, async (snapshot) => {
      assert.equal(await snapshot.read(Buffer.from('\x20act')), undefined);
    });
  });

  it('does not write over a record when its state has gone back', async (t) => {
    const bench = await setUp(t, 3);
    await bench.store.transact('test', async (transaction) => transaction.delete(stateKey));
    const failing = bench.store.transact('test', (transaction) =>
      bench.audit.append(transaction, eventOf(3)),
    );
    await assert.rejects(failing, { code: 'AUDIT_RECORD_BEYOND_END' });
    assert.equal((await recordsOf(bench)).length, 3);
  });
});

describe('verification', () => {
  const COUNT = 11;

  const move = async (transaction: Transaction, from: number, to: number): Promise<void> => {
    const bytes = await transaction.read(recordKey(from));
    assert.ok(bytes !== undefined);
    transaction.put(recordKey(to), bytes);
  };

  const edit = async (transaction: Transaction, at: number, change: Partial<AuditRecord>) => {
    const record = { ...eventOf(at), sequence: BigInt(at), timeMs: 0, ...change };
    transaction.put(recordKey(at), encodeAuditRecord(record));
  };

  const rows: readonly {
    readonly why: string;
    readonly spoil: (transaction: Transaction) => Promise<void> | void;
    readonly code: string;
  }[] = [
    ...[0, 5, COUNT - 1].flatMap((at) => [
      {
        why: `record ${at} is missing`,
        spoil: (transaction: Transaction) => transaction.delete(recordKey(at)),
        code: 'AUDIT_RECORD_MISSING',
      },
      {
        why: `record ${at} is noise`,
        spoil: (transaction: Transaction) => transaction.put(recordKey(at), Buffer.from('{}')),
        code: 'AUDIT_RECORD_DAMAGED',
      },
      {
        why: `record ${at} tells something else`,
        spoil: (transaction: Transaction) => edit(transaction, at, { subject: 'other' }),
        code: 'AUDIT_ROOT_MISMATCH',
      },
      {
        why: `record ${at} has another number`,
        spoil: (transaction: Transaction) => edit(transaction, at, { sequence: 99n }),
        code: 'AUDIT_RECORD_DAMAGED',
      },
    ]),
    {
      why: 'a record stands in another’s place',
      spoil: (transaction) => move(transaction, 2, 3),
      code: 'AUDIT_RECORD_DAMAGED',
    },
    {
      why: 'a record was added at the end',
      spoil: (transaction) => edit(transaction, COUNT, {}),
      code: 'AUDIT_RECORD_BEYOND_END',
    },
    {
      why: 'a row was added between',
      spoil: (transaction) =>
        transaction.put(Buffer.concat([recordKey(4), Buffer.of(0)]), Buffer.from('{}')),
      code: 'AUDIT_RECORD_MISSING',
    },
    {
      why: 'the state is missing',
      spoil: (transaction) => transaction.delete(stateKey),
      code: 'AUDIT_RECORD_BEYOND_END',
    },
    {
      why: 'the state is noise',
      spoil: (transaction) => transaction.put(stateKey, Buffer.from('noise')),
      code: 'AUDIT_STATE_DAMAGED',
    },
    {
      why: 'the state has another hash',
      spoil: async (transaction) => {
        const state = Uint8Array.from((await transaction.read(stateKey)) ?? []);
        state[state.length - 1] = (state[state.length - 1] ?? 0) ^ 1;
        transaction.put(stateKey, state);
      },
      code: 'AUDIT_ROOT_MISMATCH',
    },
    {
      why: 'the tail was cut and the state with it, but not to the same place',
      spoil: async (transaction) => {
        transaction.delete(recordKey(COUNT - 1));
        transaction.delete(recordKey(COUNT - 2));
      },
      code: 'AUDIT_RECORD_MISSING',
    },
  ];
  for (const { why, spoil, code } of rows) {
    it(`finds that ${why}`, async (t) => {
      const { store } = await setUp(t, COUNT);
      await withSnapshot(store, verifyAuditLog);
      await store.transact('test', async (transaction) => spoil(transaction));
      await assert.rejects(withSnapshot(store, verifyAuditLog), { name: 'AuditError', code });
    });
  }

  it('is also made while records are read, as far as that goes', async (t) => {
    const bench = await setUp(t, COUNT);
    await bench.store.transact('test', async (transaction) => {
      transaction.delete(recordKey(COUNT - 1));
    });
    await assert.rejects(recordsOf(bench), { code: 'AUDIT_RECORD_MISSING' });
    await bench.store.transact('test', (transaction) => move(transaction, 2, 3));
    await assert.rejects(recordsOf(bench), { code: 'AUDIT_RECORD_DAMAGED' });
  });
});
