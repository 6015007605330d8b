import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gate } from '../support/fake-directory.ts';
import {
  addOperation,
  bindOperation,
  bool,
  compareOperation,
  deleteOperation,
  extendedOperation,
  int,
  message,
  modifyOperation,
  NOTICE_OF_DISCONNECTION_OID,
  octets,
  searchOperation,
  tlv,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const refused: { why: string; bytes: Uint8Array }[] = [
  { why: 'six bytes that ended ldapjs', bytes: Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff) },
  { why: 'a length of 2^31', bytes: Buffer.of(0x30, 0x84, 0x80, 0, 0, 0) },
  { why: 'an indefinite length', bytes: Buffer.of(0x30, 0x80, 0x02, 0x01, 0x01) },
  { why: 'a length in five bytes', bytes: Buffer.of(0x30, 0x85, 0, 0, 0, 0, 5) },
  { why: 'HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n') },
  { why: 'a TLS hello in clear', bytes: Buffer.of(0x16, 0x03, 0x01, 0x02, 0x00) },
  { why: 'an empty message', bytes: Buffer.of(0x30, 0x00) },
  { why: 'a response', bytes: message(1, tlv(0x61, Buffer.from('0a010004000400', 'hex'))) },
  { why: 'message id 0', bytes: message(0, deleteOperation('cn=a')) },
  {
    why: 'a constructed OCTET STRING',
    bytes: message(1, tlv(0x60, int(3), tlv(0x24, tlv(0x04, 'cn=a')), tlv(0x80, 'x'))),
  },
  {
    why: 'a message longer than an anonymous one may be',
    bytes: Buffer.of(0x30, 0x83, 0x04, 0x00, 0x00),
  },
];

describe('reliability LDAP row 1: bytes that are no request (RFC 4511 §4.1.1)', () => {
  for (const { why, bytes } of refused) {
    it(`${why}: notice of disconnection, then the end`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      client.send(bytes);
      const answers = await client.untilClosed();
      assert.deepEqual(
        answers.map(({ messageId, kind, resultCode, responseName }) => [
          messageId,
          kind,
          resultCode,
          responseName,
        ]),
        [[0, 'extended', 2, NOTICE_OF_DISCONNECTION_OID]],
      );
    });
  }

  it('the server is alive for others, also on the same tick', async (t) => {
    const opened = await LdapTestServer.open(t);
    const good = await opened.connect();
    for (const { bytes } of refused) {
      const client = await opened.connect();
      client.send(bytes);
      const answer = await good.ask(compareOperation('cn=a', 'cn', 'v'));
      assert.equal(answer.resultCode, 6);
      await client.whenClosed();
    }
  });

  it('what came whole before them is done, what comes behind is not', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    const before = message(1, deleteOperation('cn=before'));
    client.send(before, Buffer.of(0x30, 0x80), message(2, deleteOperation('cn=behind')));
    await client.whenClosed();
    assert.deepEqual(
      opened.directory.calls.map(({ request }) => request),
      [{ dn: 'cn=before', received: Buffer.from(before) }],
    );
  });

  it('a peer that goes on sending and never closes is cut after a while', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    client.socket.removeAllListeners('end');
    client.send(Buffer.of(0x31));
    assert.equal((await client.next()).messageId, 0);
    client.send(Buffer.alloc(100_000));
    await opened.clock.advance(1_999);
    assert.equal(opened.server.statistics.connections, 1);
    await opened.clock.advance(1);
    await opened.whenConnections(0);
  });

  it('a message id in use ends the session', async (t) => {
    const opened = await LdapTestServer.open(t);
    const gate = new Gate();
    opened.directory.onWrite = () => gate.passed;
    const client = await opened.connect();
    client.send(message(1, deleteOperation('cn=a')), message(1, deleteOperation('cn=b')));
    assert.equal((await client.next()).messageId, 0);
    gate.open();
    assert.deepEqual(await client.untilClosed(), []);
  });
});

describe('requests that are answered but not done', () => {
  const rows: { why: string; operation: Uint8Array; kind: string; resultCode: number }[] = [
    {
      why: 'a scope that is not known',
      operation: searchOperation({ scope: 9 }),
      kind: 'searchDone',
      resultCode: 2,
    },
    {
      why: 'a filter that is none',
      operation: searchOperation({ filter: tlv(0x30, '') }),
      kind: 'searchDone',
      resultCode: 2,
    },
    {
      why: 'a change that is not known',
      operation: modifyOperation('cn=a', [{ operation: 9, type: 'cn', values: [] }]),
      kind: 'modify',
      resultCode: 2,
    },
    {
      why: 'an attribute without values',
      operation: addOperation('cn=a', [{ type: 'cn', values: [] }]),
      kind: 'add',
      resultCode: 2,
    },
    {
      why: 'a name that is no UTF-8',
      operation: tlv(0x4a, Uint8Array.of(0xff, 0xfe)),
      kind: 'delete',
      resultCode: 2,
    },
    {
      why: 'too many filter parts',
      operation: searchOperation({ filter: tlv(0xa0, Array(2_000).fill(tlv(0x87, 'a'))) }),
      kind: 'searchDone',
      resultCode: 11,
    },
    {
      why: 'too many selected attributes',
      operation: searchOperation({ attributes: Array(2_000).fill('cn') }),
      kind: 'searchDone',
      resultCode: 11,
    },
    {
      why: 'an extended operation that is no OID and not known',
      operation: extendedOperation('x'),
      kind: 'extended',
      resultCode: 2,
    },
    {
      why: 'a new RDN that is no UTF-8',
      operation: tlv(0x6c, octets('cn=a'), octets(Uint8Array.of(0xff)), bool(true)),
      kind: 'modifyDn',
      resultCode: 2,
    },
  ];
  for (const { why, operation, kind, resultCode } of rows) {
    it(`${why}: ${resultCode}, and the connection goes on`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      const answer = await client.ask(operation);
      assert.deepEqual([answer.kind, answer.resultCode], [kind, resultCode]);
      assert.equal(opened.directory.calls.length, 0);
      assert.equal((await client.ask(extendedOperation(WHO_AM_I_OID))).resultCode, 0);
    });
  }
});

describe('the size of a request depends on who sends it', () => {
  const limits = { anonymousPduBytes: 1_000, boundPduBytes: 4_000 };
  /** A delete that takes exactly this many bytes on the wire. */
  function deleteOf(bytes: number): Buffer {
    const overhead = message(5, deleteOperation('x'.repeat(500))).length - 500;
    const pdu = message(5, deleteOperation('x'.repeat(bytes - overhead)));
    assert.equal(pdu.length, bytes);
    return pdu;
  }

  it('anonymous: up to the smaller limit', async (t) => {
    const opened = await LdapTestServer.open(t, { limits });
    const client = await opened.connect();
    client.send(deleteOf(1_000));
    assert.equal((await client.next()).resultCode, 0);
    client.send(deleteOf(1_001).subarray(0, 4));
    assert.equal((await client.next()).messageId, 0);
  });

  it('after a bind: up to the larger one', async (t) => {
    const opened = await LdapTestServer.open(t, { limits });
    const client = await opened.connect();
    await client.ask(bindOperation('cn=a', 'x'));
    client.send(deleteOf(4_000));
    assert.equal((await client.next()).resultCode, 0);
    client.send(deleteOf(4_001).subarray(0, 4));
    assert.equal((await client.next()).messageId, 0);
  });

  for (const [why, operation] of [
    ['a failed bind', bindOperation('cn=a', 'wrong')],
    ['an anonymous bind', bindOperation()],
  ] as const) {
    it(`after ${why}: the smaller one again`, async (t) => {
      const opened = await LdapTestServer.open(t, { limits });
      const client = await opened.connect();
      await client.ask(bindOperation('cn=a', 'x'));
      await client.ask(operation);
      client.send(deleteOf(1_001).subarray(0, 4));
      assert.equal((await client.next()).messageId, 0);
    });
  }

  it('pipelined behind a bind: by what comes of the bind', async (t) => {
    const opened = await LdapTestServer.open(t, { limits });
    const client = await opened.connect();
    client.send(message(1, bindOperation('cn=a', 'x')), deleteOf(4_000));
    assert.equal((await client.next()).kind, 'bind');
    assert.equal((await client.next()).resultCode, 0);
    client.send(message(2, bindOperation('cn=a', 'wrong')), deleteOf(4_000));
    assert.equal((await client.next()).kind, 'bind');
    assert.equal((await client.next()).messageId, 0);
  });
});

describe('the same requests however they are cut up', () => {
  const pdus = [
    message(1, bindOperation('cn=a', 'x')),
    message(2, searchOperation({ base: 'cn=b' })),
    message(3, compareOperation('cn=a', 'cn', 'v')),
    message(4, extendedOperation(WHO_AM_I_OID)),
  ];
  const stream = Buffer.concat(pdus);
  const expected = ['bind 1', 'entry 2', 'searchDone 2', 'compare 3', 'extended 4'];

  it('one byte at a time', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await client.sendPieces(...Array.from(stream, (byte) => Uint8Array.of(byte)));
    client.end();
    const answers = await client.untilClosed();
    assert.deepEqual(
      answers.map(({ kind, messageId }) => `${kind} ${messageId}`),
      expected,
    );
  });

  it('in two pieces, split anywhere', async (t) => {
    const opened = await LdapTestServer.open(t);
    for (let at = 0; at <= stream.length; at += 1) {
      const client = await opened.connect();
      await client.sendPieces(stream.subarray(0, at), stream.subarray(at));
      client.end();
      const answers = await client.untilClosed();
      // Whether search, compare and who am I overtake one another is the server's affair.
      assert.deepEqual(
        answers.map(({ kind, messageId }) => `${kind} ${messageId}`).sort(),
        [...expected].sort(),
        `split at ${at}`,
      );
    }
  });
});
