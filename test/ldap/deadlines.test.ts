import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { type Deadline, Deadlines } from '../../src/ldap/deadlines.ts';
import { Gate } from '../support/fake-directory.ts';
import {
  bindOperation,
  compareOperation,
  deleteOperation,
  message,
  searchOperation,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

describe('Deadlines', () => {
  function watch(): { clock: SimulatedClock; deadlines: Deadlines; expired: string[] } {
    const clock = new SimulatedClock();
    const expired: string[] = [];
    const deadlines = new Deadlines(clock, (deadline: Deadline) => {
      expired.push(`${deadline} at ${clock.monotonicMs()}`);
    });
    return { clock, deadlines, expired };
  }

  it('expire once, in order of their time', async () => {
    const { clock, deadlines, expired } = watch();
    deadlines.set('idle', 300);
    deadlines.set('request', 100);
    deadlines.set('write', 200);
    await clock.advance(1_000);
    assert.deepEqual(expired, ['request at 100', 'write at 200', 'idle at 300']);
    assert.equal(clock.pendingTimers, 0);
  });

  it('move on when set again, on one timer', async () => {
    const { clock, deadlines, expired } = watch();
    for (let atMs = 0; atMs < 1_000; atMs += 50) {
      deadlines.set('idle', 100);
      assert.equal(clock.pendingTimers, 1);
      await clock.advance(50);
    }
    assert.deepEqual(expired, []);
    await clock.advance(50);
    assert.deepEqual(expired, ['idle at 1050']);
  });

  it('do not move when begun again', async () => {
    const { clock, deadlines, expired } = watch();
    deadlines.begin('request', 100);
    await clock.advance(60);
    deadlines.begin('request', 100);
    await clock.advance(40);
    assert.deepEqual(expired, ['request at 100']);
  });

  it('do not expire when cleared', async () => {
    const { clock, deadlines, expired } = watch();
    deadlines.set('idle', 100);
    deadlines.set('write', 100);
    deadlines.clear('idle');
    await clock.advance(200);
    deadlines.set('idle', 100);
    deadlines.clearAll();
    await clock.advance(200);
    assert.deepEqual(expired, ['write at 100']);
    assert.equal(clock.pendingTimers, 0);
  });
});

describe('a connection without a request', () => {
  it('is ended after the idle time, counted from the last bytes', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { idleMs: 10_000 } });
    const client = await opened.connect();
    await opened.whenConnections(1);
    await opened.clock.advance(9_000);
    await client.ask(compareOperation('cn=a', 'cn', 'v'));
    await opened.clock.advance(9_999);
    assert.equal(opened.server.statistics.connections, 1);
    await opened.clock.advance(1);
    assert.deepEqual(await client.untilClosed(), []);
  });

  it('is not idle while an operation or a bind runs', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { idleMs: 10_000 } });
    const client = await opened.connect();
    for (const operation of [deleteOperation('cn=slow'), bindOperation('cn=slow', 'x')]) {
      const gate = new Gate();
      opened.directory.onWrite = () => gate.passed;
      opened.directory.onBind = async (name) => {
        await gate.passed;
        return { kind: 'system', name };
      };
      const calls = opened.directory.calls.length;
      const answer = client.ask(operation);
      await opened.directory.whenCalled(calls + 1);
      await opened.clock.advance(25_000);
      gate.open();
      assert.equal((await answer).resultCode, 0);
    }
    await opened.clock.advance(20_000);
    await client.whenClosed();
  });
});

describe('a request that does not become whole', () => {
  it('is given up after its time, whatever trickles in', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { requestMs: 10_000 } });
    const client = await opened.connect();
    const pdu = message(1, deleteOperation('cn=a'.repeat(20)));
    for (let sent = 0; sent < 10; sent += 1) {
      await client.sendPieces(pdu.subarray(sent, sent + 1));
      assert.equal(opened.server.statistics.connections, 1);
      await opened.clock.advance(999);
    }
    await opened.clock.advance(10);
    await client.whenClosed();
    assert.equal(opened.directory.calls.length, 0);
  });

  it('starts its time with its own first byte, not with that of an earlier one', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { requestMs: 10_000 } });
    const client = await opened.connect();
    const pdu = message(1, deleteOperation('cn=a'));
    // Every piece ends one request and begins the next, as a busy client's do.
    await client.sendPieces(pdu.subarray(0, 9));
    for (let round = 0; round < 5; round += 1) {
      await opened.clock.advance(9_000);
      await client.sendPieces(Buffer.concat([pdu.subarray(9), pdu.subarray(0, 9)]));
      assert.equal((await client.next()).resultCode, 0);
    }
  });

  it('is not on time while the server does not read', async (t) => {
    const opened = await LdapTestServer.open(t, {
      limits: { requestMs: 10_000, pendingOperations: 1 },
    });
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const client = await opened.connect();
    const second = message(2, compareOperation('cn=a', 'cn', 'v'));
    client.send(message(1, deleteOperation('cn=a')), second.subarray(0, 5));
    await opened.directory.whenCalled(1);
    await opened.clock.advance(50_000);
    gate.open();
    assert.equal((await client.next()).messageId, 1);
    client.send(second.subarray(5));
    assert.equal((await client.next()).messageId, 2);
  });
});

describe('a request that begins while answers wait', () => {
  it('is not on time until there is room to read it', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { requestMs: 10_000 } });
    const value = Buffer.alloc(20_000_000);
    const gate = new Gate();
    opened.directory.onSearch = async function* () {
      await gate.passed;
      yield { dn: 'cn=a', attributes: [{ description: 'x', values: [value] }] };
    };
    const client = await opened.connect();
    client.pause();
    const second = message(2, compareOperation('cn=a', 'cn', 'v'));
    client.send(message(1, searchOperation()), second.subarray(0, 5));
    await opened.directory.whenCalled(1);
    gate.open();
    await opened.whenUnsentSettles();
    await opened.clock.advance(50_000);
    client.resume();
    assert.equal((await client.next()).kind, 'entry');
    assert.equal((await client.next()).kind, 'searchDone');
    client.send(second.subarray(5));
    assert.equal((await client.next()).messageId, 2);
  });
});

describe('many clients that trickle', () => {
  it('do not keep others waiting, and are all cut in time', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { requestMs: 10_000 } });
    const slow = await Promise.all(Array.from({ length: 500 }, () => opened.connect()));
    for (const client of slow) {
      client.send(Buffer.of(0x30, 0x83, 0x03));
    }
    await opened.whenConnections(500);
    const good = await opened.connect();
    assert.equal((await good.ask(compareOperation('cn=a', 'cn', 'v'))).resultCode, 6);
    await opened.clock.advance(10_000);
    await Promise.all(slow.map((client) => client.whenClosed()));
    assert.equal((await good.ask(compareOperation('cn=a', 'cn', 'v'))).resultCode, 6);
  });
});

describe('a client that takes no answers', () => {
  it('is cut after the write time, and its search ends', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { writeStallMs: 10_000 } });
    const ended = new Gate();
    const value = Buffer.alloc(1_000_000);
    opened.directory.onSearch = async function* () {
      try {
        for (;;) {
          yield { dn: 'cn=a', attributes: [{ description: 'x', values: [value] }] };
        }
      } finally {
        ended.open();
      }
    };
    const client = await opened.connect();
    client.pause();
    client.send(message(1, searchOperation()));
    await opened.whenUnsentSettles();
    await opened.clock.advance(9_999);
    assert.equal(opened.server.statistics.connections, 1);
    await opened.clock.advance(1);
    await ended.passed;
    await opened.whenConnections(0);
    assert.equal(opened.server.statistics.unsentBytes, 0);
  });

  it('has no such time once it took everything', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { writeStallMs: 10_000 } });
    const client = await opened.connect();
    await client.ask(compareOperation('cn=a', 'cn', 'v'));
    await opened.clock.advance(10_001);
    assert.equal((await client.ask(compareOperation('cn=a', 'cn', 'v'))).resultCode, 6);
  });

  it('has its time anew with everything it takes', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { writeStallMs: 10_000 } });
    const value = Buffer.alloc(30_000_000);
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=a', attributes: [{ description: 'x', values: [value] }] };
    };
    const client = await opened.connect();
    client.pause();
    client.send(message(1, searchOperation()));
    for (let wanted = 5_000_000; wanted <= 25_000_000; wanted += 5_000_000) {
      await opened.whenUnsentSettles();
      await opened.clock.advance(9_000);
      client.resume();
      await client.whenReceived(wanted);
      client.pause();
    }
    client.resume();
    assert.equal((await client.next()).attributes.get('x')?.[0]?.length, value.length);
  });
});
