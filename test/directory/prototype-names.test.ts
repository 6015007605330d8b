import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { asBuffer, encodeUtf8 } from '../../src/core/bytes.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import { parseAttributeDescription } from '../../src/directory/schema/attribute-description.ts';
import {
  asTexts,
  attributesOf,
  type DirectoryFixture,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';

/** What every object has, and what makes objects others. */
const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
];

async function open(t: { after(fn: () => unknown): void }): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t);
  await fixture.add(suffix, { objectClass: ['top', 'organization'] });
  await fixture.add(`cn=__proto__,${suffix}`, {
    objectClass: ['top', 'person'],
    sn: names,
  });
  return fixture;
}

describe('reliability LDAP row 22: names of Object.prototype', () => {
  const person = `cn=__proto__,${suffix}`;

  it('are values like any other', async (t) => {
    const { directory } = await open(t);
    const [entry] = await search(directory, { base: person, scope: 'base', attributes: ['sn'] });
    assert.deepEqual(asTexts(entry), { sn: names });
    for (const name of names) {
      const filter = { kind: 'equality', attribute: 'sn', value: encodeUtf8(name) } as const;
      assert.deepEqual(await searchNames(directory, { filter }), [person]);
    }
  });

  for (const name of names) {
    it(`${name} is no attribute: not to be selected, searched, compared or written`, async (t) => {
      const { directory, schema } = await open(t);
      assert.equal(parseAttributeDescription(name, schema)?.type, undefined);
      assert.equal(schema.attributeType(name), undefined);
      assert.equal(schema.objectClass(name), undefined);
      const attributes = [name, `@${name}`, `${name};binary`, `sn;${name}`];
      const [entry] = await search(directory, { base: person, scope: 'base', attributes });
      assert.deepEqual(asTexts(entry), {});
      const value = encodeUtf8('x');
      const present: Filter = { kind: 'present', attribute: name };
      const filters: readonly Filter[] = [
        present,
        { kind: 'not', filter: present },
        { kind: 'equality', attribute: name, value },
        { kind: 'equality', attribute: 'objectClass', value: encodeUtf8(name) },
        { kind: 'extensible', rule: name, value, dnAttributes: true },
      ];
      for (const filter of filters) {
        assert.deepEqual(await searchNames(directory, { filter }), [], filter.kind);
      }
      const dn = person;
      await assert.rejects(directory.compare({ dn, attribute: name, value }, system), {
        code: 'DIRECTORY_UNDEFINED_TYPE',
      });
      const changes = [{ operation: 'add', attribute: name, values: [value] }] as const;
      await assert.rejects(directory.modify({ dn, changes }, system), {
        code: 'DIRECTORY_UNDEFINED_TYPE',
      });
      const made = attributesOf({ objectClass: ['top', 'person', name], cn: 'b', sn: 'x' });
      await assert.rejects(directory.add({ dn: `cn=b,${suffix}`, attributes: made }, system), {
        name: 'DirectoryError',
      });
      const named = directory.search(
        {
          base: `${name}=a,${suffix}`,
          scope: 'base',
          filter: { kind: 'present', attribute: 'cn' },
          attributes: [],
          typesOnly: false,
          sizeLimit: 0,
          timeLimitMs: 0,
        },
        system,
      );
      await assert.rejects(
        async () => {
          for await (const _entry of named) {
            assert.fail('it was found');
          }
        },
        { name: 'DirectoryError' },
      );
      const ldif = asBuffer(
        encodeUtf8(`dn: cn=c,${suffix}\nobjectClass: person\nsn: x\ncn: c\n${name}: x\n`),
      );
      await assert.rejects(directory.importLdif(bytesOf(ldif), system), { name: 'DirectoryError' });
      assert.equal(Object.prototype.toString.call({}), '[object Object]');
      assert.equal(({} as Record<string, unknown>)['x'], undefined);
    });
  }
});

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
