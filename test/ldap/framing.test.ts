import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { PduFramer } from '../../src/ldap/framing.ts';
import {
  bindOperation,
  lengthBytes,
  message,
  searchOperation,
  unbindOperation,
} from '../support/ldap-request-bytes.ts';

const ROOM = 1 << 20;

/** A SEQUENCE with this many content bytes and its length in a form of so many length bytes. */
function pdu(contentLength: number, formBytes?: number): Buffer {
  const content = Buffer.alloc(contentLength, 0x5a);
  return Buffer.concat([Buffer.of(0x30), lengthBytes(contentLength, formBytes), content]);
}

function takeAll(framer: PduFramer, maxPduBytes = ROOM): Buffer[] {
  const taken: Buffer[] = [];
  for (;;) {
    const next = framer.next(maxPduBytes);
    if (next === undefined) {
      return taken;
    }
    taken.push(Buffer.from(next));
  }
}

describe('PduFramer', () => {
  const messages = [
    message(1, bindOperation('cn=a', 'secret')),
    message(2, searchOperation({ base: 'dc=example', attributes: ['a'.repeat(200)] })),
    message(3, unbindOperation),
  ];
  const stream = Buffer.concat(messages);

  it('cuts messages that arrive together', () => {
    const framer = new PduFramer();
    framer.push(stream);
    assert.deepEqual(takeAll(framer), messages);
    assert.equal(framer.bufferedBytes, 0);
  });

  it('cuts them alike when the bytes arrive one at a time', () => {
    const framer = new PduFramer();
    const taken: Buffer[] = [];
    for (const byte of stream) {
      framer.push(Uint8Array.of(byte));
      taken.push(...takeAll(framer));
    }
    assert.deepEqual(taken, messages);
  });

  it('cuts them alike when the bytes arrive in two pieces, split anywhere', () => {
    for (let at = 0; at <= stream.length; at += 1) {
      const framer = new PduFramer();
      framer.push(stream.subarray(0, at));
      const taken = takeAll(framer);
      framer.push(stream.subarray(at));
      taken.push(...takeAll(framer));
      assert.deepEqual(taken, messages, `split at ${at}`);
    }
  });

  it('keeps what it handed out unchanged while more arrives', () => {
    const framer = new PduFramer();
    framer.push(stream.subarray(0, 5));
    framer.push(stream.subarray(5, stream.length - 1));
    const first = framer.next(ROOM);
    const second = framer.next(ROOM);
    framer.push(Buffer.concat([stream.subarray(-1), stream, stream]));
    takeAll(framer);
    assert.deepEqual(Buffer.from(first ?? []), messages[0]);
    assert.deepEqual(Buffer.from(second ?? []), messages[1]);
  });

  it('hands out a view, not a copy, of a message within one chunk', () => {
    const framer = new PduFramer();
    framer.push(stream);
    assert.equal(framer.next(ROOM)?.buffer, stream.buffer);
  });

  const lengths = [0, 1, 127, 128, 255, 256, 65_535, 65_536];
  for (const length of lengths) {
    it(`takes ${length} content bytes in every length form of up to four bytes`, () => {
      const forms = [undefined, 1, 2, 3, 4].filter(
        (form) => form === undefined || length < 256 ** form,
      );
      for (const form of forms) {
        const whole = pdu(length, form);
        const framer = new PduFramer();
        framer.push(whole.subarray(0, whole.length - 1));
        assert.equal(framer.next(ROOM), undefined);
        framer.push(whole.subarray(whole.length - 1));
        assert.deepEqual(takeAll(framer), [whole]);
      }
    });
  }

  it('takes a message of exactly the limit and refuses one byte more from the header alone', () => {
    const framer = new PduFramer();
    framer.push(pdu(1020));
    assert.equal(framer.next(1024)?.length, 1024);
    framer.push(pdu(1021).subarray(0, 4));
    assert.throws(() => framer.next(1024), { name: 'LdapError', code: 'LDAP_PDU_TOO_LARGE' });
  });

  it('asks the limit anew for every message', () => {
    const framer = new PduFramer();
    framer.push(Buffer.concat([pdu(10), pdu(100)]));
    assert.equal(framer.next(12)?.length, 12);
    assert.equal(framer.next(102)?.length, 102);
  });
});

describe('PduFramer on bytes that are no message (RFC 4511 §5.1)', () => {
  const refused: { why: string; bytes: readonly number[]; code: string }[] = [
    { why: 'an indefinite length', bytes: [0x30, 0x80], code: 'LDAP_MALFORMED' },
    { why: 'five length bytes', bytes: [0x30, 0x85], code: 'LDAP_MALFORMED' },
    { why: '126 length bytes', bytes: [0x30, 0xfe], code: 'LDAP_MALFORMED' },
    { why: 'the reserved length 0xff', bytes: [0x30, 0xff], code: 'LDAP_MALFORMED' },
    { why: '2^31', bytes: [0x30, 0x84, 0x80, 0, 0, 0], code: 'LDAP_MALFORMED' },
    { why: '2^32 - 1', bytes: [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], code: 'LDAP_MALFORMED' },
    { why: '2^31 - 1', bytes: [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], code: 'LDAP_PDU_TOO_LARGE' },
  ];
  for (const { why, bytes, code } of refused) {
    it(`refuses ${why}, and no byte before it is needed`, () => {
      const framer = new PduFramer();
      for (const byte of bytes.slice(0, -1)) {
        framer.push(Uint8Array.of(byte));
        assert.equal(framer.next(ROOM), undefined);
      }
      framer.push(Uint8Array.from(bytes.slice(-1)));
      assert.throws(() => framer.next(ROOM), { name: 'LdapError', code });
    });
  }

  it('refuses every first byte but that of a SEQUENCE', () => {
    for (let tag = 0; tag < 256; tag += 1) {
      const framer = new PduFramer();
      framer.push(Uint8Array.of(tag));
      if (tag === 0x30) {
        assert.equal(framer.next(ROOM), undefined);
      } else {
        assert.throws(() => framer.next(ROOM), { code: 'LDAP_MALFORMED' }, `tag ${tag}`);
      }
    }
  });

  it('holds no more than twice what arrived, whatever length was claimed', () => {
    const before = process.memoryUsage().arrayBuffers;
    const framers: PduFramer[] = [];
    for (let index = 0; index < 64; index += 1) {
      const framer = new PduFramer();
      framer.push(Uint8Array.of(0x30, 0x84, 0x01, 0x00));
      framer.push(Uint8Array.of(0x00, 0x00));
      assert.equal(framer.next(2 ** 30), undefined);
      framer.push(new Uint8Array(10));
      framers.push(framer);
    }
    const takenBytes = process.memoryUsage().arrayBuffers - before;
    assert.ok(takenBytes < 1024 * 1024, `${takenBytes} bytes for 64 claims of 16 MiB`);
    assert.equal(framers.length, 64);
  });
});
