import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import { connectControl } from '../../src/http/control-client.ts';
import { openControlServer } from '../../src/http/control-server.ts';
import type { CrlOperations } from '../../src/http/crl-operations.ts';
import { LocalCrlOperations } from '../../src/http/local-crl-operations.ts';
import type { Operations } from '../../src/http/operations.ts';
import { CaTestBed, collect, smallGunma, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR = 3_600_000;

interface Bench {
  readonly bed: CaTestBed;
  readonly serials: readonly string[];
  /** The operations, directly and through a socket. */
  readonly both: readonly CrlOperations[];
}

/** Three lists of Maebashi a day apart, with none, one and three entries. */
async function open(t: TestContext, policy = smallGunma): Promise<Bench> {
  const bed = await CaTestBed.open(t, { policy });
  const serials: string[] = [];
  for (const count of [1, 2]) {
    for (let index = 0; index < count; index += 1) {
      const { serialNumber } = await bed.issue('10201');
      await bed.revoke(serialNumber, 'superseded');
      serials.push(serialNumber.toString(16).toUpperCase().padStart(40, '0'));
    }
    await bed.clock.advance(24 * HOUR);
    await bed.ca.publish('10201', tester);
  }
  const local = new LocalCrlOperations({ authority: bed.ca, clock: bed.clock });
  const socketFile = join(temporaryFolder(t), 'certdir.sock');
  const server = await openControlServer({
    socketFile,
    operations: { crl: local } as unknown as Operations,
    log: silentLog,
  });
  t.after(() => server.close());
  return { bed, serials, both: [local, connectControl(socketFile, 'tester').crl] };
}

const upper = (serial: string): string => serial.replace(/^0+/, '');

describe('the operations on lists', () => {
  it('show a list by number, by time, and the newest', async (t) => {
    const { bed, both } = await open(t);
    for (const operations of both) {
      const newest = await operations.show({ scope: '102016' });
      assert.equal(newest.crlNumber, '3');
      assert.equal(newest.isNewest, true);
      assert.deepEqual(newest.reasons, { superseded: 3 });
      assert.equal(newest.onlyContains, 'user');
      assert.equal(newest.distributionPoint, bed.ca.scopes.find('10201').dn);
      assert.equal(newest.deltaOf, null);
      const second = await operations.show({ scope: '10201', number: '2' });
      assert.deepEqual([second.entries, second.isNewest], [1, false]);
      const then = await operations.show({ scope: '10201', at: second.thisUpdate });
      assert.equal(then.crlNumber, '2');
    }
  });

  it('show delta lists with the list that they start from', async (t) => {
    const { bed, both } = await open(t, withDeltas);
    const { serialNumber } = await bed.issue('10201');
    await bed.revoke(serialNumber, 'superseded');
    await bed.clock.advance(HOUR);
    await bed.ca.deltas.publish('10201', tester);
    for (const operations of both) {
      const history = await operations.history({ scope: '10201' });
      assert.deepEqual(
        history.map(({ crlNumber, deltaOf, entries }) => [crlNumber, deltaOf, entries]),
        [
          ...[['1', null, 0] as const, ['2', '1', 0] as const, ['3', null, 1] as const],
          ...[['4', '3', 0] as const, ['5', null, 3] as const, ['6', '5', 0] as const],
          ['7', '5', 1],
        ],
      );
      const since = history.at(-1)?.thisUpdate ?? assert.fail();
      assert.equal((await operations.history({ scope: '10201', since })).length, 1);
      const shown = await operations.show({ scope: '10201', number: '7' });
      assert.deepEqual(
        [shown.deltaOf, shown.attribute, shown.isNewest, shown.entries],
        ['5', 'deltaRevocationList', true, 1],
      );
      const older = await operations.show({ scope: '10201', number: '6' });
      assert.equal(older.isNewest, false);
      const newest = await operations.show({ scope: '10201' });
      assert.deepEqual([newest.crlNumber, newest.isNewest], ['5', true], 'the full one');
      const der = Buffer.concat(await collect(operations.export({ scope: '10201', number: '7' })));
      assert.equal(createHash('sha256').update(der).digest('hex'), shown.sha256);
      const terms = (await operations.terms()).lists.find(({ scope }) => scope === '10201');
      assert.deepEqual([terms?.newest?.crlNumber, terms?.delta?.crlNumber], ['5', '7']);
      // The list before a full one is the full one before.
      const [first] = await collect(operations.diff({ scope: '10201' }));
      assert.deepEqual([first?.from?.crlNumber, first?.to?.crlNumber], ['3', '5']);
      const [ofDelta] = await collect(operations.diff({ scope: '10201', to: '7' }));
      assert.deepEqual([ofDelta?.from?.crlNumber, ofDelta?.to?.crlNumber], ['6', '7']);
    }
  });

  it('refuse what names no list', async (t) => {
    const { both } = await open(t);
    for (const operations of both) {
      const refusals = [
        { query: { scope: '13101' }, code: 'CA_SCOPE_UNKNOWN' },
        { query: { scope: '10201', number: '4' }, code: 'CA_LIST_UNKNOWN' },
        { query: { scope: '10201', number: '0' }, code: 'CA_LIST_UNKNOWN' },
        { query: { scope: '10201', number: '99999999999999999999' }, code: 'CA_LIST_UNKNOWN' },
        { query: { scope: '10201', number: 'x' }, code: 'HTTP_REQUEST_INVALID' },
        { query: { scope: '10201', at: 'yesterday' }, code: 'HTTP_REQUEST_INVALID' },
        { query: { scope: '10201', at: '2000-01-01' }, code: 'CA_LIST_UNKNOWN' },
      ];
      for (const { query, code } of refusals) {
        await assert.rejects(operations.show(query), { code }, JSON.stringify(query));
        await assert.rejects(collect(operations.export(query)), { code });
        await assert.rejects(collect(operations.entries(query)), { code });
      }
    }
  });

  it('give the entries, and the bytes as they were published', async (t) => {
    const { bed, both, serials } = await open(t);
    const der = (await bed.ca.readList('10201')) ?? assert.fail('no list');
    for (const operations of both) {
      const entries = (await collect(operations.entries({ scope: '10201' }))).flat();
      assert.deepEqual(
        entries.map(({ serialNumber }) => upper(serialNumber)),
        serials.map(upper),
      );
      const bytes = Buffer.concat(await collect(operations.export({ scope: '10201' })));
      assert.deepEqual(bytes, Buffer.from(der));
      const { sha256 } = await operations.show({ scope: '10201' });
      assert.equal(sha256, createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('tell what came between two lists, whichever way they are named', async (t) => {
    const { both, serials } = await open(t);
    for (const operations of both) {
      const told = async (input: { from?: string; to?: string }): Promise<string[]> =>
        (await collect(operations.diff({ scope: '10201', ...input })))
          .flatMap(({ changes }) => changes)
          .map(({ change, serialNumber }) => `${change} ${upper(serialNumber)}`);
      const added = serials.map((serial) => `added ${upper(serial)}`);
      assert.deepEqual(await told({}), added.slice(1));
      assert.deepEqual(await told({ from: '1' }), added);
      assert.deepEqual(await told({ from: '1', to: '2' }), added.slice(0, 1));
      assert.deepEqual(
        await told({ from: '2', to: '1' }),
        [`removed ${upper(serials[0] ?? '')}`],
        'backwards',
      );
      assert.deepEqual(await told({ from: '3', to: '3' }), []);
      await assert.rejects(told({ to: '1' }), { code: 'CA_LIST_UNKNOWN' });
    }
  });

  it('list every scope with its growth and when it will have reached a size', async (t) => {
    const { bed, both } = await open(t);
    for (const operations of both) {
      const all = await operations.list({ days: 30, entries: 9, bytes: 1 });
      assert.equal(all.length, bed.ca.scopes.list.length);
      const maebashi = all.find(({ scope }) => scope === '10201');
      assert.equal(maebashi?.newest?.entries, 3);
      assert.equal(maebashi.entriesPerDay, 1.5);
      assert.equal(maebashi.bytesReached, 'reached');
      const days = (Date.parse(maebashi.entriesReached ?? '') - bed.clock.nowMs()) / (24 * HOUR);
      assert.ok(Math.abs(days - 4) < 0.001, String(days));
      const [one] = await operations.list({ scope: '10202', days: 30 });
      assert.deepEqual([one?.entriesPerDay, one?.entriesReached], [null, null], 'one list alone');
      assert.equal((await operations.list({ days: 1 })).length, all.length);
    }
  });

  it('tell the history of a scope, all of it or since a time', async (t) => {
    const { both } = await open(t);
    for (const operations of both) {
      const all = await operations.history({ scope: '10201' });
      assert.deepEqual(
        all.map(({ crlNumber, entries }) => [crlNumber, entries]),
        [
          ['1', 0],
          ['2', 1],
          ['3', 3],
        ],
      );
      const since = all[1]?.thisUpdate ?? '';
      assert.deepEqual(await operations.history({ scope: '10201', since }), all.slice(1));
    }
  });
});
