/** Which searches see subentries (RFC 3672 §3). */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  type DirectoryFixture,
  nobody,
  openDirectory,
  type SearchWish,
  searchNames,
  suffix,
} from '../support/directory-fixture.ts';

const subentry = `cn=Sub,${suffix}`;
const normal = `ou=Normal,${suffix}`;

async function openSubentry(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t);
  await fixture.add(suffix, { objectClass: 'organization' });
  await fixture.add(normal, { objectClass: 'organizationalUnit' });
  await fixture.add(subentry, { objectClass: 'subentry', subtreeSpecification: '{ }' });
  return fixture;
}

describe('subentries', () => {
  const rows: readonly { readonly wish: SearchWish; readonly names: readonly string[] }[] = [
    { wish: {}, names: [suffix, normal] },
    { wish: { scope: 'one' }, names: [normal] },
    { wish: { filter: '(objectClass=subentry)' }, names: [] },
    { wish: { base: subentry }, names: [] },
    { wish: { base: subentry, scope: 'base' }, names: [subentry] },
    { wish: { base: normal, scope: 'base' }, names: [normal] },
    { wish: { subentries: true }, names: [subentry] },
    { wish: { scope: 'one', subentries: true }, names: [subentry] },
    { wish: { base: subentry, scope: 'base', subentries: true }, names: [subentry] },
    { wish: { base: subentry, subentries: true }, names: [subentry] },
    { wish: { base: normal, scope: 'base', subentries: true }, names: [] },
    { wish: { subentries: false }, names: [suffix, normal] },
    { wish: { base: subentry, scope: 'base', subentries: false }, names: [] },
    { wish: { base: 'cn=Subschema', scope: 'base' }, names: ['cn=Subschema'] },
    { wish: { base: 'cn=Subschema', scope: 'base', subentries: true }, names: ['cn=Subschema'] },
    { wish: { base: 'cn=Subschema', scope: 'base', subentries: false }, names: [] },
    { wish: { base: '', scope: 'base', subentries: true }, names: [] },
    { wish: { base: '', scope: 'base' }, names: [''] },
  ];
  for (const { wish, names } of rows) {
    it(`${JSON.stringify(wish)} finds ${names.length}`, async (t) => {
      const { directory } = await openSubentry(t);
      const found = await searchNames(directory, wish, nobody);
      assert.deepEqual(found.toSorted(), [...names].sort());
    });
  }
});
