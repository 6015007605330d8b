/**
 * The prefectural CA of Gunma and the bridge of the JPKI, each with its own server, from the first ceremony to the end of their
 * cross-certification, with the command line: requests, certificates and receipts as files, the other's directory over
 * LDAP (gunma 4-6 to 4-10).
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import type {
  CrossExamination,
  CrossOutcomeReport,
  CrossPeerReport,
  CrossRequestReport,
} from '../../src/http/cross-operations.ts';
import { parseCertificatePair } from '../../src/x509/certificate-pair.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';

const skip = skipWithout('ldapsearch', 'openssl');

const names = {
  gunma: 'ou=Gunma Prefectural CA,o=JPKI,c=JP',
  bca: 'ou=BridgeCA,ou=Prefectural Association For JPKI,o=JPKI,c=JP',
} as const;
type Id = keyof typeof names;

interface Party {
  readonly id: Id;
  readonly peer: Id;
  readonly certdir: CertdirFolder;
  readonly server: CertdirServer;
}

async function open(id: Id, peer: Id): Promise<Party> {
  const certdir = new CertdirFolder({ after });
  const ports = ['--ldap-port', '--ldaps-port', '--http-port', '--ocsp-port'].flatMap((option) => [
    option,
    '0',
  ]);
  await certdir.answer('init', '--preset', id, ...ports);
  return { id, peer, certdir, server: await certdir.serve() };
}

/** One gives the other its request; the other examines it, reads its directory and issues. @returns the certificate's file. */
async function certify(of: Party, by: Party): Promise<string> {
  const request = of.certdir.path('request.p10');
  const certificate = of.certdir.path('own.cer');
  const made = await of.certdir.answer<CrossRequestReport>(
    ...['cross', 'request', by.id, '--out', request, '--certificate-out', certificate],
  );
  const given = ['--request', request, '--certificate', certificate];
  const wrong = await by.certdir.failure(
    'cross',
    'examine',
    of.id,
    ...given,
    '--fingerprint',
    '00',
  );
  assert.deepEqual([wrong.exitCode, wrong.code], [4, 'CA_CROSS_REFUSED']);
  const told = ['--fingerprint', made.certificate.sha256];
  const trial = await by.certdir.answer<CrossExamination>(
    'cross',
    'examine',
    of.id,
    ...given,
    ...told,
    '--trial',
  );
  assert.deepEqual([trial.findings, trial.isTaken], [[], false]);
  await by.certdir.answer('cross', 'examine', of.id, ...given, ...told);
  const early = await by.certdir.failure('cross', 'issue', of.id);
  assert.deepEqual([early.exitCode, early.code], [6, 'CA_CROSS_STATE']);
  const away = await by.certdir.failure('cross', 'test', of.id, '--url', 'ldap://127.0.0.1:1');
  assert.deepEqual([away.exitCode, away.code], [7, 'READBACK_FAILED']);
  assert.match(away.message, /directory ldap:\/\/127\.0\.0\.1:1 cannot be read/);
  const { origin } = new URL(of.server.ldapUrl.replace('ldap:', 'http:'));
  const url = origin.replace('http:', 'ldap:');
  const tested = await by.certdir.answer<CrossExamination>('cross', 'test', of.id, '--url', url);
  assert.deepEqual([tested.findings, tested.isTaken], [[], true]);
  const issued = by.certdir.path(`for-${of.id}.cer`);
  await by.certdir.answer('cross', 'issue', of.id, '--out', issued);
  return issued;
}

/** The certificate is accepted, and its receipt taken. */
async function handOver(
  certificate: string,
  of: Party,
  by: Party,
): Promise<readonly CrossOutcomeReport[]> {
  const receipt = of.certdir.path('receipt.json');
  const accepted = await of.certdir.answer<CrossOutcomeReport>(
    ...['cross', 'accept', by.id, certificate, '--receipt-out', receipt],
  );
  return [accepted, await by.certdir.answer('cross', 'receipt', of.id, receipt)];
}

async function pairsOf({ id, server, certdir }: Party): Promise<readonly string[]> {
  const ldap = new LdapTools({
    url: server.ldapUrl,
    caFile: join(certdir.folder, 'tls/server.pem'),
  });
  const { stdout } = await ldap.run('ldapsearch', [
    ...['-LLL', '-o', 'ldif-wrap=no', '-s', 'base', '-b', names[id]],
    'crossCertificatePair',
  ]);
  return [...stdout.matchAll(/^crossCertificatePair;binary:: (.*)$/gm)].map(
    ([, value = '']) => value,
  );
}

describe('gunma and the bridge', { skip }, () => {
  it('are cross-certified, renewed, and part', async () => {
    const [gunma, bca] = await Promise.all([open('gunma', 'bca'), open('bca', 'gunma')]);
    const theirs = await certify(gunma, bca);
    const ours = await certify(bca, gunma);
    assert.deepEqual(
      (await handOver(theirs, gunma, bca)).map(({ isPaired }) => isPaired),
      [false, false],
    );
    assert.deepEqual(await pairsOf(gunma), []);
    assert.deepEqual(
      (await handOver(ours, bca, gunma)).map(({ isPaired }) => isPaired),
      [true, true],
    );
    const [pair] = await pairsOf(gunma);
    const [mirrored] = await pairsOf(bca);
    const read = (value: string | undefined): ReturnType<typeof parseCertificatePair> =>
      parseCertificatePair(Buffer.from(value ?? '', 'base64'));
    assert.deepEqual(read(pair).issuedToThisCa?.der, read(mirrored).issuedByThisCa?.der);
    assert.deepEqual(read(pair).issuedByThisCa?.der, read(mirrored).issuedToThisCa?.der);

    const again = await gunma.certdir.failure('cross', 'accept', 'bca', theirs);
    assert.deepEqual([again.exitCode, again.code], [4, 'CA_CROSS_REFUSED']);
    const needless = await gunma.certdir.failure('cross', 'renew', 'bca');
    assert.deepEqual([needless.exitCode, needless.code], [6, 'CA_CROSS_STATE']);
    const renewed = gunma.certdir.path('renewed.cer');
    await gunma.certdir.answer('cross', 'renew', 'bca', '--case', 'ours-changes', '--out', renewed);
    const outcomes = await handOver(renewed, bca, gunma);
    assert.deepEqual(
      outcomes.map(({ isPaired, superseded }) => [isPaired, superseded.length]),
      [
        [true, 0],
        [true, 1],
      ],
    );
    assert.equal((await pairsOf(gunma)).length, 1);
    assert.notEqual((await pairsOf(gunma))[0], pair);

    const [standing] = await gunma.certdir.answer<CrossPeerReport[]>('cross', 'show', 'bca');
    assert.equal(standing?.state, 'certified');
    assert.deepEqual(
      standing?.issued.map(({ state }) => state),
      ['pair', 'revoked'],
    );
    assert.equal(readFileSync(renewed, 'utf8'), standing?.issued[0]?.pem);
    const { stdout } = await gunma.certdir.run('cross', 'show');
    assert.match(stdout, /state +certified since/);

    await gunma.certdir.answer('cross', 'revoke', 'bca', '--reason', 'cessationOfOperation');
    assert.deepEqual(await pairsOf(gunma), []);
    const [ended] = await gunma.certdir.answer<CrossPeerReport[]>('cross', 'show', 'bca');
    assert.equal(ended?.state, 'cancelled');
    const unknown = await gunma.certdir.failure('cross', 'show', 'nobody');
    assert.deepEqual([unknown.exitCode, unknown.code], [5, 'CA_CROSS_PEER_UNKNOWN']);
  });
});
