import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { DeliveryFolder } from '../../src/app/delivery-folder.ts';
import { deliveryJob } from '../../src/app/delivery-job.ts';
import { silentLog } from '../../src/core/log.ts';
import { CaTestBed, hanako, tester } from '../support/ca-test-bed.ts';
import { filePolicy } from '../support/delivery-policies.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;

describe('the job that erases keys made for subscribers', () => {
  it('is due at the start, then when the first key is (secom 6.1.1 (2))', async (t) => {
    const bed = await CaTestBed.open(t, { policy: filePolicy });
    const job = (): ReturnType<typeof deliveryJob> =>
      deliveryJob({ authority: bed.ca, log: silentLog });
    const run = (): Promise<unknown> => job().run(new AbortController().signal);
    assert.equal(await job().nextDueMs(), 0);
    await run();
    assert.equal(await job().nextDueMs(), undefined);
    const issue = { profile: 'end-entity', municipality: '10201', subjectAttributes: hanako };
    const order = { order: 'a', issue: { ...issue, origin: tester } };
    const { reference = '' } = await bed.ca.delivery.prepare(order);
    await bed.ca.delivery.fetch({ reference }, tester);
    const dueMs = bed.clock.nowMs() + HOUR_MS;
    assert.equal(await job().nextDueMs(), dueMs);
    await bed.reopen(filePolicy);
    assert.equal(await job().nextDueMs(), 0, 'after a restart everything is looked at');
    await run();
    assert.equal(await job().nextDueMs(), dueMs);
    await bed.clock.advance(HOUR_MS);
    await run();
    assert.deepEqual(await bed.vault.names(), []);
  });
});

describe('the folder for deliveries', () => {
  const name = `${'0'.repeat(40)}.key`;

  it('keeps what is laid into it for its owner alone, until it is erased', async (t) => {
    const folder = join(temporaryFolder(t), 'deliveries');
    const vault = new DeliveryFolder(folder);
    assert.deepEqual(await vault.names(), []);
    assert.equal(await vault.read(name), undefined);
    await vault.put(name, Buffer.from('one'));
    await vault.put(name, Buffer.from('another'));
    assert.equal(String(await vault.read(name)), 'another');
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(await vault.names(), [name]);
    await vault.erase(name);
    await vault.erase(name);
    assert.deepEqual(await vault.names(), []);
  });

  it('takes no name that leads out of it', async (t) => {
    const vault = new DeliveryFolder(temporaryFolder(t));
    await assert.rejects(vault.put('../x.key', Buffer.from('x')), TypeError);
  });
});
