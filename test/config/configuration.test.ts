import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { type Configuration, loadConfiguration } from '../../src/config/configuration.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const minimal = `formatVersion: 1
policy: policy.yaml
token:
  kind: software
  file: token/keys.json
ldap:
  listeners:
    - { address: 127.0.0.1, port: 1389, tls: none }
`;

function load(t: { after(fn: () => void): void }, text: string): Promise<unknown> {
  const file = join(temporaryFolder(t), 'certdir.yaml');
  writeFileSync(file, text);
  return loadConfiguration(file);
}

describe('loadConfiguration', () => {
  it('fills defaults and makes paths absolute', async (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'certdir.yaml');
    writeFileSync(file, minimal);
    const configuration = await loadConfiguration(file);
    assert.equal(configuration.folder, folder);
    assert.deepEqual(configuration.policies, [join(folder, 'policy.yaml')]);
    assert.equal(configuration.store.folder, join(folder, 'store'));
    assert.deepEqual(configuration.token, {
      kind: 'software',
      file: join(folder, 'token/keys.json'),
    });
    assert.equal(configuration.ldap.allowClearPasswords, false);
    assert.deepEqual(configuration.ldap.limits, {});
    assert.deepEqual(configuration.directory.limits, {});
    assert.equal(configuration.http, undefined);
    assert.equal(configuration.metrics, undefined);
    assert.deepEqual(configuration.directory.indexes, []);
    assert.deepEqual(configuration.store.journal, { keepUntilBackedUp: true });
    assert.deepEqual(configuration.audit, { folder: join(folder, 'audit') });
    assert.deepEqual(configuration.access, { folder: join(folder, 'access'), syncMs: 500 });
  });

  it('names documents of the repository, each at a path that is not the repository’s own', async (t) => {
    const setting = (...documents: readonly object[]): string =>
      `${minimal}http: ${JSON.stringify({ address: '127.0.0.1', port: 0, documents })}\n`;
    const sound = {
      path: '/PassportFor/G-ID/repository/CPS.pdf',
      file: 'documents/cps.pdf',
      title: { ja: '認証運用規定', en: 'CPS' },
    };
    const { folder, http } = (await load(
      t,
      setting(sound, { ...sound, path: '/cp.pdf', ca: 'x' }),
    )) as Configuration;
    assert.deepEqual(http?.documents[0], { ...sound, file: join(folder, 'documents/cps.pdf') });
    assert.equal(http?.documents[1]?.ca, 'x');
    const refused: readonly (readonly object[])[] = [
      [sound, sound],
      ...['/audit/x.txt', '/notices.txt', '/fingerprints.txt', '/crl/x.pdf'].map((path) => [
        { ...sound, path },
      ]),
      ...['cps.pdf', '/', '/cps', '/../cps.pdf.exe', '/c%2e.pdf', '//x.pdf'].map((path) => [
        { ...sound, path },
      ]),
      [{ ...sound, file: 'secrets/passphrase' }],
      [{ ...sound, title: { ja: 'x' } }],
    ];
    for (const documents of refused) {
      const code = 'CONFIG_INVALID';
      await assert.rejects(load(t, setting(...documents)), { code }, JSON.stringify(documents));
    }
  });

  it('keeps the journal for 1 to 36,500 days', async (t) => {
    const setting = (days: string): string =>
      `${minimal}store: { journal: { keepDays: ${days}, keepUntilBackedUp: false } }\n`;
    for (const days of [1, 36_500]) {
      const { store } = (await load(t, setting(`${days}`))) as Configuration;
      assert.deepEqual(store.journal, { keepDays: days, keepUntilBackedUp: false });
    }
    for (const bad of ['0', '36501', '1.5', 'all']) {
      await assert.rejects(load(t, setting(bad)), { code: 'CONFIG_INVALID' }, bad);
    }
  });

  it('takes a listener for standbys, off when left out, with hashes as OpenSSL writes them', async (t) => {
    assert.equal(((await load(t, minimal)) as Configuration).replication, undefined);
    const colons = Array.from({ length: 32 }, () => 'AB').join(':');
    const [one, two] = ['ab'.repeat(32), 'cd'.repeat(32)];
    const head = 'address: "::", port: 7443, certificateFile: tls/c.pem, keyFile: tls/k.pem';
    const settings = (rest: string): string => `${minimal}replication: { ${head}, ${rest} }\n`;
    const { replication } = (await load(t, settings(`clients: ["${colons}"]`))) as Configuration;
    assert.deepEqual(replication?.clients, [one]);
    const { synchronous, timeoutSeconds, onTimeout } = replication ?? {};
    assert.deepEqual([synchronous, timeoutSeconds, onTimeout], [false, 10, 'stop']);
    assert.match(replication?.keyFile ?? '', /^\/.*tls\/k\.pem$/);
    await load(t, settings(`clients: [${one}], synchronous: true`));
    await load(t, settings(`clients: [${one}, ${two}], synchronous: true, standby: ${two}`));
    for (const bad of [
      'clients: []',
      `clients: [${one.slice(1)}]`,
      `clients: [${one}], standby: ${two}`,
      `clients: [${one}, ${two}], synchronous: true`,
      `clients: [${one}], timeoutSeconds: 0.05`,
      `clients: [${one}], timeoutSeconds: 601`,
      `clients: [${one}], onTimeout: hope`,
    ]) {
      await assert.rejects(load(t, settings(bad)), { code: 'CONFIG_INVALID' }, bad);
    }
  });

  it('takes names of the audit log without spaces and plus, and syncs within a second', async (t) => {
    const good = `${minimal}audit: { origin: ca.example.jp/audit }\naccess: { syncMs: 1000 }\n`;
    const { audit, access } = (await load(t, good)) as Configuration;
    assert.deepEqual([audit.origin, access.syncMs], ['ca.example.jp/audit', 1_000]);
    for (const bad of [
      'audit: { origin: a b }',
      'audit: { origin: a+b }',
      'access: { syncMs: 9 }',
      'access: { syncMs: 1001 }',
    ]) {
      await assert.rejects(load(t, `${minimal}${bad}\n`), { code: 'CONFIG_INVALID' }, bad);
    }
  });

  it("gives the audit log a token of its own, which opens by itself and is not the CA's", async (t) => {
    const token = (text: string): string => `${minimal}audit: { token: { ${text} } }\n`;
    const own = 'kind: software, file: audit-token/keys.json';
    const { audit, folder } = (await load(
      t,
      token(`${own}, passphraseFile: secrets/p`),
    )) as Configuration;
    assert.deepEqual(audit.token, {
      kind: 'software',
      file: join(folder, 'audit-token/keys.json'),
      passphraseFile: join(folder, 'secrets/p'),
    });
    for (const bad of [
      own,
      `${own}, custodiansFile: token/custodians.json`,
      'kind: software, file: ./token/keys.json, passphraseFile: secrets/p',
    ]) {
      await assert.rejects(load(t, token(bad)), { code: 'CONFIG_INVALID' }, bad);
    }
  });

  it('puts metrics on the loopback unless told otherwise, and takes further indexes', async (t) => {
    const text = `${minimal}metrics: { port: 9189 }\ndirectory: { indexes: [sn] }\n`;
    const { metrics, directory } = (await load(t, text)) as Configuration;
    assert.deepEqual(metrics, { address: '127.0.0.1', port: 9189 });
    assert.deepEqual(directory.indexes, ['sn']);
  });

  const refused = [
    { why: 'an unknown key', text: `${minimal}surprise: 1\n` },
    { why: 'another format', text: minimal.replace('formatVersion: 1', 'formatVersion: 2') },
    { why: 'no listener', text: `${minimal.split('listeners:')[0]}listeners: []\n` },
    { why: 'a port out of range', text: minimal.replace('1389', '70000') },
    { why: 'a secret in the text', text: minimal.replace('kind:', 'passphrase: x\n  kind:') },
    { why: 'an unknown limit', text: `${minimal}  limits: { pduBytes: 4096 }\n` },
    { why: 'metrics without a port', text: `${minimal}metrics: {}\n` },
    { why: 'an index without a name', text: `${minimal}directory: { indexes: [''] }\n` },
    { why: 'an empty file', text: '' },
  ];
  for (const { why, text } of refused) {
    it(`refuses ${why}`, async (t) => {
      await assert.rejects(load(t, text), { code: 'CONFIG_INVALID' });
    });
  }

  it('says which file is missing', async (t) => {
    const file = join(temporaryFolder(t), 'certdir.yaml');
    await assert.rejects(loadConfiguration(file), (error: Error) => {
      assert.equal((error as { code?: string }).code, 'CONFIG_UNREADABLE');
      return error.message.includes(file);
    });
  });
});
