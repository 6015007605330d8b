import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';

import { openLevelDatabase } from '../../src/store/level/level-database.ts';
import { decompressSnappy } from '../../src/store/level/snappy.ts';
import { checkTable } from '../../src/store/level/table-check.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
const MIB = 1024 * 1024;

/** Tables of rows that compress well, so that their indexes are compressed too. */
async function makeTables(t: TestContext, rows: number): Promise<readonly string[]> {
  const sizes = { cacheBytes: MIB, writeBufferBytes: MIB };
  const database = await openLevelDatabase(temporaryFolder(t), sizes, true);
  const random = new SeededRandom('tables');
  for (let at = 0; at < rows; at += 1) {
    const text = `a value that repeats itself ${at % 7} `.repeat(1 + random.below(5));
    const key = Buffer.from(`\x20a key with a long beginning ${at}`);
    await database.write([[key, Buffer.concat([Buffer.from(text), random.bytes(20)])]]);
  }
  await database.flush();
  const tables = database.tables();
  await database.close();
  return tables;
}

describe('the check of a table', () => {
  it('finds nothing wrong with those that LevelDB makes', async (t) => {
    const tables = await makeTables(t, 12_000);
    assert.ok(tables.length >= 2, `${tables.length} tables`);
    for (const table of tables) {
      assert.equal(await checkTable(table), readFileSync(table).length);
    }
  });

  it('finds any bit that was changed, in data, filters, indexes and between them', async (t) => {
    const [table = ''] = await makeTables(t, 300);
    const bytes = readFileSync(table);
    const file = openSync(table, 'r+');
    const random = new SeededRandom('bits');
    for (let at = 0; at < bytes.length; at += 1) {
      const isSampled = isLong || at % 23 === 0 || at > bytes.length - 600;
      for (const bit of isLong ? [0, 1, 2, 3, 4, 5, 6, 7] : isSampled ? [random.below(8)] : []) {
        writeSync(file, Uint8Array.of((bytes[at] ?? 0) ^ (1 << bit)), 0, 1, at);
        await assert.rejects(checkTable(table), { code: 'STORE_DAMAGED' }, `byte ${at} bit ${bit}`);
      }
      writeSync(file, bytes, at, 1, at);
    }
    closeSync(file);
    assert.equal(await checkTable(table), bytes.length);
  });

  it('finds a table that was cut, and takes one that is gone for one no longer in use', async (t) => {
    const [table = ''] = await makeTables(t, 300);
    const { length } = readFileSync(table);
    for (const size of [length - 1, length >> 1, 48, 47, 0]) {
      truncateSync(table, size);
      await assert.rejects(checkTable(table), { code: 'STORE_DAMAGED' });
    }
    assert.equal(await checkTable(`${table}.gone`), 0);
  });
});

describe('Snappy', () => {
  const rows: readonly { readonly what: string; readonly block: string; readonly text: string }[] =
    [
      { what: 'a literal', block: '05 10 68656c6c6f', text: 'hello' },
      {
        what: 'a literal with its length in a byte',
        block: `46 f0 45 ${'61'.repeat(70)}`,
        text: 'a'.repeat(70),
      },
      { what: 'a copy with one byte of offset', block: '08 0c 61626364 01 04', text: 'abcdabcd' },
      { what: 'a copy with two', block: '08 0c 61626364 0e 0400', text: 'abcdabcd' },
      { what: 'a copy with four', block: '08 0c 61626364 0f 04000000', text: 'abcdabcd' },
      { what: 'a copy of what it writes', block: '06 00 61 05 01', text: 'aaaaaa' },
      { what: 'nothing', block: '00', text: '' },
    ];
  for (const { what, block, text } of rows) {
    it(`reads ${what}`, () => {
      const bytes = decompressSnappy(Buffer.from(block.replaceAll(' ', ''), 'hex'));
      assert.equal(Buffer.from(bytes ?? []).toString(), text);
    });
  }
  for (const { what, block } of [
    { what: 'no length', block: '' },
    { what: 'a length that is longer than it must be', block: '8000' },
    { what: 'a length beyond all bounds', block: 'ffffffff7f' },
    { what: 'a literal that is cut', block: '05 10 6865' },
    { what: 'more than its length', block: '04 10 68656c6c6f' },
    { what: 'less than its length', block: '06 10 68656c6c6f' },
    { what: 'a copy from before its beginning', block: '08 0c 61626364 01 05' },
    { what: 'a copy from itself', block: '08 0c 61626364 01 00' },
    { what: 'a copy that is cut', block: '08 0c 61626364 0e 04' },
  ]) {
    it(`refuses ${what}`, () => {
      assert.equal(decompressSnappy(Buffer.from(block.replaceAll(' ', ''), 'hex')), undefined);
    });
  }
});
