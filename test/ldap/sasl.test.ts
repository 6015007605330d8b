import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import {
  bindOperation,
  extendedOperation,
  saslBindOperation,
  searchOperation,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer, makeTlsCredentials } from '../support/ldap-test-server.ts';

const credentials = makeTlsCredentials('client');
const client = { cert: credentials.certificate, key: credentials.key };

async function whoAmI(connection: LdapTestClient): Promise<string> {
  return String((await connection.ask(extendedOperation(WHO_AM_I_OID))).responseValue);
}

const plain = (text: string): Buffer => saslBindOperation('PLAIN', Buffer.from(text));

describe('SASL EXTERNAL (RFC 4513 §5.2.3)', () => {
  it('hands the certificate of an LDAPS connection to the directory, byte for byte', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    const connection = await opened.connectTls(client);
    assert.equal((await connection.ask(saslBindOperation('EXTERNAL'))).resultCode, 0);
    assert.equal(await whoAmI(connection), 'u:certificate');
    const [call] = opened.directory.calls;
    assert.equal(call?.operation, 'bindCertificate');
    const shown = Buffer.from(call?.session.clientCertificate ?? []).toString('base64');
    assert.equal(shown, credentials.certificate.replaceAll(/-----[^-]*-----|\s/g, ''));
  });

  it('works after StartTLS', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'starttls' });
    const connection = await opened.connect();
    assert.equal((await connection.ask(saslBindOperation('EXTERNAL'))).resultCode, 48);
    await connection.startTls(client);
    assert.equal((await connection.ask(saslBindOperation('EXTERNAL'))).resultCode, 0);
    assert.equal(await whoAmI(connection), 'u:certificate');
  });

  it('makes nobody of a certificate without a bind', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    const connection = await opened.connectTls(client);
    assert.equal(await whoAmI(connection), '');
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`has the certificate also in a resumed session of ${maxVersion}`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
      const session = await newTlsSession(opened.port, maxVersion);
      const connection = await opened.connectTls({ ...client, session, maxVersion });
      assert.equal((connection.socket as TLSSocket).isSessionReused(), true);
      assert.equal((await connection.ask(saslBindOperation('EXTERNAL'))).resultCode, 0);
    });
  }

  const rows = [
    { why: 'without credentials', authorizationId: undefined, resultCode: 0 },
    { why: 'with empty credentials', authorizationId: '', resultCode: 0 },
    { why: 'as itself', authorizationId: 'dn:certificate', resultCode: 0 },
    { why: 'as another', authorizationId: 'dn:cn=root', resultCode: 49 },
    { why: 'as a user', authorizationId: 'u:certificate', resultCode: 49 },
    { why: 'as no UTF-8', authorizationId: Buffer.of(0xff), resultCode: 49 },
  ];
  for (const { why, authorizationId, resultCode } of rows) {
    it(`${why}: ${resultCode}`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
      const connection = await opened.connectTls(client);
      await connection.ask(bindOperation('cn=before', 'x'));
      const given = authorizationId === undefined ? undefined : Buffer.from(authorizationId);
      const answer = await connection.ask(saslBindOperation('EXTERNAL', given));
      assert.deepEqual([answer.kind, answer.resultCode], ['bind', resultCode]);
      assert.equal(await whoAmI(connection), resultCode === 0 ? 'u:certificate' : '');
    });
  }

  it('without a certificate: 48, with nothing asked of the directory', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    const connection = await opened.connectTls();
    assert.equal((await connection.ask(saslBindOperation('EXTERNAL'))).resultCode, 48);
    assert.equal(opened.directory.calls.length, 0);
  });
});

describe('SASL PLAIN (RFC 4616)', () => {
  const rows: { message: string | Buffer | undefined; resultCode: number }[] = [
    { message: '\0cn=a\0x', resultCode: 0 },
    { message: '\0dn:cn=a\0x', resultCode: 0 },
    { message: 'dn:cn=a\0cn=a\0x', resultCode: 0 },
    { message: 'dn:cn=b\0cn=a\0x', resultCode: 49 },
    { message: 'cn=a\0cn=a\0x', resultCode: 49 },
    { message: '\0cn=a\0wrong', resultCode: 49 },
    { message: '', resultCode: 49 },
    { message: '\0cn=a', resultCode: 49 },
    { message: '\0cn=a\0', resultCode: 49 },
    { message: '\0\0x', resultCode: 49 },
    { message: '\0dn:\0x', resultCode: 49 },
    { message: '\0cn=a\0x\0', resultCode: 49 },
    { message: Buffer.from([0, 0x61, 0, 0xff]), resultCode: 49 },
    { message: undefined, resultCode: 14 },
  ];
  for (const { message, resultCode } of rows) {
    it(`${JSON.stringify(message?.toString('latin1'))}: ${resultCode}`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
      const connection = await opened.connectTls();
      await connection.ask(bindOperation('cn=before', 'x'));
      const given = message === undefined ? undefined : Buffer.from(message);
      const answer = await connection.ask(saslBindOperation('PLAIN', given));
      assert.deepEqual([answer.kind, answer.resultCode], ['bind', resultCode]);
      assert.equal(await whoAmI(connection), resultCode === 0 ? 'u:cn=a' : '');
    });
  }

  it('goes on with the credentials after an empty start', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
    const connection = await opened.connectTls();
    assert.equal((await connection.ask(saslBindOperation('PLAIN'))).resultCode, 14);
    assert.equal((await connection.ask(plain('\0cn=a\0pä ss'))).resultCode, 0);
    const { request } = opened.directory.calls.at(-1) ?? {};
    assert.deepEqual(request, { dn: 'cn=a', password: 'pä ss' });
  });

  it('in clear: 13, even where simple binds are let through', async (t) => {
    const opened = await LdapTestServer.open(t, { allowClearPasswords: true });
    const connection = await opened.connect();
    assert.equal((await connection.ask(plain('\0cn=a\0x'))).resultCode, 13);
    assert.equal(opened.directory.calls.length, 0);
  });
});

describe('other SASL mechanisms', () => {
  for (const mechanism of ['', 'plain', 'DIGEST-MD5', 'GSSAPI', 'SCRAM-SHA-256', 'ANONYMOUS']) {
    it(`${JSON.stringify(mechanism)}: 7, and anonymous`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode: 'ldaps' });
      const connection = await opened.connectTls(client);
      await connection.ask(bindOperation('cn=before', 'x'));
      const answer = await connection.ask(saslBindOperation(mechanism, Buffer.from('x')));
      assert.equal(answer.resultCode, 7);
      assert.equal(await whoAmI(connection), '');
    });
  }
});

describe('what the directory is told of the connection', () => {
  const rows = [
    { why: 'in clear', mode: 'none', options: undefined, mechanisms: [] },
    { why: 'under TLS', mode: 'ldaps', options: {}, mechanisms: ['PLAIN'] },
    {
      why: 'with a certificate',
      mode: 'ldaps',
      options: client,
      mechanisms: ['EXTERNAL', 'PLAIN'],
    },
  ] as const;
  for (const { why, mode, options, mechanisms } of rows) {
    it(`${why}: ${mechanisms.join(' ')}`, async (t) => {
      const opened = await LdapTestServer.open(t, { mode });
      const connection = await (options === undefined
        ? opened.connect()
        : opened.connectTls(options));
      await connection.request(searchOperation());
      assert.deepEqual(opened.directory.calls[0]?.session.saslMechanisms, mechanisms);
    });
  }
});

/** A session to resume, from a connection that showed the certificate. */
async function newTlsSession(port: number, maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<Buffer> {
  const options = { port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion, ...client };
  const socket = connectTls(options);
  return await new Promise((resolve, reject) => {
    socket.once('session', (session: Buffer) => {
      socket.destroy();
      resolve(session);
    });
    socket.once('error', reject);
    // Tickets of TLS 1.3 come with the first data.
    socket.once('secureConnect', () => socket.write(Buffer.alloc(0)));
    socket.resume();
  });
}
