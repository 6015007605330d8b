import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { apiSchema } from '../../src/config/api-configuration.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { apiRoutes } from '../../src/http/api/api-routes.ts';
import { formatApiTable } from '../../src/http/api/api-table.ts';

const docs = (name: string): string => readFileSync(join(packageRoot, 'docs', name), 'utf8');

describe('docs/api.md', () => {
  it('has every operation as the routes have it (certdir api list --markdown)', () => {
    const [, table] =
      /<!-- operations -->\n\n([\s\S]*)\n<!-- end of operations -->/.exec(docs('api.md')) ?? [];
    assert.equal(table, formatApiTable(apiRoutes));
  });
});

describe('docs/operations.md', () => {
  it('has every setting of the API with its default', () => {
    const { sessions, limits } = apiSchema.parse({ address: '127.0.0.1', port: 8444 });
    const text = docs('operations.md');
    for (const [group, settings] of Object.entries({ sessions, limits })) {
      for (const [name, value] of Object.entries(settings)) {
        const row = `| \`api.${group}.${name}\` | ${String(value).replace(/\B(?=(\d{3})+$)/g, ',')} |`;
        assert.ok(text.includes(row), row);
      }
    }
  });
});
