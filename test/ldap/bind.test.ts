import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Principal } from '../../src/directory/accounts/principal.ts';
import { Gate, whenAborted } from '../support/fake-directory.ts';
import {
  bindOperation,
  compareOperation,
  deleteOperation,
  extendedOperation,
  int,
  message,
  octets,
  saslBindOperation,
  searchOperation,
  tlv,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

async function whoAmI(client: LdapTestClient): Promise<string> {
  return String((await client.ask(extendedOperation(WHO_AM_I_OID))).responseValue);
}

describe('reliability LDAP row 5: simple bind (RFC 4513 §5.1)', () => {
  const rows: {
    section: string;
    operation: Uint8Array;
    resultCode: number;
    /** Whether the directory was asked. */
    isAsked: boolean;
  }[] = [
    { section: '§5.1.1 anonymous', operation: bindOperation(), resultCode: 0, isAsked: true },
    {
      section: '§5.1.2 a name without a password',
      operation: bindOperation('cn=a', ''),
      resultCode: 53,
      isAsked: false,
    },
    {
      section: '§5.1.3 a password without a name',
      operation: bindOperation('', 'x'),
      resultCode: 49,
      isAsked: false,
    },
    {
      section: '§5.1.3 name and password',
      operation: bindOperation('cn=a', 'x'),
      resultCode: 0,
      isAsked: true,
    },
    {
      section: '§5.1.3 a wrong password',
      operation: bindOperation('cn=a', 'wrong'),
      resultCode: 49,
      isAsked: true,
    },
    {
      section: 'version 2',
      operation: bindOperation('cn=a', 'x', 2),
      resultCode: 2,
      isAsked: false,
    },
    {
      section: 'version 4',
      operation: bindOperation('cn=a', 'x', 4),
      resultCode: 2,
      isAsked: false,
    },
    {
      section: 'SASL PLAIN in clear',
      operation: saslBindOperation('PLAIN', Buffer.from('\0a\0x')),
      resultCode: 13,
      isAsked: false,
    },
    {
      section: 'another choice of authentication',
      operation: tlv(0x60, int(3), octets('cn=a'), tlv(0x81, 'x')),
      resultCode: 7,
      isAsked: false,
    },
    {
      section: 'a name that is no UTF-8',
      operation: tlv(0x60, int(3), octets(Uint8Array.of(0xff)), tlv(0x80, 'x')),
      resultCode: 2,
      isAsked: false,
    },
  ];
  for (const { section, operation, resultCode, isAsked } of rows) {
    it(`${section}: ${resultCode}`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      const answer = await client.ask(operation);
      assert.deepEqual([answer.kind, answer.resultCode], ['bind', resultCode]);
      assert.equal(opened.directory.calls.length, isAsked ? 1 : 0);
    });

    it(`${section}: nothing of an earlier identity is left`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      await client.ask(bindOperation('cn=before', 'x'));
      await client.ask(operation);
      const isName = resultCode === 0 && section.includes('name');
      assert.equal(await whoAmI(client), isName ? 'u:cn=a' : '');
    });
  }

  it('gives the directory name and password as they came', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await client.ask(bindOperation('CN= A', 'pä ss\0'));
    assert.deepEqual(opened.directory.calls[0]?.request, { dn: 'CN= A', password: 'pä ss\0' });
  });
});

describe('reliability LDAP row 14: passwords in clear (RFC 4513 §5.1.3)', () => {
  const rows: { name: string; password: string; clear: number; tls: number }[] = [
    { name: 'cn=a', password: 'x', clear: 13, tls: 0 },
    { name: 'cn=a', password: 'wrong', clear: 13, tls: 49 },
    { name: '', password: 'x', clear: 13, tls: 49 },
    { name: 'cn=a', password: '', clear: 53, tls: 53 },
    { name: '', password: '', clear: 0, tls: 0 },
  ];
  for (const { name, password, clear, tls } of rows) {
    it(`"${name}" with "${password}": ${clear} in clear, ${tls} under TLS`, async (t) => {
      const opened = await LdapTestServer.open(t, {
        mode: 'starttls',
        allowClearPasswords: false,
      });
      const client = await opened.connect();
      assert.equal((await client.ask(bindOperation(name, password))).resultCode, clear);
      if (clear === 13) {
        assert.equal(opened.directory.calls.length, 0);
        assert.equal(await whoAmI(client), '');
      }
      await client.startTls();
      assert.equal((await client.ask(bindOperation(name, password))).resultCode, tls);
    });
  }
});

describe('reliability LDAP row 6: a bind and what is around it (RFC 4511 §4.2.1)', () => {
  it('the session is anonymous from the moment a bind arrives', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await client.ask(bindOperation('cn=a', 'x'));
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    client.send(message(50, deleteOperation('cn=slow')), message(51, bindOperation('cn=b', 'x')));
    await opened.directory.whenCalled(2);
    // The bind waits for the delete, which it may not cut off; the identity is gone already.
    client.send(message(52, compareOperation('cn=a', 'cn', 'v')));
    gate.open();
    const answers = [await client.next(), await client.next(), await client.next()];
    assert.deepEqual(
      answers.map(({ kind, messageId, resultCode }) => [kind, messageId, resultCode]),
      [
        ['delete', 50, 0],
        ['bind', 51, 0],
        ['compare', 52, 6],
      ],
    );
    assert.deepEqual(
      opened.directory.calls.map(({ operation, as }) => [operation, as]),
      [
        ['bind', 'anonymous'],
        ['delete', 'cn=a'],
        ['bind', 'anonymous'],
        ['compare', 'cn=b'],
      ],
    );
  });

  it('a search of the identity before is abandoned', async (t) => {
    const opened = await LdapTestServer.open(t);
    let isEnded = false;
    opened.directory.onSearch = async function* ({ signal }) {
      yield { dn: 'cn=1', attributes: [] };
      await whenAborted(signal);
      isEnded = true;
      yield { dn: 'cn=2', attributes: [] };
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()));
    assert.equal((await client.next()).dn, 'cn=1');
    client.send(message(2, bindOperation('cn=b', 'x')));
    const answer = await client.next();
    assert.deepEqual([answer.kind, answer.messageId], ['bind', 2]);
    assert.ok(isEnded, 'it ended before the bind was answered');
    assert.equal(await whoAmI(client), 'u:cn=b');
  });

  it('what is pipelined behind a bind waits for it and has its identity', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onBind = async (name): Promise<Principal> => {
      await gate.passed;
      return { kind: 'system', name };
    };
    const client = await opened.connect();
    client.send(
      message(1, bindOperation('cn=a', 'x')),
      message(2, deleteOperation('cn=x')),
      message(3, bindOperation('cn=b', 'x')),
      message(4, deleteOperation('cn=y')),
    );
    await opened.directory.whenCalled(1);
    await opened.clock.advance(0);
    assert.equal(opened.directory.calls.length, 1, 'nothing beside the bind');
    gate.open();
    for (const messageId of [1, 2, 3, 4]) {
      assert.equal((await client.next()).messageId, messageId);
    }
    assert.deepEqual(
      opened.directory.calls.map(({ operation, as }) => [operation, as]),
      [
        ['bind', 'anonymous'],
        ['delete', 'cn=a'],
        ['bind', 'anonymous'],
        ['delete', 'cn=b'],
      ],
    );
  });

  it('a client that leaves during a bind leaves nothing behind', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onBind = async (name): Promise<Principal> => {
      await gate.passed;
      return { kind: 'system', name };
    };
    const client = await opened.connect();
    client.send(message(1, bindOperation('cn=a', 'x')));
    await opened.directory.whenCalled(1);
    client.destroy();
    gate.open();
    const closed = opened.server.close();
    await opened.clock.advance(60_000);
    await closed;
    assert.equal(opened.server.statistics.connections, 0);
  });
});
