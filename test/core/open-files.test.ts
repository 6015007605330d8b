import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  affordableConnections,
  openFileLimit,
  parseOpenFileLimit,
} from '../../src/core/open-files.ts';

const table = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \n` +
  `Max processes             63338                63338                processes \n` +
  `Max open files            ${soft.padEnd(20)} 1048576              files     \n`;

describe('parseOpenFileLimit', () => {
  const rows = [
    { why: 'a number', text: table('1024'), limit: 1024 },
    { why: 'no limit', text: table('unlimited'), limit: undefined },
    { why: 'nothing', text: '', limit: undefined },
  ];
  for (const { why, text, limit } of rows) {
    it(`reads ${why}`, () => assert.equal(parseOpenFileLimit(text), limit));
  }

  it('reads this machine', () => {
    const limit = openFileLimit();
    assert.ok(limit === undefined || limit > 0);
  });
});

describe('affordableConnections', () => {
  const rows = [
    { wanted: 10_000, openFiles: undefined, affordable: 10_000 },
    { wanted: 10_000, openFiles: 1_048_576, affordable: 10_000 },
    { wanted: 10_000, openFiles: 11_024, affordable: 10_000 },
    { wanted: 10_000, openFiles: 11_023, affordable: 9_999 },
    { wanted: 10_000, openFiles: 2048, affordable: 1024 },
    { wanted: 10_000, openFiles: 1024, affordable: 512 },
    { wanted: 10, openFiles: 1024, affordable: 10 },
    { wanted: 10, openFiles: 1, affordable: 1 },
  ];
  for (const { wanted, openFiles, affordable } of rows) {
    it(`${wanted} wanted, ${openFiles} files: ${affordable}`, () => {
      assert.equal(affordableConnections(wanted, openFiles), affordable);
    });
  }
});
