import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';

import { silentLog } from '../../src/core/log.ts';
import { LdapServer } from '../../src/ldap/server.ts';
import { FakeDirectory, Gate, whenAborted } from '../support/fake-directory.ts';
import {
  bindOperation,
  compareOperation,
  deleteOperation,
  extendedOperation,
  message,
  NOTICE_OF_DISCONNECTION_OID,
  searchOperation,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer, makeTlsCredentials } from '../support/ldap-test-server.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const compare = compareOperation('cn=a', 'cn', 'v');

function openOn(
  port: number,
  options: Partial<Parameters<typeof LdapServer.open>[0]> = {},
): Promise<LdapServer> {
  return LdapServer.open({
    directory: new FakeDirectory(),
    listeners: [{ address: '127.0.0.1', port, tls: 'none' }],
    log: silentLog,
    clock: new SimulatedClock(),
    ...options,
  });
}

describe('LdapServer.open', () => {
  it('names a port that is in use and says what to do', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await assert.rejects(openOn(port), (error: Error) => {
      assert.deepEqual(
        { name: error.name, code: (error as Error & { code: string }).code },
        { name: 'LdapError', code: 'LDAP_PORT_IN_USE' },
      );
      assert.ok(error.message.includes(String(port)));
      return true;
    });
  });

  it('listens nowhere when one address fails', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => free.once('listening', resolve));
    const freePort = (free.address() as AddressInfo).port;
    await new Promise((resolve) => free.close(resolve));
    const listeners = [freePort, port].map((each) => ({
      address: '127.0.0.1',
      port: each,
      tls: 'none' as const,
    }));
    await assert.rejects(openOn(0, { listeners }), { code: 'LDAP_PORT_IN_USE' });
    await assert.rejects(LdapTestClient.connect(freePort), { code: 'ECONNREFUSED' });
  });

  it('refuses an address that is not of this machine', async () => {
    const listeners = [{ address: '192.0.2.1', port: 0, tls: 'none' as const }];
    await assert.rejects(openOn(0, { listeners }), { code: 'LDAP_LISTEN' });
  });

  it('refuses TLS without certificate, and with what is none', async () => {
    const listeners = [{ address: '127.0.0.1', port: 0, tls: 'ldaps' as const }];
    const code = 'LDAP_TLS_CREDENTIALS';
    await assert.rejects(openOn(0, { listeners }), { code });
    await assert.rejects(openOn(0, { listeners, tls: { certificate: 'x', key: 'y' } }), { code });
    const one = makeTlsCredentials('one');
    const { key } = makeTlsCredentials('other');
    await assert.rejects(openOn(0, { listeners, tls: { ...one, key } }), { code });
  });

  it('listens on several addresses, each in its own way', async (t) => {
    const opened = await LdapTestServer.open(t, {
      mode: 'ldaps',
      listeners: [
        { address: '127.0.0.1', port: 0, tls: 'none' },
        { address: '127.0.0.1', port: 0, tls: 'starttls' },
        { address: '127.0.0.1', port: 0, tls: 'ldaps' },
      ],
    });
    const [clear, startTls, ldaps] = opened.server.listeners.map(({ port }) => port);
    const clients = [
      await LdapTestClient.connect(clear ?? 0),
      await LdapTestClient.connect(startTls ?? 0),
      await LdapTestClient.connectTls(ldaps ?? 0),
    ];
    for (const client of clients) {
      assert.equal((await client.ask(compare)).resultCode, 6);
      client.destroy();
    }
    assert.deepEqual(
      opened.directory.calls.map(({ session }) => session.isProtected),
      [false, false, true],
    );
  });

  it('refuses passwords in clear unless told otherwise', async (t) => {
    const server = await openOn(0);
    t.after(() => server.close());
    const client = await LdapTestClient.connect(server.listeners[0]?.port ?? 0);
    assert.equal((await client.ask(bindOperation('cn=a', 'x'))).resultCode, 13);
    client.destroy();
  });

  it('speaks IPv6 and IPv4 on ::', async (t) => {
    const opened = await LdapTestServer.open(t, {
      listeners: [{ address: '::', port: 0, tls: 'none' }],
    });
    for (const [address, seen] of [
      ['::1', '::1'],
      ['127.0.0.1', '127.0.0.1'],
    ] as const) {
      const client = await LdapTestClient.connect(opened.port, address);
      await client.ask(compare);
      client.destroy();
      assert.equal(opened.directory.calls.at(-1)?.session.address, seen);
    }
  });
});

describe('LDAPS', () => {
  it('answers under TLS from the first byte', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps', allowClearPasswords: false });
    const client = await opened.connectTls();
    assert.equal((await client.ask(bindOperation('cn=a', 'x'))).resultCode, 0);
    const answer = await client.ask(extendedOperation(WHO_AM_I_OID));
    assert.equal(String(answer.responseValue), 'u:cn=a');
  });

  it('does not answer in clear', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    const client = await opened.connect();
    client.send(message(1, compare));
    await client.whenClosed();
    assert.equal(opened.directory.calls.length, 0);
  });

  it('shows new connections the credentials that were reloaded; the others go on', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    const before = await opened.connectTls();
    const fingerprintOf = (client: LdapTestClient): string =>
      (client.socket as TLSSocket).getPeerCertificate().fingerprint256;
    opened.server.reloadTls(makeTlsCredentials('renewed'));
    const after = await opened.connectTls();
    assert.notEqual(fingerprintOf(after), fingerprintOf(before));
    assert.equal((await before.ask(compare)).resultCode, 6);
    assert.equal((await after.ask(compare)).resultCode, 6);
  });

  it('keeps its credentials when those to be loaded are none', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    assert.throws(() => opened.server.reloadTls({ certificate: '', key: '' }), {
      code: 'LDAP_TLS_CREDENTIALS',
    });
    const client = await opened.connectTls();
    assert.equal((await client.ask(compare)).resultCode, 6);
  });
});

describe('limits of connections', () => {
  for (const limits of [{ connections: 2 }, { connectionsPerAddress: 2 }]) {
    it(`${JSON.stringify(limits)}: a third is told that the server is busy, and there is room again after one left`, async (t) => {
      const opened = await LdapTestServer.open(t, { limits });
      const first = await opened.connect();
      const second = await opened.connect();
      assert.equal((await first.ask(compare)).resultCode, 6);
      assert.equal((await second.ask(compare)).resultCode, 6);
      const third = await opened.connect();
      assert.deepEqual(
        (await third.untilClosed()).map(({ responseName, resultCode }) => [
          responseName,
          resultCode,
        ]),
        [[NOTICE_OF_DISCONNECTION_OID, 51]],
      );
      assert.equal(opened.server.statistics.refusedConnections, 1);
      first.destroy();
      await opened.whenConnections(1);
      const fourth = await opened.connect();
      assert.equal((await fourth.ask(compare)).resultCode, 6);
    });
  }

  it('counts addresses apart', async (t) => {
    const opened = await LdapTestServer.open(t, {
      listeners: [{ address: '::', port: 0, tls: 'none' }],
      limits: { connectionsPerAddress: 1 },
    });
    const four = await LdapTestClient.connect(opened.port, '127.0.0.1');
    const six = await LdapTestClient.connect(opened.port, '::1');
    assert.equal((await four.ask(compare)).resultCode, 6);
    assert.equal((await six.ask(compare)).resultCode, 6);
    four.destroy();
    six.destroy();
  });
});

describe('LdapServer.close', () => {
  it('answers what was asked, gives notice, and accepts no more', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const idle = await opened.connect();
    const busy = await opened.connect();
    busy.send(message(1, deleteOperation('cn=a')));
    await opened.directory.whenCalled(1);
    await opened.whenConnections(2);
    const { port } = opened;
    const closed = opened.server.close();
    assert.deepEqual(
      (await idle.untilClosed()).map(({ messageId, resultCode }) => [messageId, resultCode]),
      [[0, 52]],
    );
    await assert.rejects(LdapTestClient.connect(port), { code: 'ECONNREFUSED' });
    gate.open();
    const answers = await busy.untilClosed();
    assert.deepEqual(
      answers.map(({ messageId, resultCode, responseName }) => [
        messageId,
        resultCode,
        responseName,
      ]),
      [
        [1, 0, undefined],
        [0, 52, NOTICE_OF_DISCONNECTION_OID],
      ],
    );
    await closed;
    assert.equal(opened.server.statistics.connections, 0);
  });

  it('cuts what is not done in time', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { closeMs: 10_000 } });
    opened.directory.onSearch = async function* ({ signal }) {
      yield { dn: 'cn=a', attributes: [] };
      await whenAborted(signal);
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()));
    await client.next();
    let isClosed = false;
    const closed = opened.server.close().then(() => {
      isClosed = true;
    });
    await opened.clock.advance(9_999);
    assert.equal(isClosed, false);
    await opened.clock.advance(1);
    await closed;
    await client.whenClosed();
  });

  it('waits a quarter of a second for a client that does not close its side, no longer', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { lingerMs: 2_000 } });
    const socket = connect({ port: opened.port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => socket.destroy());
    socket.resume();
    await opened.whenConnections(1);
    let isClosed = false;
    const closed = opened.server.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => socket.once('end', resolve));
    await opened.clock.advance(249);
    assert.equal(isClosed, false);
    await opened.clock.advance(1);
    await closed;
  });

  it('may be called twice, and with nobody there', async (t) => {
    const opened = await LdapTestServer.open(t);
    await Promise.all([opened.server.close(), opened.server.close()]);
    await opened.server.close();
  });
});
