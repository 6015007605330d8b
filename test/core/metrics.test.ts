import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MetricsRegistry, type Readings } from '../../src/core/metrics.ts';

const place = { path: ['Things'], property: 'current' };

function registryOf(
  read: () => Readings | Promise<Readings>,
  labels: string[] = [],
): MetricsRegistry {
  const registry = new MetricsRegistry();
  registry.add({ name: 'things', help: 'how many', labels, kind: 'gauge', place, read });
  return registry;
}

describe('MetricsRegistry', () => {
  it('reads a figure when it is asked for it', async () => {
    let count = 0;
    const registry = registryOf(async () => {
      count += 1;
      return count;
    });
    const samples = async (): Promise<unknown> => (await registry.read())[0]?.samples;
    assert.deepEqual(await samples(), [{ value: 1, labels: {} }]);
    assert.deepEqual(await samples(), [{ value: 2, labels: {} }]);
    assert.match(
      await registry.expose(),
      /^# HELP things how many\n# TYPE things gauge\nthings 3$/m,
    );
  });

  it('keeps labels apart, and drops those that are not read any more', async () => {
    let kinds = ['a', 'b'];
    const registry = registryOf(
      () => kinds.map((kind) => ({ labels: { kind }, value: 1 })),
      ['kind'],
    );
    assert.match(await registry.expose(), /^things\{kind="a"\} 1\nthings\{kind="b"\} 1$/m);
    kinds = ['b'];
    const [reading] = await registry.read();
    assert.deepEqual(reading?.samples, [{ labels: { kind: 'b' }, value: 1 }]);
  });

  it('has nothing to say of what is not known', async () => {
    const registry = registryOf(() => undefined);
    assert.deepEqual((await registry.read())[0]?.samples, []);
    assert.doesNotMatch(await registry.expose(), /^things/m);
  });

  it('leaves out what cannot be read, and says so', async () => {
    const failures: unknown[] = [];
    const registry = new MetricsRegistry({
      onFailure: (name, error) => failures.push([name, (error as Error).message]),
    });
    const kind = 'gauge';
    const broken = async (): Promise<number> => {
      throw new Error('closed');
    };
    registry.add({ name: 'broken', help: 'x', kind, place, read: broken });
    registry.add({ name: 'whole', help: 'x', kind, place, read: () => 1 });
    assert.deepEqual(
      (await registry.read()).map(({ samples }) => samples.length),
      [0, 1],
    );
    assert.deepEqual(failures, [['broken', 'closed']]);
  });

  it('counters say their total', async () => {
    const registry = new MetricsRegistry();
    const read = (): number => 7;
    registry.add({ name: 'acts_total', help: 'acts', kind: 'counter', place, read });
    await registry.read();
    assert.match(await registry.expose(), /^acts_total 7$/m);
  });

  it('histograms have buckets, sum and count', async () => {
    const registry = new MetricsRegistry();
    const buckets = [0.1, 1];
    const lags = registry.addHistogram({ name: 'lag_seconds', help: 'lag', place, buckets });
    for (const lag of [0.05, 0.5, 5]) {
      lags.observe(lag);
    }
    const [reading] = await registry.read();
    assert.deepEqual(reading?.samples, [
      { part: 'sum', value: 5.55 },
      { part: 'count', value: 3 },
    ]);
    const text = await registry.expose();
    for (const line of ['le="0.1"} 1', 'le="1"} 2', 'le="+Inf"} 3']) {
      assert.ok(text.includes(`lag_seconds_bucket{${line}`), line);
    }
  });

  it('takes a name once', () => {
    const registry = registryOf(() => 1);
    const again = { name: 'things', help: '', kind: 'gauge', place, read: () => 1 } as const;
    assert.throws(() => registry.add(again));
  });
});
