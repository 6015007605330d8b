import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { AuditEvent, AuditRecord } from '../../src/audit/audit-log.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { type Log, type LogFields, silentLog } from '../../src/core/log.ts';
import {
  RefusalRecords,
  type RefusalRecordsOptions,
} from '../../src/directory/changes/refusal-records.ts';
import type { Caller } from '../../src/directory/service.ts';
import { nobody, openDirectory, suffix } from '../support/directory-fixture.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const MINUTE_MS = 60_000;

interface Wish {
  readonly kind?: string;
  readonly actor?: string;
  readonly address?: string;
  readonly subject?: string;
  readonly details?: AuditEvent['details'];
}

function refusal(wish: Wish = {}): AuditEvent {
  const { kind = 'directory.delete', actor = 'anonymous', address = '192.0.2.1' } = wish;
  return {
    kind,
    result: 'refused',
    origin: { channel: 'ldap', actor, address },
    subject: wish.subject ?? 'o=JPKI,c=JP',
    details: wish.details ?? { code: 'DIRECTORY_ACCESS_DENIED' },
  };
}

interface Bench {
  readonly clock: SimulatedClock;
  readonly records: RefusalRecords;
  readonly written: AuditEvent[];
}

function bench(options: Partial<RefusalRecordsOptions> = {}): Bench {
  const clock = new SimulatedClock();
  const written: AuditEvent[] = [];
  const write = async (events: readonly AuditEvent[]): Promise<void> =>
    void written.push(...events);
  return {
    clock,
    written,
    records: new RefusalRecords({ write, clock, log: silentLog, ...options }),
  };
}

const countOf = ({ details }: AuditEvent): number => Number(details?.['count'] ?? 1);
const sum = (events: readonly AuditEvent[]): number =>
  events.reduce((total, event) => total + countOf(event), 0);

describe('records of refusals', () => {
  it('hold the first at once, as it is', () => {
    const { records, written } = bench();
    records.add(refusal());
    assert.deepEqual(written, [refusal()]);
  });

  it('count the others and say so after a minute, with the last of them', async () => {
    const { records, written, clock } = bench();
    const startMs = clock.nowMs();
    records.add(refusal());
    await clock.advance(10_000);
    records.add(refusal({ subject: 'a' }));
    await clock.advance(10_000);
    records.add(refusal({ subject: 'b' }));
    await clock.advance(MINUTE_MS - 20_001);
    assert.equal(written.length, 1);
    await clock.advance(1);
    assert.deepEqual(written.slice(1), [
      refusal({
        subject: 'b',
        details: {
          code: 'DIRECTORY_ACCESS_DENIED',
          count: 2,
          first: new Date(startMs + 10_000).toISOString(),
          last: new Date(startMs + 20_000).toISOString(),
          sameSubject: false,
        },
      }),
    ]);
  });

  it('are one a minute while it goes on, and begin anew after a quiet minute', async () => {
    const { records, written, clock } = bench();
    for (let second = 0; second < 180; second += 1) {
      records.add(refusal());
      await clock.advance(1_000);
    }
    assert.deepEqual(written.map(countOf), [1, 59, 60, 60]);
    assert.equal(written.at(-1)?.details?.['sameSubject'], true);
    await clock.advance(MINUTE_MS);
    assert.equal(clock.pendingTimers, 0, 'nothing is left to wait for');
    records.add(refusal());
    assert.deepEqual(written.map(countOf), [1, 59, 60, 60, 1]);
  });

  const others: readonly Wish[] = [
    { kind: 'directory.add' },
    { actor: 'cn=x' },
    { address: '192.0.2.2' },
    { details: { code: 'DIRECTORY_UNWILLING' } },
    { details: { reason: 'credentials' } },
  ];
  for (const other of others) {
    it(`tell apart ${JSON.stringify(other)}`, () => {
      const { records, written } = bench();
      records.add(refusal());
      records.add(refusal(other));
      assert.equal(written.length, 2);
    });
  }

  it('are bounded however many addresses there are, and lose nothing of the count', async () => {
    const { records, written } = bench({ maxKinds: 10 });
    for (let at = 0; at < 5_000; at += 1) {
      records.add(refusal({ address: `2001:db8::${at.toString(16)}` }));
      records.add(refusal({ address: '192.0.2.1', kind: 'directory.add' }));
    }
    await records.close();
    // Ten told apart, a shared one for each act, and a count of each that went on.
    assert.ok(written.length <= 2 * 12, `${written.length} records`);
    assert.equal(sum(written), 10_000);
    const shared = written.filter(({ origin }) => origin.actor === 'various');
    assert.deepEqual(shared.map(countOf), [5_000 - 9 - 1]);
    assert.equal(shared[0]?.origin.address, undefined);
    assert.equal(shared[0]?.details?.['code'], undefined);
  });

  it('are told apart again when others were quiet for a minute', async () => {
    const { records, written, clock } = bench({ maxKinds: 1 });
    records.add(refusal({ address: 'a' }));
    records.add(refusal({ address: 'b' }));
    records.add(refusal({ address: 'c' }));
    await clock.advance(2 * MINUTE_MS);
    records.add(refusal({ address: 'd' }));
    await clock.advance(1_000);
    records.add(refusal({ address: 'd' }));
    await records.close();
    assert.deepEqual(
      written.map((event) => [event.origin.address, countOf(event)]),
      [
        ['a', 1],
        ['b', 1],
        [undefined, 1],
        ['d', 1],
        ['d', 1],
      ],
    );
  });

  it('that cannot be written go to the log with their count', async () => {
    const lines: LogFields[] = [];
    const log: Log = { ...silentLog, error: (_, fields) => void lines.push(fields ?? {}) };
    const { records } = bench({ log, write: () => Promise.reject(new Error('full')) });
    for (let at = 0; at < 5; at += 1) {
      records.add(refusal());
    }
    await records.close();
    assert.deepEqual(
      lines.map(({ count }) => count),
      [1, 4],
    );
  });
});

describe('a flood of refusals', () => {
  const deletes = ({ kind }: AuditRecord): boolean => kind === 'directory.delete';

  it('of 20,000 anonymous deletes is a few records', async (t) => {
    const { directory, records, clock } = await openDirectory(t);
    const dn = suffix;
    await directory.add(
      { dn, attributes: [value('objectClass', 'organization'), value('o', 'JPKI')] },
      { ...nobody, principal: { kind: 'system', name: 'test' } },
    );
    const flood = async (caller: Caller, count: number): Promise<void> => {
      for (let done = 0; done < count; done += 1_000) {
        const batch = Array.from({ length: 1_000 }, () => directory.delete({ dn }, caller));
        const outcomes = await Promise.allSettled(batch);
        assert.ok(outcomes.every(({ status }) => status === 'rejected'));
      }
    };
    await flood(nobody, 10_000);
    await clock.advance(MINUTE_MS);
    await flood(nobody, 10_000);
    const found = (await records()).filter(deletes);
    assert.deepEqual(found.map(countOf), [1, 9_999, 10_000]);
    assert.equal(directory.statistics.refusedWrites, 20_000);
  });

  it('of binds under ever new names is a few records', async (t) => {
    const { directory, records } = await openDirectory(t);
    const binds = Array.from({ length: 50 }, (_, at) =>
      directory.bind(`cn=nobody ${at},${suffix}`, encodeUtf8('wrong'), nobody.session),
    );
    await Promise.allSettled(binds);
    const found = (await records()).filter(({ kind }) => kind === 'directory.bind');
    assert.deepEqual(found.map(countOf), [1, directory.statistics.refusedBinds - 1]);
    assert.equal(found.at(-1)?.details?.['sameSubject'], false);
  });
});

function value(description: string, text: string) {
  return { description, values: [encodeUtf8(text)] };
}
