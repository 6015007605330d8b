import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  abandonOperation,
  addOperation,
  bindOperation,
  compareOperation,
  deleteOperation,
  extendedOperation,
  message,
  searchOperation,
  unbindOperation,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer, turnsUntil } from '../support/ldap-test-server.ts';

describe('counts of operations', () => {
  it('are those of what came and what was answered, with which results', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await client.ask(bindOperation('cn=a', 'x'));
    await client.ask(bindOperation('cn=a', 'wrong'));
    await client.request(searchOperation());
    await client.ask(compareOperation('cn=a', 'cn', 'v'));
    await client.ask(deleteOperation('cn=a'));
    await client.ask(extendedOperation(WHO_AM_I_OID));
    await client.ask(extendedOperation('1.2.3'));
    client.send(message(90, abandonOperation(1)), message(91, unbindOperation));
    await client.untilClosed();
    await opened.whenConnections(0);
    const { operations, results } = opened.server.statistics;
    const done = (count: number): { initiated: number; completed: number } => ({
      initiated: count,
      completed: count,
    });
    assert.deepEqual(operations, {
      bind: done(2),
      unbind: done(1),
      search: done(1),
      modify: done(0),
      add: done(0),
      delete: done(1),
      modifyDn: done(0),
      compare: done(1),
      abandon: done(1),
      extended: done(2),
    });
    assert.deepEqual(
      [...results].sort(([left], [right]) => left - right),
      [
        [0, 4],
        [2, 1],
        [6, 1],
        [49, 1],
      ],
    );
  });

  it('count requests that are refused, cut, or break the protocol', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { attributes: 1, idleMs: 1_000 } });
    const client = await opened.connect();
    const attributes = ['a', 'b'].map((type) => ({ type, values: ['v'] }));
    assert.equal((await client.ask(addOperation('cn=a', attributes))).resultCode, 11);
    client.send(message(9, Buffer.of(0x66, 0x01, 0x00)));
    await client.untilClosed();
    const idle = await opened.connect();
    await opened.whenConnections(1);
    await opened.clock.advance(1_000);
    await idle.untilClosed();
    await turnsUntil(() => opened.server.statistics.connections === 0);
    const { operations, deadlines } = opened.server.statistics;
    assert.deepEqual(operations.add, { initiated: 1, completed: 1 });
    assert.deepEqual(operations.modify, { initiated: 1, completed: 1 });
    assert.equal(deadlines.idle, 1);
  });
});
