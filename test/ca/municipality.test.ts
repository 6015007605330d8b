import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { checkDigit, Municipalities } from '../../src/ca/policy/municipality.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const gunma = await Municipalities.load(join(packageRoot, 'cps', 'municipalities-gunma.yaml'));

describe('the municipalities of Gunma', () => {
  it('are 35, each with its own code and name', () => {
    assert.equal(gunma.list.length, 35);
    for (const field of ['code5', 'code6', 'kanji', 'dnName'] as const) {
      assert.equal(new Set(gunma.list.map((entry) => entry[field])).size, 35, field);
    }
  });

  it('are 12 cities, 15 towns and 8 villages', () => {
    const ending = (kind: string): number =>
      gunma.list.filter(({ kanji }) => kanji.endsWith(kind)).length;
    assert.deepEqual([ending('市'), ending('町'), ending('村')], [12, 15, 8]);
  });

  it('are found by five and by six digits', () => {
    assert.equal(gunma.find('10201').kanji, '前橋市');
    assert.equal(gunma.find('102016').dnName, 'Maebashi-shi');
  });

  const refused = [
    { why: 'a municipality of Tokyo', code: '13101' },
    { why: 'a wrong check digit', code: '102017' },
    { why: 'a name', code: 'Maebashi-shi' },
    { why: 'full-width digits', code: '１０２０１' },
    { why: 'an empty text', code: '' },
    { why: 'a name of Object.prototype', code: '__proto__' },
  ];
  for (const { why, code } of refused) {
    it(`do not have ${why}`, () => {
      assert.throws(() => gunma.find(code), { name: 'CaError', code: 'CA_MUNICIPALITY_UNKNOWN' });
    });
  }
});

describe('the check digit', () => {
  for (const [code5, digit] of [
    ['10201', '6'],
    ['10448', '5'],
    ['01100', '2'],
    ['10524', '4'],
  ] as const) {
    it(`of ${code5} is ${digit}`, () => {
      assert.equal(checkDigit(code5), digit);
    });
  }
});

describe('a file of municipalities', () => {
  const entry = (fields: Record<string, string>): string =>
    `  - ${Object.entries({
      code5: '"10201"',
      code6: '"102016"',
      kanji: '前橋市',
      kana: 'まえばしし',
      dnName: 'Maebashi-shi',
      dnPrefecture: 'Gunma-ken',
      ...fields,
    })
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n    ')}\n`;
  const file = (...entries: string[]): string =>
    `formatVersion: 1\nsource: a\nlicence: MIT\nasOf: "2018"\nmunicipalities:\n${entries.join('')}`;

  const refused = [
    { why: 'a wrong check digit', text: file(entry({ code6: '"102017"' })) },
    { why: 'a code that is a number', text: file(entry({ code5: '10201' })) },
    { why: 'a code twice', text: file(entry({}), entry({ dnName: 'Other-shi' })) },
    {
      why: 'a name twice in one prefecture',
      text: file(entry({}), entry({ code5: '"10202"', code6: '"102024"' })),
    },
    { why: 'a character that a name would have to escape', text: file(entry({ dnName: 'A+B' })) },
    { why: 'an unknown key', text: file(entry({ mayor: 'x' })) },
    { why: 'no municipality', text: file().replace('municipalities:\n', 'municipalities: []\n') },
  ];
  for (const { why, text } of refused) {
    it(`with ${why} is refused`, async (t) => {
      const path = join(temporaryFolder(t), 'municipalities.yaml');
      writeFileSync(path, text);
      await assert.rejects(Municipalities.load(path), {
        name: 'ConfigError',
        code: 'CONFIG_INVALID',
      });
    });
  }

  it('is accepted as built here', async (t) => {
    const path = join(temporaryFolder(t), 'municipalities.yaml');
    writeFileSync(path, file(entry({})));
    assert.equal((await Municipalities.load(path)).list.length, 1);
  });
});
