/**
 * Authentication and passwords as OpenLDAP's tools see them: SASL EXTERNAL by client certificate, PLAIN,
 * Password Modify, Cancel.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { CertdirFolder } from '../support/certdir-process.ts';
import { type CommandResult, runCommand } from '../support/command-run.ts';
import { makeTlsCredentials } from '../support/ldap-test-server.ts';
import type { LdapIdentity } from '../support/ldap-tools.ts';
import { makeOpensslRequest } from '../support/openssl-request.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const verifiers = `ou=Verifiers,${CA}`;
const maebashi = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;

const Result = {
  success: 0,
  confidentialityRequired: 13,
  constraintViolation: 19,
  noSuchObject: 32,
  invalidCredentials: 49,
  unwillingToPerform: 53,
} as const;

describe('SASL and passwords', { skip: skipWithout('ldapsearch', 'SASL PLAIN') }, () => {
  const certdir = new CertdirFolder({ after });
  let url: { readonly ldap: string; readonly ldaps: string };
  let administrator: LdapIdentity;
  let environment: Readonly<Record<string, string>>;

  before(async () => {
    const report = await certdir.init();
    administrator = { dn: report.administratorDn, passwordFile: report.administratorPasswordFile };
    const server = await certdir.serve();
    url = { ldap: server.ldapUrl, ldaps: server.ldapsUrl };
    environment = {
      LDAPTLS_CACERT: join(certdir.folder, 'tls/server.pem'),
      LDAPTLS_REQCERT: 'demand',
    };
  });

  const run = (
    tool: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult> => runCommand(tool, args, { env: { ...environment, ...env } });

  const secretOf = ({ passwordFile }: LdapIdentity): string => readFileSync(passwordFile, 'utf8');

  /** Files of a client certificate, as the tools take them. */
  function clientFiles(name: string): {
    readonly file: string;
    readonly env: Record<string, string>;
  } {
    const { certificate, key } = makeTlsCredentials(name);
    const file = certdir.write(`${name}.pem`, certificate);
    const keyFile = certdir.write(`${name}.key`, key);
    return { file, env: { LDAPTLS_CERT: file, LDAPTLS_KEY: keyFile } };
  }

  async function addByCertificate(name: string, file: string): Promise<string> {
    const { dn } = await certdir.answer<{ dn: string }>(
      ...['verifier', 'add', name, '--kind', 'signatureVerifier', '--agreement', name],
      ...['--from', '2020-01-01', '--until', '2099-12-31', '--partitions', '*'],
      ...['--certificate', file],
    );
    return dn;
  }

  const readList = [
    ...['-LLL', '-s', 'base', '-b', maebashi],
    ...['(objectClass=*)', 'certificateRevocationList'],
  ];

  describe('SASL EXTERNAL', () => {
    for (const kind of ['ldaps', 'ldap'] as const) {
      it(`reads a list as the verifier of the certificate over ${kind}`, async () => {
        const { file, env } = clientFiles(`court-${kind}`);
        const dn = await addByCertificate(`court-${kind}`, file);
        const connection = [
          '-Q',
          '-Y',
          'EXTERNAL',
          '-H',
          url[kind],
          ...(kind === 'ldap' ? ['-ZZ'] : []),
        ];
        const who = await run('ldapwhoami', connection, env);
        assert.equal(who.stdout.trim(), `dn:${dn}`, who.stderr);
        const found = await run('ldapsearch', [...connection, ...readList], env);
        assert.match(found.stdout, /^certificateRevocationList;binary:/m);
        const own = await run('ldapwhoami', [...connection, '-X', `dn:${dn}`], env);
        assert.equal(own.status, Result.success, own.stderr);
        const other = await run('ldapwhoami', [...connection, '-X', `dn:${administrator.dn}`], env);
        assert.equal(other.status, Result.invalidCredentials);
      });
    }

    it('ends when the verifier is disabled', async () => {
      const { file, env } = clientFiles('brief');
      await addByCertificate('brief', file);
      const args = ['-Q', '-Y', 'EXTERNAL', '-H', url.ldaps];
      assert.equal((await run('ldapwhoami', args, env)).status, Result.success);
      await certdir.answer('verifier', 'disable', 'brief');
      assert.equal((await run('ldapwhoami', args, env)).status, Result.invalidCredentials);
    });

    it('is an operator who was registered and enrolled, until the account is closed', async () => {
      const { keyFile, requestFile } = makeOpensslRequest(certdir.workFolder, 'sato');
      const { dn } = await certdir.answer<{ dn: string }>(
        ...['operator', 'add', 'sato', '--role', 'seniorOperator', '--full-name', '佐藤 花子'],
      );
      const again = ['operator', 'add', 'sato2', '--role', 'examiner', '--full-name', '佐藤花子'];
      assert.equal((await certdir.failure(...again)).code, 'CA_OPERATOR_EXISTS');
      const certificateFile = certdir.path('sato.pem');
      const enrol = ['operator', 'enrol', 'sato', '--request', requestFile];
      const { status, stdout } = await certdir.run(...enrol, '--out', certificateFile);
      assert.equal(status, Result.success);
      assert.match(stdout, /sato.* has certificate [0-9A-F]{40}, until /);
      const env = { LDAPTLS_CERT: certificateFile, LDAPTLS_KEY: keyFile };
      const args = ['-Q', '-Y', 'EXTERNAL', '-H', url.ldaps];
      assert.equal((await run('ldapwhoami', args, env)).stdout.trim(), `dn:${dn}`);
      await certdir.answer('operator', 'disable', 'sato');
      assert.equal((await run('ldapwhoami', args, env)).status, Result.invalidCredentials);
      await certdir.answer('operator', 'enable', 'sato');
      assert.equal((await run('ldapwhoami', args, env)).status, Result.success);
    });

    it('refuses a certificate that nobody has: 49', async () => {
      const { env } = clientFiles('stranger');
      const { status } = await run('ldapwhoami', ['-Q', '-Y', 'EXTERNAL', '-H', url.ldaps], env);
      assert.equal(status, Result.invalidCredentials);
    });

    it('is offered to those with a certificate alone', async () => {
      const mechanisms = async (env?: Record<string, string>): Promise<string[]> => {
        const args = ['-x', '-H', url.ldaps, '-LLL', '-s', 'base', '-b', ''];
        const { stdout } = await run(
          'ldapsearch',
          [...args, '(objectClass=*)', 'supportedSASLMechanisms'],
          env,
        );
        return [...stdout.matchAll(/^supportedSASLMechanisms: (.*)$/gm)].map(
          ([, name = '']) => name,
        );
      };
      assert.deepEqual(await mechanisms(), ['PLAIN']);
      assert.deepEqual(await mechanisms(clientFiles('looker').env), ['EXTERNAL', 'PLAIN']);
    });
  });

  describe('SASL PLAIN', () => {
    const plain = (dn: string, password: string): string[] => [
      ...['-Q', '-Y', 'PLAIN', '-O', 'minssf=0', '-H', url.ldaps, '-U', dn, '-w', password],
    ];

    it('is the account of the name', async () => {
      const verifier = await registerVerifier(certdir, 'plain');
      const { stdout, stderr } = await run('ldapwhoami', plain(verifier.dn, secretOf(verifier)));
      assert.equal(stdout.trim(), `dn:${verifier.dn}`, stderr);
      const wrong = await run('ldapwhoami', plain(verifier.dn, 'wrong'));
      assert.equal(wrong.status, Result.invalidCredentials);
      const other = ['-X', `dn:${administrator.dn}`];
      const asOther = await run('ldapwhoami', [
        ...plain(verifier.dn, secretOf(verifier)),
        ...other,
      ]);
      assert.equal(asOther.status, Result.invalidCredentials);
    });
  });

  describe('Password Modify', () => {
    const as = ({ dn, passwordFile }: LdapIdentity): string[] => [
      ...['-x', '-H', url.ldaps, '-D', dn, '-y', passwordFile],
    ];
    /** ldappasswd ends with 1 and says the result in words and figures. */
    const change = async (...args: readonly string[]): Promise<number> => {
      const { status, stdout, stderr } = await run('ldappasswd', args);
      const [, code = '-1'] = /\((\d+)\)\s*$/m.exec(`${stdout}${stderr}`) ?? [];
      return status === 0 ? Result.success : Number(code);
    };
    const whoAmI = async (dn: string, password: string): Promise<number> =>
      (await run('ldapwhoami', ['-x', '-H', url.ldaps, '-D', dn, '-w', password])).status;

    it('sets the own password with the old one', async () => {
      const verifier = await registerVerifier(certdir, 'changes');
      const old = secretOf(verifier);
      const args = [...as(verifier), '-s', 'a new and long one'];
      assert.equal(await change(...args), Result.unwillingToPerform);
      assert.equal(await change(...args, '-a', 'wrong'), Result.invalidCredentials);
      assert.equal(await change(...args, '-a', old), Result.success);
      assert.equal(await whoAmI(verifier.dn, 'a new and long one'), Result.success);
      assert.equal(await whoAmI(verifier.dn, old), Result.invalidCredentials);
    });

    it('sets it without a bind, as one does with an expired password', async () => {
      const verifier = await registerVerifier(certdir, 'unbound');
      const wish = ['-a', secretOf(verifier), '-s', 'a new and long one', verifier.dn];
      assert.equal(await change('-x', '-H', url.ldap, ...wish), Result.confidentialityRequired);
      assert.equal(await change('-x', '-H', url.ldaps, ...wish), Result.success);
      assert.equal(await whoAmI(verifier.dn, 'a new and long one'), Result.success);
    });

    it('makes one up for an administrator', async () => {
      const verifier = await registerVerifier(certdir, 'reset');
      const { stdout, stderr } = await run('ldappasswd', [...as(administrator), verifier.dn]);
      const [, made = ''] = /^New password: (\S+)$/m.exec(stdout) ?? [];
      assert.notEqual(made, '', stderr);
      assert.equal(await whoAmI(verifier.dn, made), Result.success);
    });

    it('holds to the policy: 19', async () => {
      const verifier = await registerVerifier(certdir, 'simple');
      for (const weak of ['short', 'simplesimple', secretOf(verifier)]) {
        const args = [...as(verifier), '-a', secretOf(verifier), '-s', weak];
        assert.equal(await change(...args), Result.constraintViolation, weak);
      }
    });

    it('is for the account itself and administrators alone', async () => {
      const verifier = await registerVerifier(certdir, 'curious');
      const target = `cn=simple,${verifiers}`;
      const code = await change(...as(verifier), '-s', 'a new and long one', target);
      assert.equal(code, Result.noSuchObject);
      assert.equal(await whoAmI(target, 'password of simple'), Result.success);
    });
  });

  describe('Cancel', () => {
    it('answers with noSuchOperation when nothing is under way', async () => {
      const args = ['-x', '-H', url.ldap, 'cancel', '77'];
      const { stdout, stderr } = await run('ldapexop', args);
      assert.match(`${stdout}${stderr}`, /119|No Operation to Cancel/i);
    });
  });
});
