import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import type { OcspReply } from '../../src/ocsp/answer.ts';
import { MINUTE_MS, openOcspBed, requestFor, somebody } from '../support/ocsp-bed.ts';
import { readOcspResponse } from '../support/ocsp-reader.ts';

const SERIALS = 2n;

type Step =
  | {
      readonly kind: 'ask';
      readonly serials: readonly number[];
      readonly hash: 'sha1' | 'sha256';
      readonly hasNonce: boolean;
    }
  | { readonly kind: 'revoke' | 'issue'; readonly serial: number }
  /** Lets so many of what waits for the token go on. */
  | { readonly kind: 'sign'; readonly count: number }
  | { readonly kind: 'advance'; readonly minutes: number };

const serial = fc.integer({ min: 1, max: Number(SERIALS) });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      serials: fc.constantFrom([1], [1], [2], [1, 2]),
      hash: fc.constantFrom('sha1' as const, 'sha1' as const, 'sha256' as const),
      hasNonce: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('revoke' as const, 'issue' as const), serial }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('sign' as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      minutes: fc.integer({ min: 1, max: 40 }),
    }),
  },
);

/** An answer that was asked for, and what was acknowledged as revoked before it was. */
interface Asked {
  readonly revokedBefore: ReadonlySet<bigint>;
  readonly issuedBefore: ReadonlySet<bigint>;
  readonly askedMs: number;
  readonly reply: Promise<OcspReply>;
}

async function play(steps: readonly Step[], isPublic: boolean): Promise<void> {
  const waits: (() => void)[] = [];
  const bed = openOcspBed({
    isPublic,
    beforeSigning: () => new Promise<void>((resolve) => waits.push(resolve)),
    limits: { cacheEntries: 3 },
  });
  bed.register.set(1n, { kind: 'good' });
  const revoked = new Set<bigint>();
  const asked: Asked[] = [];
  const letSign = async (count: number): Promise<void> => {
    for (const go of waits.splice(0, count)) {
      go();
    }
    await bed.clock.advance(0);
  };
  for (const one of steps) {
    switch (one.kind) {
      case 'ask': {
        const nonce = one.hasNonce ? { nonce: Uint8Array.of(asked.length & 0xff) } : {};
        const der = requestFor(one.serials.map(BigInt), { hash: one.hash, ...nonce });
        const reply = Promise.resolve(bed.responder.answer(der, somebody));
        asked.push({
          revokedBefore: new Set(revoked),
          issuedBefore: new Set(bed.register.keys()),
          askedMs: bed.clock.nowMs(),
          reply,
        });
        break;
      }
      case 'revoke':
        if (bed.register.has(BigInt(one.serial))) {
          bed.revoke(BigInt(one.serial));
          revoked.add(BigInt(one.serial));
        }
        break;
      case 'issue':
        if (!bed.register.has(BigInt(one.serial))) {
          bed.register.set(BigInt(one.serial), { kind: 'good' });
        }
        break;
      case 'sign':
        await letSign(one.count);
        break;
      case 'advance':
        bed.clock.setWallClock(bed.clock.nowMs() + one.minutes * MINUTE_MS);
        break;
    }
    await bed.clock.advance(0);
  }
  for (let round = 0; round < 12 || waits.length > 0; round += 1) {
    await letSign(waits.length);
  }
  for (const { reply, revokedBefore, issuedBefore, askedMs } of asked) {
    const { singles, responseStatus } = readOcspResponse((await reply).der);
    assert.ok(responseStatus === 0 || responseStatus === 3);
    for (const { serialNumber, status, thisUpdateMs, nextUpdateMs = 0 } of singles) {
      assert.ok(
        !revokedBefore.has(serialNumber) || status === 'revoked',
        'a revocation was acknowledged',
      );
      assert.ok(!issuedBefore.has(serialNumber) || status !== 'unknown', 'it was issued');
      assert.ok(thisUpdateMs < nextUpdateMs && askedMs < nextUpdateMs, 'it is still valid');
    }
  }
}

describe('answers under any order of events', () => {
  for (const isPublic of [true, false]) {
    it(`are never good after the revocation was acknowledged (${isPublic ? 'public' : 'by rights'})`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), (steps) =>
          play(steps, isPublic),
        ),
        { seed: 6960, numRuns: 60 },
      );
    });
  }
});
