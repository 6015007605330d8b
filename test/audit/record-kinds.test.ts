import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

interface Row {
  readonly kind: string;
  readonly code: string;
  readonly test: string;
}

/** The tables of docs/audit-records.md. */
const rows = [
  ...read('docs/audit-records.md').matchAll(
    /^\| `([a-z.-]+)` \| [^|]+ \| `([^`]+)` \| `([^`]+)` \|$/gm,
  ),
].map(([, kind = '', code = '', test = '']): Row => ({ kind, code, test }));

const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => read(join('src', name)));

describe('docs/audit-records.md', () => {
  it('has each kind once', () => {
    const kinds = rows.map(({ kind }) => kind);
    assert.ok(kinds.length > 50, `${kinds.length} kinds`);
    assert.deepEqual(
      kinds.filter((kind, at) => kinds.indexOf(kind) !== at),
      [],
    );
  });

  it('has every kind that the code writes', () => {
    const known = new Set(rows.map(({ kind }) => kind));
    const written = sources.flatMap((text) =>
      [...text.matchAll(/kind: '([a-z][a-z-]*(?:\.[a-z-]+)+)'/g)].map(([, kind = '']) => kind),
    );
    assert.ok(written.length > 40, `${written.length} kinds in the code`);
    assert.deepEqual(
      [...new Set(written)].filter((kind) => !known.has(kind)),
      [],
    );
  });

  for (const { kind, code, test } of rows) {
    it(`${kind} is written where it says, and has its test`, () => {
      assert.ok(read(code).includes(`'${kind}'`), code);
      assert.ok(read(test).includes(kind), test);
    });
  }
});
