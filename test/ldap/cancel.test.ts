import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DirectoryError } from '../../src/directory/errors.ts';
import { decodeCancel } from '../../src/ldap/cancel.ts';
import { Gate, whenAborted } from '../support/fake-directory.ts';
import {
  abandonOperation,
  bindOperation,
  compareOperation,
  deleteOperation,
  extendedOperation,
  int,
  message,
  searchOperation,
  tlv,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const CANCEL_OID = '1.3.6.1.1.8';
const cancel = (messageId: number): Buffer =>
  extendedOperation(CANCEL_OID, tlv(0x30, int(messageId)));

describe('Cancel (RFC 3909)', () => {
  it('ends a search: both are answered', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onSearch = async function* ({ signal }) {
      yield { dn: 'cn=1', attributes: [] };
      await whenAborted(signal);
      throw new DirectoryError('DIRECTORY_ABANDONED', 'abandoned');
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()));
    assert.equal((await client.next()).dn, 'cn=1');
    client.send(message(2, cancel(1)));
    const answers = [await client.next(), await client.next()];
    answers.sort((left, right) => left.messageId - right.messageId);
    assert.deepEqual(
      answers.map(({ messageId, kind, resultCode }) => [messageId, kind, resultCode]),
      [
        [1, 'searchDone', 118],
        [2, 'extended', 0],
      ],
    );
  });

  it('ends a search whose directory goes on regardless', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onSearch = async function* () {
      yield { dn: 'cn=1', attributes: [] };
      await gate.passed;
      yield { dn: 'cn=2', attributes: [] };
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()));
    await client.next();
    client.send(message(2, cancel(1)));
    assert.equal((await client.next()).messageId, 2);
    gate.open();
    const answer = await client.next();
    assert.deepEqual([answer.messageId, answer.kind, answer.resultCode], [1, 'searchDone', 118]);
  });

  it('keeps a compare from beginning that waits its turn', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { runningOperations: 1 } });
    const gate = new Gate();
    opened.directory.onSearch = async function* () {
      await gate.passed;
      yield* [];
    };
    const client = await opened.connect();
    client.send(
      message(1, searchOperation()),
      message(2, compareOperation('cn=a', 'cn', 'v')),
      message(3, cancel(2)),
    );
    assert.deepEqual((await client.next()).messageId, 3);
    gate.open();
    assert.equal((await client.next()).resultCode, 0);
    const answer = await client.next();
    assert.deepEqual([answer.messageId, answer.kind, answer.resultCode], [2, 'compare', 118]);
    assert.equal(opened.directory.calls.length, 1);
  });

  it('of an operation that was answered, or never was: 119', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    client.send(message(1, compareOperation('cn=a', 'cn', 'v')));
    await client.next();
    for (const [at, target] of [1, 77, 0, 10].entries()) {
      client.send(message(10 + at, cancel(target)));
      const answer = await client.next();
      assert.deepEqual([answer.kind, answer.resultCode], ['extended', 119]);
    }
  });

  it('of a write: 121, and the write is done', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const client = await opened.connect();
    client.send(message(1, deleteOperation('cn=a')), message(2, cancel(1)));
    assert.equal((await client.next()).resultCode, 121);
    gate.open();
    const answer = await client.next();
    assert.deepEqual([answer.messageId, answer.resultCode], [1, 0]);
  });

  it('of what was cancelled before: 120', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onCompare = async () => {
      await gate.passed;
      return true;
    };
    const client = await opened.connect();
    client.send(message(1, compareOperation('cn=a', 'cn', 'v')), message(2, cancel(1)));
    assert.equal((await client.next()).resultCode, 0);
    client.send(message(3, cancel(1)));
    assert.equal((await client.next()).resultCode, 120);
    gate.open();
    assert.equal((await client.next()).resultCode, 118);
  });

  it('leaves nothing to answer when an abandon follows', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onCompare = async () => {
      await gate.passed;
      return true;
    };
    const client = await opened.connect();
    client.send(message(1, compareOperation('cn=a', 'cn', 'v')), message(2, cancel(1)));
    assert.equal((await client.next()).messageId, 2);
    client.send(message(3, abandonOperation(1)), message(4, cancel(9)));
    assert.equal((await client.next()).messageId, 4);
    gate.open();
    assert.equal((await client.ask(bindOperation())).kind, 'bind');
  });

  const malformed = [
    { why: 'no value', value: undefined },
    { why: 'an empty value', value: Buffer.alloc(0) },
    { why: 'an empty sequence', value: tlv(0x30) },
    { why: 'a number alone', value: int(1) },
    { why: 'two numbers', value: tlv(0x30, int(1), int(2)) },
    { why: 'bytes behind it', value: Buffer.concat([tlv(0x30, int(1)), Buffer.of(0)]) },
  ];
  for (const { why, value } of malformed) {
    it(`refuses ${why}: 2`, async (t) => {
      const request = { name: CANCEL_OID, ...(value === undefined ? {} : { value }) };
      assert.throws(() => decodeCancel(request), { code: 'LDAP_FIELD' });
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      const answer = await client.ask(extendedOperation(CANCEL_OID, value));
      assert.deepEqual([answer.kind, answer.resultCode], ['extended', 2]);
    });
  }
});
