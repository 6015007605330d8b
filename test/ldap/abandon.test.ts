import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DirectoryError } from '../../src/directory/errors.ts';
import { Gate, whenAborted } from '../support/fake-directory.ts';
import {
  abandonOperation,
  bindOperation,
  compareOperation,
  deleteOperation,
  message,
  searchOperation,
  unbindOperation,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

describe('abandon (RFC 4511 §4.11)', () => {
  it('ends a search: its signal is aborted and nothing more is sent for it', async (t) => {
    const opened = await LdapTestServer.open(t);
    const ended = new Gate();
    opened.directory.onSearch = async function* ({ signal }) {
      yield { dn: 'cn=1', attributes: [] };
      await whenAborted(signal);
      ended.open();
      throw new DirectoryError('DIRECTORY_ABANDONED', 'abandoned');
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()));
    assert.equal((await client.next()).dn, 'cn=1');
    client.send(message(2, abandonOperation(1)));
    await ended.passed;
    client.send(message(3, compareOperation('cn=a', 'cn', 'v')));
    assert.equal((await client.next()).messageId, 3);
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
    client.send(message(2, abandonOperation(1)), message(3, compareOperation('cn=a', 'cn', 'v')));
    assert.equal((await client.next()).messageId, 3);
    gate.open();
    client.send(message(4, compareOperation('cn=a', 'cn', 'v')));
    assert.equal((await client.next()).messageId, 4);
  });

  it('keeps a search from beginning that waits its turn', async (t) => {
    const opened = await LdapTestServer.open(t, { limits: { runningOperations: 1 } });
    const gate = new Gate();
    opened.directory.onCompare = async () => {
      await gate.passed;
      return true;
    };
    const client = await opened.connect();
    client.send(
      message(1, compareOperation('cn=a', 'cn', 'v')),
      message(2, searchOperation()),
      message(3, abandonOperation(2)),
      message(4, deleteOperation('cn=a')),
    );
    await opened.directory.whenCalled(1);
    gate.open();
    assert.deepEqual([(await client.next()).messageId, (await client.next()).messageId], [1, 4]);
    assert.deepEqual(
      opened.directory.calls.map(({ operation }) => operation),
      ['compare', 'delete'],
    );
  });

  it('does not touch a write: it is done and answered', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const client = await opened.connect();
    client.send(message(1, deleteOperation('cn=a')), message(2, abandonOperation(1)));
    await opened.directory.whenCalled(1);
    gate.open();
    const answer = await client.next();
    assert.deepEqual([answer.messageId, answer.resultCode], [1, 0]);
  });

  it('is not done with a critical control, none of which belongs to it (RFC 4511 §4.1.11)', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onSearch = async function* () {
      await gate.passed;
      yield { dn: 'cn=found', attributes: [] };
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()));
    await opened.directory.whenCalled(1);
    client.send(message(2, abandonOperation(1), [{ type: '1.2.3', isCritical: true }]));
    client.send(message(3, compareOperation('cn=a', 'cn', 'v')));
    assert.equal((await client.next()).messageId, 3, 'the abandon has arrived');
    gate.open();
    const answers = [await client.next(), await client.next()];
    assert.deepEqual(
      answers.map(({ messageId, kind }) => [messageId, kind]),
      [
        [1, 'entry'],
        [1, 'searchDone'],
      ],
    );
  });

  it('is done with a control that is not critical', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onSearch = async function* ({ signal }) {
      await whenAborted(signal);
      yield { dn: 'cn=found', attributes: [] };
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()));
    await opened.directory.whenCalled(1);
    client.send(message(2, abandonOperation(1), [{ type: '1.2.3' }]));
    client.send(message(3, compareOperation('cn=a', 'cn', 'v')));
    assert.equal((await client.next()).messageId, 3);
  });

  const pointless: { what: string; pdus: readonly Uint8Array[] }[] = [
    { what: 'an operation that is not there', pdus: [message(1, abandonOperation(99))] },
    { what: 'message id 0', pdus: [message(1, abandonOperation(0))] },
    { what: 'a message id below zero', pdus: [message(1, abandonOperation(-1))] },
    { what: 'itself', pdus: [message(1, abandonOperation(1))] },
    {
      what: 'an operation that is answered',
      pdus: [message(1, deleteOperation('cn=a')), message(2, abandonOperation(1))],
    },
    {
      what: 'a bind',
      pdus: [message(1, bindOperation('cn=a', 'x')), message(2, abandonOperation(1))],
    },
    {
      what: 'with a critical control',
      pdus: [message(1, abandonOperation(9), [{ type: '1.2.3', isCritical: true }])],
    },
  ];
  for (const { what, pdus } of pointless) {
    it(`has no answer and no effect: ${what}`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      client.send(...pdus, message(7, compareOperation('cn=a', 'cn', 'v')));
      const answers = [];
      for (;;) {
        const answer = await client.next();
        answers.push(answer.kind);
        if (answer.messageId === 7) {
          break;
        }
      }
      assert.ok(answers.every((kind) => ['delete', 'bind', 'compare'].includes(kind)));
    });
  }

  it('an id may be used again once its operation is abandoned and gone', async (t) => {
    const opened = await LdapTestServer.open(t);
    let searches = 0;
    const ended = new Gate();
    opened.directory.onSearch = async function* ({ signal }) {
      searches += 1;
      if (searches === 1) {
        await whenAborted(signal);
        ended.open();
        return;
      }
      yield { dn: 'cn=again', attributes: [] };
    };
    const client = await opened.connect();
    client.send(message(1, searchOperation()), message(2, abandonOperation(1)));
    await ended.passed;
    client.send(message(3, compareOperation('cn=a', 'cn', 'v')));
    await client.next();
    client.send(message(1, searchOperation()));
    assert.equal((await client.next()).dn, 'cn=again');
  });
});

describe('a client that leaves while it is owed answers', () => {
  for (const how of ['unbind', 'reset'] as const) {
    it(`${how}: searches end, a write that runs is finished, one that waits is not begun`, async (t) => {
      const opened = await LdapTestServer.open(t, { limits: { runningOperations: 2 } });
      const aborted = new Gate();
      const write = new Gate();
      opened.directory.onSearch = async function* ({ signal }) {
        yield { dn: 'cn=1', attributes: [] };
        await whenAborted(signal);
        aborted.open();
      };
      let writes = 0;
      opened.directory.onWrite = async () => {
        await write.passed;
        writes += 1;
      };
      const client = await opened.connect();
      client.send(
        message(1, searchOperation()),
        message(2, deleteOperation('cn=runs')),
        message(3, deleteOperation('cn=waits')),
      );
      await opened.directory.whenCalled(2);
      await client.next();
      if (how === 'unbind') {
        client.send(message(4, unbindOperation));
      } else {
        client.socket.resetAndDestroy();
      }
      await aborted.passed;
      write.open();
      await client.whenClosed();
      await opened.server.close();
      assert.equal(writes, 1);
      assert.equal(opened.directory.calls.length, 2);
    });
  }
});
