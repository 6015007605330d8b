import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { decodeUtf8, encodeUtf8 } from '../../src/core/bytes.ts';
import {
  lenientPasswordPolicy,
  type PasswordPolicy,
} from '../../src/directory/accounts/password-policy.ts';
import {
  checkPasswordQuality,
  generatePassword,
} from '../../src/directory/accounts/password-quality.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** secom 6.4.1. */
const secom: PasswordPolicy = {
  ...lenientPasswordPolicy,
  minCharacters: 8,
  characterKinds: ['upperCase', 'lowerCase', 'digit'],
};
const withSymbol: PasswordPolicy = { ...secom, characterKinds: ['symbol'] };
const named: PasswordPolicy = { ...lenientPasswordPolicy, minCharacters: 12, refuseNames: true };
const names = ['Hanako Yamada', 'Hanako', 'Yamada', 'hy', '花子'];

const rows: readonly { password: string; policy: PasswordPolicy; isGood: boolean }[] = [
  { password: 'x', policy: lenientPasswordPolicy, isGood: true },
  { password: 'Abcdef12', policy: secom, isGood: true },
  { password: 'Abcde12', policy: secom, isGood: false },
  { password: 'abcdef12', policy: secom, isGood: false },
  { password: 'ABCDEF12', policy: secom, isGood: false },
  { password: 'Abcdefgh', policy: secom, isGood: false },
  { password: 'Ａｂｃｄｅｆ１２', policy: secom, isGood: true },
  { password: '𠮷𠮷𠮷𠮷Aa1', policy: secom, isGood: false },
  { password: '𠮷𠮷𠮷𠮷𠮷Aa1', policy: secom, isGood: true },
  { password: 'abcdefg-', policy: withSymbol, isGood: true },
  { password: 'abcdefg ', policy: withSymbol, isGood: true },
  { password: 'abcdefg1', policy: withSymbol, isGood: false },
  { password: 'abcdefg\u0007', policy: withSymbol, isGood: false },
  { password: 'hanakoyamada1', policy: named, isGood: false },
  { password: 'HANAKO Yamada 20266', policy: named, isGood: true },
  { password: 'HANAKO Yamada 2026', policy: named, isGood: false },
  { password: 'yamada12345', policy: named, isGood: false },
  { password: 'yamada123456', policy: named, isGood: true },
  { password: 'yamada-yamada', policy: named, isGood: false },
  { password: 'hyhyhyhyhyhy', policy: named, isGood: true },
];

describe('the quality of passwords', () => {
  for (const { password, policy, isGood } of rows) {
    it(`${isGood ? 'takes' : 'refuses'} ${JSON.stringify(password)}`, () => {
      const check = (): void => checkPasswordQuality(encodeUtf8(password), policy, names);
      if (isGood) {
        check();
      } else {
        assert.throws(check, { code: 'DIRECTORY_CONSTRAINT' });
      }
    });
  }

  it('refuses what is not UTF-8', () => {
    const password = Uint8Array.of(0x61, 0xff, 0x62);
    assert.throws(() => checkPasswordQuality(password, lenientPasswordPolicy, []), {
      code: 'DIRECTORY_CONSTRAINT',
    });
  });
});

describe('generated passwords', () => {
  const strict: PasswordPolicy = {
    ...secom,
    minCharacters: 40,
    characterKinds: ['upperCase', 'lowerCase', 'digit', 'symbol'],
    refuseNames: true,
  };
  for (const policy of [lenientPasswordPolicy, secom, strict]) {
    it(`comply with ${policy.minCharacters} characters of ${policy.characterKinds.length} kinds`, () => {
      const random = new SeededRandom();
      const passwords = Array.from({ length: 200 }, () => generatePassword(policy, random));
      for (const password of passwords) {
        checkPasswordQuality(password, policy, names);
      }
      assert.equal(new Set(passwords.map(decodeUtf8)).size, 200);
    });
  }

  it('use every character of their alphabet about as often', () => {
    const random = new SeededRandom();
    const counts = new Map<string, number>();
    for (let round = 0; round < 500; round += 1) {
      for (const character of decodeUtf8(generatePassword(secom, random)) ?? '') {
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
    }
    assert.equal(counts.size, 24 + 25 + 8);
    const mean = (500 * 24) / counts.size;
    for (const [character, count] of counts) {
      assert.ok(count > mean * 0.7 && count < mean * 1.4, `${character} ${count} times`);
    }
  });
});
