/**
 * Any sequence of issuing, holding, releasing, revoking, publishing, renewing the key, waiting and restarting leaves a CA whose
 * lists fit together: every list passed the gate, numbers and times move on, the lists are all the revoked certificates, and
 * none left before its time; one key issues, the older ones are vouched for, and the CA's entry shows what verifiers need.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { secomLike } from '../support/scope-policies.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Municipalities, whose numbers are also those of the lists where it is they that make the partitions. */
const partitions = ['10201', '10202', '10203'] as const;

type Step =
  | { readonly kind: 'issue'; readonly scope: number }
  | { readonly kind: 'revoke'; readonly which: number; readonly reason: number }
  | { readonly kind: 'hold' | 'release'; readonly which: number }
  | { readonly kind: 'publish'; readonly scope: number }
  | { readonly kind: 'publishDue' }
  | { readonly kind: 'makeKey' | 'switchKey' | 'retireKeys' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'restart' };

function holding(policy: Policy): Policy {
  return { ...policy, revocation: { ...policy.revocation, hold: 'until-expiry' } };
}

const index = fc.nat({ max: 999 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('issue' as const), scope: index }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('revoke' as const), which: index, reason: index }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('hold' as const, 'release' as const),
      which: index,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const), scope: index }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'publishDue' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('makeKey' as const, 'switchKey' as const, 'retireKeys' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      // Long waits run into the ends of certificates (3 years) and of the CA (10 years).
      ms: fc.constantFrom(SECOND, HOUR, DAY, 2 * DAY, 200 * DAY, 3 * 366 * DAY),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

/** What a step may be refused for; anything else is a fault. */
const refusals = new Set([
  'CA_ALREADY_REVOKED',
  'CA_CERTIFICATE_EXPIRED',
  'CA_HOLD_NOT_ALLOWED',
  'CA_ISSUER_ENDS',
  'CA_NOT_HELD',
  'CA_RENEWAL_NONE',
]);

async function run(policy: Policy, steps: readonly Step[]): Promise<void> {
  const closers: (() => unknown)[] = [];
  const bed = await CaTestBed.open(
    { after: (fn) => closers.unshift(fn) },
    { policy: holding(policy) },
  );
  const serialNumbers: bigint[] = [];
  try {
    for (const one of steps) {
      await take(bed, one, serialNumbers);
    }
    await bed.clock.advance(SECOND);
    for (const { id } of bed.ca.scopes.list) {
      await bed.ca.publish(id, tester);
      await bed.clock.advance(SECOND);
    }
    const { lists } = await bed.ca.status();
    assert.ok(lists.every(({ pendingCount }) => pendingCount === 0));
    await assertConsistent(bed);
    assert.equal(new Set(serialNumbers).size, serialNumbers.length);
  } finally {
    for (const close of closers) {
      await close();
    }
  }
}

async function take(bed: CaTestBed, one: Step, serialNumbers: bigint[]): Promise<void> {
  const { reasons } = bed.policy.revocation;
  try {
    switch (one.kind) {
      case 'issue':
        serialNumbers.push((await bed.issue(pick(partitions, one.scope))).serialNumber);
        break;
      case 'revoke':
        if (serialNumbers.length > 0) {
          await bed.revoke(pick(serialNumbers, one.which), pick(reasons, one.reason));
        }
        break;
      case 'hold':
      case 'release':
        if (serialNumbers.length > 0) {
          const request = { serialNumber: pick(serialNumbers, one.which), origin: tester };
          await bed.ca[one.kind](request);
        }
        break;
      case 'publish':
        await bed.clock.advance(SECOND);
        await bed.ca.publish(pick(bed.ca.scopes.list, one.scope).id, tester);
        break;
      case 'publishDue':
        await bed.clock.advance(SECOND);
        for (const scope of bed.ca.dueScopes(bed.clock.nowMs())) {
          await bed.ca.publish(scope, tester);
          await bed.clock.advance(bed.ca.scopes.find(scope).isFull ? SECOND : 0);
        }
        assert.ok(bed.ca.nextDueMs() > bed.clock.nowMs());
        break;
      case 'makeKey':
        await bed.ca.renewal.prepare(tester);
        break;
      case 'switchKey':
        await bed.ca.renewal.switchOver(tester);
        break;
      case 'retireKeys':
        await bed.ca.retirement.run(tester);
        assert.ok((bed.ca.retirement.dueMs ?? Number.MAX_VALUE) > bed.clock.nowMs());
        break;
      case 'wait':
        bed.clock.setWallClock(bed.clock.nowMs() + one.ms);
        break;
      case 'restart':
        await bed.reopen();
        break;
    }
  } catch (error) {
    assert.ok(isCertdirError(error) && refusals.has(error.code), String(error));
  }
}

function pick<T>(items: readonly T[], at: number): T {
  const item = items[at % items.length];
  assert(item !== undefined);
  return item;
}

const kinds: Readonly<Record<string, Policy>> = {
  'lists by municipality': smallGunma,
  'numbered lists, and a full one beside them for each key': secomLike,
};

describe('a CA', () => {
  for (const [kind, policy] of Object.entries(kinds)) {
    it(`holds its invariants through any sequence of steps, with ${kind}`, async () => {
      const steps = fc.array(step, { minLength: 5, maxLength: 40 });
      const holds = fc.asyncProperty(steps, (taken) => run(policy, taken));
      await fc.assert(holds, {
        seed: 20260105,
        numRuns: 10,
        endOnFailure: false,
      });
    });
  }
});
