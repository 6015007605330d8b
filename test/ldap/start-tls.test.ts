import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Gate } from '../support/fake-directory.ts';
import type { LdapAnswer } from '../support/ldap-answers.ts';
import {
  bindOperation,
  deleteOperation,
  extendedOperation,
  message,
  START_TLS_OID,
  searchOperation,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const startTls = extendedOperation(START_TLS_OID);

async function whoAmI(client: LdapTestClient): Promise<string> {
  return String((await client.ask(extendedOperation(WHO_AM_I_OID))).responseValue);
}

describe('StartTLS (RFC 4511 §4.14)', () => {
  it('protects what follows, as the directory sees it', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    await client.ask(bindOperation('cn=a', 'x'));
    await client.startTls();
    await client.ask(bindOperation('cn=a', 'x'));
    assert.deepEqual(
      opened.directory.calls.map(({ session }) => session),
      [
        { isProtected: false, address: '127.0.0.1', channel: 'ldap', saslMechanisms: [] },
        { isProtected: true, address: '127.0.0.1', channel: 'ldap', saslMechanisms: ['PLAIN'] },
      ],
    );
  });

  it('leaves nobody authenticated', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    await client.ask(bindOperation('cn=a', 'x'));
    assert.equal(await whoAmI(client), 'u:cn=a');
    await client.startTls();
    assert.equal(await whoAmI(client), '');
  });

  it('is answered with its name', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    const answer = await client.ask(startTls);
    assert.deepEqual([answer.resultCode, answer.responseName], [0, START_TLS_OID]);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`speaks ${version}`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode: 'starttls' });
      const client = await opened.connect();
      await client.startTls({ minVersion: version, maxVersion: version });
      assert.equal(await whoAmI(client), '');
    });
  }

  it('does not speak TLS 1.1', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    const options = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
    await assert.rejects(client.startTls(options as object));
  });

  it('comes after answers that are still on their way', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const large = Buffer.alloc(3_000_000, 7);
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=a', attributes: [{ description: 'x', values: [large] }] };
    };
    const client = await opened.connect();
    client.pause();
    client.send(message(1, searchOperation()));
    await opened.directory.whenCalled(1);
    client.resume();
    assert.equal((await client.next()).attributes.get('x')?.[0]?.length, large.length);
    assert.equal((await client.next()).kind, 'searchDone');
    await client.startTls();
    assert.equal(await whoAmI(client), '');
  });
});

describe('StartTLS refused, and the connection goes on (RFC 4511 §4.14.2)', () => {
  async function expectRefusal(client: LdapTestClient, resultCode: number): Promise<LdapAnswer> {
    const answer = await client.ask(startTls);
    assert.deepEqual([answer.kind, answer.resultCode], ['extended', resultCode]);
    return answer;
  }

  it('where there is no TLS: protocolError', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await expectRefusal(client, 2);
    assert.equal(await whoAmI(client), '');
  });

  it('on a listener without TLS beside one with: protocolError', async (t) => {
    const opened = await LdapTestServer.open(t, {
      mode: 'starttls',
      listeners: [
        { address: '127.0.0.1', port: 0, tls: 'none' },
        { address: '127.0.0.1', port: 0, tls: 'starttls' },
      ],
    });
    await expectRefusal(await opened.connect(), 2);
  });

  it('under TLS: operationsError', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    await client.startTls();
    await client.ask(bindOperation('cn=a', 'x'));
    await expectRefusal(client, 1);
    assert.equal(await whoAmI(client), 'u:cn=a');
  });

  it('on LDAPS: operationsError', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    const client = await opened.connectTls();
    await expectRefusal(client, 1);
    assert.equal(await whoAmI(client), '');
  });

  it('beside an operation that is not finished: operationsError', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const client = await opened.connect();
    client.send(message(50, deleteOperation('cn=slow')));
    await opened.directory.whenCalled(1);
    await expectRefusal(client, 1);
    gate.open();
    assert.equal((await client.next()).messageId, 50);
    await client.startTls();
  });

  it('with a request value: protocolError', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    const answer = await client.ask(extendedOperation(START_TLS_OID, Buffer.alloc(0)));
    assert.equal(answer.resultCode, 2);
    await client.startTls();
  });

  it('with a critical control that is unknown: unavailableCriticalExtension', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    client.send(message(40, startTls, [{ type: '1.2.3', isCritical: true }]));
    assert.equal((await client.next()).resultCode, 12);
    await client.startTls();
  });
});

describe('reliability LDAP row 13: StartTLS with something slipped in behind it', () => {
  const request = message(1, startTls);
  const injected = message(2, deleteOperation('cn=injected'));

  it('in one piece: the connection is cut without an answer', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    client.send(request, injected);
    assert.deepEqual(await client.untilClosed(), []);
    assert.equal(opened.directory.calls.length, 0);
  });

  it('a single byte of it: the connection is cut without an answer', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    client.send(request, injected.subarray(0, 1));
    assert.deepEqual(await client.untilClosed(), []);
  });

  it('split at every byte: nothing injected is ever done or answered', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const whole = Buffer.concat([request, injected]);
    for (let at = 1; at < whole.length; at += 1) {
      const client = await opened.connect();
      await client.sendPieces(whole.subarray(0, at), whole.subarray(at));
      client.end();
      const answers = await client.untilClosed();
      const kinds = answers.map(({ messageId, resultCode }) => [messageId, resultCode]);
      // In two pieces the answer may be out before the second arrives, which is then no TLS.
      assert.ok(
        kinds.length === 0 || (at >= request.length && kinds.length === 1 && kinds[0]?.[0] === 1),
        `split at ${at}: ${JSON.stringify(kinds)}`,
      );
    }
    assert.equal(opened.directory.calls.length, 0);
  });

  it('in clear after the answer: it is taken for TLS, which it is not', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    client.send(request);
    assert.equal((await client.next()).resultCode, 0);
    client.send(injected);
    await client.whenClosed();
    assert.equal(opened.directory.calls.length, 0);
  });

  it('before the handshake in the same piece as its first bytes: no handshake, nothing done', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const client = await opened.connect();
    client.send(request);
    await client.next();
    client.send(injected);
    await assert.rejects(client.handshake());
    assert.equal(opened.directory.calls.length, 0);
  });
});

describe('deadlines of a TLS handshake', () => {
  for (const mode of ['starttls', 'ldaps'] as const) {
    it(`${mode}: a peer that does not shake hands is cut`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode, limits: { tlsHandshakeMs: 5_000 } });
      const client = await opened.connect();
      if (mode === 'starttls') {
        await client.ask(startTls);
      }
      await opened.whenConnections(1);
      await opened.clock.advance(4_999);
      assert.equal(opened.server.statistics.connections, 1);
      await opened.clock.advance(1);
      await client.whenClosed();
    });
  }

  it('a handshake that succeeded has no deadline any more', async (t) => {
    const opened = await LdapTestServer.open(t, {
      mode: 'starttls',
      limits: { tlsHandshakeMs: 5_000 },
    });
    const client = await opened.connect();
    await client.startTls();
    assert.equal(await whoAmI(client), '');
    await opened.clock.advance(5_001);
    assert.equal(await whoAmI(client), '');
  });
});
