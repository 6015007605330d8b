import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { parseFilter } from '../../src/directory/filters/filter-text.ts';
import type { ExportOptions } from '../../src/directory/ldif/ldif-export.ts';
import type { ImportProgress } from '../../src/directory/ldif/ldif-import.ts';
import type { Caller } from '../../src/directory/service.ts';
import {
  asTexts,
  callerOf,
  type DirectoryFixture,
  nobody,
  openDirectory,
  openToAll,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import { caCertificate, openRepository, smallList } from '../support/repository-fixture.ts';

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = encodeUtf8(text);
  for (let at = 0; at < bytes.length; at += 7) {
    yield bytes.subarray(at, at + 7);
  }
}

function importText(
  { directory }: DirectoryFixture,
  text: string,
  caller: Caller = system,
): Promise<number> {
  return directory.importLdif(chunksOf(text), caller);
}

async function exportText({ directory }: DirectoryFixture, base = ''): Promise<string> {
  let text = '';
  for await (const part of directory.exportLdif(base)) {
    text += part;
  }
  return text;
}

const tree = `version: 1
# the base
dn: o=JPKI,c=JP
objectClass: organization

dn: ou=Verifiers,o=JPKI,c=JP
objectClass: organizationalUnit
description:: 5YmN5qmL5biC

dn: cn=Court,ou=Verifiers,
 o=JPKI,c=JP
objectClass: organizationalRole
objectClass: certdirVerifier
certdirVerifierKind: signature
certdirAgreementNotBefore: 20260101000000Z
certdirAgreementNotAfter: 20261231145959Z
userPassword: secret
`;

describe('importLdif', () => {
  it('adds every record, parents first', async (t) => {
    const fixture = await openDirectory(t);
    const progress: ImportProgress[] = [];
    const count = await fixture.directory.importLdif(chunksOf(tree), system, {
      onProgress: (step) => progress.push(step),
    });
    assert.equal(count, 3);
    assert.equal((await searchNames(fixture.directory)).length, 3);
    assert.deepEqual(progress, [
      { phase: 'read', entries: 3 },
      { phase: 'write', entries: 3, total: 3 },
    ]);
    const dn = `cn=Court,ou=Verifiers,${suffix}`;
    const principal = await fixture.directory.bind(dn, encodeUtf8('secret'), system.session);
    assert.equal(principal.kind, 'entry');
    const record = (await fixture.records()).at(-1);
    assert.equal(record?.kind, 'directory.import');
    assert.equal(record?.details?.['entries'], 3);
  });

  const hashedPassword = `{SCRYPT}ln=10,r=8,p=1$${'A'.repeat(22)}$${'B'.repeat(42)}A`;
  const digests = [
    {
      why: 'with a password as its hash',
      password: `userPassword: ${hashedPassword}\n`,
      has: true,
    },
    { why: 'without a password', password: '', has: true },
    {
      why: 'with a password in clear: it could be tried on it',
      password: 'userPassword: secret\n',
      has: false,
    },
  ];
  for (const { why, password, has } of digests) {
    it(`records ${has ? 'the SHA-256 of the file' : 'no digest of a file'} ${why}`, async (t) => {
      const fixture = await openDirectory(t);
      const text = tree.replace('userPassword: secret\n', () => password);
      await importText(fixture, text);
      const record = (await fixture.records()).at(-1);
      const digest = createHash('sha256').update(text).digest('hex');
      assert.equal(record?.request, has ? digest : undefined);
    });
  }

  it('adds nothing for a file without records', async (t) => {
    const fixture = await openDirectory(t);
    assert.equal(await importText(fixture, 'version: 1\n'), 0);
  });

  const bad = 'dn: ou=Bad,o=JPKI,c=JP\nobjectClass: organizationalUnit\n';
  const refused = [
    {
      why: 'text that is not LDIF',
      text: `${bad}\nnonsense\n`,
      line: 4,
      code: 'DIRECTORY_LDIF_SYNTAX',
    },
    {
      why: 'a change record',
      text: 'dn: ou=Bad,o=JPKI,c=JP\nchangetype: delete\n',
      line: 2,
      code: 'DIRECTORY_LDIF_CHANGE',
    },
    {
      why: 'an unknown attribute',
      text: `${bad}nonsense: x\n`,
      line: 3,
      code: 'DIRECTORY_UNDEFINED_TYPE',
    },
    {
      why: 'a value against its syntax, folded',
      text: `${bad}seeAlso: no\n pe\ndescription: x\n`,
      line: 3,
      code: 'DIRECTORY_INVALID_SYNTAX',
    },
    {
      why: 'a value twice',
      text: `${bad}description: x\ndescription: X\n`,
      line: 1,
      code: 'DIRECTORY_VALUE_EXISTS',
    },
    {
      why: 'an entry against its object class',
      text: `${bad}sn: x\n`,
      line: 1,
      code: 'DIRECTORY_OBJECT_CLASS',
    },
    {
      why: 'a password of another scheme',
      text: `${bad}userPassword: {SSHA}x\n`,
      line: 1,
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'an entry that is there',
      text: 'dn: ou=verifiers,o=JPKI,c=JP\nobjectClass: organizationalUnit\n',
      line: 1,
      code: 'DIRECTORY_ENTRY_EXISTS',
    },
    { why: 'an entry twice', text: `${bad}\n${bad}`, line: 4, code: 'DIRECTORY_ENTRY_EXISTS' },
    {
      why: 'an entry without a parent',
      text: `${bad}\ndn: cn=x,ou=None,o=JPKI,c=JP\nobjectClass: cRLDistributionPoint\n`,
      line: 4,
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    },
    {
      why: 'an entry outside the suffixes',
      text: 'dn: o=Other,c=JP\nobjectClass: organization\n',
      line: 1,
      code: 'DIRECTORY_NO_SUCH_OBJECT',
    },
    {
      why: 'an identity twice',
      text: ['A', 'B']
        .map(
          (name) =>
            `dn: ou=${name},o=JPKI,c=JP\nobjectClass: organizationalUnit\n` +
            'entryUUID: 597ae2f6-16a6-1027-98f4-d28b5365dc14\n',
        )
        .join('\n'),
      line: 5,
      code: 'DIRECTORY_CONSTRAINT',
    },
    {
      why: 'a malformed name',
      text: 'dn: nonsense\nobjectClass: top\n',
      line: 1,
      code: 'DIRECTORY_DN_SYNTAX',
    },
  ];
  const ways = [
    { way: '', limits: {} },
    { way: ' (larger than memory)', limits: { importMemoryBytes: 1 } },
  ];
  for (const { why, text, line, code, way, limits } of refused.flatMap((row) =>
    ways.map((each) => ({ ...row, ...each })),
  )) {
    it(`refuses ${why} with its line, and the whole file${way}`, async (t) => {
      const fixture = await openDirectory(t, { limits });
      await importText(fixture, tree);
      const before = await exportText(fixture);
      const good = 'dn: ou=Good,o=JPKI,c=JP\nobjectClass: organizationalUnit\n\n';
      await assert.rejects(importText(fixture, good + text), {
        code,
        message: new RegExp(`^line ${line + 3}: `),
      });
      assert.equal(await exportText(fixture), before);
    });
  }

  it('reliability row 20: holds no more than it may, whatever the size of the file', async (t) => {
    const small = await openDirectory(t);
    const large = await openDirectory(t, { limits: { importMemoryBytes: 64 } });
    for (const { directory } of [small, large]) {
      assert.equal(await directory.importLdif(chunksOf(tree), system), 3);
    }
    // Of the same random source and clock; only the numbers of changes differ.
    const content = async (fixture: DirectoryFixture): Promise<string> =>
      (await exportText(fixture)).replace(/^(entryCSN|entryUUID|userPassword).*\n( .*\n)*/gm, '');
    assert.equal(await content(large), await content(small));
    const filter = parseFilter('(certdirVerifierKind=signature)');
    assert.equal((await searchNames(large.directory, { filter })).length, 1);
    const dn = `cn=Court,ou=Verifiers,${suffix}`;
    await large.directory.bind(dn, encodeUtf8('secret'), system.session);
    assert.equal((await large.records()).at(-1)?.details?.['entries'], 3);
  });

  it('takes parents behind their children when the file is larger than memory', async (t) => {
    const fixture = await openDirectory(t, { limits: { importMemoryBytes: 1 } });
    const [head = '', ...records] = tree.split('\n\n');
    await importText(
      fixture,
      [...records.reverse(), head.replace('version: 1\n', '')].join('\n\n'),
    );
    assert.equal((await searchNames(fixture.directory)).length, 3);
  });

  it('numbers changes behind those of a large import, and its entries in between', async (t) => {
    const fixture = await openDirectory(t, { limits: { importMemoryBytes: 1 } });
    await importText(fixture, tree);
    await fixture.add(`ou=Later,${suffix}`, { objectClass: 'organizationalUnit' });
    const entries = await search(fixture.directory, { attributes: ['entryCSN', 'contextCSN'] });
    const numbers = entries.map((entry) => asTexts(entry)['entryCSN']?.[0] ?? '');
    assert.equal(new Set(numbers).size, 4);
    const later = entries.findIndex(({ dn }) => dn.startsWith('ou=Later'));
    assert.ok(numbers.every((number) => number <= (numbers[later] ?? '')));
    assert.equal(asTexts(entries[0])['contextCSN']?.[0], numbers[later]);
  });

  it('gives way when entries are changed while a large file is read', async (t) => {
    const fixture = await openDirectory(t, { limits: { importMemoryBytes: 1 } });
    await importText(fixture, tree);
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield encodeUtf8(`dn: ou=A,${suffix}\nobjectClass: organizationalUnit\n\n`);
      yield encodeUtf8(`dn: ou=B,${suffix}\nobjectClass: organizationalUnit\n\n`);
      await fixture.add(`ou=C,${suffix}`, { objectClass: 'organizationalUnit' });
    }
    await assert.rejects(fixture.directory.importLdif(slowly(), system), {
      code: 'DIRECTORY_BUSY',
    });
    assert.equal((await searchNames(fixture.directory)).length, 4);
  });

  it('refuses more than fits into memory to whoever is not the program itself', async (t) => {
    const fixture = await openDirectory(t, { limits: { importMemoryBytes: 100 } });
    const caller = callerOf(nobody.principal);
    const text = 'dn: o=JPKI,c=JP\nobjectClass: organization\ndescription: x\n\n'.repeat(3);
    await assert.rejects(importText(fixture, text, caller), { code: 'DIRECTORY_LDIF_LIMIT' });
    assert.deepEqual(await searchNames(fixture.directory, { base: '' }), []);
  });

  it('obeys the rules for whoever is not the program itself', async (t) => {
    const fixture = await openDirectory(t, { access: openToAll });
    await assert.rejects(importText(fixture, tree, nobody), { code: 'DIRECTORY_ACCESS_DENIED' });
    const caller = callerOf(nobody.principal);
    const text = 'dn: o=JPKI,c=JP\nobjectClass: organization\ncreatorsName: cn=x\n';
    await assert.rejects(importText(fixture, text, caller), { code: 'DIRECTORY_CONSTRAINT' });
  });

  it('never says that somebody manages an entry', async (t) => {
    const fixture = await openDirectory(t);
    const text = 'dn: o=JPKI,c=JP\nobjectClass: organization\ncertdirManagedBy: me\n';
    await importText(fixture, text);
    const [entry] = await search(fixture.directory, { attributes: ['certdirManagedBy'] });
    assert.deepEqual(entry?.attributes, []);
  });
});

describe('exportLdif', () => {
  it('is what importLdif makes the same directory of', async (t) => {
    const fixture = await openRepository(t);
    const text = await exportText(fixture);
    const other = await openDirectory(t, { schema: fixture.schema, access: [] });
    await importText(other, text);
    const withoutChangeNumbers = (ldif: string): string => ldif.replace(/^entryCSN: .*\n/gm, '');
    assert.equal(withoutChangeNumbers(await exportText(other)), withoutChangeNumbers(text));
    const [entry] = await search(other.directory, { scope: 'base' });
    const binary = entry?.attributes.filter(({ description }) => description.endsWith(';binary'));
    assert.deepEqual(
      binary?.map(({ values }) => values.map((value) => Buffer.from(value))),
      [[Buffer.from(caCertificate)], [Buffer.from(smallList)]],
    );
  });

  it('can be of one subtree', async (t) => {
    const fixture = await openRepository(t);
    const text = await exportText(fixture, `OU=gunma-ken,${suffix}`);
    const names = [...text.matchAll(/^dn: (.*)$/gm)].map(([, name]) => name);
    assert.equal(names.length, 3);
    assert.equal(names[0], `ou=Gunma-ken,${suffix}`);
  });

  it('shows one state, whatever is changed while it is read', async (t) => {
    const fixture = await openDirectory(t);
    const unit = (name: string): string =>
      `dn: ou=${name},${suffix}\nobjectClass: organizationalUnit\ndescription: ${'x'.repeat(2000)}\n\n`;
    const names = Array.from({ length: 300 }, (_, at) => `U${String(at).padStart(3, '0')}`);
    await importText(fixture, `${tree}\n${names.map(unit).join('')}`);
    const before = await exportText(fixture);
    const parts: string[] = [];
    for await (const part of fixture.directory.exportLdif('')) {
      if (parts.length === 0) {
        await fixture.directory.delete({ dn: `ou=U299,${suffix}` }, system);
        await fixture.add(`ou=U150b,${suffix}`, { objectClass: 'organizationalUnit' });
        await fixture.directory.rename(
          { dn: `ou=U000,${suffix}`, newRdn: 'ou=U400', deleteOldRdn: true },
          system,
        );
      }
      parts.push(part);
    }
    assert.ok(parts.length > 5, `${parts.length} parts`);
    assert.ok(parts.every(({ length }) => length < 200_000));
    assert.equal(parts.join(''), before);
    assert.notEqual(await exportText(fixture), before);
  });

  it('can be of one scope, of what a filter fits, without operational attributes', async (t) => {
    const fixture = await openDirectory(t);
    await importText(fixture, tree);
    const namesOf = async (base: string, options: ExportOptions): Promise<readonly string[]> => {
      let text = '';
      for await (const part of fixture.directory.exportLdif(base, options)) {
        text += part;
      }
      return [...text.matchAll(/^dn: (\w+=\w+)/gm)].map(([, name = '']) => name);
    };
    const filter = parseFilter('(|(cn=COURT)(o=jpki))');
    assert.deepEqual(await namesOf(suffix, { scope: 'base' }), ['o=JPKI']);
    assert.deepEqual(await namesOf(suffix, { scope: 'one' }), ['ou=Verifiers']);
    assert.deepEqual(await namesOf('', { scope: 'one' }), ['o=JPKI']);
    assert.deepEqual(await namesOf('', { scope: 'base' }), []);
    assert.deepEqual(await namesOf('', { filter }), ['o=JPKI', 'cn=Court']);
    let text = '';
    for await (const part of fixture.directory.exportLdif(suffix, { isUserOnly: true })) {
      text += part;
    }
    assert.doesNotMatch(text, /^(?:entry\w+|creators\w+|modif\w+|create\w+|structural\w+):/m);
    assert.match(text, /^userPassword:/m);
  });

  it('refuses a base that is not there', async (t) => {
    const fixture = await openDirectory(t);
    await assert.rejects(exportText(fixture, suffix), { code: 'DIRECTORY_NO_SUCH_OBJECT' });
  });

  it('keeps times and authors', async (t) => {
    const fixture = await openDirectory(t);
    const stamps = { createTimestamp: '20200101000000Z', creatorsName: 'cn=Someone' };
    const lines = Object.entries(stamps).map(([name, value]) => `${name}: ${value}\n`);
    await importText(fixture, `dn: o=JPKI,c=JP\nobjectClass: organization\n${lines.join('')}`);
    const [entry] = await search(fixture.directory, { attributes: Object.keys(stamps) });
    assert.deepEqual(asTexts(entry), {
      createTimestamp: ['20200101000000Z'],
      creatorsName: ['cn=Someone'],
    });
  });
});
