/**
 * Any sequence of issuing, revoking, reporting, approving, withdrawing, announcing, waiting, carrying out and being
 * killed: nothing is issued after the stop, and in the end everything is revoked and published.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { isLastList } from '../../src/ca/policy/cadence.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, collect, tester } from '../support/ca-test-bed.ts';
import { MortalStore } from '../support/mortal-store.ts';

const SECOND = 1000;
const DAY = 86_400_000;

type Step =
  | { readonly kind: 'issue' | 'revoke' | 'approve' | 'withdraw' | 'run' | 'restart' }
  | { readonly kind: 'report'; readonly destroysKey: boolean }
  | { readonly kind: 'announce'; readonly inDays: number; readonly revokes: boolean }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'die'; readonly after: number; readonly moment: 'before' | 'after' };

const plain = fc.constantFrom(
  ...(['issue', 'issue', 'revoke', 'approve', 'withdraw', 'run', 'restart'] as const),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: plain.map((kind) => ({ kind })) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('report' as const), destroysKey: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      inDays: fc.constantFrom(0, 1, 90),
      revokes: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(SECOND, DAY, 91 * DAY),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('die' as const),
      after: fc.nat({ max: 12 }),
      moment: fc.constantFrom('before' as const, 'after' as const),
    }),
  },
);

/** What a step may be refused for, or die of; anything else is a fault. */
const refusals = new Set([
  ...['CA_ISSUING_STOPPED', 'CA_CESSATION_STATE', 'CA_CESSATION_UNKNOWN', 'CA_ALREADY_REVOKED'],
  ...['STORE_WRITE_FAILED', 'STORE_WRITER_CLOSED'],
]);

const explanation = { ja: '', en: '' };

interface Life {
  readonly bed: CaTestBed;
  readonly stores: readonly MortalStore[];
  count: number;
}

/** Carries out what is to be done, while time goes on. */
async function runOn({ ca, clock }: CaTestBed): Promise<void> {
  let isRunning = true;
  const publish = async (scopeIds: readonly string[]): Promise<void> => {
    for (const scopeId of scopeIds) {
      await ca.publish(scopeId, tester);
    }
  };
  const run = ca.cessations.run({ origin: tester, publish }).finally(() => {
    isRunning = false;
  });
  run.catch(() => undefined);
  while (isRunning) {
    await clock.advance(250);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await run;
}

async function take(life: Life, one: Step): Promise<void> {
  const { bed } = life;
  const { cessations } = bed.ca;
  const id = cessations.list.at(-1)?.id ?? 'none';
  life.count += 1;
  const order = { id: `step-${life.count}`, explanation, origin: tester };
  switch (one.kind) {
    case 'issue': {
      const { stop } = cessations;
      await bed.issue();
      assert.equal(stop, undefined, 'nothing is issued after the stop');
      return;
    }
    case 'revoke': {
      const [found] = (await collect(bed.ca.listCertificates({ state: 'good' }))).filter(
        ({ profile }) => profile === 'end-entity',
      );
      return found === undefined ? undefined : await bed.revoke(found.serialNumber);
    }
    case 'report':
      await cessations.report({ ...order, destroysKey: one.destroysKey });
      return;
    case 'announce': {
      const stopsMs = bed.clock.nowMs() + one.inDays * DAY;
      await cessations.announce({ ...order, stopsMs, revokes: one.revokes });
      return;
    }
    case 'approve':
      await cessations.approve(id, tester);
      return;
    case 'withdraw':
      await cessations.withdraw(id, tester);
      return;
    case 'run':
      return await runOn(bed);
    case 'restart':
      return await bed.reopen();
    case 'wait':
      return await bed.clock.advance(one.ms);
    case 'die':
      life.stores.at(-1)?.arm(one.after, one.moment);
  }
}

async function live(steps: readonly Step[]): Promise<void> {
  const closers: (() => unknown)[] = [];
  const stores: MortalStore[] = [];
  const bed = await CaTestBed.open(
    { after: (fn) => closers.unshift(fn) },
    {
      wrapStore: (store: Store) => {
        const mortal = new MortalStore(store);
        stores.push(mortal);
        return mortal;
      },
    },
  );
  const life: Life = { bed, stores, count: 0 };
  try {
    await bed.clock.advance(2 * SECOND);
    for (const one of steps) {
      await take(life, one).catch((error: unknown) => {
        assert.ok(isCertdirError(error) && refusals.has(error.code), String(error));
      });
      if (!bed.store.isWritable) {
        await bed.reopen();
      }
    }
    await bed.reopen();
    await finish(bed);
  } finally {
    for (const close of closers) {
      await close();
    }
  }
}

async function finish(bed: CaTestBed): Promise<void> {
  const { cessations } = bed.ca;
  for (const { id, phase } of cessations.list) {
    if (phase === 'suspended') {
      await cessations.approve(id, tester);
    }
  }
  await bed.clock.advance(91 * DAY);
  await runOn(bed);
  await assertConsistent(bed);
  const { lists } = await bed.ca.status();
  if (cessations.list.length === 0) {
    await bed.issue();
    return;
  }
  await assert.rejects(bed.issue(), { code: 'CA_ISSUING_STOPPED' });
  const compromise = cessations.list.find(({ kind }) => kind === 'compromise');
  const isRevoked = compromise !== undefined || cessations.list.some(({ revokes }) => revokes);
  for (const { profile, state } of await collect(bed.ca.listCertificates())) {
    const isOwn = profile === 'self-signed';
    if (compromise !== undefined || (isRevoked && !isOwn)) {
      assert.equal(state, 'revoked');
    }
  }
  assert.ok(
    lists.every(({ pendingCount }) => pendingCount === 0),
    'every list has everything',
  );
  if (compromise?.destroysKey === true) {
    assert.ok(lists.every(({ published }) => isLastList(published ?? {})));
  }
}

describe('what ends a key or the service', () => {
  it('in any order, killed anywhere: nothing is issued after the stop, everything is revoked', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), live), {
      numRuns: 14,
      seed: 20261121,
      endOnFailure: true,
    });
  });
});
