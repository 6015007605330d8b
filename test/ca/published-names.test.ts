import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { formatName } from '../../src/x509/name.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';

const MINUTE_MS = 60_000;
const gunma = await loadPolicy(shippedPolicyFile('gunma'));
const policy: Policy = { ...gunma, publishedNames: ['end-entity'] };

describe('names that the policy publishes (mic 2.6.1)', () => {
  it('are those with a good certificate, and those whose newest was revoked', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const issued = [await bed.issue(), await bed.issue('10202'), await bed.issue('10203')];
    const [good, revoked, ended] = issued.map(({ certificate, serialNumber }) => ({
      serialNumber,
      subject: formatName(certificate.subject),
    }));
    assert.ok(good && revoked && ended);
    await bed.revoke(revoked.serialNumber);
    const statesOf = async (): Promise<Record<string, string>> =>
      Object.fromEntries(
        (await bed.ca.publishedNames.list()).map(({ subject, state }) => [subject, state]),
      );
    const shown = { [good.subject]: 'certified', [revoked.subject]: 'cancelled' };
    assert.deepEqual(await statesOf(), { ...shown, [ended.subject]: 'certified' });
    await bed.revoke(ended.serialNumber);
    assert.equal((await statesOf())[ended.subject], 'certified', 'is given again for a minute');
    bed.clock.setWallClock(bed.clock.nowMs() + MINUTE_MS);
    assert.deepEqual(await statesOf(), { ...shown, [ended.subject]: 'cancelled' });
  });

  it('are gone when the certificate has ended, and stay when it was revoked', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { serialNumber } = await bed.issue();
    await bed.issue('10202');
    await bed.revoke(serialNumber);
    bed.clock.setWallClock(bed.clock.nowMs() + 4 * 366 * 24 * 60 * MINUTE_MS);
    const states = (await bed.ca.publishedNames.list()).map(({ state }) => state);
    assert.deepEqual(states, ['cancelled']);
  });

  it('are none where the policy publishes none, and none of other profiles', async (t) => {
    const bed = await CaTestBed.open(t, { policy: { ...gunma, publishedNames: [] } });
    await bed.issue();
    assert.deepEqual(await bed.ca.publishedNames.list(), []);
    await bed.reopen({ ...gunma, publishedNames: ['ocsp-responder'] });
    assert.deepEqual(await bed.ca.publishedNames.list(), []);
  });
});
