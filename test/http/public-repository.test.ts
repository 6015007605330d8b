import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import { openPublicRepository, type PublicRepository } from '../../src/http/public-repository.ts';
import { openLogSource } from '../../src/verifier/log-source.ts';
import { verifyLog } from '../../src/verifier/log-verification.ts';
import { fingerprint } from '../../src/x509/fingerprint.ts';
import { openAuditBed } from '../support/audit-bed.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';

function openOn(bed: CaTestBed, port = 0): Promise<PublicRepository> {
  return openPublicRepository({
    directory: bed.directory,
    caDn: bed.policy.names.issuer,
    caName: { ja: '群馬県認証局 <&>', en: 'Gunma' },
    address: '127.0.0.1',
    port,
    log: silentLog,
  });
}

async function open(t: TestContext): Promise<{ readonly bed: CaTestBed; readonly url: string }> {
  const bed = await CaTestBed.open(t);
  const repository = await openOn(bed);
  t.after(() => repository.close());
  return { bed, url: repository.url };
}

describe('public repository', () => {
  it('gives the CA certificate as DER and PEM under its fingerprint', async (t) => {
    const { bed, url } = await open(t);
    const { der } = bed.ca.certificate;
    const hash = fingerprint(der).replaceAll(':', '').toLowerCase();
    const answer = await fetch(`${url}/certificates/${hash}.cer`);
    assert.equal(answer.headers.get('content-type'), 'application/pkix-cert');
    assert.equal(answer.headers.get('etag'), `"${hash}"`);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(der));
    for (const path of [`certificates/${hash}.pem`, 'ca.pem']) {
      const pem = await (await fetch(`${url}/${path}`)).text();
      assert.deepEqual(new X509Certificate(pem).raw, Buffer.from(der));
    }
  });

  it('gives fingerprints by SHA-256 and SHA-1', async (t) => {
    const { bed, url } = await open(t);
    const certificate = new X509Certificate(bed.ca.certificate.der);
    assert.equal(
      await (await fetch(`${url}/fingerprints.txt`)).text(),
      `SHA-256 ${certificate.fingerprint256}\nSHA-1   ${certificate.fingerprint}\n`,
    );
  });

  it('gives the ARL as it was published', async (t) => {
    const { bed, url } = await open(t);
    const answer = await fetch(`${url}/arl.crl`);
    assert.equal(answer.headers.get('content-type'), 'application/pkix-crl');
    const list = await bed.ca.readList('arl');
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(list ?? []));
  });

  it('shows a page in both languages, without scripts, with names escaped', async (t) => {
    const { url } = await open(t);
    const answer = await fetch(url);
    const page = await answer.text();
    assert.match(page, /Revocation information/);
    assert.match(page, /失効情報/);
    assert.match(page, /群馬県認証局 &lt;&amp;&gt;/);
    assert.doesNotMatch(page, /<script/);
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  });

  const absent = [
    '/crl/10201.crl',
    '/10201.crl',
    '/certificates/none.cer',
    `/certificates/${'0'.repeat(64)}.cer`,
    `/certificates/${'A'.repeat(4000)}.cer`,
    '/certificates/..%2f..%2fpackage.json',
    '/pairs/0',
    '/pairs/-1',
    '/%ff',
  ];
  for (const path of absent) {
    it(`has nothing at ${path.slice(0, 40)}`, async (t) => {
      const { url } = await open(t);
      const { status } = await fetch(`${url}${path}`);
      assert.ok(status === 404 || status === 400 || status === 414, String(status));
    });
  }

  it('serves checkpoints and, where the policy lets it, tiles, and never records', async (t) => {
    const bed = await openAuditBed(t);
    await bed.append(300);
    await bed.checkpointer.sign();
    await bed.append(300);
    for (const isPublic of [true, false]) {
      const { directory, policy } = await CaTestBed.open(t);
      const repository = await openPublicRepository({
        ...{ directory, caDn: policy.names.issuer, caName: { ja: '', en: '' } },
        ...{ address: '127.0.0.1', port: 0, log: silentLog },
        audit: {
          key: () => bed.trail.key,
          handovers: () => bed.trail.handovers,
          checkpoint: () => bed.checkpointer.current(),
          tile: async (path) => (isPublic ? await bed.trail.publicTile(path) : undefined),
        },
      });
      t.after(() => repository.close());
      const source = openLogSource(`${repository.url}/audit/`);
      const claim = { source, key: bed.key.note, kept: [] };
      if (isPublic) {
        const { checkpoint } = await verifyLog({ ...claim, entries: 'none' });
        assert.equal(checkpoint.size, 300n);
      } else {
        await assert.rejects(verifyLog({ ...claim, entries: 'none' }), {
          code: 'VERIFIER_MISSING',
        });
      }
      // Not beyond the checkpoint, and no records.
      for (const path of ['tile/0/001', 'tile/0/002.p/88', 'tile/entries/000', 'tile/0/0']) {
        assert.equal(await source.read(path), undefined, path);
      }
    }
  });

  it('takes GET and HEAD only', async (t) => {
    const { url } = await open(t);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      assert.equal((await fetch(`${url}/ca.pem`, { method })).status, 404);
    }
    assert.equal((await fetch(`${url}/ca.pem`, { method: 'HEAD' })).status, 200);
  });

  it('says which port is taken and what to do', async (t) => {
    const bed = await CaTestBed.open(t);
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    t.after(() => other.close());
    await assert.rejects(openOn(bed, (other.address() as AddressInfo).port), {
      code: 'HTTP_ADDRESS_IN_USE',
    });
  });
});
