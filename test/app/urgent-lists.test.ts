import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { UrgentLists } from '../../src/app/urgent-lists.ts';
import { silentLog } from '../../src/core/log.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';

const atEach = {
  ...smallGunma,
  crl: { ...smallGunma.crl, atEachRevocation: { coalesceSeconds: 5, alarmMinutes: 15 } },
};

interface Bench {
  readonly bed: CaTestBed;
  readonly asked: string[];
  readonly urgent: UrgentLists;
}

async function open(t: { after(fn: () => unknown): void }): Promise<Bench> {
  const bed = await CaTestBed.open(t, { policy: atEach });
  await bed.clock.advance(2_000);
  const asked: string[] = [];
  const urgent = new UrgentLists(
    { authority: bed.ca, clock: bed.clock, log: silentLog },
    async ([scopeId = '']) => {
      asked.push(scopeId);
      await bed.ca.publish(scopeId, tester);
    },
  );
  return { bed, asked, urgent };
}

async function revokeOne({ bed }: Bench, reason = 'superseded', at = '10201'): Promise<void> {
  const { serialNumber } = await bed.issue(at);
  await bed.revoke(serialNumber, reason);
}

describe('a policy that publishes at each revocation (mic 4.8, secom 4.5.3)', () => {
  it('makes one list for those that come within the seconds that it sets', async (t) => {
    const bench = await open(t);
    await revokeOne(bench);
    await bench.bed.clock.advance(3_000);
    await revokeOne(bench);
    await bench.bed.clock.advance(1_999);
    assert.deepEqual(bench.asked, []);
    await bench.bed.clock.advance(10);
    assert.deepEqual(bench.asked, ['10201']);
    await bench.urgent.close();
    const [list] = (await bench.bed.ca.listArchived('10201')).slice(-1);
    assert.equal(list?.entryCount, 2);
    assert.equal(list?.number, 2n);
  });

  it('makes a list of its own for each scope, and at once for a reason that does not wait', async (t) => {
    const bench = await open(t);
    await revokeOne(bench, 'superseded', '10202');
    await revokeOne(bench, 'cACompromise', '10201');
    assert.deepEqual(bench.asked, ['10201']);
    await bench.bed.clock.advance(5_010);
    assert.deepEqual(bench.asked, ['10201', '10202']);
    await bench.urgent.close();
  });

  it('publishes what still gathers when it closes', async (t) => {
    const bench = await open(t);
    await revokeOne(bench);
    await bench.urgent.close();
    assert.deepEqual(bench.asked, ['10201']);
    assert.equal((await bench.bed.ca.listArchived('10201')).at(-1)?.entryCount, 1);
  });

  it('leaves it to the schedule after a kill: the list is due when it was', async (t) => {
    const bench = await open(t);
    const { bed } = bench;
    await revokeOne(bench);
    const revokedMs = bed.clock.nowMs();
    await bed.reopen();
    assert.deepEqual(bed.ca.dueScopes(revokedMs + 4_999), []);
    assert.deepEqual(bed.ca.dueScopes(revokedMs + 5_000), ['10201']);
  });

  it('counts one list a day as regular, so that entries leave (RFC 5280 §3.3)', async (t) => {
    const { bed } = await open(t);
    const isRegular: boolean[] = [];
    for (let round = 0; round < 5; round += 1) {
      await bed.clock.advance(10 * 3_600_000);
      isRegular.push((await bed.ca.publish('10201', tester)).isRegular);
    }
    assert.deepEqual(isRegular, [false, false, true, false, false]);
  });
});
