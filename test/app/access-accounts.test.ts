import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { AccessAccounts } from '../../src/app/access-accounts.ts';
import type { AccessEvent } from '../../src/audit/access-event.ts';
import { AccessJournal } from '../../src/audit/access-journal.ts';
import { readJournal } from '../../src/audit/access-recovery.ts';
import { silentLog } from '../../src/core/log.ts';
import { anonymous } from '../../src/directory/accounts/principal.ts';
import type { Caller, RevocationLook } from '../../src/directory/service.ts';
import { openAuditBed } from '../support/audit-bed.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const dn = 'cn=list,c=JP';
const given: readonly RevocationLook[] = [
  { dn, attribute: 'certificateRevocationList', outcome: 'given', bytes: 4_000 },
];
const callerAt = (address: string): Caller => ({
  principal: anonymous,
  session: { isProtected: false, address, channel: 'ldap' },
});
const scope = (listNumber: string) => ({ dn, partition: '10201', listNumber });

describe('accounts of accesses', () => {
  it('count an answer given again by what is known of its looks and session alone', async (t) => {
    const { store, audit, clock } = await openAuditBed(t);
    const folder = join(temporaryFolder(t), 'access');
    const journal = await AccessJournal.open({
      ...{ folder, store, audit, clock, log: silentLog, utcOffsetMs: 0 },
    });
    t.after(() => journal.close());
    const accounts = new AccessAccounts(journal);
    accounts.publish('gunma', [scope('1')]);
    const [anna, ben] = [callerAt('192.0.2.1'), callerAt('192.0.2.2')];
    const ask = (caller: Caller, looks = given): boolean => {
      const wasEnough = accounts.repeated(looks, caller);
      if (!wasEnough) {
        const facts = { operation: 'search', base: dn, asked: [], entries: 1 } as const;
        accounts.accessed({ ...facts, caller, looks, result: 'success', isRepeated: true });
      }
      return wasEnough;
    };
    const asked: readonly (readonly [string, boolean])[] = [
      ['nothing is known at first', ask(anna)],
      ['nor prepared for the short way', ask(anna)],
      ['then it is', ask(anna)],
      ['of one session alone', ask(ben)],
      ['and one answer', ask(anna, [...given])],
      ['of which the last counts', ask(anna)],
    ];
    assert.deepEqual(
      asked.map(([, wasEnough]) => wasEnough),
      [false, false, true, false, false, true],
      JSON.stringify(asked),
    );
    accounts.publish('gunma', [scope('2')]);
    assert.equal(ask(anna), false, 'another list is another fact');
    assert.equal(ask({ ...anna, principal: { kind: 'system', name: 'certdir' } }), false);
    await journal.sync();
    const events: AccessEvent[] = [];
    for await (const event of readJournal(folder)) {
      events.push(event);
    }
    assert.deepEqual(
      events.map(({ address, listNumber, partition }) => [address, listNumber, partition].join()),
      [
        ...Array<string>(3).fill('192.0.2.1,1,10201'),
        '192.0.2.2,1,10201',
        ...Array<string>(2).fill('192.0.2.1,1,10201'),
        '192.0.2.1,2,10201',
      ],
    );
  });
});
