/**
 * EST as its clients have it: keys and requests by OpenSSL, sent by curl, what comes back read by OpenSSL.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import type { RequestRoute } from '../../src/ca/policy/people-schema.ts';
import { ApiBed, serverCertificatePem } from '../support/api-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { estPolicy } from '../support/est-policy.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PASSWORD = 'a password of the staff';

interface EstAnswer {
  readonly status: number;
  readonly headers: string;
  /** The file with the body. */
  readonly file: string;
  readonly text: string;
}

class EstClient {
  readonly bed: ApiBed;
  readonly #folder: string;

  constructor(bed: ApiBed, folder: string) {
    this.bed = bed;
    this.#folder = folder;
    writeFileSync(this.at('trusted.pem'), serverCertificatePem);
  }

  static async open(t: TestContext, steps: RequestRoute['steps']): Promise<EstClient> {
    const bed = await ApiBed.open(t, { policy: estPolicy(steps) });
    return new EstClient(bed, temporaryFolder(t));
  }

  at(name: string): string {
    return join(this.#folder, name);
  }

  async openssl(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await runCommand('openssl', args);
    assert.equal(status, 0, `openssl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** A key and a PKCS#10 as EST wants it. @returns the file. */
  async request(subject: string, name = 'new'): Promise<string> {
    const [key, der, body] = [
      this.at(`${name}.key`),
      this.at(`${name}.der`),
      this.at(`${name}.b64`),
    ];
    await this.openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', key, '-subj', subject, '-outform', 'DER', '-out', der],
    );
    await this.openssl('base64', '-in', der, '-out', body);
    return body;
  }

  async curl(path: string, ...args: string[]): Promise<EstAnswer> {
    const [file, headers] = [this.at('answer'), this.at('headers')];
    const { status, stdout, stderr } = await runCommand('curl', [
      ...['--silent', '--show-error', '--cacert', this.at('trusted.pem'), '--max-time', '20'],
      ...['--output', file, '--dump-header', headers, '--write-out', '%{http_code}', ...args],
      `${this.bed.url}/.well-known/est/${path}`,
    ]);
    assert.equal(status, 0, stderr);
    return {
      status: Number(stdout),
      headers: readFileSync(headers, 'utf8').toLowerCase(),
      ...{ file, text: readFileSync(file, 'utf8') },
    };
  }

  enrol(label: string, body: string, ...args: string[]): Promise<EstAnswer> {
    const type = 'Content-Type: application/pkcs10';
    return this.curl(`${label}/simpleenroll`, '--data-binary', `@${body}`, '-H', type, ...args);
  }

  /** What OpenSSL reads in a certs-only message. */
  async certificates({ file }: EstAnswer): Promise<string> {
    const der = this.at('answer.p7');
    await this.openssl('base64', '-d', '-in', file, '-out', der);
    return await this.openssl('pkcs7', '-inform', 'DER', '-in', der, '-print_certs');
  }
}

describe('EST (RFC 7030) for curl and OpenSSL', { skip: skipWithout('curl', 'openssl') }, () => {
  it('§4.1 gives out the CA certificates to everyone', async (t) => {
    const client = await EstClient.open(t, ['receive']);
    for (const path of ['cacerts', 'gunma/cacerts', 'gunma.server/cacerts']) {
      const answer = await client.curl(path);
      assert.equal(answer.status, 200, path);
      assert.match(answer.headers, /content-type: application\/pkcs7-mime/);
      assert.match(await client.certificates(answer), /OU\s?=\s?Gunma Prefectural CA/);
    }
    assert.equal((await client.curl('nowhere/cacerts')).status, 404);
    assert.equal((await client.curl('gunma.self-signed/cacerts')).status, 404);
  });

  it('§4.5 says what a request should be like', async (t) => {
    const client = await EstClient.open(t, ['receive']);
    const answer = await client.curl('gunma/csrattrs');
    assert.equal(answer.status, 200);
    assert.match(answer.headers, /content-type: application\/csrattrs/);
    const der = client.at('attributes');
    await client.openssl('base64', '-d', '-in', answer.file, '-out', der);
    const shown = await client.openssl('asn1parse', '-inform', 'DER', '-in', der);
    assert.match(shown, /rsaEncryption[\s\S]*INTEGER\s+:0800/);
  });

  it('§4.2.1 issues for an operator with a name and password where the policy asks nobody else', async (t) => {
    const client = await EstClient.open(t, ['receive']);
    await client.bed.operator('taro', ['reception'], { password: PASSWORD });
    const body = await client.request('/CN=www.example.jp');
    const answer = await client.enrol('gunma.server', body, '--user', `taro:${PASSWORD}`);
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.headers, /smime-type=certs-only/);
    assert.match(await client.certificates(answer), /subject=.*CN\s?=\s?www\.example\.jp/);
    const again = await client.enrol('gunma.server', body, '--user', `taro:${PASSWORD}`);
    assert.equal(again.text, answer.text, 'the same request is not done twice');
  });

  it("§4.2.3 has the client of an operator's certificate come again until the request is approved", async (t) => {
    const client = await EstClient.open(t, ['receive', 'approve']);
    const certificate = client.bed.clientCertificate();
    writeFileSync(client.at('client.pem'), certificate.certificatePem + certificate.keyPem);
    await client.bed.operator('taro', ['reception'], { certificate });
    const dn = await client.bed.operator('hana', ['approver'], { password: PASSWORD });
    const body = await client.request('/CN=www.example.jp');
    const shown = ['--cert', client.at('client.pem')];
    const waiting = await client.enrol('gunma.server', body, ...shown);
    assert.equal(waiting.status, 202, waiting.text);
    assert.match(waiting.headers, /retry-after: 300/);
    assert.equal((await client.enrol('gunma.server', body, ...shown)).status, 202);
    const token = await client.bed.login(dn, PASSWORD);
    const { body: listed } = await client.bed.ask({ path: '/requests?mine=true', token });
    const { requests } = listed as { requests: readonly { id: string; hash: string }[] };
    assert.equal(requests.length, 1, 'however often it was sent');
    const [{ id, hash } = { id: '', hash: '' }] = requests;
    const path = `/requests/${id}/approve`;
    await client.bed.ask({ method: 'POST', path, token, body: { hash } });
    const answer = await client.enrol('gunma.server', body, ...shown);
    assert.equal(answer.status, 200, answer.text);
    assert.match(await client.certificates(answer), /www\.example\.jp/);
  });

  it('§4.2.3 refuses with a line for people', async (t) => {
    const client = await EstClient.open(t, ['receive']);
    await client.bed.operator('taro', ['reception'], { password: PASSWORD });
    await client.bed.operator('hana', ['examiner'], { password: PASSWORD });
    const body = await client.request('/CN=www.example.jp');
    const [taro, hana] = [`taro:${PASSWORD}`, `hana:${PASSWORD}`];
    writeFileSync(client.at('bad.b64'), 'AAAA');
    writeFileSync(client.at('none.b64'), '!');
    const wrong = await client.request('/CN=NOT ALLOWED', 'wrong');
    const rows = [
      { why: 'nobody', answer: await client.enrol('gunma.server', body), status: 401 },
      {
        why: 'a wrong password',
        answer: await client.enrol('gunma.server', body, '--user', 'taro:no'),
        status: 401,
      },
      {
        why: 'an operator without the permission',
        answer: await client.enrol('gunma.server', body, '--user', hana),
        status: 403,
      },
      {
        why: 'no PKCS#10',
        answer: await client.enrol('gunma.server', client.at('bad.b64'), '--user', taro),
        status: 400,
      },
      {
        why: 'no base64',
        answer: await client.enrol('gunma.server', client.at('none.b64'), '--user', taro),
        status: 400,
      },
      {
        why: 'a name that the profile does not allow',
        answer: await client.enrol('gunma.server', wrong, '--user', taro),
        status: 400,
      },
    ];
    for (const { why, answer, status } of rows) {
      assert.equal(answer.status, status, `${why}: ${answer.text}`);
      assert.match(answer.headers, /content-type: text\/plain/, why);
      assert.equal(/www-authenticate: basic/.test(answer.headers), status === 401, why);
    }
  });

  it('§4.2.2 renews only what is shown, valid, of this CA and of the same name', async (t) => {
    const client = await EstClient.open(t, ['receive']);
    await client.bed.operator('taro', ['reception'], { password: PASSWORD });
    const body = await client.request('/C=JP/O=JPKI/CN=www.example.jp', 'old');
    const first = await client.enrol('gunma.server', body, '--user', `taro:${PASSWORD}`);
    writeFileSync(client.at('old.pem'), await client.certificates(first));
    const shown = ['--cert', client.at('old.pem'), '--key', client.at('old.key')];
    const type = 'Content-Type: application/pkcs10';
    const renew = (file: string, ...args: string[]): Promise<EstAnswer> =>
      client.curl('gunma.server/simplereenroll', '--data-binary', `@${file}`, '-H', type, ...args);
    const other = await client.request('/CN=elsewhere.example.jp', 'other');
    assert.equal((await renew(other)).status, 401, 'nothing is shown');
    assert.equal((await renew(other, ...shown)).status, 403, 'another name');
    const stranger = client.bed.clientCertificate();
    writeFileSync(client.at('stranger.pem'), stranger.certificatePem + stranger.keyPem);
    assert.equal(
      (await renew(other, '--cert', client.at('stranger.pem'))).status,
      401,
      'a stranger',
    );
    const own = await client.request('/C=JP/O=JPKI/CN=www.example.jp', 'next');
    const asked = await renew(own, ...shown);
    assert.equal(asked.status, 202, asked.text);
    const more = await client.request('/C=JP/O=JPKI/CN=www.example.jp', 'more');
    assert.equal((await renew(more, ...shown)).status, 409, 'another one while it waits');
    const token = await client.bed.login('taro', PASSWORD);
    const { body: listed } = await client.bed.ask({ path: '/requests?mine=true', token });
    const [{ id, applicant }] = (listed as { requests: [{ id: string; applicant: string }] })
      .requests;
    assert.match(applicant, /^certificate [0-9A-F]+$/);
    const path = `/requests/${id}/receive`;
    const done = await client.bed.ask({ method: 'POST', path, token, body: {} });
    assert.equal(done.status, 200, done.text);
    const answer = await renew(own, ...shown);
    assert.equal(answer.status, 200, answer.text);
    assert.match(await client.certificates(answer), /subject=.*CN\s?=\s?www\.example\.jp/);
  });
});
