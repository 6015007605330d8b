import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { addApiMetrics } from '../../src/app/api-metrics.ts';
import { MetricsRegistry } from '../../src/core/metrics.ts';
import { ApiBed } from '../support/api-bed.ts';

describe('the figures of the API', () => {
  it('say what became of calls, and how many sessions there are', async (t) => {
    const bed = await ApiBed.open(t, { budgets: { addressCalls: 6 } });
    const registry = new MetricsRegistry({ onFailure: (name) => assert.fail(name) });
    addApiMetrics(registry, () => bed.statistics);
    await bed.operator('taro', ['reception'], { password: 'a password of the staff' });
    const token = await bed.login('taro', 'a password of the staff');
    const closing = { method: 'DELETE', headers: { 'idempotency-key': 'k1' } };
    await bed.ask({ path: '/session' });
    await bed.ask({ path: '/verifiers', token });
    await bed.ask({ path: '/nothing', token });
    await bed.ask({ path: '/requests?limit=0', token });
    await bed.ask({ path: '/session', token, ...closing });
    await bed.ask({ path: '/session', token });
    const text = await registry.expose();
    const figures = [...text.matchAll(/^(certdir_api_\S+) (\d+)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    assert.deepEqual(Object.fromEntries(figures), {
      'certdir_api_calls_total{outcome="done"}': '2',
      'certdir_api_calls_total{outcome="unauthenticated"}': '1',
      'certdir_api_calls_total{outcome="forbidden"}': '1',
      'certdir_api_calls_total{outcome="limited"}': '1',
      'certdir_api_calls_total{outcome="refused"}': '2',
      'certdir_api_calls_total{outcome="unavailable"}': '0',
      'certdir_api_calls_total{outcome="failed"}': '0',
      certdir_api_replayed_total: '0',
      certdir_api_sessions: '0',
    });
  });
});
