/**
 * What the command line refuses: each with the exit code of `certdir --help`, a code that programs can
 * go by, a message that names what is wrong, and nothing half done.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import type { IssuedReport, ServiceStatus } from '../../src/http/operations.ts';
import {
  CertdirFolder,
  type CertdirServer,
  certdirCommand,
  failureOf,
} from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { citizenOptions, issueCitizen } from '../support/issued-citizen.ts';
import { makeOpensslRequest } from '../support/openssl-request.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const Exit = { usage: 2, configuration: 3, refused: 4, absent: 5, conflict: 6, away: 7 } as const;

describe('what the command line refuses', { skip: skipWithout('openssl') }, () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;
  let goodRequest: string;
  let issued: IssuedReport;
  let holder: IssuedReport;

  before(async () => {
    await certdir.init();
    server = await certdir.serve();
    goodRequest = makeOpensslRequest(certdir.workFolder, 'good').requestFile;
    issued = await issueCitizen(certdir, { name: 'taken' });
    await certdir.answer('ca', 'revoke', issued.serialNumber, '--reason', 'superseded');
    holder = await issueCitizen(certdir, { name: 'holder' });
  });

  /** Counts that refused commands must leave as they are. */
  async function counts(): Promise<unknown> {
    const { certificates, scopes } = await certdir.answer<ServiceStatus>('status');
    return { certificates, numbers: scopes.map(({ crlNumber }) => crlNumber) };
  }

  /** Of all tests in a group together: what they asked for was not done, not even in part. */
  function nothingIsDone(): void {
    let earlier: unknown;
    before(async () => {
      earlier = await counts();
    });
    after(async () => {
      assert.deepEqual(await counts(), earlier);
    });
  }

  const issue = (requestFile: string, ...more: readonly string[]): readonly string[] => [
    ...['ca', 'issue', '--csr', requestFile, '--municipality', '10201'],
    ...citizenOptions('refused'),
    ...more,
  ];

  async function refused(
    command: readonly string[],
    expected: { readonly exit: number; readonly code: string; readonly message?: RegExp },
  ): Promise<void> {
    const failure = await certdir.failure(...command);
    assert.equal(failure.code, expected.code, failure.message);
    assert.equal(failure.exitCode, expected.exit);
    assert.match(failure.message, expected.message ?? /\S/);
    assert.ok(server.isRunning);
  }

  describe('requests', () => {
    nothingIsDone();

    it('whose signature is wrong', async () => {
      const { der } = makeOpensslRequest(certdir.workFolder, 'bad-signature');
      der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
      const file = certdir.write('bad-signature.der', der);
      await refused(issue(file), { exit: Exit.refused, code: 'CA_PROOF_OF_POSSESSION' });
    });

    it('with a key of RSA-1024', async () => {
      const key = { kind: 'rsa', bits: 1024 } as const;
      const { requestFile } = makeOpensslRequest(certdir.workFolder, 'rsa-1024', key);
      await refused(issue(requestFile), {
        exit: Exit.refused,
        code: 'CA_KEY_WEAK',
        message: /2048/,
      });
    });

    it('with an RSA key whose exponent is 3', async () => {
      const key = { kind: 'rsa', bits: 2048, exponent: 3 } as const;
      const { requestFile } = makeOpensslRequest(certdir.workFolder, 'rsa-e3', key);
      await refused(issue(requestFile), {
        exit: Exit.refused,
        code: 'CA_KEY_WEAK',
        message: /exponent/,
      });
    });

    it('with a curve that the policy does not know', async () => {
      const key = { kind: 'ec', curve: 'secp256k1' } as const;
      const { requestFile } = makeOpensslRequest(certdir.workFolder, 'k256', key);
      await refused(issue(requestFile), { exit: Exit.refused, code: 'CA_KEY_WEAK' });
    });

    it('that are none, in PEM and in DER', async () => {
      const texts = ['nothing of the kind', '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n'];
      for (const content of [...texts, Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])]) {
        const file = certdir.write('no-request', content);
        await refused(issue(file), { exit: Exit.refused, code: 'CA_REQUEST_MALFORMED' });
      }
    });

    it('that are cut off at any of some places', async () => {
      const { der } = makeOpensslRequest(certdir.workFolder, 'cut');
      for (const length of [1, 2, Math.floor(der.length / 2), der.length - 1]) {
        const failure = await certdir.failure(
          ...issue(certdir.write('cut.der', der.subarray(0, length))),
        );
        assert.equal(failure.exitCode, Exit.refused, `${length} bytes`);
        assert.equal(failure.code, 'CA_REQUEST_MALFORMED');
      }
    });

    it('for a municipality that nobody knows', async () => {
      const command = issue(goodRequest).map((word) => (word === '10201' ? '13101' : word));
      await refused(command, {
        exit: Exit.absent,
        code: 'CA_MUNICIPALITY_UNKNOWN',
        message: /13101/,
      });
    });

    const characters = [
      ['an emoji', '😀', /U\+1F600/],
      ['an ideograph outside JIS', '𠮷', /U\+20BB7/],
      ['a Latin letter', 'A', /U\+0041/],
    ] as const;
    for (const [what, character, named] of characters) {
      it(`with ${what} in the name, which is named`, async () => {
        await refused(issue(goodRequest, '--name', `見本　${character}子`), {
          exit: Exit.refused,
          code: 'CA_CHARACTER_NOT_ALLOWED',
          message: named,
        });
      });
    }

    it('with attributes that cannot be', async () => {
      for (const [option, value] of [
        ['--gender', '9'],
        ['--birth', '1990-02-30'],
        ['--birth', '2999-01-01'],
        ['--name-substitute', '0101010101'],
      ] as const) {
        await refused(issue(goodRequest, option, value), {
          exit: Exit.refused,
          code: 'CA_ATTRIBUTE_INVALID',
        });
      }
    });

    it('of a subscriber who has a valid certificate', async () => {
      const command = ['ca', 'issue', '--csr', goodRequest, '--municipality', '10202'];
      await refused([...command, ...citizenOptions('holder')], {
        exit: Exit.conflict,
        code: 'CA_CERTIFICATE_EXISTS',
      });
    });

    it('for a key that is in a certificate', async () => {
      await refused(issue(certdir.path('taken.csr')), {
        exit: Exit.conflict,
        code: 'CA_KEY_REUSED',
      });
    });
  });

  describe('revocations', () => {
    nothingIsDone();

    it('a second time', async () => {
      const command = ['ca', 'revoke', issued.serialNumber, '--reason', 'keyCompromise'];
      await refused(command, { exit: Exit.conflict, code: 'CA_ALREADY_REVOKED' });
    });

    it('of a serial number that was never issued', async () => {
      await refused(['ca', 'revoke', 'ABCDEF', '--reason', 'superseded'], {
        exit: Exit.absent,
        code: 'CA_SERIAL_UNKNOWN',
      });
    });

    it('of what is no serial number', async () => {
      for (const serial of ['xyz', '-1', 'A'.repeat(60)]) {
        await refused(['ca', 'revoke', serial, '--reason', 'superseded'], {
          exit: Exit.refused,
          code: 'CA_SERIAL_MALFORMED',
        });
      }
    });

    it('for a reason outside the statement’s table', async () => {
      const { serialNumber } = holder;
      for (const reason of ['unspecified', 'certificateHold', 'removeFromCRL', 'boredom']) {
        await refused(['ca', 'revoke', serialNumber, '--reason', reason], {
          exit: Exit.refused,
          code: 'CA_REASON_NOT_ALLOWED',
          message: /keyCompromise/,
        });
      }
    });

    it('of the CA itself', async () => {
      const page = await fetch(`${server.httpUrl}/ca.pem`);
      const { serialNumber } = new X509Certificate(await page.text());
      await refused(['ca', 'revoke', serialNumber, '--reason', 'cACompromise'], {
        exit: Exit.refused,
        code: 'CA_NOT_REVOCABLE',
      });
    });
  });

  describe('publications', () => {
    nothingIsDone();

    it('of a list that there is not', async () => {
      const command = ['ca', 'publish', '--partition', '10201', '99999'];
      await refused(command, { exit: Exit.absent, code: 'CA_SCOPE_UNKNOWN', message: /99999/ });
    });
  });

  describe('LDIF', () => {
    const head = 'version: 1\n\ndn: cn=new,o=JPKI,c=JP\nobjectClass: device\ncn: new\n\n';
    const rows: readonly (readonly [why: string, text: string, line: number, code: string])[] = [
      [
        'a line without a colon',
        'dn: cn=b,o=JPKI,c=JP\nobjectClass device\n',
        8,
        'DIRECTORY_LDIF_SYNTAX',
      ],
      [
        'a value that is not base64',
        'dn: cn=b,o=JPKI,c=JP\ncn:: ***\n',
        8,
        'DIRECTORY_LDIF_SYNTAX',
      ],
      ['a change record', 'dn: cn=b,o=JPKI,c=JP\nchangetype: delete\n', 8, 'DIRECTORY_LDIF_CHANGE'],
      [
        'a value from a URL',
        'dn: cn=b,o=JPKI,c=JP\ncn:< file:///etc/passwd\n',
        8,
        'DIRECTORY_LDIF_URL',
      ],
      ['a name that is none', 'dn: no name\nobjectClass: device\n', 7, 'DIRECTORY_DN_SYNTAX'],
      [
        'an unknown attribute',
        'dn: cn=b,o=JPKI,c=JP\nobjectClass: device\ncn: b\nno: x\n',
        10,
        'DIRECTORY_UNDEFINED_TYPE',
      ],
      [
        'a missing parent',
        'dn: cn=b,ou=no,o=JPKI,c=JP\nobjectClass: device\ncn: b\n',
        7,
        'DIRECTORY_NO_SUCH_OBJECT',
      ],
      [
        'an entry that exists',
        'dn: o=JPKI,c=JP\nobjectClass: organization\no: JPKI\n',
        7,
        'DIRECTORY_ENTRY_EXISTS',
      ],
    ];
    for (const [why, text, line, code] of rows) {
      it(`with ${why}: the line is named`, async () => {
        const file = certdir.write('bad.ldif', head + text);
        const failure = await certdir.failure('ldif', 'import', file);
        assert.equal(failure.code, code, failure.message);
        const exit = {
          DIRECTORY_NO_SUCH_OBJECT: Exit.absent,
          DIRECTORY_ENTRY_EXISTS: Exit.conflict,
        };
        assert.equal(failure.exitCode, exit[code as keyof typeof exit] ?? Exit.refused);
        const [, named] = /line (\d+)/.exec(failure.message) ?? [];
        assert.equal(Number(named), line, failure.message);
      });
    }

    it('and the record before the fault is not stored either', async () => {
      const failure = await certdir.failure('ldif', 'export', '--base', 'cn=new,o=JPKI,c=JP');
      assert.equal(failure.exitCode, Exit.absent);
    });

    it('from a file that is not there', async () => {
      const failure = await certdir.failure('ldif', 'import', certdir.path('nowhere.ldif'));
      assert.equal(failure.code, 'CLI_INPUT_UNREADABLE');
      assert.equal(failure.exitCode, Exit.absent, failure.message);
      assert.match(failure.message, /nowhere\.ldif/);
    });
  });

  describe('verifiers', () => {
    it('that exist', async () => {
      await registerVerifier(certdir, 'twice');
      const file = certdir.path('twice.password');
      const command = [
        'verifier',
        'add',
        'twice',
        '--kind',
        'signatureVerifier',
        '--agreement',
        'x',
      ];
      const dates = ['--from', '2020-01-01', '--until', '2030-01-01', '--partitions', '*'];
      await refused([...command, ...dates, '--password-file', file], {
        exit: Exit.conflict,
        code: 'CA_VERIFIER_EXISTS',
      });
    });

    it('of a kind, a partition or dates that cannot be', async () => {
      const file = certdir.write('some.password', 'secret');
      const base = ['verifier', 'add', 'odd', '--agreement', 'x', '--password-file', file];
      const options = {
        '--kind': 'signatureVerifier',
        '--from': '2020-01-01',
        '--until': '2030-01-01',
        '--partitions': '10201',
      };
      for (const wrong of [
        { '--kind': 'curiousNeighbour' },
        { '--partitions': '99999' },
        { '--from': '2020-13-01' },
        { '--from': '2031-01-01' },
      ]) {
        const words = Object.entries({ ...options, ...wrong }).flat();
        const failure = await certdir.failure(...base, ...words);
        assert.ok(
          [Exit.refused, Exit.absent].some((exit) => exit === failure.exitCode),
          failure.message,
        );
      }
    });

    it('that nobody registered', async () => {
      const failure = await certdir.failure('verifier', 'disable', 'nobody');
      assert.equal(failure.exitCode, Exit.absent);
    });

    it('with a password file that others may read', async () => {
      const file = certdir.write('open.password', 'secret');
      await runCommand('chmod', ['644', file]);
      const command = [
        'verifier',
        'add',
        'open',
        '--kind',
        'signatureVerifier',
        '--agreement',
        'x',
      ];
      const dates = ['--from', '2020-01-01', '--until', '2030-01-01', '--partitions', '*'];
      await refused([...command, ...dates, '--password-file', file], {
        exit: Exit.configuration,
        code: 'CONFIG_SECRET',
      });
    });
  });

  describe('command lines', () => {
    const rows: readonly (readonly string[])[] = [
      ['nonsense'],
      ['ca', 'issue'],
      ['ca', 'issue', '--csr', 'x'],
      ['ca', 'revoke', 'ABCD'],
      ['ca', 'publish'],
      ['ca', 'publish', '--all', '--partition', '10201'],
      ['status', '--unknown-option'],
      ['init'],
    ];
    for (const args of rows) {
      it(`certdir ${args.join(' ')}`, async () => {
        const { status, stdout, stderr } = await certdir.run(...args);
        assert.equal(status, Exit.usage, stderr);
        assert.equal(stdout, '');
        assert.notEqual(stderr, '');
      });
    }

    it('with a request file that is not there', async () => {
      const failure = await certdir.failure(...issue(certdir.path('nowhere.csr')));
      assert.equal(failure.code, 'CLI_INPUT_UNREADABLE');
      assert.equal(failure.exitCode, Exit.absent);
    });

    it('with a place for the certificate where none can be, before it is issued', async () => {
      const before = await counts();
      const failure = await certdir.failure(...issue(goodRequest, '--out', '/nowhere/citizen.pem'));
      assert.equal(failure.exitCode, Exit.usage);
      assert.match(failure.message, /nowhere/);
      assert.deepEqual(await counts(), before);
    });

    it('with a place for an export where none can be', async () => {
      const failure = await certdir.failure('ldif', 'export', '--out', certdir.workFolder);
      assert.equal(failure.exitCode, Exit.usage);
    });

    it('with a port that is none', async () => {
      const elsewhere = ['--data', certdir.path('elsewhere'), '--json'];
      const args = [...elsewhere, 'init', '--preset', 'gunma', '--ldap-port', '70000'];
      const result = await runCommand(process.execPath, [certdirCommand, ...args]);
      assert.equal(failureOf(result, args).exitCode, Exit.usage);
    });
  });
});
