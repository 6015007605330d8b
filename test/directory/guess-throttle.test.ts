import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import {
  type AdmittedGuess,
  GuessThrottle,
  type GuessThrottleOptions,
} from '../../src/directory/accounts/guess-throttle.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const delays = { freeFailures: 3, firstSeconds: 1, maxSeconds: 10 };
const account = encodeUtf8('account');

class Bed {
  readonly clock = new SimulatedClock();
  readonly throttle: GuessThrottle;
  #count = 0;

  constructor(options: Partial<GuessThrottleOptions> = {}) {
    const random = new SeededRandom();
    this.throttle = new GuessThrottle({
      delaysOf: () => delays,
      clock: this.clock,
      random,
      ...options,
    });
  }

  /** A guess that was not made before. */
  admit(address = '192.0.2.1', name = account): ReturnType<GuessThrottle['admit']> {
    this.#count += 1;
    return this.throttle.admit(name, address, encodeUtf8(`guess ${this.#count}`));
  }

  mustAdmit(address?: string, name?: Uint8Array): AdmittedGuess {
    const guess = this.admit(address, name);
    assert.ok(guess.kind === 'admitted');
    return guess;
  }

  fail(times: number, address?: string, name?: Uint8Array): void {
    for (let failure = 0; failure < times; failure += 1) {
      this.mustAdmit(address, name).failed();
    }
  }
}

describe('reliability LDAP row 17: delays after wrong passwords', () => {
  it('grow from the first to the longest, both sides of each', async () => {
    const bed = new Bed();
    bed.fail(delays.freeFailures);
    for (const seconds of [1, 2, 4, 8, 10, 10]) {
      assert.equal(bed.admit().kind, 'delayed');
      await bed.clock.advance(seconds * 1000 - 1);
      assert.equal(bed.admit().kind, 'delayed', `after just under ${seconds} s`);
      await bed.clock.advance(1);
      bed.fail(1);
    }
  });

  it('are those of one account and one address', () => {
    const bed = new Bed();
    bed.fail(delays.freeFailures);
    assert.equal(bed.admit().kind, 'delayed');
    bed.mustAdmit('192.0.2.2').withdrawn();
    bed.mustAdmit('192.0.2.1', encodeUtf8('other')).withdrawn();
    bed.mustAdmit('').withdrawn();
  });

  const sameHost = [
    { left: '2001:db8:1:2::1', right: '2001:db8:1:2:ffff::9', isSame: true },
    { left: '2001:db8:1:2::1', right: '2001:db8:1:3::1', isSame: false },
    { left: '2001:db8:1:2::1', right: '2001:0DB8:0001:0002:0:0:0:1', isSame: true },
    { left: 'fe80::1%eth0', right: 'fe80::2', isSame: true },
    { left: '::1', right: '::ffff:1', isSame: true },
    { left: '64:ff9b::192.0.2.1', right: '64:ff9b::1', isSame: true },
    { left: '1::1', right: '::1', isSame: false },
  ];
  for (const { left, right, isSame } of sameHost) {
    it(`take ${left} and ${right} for ${isSame ? 'one host' : 'two'}`, () => {
      const bed = new Bed();
      bed.fail(delays.freeFailures, left);
      assert.equal(bed.admit(right).kind, isSame ? 'delayed' : 'admitted');
    });
  }

  it('end with a success', async () => {
    const bed = new Bed();
    bed.fail(delays.freeFailures + 0);
    await bed.clock.advance(1000);
    bed.mustAdmit().succeeded();
    assert.equal(bed.throttle.tracked, 0);
    bed.fail(delays.freeFailures);
    assert.equal(bed.admit().kind, 'delayed');
  });

  it('do not move when the wall clock does', async () => {
    const bed = new Bed();
    bed.fail(delays.freeFailures);
    bed.clock.setWallClock(0);
    assert.equal(bed.admit().kind, 'delayed');
    await bed.clock.advance(1000);
    assert.equal(bed.admit().kind, 'admitted');
  });

  it('say which refusal is the first of each', async () => {
    const bed = new Bed();
    bed.fail(delays.freeFailures);
    const refusals = [bed.admit(), bed.admit()];
    assert.deepEqual(refusals, [
      { kind: 'delayed', isFirst: true, failures: 3 },
      { kind: 'delayed', isFirst: false, failures: 3 },
    ]);
    await bed.clock.advance(1000);
    bed.fail(1);
    assert.deepEqual(bed.admit(), { kind: 'delayed', isFirst: true, failures: 4 });
  });
});

describe('guesses at the same time', () => {
  it('are as many as may fail freely', () => {
    const bed = new Bed();
    const kinds = Array.from({ length: 5 }, () => bed.admit().kind);
    assert.deepEqual(kinds, ['admitted', 'admitted', 'admitted', 'delayed', 'delayed']);
  });

  it('come one by one after that', async () => {
    const bed = new Bed();
    bed.fail(delays.freeFailures);
    await bed.clock.advance(1000);
    const first = bed.mustAdmit();
    assert.equal(bed.admit().kind, 'delayed');
    first.withdrawn();
    assert.equal(bed.admit().kind, 'admitted');
  });

  it('are one guess when they are the same password', () => {
    const { throttle } = new Bed();
    const same = encodeUtf8('the same');
    const guesses = Array.from({ length: 50 }, () => throttle.admit(account, '', same));
    assert.ok(guesses.every(({ kind }) => kind === 'admitted'));
    const failures = guesses.map((guess) => guess.kind === 'admitted' && guess.failed());
    assert.deepEqual([...new Set(failures)], [0, 1]);
  });
});

describe('what is remembered of guessers', () => {
  it('is bounded', () => {
    const bed = new Bed({ maxTracked: 10 });
    for (let name = 0; name < 1000; name += 1) {
      bed.fail(1, '192.0.2.1', encodeUtf8(String(name)));
    }
    assert.equal(bed.throttle.tracked, 10);
  });

  it('is forgotten when the free failures of a new start are fewer than guesses by then', async () => {
    const bed = new Bed();
    bed.fail(delays.freeFailures);
    await bed.clock.advance((delays.freeFailures + 1) * delays.maxSeconds * 1000);
    bed.fail(1);
    assert.equal(bed.admit().kind, 'delayed');
    await bed.clock.advance((delays.freeFailures + 1) * delays.maxSeconds * 1000 + 1);
    bed.fail(delays.freeFailures - 1);
    bed.mustAdmit('192.0.2.1').withdrawn();
  });

  it('is nothing of those whose password was right', () => {
    const bed = new Bed();
    bed.mustAdmit().succeeded();
    bed.mustAdmit().withdrawn();
    assert.equal(bed.throttle.tracked, 0);
  });
});
