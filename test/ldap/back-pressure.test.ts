import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DirectoryError } from '../../src/directory/errors.ts';
import type { LdapLimits } from '../../src/ldap/limits.ts';
import { Gate } from '../support/fake-directory.ts';
import {
  compareOperation,
  deleteOperation,
  message,
  searchOperation,
  unbindOperation,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer, turnsUntil } from '../support/ldap-test-server.ts';

/** What the socket itself may hold beyond the limit: two slices that were given to it. */
const SOCKET_BYTES = 512 * 1024;

const RUNNING = 8;

describe('reliability LDAP row 4: a client that sends without reading', () => {
  it('is read no further than its answers find room, and gets all of them later', async (t) => {
    const limits: Partial<LdapLimits> = { outputBytes: 64 * 1024, runningOperations: RUNNING };
    const opened = await LdapTestServer.open(t, { limits });
    const value = Buffer.alloc(10_000, 1);
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=a', attributes: [{ description: 'x', values: [value] }] };
    };
    const client = await opened.connect();
    client.pause();
    const count = 5_000;
    client.send(
      ...Array.from({ length: count }, (_, index) => message(index + 1, searchOperation())),
    );
    await opened.whenUnsentSettles();
    let most = opened.server.statistics.unsentBytes;
    assert.ok(opened.directory.calls.length < count / 2, 'most of it is not even read');
    client.resume();
    let answered = 0;
    while (answered < count) {
      const answer = await client.next();
      answered += answer.kind === 'searchDone' ? 1 : 0;
      most = Math.max(most, opened.server.statistics.unsentBytes);
    }
    assert.ok(most < 64 * 1024 + SOCKET_BYTES + RUNNING * 11_000, `${most} unsent`);
    assert.equal(opened.directory.calls.length, count);
  });

  it('is held up by small answers as well', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { outputBytes: 16 * 1024 } });
    opened.directory.onCompare = async () => {
      throw new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', 'x'.repeat(500));
    };
    const client = await opened.connect();
    client.pause();
    const count = 50_000;
    const compare = compareOperation('cn=a', 'cn', 'v');
    client.send(...Array.from({ length: count }, (_, index) => message(index + 1, compare)));
    await opened.whenUnsentSettles();
    assert.ok(opened.server.statistics.unsentBytes < 16 * 1024 + SOCKET_BYTES);
    assert.ok(opened.directory.calls.length < count / 2);
  });
});

describe('a search whose client reads slowly', () => {
  it('is not asked for the next entry before there is room', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { outputBytes: 100_000 } });
    let yielded = 0;
    opened.directory.onSearch = async function* () {
      const values = [Buffer.alloc(1_000_000, 3)];
      for (; yielded < 40; ) {
        yielded += 1;
        yield { dn: `cn=${yielded}`, attributes: [{ description: 'x', values }] };
      }
    };
    const client = await opened.connect();
    client.pause();
    client.send(message(1, searchOperation({ scope: 2 })));
    await opened.whenUnsentSettles();
    const before = yielded;
    // What is neither in the sockets' buffers nor waiting here has not been asked for.
    assert.ok(before < 15, `${before} entries of 1 MB`);
    assert.ok(opened.server.statistics.unsentBytes < 1_100_000);
    client.resume();
    for (let index = 1; index <= 40; index += 1) {
      const answer = await client.next();
      assert.equal(answer.dn, `cn=${index}`);
      assert.ok(answer.attributes.get('x')?.[0]?.every((byte) => byte === 3));
    }
    assert.equal((await client.next()).kind, 'searchDone');
  });

  for (const mode of ['none', 'starttls'] as const) {
    it(`sends 20 MB values from where they are, mode ${mode}`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode });
      const value = Buffer.alloc(20_000_000, 5);
      opened.directory.onSearch = async function* () {
        yield { dn: 'cn=a', attributes: [{ description: 'x', values: [value, value] }] };
      };
      const client = await opened.connect();
      if (mode === 'starttls') {
        await client.startTls();
      }
      client.pause();
      const before = process.memoryUsage().arrayBuffers;
      client.send(message(1, searchOperation()));
      await opened.whenUnsentSettles();
      const takenBytes = process.memoryUsage().arrayBuffers - before;
      assert.ok(takenBytes < 4_000_000, `${takenBytes} bytes taken for 40 MB on the way`);
      client.resume();
      const values = (await client.next()).attributes.get('x') ?? [];
      assert.equal(values.length, 2);
      assert.ok(values.every((received) => received.equals(value)));
    });
  }

  it('two answers at a time are not mixed up', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onSearch = async function* ({ base }) {
      for (let index = 0; index < 5; index += 1) {
        const values = [Buffer.alloc(700_000, base)];
        yield { dn: base, attributes: [{ description: 'x', values }] };
      }
    };
    const client = await opened.connect();
    client.send(
      message(1, searchOperation({ base: 'a' })),
      message(2, searchOperation({ base: 'b' })),
    );
    let done = 0;
    while (done < 2) {
      const answer = await client.next();
      if (answer.kind === 'searchDone') {
        done += 1;
      } else {
        const letter = answer.messageId === 1 ? 'a' : 'b';
        assert.equal(answer.dn, letter);
        assert.ok(answer.attributes.get('x')?.[0]?.every((byte) => byte === letter.charCodeAt(0)));
      }
    }
  });
});

describe('what one connection may have pending', () => {
  /** A server whose writes wait, and how many of them it has begun. */
  async function openStuck(
    t: Parameters<typeof LdapTestServer.open>[0],
    limits: Partial<LdapLimits>,
  ): Promise<{ opened: LdapTestServer; gate: Gate }> {
    const opened = await LdapTestServer.open(t, { limits });
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    return { opened, gate };
  }

  it('runs so many at a time and no more', async (t) => {
    const { opened, gate } = await openStuck(t, { runningOperations: 3 });
    const client = await opened.connect();
    client.send(...[1, 2, 3, 4, 5].map((id) => message(id, deleteOperation(`cn=${id}`))));
    await opened.directory.whenCalled(3);
    await opened.clock.advance(0);
    assert.equal(opened.directory.calls.length, 3);
    gate.open();
    const ids = new Set<number>();
    for (let answered = 0; answered < 5; answered += 1) {
      ids.add((await client.next()).messageId);
    }
    assert.deepEqual([...ids].sort(), [1, 2, 3, 4, 5]);
  });

  const rows: { what: string; limits: Partial<LdapLimits>; fits: number }[] = [
    { what: 'operations', limits: { pendingOperations: 4 }, fits: 4 },
    { what: 'bytes', limits: { pendingBytes: 400 }, fits: 4 },
    { what: 'bytes less than one request', limits: { pendingBytes: 1 }, fits: 1 },
  ];
  for (const { what, limits, fits } of rows) {
    it(`reads up to the limit of ${what}`, async (t) => {
      const { opened, gate } = await openStuck(t, { runningOperations: 100, ...limits });
      const client = await opened.connect();
      const count = 20;
      for (let id = 1; id <= count; id += 1) {
        const pdu = message(id, deleteOperation('x'.repeat(93)));
        assert.equal(pdu.length, 100);
        client.send(pdu);
      }
      await opened.directory.whenCalled(fits);
      await opened.clock.advance(0);
      await opened.clock.advance(0);
      assert.equal(opened.directory.calls.length, fits);
      gate.open();
      for (let answered = 0; answered < count; answered += 1) {
        assert.equal((await client.next()).resultCode, 0);
      }
    });
  }

  it('an unbind behind what is pending is still seen', async (t) => {
    const { opened, gate } = await openStuck(t, { runningOperations: 1 });
    const client = await opened.connect();
    client.send(
      message(1, deleteOperation('cn=runs')),
      message(2, deleteOperation('cn=waits')),
      message(3, unbindOperation),
    );
    assert.deepEqual(await client.untilClosed(), []);
    gate.open();
    assert.equal(opened.directory.calls.length, 1);
  });
});

describe('unsent answers of all connections together', () => {
  it('are bounded: a search more is answered busy, and done again when others have read', async (t) => {
    const limits = { totalOutputBytes: 10_000_000, outputBytes: 30_000_000 };
    const opened = await LdapTestServer.open(t, { limits });
    opened.directory.onSearch = async function* () {
      for (let index = 0; index < 5_000; index += 1) {
        yield { dn: 'cn=a', attributes: [{ description: 'x', values: [Buffer.alloc(4_000)] }] };
      }
    };
    const slow = await opened.connect();
    slow.pause();
    slow.send(message(1, searchOperation()));
    await opened.whenUnsentSettles();
    const client = await opened.connect();
    assert.equal((await client.ask(searchOperation())).resultCode, 51);
    assert.equal((await client.ask(compareOperation('cn=a', 'cn', 'v'))).resultCode, 6);
    slow.destroy();
    await turnsUntil(() => opened.server.statistics.unsentBytes === 0);
    assert.equal((await client.request(searchOperation())).at(-1)?.resultCode, 0);
  });

  it('do not count large values, which are in memory once: slow readers of a list stop nobody', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { totalOutputBytes: 10_000_000 } });
    const value = Buffer.alloc(20_000_000);
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=a', attributes: [{ description: 'x', values: [value] }] };
    };
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 10; count += 1) {
      const slow = await opened.connect();
      slow.pause();
      slow.send(message(1, searchOperation()));
    }
    await turnsUntil(() => opened.server.statistics.unsentBytes > 100_000_000);
    assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000);
    const client = await opened.connect();
    assert.equal((await client.request(searchOperation())).at(-1)?.resultCode, 0);
  });
});
