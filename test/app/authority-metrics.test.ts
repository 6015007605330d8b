import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { addAuthorityMetrics } from '../../src/app/authority-metrics.ts';
import { BrokenInvariants } from '../../src/app/broken-invariants.ts';
import { silentLog } from '../../src/core/log.ts';
import { MetricsRegistry } from '../../src/core/metrics.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';

async function figuresOf(bed: CaTestBed): Promise<ReadonlyMap<string, number>> {
  const registry = new MetricsRegistry({ onFailure: (name) => assert.fail(name) });
  const parts = { authority: bed.ca, clock: bed.clock, policy: bed.policy };
  addAuthorityMetrics(registry, parts, new BrokenInvariants(silentLog));
  const found = new Map<string, number>();
  for (const { definition, samples } of await registry.read()) {
    for (const { labels, value } of samples) {
      found.set(`${definition.name}{${labels?.['scope'] ?? ''}}`, value);
    }
  }
  return found;
}

describe('the figures of delta lists', () => {
  it('are of the one on show, beside those of the full list', async (t) => {
    const bed = await CaTestBed.open(t, { policy: withDeltas });
    await bed.revoke((await bed.issue('10201')).serialNumber);
    await bed.clock.advance(3_600_000);
    await bed.ca.deltas.publish('10201', { channel: 'cli', actor: 'tester' });
    await bed.clock.advance(60_000);
    const figures = await figuresOf(bed);
    const delta = (await bed.ca.deltas.onShow('10201')) ?? assert.fail('no delta list');
    assert.equal(figures.get('certdir_crl_delta_number{10201}'), Number(delta.number));
    assert.equal(figures.get('certdir_crl_delta_age_seconds{10201}'), 60);
    assert.equal(figures.get('certdir_crl_delta_remaining_seconds{10201}'), 12 * 3_600 - 60);
    assert.equal(figures.get('certdir_crl_delta_entries{10201}'), 1);
    assert.equal(figures.get('certdir_crl_delta_size_bytes{10201}'), delta.byteLength);
    assert.equal(figures.get('certdir_crl_entries{10201}'), 0);
    assert.equal(figures.get('certdir_crl_delta_number{arl}'), undefined);
  });

  it('are none where the policy has no delta lists', async (t) => {
    const figures = await figuresOf(await CaTestBed.open(t));
    assert.deepEqual(
      [...figures.keys()].filter((name) => name.includes('delta')),
      [],
    );
  });
});
