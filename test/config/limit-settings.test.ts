import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadConfiguration } from '../../src/config/configuration.ts';
import {
  directoryLimitBounds,
  type LimitBounds,
  ldapLimitBounds,
} from '../../src/config/limit-settings.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { defaultDirectoryLimits } from '../../src/directory/directory-limits.ts';
import { defaultLdapLimits } from '../../src/ldap/limits.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Setting extends LimitBounds {
  readonly name: string;
  readonly group: string;
  readonly limit: string;
  readonly defaultValue: number | undefined;
}

function settingsOf(
  group: string,
  bounds: Readonly<Record<string, LimitBounds>>,
  defaults: Readonly<Record<string, number>>,
): Setting[] {
  return Object.entries(bounds).map(([limit, { min, max }]) => ({
    ...{ group, limit, min, max, name: `${group}.limits.${limit}` },
    defaultValue: defaults[limit],
  }));
}

const settings = [
  ...settingsOf('ldap', ldapLimitBounds, { ...defaultLdapLimits }),
  ...settingsOf('directory', directoryLimitBounds, { ...defaultDirectoryLimits }),
];

/** The rows of the table in docs/operations.md: name, default, bounds. */
function documented(): unknown[] {
  const text = readFileSync(join(packageRoot, 'docs/operations.md'), 'utf8');
  const row =
    /^\| `((?:ldap|directory)\.limits\.\w+)` \| ([\d,]+) \| ([\d,]+) to ([\d,]+) \| .+ \|$/gm;
  return [...text.matchAll(row)].map(([, name, ...numbers]) => [
    name,
    ...numbers.map((number) => Number(number?.replaceAll(',', ''))),
  ]);
}

async function load(t: { after(fn: () => void): void }, limits: object): Promise<unknown> {
  const file = join(temporaryFolder(t), 'certdir.yaml');
  const base = {
    formatVersion: 1,
    policy: 'policy.yaml',
    token: { kind: 'software', file: 'token' },
    ldap: { listeners: [{ address: '127.0.0.1', port: 0, tls: 'none' }] },
    directory: {},
  };
  const { ldap = {}, directory = {} } = limits as { ldap?: object; directory?: object };
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({
      ...base,
      ldap: { ...base.ldap, limits: ldap },
      directory: { limits: directory },
    }),
  );
  const configuration = await loadConfiguration(file);
  return { ldap: configuration.ldap.limits, directory: configuration.directory.limits };
}

describe('settings of limits', () => {
  it('are all limits that the parts have, each with a default within its bounds', () => {
    assert.deepEqual(Object.keys(ldapLimitBounds).sort(), Object.keys(defaultLdapLimits).sort());
    assert.deepEqual(
      Object.keys(directoryLimitBounds).sort(),
      Object.keys(defaultDirectoryLimits).sort(),
    );
    for (const { name, min, max, defaultValue = Number.NaN } of settings) {
      assert.ok(defaultValue >= min && defaultValue <= max, name);
    }
  });

  it('stand in docs/operations.md with default and bounds, and nothing else does', () => {
    const sorted = (rows: unknown[]): unknown[] =>
      rows.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
    assert.deepEqual(
      sorted(documented()),
      sorted(settings.map(({ name, defaultValue, min, max }) => [name, defaultValue, min, max])),
    );
  });

  it('are taken at both bounds', async (t) => {
    for (const bound of ['min', 'max'] as const) {
      const limits: Record<string, Record<string, number>> = { ldap: {}, directory: {} };
      for (const setting of settings) {
        const group = limits[setting.group] ?? {};
        group[setting.limit] = setting[bound];
      }
      assert.deepEqual(await load(t, limits), limits);
    }
  });

  for (const { name, group, limit, min, max } of settings) {
    it(`${name}: refused below, above, and when it is no integer`, async (t) => {
      for (const wrong of [min - 1, max + 1, min + 0.5, `${min}`, null]) {
        await assert.rejects(load(t, { [group]: { [limit]: wrong } }), { code: 'CONFIG_INVALID' });
      }
    });
  }
});
