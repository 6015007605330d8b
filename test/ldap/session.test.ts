import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DirectoryError } from '../../src/directory/errors.ts';
import type { SearchRequest } from '../../src/directory/service.ts';
import {
  addOperation,
  bindOperation,
  compareOperation,
  deleteOperation,
  equality,
  extendedOperation,
  message,
  modifyDnOperation,
  modifyOperation,
  searchOperation,
  unbindOperation,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('search (RFC 4511 §4.5)', () => {
  it('gives the directory the whole request', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await client.request(
      searchOperation({
        base: 'cn=a',
        scope: 2,
        sizeLimit: 7,
        timeLimitS: 9,
        typesOnly: true,
        filter: equality('cn', 'x'),
        attributes: ['cn', '+'],
      }),
    );
    const [call] = opened.directory.calls;
    assert.ok(call !== undefined);
    const { signal, ...request } = call.request as SearchRequest;
    assert.equal(signal?.aborted, false);
    assert.deepEqual(request, {
      base: 'cn=a',
      scope: 'subtree',
      sizeLimit: 7,
      timeLimitMs: 9000,
      typesOnly: true,
      filter: { kind: 'equality', attribute: 'cn', value: bytes('x') },
      attributes: ['cn', '+'],
    });
    assert.deepEqual(call.session, {
      isProtected: false,
      address: '127.0.0.1',
      channel: 'ldap',
      saslMechanisms: [],
    });
  });

  it('sends entries in order, then the result', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=a', attributes: [{ description: 'cn', values: [bytes('a'), bytes('b')] }] };
      yield { dn: 'cn=b,cn=a', attributes: [] };
    };
    const client = await opened.connect();
    const answers = await client.request(searchOperation());
    assert.deepEqual(
      answers.map(({ kind, dn }) => [kind, dn]),
      [
        ['entry', 'cn=a'],
        ['entry', 'cn=b,cn=a'],
        ['searchDone', ''],
      ],
    );
    assert.deepEqual(answers[0]?.attributes.get('cn')?.map(String), ['a', 'b']);
    assert.equal(answers[2]?.resultCode, 0);
  });

  it('sends what came before a limit, then the limit', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=a', attributes: [] };
      throw new DirectoryError('DIRECTORY_SIZE_LIMIT', 'more than 1 entry');
    };
    const client = await opened.connect();
    const answers = await client.request(searchOperation());
    assert.deepEqual(
      answers.map(({ kind, resultCode }) => [kind, resultCode]),
      [
        ['entry', -1],
        ['searchDone', 4],
      ],
    );
  });

  it('sends the matched name of an object that is not there', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onSearch = () => {
      throw new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', 'no such object', { matchedDn: 'dc=x' });
    };
    const client = await opened.connect();
    const answer = await client.ask(searchOperation());
    assert.deepEqual([answer.resultCode, answer.matchedDn], [32, 'dc=x']);
  });
});

describe('compare (RFC 4511 §4.10)', () => {
  for (const [isTrue, resultCode] of [
    [true, 6],
    [false, 5],
  ] as const) {
    it(`answers ${resultCode} for ${isTrue}`, async (t) => {
      const opened = await LdapTestServer.open(t);
      opened.directory.onCompare = async () => isTrue;
      const client = await opened.connect();
      const answer = await client.ask(compareOperation('cn=a', 'cn', 'v'));
      assert.deepEqual([answer.kind, answer.resultCode], ['compare', resultCode]);
      assert.deepEqual(opened.directory.calls[0]?.request, {
        dn: 'cn=a',
        attribute: 'cn',
        value: bytes('v'),
      });
    });
  }
});

describe('writes (RFC 4511 §4.6 to §4.9)', () => {
  const rows: {
    kind: string;
    call: string;
    operation: Uint8Array;
    request: unknown;
  }[] = [
    {
      kind: 'add',
      call: 'add',
      operation: addOperation('cn=a', [{ type: 'cn', values: ['a'] }]),
      request: { dn: 'cn=a', attributes: [{ description: 'cn', values: [bytes('a')] }] },
    },
    {
      kind: 'modify',
      call: 'modify',
      operation: modifyOperation('cn=a', [{ operation: 2, type: 'sn', values: [] }]),
      request: { dn: 'cn=a', changes: [{ operation: 'replace', attribute: 'sn', values: [] }] },
    },
    { kind: 'delete', call: 'delete', operation: deleteOperation('cn=a'), request: { dn: 'cn=a' } },
    {
      kind: 'modifyDn',
      call: 'rename',
      operation: modifyDnOperation({ dn: 'cn=a', newRdn: 'cn=b', deleteOldRdn: true }),
      request: { dn: 'cn=a', newRdn: 'cn=b', deleteOldRdn: true },
    },
  ];
  for (const { kind, call, operation, request } of rows) {
    it(`${kind}: done, as the identity of the connection, with the message as it came`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      await client.ask(bindOperation('cn=admin', 'x'));
      const answer = await client.ask(operation);
      assert.deepEqual([answer.kind, answer.resultCode], [kind, 0]);
      const made = opened.directory.calls.at(-1);
      assert.deepEqual([made?.operation, made?.as], [call, 'cn=admin']);
      const received = message(answer.messageId, operation);
      assert.deepEqual(made?.request, { ...(request as object), received });
    });

    it(`${kind}: refused, with code and message`, async (t) => {
      const opened = await LdapTestServer.open(t);
      opened.directory.onWrite = async () => {
        throw new DirectoryError('DIRECTORY_ACCESS_DENIED', 'not you');
      };
      const client = await opened.connect();
      const answer = await client.ask(operation);
      assert.deepEqual(
        [answer.kind, answer.resultCode, answer.diagnosticMessage],
        [kind, 50, 'not you'],
      );
    });
  }

  it('tells nothing of an unexpected failure, and goes on', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onWrite = async () => {
      throw new Error('secret detail');
    };
    const client = await opened.connect();
    const answer = await client.ask(deleteOperation('cn=a'));
    assert.equal(answer.resultCode, 80);
    assert.ok(!answer.diagnosticMessage.includes('secret'));
    assert.equal((await client.ask(compareOperation('cn=a', 'cn', 'v'))).resultCode, 6);
  });
});

describe('extended operations (RFC 4511 §4.12)', () => {
  it('who am I (RFC 4532): nobody, then somebody', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    const before = await client.ask(extendedOperation(WHO_AM_I_OID));
    assert.deepEqual([before.resultCode, before.responseValue?.length], [0, 0]);
    assert.equal(before.responseName, undefined);
    await client.ask(bindOperation('cn=a', 'x'));
    const after = await client.ask(extendedOperation(WHO_AM_I_OID));
    assert.equal(String(after.responseValue), 'u:cn=a');
  });

  it('who am I has no request value', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    const answer = await client.ask(extendedOperation(WHO_AM_I_OID, bytes('')));
    assert.equal(answer.resultCode, 2);
  });

  for (const name of ['1.2.3.4', '', 'whoami']) {
    it(`refuses ${JSON.stringify(name)} without a response name, and goes on`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      const answer = await client.ask(extendedOperation(name));
      assert.deepEqual(
        [answer.kind, answer.resultCode, answer.responseName, answer.responseValue],
        ['extended', 2, undefined, undefined],
      );
      assert.equal((await client.ask(extendedOperation(WHO_AM_I_OID))).resultCode, 0);
    });
  }
});

describe('controls (RFC 4511 §4.1.11)', () => {
  const critical = [{ type: '1.2.3.4', isCritical: true }];
  const rows: { name: string; operation: Uint8Array }[] = [
    { name: 'bind', operation: bindOperation('cn=a', 'x') },
    { name: 'search', operation: searchOperation() },
    { name: 'compare', operation: compareOperation('cn=a', 'cn', 'v') },
    { name: 'add', operation: addOperation('cn=a', [{ type: 'cn', values: ['a'] }]) },
    { name: 'modify', operation: modifyOperation('cn=a', []) },
    { name: 'delete', operation: deleteOperation('cn=a') },
    { name: 'modifyDn', operation: modifyDnOperation({ dn: 'cn=a', newRdn: 'cn=b' }) },
    { name: 'extended', operation: extendedOperation(WHO_AM_I_OID) },
  ];
  for (const { name, operation } of rows) {
    it(`${name} is not done with a critical one that is unknown`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      client.send(message(9, operation, critical));
      assert.equal((await client.next()).resultCode, 12);
      assert.equal(opened.directory.calls.length, 0);
    });

    it(`${name} is done with an unknown one that is not critical`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      client.send(message(9, operation, [{ type: '1.2.3.4' }]));
      for (;;) {
        const answer = await client.next();
        if (answer.kind !== 'entry') {
          assert.ok([0, 6].includes(answer.resultCode));
          break;
        }
      }
    });
  }
});

describe('the end of a session', () => {
  it('unbind ends it without an answer (RFC 4511 §4.3)', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    client.send(message(1, unbindOperation));
    assert.deepEqual(await client.untilClosed(), []);
  });

  it('unbind ends it also with a critical control', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    client.send(message(1, unbindOperation, [{ type: '1.2.3', isCritical: true }]));
    assert.deepEqual(await client.untilClosed(), []);
  });

  it('nothing behind an unbind is done', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    client.send(message(1, unbindOperation), message(2, deleteOperation('cn=a')));
    await client.whenClosed();
    assert.equal(opened.directory.calls.length, 0);
  });

  it('a client that ends its side gets the answers it is owed', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    client.send(message(1, searchOperation()), message(2, compareOperation('cn=a', 'cn', 'v')));
    client.end();
    const answers = await client.untilClosed();
    assert.deepEqual(answers.map(({ kind }) => kind).sort(), ['compare', 'entry', 'searchDone']);
  });
});
