import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';

import { readLdifControls } from '../../src/app/ldif-controls.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { ChangesOptions, ChangesOutcome } from '../../src/directory/ldif/ldif-changes.ts';
import { readFilesUnder } from '../../src/directory/ldif/ldif-file-values.ts';
import type { Caller } from '../../src/directory/service.ts';
import {
  asTexts,
  type DirectoryFixture,
  nobody,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = encodeUtf8(text);
  for (let at = 0; at < bytes.length; at += 11) {
    yield bytes.subarray(at, at + 11);
  }
}

function change(
  { directory }: DirectoryFixture,
  text: string,
  options: Partial<ChangesOptions> & { readonly caller?: Caller } = {},
): Promise<ChangesOutcome> {
  const { caller = system, ...rest } = options;
  return directory.changeByLdif(chunksOf(text), caller, {
    isAtomic: true,
    readControls: readLdifControls,
    ...rest,
  });
}

/** A suffix with one unit below it. */
async function openTree(
  t: TestContext,
  options: Parameters<typeof openDirectory>[1] = {},
): Promise<DirectoryFixture> {
  const fixture = await openDirectory(t, options);
  await fixture.add(suffix, { objectClass: 'organization', o: 'JPKI' });
  await fixture.add(`ou=A,${suffix}`, { objectClass: 'organizationalUnit', description: 'old' });
  return fixture;
}

async function describeUnit(fixture: DirectoryFixture, name: string): Promise<unknown> {
  const [entry] = await search(fixture.directory, {
    base: `${name},${suffix}`,
    scope: 'base',
    attributes: ['description', 'telephoneNumber', 'ou'],
  });
  return asTexts(entry);
}

describe('RFC 2849 change records', () => {
  it('add, modify, rename, move and delete, each seeing the ones before it', async (t) => {
    const fixture = await openTree(t);
    const outcome = await change(
      fixture,
      `version: 1
dn: ou=B,${suffix}
changetype: add
objectClass: organizationalUnit
description: one

dn: ou=B,${suffix}
changetype: modify
add: description
description: two
description:: dGhyZWU=
-
delete: description
description: one
-
replace: telephoneNumber
telephoneNumber: +81 27 1
-

dn: ou=B,${suffix}
changetype: modify
replace: telephoneNumber
-
delete: ou
ou: B
-
add: ou
ou: b

dn: ou=B,${suffix}
changetype: modrdn
newrdn: ou=C
deleteoldrdn: 1

dn: ou=C,${suffix}
changetype: moddn
newrdn: ou=C
deleteoldrdn: 0
newsuperior: ou=A,${suffix}

dn: cn=gone,${suffix}
changetype: add
objectClass: organizationalRole

dn: cn=gone,${suffix}
changetype: delete
`,
    );
    assert.deepEqual(outcome, { changes: 7, refusedCount: 0, refused: [] });
    assert.deepEqual((await searchNames(fixture.directory)).length, 3);
    assert.deepEqual(await describeUnit(fixture, 'ou=C,ou=A'), {
      description: ['two', 'three'],
      ou: ['C'],
    });
    const records = await fixture.records();
    const kinds = records.slice(-7).map(({ kind }) => kind.replace('directory.', ''));
    assert.deepEqual(kinds, ['add', 'modify', 'modify', 'rename', 'rename', 'add', 'delete']);
  });

  it('increment a number (RFC 4525)', async (t) => {
    const fixture = await openTree(t);
    const dn = `uid=a,${suffix}`;
    await change(
      fixture,
      `dn: ${dn}
changetype: add
objectClass: account
objectClass: extensibleObject
uidNumber: 7

dn: ${dn}
changetype: modify
increment: uidNumber
uidNumber: 5
-
`.replaceAll('uidNumber', numberType(fixture)),
    );
    const attributes = [numberType(fixture)];
    const [entry] = await search(fixture.directory, { base: dn, scope: 'base', attributes });
    assert.deepEqual(Object.values(asTexts(entry)), [['12']]);
  });

  const unit = (name: string): string => `dn: ou=${name},${suffix}\n`;
  const good = `${unit('Good')}changetype: add\nobjectClass: organizationalUnit\n\n`;
  const refused = [
    ['no changetype', `${unit('A')}description: x\n`, 2, 'LDIF_CHANGE'],
    ['another changetype', `${unit('A')}changetype: nonsense\n`, 2, 'LDIF_CHANGE'],
    ['an add without attributes', `${unit('B')}changetype: add\n`, 2, 'LDIF_SYNTAX'],
    ['a "-" in an add', `${unit('B')}changetype: add\nou: B\n-\n`, 4, 'LDIF_SYNTAX'],
    ['more behind a delete', `${unit('A')}changetype: delete\nou: A\n`, 3, 'LDIF_SYNTAX'],
    ['a modify of nothing', `${unit('A')}changetype: modify\n`, 2, 'LDIF_SYNTAX'],
    ['a modify that is none', `${unit('A')}changetype: modify\nou: A\n`, 3, 'LDIF_SYNTAX'],
    [
      'a value of another attribute',
      `${unit('A')}changetype: modify\nadd: description\nou: A\n-\n`,
      4,
      'LDIF_SYNTAX',
    ],
    ['a "-" at the start', `-\n${unit('A')}`, 1, 'LDIF_SYNTAX'],
    [
      'a rename without deleteoldrdn',
      `${unit('A')}changetype: modrdn\nnewrdn: ou=B\n`,
      2,
      'LDIF_SYNTAX',
    ],
    [
      'deleteoldrdn of 2',
      `${unit('A')}changetype: modrdn\nnewrdn: ou=B\ndeleteoldrdn: 2\n`,
      4,
      'LDIF_SYNTAX',
    ],
    ['an entry that is not there', `${unit('X')}changetype: delete\n`, 1, 'NO_SUCH_OBJECT'],
    [
      'an operational attribute',
      `${unit('A')}changetype: modify\nreplace: creatorsName\ncreatorsName: cn=x\n-\n`,
      1,
      'CONSTRAINT',
    ],
    [
      'a URL',
      `${unit('A')}changetype: modify\nadd: ou\nou:< file:///etc/hostname\n`,
      4,
      'LDIF_URL',
    ],
    [
      'a critical control that is not known',
      `${unit('A')}control: 1.2.3 true\nchangetype: delete\n`,
      2,
      'LDIF_CONTROL',
    ],
    [
      'a critical control that would answer something',
      `${unit('A')}control: 1.3.6.1.1.13.1 true:: MAA=\nchangetype: delete\n`,
      2,
      'LDIF_CONTROL',
    ],
    [
      'a control whose value is not its own',
      `${unit('A')}control: 1.3.6.1.1.12 true: x\nchangetype: delete\n`,
      2,
      'LDIF_CONTROL',
    ],
    ['a malformed control', `${unit('A')}control: x true\nchangetype: delete\n`, 2, 'LDIF_SYNTAX'],
    [
      'a control by URL',
      `${unit('A')}control: 1.2.3 true:< file:///etc/hostname\nchangetype: delete\n`,
      2,
      'LDIF_SYNTAX',
    ],
  ] as const;
  for (const [why, text, line, code] of refused) {
    it(`refuse ${why} with its line, and all changes of the file`, async (t) => {
      const fixture = await openTree(t);
      await assert.rejects(change(fixture, good + text), {
        code: `DIRECTORY_${code}`,
        message: new RegExp(`^line ${line + 4}: `),
      });
      assert.equal((await searchNames(fixture.directory)).length, 2);
    });
  }

  it('obey an assertion and manageDsaIT, and pass over others that are not critical', async (t) => {
    const fixture = await openTree(t);
    // (description=old) and (description=new), RFC 4528.
    const holds = Buffer.from('a3120x0b6465736372697074696f6e04036f6c64'.replace('x', '4'), 'hex');
    const fails = Buffer.from('a3120x0b6465736372697074696f6e04036e6577'.replace('x', '4'), 'hex');
    const modify = (control: string): string =>
      `${unit('A')}control: ${control}\nchangetype: modify\nadd: telephoneNumber\n` +
      `telephoneNumber: ${control.length}\n`;
    await change(fixture, modify('1.2.3 false: x'));
    await change(fixture, modify('2.16.840.1.113730.3.4.2 true'));
    await change(fixture, modify(`1.3.6.1.1.12 true:: ${holds.toString('base64')}`));
    await assert.rejects(
      change(fixture, modify(`1.3.6.1.1.12 true:: ${fails.toString('base64')}`)),
      { code: 'DIRECTORY_ASSERTION_FAILED' },
    );
  });

  it('go on behind those that are refused when each stands for itself', async (t) => {
    const fixture = await openTree(t);
    const missing = `${unit('X')}changetype: delete\n\n`;
    const text = good + missing + good.replace('Good', 'Better') + missing;
    const outcome = await change(fixture, text, { isAtomic: false });
    assert.equal(outcome.changes, 2);
    assert.equal(outcome.refusedCount, 2);
    assert.deepEqual(
      outcome.refused.map(({ line, code }) => [line, code]),
      [
        [5, 'DIRECTORY_NO_SUCH_OBJECT'],
        [12, 'DIRECTORY_NO_SUCH_OBJECT'],
      ],
    );
    assert.equal((await searchNames(fixture.directory)).length, 4);
    await assert.rejects(change(fixture, 'nonsense\n', { isAtomic: false }), {
      code: 'DIRECTORY_LDIF_SYNTAX',
    });
  });

  it('reliability row 20: hold no more than they may when they are carried out together', async (t) => {
    const fixture = await openTree(t, { limits: { importMemoryBytes: 200 } });
    const many = Array.from({ length: 9 }, (_, at) => good.replace('Good', `U${at}`)).join('');
    await assert.rejects(change(fixture, many), { code: 'DIRECTORY_LDIF_LIMIT' });
    assert.equal((await searchNames(fixture.directory)).length, 2);
    assert.equal((await change(fixture, many, { isAtomic: false })).changes, 9);
  });

  it('give nobody rights that he does not have', async (t) => {
    const fixture = await openTree(t);
    await assert.rejects(change(fixture, good, { caller: nobody }), {
      code: 'DIRECTORY_ACCESS_DENIED',
    });
  });

  it('hash passwords, also of an entry that the same file adds', async (t) => {
    const fixture = await openTree(t);
    const dn = `cn=V,${suffix}`;
    await change(
      fixture,
      `dn: ${dn}
changetype: add
objectClass: organizationalRole
objectClass: certdirVerifier
certdirVerifierKind: signature
certdirAgreementNotBefore: 20260101000000Z
certdirAgreementNotAfter: 20261231145959Z
userPassword: first one

dn: ${dn}
changetype: modify
replace: userPassword
userPassword: second one
-
`,
    );
    await fixture.directory.bind(dn, encodeUtf8('second one'), system.session);
  });
});

/** An attribute type of integers that the shipped schema has. */
function numberType({ schema }: DirectoryFixture): string {
  const types = [...schema.attributeTypes()];
  const type = types.find(
    ({ syntax, isOperational, equality }) =>
      syntax.oid === '1.3.6.1.4.1.1466.115.121.1.27' && !isOperational && equality !== undefined,
  );
  return type?.name ?? assert.fail('no integer');
}

describe('reliability row 20: values by URL', () => {
  const content = 'from a file';

  async function setUp(t: TestContext): Promise<{
    readonly root: string;
    readonly load: (url: string, maxBytes?: number) => Promise<string>;
  }> {
    const folder = temporaryFolder(t);
    const root = join(folder, 'allowed');
    mkdirSync(join(root, 'below'), { recursive: true });
    mkdirSync(join(folder, 'allowed-not'));
    writeFileSync(join(root, 'below', 'value'), content);
    writeFileSync(join(folder, 'secret'), 'secret');
    writeFileSync(join(folder, 'allowed-not', 'secret'), 'secret');
    symlinkSync(join(folder, 'secret'), join(root, 'link'));
    symlinkSync('..', join(root, 'up'));
    symlinkSync('below/value', join(root, 'inner'));
    const readUrl = await readFilesUnder(root);
    return {
      root,
      load: async (url, maxBytes = 1000) => Buffer.from(await readUrl(url, maxBytes)).toString(),
    };
  }

  it('are read below the folder, links within it followed', async (t) => {
    const { root, load } = await setUp(t);
    for (const name of ['below/value', 'inner', 'below/../below/value', './below//value']) {
      assert.equal(await load(`${pathToFileURL(root)}/${name}`), content, name);
    }
    assert.equal(await load(`file://localhost${root}/inner`), content);
    assert.equal(await load(`${pathToFileURL(root)}/inner`, content.length), content);
  });

  it('are read everywhere when the folder is the root', async (t) => {
    const { root } = await setUp(t);
    const readUrl = await readFilesUnder('/');
    const value = await readUrl(`${pathToFileURL(root)}/below/value`, 1000);
    assert.equal(Buffer.from(value).toString(), content);
  });

  it('are refused outside it, whatever leads there, and when they are no files', async (t) => {
    const { root, load } = await setUp(t);
    const here = pathToFileURL(root).href;
    const urls = [
      `${here}/../secret`,
      `${here}/%2e%2e/secret`,
      `${here}/..%2fsecret`,
      `${here}/link`,
      `${here}/up/secret`,
      `${here}-not/secret`,
      `${here}/none`,
      `${here}/below/value%00`,
      here,
      'file:///etc/passwd',
      `file://elsewhere${root}/inner`,
      `${here}/inner?x`,
      `${here}/inner#x`,
      'http://localhost/inner',
      'data:,x',
      '/etc/passwd',
      '',
    ];
    for (const url of urls) {
      await assert.rejects(load(url), { code: 'DIRECTORY_LDIF_URL' }, url);
    }
    await assert.rejects(load(`${here}/below`), { code: 'DIRECTORY_LDIF_LIMIT' });
    await assert.rejects(load(`${here}/inner`, content.length - 1), {
      code: 'DIRECTORY_LDIF_LIMIT',
    });
    await assert.rejects(readFilesUnder(join(root, 'none')), { code: 'DIRECTORY_LDIF_URL' });
    await assert.rejects(readFilesUnder(join(root, 'inner')), { code: 'DIRECTORY_LDIF_URL' });
  });

  it('become values of entries and of changes', async (t) => {
    const { root } = await setUp(t);
    const fixture = await openTree(t);
    const readUrl = await readFilesUnder(root);
    const url = `${pathToFileURL(root)}/below/value`;
    const entry = `dn: ou=B,${suffix}\nobjectClass: organizationalUnit\ndescription:< ${url}\n`;
    await fixture.directory.importLdif(chunksOf(entry), system, { readUrl });
    assert.deepEqual(await describeUnit(fixture, 'ou=B'), { description: [content], ou: ['B'] });
    const text = `dn: ou=A,${suffix}\nchangetype: modify\nreplace: description\ndescription:<${url}\n`;
    await change(fixture, text, { readUrl });
    assert.deepEqual(await describeUnit(fixture, 'ou=A'), { description: [content], ou: ['A'] });
    const bad = text.replace(url, 'file:///etc/passwd');
    await assert.rejects(change(fixture, bad, { readUrl }), { message: /^line 4: / });
  });
});
