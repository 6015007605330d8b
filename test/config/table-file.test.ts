import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { z } from 'zod';
import { Municipalities } from '../../src/ca/policy/municipality.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { loadTableFile, parseTable } from '../../src/config/table-file.ts';

const rows = z.array(
  z.strictObject({ code: z.string().regex(/^[0-9]+$/, 'digits'), name: z.string().optional() }),
);
const parse = (text: string) => parseTable(text, 'a.csv', rows);

describe('a table', () => {
  it('has a row for each line but the first, comments and empty ones', () => {
    assert.deepEqual(parse('\ufeff# for people\ncode,name\n1,one\r\n\n2,\n'), [
      { code: '1', name: 'one' },
      { code: '2' },
    ]);
  });

  const wrong: readonly (readonly [why: string, text: string, code: string, says: string])[] = [
    ['a value too many', 'code,name\n1,one,two\n', 'CONFIG_SYNTAX', 'a.csv:2: 3 values'],
    ['a quote', 'code,name\n1,"one"\n', 'CONFIG_SYNTAX', 'a.csv:2: '],
    ['a wrong value', 'code,name\n# x\n1,one\nb,two\n', 'CONFIG_INVALID', 'a.csv:4: code: digits'],
    ['an unknown column', 'code,town\n1,one\n', 'CONFIG_INVALID', 'a.csv:2: '],
  ];
  for (const [why, text, code, says] of wrong) {
    it(`is refused with file and line: ${why}`, () => {
      assert.throws(
        () => parse(text),
        (error: Error & { code?: string }) => error.code === code && error.message.startsWith(says),
      );
    });
  }

  it('is refused when there is none', async () => {
    await assert.rejects(loadTableFile('/nowhere/a.csv', rows), { code: 'CONFIG_UNREADABLE' });
  });
});

describe('the municipalities of Japan', async () => {
  const { list } = await Municipalities.load(join(packageRoot, 'cps/municipalities-japan.csv'));

  it('are 1,741 in 47 prefectures, with two towns of one name told apart', () => {
    assert.equal(list.length, 1741);
    assert.equal(new Set(list.map(({ dnPrefecture }) => dnPrefecture)).size, 47);
    const towns = list.filter(({ kana }) => kana === 'えさしちょう');
    assert.deepEqual(
      towns.map(({ code5, kanji }) => [code5, kanji]),
      [
        ['01361', '江差町'],
        ['01514', '枝幸町'],
      ],
    );
  });

  it('are read in less time than anybody waits', async () => {
    const before = process.cpuUsage();
    await Municipalities.load(join(packageRoot, 'cps/municipalities-japan.csv'));
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 250_000, `${user + system} µs of processor time`);
  });
});
