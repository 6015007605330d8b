/**
 * Folders that are not, or no longer, a store of this version; a store that is in use.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Level } from 'level';

import { SystemClock } from '../../src/core/clock.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { STORE_FORMAT } from '../../src/store/level/store-format.ts';
import { sealValue } from '../../src/store/level/value-checksum.ts';
import type { Store } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = Buffer.from('\x20a');
const FORMAT_KEY = Buffer.from('\x01format');

const open = (folder: string): Promise<Store> =>
  openLevelStore({ folder, clock: new SystemClock(), log: silentLog });

async function makeStore(folder: string, rows = 1): Promise<void> {
  const store = await open(folder);
  for (let at = 0; at < rows; at += 1) {
    await store.transact('test', async (transaction) => {
      transaction.put(KEY, Buffer.from('value'));
    });
  }
  await store.close();
}

/** Opens, reads the one row, closes; gives the row or the error's code. */
async function tryStore(folder: string): Promise<string | undefined> {
  let store: Store;
  try {
    store = await open(folder);
  } catch (error) {
    return isCertdirError(error) ? error.code : String(error);
  }
  try {
    const snapshot = store.snapshot();
    const value = await snapshot.read(KEY);
    return value && Buffer.from(value).toString();
  } finally {
    await store.close();
  }
}

async function editRaw(
  folder: string,
  edit: (level: Level<Uint8Array, Uint8Array>) => Promise<void>,
): Promise<void> {
  const level = new Level<Uint8Array, Uint8Array>(join(folder, 'level'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await level.open();
  await edit(level);
  await level.close();
}

const levelFiles = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(folder, 'level'))
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, 'level', name));

if (process.argv[2] === 'open') {
  process.stdout.write(`${await tryStore(process.argv[3] ?? '')}\n`);
} else {
  describe('a store in use', () => {
    it('is refused to a second opener in the same process', async (t) => {
      const folder = temporaryFolder(t);
      await makeStore(folder);
      const store = await open(folder);
      assert.equal(await tryStore(folder), 'STORE_LOCKED');
      await store.transact('test', async (transaction) => transaction.delete(KEY));
      await store.close();
      assert.equal(await tryStore(folder), undefined);
    });

    it('is refused to another process', async (t) => {
      const folder = temporaryFolder(t);
      await makeStore(folder);
      const store = await open(folder);
      const tryElsewhere = (): string => {
        const file = fileURLToPath(import.meta.url);
        const child = spawnSync(process.execPath, [file, 'open', folder], { encoding: 'utf8' });
        return `${child.stdout}${child.stderr}`.trim();
      };
      assert.equal(tryElsewhere(), 'STORE_LOCKED');
      await store.close();
      assert.equal(tryElsewhere(), 'value');
    });
  });

  describe('a folder of another format', () => {
    const rows: readonly {
      readonly why: string;
      readonly spoil: (folder: string) => Promise<void> | void;
      readonly code: string;
    }[] = [
      {
        why: 'FORMAT names a later version',
        spoil: (folder) => writeFileSync(join(folder, 'FORMAT'), 'certdir-store 4\n'),
        code: 'STORE_FORMAT',
      },
      {
        why: 'FORMAT is something else',
        spoil: (folder) => writeFileSync(join(folder, 'FORMAT'), Buffer.alloc(5000, 0xfe)),
        code: 'STORE_FORMAT',
      },
      {
        why: 'the format row names a later version',
        spoil: (folder) =>
          editRaw(folder, (level) =>
            level.put(FORMAT_KEY, sealValue(FORMAT_KEY, Buffer.from('certdir-store 4'))),
          ),
        code: 'STORE_FORMAT',
      },
      {
        why: 'the format row is damaged',
        spoil: (folder) =>
          editRaw(folder, (level) => level.put(FORMAT_KEY, Buffer.from(STORE_FORMAT))),
        code: 'STORE_DAMAGED',
      },
      {
        why: 'the format row is missing',
        spoil: (folder) => editRaw(folder, (level) => level.del(FORMAT_KEY)),
        code: 'STORE_DAMAGED',
      },
      {
        why: 'the database is another program’s',
        spoil: async (folder) => {
          rmSync(join(folder, 'FORMAT'));
          await editRaw(folder, (level) => level.del(FORMAT_KEY));
        },
        code: 'STORE_FORMAT',
      },
    ];
    for (const { why, spoil, code } of rows) {
      it(`is refused where ${why}`, async (t) => {
        const folder = temporaryFolder(t);
        await makeStore(folder);
        await spoil(folder);
        assert.equal(await tryStore(folder), code);
        assert.equal(await tryStore(folder), code, 'and nothing was changed by trying');
      });
    }
  });

  describe('damaged files', () => {
    const current = (folder: string): string => join(folder, 'level', 'CURRENT');
    const manifest = (folder: string): string => levelFiles(folder, /^MANIFEST/)[0] ?? '';
    const rows: readonly { readonly why: string; readonly spoil: (folder: string) => void }[] = [
      { why: 'CURRENT is missing', spoil: (folder) => rmSync(current(folder)) },
      {
        why: 'CURRENT and FORMAT are missing',
        spoil: (folder) => {
          rmSync(current(folder));
          rmSync(join(folder, 'FORMAT'));
        },
      },
      { why: 'CURRENT is empty', spoil: (folder) => writeFileSync(current(folder), '') },
      { why: 'CURRENT is cut', spoil: (folder) => writeFileSync(current(folder), 'MANIF') },
      {
        why: 'CURRENT names a file that is not there',
        spoil: (folder) => writeFileSync(current(folder), 'MANIFEST-000999\n'),
      },
      { why: 'the manifest is missing', spoil: (folder) => rmSync(manifest(folder)) },
      { why: 'the manifest is empty', spoil: (folder) => writeFileSync(manifest(folder), '') },
      {
        why: 'the manifest is noise',
        spoil: (folder) => writeFileSync(manifest(folder), Buffer.alloc(300, 0xa5)),
      },
      {
        why: 'a table is missing',
        spoil: (folder) => {
          const tables = levelFiles(folder, /\.ldb$/);
          assert.ok(tables.length > 0);
          tables.forEach((table) => {
            rmSync(table);
          });
        },
      },
      {
        why: 'all of the database is missing',
        spoil: (folder) => rmSync(join(folder, 'level'), { recursive: true }),
      },
    ];
    for (const { why, spoil } of rows) {
      it(`are refused, nothing changed: ${why}`, async (t) => {
        const folder = temporaryFolder(t);
        await makeStore(folder, 3);
        const copy = join(temporaryFolder(t), 'copy');
        cpSync(folder, copy, { recursive: true });
        spoil(folder);
        assert.equal(await tryStore(folder), 'STORE_DAMAGED');
        assert.equal(await tryStore(folder), 'STORE_DAMAGED', 'the second time too');
        assert.equal(await tryStore(copy), 'value', 'the copy was good');
      });
    }
  });

  describe('a store whose making was interrupted', () => {
    const rows: readonly { readonly after: string; readonly make: (folder: string) => unknown }[] =
      [
        { after: 'its folder', make: (folder) => mkdirSync(folder) },
        {
          after: 'its database’s folder',
          make: (folder) => mkdirSync(join(folder, 'level'), { recursive: true }),
        },
        {
          after: 'the first files of the database',
          make: (folder) => {
            mkdirSync(join(folder, 'level'), { recursive: true });
            for (const name of ['LOCK', 'LOG', 'MANIFEST-000001', '000001.dbtmp']) {
              writeFileSync(join(folder, 'level', name), '');
            }
          },
        },
        {
          after: 'an empty database',
          make: async (folder) => {
            mkdirSync(folder);
            await editRaw(folder, async () => undefined);
          },
        },
        {
          after: 'the format row',
          make: (folder) =>
            makeStore(folder).then(() =>
              editRaw(folder, async (level) => {
                rmSync(join(folder, 'FORMAT'));
                writeFileSync(join(folder, 'FORMAT.tmp'), 'certd');
                await level.del(KEY);
              }),
            ),
        },
      ];
    for (const { after, make } of rows) {
      it(`after ${after} is made when it is opened again`, async (t: TestContext) => {
        const folder = join(temporaryFolder(t), 'store');
        await make(folder);
        assert.equal(await tryStore(folder), undefined);
        assert.ok(existsSync(join(folder, 'FORMAT')));
        await makeStore(folder);
        assert.equal(await tryStore(folder), 'value');
      });
    }
  });

  describe('a folder that cannot be', () => {
    it('is refused where a file is in its way', async (t) => {
      const file = join(temporaryFolder(t), 'file');
      writeFileSync(file, '');
      assert.equal(await tryStore(file), 'STORE_OPEN_FAILED');
      assert.equal(await tryStore(join(file, 'store')), 'STORE_OPEN_FAILED');
    });
  });
}
