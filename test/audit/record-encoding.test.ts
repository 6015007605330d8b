import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { AuditRecord } from '../../src/audit/audit-log.ts';
import {
  encodeAuditRecord,
  MAX_RECORD_BYTES,
  parseAuditRecord,
} from '../../src/audit/record-encoding.ts';

const smallest: AuditRecord = {
  sequence: 0n,
  timeMs: 0,
  kind: 'crl.publish',
  result: 'done',
  origin: { channel: 'scheduler', actor: 'system' },
  subject: '',
};

const largest: AuditRecord = {
  sequence: 2n ** 64n - 1n,
  timeMs: Date.UTC(9999, 11, 31, 23, 59, 59, 999),
  kind: 'certificate.issue.end-entity',
  result: 'refused',
  origin: { channel: 'ldap', actor: 'cn=検証者,o=例', address: '[::1]:389' },
  subject: 'serial "1"\n\u0000\ud800',
  request: '0'.repeat(64),
  before: 'a'.repeat(64),
  after: 'f'.repeat(64),
  details: { b: 'text', a: 1.5, c: true, zeta: -1, beta: '' },
};

const invalid = { name: 'AuditError', code: 'AUDIT_EVENT_INVALID' };
const damaged = { name: 'AuditError', code: 'AUDIT_RECORD_DAMAGED' };

describe('an audit record as bytes', () => {
  it('is one line of JSON with its members in one order', () => {
    assert.equal(
      Buffer.from(encodeAuditRecord({ ...smallest, details: { b: 2, a: 1 } })).toString(),
      '{"v":1,"sequence":"0","time":"1970-01-01T00:00:00.000Z","kind":"crl.publish",' +
        '"result":"done","channel":"scheduler","actor":"system","subject":"",' +
        '"details":{"a":1,"b":2}}',
    );
    assert.ok(!Buffer.from(encodeAuditRecord(largest)).includes(0x0a));
  });

  for (const [name, record] of Object.entries({ smallest, largest })) {
    it(`comes back the same, the ${name}`, () => {
      assert.deepEqual(parseAuditRecord(encodeAuditRecord(record)), record);
    });
  }

  it('may have as many bytes as an entry of a bundle, and no more', () => {
    const spare = MAX_RECORD_BYTES - encodeAuditRecord(smallest).length;
    const fill = (count: number): AuditRecord => ({ ...smallest, subject: 'x'.repeat(count) });
    assert.equal(encodeAuditRecord(fill(spare)).length, 65_535);
    assert.throws(() => encodeAuditRecord(fill(spare + 1)), invalid);
  });

  const refused: readonly { readonly why: string; readonly change: Partial<AuditRecord> }[] = [
    { why: 'a kind of one word', change: { kind: 'publish' } },
    { why: 'a digest in capitals', change: { request: 'A'.repeat(64) } },
    { why: 'a digest that is short', change: { before: 'a'.repeat(63) } },
    { why: 'a digest that is none', change: { after: '' } },
    { why: 'a kind in capitals', change: { kind: 'Crl.publish' } },
    { why: 'a kind with an empty word', change: { kind: 'crl.' } },
    { why: 'no time', change: { timeMs: Number.NaN } },
    { why: 'a time between milliseconds', change: { timeMs: 0.5 } },
    { why: 'a time beyond all calendars', change: { timeMs: 8.64e15 + 1 } },
    { why: 'a detail that is no number', change: { details: { a: Number.NaN } } },
    { why: 'a detail that is infinite', change: { details: { a: Number.POSITIVE_INFINITY } } },
    { why: 'a detail that JSON changes', change: { details: { a: -0 } } },
    { why: 'a detail whose name is a number', change: { details: { 1: 'a' } } },
    {
      why: 'a detail named __proto__',
      change: { details: Object.fromEntries([['__proto__', 1]]) },
    },
  ];
  for (const { why, change } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => encodeAuditRecord({ ...smallest, ...change }), invalid);
    });
  }

  const text = Buffer.from(encodeAuditRecord(largest)).toString();
  const foreign = [
    { why: 'nothing', bytes: '' },
    { why: 'no JSON', bytes: 'record' },
    { why: 'null', bytes: 'null' },
    { why: 'an empty object', bytes: '{}' },
    { why: 'another version', bytes: text.replace('"v":1', '"v":2') },
    { why: 'a space', bytes: text.replace(',"kind"', ', "kind"') },
    { why: 'a member more', bytes: text.replace('"v":1,', '"v":1,"w":1,') },
    { why: 'a member twice', bytes: text.replace('"v":1,', '"v":1,"v":1,') },
    { why: 'a member less', bytes: text.replace('"channel":"ldap",', '') },
    {
      why: 'details in another order',
      bytes: text.replace('"a":1.5,', '').replace('"c"', '"a":1.5,"c"'),
    },
    { why: 'a detail of another type', bytes: text.replace('"a":1.5', '"a":null') },
    { why: 'an unknown result', bytes: text.replace('refused', 'granted') },
    { why: 'a sequence that is no number', bytes: text.replace('18446744073709551615', '-1') },
    { why: 'another number form', bytes: text.replace('18446744073709551615', '01') },
    { why: 'another time form', bytes: text.replace('.999Z', '.99Z') },
    { why: 'a byte behind', bytes: `${text} ` },
    {
      why: 'bytes that are not UTF-8',
      bytes: Buffer.from(text.replace('text', '\xff\xff'), 'latin1'),
    },
  ];
  for (const { why, bytes } of foreign) {
    it(`is not one: ${why}`, () => {
      assert.notEqual(Buffer.from(bytes).toString(), text);
      assert.throws(() => parseAuditRecord(Buffer.from(bytes)), damaged);
    });
  }
});
