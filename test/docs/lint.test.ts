import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { formatLintTables, lintTables } from '../support/lint-document.ts';

describe('docs/lint.md', () => {
  it('has the rules as the code has them', () => {
    const text = readFileSync(join(packageRoot, 'docs/lint.md'), 'utf8');
    const tables = formatLintTables();
    assert.ok(text.includes(tables), `the tables are:\n${tables}`);
  });

  it('names each rule once, with its source and what holds', () => {
    const rules = Object.values(lintTables).flat();
    assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length);
    for (const { id, source, holds } of rules) {
      assert.match(id, /^[a-z0-9-]+$/);
      assert.notEqual(source, '', id);
      assert.doesNotMatch(holds, /\.$|\|/, id);
    }
  });

  it('has every rule that a shipped profile departs from', async () => {
    const known = new Set((lintTables['Certificates'] ?? []).map(({ id }) => id));
    for (const preset of ['gunma', 'tokyo', 'jlis-auth', 'mic-ops', 'bca']) {
      const { profiles } = await loadPolicy(shippedPolicyFile(preset));
      for (const [name, { departures }] of Object.entries(profiles)) {
        for (const rule of Object.keys(departures)) {
          assert.ok(known.has(rule), `${preset} ${name}: ${rule}`);
        }
      }
    }
  });
});
