import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { DirectoryError } from '../../src/directory/errors.ts';
import { Gate } from '../support/fake-directory.ts';
import {
  bindOperation,
  compareOperation,
  deleteOperation,
  lengthBytes,
  message,
  NOTICE_OF_DISCONNECTION_OID,
  searchOperation,
} from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer, turnsUntil } from '../support/ldap-test-server.ts';

const BUSY = 51;
const compare = compareOperation('cn=a', 'cn', 'v');

/** The first bytes of a delete request whose name has `nameBytes`; the rest is for later. */
const beginningOf = (nameBytes: number, sentBytes: number): Buffer =>
  message(1, deleteOperation('x'.repeat(nameBytes))).subarray(0, sentBytes);

describe('requests of all connections together', () => {
  it('are bounded in number: further ones are answered busy, and taken again later', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { totalPendingOperations: 2 } });
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const first = await opened.connect();
    const second = await opened.connect();
    first.send(message(1, deleteOperation('cn=a')));
    second.send(message(100, deleteOperation('cn=b')));
    await opened.directory.whenCalled(2);
    assert.equal(opened.server.statistics.pendingOperations, 2);
    for (const operation of [compare, deleteOperation('cn=c'), searchOperation()]) {
      assert.equal((await second.ask(operation)).resultCode, BUSY);
    }
    assert.equal(opened.directory.calls.length, 2);
    const third = await opened.connect();
    assert.equal((await third.ask(bindOperation('cn=a', 'x'))).resultCode, 0, 'binds go on');
    gate.open();
    await turnsUntil(() => opened.server.statistics.pendingOperations === 0);
    assert.equal((await third.ask(compare)).resultCode, 6);
  });

  it('are bounded in bytes, those of requests that have only begun included', async (t) => {
    const limits = { totalPendingBytes: 100_000 };
    const opened = await LdapTestServer.open(t, { limits });
    const half = await opened.connect();
    half.send(beginningOf(150_000, 90_000));
    await turnsUntil(() => opened.server.statistics.pendingBytes === 90_000);
    const good = await opened.connect();
    assert.equal((await good.ask(compare)).resultCode, 6);
    const other = await opened.connect();
    other.send(beginningOf(150_000, 20_000));
    assert.deepEqual(
      (await other.untilClosed()).map(({ responseName, resultCode }) => [responseName, resultCode]),
      [[NOTICE_OF_DISCONNECTION_OID, BUSY]],
    );
    await turnsUntil(() => opened.server.statistics.pendingBytes === 90_000);
    half.destroy();
    await turnsUntil(() => opened.server.statistics.pendingBytes === 0);
    const later = await opened.connect();
    assert.equal((await later.ask(deleteOperation('x'.repeat(90_000)))).resultCode, 0);
    assert.equal(opened.server.statistics.pendingBytes, 0);
  });

  it('small ones are still received while there is no room, and answered busy', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { totalPendingBytes: 10_000 } });
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const large = await opened.connect();
    large.send(message(1, deleteOperation('x'.repeat(20_000))));
    await opened.directory.whenCalled(1);
    const small = await opened.connect();
    const [head, tail] = [message(1, compare).subarray(0, 9), message(1, compare).subarray(9)];
    await small.sendPieces(head, tail);
    assert.equal((await small.next()).resultCode, BUSY);
    gate.open();
    assert.equal((await large.next()).resultCode, 0);
    assert.equal((await small.ask(compare)).resultCode, 6);
  });
});

describe('a connection that is refused', () => {
  it('is cut when it does not read its notice, and takes nobody else’s place', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { connections: 1 } });
    const good = await opened.connect();
    assert.equal((await good.ask(compare)).resultCode, 6);
    const refused = await Promise.all(Array.from({ length: 200 }, () => opened.connect()));
    await turnsUntil(() => opened.server.statistics.refusedConnections === 200);
    assert.equal(opened.server.statistics.connections, 1);
    await opened.clock.advance(1_000);
    await Promise.all(refused.map((client) => client.whenClosed()));
    assert.equal((await good.ask(compare)).resultCode, 6);
  });

  it('is cut without a word where TLS comes first', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps', limits: { connections: 1 } });
    const good = await opened.connectTls();
    assert.equal((await good.ask(compare)).resultCode, 6);
    const refused = await opened.connect();
    assert.deepEqual(await refused.untilClosed(), []);
  });
});

const SLOW = 1_000;
const SECONDS = 12;

async function waitFor(clients: readonly LdapTestClient[], limitMs: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    const answered = clients.map(async (client) => {
      const before = performance.now();
      assert.equal((await client.ask(compare)).resultCode, 6);
      latencies.push(performance.now() - before);
    });
    await Promise.all(answered);
  }
  assert.ok(latencies.length <= limitMs);
  return latencies.sort((left, right) => left - right);
}

const p99 = (sorted: readonly number[]): string =>
  (sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(1);

describe('reliability LDAP row 2: a 4 GiB length, and one byte a second', () => {
  for (const [why, header] of [
    ['4 GiB', Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])],
    ['2 GiB', Buffer.from([0x30, 0x84, 0x80, 0x00, 0x00, 0x00])],
    ['one byte above the limit before a bind', Buffer.from([0x30, 0x83, 0x03, 0xff, 0xfc])],
  ] as const) {
    it(`a length of ${why} is refused with the header, before memory is taken`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      const before = process.memoryUsage().arrayBuffers;
      client.send(header);
      const answers = await client.untilClosed();
      assert.deepEqual(
        answers.map(({ responseName, resultCode }) => [responseName, resultCode]),
        [[NOTICE_OF_DISCONNECTION_OID, 2]],
      );
      assert.ok(process.memoryUsage().arrayBuffers - before < 4_000_000);
    });
  }

  it('a length that does not come is waited for no longer than headerMs', async (t) => {
    const limits = { headerMs: 5_000, requestMs: 60_000 };
    const opened = await LdapTestServer.open(t, { limits });
    const slow = await opened.connect();
    const other = await opened.connect();
    await slow.sendPieces(Buffer.of(0x30), Buffer.of(0x84));
    await other.sendPieces(Buffer.concat([Buffer.of(0x30), lengthBytes(1_000)]));
    await turnsUntil(() => opened.server.statistics.pendingBytes === 2 + 4);
    await opened.clock.advance(4_999);
    assert.equal(opened.server.statistics.connections, 2);
    await opened.clock.advance(1);
    await slow.whenClosed();
    assert.equal(opened.server.statistics.connections, 1, 'the one with a length has its time');
    await opened.clock.advance(55_000);
    await other.whenClosed();
  });

  it(`${SLOW} slow senders: others are answered, memory stays, the slow are cut in time`, async (t) => {
    const limits = { requestMs: SECONDS * 1000, connectionsPerAddress: 2 * SLOW };
    const opened = await LdapTestServer.open(t, { limits });
    const good = await Promise.all(Array.from({ length: 16 }, () => opened.connect()));
    await waitFor(good, 160);
    const alone = await waitFor(good, 160);
    const before = process.memoryUsage().arrayBuffers;
    const slow = await Promise.all(Array.from({ length: SLOW }, () => opened.connect()));
    const pdu = beginningOf(200_000, 64);
    const beside: number[] = [];
    for (let second = 0; second < SECONDS; second += 1) {
      const byte = pdu.subarray(second, second + 1);
      for (const client of slow) {
        client.send(byte);
      }
      beside.push(...(await waitFor(good, 160)));
      await turnsUntil(() => opened.server.statistics.pendingBytes === SLOW * (second + 1));
      assert.equal(opened.server.statistics.connections, SLOW + good.length);
      assert.ok(process.memoryUsage().arrayBuffers - before < SLOW * 2048);
      await opened.clock.advance(second === SECONDS - 1 ? 0 : 1_000);
    }
    await opened.clock.advance(1_000);
    await Promise.all(slow.map((client) => client.whenClosed()));
    assert.equal(opened.server.statistics.connections, good.length);
    assert.equal(opened.server.statistics.pendingBytes, 0);
    await waitFor(good, 160);
    beside.sort((left, right) => left - right);
    t.diagnostic(
      `p99 of 16 clients: ${p99(alone)} ms alone, ${p99(beside)} ms beside ${SLOW} slow`,
    );
  });
});

describe('reliability LDAP row 4: pipelining without reading replies', () => {
  it('100 clients that do not read a list of 10 MB: it is in memory once', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { writeStallMs: 20_000 } });
    const value = Buffer.alloc(10_000_000, 9);
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=a', attributes: [{ description: 'x', values: [value] }] };
    };
    const before = process.memoryUsage().arrayBuffers;
    const readers = await Promise.all(Array.from({ length: 100 }, () => opened.connect()));
    for (const reader of readers) {
      reader.pause();
      reader.send(...Array.from({ length: 64 }, (_, id) => message(id + 1, searchOperation())));
    }
    await turnsUntil(() => opened.server.statistics.unsentBytes > 300_000_000);
    const takenBytes = process.memoryUsage().arrayBuffers - before;
    assert.ok(takenBytes < 20_000_000, `${takenBytes} bytes taken`);
    const good = await opened.connect();
    const answers = await good.request(searchOperation());
    assert.equal(answers.at(-1)?.resultCode, 0);
    await opened.clock.advance(20_000);
    await opened.whenConnections(1);
    assert.equal(opened.server.statistics.unsentBytes, 0);
  });

  it('small answers too: what one client does not take stays within its bound', async (t) => {
    await boundedSmallAnswers(t);
  });
});

async function boundedSmallAnswers(t: TestContext): Promise<void> {
  const limits = { outputBytes: 16 * 1024 };
  const opened = await LdapTestServer.open(t, { limits });
  opened.directory.onCompare = async () => {
    throw new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', 'x'.repeat(500));
  };
  const client = await opened.connect();
  client.pause();
  const count = 20_000;
  client.send(...Array.from({ length: count }, (_, index) => message(index + 1, compare)));
  await opened.whenUnsentSettles();
  // Two slices may be with the socket already.
  assert.ok(opened.server.statistics.unsentBytes < 16 * 1024 + 512 * 1024);
  assert.ok(opened.server.statistics.pendingOperations <= 64);
  assert.ok(opened.directory.calls.length < count);
  client.resume();
  for (let answered = 0; answered < count; answered += 1) {
    assert.equal((await client.next()).resultCode, 32);
  }
}
