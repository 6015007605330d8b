import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { parseFilter } from '../../src/directory/filters/filter-text.ts';
import type { Caller, ChangeOutcome, OperationOptions } from '../../src/directory/service.ts';
import {
  asTexts,
  attributesOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';

const hanako = `cn=Hanako,${suffix}`;
const anyone = { kind: 'anyone' } as const;

/** Of Hanako the caller may change everything, may not read title, may not search telephoneNumber. */
const rules: readonly AccessRule[] = [
  { target: { filter: '(cn=unread)' }, who: anyone, rights: ['disclose', 'search', 'write'] },
  { attributes: ['title'], who: anyone, rights: ['search', 'write'] },
  { attributes: ['telephoneNumber'], who: anyone, rights: ['read', 'write'] },
  { who: anyone, rights: ['search', 'compare', 'read', 'write'] },
];

async function openHanako(t: Parameters<typeof openDirectory>[0]): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, { access: rules });
  await fixture.add(suffix, { objectClass: 'organization' });
  await fixture.add(hanako, {
    objectClass: 'organizationalPerson',
    sn: 'Ota',
    title: 'engineer',
    telephoneNumber: '+81 27',
  });
  await fixture.add(`cn=unread,${suffix}`, { objectClass: 'person', sn: 'Ota' });
  return fixture;
}

type Act = (
  fixture: DirectoryFixture,
  options: OperationOptions,
  caller: Caller,
) => Promise<unknown>;

const operations: readonly { readonly name: string; readonly act: Act }[] = [
  {
    name: 'search',
    act: ({ directory }, options, caller) =>
      searchNames(directory, { base: hanako, ...options }, caller),
  },
  {
    name: 'compare',
    act: ({ directory }, options, caller) =>
      directory.compare(
        { dn: hanako, attribute: 'sn', value: encodeUtf8('ota'), ...options },
        caller,
      ),
  },
  {
    name: 'modify',
    act: ({ directory }, options, caller) =>
      directory.modify(
        {
          dn: hanako,
          changes: [{ operation: 'replace', attribute: 'sn', values: [encodeUtf8('Kiryu')] }],
          ...options,
        },
        caller,
      ),
  },
  {
    name: 'delete',
    act: ({ directory }, options, caller) => directory.delete({ dn: hanako, ...options }, caller),
  },
  {
    name: 'rename',
    act: ({ directory }, options, caller) =>
      directory.rename({ dn: hanako, newRdn: 'cn=H', deleteOldRdn: true, ...options }, caller),
  },
  {
    name: 'add',
    act: ({ directory }, options, caller) =>
      directory.add(
        {
          dn: `cn=Hanako,${hanako}`,
          attributes: attributesOf({
            objectClass: 'organizationalPerson',
            sn: 'Ota',
            title: 'engineer',
            telephoneNumber: '+81 27',
          }),
          ...options,
        },
        caller,
      ),
  },
];

describe('assertion (RFC 4528)', () => {
  const rows = [
    { filter: '(sn=ota)', holds: true },
    { filter: '(sn=kiryu)', holds: false },
    { filter: '(&)', holds: true },
    { filter: '(|)', holds: false },
    { filter: '(!(sn=kiryu))', holds: true },
    { filter: '(nonsense=1)', holds: false },
    { filter: '(!(nonsense=1))', holds: false },
    { filter: '(hasSubordinates=FALSE)', holds: true },
    { filter: '(entryUUID=*)', holds: true },
    { filter: '(title=engineer)', holds: false, why: 'may be searched, not read' },
    { filter: '(!(title=engineer))', holds: false, why: 'may be searched, not read' },
    { filter: '(title=*)', holds: false, why: 'may be searched, not read' },
    { filter: '(telephoneNumber=+8127)', holds: false, why: 'may be read, not searched' },
    { filter: '(!(telephoneNumber=1))', holds: false, why: 'may be read, not searched' },
  ];
  for (const { name, act } of operations) {
    for (const { filter, holds, why } of rows) {
      it(`${name} if ${filter}: ${holds ? 'done' : (why ?? 'not done')}`, async (t) => {
        const fixture = await openHanako(t);
        const before = await search(fixture.directory, { attributes: ['*', '+'] });
        const acting = act(fixture, { assertion: parseFilter(filter) }, nobody);
        if (holds) {
          await acting;
          return;
        }
        await assert.rejects(acting, { code: 'DIRECTORY_ASSERTION_FAILED', matchedDn: '' });
        assert.deepEqual(await search(fixture.directory, { attributes: ['*', '+'] }), before);
      });
    }
  }

  it('is never true of an entry that may not be read', async (t) => {
    const { directory } = await openHanako(t);
    const request = {
      dn: `cn=unread,${suffix}`,
      changes: [{ operation: 'replace', attribute: 'sn', values: [encodeUtf8('x')] }],
    } as const;
    const assertion = parseFilter('(&)');
    await assert.rejects(directory.modify({ ...request, assertion }, nobody), {
      code: 'DIRECTORY_ASSERTION_FAILED',
    });
    await directory.modify(request, nobody);
  });

  const special = [
    { base: '', scope: 'base', filter: '(namingContexts=*)', found: 1 },
    { base: '', scope: 'subtree', filter: '(objectClass=top)', found: 3 },
    { base: '', scope: 'base', filter: '(sn=ota)', found: undefined },
    { base: 'cn=Subschema', scope: 'base', filter: '(cn=subschema)', found: 1 },
    { base: 'cn=Subschema', scope: 'one', filter: '(cn=other)', found: undefined },
  ] as const;
  for (const { base, scope, filter, found } of special) {
    it(`asked of “${base}” (${scope}) if ${filter}: ${found ?? 'failed'}`, async (t) => {
      const { directory } = await openHanako(t);
      const names = searchNames(directory, { base, scope, assertion: parseFilter(filter) }, system);
      if (found === undefined) {
        await assert.rejects(names, { code: 'DIRECTORY_ASSERTION_FAILED' });
      } else {
        assert.equal((await names).length, found);
      }
    });
  }

  it('of an entry that is not there: no such object, not a failed assertion', async (t) => {
    const { directory } = await openHanako(t);
    const assertion = parseFilter('(|)');
    await assert.rejects(directory.delete({ dn: `cn=none,${suffix}`, assertion }, nobody), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    });
  });

  it('lets one of many that test and set go through', async (t) => {
    const { directory } = await openHanako(t);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        directory.modify(
          {
            dn: hanako,
            changes: [{ operation: 'replace', attribute: 'sn', values: [encodeUtf8(`n${index}`)] }],
            assertion: parseFilter('(sn=ota)'),
          },
          nobody,
        ),
      ),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  });
});

describe('pre-read and post-read (RFC 4527)', () => {
  const textsOf = ({ preRead, postRead }: ChangeOutcome): unknown => ({
    ...(preRead && { preRead: { dn: preRead.dn, ...asTexts(preRead) } }),
    ...(postRead && { postRead: { dn: postRead.dn, ...asTexts(postRead) } }),
  });
  const selection = ['sn', 'title', 'telephoneNumber'];
  const before = { dn: hanako, sn: ['Ota'], telephoneNumber: ['+81 27'] };

  it('modify returns both, without what may not be read', async (t) => {
    const { directory } = await openHanako(t);
    const changes = [
      { operation: 'replace', attribute: 'sn', values: [encodeUtf8('Kiryu')] },
      { operation: 'replace', attribute: 'title', values: [encodeUtf8('head')] },
    ] as const;
    const request = { dn: hanako, changes, preRead: selection, postRead: selection };
    assert.deepEqual(textsOf(await directory.modify(request, nobody)), {
      preRead: before,
      postRead: { ...before, sn: ['Kiryu'] },
    });
    assert.equal(directory.statistics.withheldAttributes, 2);
  });

  it('delete returns what was there', async (t) => {
    const { directory } = await openHanako(t);
    const outcome = await directory.delete({ dn: hanako, preRead: selection }, nobody);
    assert.deepEqual(textsOf(outcome), { preRead: before });
  });

  it('rename returns both names', async (t) => {
    const { directory } = await openHanako(t);
    const read = { preRead: ['cn', 'entryDN'], postRead: ['cn', 'entryDN'] };
    const request = { dn: hanako, newRdn: 'cn=H', deleteOldRdn: true, ...read };
    const dn = `cn=H,${suffix}`;
    assert.deepEqual(textsOf(await directory.rename(request, nobody)), {
      preRead: { dn: hanako, cn: ['Hanako'], entryDN: [hanako] },
      postRead: { dn, cn: ['H'], entryDN: [dn] },
    });
  });

  it('add returns what the server set', async (t) => {
    const { directory, add } = await openHanako(t);
    await add(`ou=A,${suffix}`, { objectClass: 'organizationalUnit' });
    const outcome = await directory.add(
      {
        dn: `ou=B,ou=A,${suffix}`,
        attributes: attributesOf({ objectClass: 'organizationalUnit' }),
        postRead: ['entryUUID', 'hasSubordinates', 'ou'],
      },
      nobody,
    );
    const { entryUUID, ...texts } = asTexts(outcome.postRead);
    assert.match(entryUUID?.[0] ?? '', /^[0-9a-f-]{36}$/);
    assert.deepEqual(texts, { ou: ['B'], hasSubordinates: ['FALSE'] });
    assert.equal(outcome.preRead, undefined);
  });

  it('large values come back, also those that the change took away', async (t) => {
    const { directory } = await openHanako(t);
    const large = 'x'.repeat(100_000);
    const set = (...values: string[]) =>
      ({
        dn: hanako,
        changes: [
          { operation: 'replace', attribute: 'description', values: values.map(encodeUtf8) },
        ],
        preRead: ['description'],
        postRead: ['description'],
      }) as const;
    assert.deepEqual(textsOf(await directory.modify(set(large), nobody)), {
      preRead: { dn: hanako },
      postRead: { dn: hanako, description: [large] },
    });
    assert.deepEqual(textsOf(await directory.modify(set('small'), nobody)), {
      preRead: { dn: hanako, description: [large] },
      postRead: { dn: hanako, description: ['small'] },
    });
  });

  it('nothing of an entry that may be changed and not read', async (t) => {
    const { directory } = await openHanako(t);
    const request = {
      dn: `cn=unread,${suffix}`,
      changes: [{ operation: 'replace', attribute: 'sn', values: [encodeUtf8('x')] }],
      preRead: ['*', '+'],
      postRead: ['*', '+'],
    } as const;
    assert.deepEqual(await directory.modify(request, nobody), {});
  });

  it('the entry as it became decides what of it may be read', async (t) => {
    const access: readonly AccessRule[] = [
      { target: { filter: '(description=secret)' }, who: anyone, rights: ['write'] },
      { who: anyone, rights: ['read', 'write'] },
    ];
    const { directory, add } = await openDirectory(t, { access });
    await add(suffix, { objectClass: 'organization' });
    const outcome = await directory.modify(
      {
        dn: suffix,
        changes: [{ operation: 'add', attribute: 'description', values: [encodeUtf8('secret')] }],
        preRead: ['o'],
        postRead: ['o'],
      },
      nobody,
    );
    assert.deepEqual(textsOf(outcome), { preRead: { dn: suffix, o: ['JPKI'] } });
  });
});
