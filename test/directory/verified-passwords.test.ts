import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { VerifiedPasswords } from '../../src/directory/accounts/verified-passwords.ts';
import { directoryTypes } from '../../src/directory/directory-types.ts';
import { Entry } from '../../src/directory/entries/entry.ts';
import { shippedSchema } from '../support/directory-fixture.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const schema = await shippedSchema();
const types = directoryTypes(schema);
const right = encodeUtf8('right');

function entryWith(values: { uuid?: string; csn?: string; hash?: string } = {}): Entry {
  const { uuid = 'u', csn = '1', hash = '{SCRYPT}x' } = values;
  const attribute = (type: typeof types.entryCsn, text: string) => ({
    type,
    options: [],
    values: [encodeUtf8(text)],
  });
  return new Entry('cn=a', new Uint8Array(0), [
    attribute(types.entryUuid, uuid),
    attribute(types.entryCsn, csn),
    attribute(types.userPassword, hash),
  ]);
}

function setUp() {
  const clock = new SimulatedClock();
  const verified = new VerifiedPasswords({ clock, random: new SeededRandom(), types });
  return { clock, verified };
}

describe('passwords that were verified', () => {
  it('are remembered for a minute', async () => {
    const { clock, verified } = setUp();
    assert.equal(verified.has(entryWith(), right), false);
    verified.add(entryWith(), right);
    await clock.advance(59_999);
    assert.ok(verified.has(entryWith(), right));
    await clock.advance(1);
    assert.equal(verified.has(entryWith(), right), false);
  });

  const others = [
    { why: 'another password', entry: entryWith(), password: 'wrong' },
    { why: 'the entry after a change', entry: entryWith({ csn: '2' }), password: 'right' },
    { why: 'another stored hash', entry: entryWith({ hash: '{SCRYPT}y' }), password: 'right' },
    { why: 'another entry', entry: entryWith({ uuid: 'v' }), password: 'right' },
    { why: 'moved boundaries', entry: entryWith({ hash: '{SCRYPT}' }), password: 'xright' },
  ];
  for (const { why, entry, password } of others) {
    it(`are not ${why}`, () => {
      const { verified } = setUp();
      verified.add(entryWith(), right);
      assert.equal(verified.has(entry, encodeUtf8(password)), false);
    });
  }

  it('are verified once for all who give them at the same time, wrong ones each time anew', async () => {
    const { verified } = setUp();
    let count = 0;
    const check = (isRight: boolean) =>
      verified.check(entryWith(), encodeUtf8(String(isRight)), async () => {
        count += 1;
        return isRight;
      });
    assert.deepEqual(await Promise.all([check(true), check(true), check(false)]), [
      ...[true, true, false],
    ]);
    assert.equal(count, 2);
    assert.equal(await check(true), true);
    assert.equal(count, 2);
    assert.equal(await check(false), false);
    assert.equal(count, 3);
  });

  it('are at most ten thousand: the oldest goes', () => {
    const { verified } = setUp();
    for (let count = 0; count <= 10_000; count += 1) {
      verified.add(entryWith({ uuid: String(count) }), right);
    }
    assert.equal(verified.has(entryWith({ uuid: '0' }), right), false);
    assert.ok(verified.has(entryWith({ uuid: '1' }), right));
    assert.ok(verified.has(entryWith({ uuid: '10000' }), right));
  });
});
