import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';

import {
  assertMaySign,
  holdSigning,
  readHold,
  releaseSigning,
} from '../../src/ca/recovery-hold.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('signing of several CAs after a restore', async () => {
  const clock = new SimulatedClock();
  const store = await openLevelStore({ folder: temporaryFolder({ after }), clock, log: silentLog });
  after(() => store.close());
  const all = ['gunma', 'tokyo'];

  const hold = (restoredMs: number): Promise<void> =>
    store.transact('hold', async (transaction) => {
      holdSigning(transaction, { restoredMs, sequence: 1, pointMs: 0 });
    });
  const release = (policyId: string): Promise<void> =>
    store.transact('release', (transaction) =>
      releaseSigning(transaction, { policyId, all }, undefined),
    );
  /** Who is held back: the CAs, and what they share. */
  async function held(): Promise<readonly string[]> {
    const asked = [...all, undefined];
    const states = await Promise.all(
      asked.map((id) =>
        assertMaySign(store, id).then(
          () => '',
          () => id ?? 'shared',
        ),
      ),
    );
    return states.filter((state) => state !== '');
  }

  it('is held back for each until it is released, and for what they share until all are', async () => {
    assert.deepEqual(await held(), []);
    await hold(1);
    assert.deepEqual(await held(), ['gunma', 'tokyo', 'shared']);
    await release('tokyo');
    assert.deepEqual(await held(), ['gunma', 'shared']);
    await release('gunma');
    assert.deepEqual(await held(), []);
  });

  it('is held back for all by another restore, whoever was released from the one before', async () => {
    await hold(2);
    await release('tokyo');
    await hold(3);
    assert.deepEqual(await held(), ['gunma', 'tokyo', 'shared']);
    const snapshot = store.snapshot();
    assert.equal((await readHold(snapshot, 'tokyo'))?.restoredMs, 3);
    await snapshot.close();
  });
});
