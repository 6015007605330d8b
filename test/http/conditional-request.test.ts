import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  acceptsGzip,
  type ConditionalOutcome,
  evaluateConditions,
} from '../../src/http/conditional-request.ts';

const modifiedMs = Date.UTC(2026, 0, 5, 12);
const date = (offsetMs: number): string => new Date(modifiedMs + offsetMs).toUTCString();
const representation = { tag: '"abc"', lastModifiedMs: modifiedMs, byteLength: 1000 };
const whole = { kind: 'whole' } as const;
const unchanged = { kind: 'unchanged' } as const;
const failed = { kind: 'precondition-failed' } as const;
const part = (start: number, end: number): ConditionalOutcome => ({ kind: 'part', start, end });
const unsatisfiable = { kind: 'range-unsatisfiable' } as const;

const rows: readonly {
  readonly why: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly outcome: ConditionalOutcome;
}[] = [
  { why: 'no condition', headers: {}, outcome: whole },
  // RFC 9110 §13.1.2
  { why: 'If-None-Match with the tag', headers: { 'if-none-match': '"abc"' }, outcome: unchanged },
  { why: 'weakly', headers: { 'if-none-match': 'W/"abc"' }, outcome: unchanged },
  { why: 'among others', headers: { 'if-none-match': '"x", "abc"' }, outcome: unchanged },
  { why: 'any', headers: { 'if-none-match': '*' }, outcome: unchanged },
  { why: 'another', headers: { 'if-none-match': '"x"' }, outcome: whole },
  { why: 'a part of the tag', headers: { 'if-none-match': '"ab"' }, outcome: whole },
  // §13.1.3
  { why: 'If-Modified-Since then', headers: { 'if-modified-since': date(0) }, outcome: unchanged },
  { why: 'a second before', headers: { 'if-modified-since': date(-1000) }, outcome: whole },
  { why: 'no date', headers: { 'if-modified-since': 'yesterday' }, outcome: whole },
  {
    why: 'If-None-Match decides alone',
    headers: { 'if-none-match': '"x"', 'if-modified-since': date(0) },
    outcome: whole,
  },
  // §13.1.1, §13.1.4
  { why: 'If-Match with the tag', headers: { 'if-match': '"abc"' }, outcome: whole },
  { why: 'If-Match weakly', headers: { 'if-match': 'W/"abc"' }, outcome: failed },
  { why: 'If-Match another', headers: { 'if-match': '"x"' }, outcome: failed },
  { why: 'If-Unmodified-Since', headers: { 'if-unmodified-since': date(0) }, outcome: whole },
  { why: 'modified', headers: { 'if-unmodified-since': date(-1000) }, outcome: failed },
  // §14.1.2
  { why: 'the first bytes', headers: { range: 'bytes=0-99' }, outcome: part(0, 100) },
  { why: 'from a byte on', headers: { range: 'bytes=900-' }, outcome: part(900, 1000) },
  { why: 'the last byte', headers: { range: 'bytes=999-999' }, outcome: part(999, 1000) },
  { why: 'the last bytes', headers: { range: 'bytes=-100' }, outcome: part(900, 1000) },
  { why: 'more than there are', headers: { range: 'bytes=-2000' }, outcome: part(0, 1000) },
  { why: 'past the end', headers: { range: 'bytes=990-5000' }, outcome: part(990, 1000) },
  { why: 'behind the end', headers: { range: 'bytes=1000-' }, outcome: unsatisfiable },
  { why: 'none of the last', headers: { range: 'bytes=-0' }, outcome: unsatisfiable },
  { why: 'backwards', headers: { range: 'bytes=5-4' }, outcome: whole },
  { why: 'several', headers: { range: 'bytes=0-1,5-6' }, outcome: whole },
  { why: 'another unit', headers: { range: 'entries=0-1' }, outcome: whole },
  { why: 'nothing', headers: { range: 'bytes=-' }, outcome: whole },
  { why: 'digits without end', headers: { range: `bytes=${'9'.repeat(400)}-` }, outcome: whole },
  // §13.1.5
  {
    why: 'a range of what it was',
    headers: { range: 'bytes=0-99', 'if-range': '"abc"' },
    outcome: part(0, 100),
  },
  {
    why: 'a range of something else',
    headers: { range: 'bytes=0-99', 'if-range': '"x"' },
    outcome: whole,
  },
  {
    why: 'a range by a weak tag',
    headers: { range: 'bytes=0-99', 'if-range': 'W/"abc"' },
    outcome: whole,
  },
  {
    why: 'a range by date',
    headers: { range: 'bytes=0-99', 'if-range': date(0) },
    outcome: part(0, 100),
  },
  {
    why: 'a range by an older date',
    headers: { range: 'bytes=0-99', 'if-range': date(-1000) },
    outcome: whole,
  },
  // §13.2.2
  {
    why: 'a condition before the range',
    headers: { range: 'bytes=2000-', 'if-none-match': '"abc"' },
    outcome: unchanged,
  },
];

describe('conditions and ranges of HTTP (RFC 9110 §13, §14)', () => {
  for (const { why, headers, outcome } of rows) {
    it(`${why}: ${outcome.kind}`, () => {
      assert.deepEqual(evaluateConditions('GET', headers, representation), outcome);
    });
  }

  it('have no ranges but for GET (§14.2)', () => {
    assert.deepEqual(evaluateConditions('HEAD', { range: 'bytes=0-1' }, representation), whole);
  });
});

describe('Accept-Encoding (RFC 9110 §12.5.3)', () => {
  const taken = ['gzip', 'br, gzip', 'gzip;q=0.1', '*', 'x-gzip', 'GZIP', 'identity, gzip; q=1'];
  const notTaken = [undefined, '', 'br', 'gzip;q=0', '*;q=0', 'gzip;q=x', 'gzip;q=0, *', 'gzipped'];
  for (const header of taken) {
    it(`${header}: gzip`, () => assert.equal(acceptsGzip(header), true));
  }
  for (const header of notTaken) {
    it(`${header}: as it is`, () => assert.equal(acceptsGzip(header), false));
  }
});
