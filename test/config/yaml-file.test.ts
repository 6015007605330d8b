import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';

import { strictObject } from '../../src/config/strict-object.ts';
import { parseYaml } from '../../src/config/yaml-file.ts';

const schema: z.ZodType<unknown> = z.strictObject({
  name: z.string(),
  ports: z.array(z.strictObject({ port: z.int().min(0).max(65535) })),
  rule: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('years'), years: z.int() }),
      z.strictObject({ kind: z.literal('days'), days: z.int() }),
    ])
    .optional(),
});

const refused = [
  { why: 'text that is not YAML', text: 'name: [', code: 'CONFIG_SYNTAX', at: 'f.yaml:1' },
  {
    why: 'a key given twice',
    text: 'name: a\nname: b\nports: []',
    code: 'CONFIG_SYNTAX',
    at: 'f.yaml:2',
  },
  {
    why: 'an alias',
    text: 'name: &a x\nports: [*a]',
    code: 'CONFIG_SYNTAX',
    at: 'f.yaml:2:9',
  },
  {
    why: 'an unknown key, at its own place',
    text: 'name: a\nports: []\nprots: []',
    code: 'CONFIG_INVALID',
    at: 'f.yaml:3',
  },
  {
    why: 'a missing key',
    text: 'ports: []',
    code: 'CONFIG_INVALID',
    at: 'name',
  },
  {
    why: 'a number one above its bound',
    text: 'name: a\nports:\n  - port: 65536',
    code: 'CONFIG_INVALID',
    at: 'f.yaml:3:11: ports.0.port',
  },
  {
    why: 'a wrong arm of a union',
    text: 'name: a\nports: []\nrule: { kind: weeks, weeks: 2 }',
    code: 'CONFIG_INVALID',
    at: 'rule.kind',
  },
];

describe('parseYaml', () => {
  it('returns what the schema describes', () => {
    const value = parseYaml('name: a\nports:\n  - port: 65535\n  - port: 0', 'f.yaml', schema);
    assert.deepEqual(value, { name: 'a', ports: [{ port: 65535 }, { port: 0 }] });
  });

  for (const { why, text, code, at } of refused) {
    it(`refuses ${why} and says where`, () => {
      assert.throws(
        () => parseYaml(text, 'f.yaml', schema),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, code);
          assert.ok(error.message.includes(at), error.message);
          return true;
        },
      );
    });
  }

  it('shows the wrong value beside what is allowed', () => {
    assert.throws(
      () => parseYaml('name: a\nports:\n  - port: 65536', 'f.yaml', schema),
      /65535.*; found 65536/,
    );
    assert.throws(
      () => parseYaml('name: a\nports: []\nrule: { kind: weeks }', 'f.yaml', schema),
      /'years' \| 'days'; found "weeks"/,
    );
  });

  it('names the keys that are allowed beside an unknown one', () => {
    const strict = strictObject({ name: z.string(), port: z.int() });
    assert.throws(
      () => parseYaml('name: a\nprot: 1', 'f.yaml', strict),
      /f.yaml:2:7: prot: unknown key; allowed: name, port/,
    );
  });

  it('tells every fault of a file at once', () => {
    assert.throws(
      () => parseYaml('ports:\n  - port: -1\n  - port: x', 'f.yaml', schema),
      (error: Error) => error.message.split('\n').length === 3,
    );
  });
});
