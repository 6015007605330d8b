/**
 * OCSP as others ask for it: OpenSSL, curl and GnuTLS against a server with the CA behind it; verifiers by TLS client
 * certificate and by signature.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { type RunningServer, serve } from '../../src/app/server.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { silentLog } from '../../src/core/log.ts';
import type { IssuedReport } from '../../src/http/operations.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { readOcspResponse } from '../support/ocsp-reader.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { runRows } from '../support/reported-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleCertificate, sampleKey, sampleRequest } from '../support/x509-samples.ts';

const operator = { name: 'tester' };
const skip = skipWithout('openssl');
const skipCurl = skipWithout('curl');
const skipGnutls = skipWithout('certtool');
const skipJava = skipWithout('javac');

describe('OCSP and other programs', { skip }, () => {
  const folder = temporaryFolder({ after });
  const data = join(folder, 'data');
  const at = (name: string): string => join(folder, name);
  let server: RunningServer;
  let url: string;
  let people = 0;

  async function start(
    settings: { readonly access: 'public' | 'verifiers'; readonly maxAge: number },
    listener: { readonly tls: boolean },
  ): Promise<void> {
    const file = join(data, 'policy.yaml');
    const text = readFileSync(file, 'utf8')
      .replace(/^ {2}access: (public|verifiers)$/m, `  access: ${settings.access}`)
      .replace(/^ {2}httpMaxAgeMinutes: \d+$/m, `  httpMaxAgeMinutes: ${settings.maxAge}`);
    writeFileSync(file, text);
    const configuration = JSON.parse(readFileSync(join(data, CONFIGURATION_FILE), 'utf8'));
    const ocsp = { address: '127.0.0.1', port: 0, ...listener };
    writeFileSync(join(data, CONFIGURATION_FILE), JSON.stringify({ ...configuration, ocsp }));
    server = await serve({ folder: data, log: silentLog });
    url = server.endpoints.find((one) => /^https?:.*\/$/.test(one)) ?? '';
  }

  before(async () => {
    await makeDataFolder(data);
    await start({ access: 'public', maxAge: 5 }, { tls: false });
    const [http] = server.endpoints.filter((one) => /^http:.*[0-9]$/.test(one));
    writeFileSync(at('ca.pem'), await (await fetch(`${http}/ca.pem`)).text());
    await untilReady();
  });
  after(() => server.close());

  /** The server makes its responder when it starts. */
  async function untilReady(): Promise<void> {
    await issue('waits');
    for (let turn = 0; turn < 5_000; turn += 1) {
      if (!/trylater/.test((await ask(['-cert', at('waits.pem')])).text)) {
        return;
      }
    }
    assert.fail('there is no responder');
  }

  async function run(
    command: string,
    args: readonly string[],
  ): Promise<{ readonly text: string; readonly stdout: Buffer }> {
    const options = { timeout: 20_000, encoding: 'buffer' } as const;
    const result = await promisify(execFile)(command, [...args], options).catch(
      (error: { readonly stdout: Buffer; readonly stderr: Buffer }) => error,
    );
    return { text: `${result.stdout}${result.stderr}`, stdout: result.stdout };
  }

  /** `openssl ocsp` with the CA as issuer unless told otherwise. */
  function ask(args: readonly string[], issuer = at('ca.pem')): ReturnType<typeof run> {
    return run('openssl', [
      'ocsp',
      '-issuer',
      issuer,
      '-CAfile',
      at('ca.pem'),
      '-url',
      url,
      ...args,
    ]);
  }

  async function issue(name: string, municipality = '10201'): Promise<IssuedReport> {
    people += 1;
    const csr = sampleRequest(sampleKey('p256', `ocsp ${name}`));
    const attributes = {
      commonName: '群馬　花子',
      gender: '2',
      dateOfBirth: `19${10 + people}-04-01`,
      address: '群馬県前橋市大手町一丁目１番１号',
    };
    const request = Buffer.from(csr).toString('base64');
    const issued = await server.operations.issue({ request, municipality, attributes }, operator);
    writeFileSync(at(`${name}.pem`), issued.certificate);
    return issued;
  }

  for (const hash of ['-sha1', '-sha256']) {
    it(`openssl ocsp ${hash}: good, then revoked with its reason, at once`, async () => {
      const { serialNumber } = await issue(`citizen${hash}`);
      const args = [hash, '-cert', at(`citizen${hash}.pem`)];
      const good = await ask(args);
      assert.match(good.text, /Response verify OK/);
      assert.match(good.text, /\.pem: good/);
      const known = await ask([...args, '-no_nonce']);
      assert.match(known.text, /\.pem: good/);
      await server.operations.revoke({ serialNumber, reason: 'superseded' }, operator);
      for (const more of [[], ['-no_nonce']]) {
        const { text } = await ask([...args, ...more]);
        assert.match(text, /Response verify OK/);
        assert.match(text, /\.pem: revoked/);
        assert.match(text, /Reason: superseded/);
        assert.doesNotMatch(text, /no nonce in response/);
      }
    });
  }

  it('openssl ocsp: unknown for a number that was never issued', async () => {
    const { text } = await ask(['-serial', '0x4711']);
    assert.match(text, /Response verify OK/);
    assert.match(text, /0x4711: unknown/);
  });

  it('openssl ocsp: unauthorized for another issuer', async () => {
    const other = at('other.pem');
    writeFileSync(other, encodePem('CERTIFICATE', sampleCertificate(sampleKey('rsa-2048'))));
    const { text } = await ask(['-serial', '1'], other);
    assert.match(text, /Responder Error: unauthorized \(6\)/);
  });

  it('curl GET, on the listener and below /ocsp of the repository, may be kept by caches', {
    skip: skipCurl,
  }, async () => {
    await issue('curl');
    const request = at('curl.req');
    await run('openssl', [
      ...[
        'ocsp',
        '-issuer',
        at('ca.pem'),
        '-cert',
        at('curl.pem'),
        '-no_nonce',
        '-reqout',
        request,
      ],
    ]);
    const path = encodeURIComponent(readFileSync(request).toString('base64'));
    const [http] = server.endpoints.filter((one) => /^http:.*[0-9]$/.test(one));
    for (const base of [url, `${http}/ocsp/`]) {
      const { text } = await run('curl', [
        '-s',
        '-D',
        '-',
        '-o',
        at('curl.resp'),
        `${base}${path}`,
      ]);
      assert.match(text, /^HTTP\/1.1 200/);
      assert.match(text, /cache-control: max-age=\d+, public, no-transform, must-revalidate/i);
      const read = await run('openssl', [
        'ocsp',
        '-respin',
        at('curl.resp'),
        '-CAfile',
        at('ca.pem'),
        '-issuer',
        at('ca.pem'),
        '-cert',
        at('curl.pem'),
      ]);
      assert.match(read.text, /Response verify OK/);
      assert.match(read.text, /\.pem: good/);
    }
  });

  it('ocsptool of GnuTLS', { skip: skipGnutls }, async () => {
    await issue('gnutls');
    const { text } = await run('ocsptool', [
      ...[`--ask=${url}`, '--load-issuer', at('ca.pem'), '--load-cert', at('gnutls.pem')],
      ...['--load-trust', at('ca.pem')],
    ]);
    assert.match(text, /Certificate Status: good/);
    assert.match(text, /Success/);
  });

  it('the revocation checker of OpenJDK', { skip: skipJava }, async (t) => {
    await issue('java-good');
    const { serialNumber } = await issue('java-revoked');
    await server.operations.revoke({ serialNumber, reason: 'keyCompromise' }, operator);
    await runRows(t, {
      command: 'java',
      // SHA-1 is only in CertIDs, which OpenJDK makes with it.
      args: [
        ...[join(packageRoot, 'test/interop/java/OcspClient.java'), url, at('ca.pem')],
        ...[at('java-good.pem'), 'good', at('java-revoked.pem'), 'KEY_COMPROMISE'],
      ],
      leastRows: 4,
    });
  });

  it('another responder takes over at once', async () => {
    await issue('renewed');
    const before = await server.operations.ocspStatus();
    const renewed = await server.operations.ocspRenew(operator);
    assert.equal(renewed.responder?.number, (before.responder?.number ?? 0) + 1);
    const { text } = await ask(['-cert', at('renewed.pem'), '-resp_text']);
    assert.match(text, /Response verify OK/);
    assert.match(
      text,
      new RegExp(
        renewed.responder?.serialNumber.toLowerCase().replaceAll(/(..)(?=.)/g, '$1:') ?? '-',
      ),
    );
  });

  /** A registered verifier with a certificate; what makes others sign or show with it. */
  async function register(
    name: string,
    partitions: readonly string[],
  ): Promise<{
    readonly dn: string;
    readonly shown: readonly string[];
    readonly signed: readonly string[];
  }> {
    const key = sampleKey('p256', `verifier ${name}`);
    const [keyFile, file] = [at(`${name}.key`), at(`${name}.pem`)];
    writeFileSync(keyFile, key.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const nowMs = Date.now();
    const times = { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + 86_400_000 };
    const certificate = sampleCertificate(key, times);
    writeFileSync(file, encodePem('CERTIFICATE', certificate));
    const agreement = { agreementFrom: '2020-01-01', agreementUntil: '2099-12-31', partitions };
    const { dn } = await server.operations.verifiers.add(
      {
        ...{ name, kind: 'signatureVerifier', agreementNumber: name, ...agreement },
        certificate: Buffer.from(certificate).toString('base64'),
      },
      operator,
    );
    const shown = ['--cert', file, '--key', keyFile];
    return { dn, shown, signed: ['-signer', file, '-signkey', keyFile] };
  }

  /** What curl gets, headers included, for a request that OpenSSL makes. */
  async function post(
    asked: readonly string[],
    { signed = [], shown = [] }: { signed?: readonly string[]; shown?: readonly string[] },
  ): Promise<Buffer> {
    const request = at('verifier.req');
    await run('openssl', [
      'ocsp',
      '-issuer',
      at('ca.pem'),
      ...asked,
      '-reqout',
      request,
      ...signed,
    ]);
    const { stdout } = await run('curl', [
      ...['-s', '-i', '-k', ...shown, '-H', 'content-type: application/ocsp-request'],
      ...['--data-binary', `@${request}`, url],
    ]);
    return stdout;
  }

  /** The certificate's status, or the number of the refusal. */
  function statusIn(answer: Buffer): string {
    const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    const { responseStatus, singles } = readOcspResponse(body);
    return singles[0]?.status ?? String(responseStatus);
  }

  describe('where verifiers alone are answered', { skip: skipCurl }, () => {
    const neverIssued = ['-serial', '0x4711'];
    const theirs = ['-cert', at('theirs.pem')];
    const others = ['-cert', at('others.pem')];
    const [sigRequired, unauthorized] = ['5', '6'];
    let some: Awaited<ReturnType<typeof register>>;
    let all: Awaited<ReturnType<typeof register>>;

    before(async () => {
      await issue('theirs', '10201');
      await issue('others', '10202');
      await server.close();
      await start({ access: 'verifiers', maxAge: 0 }, { tls: true });
      some = await register('some', ['10201']);
      all = await register('all', ['*']);
    });

    it('each is by TLS client certificate and by signature, for its partitions', async () => {
      for (const { how, who } of [
        { how: 'shown', who: { shown: some.shown } },
        { how: 'signed', who: { signed: some.signed } },
      ]) {
        assert.equal(statusIn(await post(theirs, who)), 'good', how);
        assert.equal(statusIn(await post(others, who)), unauthorized, how);
      }
      assert.equal(statusIn(await post(theirs, {})), sigRequired);
    });

    it('never issued is as of another partition, but for who may read them all', async () => {
      const who = { shown: some.shown };
      const dated = /^date: .*\r\n/im;
      const [ofOthers, ofNobody] = [await post(others, who), await post(neverIssued, who)].map(
        (answer) => answer.toString('latin1').replace(dated, ''),
      );
      assert.equal(ofNobody, ofOthers);
      assert.equal(statusIn(await post(neverIssued, { signed: some.signed })), unauthorized);
      assert.equal(statusIn(await post(neverIssued, { shown: all.shown })), 'unknown');
      assert.equal(statusIn(await post(neverIssued, { signed: all.signed })), 'unknown');
      assert.equal(statusIn(await post(others, { shown: all.shown })), 'good');
    });

    it('nobody is after the end of its access, and everything was counted', async () => {
      await server.operations.verifiers.disable({ name: 'some' }, operator);
      assert.equal(statusIn(await post(theirs, { shown: some.shown })), unauthorized);
      assert.equal(statusIn(await post(theirs, { signed: some.signed })), unauthorized);
      const period = new Date().toISOString().slice(0, 4);
      const { lines } = await server.operations.audit.provisions({ period });
      const countsOf = ({ dn }: { dn: string }): unknown =>
        lines
          .filter(
            ({ verifier, method }) =>
              method === 'ocsp' && verifier.toLowerCase() === dn.toLowerCase(),
          )
          .map(({ partition, provided, refused }) => [partition, provided, refused]);
      assert.deepEqual(countsOf(some), [
        ['', 0, 2],
        ['10201', 2, 0],
        ['10202', 0, 3],
      ]);
      assert.deepEqual(countsOf(all), [
        ['', 2, 0],
        ['10202', 1, 0],
      ]);
    });
  });
});
