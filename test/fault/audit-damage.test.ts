/**
 * Every byte of every stored audit row with a bit flipped, where LevelDB cannot see it.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { verifyAuditLog } from '../../src/audit/audit-verification.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { FIRST_KEYSPACE, Keyspace } from '../../src/store/keyspace.ts';
import {
  type LevelDatabase,
  type OpenLevelDatabase,
  openLevelDatabase,
} from '../../src/store/level/level-database.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a bit flipped in a stored audit row', () => {
  it('is found by the verification, whichever it is', async (t) => {
    const folder = temporaryFolder(t);
    const clock = new SystemClock();
    let database: LevelDatabase | undefined;
    const openDatabase: OpenLevelDatabase = async (...where) => {
      database = await openLevelDatabase(...where);
      return database;
    };
    const store = await openLevelStore({ folder, clock, log: silentLog, openDatabase });
    t.after(() => store.close());
    const audit = openAuditLog({ clock });
    await store.transact('test', async (transaction) => {
      for (const subject of ['one', 'two', 'three']) {
        await audit.append(transaction, {
          kind: 'service.start',
          result: 'done',
          origin: { channel: 'system', actor: 'system' },
          subject,
        });
      }
    });
    assert.ok(database !== undefined);
    const cursor = database.rows({ gte: Uint8Array.of(FIRST_KEYSPACE) });
    const rows = await cursor.nextPage(100);
    await cursor.close();
    assert.deepEqual(
      rows.map(([key]) => key[0]),
      [Keyspace.auditRecord, Keyspace.auditRecord, Keyspace.auditRecord, Keyspace.auditState],
    );
    let flips = 0;
    for (const [key, stored] of rows) {
      for (let bit = 0; bit < stored.length * 8; bit += 7) {
        const flipped = Uint8Array.from(stored);
        flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
        await database.write([[key, flipped]]);
        const snapshot = store.snapshot();
        await assert.rejects(verifyAuditLog(snapshot), isCertdirError);
        await snapshot.close();
        flips += 1;
      }
      await database.write([[key, stored]]);
    }
    assert.ok(flips > 400);
    const snapshot = store.snapshot();
    assert.equal((await verifyAuditLog(snapshot)).size, 3n);
    await snapshot.close();
  });
});
