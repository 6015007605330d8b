import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';

/** Attacks in the table. */
const ROWS = 22;

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

interface Named {
  readonly row: number;
  readonly file: string;
  readonly title: string;
}

const named: readonly Named[] = [
  ...read('docs/reliability.md').matchAll(/^\| (\d+) \|.*\| `(test\/[^`]+)` \| (.+) \|$/gm),
].map(([, row, file = '', title = '']) => ({ row: Number(row), file, title }));

describe('docs/reliability.md', () => {
  it('has every row', () => {
    const rows = [...new Set(named.map(({ row }) => row))].sort((left, right) => left - right);
    assert.deepEqual(
      rows,
      Array.from({ length: ROWS }, (_none, index) => index + 1),
    );
  });

  for (const { row, file, title } of named) {
    it(`row ${row}: ${file} has "${title}"`, () => {
      assert.ok(read(file).includes(title));
      assert.match(title, new RegExp(`rows? (.*\\b)?${row}\\b|not told by any operation`));
    });
  }
});
