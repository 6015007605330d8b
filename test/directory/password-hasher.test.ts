import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import {
  formatPasswordHash,
  hasPasswordScheme,
  parsePasswordHash,
} from '../../src/directory/accounts/password-hash.ts';
import { PasswordHasher } from '../../src/directory/accounts/password-hasher.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const cheap = { logN: 10, r: 8, p: 1 };

function hasher(limits: { maxConcurrent?: number; maxWaiting?: number } = {}): PasswordHasher {
  return new PasswordHasher({ random: new SeededRandom(), cost: cheap, ...limits });
}

describe('PasswordHasher', () => {
  it('verifies what it hashed, and nothing else', async () => {
    const passwords = hasher();
    const stored = await passwords.hash(encodeUtf8('correct horse'));
    assert.equal(await passwords.verify(encodeUtf8('correct horse'), stored), true);
    assert.equal(await passwords.verify(encodeUtf8('correct horsf'), stored), false);
    assert.equal(await passwords.verify(encodeUtf8(''), stored), false);
  });

  it('salts: the same password is stored differently each time', async () => {
    const passwords = hasher();
    const first = await passwords.hash(encodeUtf8('secret'));
    const second = await passwords.hash(encodeUtf8('secret'));
    assert.notDeepEqual(first, second);
  });

  it('says no where nothing, or nothing it knows, is stored', async () => {
    const passwords = hasher();
    assert.equal(await passwords.verify(encodeUtf8('secret'), undefined), false);
    assert.equal(await passwords.verify(encodeUtf8('secret'), encodeUtf8('secret')), false);
  });

  it('checks against scrypt (RFC 7914) with the stated cost', async () => {
    const salt = encodeUtf8('SodiumChloride!!');
    const real = scryptSync('pleaseletmein', salt, 32, { N: 1024, r: 8, p: 1 });
    const hash = Uint8Array.from(real, (byte, index) => (index === 31 ? byte ^ 1 : byte));
    const passwords = hasher();
    const password = encodeUtf8('pleaseletmein');
    const right = encodeUtf8(formatPasswordHash({ cost: cheap, salt, hash: real }));
    const wrong = encodeUtf8(formatPasswordHash({ cost: cheap, salt, hash }));
    assert.equal(await passwords.verify(password, right), true);
    assert.equal(await passwords.verify(password, wrong), false);
  });

  it('reliability LDAP row 17: refuses when too many wait, and serves all that it took', async () => {
    const passwords = hasher({ maxConcurrent: 1, maxWaiting: 2 });
    const tries = Array.from({ length: 5 }, () => passwords.verify(encodeUtf8('x'), undefined));
    const outcomes = await Promise.allSettled(tries);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, 2);
    for (const outcome of refused) {
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'DIRECTORY_BUSY');
    }
    assert.equal(await passwords.verify(encodeUtf8('x'), undefined), false);
  });
});

describe('parsePasswordHash', () => {
  const salt = 'A'.repeat(22);
  const hash = `${'B'.repeat(42)}A`;
  const rows = [
    { text: `{SCRYPT}ln=10,r=8,p=1$${salt}$${hash}`, isValid: true },
    { text: `{SCRYPT}ln=17,r=16,p=4$${salt}$${hash}`, isValid: true },
    { text: `{SCRYPT}ln=9,r=8,p=1$${salt}$${hash}`, isValid: false },
    { text: `{SCRYPT}ln=18,r=8,p=1$${salt}$${hash}`, isValid: false },
    { text: `{SCRYPT}ln=10,r=7,p=1$${salt}$${hash}`, isValid: false },
    { text: `{SCRYPT}ln=10,r=17,p=1$${salt}$${hash}`, isValid: false },
    { text: `{SCRYPT}ln=10,r=8,p=0$${salt}$${hash}`, isValid: false },
    { text: `{SCRYPT}ln=10,r=8,p=5$${salt}$${hash}`, isValid: false },
    { text: `{SCRYPT}ln=10,r=8,p=1$${salt}$${hash}x`, isValid: false },
    { text: `{SCRYPT}ln=10,r=8,p=1$${salt.slice(1)}$${hash}`, isValid: false },
    { text: `{scrypt}ln=10,r=8,p=1$${salt}$${hash}`, isValid: false },
    { text: 'secret', isValid: false },
  ];
  for (const { text, isValid } of rows) {
    it(`${isValid ? 'takes' : 'refuses'} ${text.slice(0, 24)}… of ${text.length}`, () => {
      const parsed = parsePasswordHash(text);
      assert.equal(parsed !== undefined, isValid);
      assert.equal(parsed === undefined ? text : formatPasswordHash(parsed), text);
    });
  }
});

describe('hasPasswordScheme', () => {
  const rows = [
    { text: '{SSHA}abc', expected: true },
    { text: '{CRYPT}abc', expected: true },
    { text: '{}abc', expected: false },
    { text: 'a{SSHA}', expected: false },
    { text: '{not a scheme}', expected: false },
  ];
  for (const { text, expected } of rows) {
    it(`says ${expected} to ${text}`, () => {
      assert.equal(hasPasswordScheme(text), expected);
    });
  }
});
