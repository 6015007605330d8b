import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { loadYamlFile } from '../../src/config/yaml-file.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import {
  assertSettings,
  loadStatement,
  type Statement,
  statementJsonSchema,
  statementSchema,
} from '../../src/cps/statement.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = join(packageRoot, 'cps/clauses');
const statements = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length));

const isConfigFault = (error: unknown): boolean =>
  isCertdirError(error) && error.code === 'CONFIG_INVALID';

describe('the clauses that are shipped', () => {
  for (const id of statements) {
    it(`${id}: every heading is carried or outside, and every test that is named exists`, async () => {
      const { clauses } = await loadYamlFile(join(folder, `${id}.yaml`), statementSchema);
      const named = new Set(clauses.flatMap(({ tests }) => tests));
      assert.deepEqual(
        [...named].filter((test) => !isThere(test)),
        [],
        'tests that are named and are not there',
      );
    });

    it(`${id}: every setting that is named is set`, async () => {
      const policy = await loadPolicy(shippedPolicyFile(id));
      const statement = await loadStatement(policy);
      assert.ok(statement !== undefined, 'the policy names its clauses');
      await assertSettings(policy, statement);
    });
  }
});

function isThere(test: string): boolean {
  const cut = test.indexOf(': ');
  const file = join(packageRoot, test.slice(0, cut));
  return existsSync(file) && isNamed(readFileSync(file, 'utf8'), test.slice(cut + 2));
}

/** The name is what `describe` or `it` is given, whole and written out. */
function isNamed(source: string, name: string): boolean {
  const written = [name, name.replaceAll("'", "\\'")].map((text) =>
    text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  );
  return new RegExp(`\\b(?:describe|it)\\(\\s*(['"\`])(?:${written.join('|')})\\1`).test(source);
}

describe('a file of clauses', () => {
  const sound: Statement = {
    formatVersion: 1,
    headings: [
      { number: '4', ja: '運用', en: 'Operation' },
      { number: '4-1', ja: '発行', en: 'Issuing' },
      { number: '4-10', ja: '失効', en: 'Revocation' },
      { number: '5', ja: '施設', en: 'Site' },
    ],
    clauses: [
      { clause: '4-1', settings: ['crl.periodHours'], tests: ['test/ca/a.test.ts: one'] },
      {
        clause: '4-10 (1)',
        title: { ja: '理由', en: 'Reasons' },
        settings: ['revocation.reasons'],
        tests: [],
      },
    ],
    outside: [{ clause: '5', why: 'premises' }],
  };
  const [first, item] = sound.clauses;
  const [outside] = sound.outside;
  assert.ok(first && item && outside);

  it('is read', () => {
    assert.deepEqual(statementSchema.parse(sound), sound);
  });

  const faults: readonly (readonly [why: string, Partial<Statement>])[] = [
    ['a heading that nothing answers', { outside: [] }],
    ['a heading whose number only begins another', { clauses: [item] }],
    ['a heading twice', { headings: [...sound.headings, { number: '5', ja: '施', en: 'S' }] }],
    ['a clause twice', { outside: [outside, { clause: '4-1', why: 'law' }] }],
    ['a clause below no heading', { outside: [outside, { clause: '6', why: 'law' }] }],
    ['an item without a title', { clauses: [first, { ...item, title: undefined }] }],
    [
      'a heading with another title',
      { clauses: [{ ...first, title: { ja: '別', en: 'other' } }, item] },
    ],
    ['a clause with nothing to show', { clauses: [{ ...first, settings: [], tests: [] }, item] }],
    ['a test without a file', { clauses: [{ ...first, tests: ['one'] }, item] }],
    [
      'a reason that is none',
      { outside: [{ clause: '5', why: 'laziness' as Statement['outside'][number]['why'] }] },
    ],
  ];
  for (const [why, change] of faults) {
    it(`is refused with ${why}`, () => {
      assert.equal(statementSchema.safeParse({ ...sound, ...change }).success, false);
    });
  }

  it('is refused with a setting that the policy has not, with the place', async (t) => {
    const file = join(temporaryFolder(t), 'clauses.yaml');
    const policy = { ...(await loadPolicy(shippedPolicyFile('gunma'))), clausesFile: file };
    for (const setting of ['crl.periodDays', 'crl.constructor', 'crl.scopes.nowhere']) {
      writeFileSync(
        file,
        JSON.stringify({ ...sound, clauses: [{ ...first, settings: [setting] }, item] }),
      );
      const statement = await loadStatement(policy);
      assert.ok(statement);
      await assert.rejects(assertSettings(policy, statement), (error) => {
        assert.ok(isConfigFault(error) && error instanceof Error);
        return error.message.includes(`${file}:1:`) && error.message.includes(setting);
      });
    }
  });

  it('comes with a JSON Schema for editors that is what the program reads', () => {
    const shipped = readFileSync(join(packageRoot, 'cps/clauses.schema.json'), 'utf8');
    const now = `${JSON.stringify(statementJsonSchema(), undefined, 2)}\n`;
    assert.equal(shipped, now, 'run: certdir cps schema --clauses > cps/clauses.schema.json');
  });
});
