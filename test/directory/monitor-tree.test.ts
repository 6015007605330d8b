import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { Directory } from '../../src/directory/directory.ts';
import type { MonitorEntry } from '../../src/directory/monitor-tree.ts';
import type { Caller } from '../../src/directory/service.ts';
import {
  asTexts,
  attributesOf,
  callerOf,
  nobody,
  openDirectory,
  openToAll,
  type SearchWish,
  search,
  searchNames,
  searchPages,
  suffix,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';

const watcher = `cn=watcher,${suffix}`;

const access: readonly AccessRule[] = [
  {
    target: { subtree: 'cn=Monitor' },
    who: { kind: 'dn', dn: watcher },
    tls: true,
    rights: ['read', 'search', 'compare'],
  },
  { target: { subtree: 'cn=Monitor' }, who: { kind: 'anyone' }, rights: [] },
  ...openToAll,
];

const figures = (name: string, values: Record<string, string>): MonitorEntry => ({
  path: ['Operations', name],
  objectClass: 'certdirMonitorFigures',
  attributes: Object.fromEntries(Object.entries(values).map(([type, text]) => [type, [text]])),
});

async function open(t: { after(fn: () => unknown): void }): Promise<{
  readonly directory: Directory;
  readonly caller: Caller;
  readonly reads: () => number;
}> {
  const { directory, add } = await openDirectory(t, { access });
  await add('o=JPKI,c=JP', { objectClass: ['top', 'organization'] });
  await add(watcher, { objectClass: ['top', 'person'], sn: 'x', userPassword: 'long enough' });
  const principal = await directory.bind(watcher, Buffer.from('long enough'), tlsSession);
  let reads = 0;
  directory.publishMonitor(async () => {
    reads += 1;
    return [
      {
        path: [],
        objectClass: 'certdirMonitorServer',
        attributes: { certdirMonitorVersion: ['certdir 1'] },
      },
      figures('search', { certdirMonitorInitiated: '12', certdirMonitorCompleted: '10' }),
      figures('a+b, c', { certdirMonitorInitiated: '2' }),
    ];
  });
  return { directory, caller: callerOf(principal), reads: () => reads };
}

const all: SearchWish = { base: 'cn=Monitor', scope: 'subtree' };
const names = [
  'cn=Monitor',
  'cn=Operations,cn=Monitor',
  'cn=a\\+b\\, c,cn=Operations,cn=Monitor',
  'cn=search,cn=Operations,cn=Monitor',
];

describe('cn=Monitor', () => {
  it('is a subtree with containers, in the order of names', async (t) => {
    const { directory, caller } = await open(t);
    assert.deepEqual(await searchNames(directory, all, caller), names);
    assert.deepEqual(await searchNames(directory, { ...all, scope: 'one' }, caller), [names[1]]);
    assert.deepEqual(await searchNames(directory, { ...all, scope: 'base' }, caller), [names[0]]);
    const base = 'CN=operations,CN=monitor';
    assert.deepEqual(await searchNames(directory, { base, scope: 'one' }, caller), names.slice(2));
  });

  it('has entries of its own classes, with what operational attributes say', async (t) => {
    const { directory, caller } = await open(t);
    const attributes = ['*', '+'];
    const [entry] = await search(
      directory,
      { base: names[3] ?? '', scope: 'base', attributes },
      caller,
    );
    assert.deepEqual(asTexts(entry), {
      objectClass: ['top', 'certdirMonitor', 'certdirMonitorFigures'],
      structuralObjectClass: ['certdirMonitorFigures'],
      cn: ['search'],
      certdirMonitorInitiated: ['12'],
      certdirMonitorCompleted: ['10'],
      entryDN: [names[3]],
      subschemaSubentry: ['cn=Subschema'],
      hasSubordinates: ['FALSE'],
    });
  });

  it('is searched by filter, sorted and paged', async (t) => {
    const { directory, caller } = await open(t);
    const find = (filter: string): Promise<string[]> =>
      searchNames(directory, { ...all, filter }, caller);
    assert.deepEqual(await find('(certdirMonitorInitiated>=12)'), [names[3]]);
    assert.deepEqual(await find('(certdirMonitorInitiated>=13)'), []);
    assert.deepEqual(await find('(&(objectClass=certdirMonitor)(cn=SEARCH))'), [names[3]]);
    const sort = { keys: [{ attribute: 'cn', isReverse: true }], isCritical: true };
    const byName = await searchNames(directory, { ...all, sort }, caller);
    assert.equal(byName.length, 4);
    assert.equal(byName.at(-1), names[2]);
    const pages = await searchPages(directory, { ...all, size: 3 }, caller);
    assert.deepEqual(pages, [names.slice(0, 3), names.slice(3)]);
    const sortedPages = await searchPages(directory, { ...all, sort, size: 1 }, caller);
    assert.deepEqual(sortedPages.flat(), byName);
  });

  it('is compared, also under an assertion', async (t) => {
    const { directory, caller } = await open(t);
    const ask = (attribute: string, value: string, filter?: string): Promise<boolean> =>
      directory.compare(
        {
          dn: names[3] ?? '',
          attribute,
          value: Buffer.from(value),
          ...(filter === undefined
            ? {}
            : { assertion: { kind: 'present', attribute: filter } as const }),
        },
        caller,
      );
    assert.equal(await ask('certdirMonitorInitiated', '12'), true);
    assert.equal(await ask('certdirMonitorInitiated', '13'), false);
    assert.equal(await ask('cn', 'Search', 'certdirMonitorCompleted'), true);
    await assert.rejects(ask('cn', 'Search', 'certdirMonitorHits'), {
      code: 'DIRECTORY_ASSERTION_FAILED',
    });
    await assert.rejects(ask('certdirMonitorHits', '1'), { code: 'DIRECTORY_NO_SUCH_ATTRIBUTE' });
  });

  it('names the deepest entry there is above one that is not', async (t) => {
    const { directory, caller } = await open(t);
    const base = 'cn=x,cn=y,cn=Operations,cn=Monitor';
    await assert.rejects(searchNames(directory, { base, scope: 'base' }, caller), {
      code: 'DIRECTORY_NO_SUCH_OBJECT',
      matchedDn: names[1],
    });
  });

  it('does not exist for those without rights, and costs nothing then', async (t) => {
    const { directory, caller, reads } = await open(t);
    const clear = { ...caller, session: { ...caller.session, isProtected: false } };
    for (const who of [nobody, clear]) {
      for (const scope of ['base', 'one', 'subtree'] as const) {
        for (const base of ['cn=Monitor', 'cn=Operations,cn=Monitor', 'cn=none,cn=Monitor']) {
          await assert.rejects(searchNames(directory, { base, scope }, who), {
            code: 'DIRECTORY_NO_SUCH_OBJECT',
            matchedDn: '',
          });
        }
      }
      const value = Buffer.from('Monitor');
      await assert.rejects(directory.compare({ dn: 'cn=Monitor', attribute: 'cn', value }, who), {
        code: 'DIRECTORY_NO_SUCH_OBJECT',
      });
    }
    assert.equal(reads(), 0);
  });

  it('is not found by searches from elsewhere', async (t) => {
    const { directory, caller } = await open(t);
    const found = await searchNames(directory, { base: '', scope: 'subtree' }, caller);
    assert.ok(found.length > 0);
    assert.ok(found.every((name) => !name.toLowerCase().includes('monitor')));
  });

  it('refuses every change', async (t) => {
    const { directory, caller } = await open(t);
    const dn = names[3] ?? '';
    const attributes = attributesOf({ objectClass: ['certdirMonitorContainer'], cn: 'new' });
    const changes = [{ operation: 'replace', attribute: 'description', values: [] }] as const;
    const acts = (who: Caller): (() => Promise<unknown>)[] => [
      () => directory.add({ dn: 'cn=new,cn=Monitor', attributes }, who),
      () => directory.modify({ dn, changes }, who),
      () => directory.delete({ dn }, who),
      () => directory.rename({ dn, newRdn: 'cn=x', deleteOldRdn: true }, who),
    ];
    for (const [who, code] of [
      [caller, 'DIRECTORY_UNWILLING'],
      [system, 'DIRECTORY_UNWILLING'],
      [nobody, 'DIRECTORY_NO_SUCH_OBJECT'],
    ] as const) {
      for (const act of acts(who)) {
        await assert.rejects(act(), { code });
      }
    }
    assert.deepEqual(await searchNames(directory, all, caller), names);
  });

  it('does not exist where nothing is published', async (t) => {
    const { directory } = await openDirectory(t);
    await assert.rejects(searchNames(directory, all, system), { code: 'DIRECTORY_NO_SUCH_OBJECT' });
  });
});
