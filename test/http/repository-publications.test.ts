import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { publicationsOf } from '../../src/app/repository-publications.ts';
import { CaError } from '../../src/ca/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { openPublicRepository } from '../../src/http/public-repository.ts';
import type { RepositoryPublications } from '../../src/http/repository-publications.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { crossCertify, smallBca } from '../support/cross-exchange.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Opened {
  readonly bed: CaTestBed;
  /** The body of a page, and its status. */
  get(path: string): Promise<string>;
  fetch(path: string, headers?: Record<string, string>): Promise<Response>;
}

async function open(
  t: TestContext,
  bed: CaTestBed,
  change: Partial<RepositoryPublications> = {},
): Promise<Opened> {
  const checkpointer = { signNote: async (text: string) => `${text}\n— log signature\n` };
  const parts = { authority: bed.ca, auditing: { checkpointer }, policy: bed.policy };
  const base = publicationsOf(parts, [], '');
  const repository = await openPublicRepository({
    directory: bed.directory,
    caDn: bed.policy.names.issuer,
    caName: bed.policy.title,
    publications: { ...base, ...change },
    address: '127.0.0.1',
    port: 0,
    log: silentLog,
  });
  t.after(() => repository.close());
  const get = (path: string, headers = {}): Promise<Response> =>
    fetch(`${repository.url}${path}`, { headers });
  return { bed, get: async (path) => (await get(path)).text(), fetch: get };
}

describe('names of CAs and of holders', () => {
  it('of a CA: cross-certified, then cancelled (gunma 2-6-1, R-XC 5)', async (t) => {
    const gunma = await CaTestBed.open(t, { policy: smallGunma });
    const bca = await CaTestBed.open(t, { policy: smallBca });
    const [ours, theirs] = [
      { bed: gunma, id: 'gunma' },
      { bed: bca, id: 'bca' },
    ] as const;
    const { get } = await open(t, gunma);
    assert.doesNotMatch(await get('/'), /Cross-certified/);
    await crossCertify(ours, theirs);
    const page = await get('/');
    assert.match(page, /相互認証した CA \/ Cross-certified CAs/);
    assert.match(page, /公的個人認証サービスブリッジ認証局/);
    assert.match(page, /href="\/pairs\/0"/);
    assert.match(await get('/names.txt'), /^# 相互認証した CA[^\n]*\n\d{4}[^ ]* OU=BridgeCA,/);
    await gunma.ca.bridge.revoke('bca', { reason: 'cessationOfOperation', origin: tester });
    const after = await get('/');
    assert.match(after, /相互認証を取り消した CA/);
    assert.doesNotMatch(after, /相互認証した CA/);
    assert.match(await get('/names.txt'), /^# 相互認証を取り消した CA/);
  });

  it('of sites and signers, escaped, and those taken back (mic 2.6.1)', async (t) => {
    const names: RepositoryPublications['names'] = async () => ({
      crossCertified: [],
      subjects: [
        { title: undefined, name: 'CN=<www>.go.jp', state: 'certified', sinceMs: 0 },
        { title: undefined, name: 'CN=old.go.jp', state: 'cancelled', sinceMs: 1000 },
      ],
    });
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const { get } = await open(t, bed, { names });
    const page = await get('/');
    assert.match(page, /認証したサイト及び署名者[\s\S]*CN=&lt;www&gt;\.go\.jp/);
    assert.match(page, /認証を取り消したサイト及び署名者[\s\S]*CN=old\.go\.jp/);
    assert.match(await get('/names.txt'), /^1970-01-01T00:00:01Z CN=old\.go\.jp$/m);
  });
});

describe('the lists that there are (gunma 2-6-1, 2-6-3, 2-8-3)', () => {
  it('are named, the restricted ones too, and nothing of what is in them', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const issued = await bed.issue();
    await bed.revoke(issued.serialNumber);
    await bed.clock.advance(1000);
    await bed.ca.publish('10201', tester);
    const { get, fetch: request } = await open(t, bed);
    const page = await get('/lists.html');
    const rowOf = (text: string): string =>
      page.split('\n').find((line) => line.includes(text)) ?? assert.fail(text);
    assert.match(rowOf('CN=Maebashi-shi CRLDP'), /registered verifiers alone/);
    assert.match(rowOf('CN=Maebashi-shi CRLDP'), /<td>10201<\/td>/);
    assert.doesNotMatch(rowOf('CN=Maebashi-shi CRLDP'), /href/);
    assert.match(rowOf('CN=Operations CRLDP'), /href="\/crl\/operations\.crl"/);
    assert.match(rowOf('authorityRevocationList'), /href="\/crl\/arl\.crl"/);
    const municipal = page.split('\n').filter((line) => /registered verifiers alone</.test(line));
    assert.equal(municipal.length, bed.policy.municipalities?.list.length);
    const serial = issued.serialNumber.toString(16);
    assert.ok(!page.toLowerCase().includes(serial), 'no serial number');
    assert.ok(!(await request('/lists.html')).headers.has('set-cookie'));
  });

  it('are found in each tree of the CA, also beside its entry (jlis-auth 2.2)', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const { issuer } = bed.policy.names;
    const points = `OU=CRL Distribution Points,${issuer}`;
    const { get } = await open(t, bed, { tops: [points] });
    const page = await get('/lists.html');
    assert.match(page, /CN=Maebashi-shi CRLDP/);
    assert.doesNotMatch(page, /authorityRevocationList/);
    const both = await open(t, bed, { tops: [points, issuer.replace(/^OU=/, 'ou=')] });
    assert.match(await both.get('/lists.html'), /authorityRevocationList/);
  });

  it('are named over LDAP to anyone, and counted by nobody', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const { get } = await open(t, bed);
    const records = (await bed.records()).length;
    await get('/lists.html');
    assert.equal((await bed.records()).length, records);
  });
});

describe('fingerprints, signed (secom 2.1.1)', () => {
  it('are what fingerprints.txt says, under a note that is signed once', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const signed: string[] = [];
    const signNote = async (text: string): Promise<string> => {
      signed.push(text);
      return `${text}\n— log signature\n`;
    };
    const { get } = await open(t, bed, { signNote });
    const note = await get('/fingerprints.note');
    const plain = await get('/fingerprints.txt');
    assert.equal(
      note,
      `certdir fingerprints\n${bed.policy.names.issuer}\n${plain}\n— log signature\n`,
    );
    await get('/fingerprints.note');
    assert.equal(signed.length, 1);
  });

  it('are not there while nothing is signed', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    let isHeld = true;
    const signNote = async (text: string): Promise<string> => {
      if (isHeld) {
        throw new CaError('CA_RECOVERY_PENDING', 'held back');
      }
      return text;
    };
    const { fetch: request } = await open(t, bed, { signNote });
    assert.equal((await request('/fingerprints.note')).status, 404);
    isHeld = false;
    assert.equal((await request('/fingerprints.note')).status, 200);
  });
});

describe('documents (gunma 2-6-1, 8-2, secom 2.6.4, mic 8.2, jlis 9.12.2)', () => {
  it('are at their paths and on the page, and the newest as soon as it lies there', async (t) => {
    const bed = await CaTestBed.open(t, { policy: smallGunma });
    const file = join(temporaryFolder(t), 'cps.pdf');
    const path = '/PassportFor/G-ID/repository/CPS.pdf';
    const documents = [{ path, file, title: { ja: '認証運用規定 <&>', en: 'CPS' } }];
    const { get, fetch: request } = await open(t, bed, { documents });
    assert.equal((await request(path)).status, 404, 'before there is one');
    writeFileSync(file, '%PDF first');
    const first = await request(path);
    const tag = `"${createHash('sha256').update('%PDF first').digest('hex')}"`;
    assert.equal(first.headers.get('content-type'), 'application/pdf');
    assert.equal(first.headers.get('etag'), tag);
    assert.equal(await first.text(), '%PDF first');
    assert.equal((await request(path, { 'if-none-match': tag })).status, 304);
    writeFileSync(file, '%PDF second');
    const second = await request(path, { 'if-none-match': tag });
    assert.deepEqual([second.status, await second.text()], [200, '%PDF second']);
    const page = await get('/');
    assert.ok(page.includes(`<a href="${path}">認証運用規定 &lt;&amp;&gt;`));
    rmSync(file);
    assert.equal((await request(path)).status, 404);
  });
});
