/**
 * Every command's answer: JSON that parses, with a server and without one the same, text for people.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { AccessExplanation } from '../../src/directory/access/access-explanation.ts';
import type { OcspReport } from '../../src/http/ocsp-report.ts';
import type {
  CertificateReport,
  CheckReport,
  IssuedReport,
  OperatorReport,
  PublishedReport,
  RevokedReport,
  ServiceStatus,
} from '../../src/http/operations.ts';
import type { VerifierReport } from '../../src/http/verifier-operations.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { citizenAddress, issueCitizen } from '../support/issued-citizen.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';
import { sampleCertificate, sampleKey } from '../support/x509-samples.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

describe('the command line', { skip: skipWithout('openssl') }, () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer | undefined;

  before(async () => {
    await certdir.init();
  });

  /** What `status` says, apart from whether a server answered and what that left in the audit log. */
  async function lastingStatus(): Promise<unknown> {
    const {
      isServing,
      audit,
      server: figures,
      ...lasting
    } = await certdir.answer<ServiceStatus>('status');
    assert.equal(isServing, server !== undefined);
    assert.equal(figures !== null, isServing);
    assert.match(audit.size, /^\d+$/);
    return lasting;
  }

  async function exported(): Promise<string> {
    const { status, stdout, stderr } = await certdir.run('ldif', 'export');
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** What a verifier may do with the list of Maebashi. */
  async function explain(as: string): Promise<AccessExplanation> {
    const { scopes } = await certdir.answer<ServiceStatus>('status');
    const on = scopes.find(({ scope }) => scope === '10201')?.dn ?? '';
    const asked = ['--as', as, '--on', on, '--attr', 'certificateRevocationList', '--tls', 'tls'];
    return await certdir.answer<AccessExplanation>('acl', 'explain', ...asked);
  }

  function rightsOf({ items }: AccessExplanation): readonly string[] {
    assert.equal(items.length, 1);
    return (items[0]?.rights ?? []).flatMap(({ right, isGranted }) => (isGranted ? right : []));
  }

  /** `certdir ocsp`: another responder each time, in JSON and in words. */
  async function renewResponder(): Promise<void> {
    const before = await certdir.answer<OcspReport>('ocsp', 'status');
    assert.equal(before.access, 'verifiers');
    const renewed = await certdir.answer<OcspReport>('ocsp', 'renew');
    const number = (before.responder?.number ?? 0) + 1;
    assert.equal(renewed.responder?.number, number);
    assert.match(renewed.responder?.serialNumber ?? '', /^[0-9A-F]{40}$/);
    assert.match(renewed.responder?.notAfter ?? '', TIME);
    assert.ok(Date.parse(renewed.renewalDue ?? '') < Date.parse(renewed.responder?.notAfter ?? ''));
    assert.deepEqual(await certdir.answer<OcspReport>('ocsp', 'status'), renewed);
    const { stdout } = await certdir.run('ocsp', 'status');
    assert.match(stdout, /^OCSP by the policy: verifiers$/m);
    assert.match(stdout, new RegExp(`^responder ${number}: CN=OCSP Responder `, 'mi'));
  }

  /** Each command once; the names of what it makes must be new. */
  async function everyCommand(name: string): Promise<void> {
    const issued: IssuedReport = await issueCitizen(certdir, { name });
    assert.match(issued.serialNumber, /^[0-9A-F]{40}$/);
    assert.match(issued.notBefore, TIME);
    assert.match(issued.notAfter, TIME);
    assert.match(issued.certificate, /^-----BEGIN CERTIFICATE-----\n/);

    const revoked = await certdir.answer<RevokedReport>(
      ...['ca', 'revoke', issued.serialNumber, '--reason', 'superseded'],
    );
    assert.equal(revoked.serialNumber, issued.serialNumber);
    assert.equal(revoked.reason, 'superseded');
    assert.match(revoked.revokedAt, TIME);
    assert.ok(Date.parse(revoked.publicationDue) >= Date.parse(revoked.revokedAt));

    const attributes = certdir.write(
      `${name}.yaml`,
      `commonName: 見本　花子\ngender: 2\ndateOfBirth: '1990-04-01'\naddress: ${citizenAddress(name)}\n`,
    );
    for (const args of [[issued.serialNumber], ['--attributes', attributes]]) {
      const [shown, ...others] = await certdir.answer<readonly CertificateReport[]>(
        ...['ca', 'show', ...args],
      );
      assert.deepEqual(others, []);
      assert.equal(shown?.state, 'revoked');
      assert.equal(shown?.reason, 'superseded');
      assert.equal(shown?.revokedAt, revoked.revokedAt);
      assert.equal(shown?.certificate, issued.certificate);
    }

    const some = await certdir.answer<readonly PublishedReport[]>(
      ...['ca', 'publish', '--partition', '10201', '102024', 'arl'],
    );
    assert.deepEqual(
      some.map(({ scope }) => scope),
      ['10201', '10202', 'arl'],
    );
    const all = await certdir.answer<readonly PublishedReport[]>('ca', 'publish', '--all');
    assert.equal(all.length, 37);
    const again = all.find(({ scope }) => scope === '10201');
    assert.equal(BigInt(again?.crlNumber ?? 0), BigInt(some[0]?.crlNumber ?? 0) + 1n);

    const { dn } = await registerVerifier(certdir, name, { partitions: ['10201', '10202'] });
    const listed = await certdir.answer<readonly VerifierReport[]>('verifier', 'list');
    const verifier = listed.find((one) => one.dn === dn);
    assert.deepEqual(verifier?.partitions, ['10201', '10202']);
    assert.equal(verifier?.kind, 'signatureVerifier');
    assert.equal(verifier?.isDisabled, false);
    const explained = await explain(dn);
    assert.equal(explained.judgedAs, explained.as);
    assert.deepEqual(rightsOf(explained), ['disclose', 'search', 'compare', 'read']);
    const passwordFile = certdir.write(`${name}.new-password`, `a new password of ${name}`);
    const renewed = await certdir.answer<VerifierReport>(
      ...['verifier', 'password', name, '--password-file', passwordFile],
    );
    assert.equal(renewed.dn, dn);
    const another = await certdir.answer<VerifierReport>(
      ...['verifier', 'change', name, '--agreement', 'second', '--partitions', '10201'],
    );
    assert.deepEqual([another.agreementNumber, another.partitions], ['second', ['10201']]);
    assert.equal(another.agreementUntil, verifier?.agreementUntil);
    const tlsFile = certdir.write(
      `${name}.crt`,
      encodePem('CERTIFICATE', sampleCertificate(sampleKey('p256'))),
    );
    const withCertificate = await certdir.answer<VerifierReport>(
      ...['verifier', 'certificate', name, '--certificate', tlsFile],
    );
    assert.equal(withCertificate.certificates.length, 1);
    const operatorFile = certdir.write(`${name}.operator`, `another password of ${name}`);
    const changed = await certdir.answer<OperatorReport>(
      ...['operator', 'password', 'administrator', '--password-file', operatorFile],
    );
    assert.match(changed.passwordEnds ?? '', TIME);
    assert.deepEqual(await certdir.answer('operator', 'list'), [changed]);
    const disabled = await certdir.answer<VerifierReport>('verifier', 'disable', name);
    assert.equal(disabled.dn, dn);
    assert.equal(disabled.isDisabled, true);
    const refused = await explain(dn);
    assert.match(refused.judgedAs, /disabled/);
    assert.deepEqual(rightsOf(refused), []);
    assert.ok(refused.items[0]?.passed.some(({ why }) => /disabled/.test(why)));
    const asText = await certdir.run('acl', 'explain', '--as', dn, '--on', CA);
    assert.match(asText.stdout, /^judged as +anonymous: the account is disabled$/m);

    const removed = await certdir.answer<VerifierReport>('verifier', 'remove', name);
    assert.equal(removed.dn, dn);
    const left = await certdir.answer<readonly VerifierReport[]>('verifier', 'list');
    assert.ok(!left.some((one) => one.dn === dn));

    await renewResponder();

    const file = certdir.write(
      `${name}.ldif`,
      `version: 1\n\ndn: cn=${name},o=JPKI,c=JP\nobjectClass: device\ncn: ${name}\n`,
    );
    assert.deepEqual(await certdir.answer('ldif', 'import', file), { entries: 1 });
    assert.match(await exported(), new RegExp(`^dn: cn=${name},o=JPKI,c=JP$`, 'm'));

    const { findings, isSound, certificates } = await certdir.answer<CheckReport>('check');
    assert.deepEqual([findings, isSound], [[], true]);
    assert.ok(certificates > 1);

    const status = await certdir.answer<ServiceStatus>('status');
    assert.equal(status.keyActive, true);
    assert.equal(status.storeWritable, true);
    assert.deepEqual(status.warnings, []);
    assert.equal(status.scopes.length, 37);
    assert.equal(status.scopes.find(({ scope }) => scope === '10201')?.crlNumber, again?.crlNumber);
  }

  it('init answers with what the next commands need', () => {
    const { report } = certdir;
    assert.equal(report.folder, certdir.folder);
    assert.match(report.sha256Fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    for (const file of [report.passphraseFile, report.administratorPasswordFile]) {
      assert.ok(existsSync(file), file);
    }
  });

  it('does everything without a server', async () => {
    await everyCommand('alone');
  });

  it('says the same with a server and without one', async () => {
    const [status, directory] = [await lastingStatus(), await exported()];
    server = await certdir.serve();
    assert.deepEqual(await lastingStatus(), status);
    assert.equal(await exported(), directory);
  });

  it('does everything through a server', async () => {
    assert.ok(server?.isRunning);
    await everyCommand('served');
  });

  it('refuses alike with a server and without one', async () => {
    const commands = [
      ['ca', 'revoke', '00FF', '--reason', 'superseded'],
      ['ca', 'show', '00FF'],
      ['ldif', 'export', '--base', 'cn=nobody,c=JP'],
      ['acl', 'explain', '--as', 'anonymous', '--on', 'cn=nobody,c=JP'],
      ['acl', 'explain', '--as', 'cn=nobody,c=JP', '--on', CA],
      ['acl', 'explain', '--as', '', '--on', CA],
      ['acl', 'explain', '--as', 'anonymous', '--on', CA, '--attr', 'nonsense'],
      ['ldif', 'import', certdir.write('bad.ldif', 'version: 1\n\ndn: cn=x,c=JP\ncn x\n')],
    ];
    const served = [];
    for (const command of commands) {
      served.push(await certdir.failure(...command));
    }
    assert.ok(server !== undefined);
    assert.equal(await server.stop(), 0);
    server = undefined;
    for (const [index, command] of commands.entries()) {
      assert.deepEqual(await certdir.failure(...command), served[index], command.join(' '));
    }
  });

  it('stops cleanly on SIGTERM and SIGINT, and the next server finds everything', async () => {
    const directory = await exported();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const running = await certdir.serve();
      assert.equal(await exported(), directory);
      assert.equal(await running.stop(signal), 0);
      assert.ok(!existsSync(join(certdir.folder, 'certdir.sock')), 'the socket is gone');
    }
  });

  it('ldif export and import are each other’s inverse', async () => {
    const file = certdir.path('staff.ldif');
    const staff = certdir.write(
      'staff-in.ldif',
      [
        'version: 1',
        '',
        'dn: ou=Staff,o=JPKI,c=JP',
        'objectClass: organizationalUnit',
        'ou: Staff',
        'description:: 5YmN5qmL5biC5b255omA',
        'description;lang-ja: a very long line that is folded when it is written out, since it has',
        '  more than seventy-six characters',
        '',
        'dn: cn=a\\2Cb\\+c,ou=Staff,o=JPKI,c=JP',
        'objectClass: person',
        'cn: a,b+c',
        'sn:: IGxlYWRpbmcgYmxhbms=',
        '',
      ].join('\n'),
    );
    assert.deepEqual(await certdir.answer('ldif', 'import', staff), { entries: 2 });
    const base = ['--base', 'ou=Staff,o=JPKI,c=JP'];
    assert.deepEqual(await certdir.answer('ldif', 'export', ...base, '--out', file), { file });

    const other = new CertdirFolder({ after });
    await other.init();
    assert.deepEqual(await other.answer('ldif', 'import', file), { entries: 2 });
    const { stdout } = await other.run('ldif', 'export', ...base);
    // Except for the change sequence number, which is of the directory that was written to.
    const lasting = (text: string): string => text.replace(/^entryCSN: .*$/gm, '');
    assert.equal(lasting(stdout), lasting(readFileSync(file, 'utf8')));
  });

  it('exports one entry with everything in it', async () => {
    const { status, stdout } = await certdir.run('ldif', 'export', '--base', CA);
    assert.equal(status, 0);
    assert.match(stdout, /^version: 1\n/);
    assert.match(stdout, /^cACertificate;binary:: /m);
  });

  it('answers people in text', async () => {
    const { status, stdout, stderr } = await certdir.run('status');
    assert.equal(status, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^CA +\S/m);
    assert.match(stdout, /^10201 +\d+ +\d{4}-/m);
    const check = await certdir.run('check');
    assert.equal(check.status, 0);
    assert.match(check.stdout, /fits together\.$/m);
    const help = await certdir.run('--help');
    assert.equal(help.status, 0);
    assert.match(help.stdout, /Exit codes:/);
  });
});
