/**
 * The process dies at any transaction, before it is durable or after it but before anyone is told. After
 * the restart everything fits together, and no serial number and no CRL number was given out twice.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CertificateAuthority } from '../../src/ca/certificate-authority.ts';
import type { Store } from '../../src/store/store.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, tester } from '../support/ca-test-bed.ts';
import { MortalStore } from '../support/mortal-store.ts';

/** Every number given out so far, from the audit log: each once. */
async function assertNothingRepeats(bed: CaTestBed): Promise<void> {
  const intents = await bed.records('certificate.issue.intent');
  const serialNumbers = intents.map(({ subject }) => subject);
  assert.equal(new Set(serialNumbers).size, serialNumbers.length, 'serial numbers');
  const published = await bed.records('crl.publish');
  const numbers = published
    .filter(({ result }) => result === 'done')
    .map(({ subject, details }) => `${subject} ${String(details?.['number'])}`);
  assert.equal(new Set(numbers).size, numbers.length, 'CRL numbers');
}

describe('a CA that dies', () => {
  const stores: MortalStore[] = [];
  const wrapStore = (store: Store): Store => {
    const mortal = new MortalStore(store);
    stores.push(mortal);
    return mortal;
  };

  it('while it issues, revokes and publishes', async (t) => {
    const bed = await CaTestBed.open(t, { wrapStore });
    const newest = (): MortalStore => stores.at(-1) ?? assert.fail();
    const work = async (): Promise<void> => {
      const { serialNumber } = await bed.issue();
      await bed.revoke(serialNumber);
      await bed.clock.advance(2000);
      await bed.ca.publish('10201', tester);
      await bed.issue('10202');
    };
    const before = newest().transactions;
    await work();
    const count = newest().transactions - before;
    assert.ok(count >= 6, 'the work has at least six transactions');
    for (const moment of ['before', 'after'] as const) {
      for (let countdown = 0; countdown < count; countdown += 1) {
        newest().arm(countdown, moment);
        await assert.rejects(work(), { name: 'StoreError' }, `${moment} ${countdown}`);
        await bed.reopen();
        await assertConsistent(bed);
        await assertNothingRepeats(bed);
      }
    }
    await bed.clock.advance(2000);
    await work();
    await assertConsistent(bed);
  });

  it('while it is made', async (t) => {
    for (const moment of ['before', 'after'] as const) {
      for (let countdown = 0; ; countdown += 1) {
        const bed = await CaTestBed.openEmpty(t, { wrapStore });
        const store = stores.at(-1) ?? assert.fail();
        store.arm(countdown, moment);
        const isMade = await bed.create().then(
          () => true,
          () => false,
        );
        if (isMade) {
          assert.ok(countdown > 10, 'the creation has more than ten transactions');
          break;
        }
        await assertRecovers(bed);
        await bed.close();
      }
    }
  });

  /** What is half made is finished by making it again, or by opening it. */
  async function assertRecovers(bed: CaTestBed): Promise<void> {
    await bed.restartParts();
    const isThere = await CertificateAuthority.open(bed.options).then(
      () => true,
      (error: { code?: string }) => {
        assert.equal(error.code, 'CA_MISSING');
        return false;
      },
    );
    await (isThere ? bed.reopen() : bed.create());
    await bed.clock.advance(2000);
    for (const scope of bed.ca.dueScopes(bed.clock.nowMs())) {
      await bed.ca.publish(scope, tester);
    }
    assert.ok(bed.ca.nextDueMs() > bed.clock.nowMs());
    await assertConsistent(bed);
    await assertNothingRepeats(bed);
  }
});
