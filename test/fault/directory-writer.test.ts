/**
 * The directory over a store whose write fails, with and without the bytes having reached the disk.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { ControlledDatabase, type WriteFault } from '../support/controlled-database.ts';
import {
  callerOf,
  openDirectory,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const faults: readonly WriteFault[] = ['not persisted', 'persisted but reported as failed'];

describe('a write error', () => {
  for (const fault of faults) {
    it(`${fault}: the change is unavailable, reads go on, rights are looked up again`, async (t) => {
      const database = new ControlledDatabase();
      const folder = temporaryFolder(t);
      const clock = new SimulatedClock();
      const store = await openLevelStore({
        folder,
        clock,
        log: silentLog,
        openDatabase: database.open,
      });
      const { directory, add } = await openDirectory(t, {
        store,
        access: [
          { attributes: ['userPassword'], who: { kind: 'anyone' }, rights: ['auth'] },
          { who: { kind: 'operator' }, rights: ['search', 'read'] },
        ],
      });
      await add(suffix, { objectClass: 'organization' });
      const dn = `cn=Operator,${suffix}`;
      await add(dn, {
        objectClass: ['organizationalRole', 'certdirOperator'],
        certdirOperatorRole: 'x',
        userPassword: 'secret',
      });
      const principal = await directory.bind(dn, encodeUtf8('secret'), system.session);
      const disable = [
        { operation: 'add', attribute: 'certdirAccountDisabled', values: [encodeUtf8('TRUE')] },
      ] as const;
      database.failAfter(0, fault);
      await assert.rejects(directory.modify({ dn, changes: disable }, system), {
        code: 'DIRECTORY_UNAVAILABLE',
      });
      const filter = '(certdirAccountDisabled=TRUE)';
      const isThere = (await searchNames(directory, { filter })).length === 1;
      assert.equal(isThere, fault !== 'not persisted');
      const caller = callerOf(principal);
      const base = suffix;
      const names = await searchNames(directory, { base }, caller).catch(() => []);
      assert.equal(names.length, isThere ? 0 : 2);
      assert.equal((await searchNames(directory)).length, 2);
    });
  }
});
