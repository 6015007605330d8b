/**
 * The bridge's certificate as cps/bca.yaml has it made, against the one that the bridge of the JPKI published (2003), field
 * by field and byte by byte; what differs is what has to: number, algorithm, key, time.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { formatName } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { smallBca } from '../support/cross-exchange.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { readFixture } from '../support/x509-samples.ts';

const real = parseCertificate(readFixture('ca-certs/00_BCA.cer'));
/** The day of the real one, in the morning in Japan. */
const MADE_MS = real.notBeforeMs;

describe('the certificate of the bridge', () => {
  let ours: Certificate;

  before(async () => {
    const bed = await CaTestBed.open({ after }, { policy: smallBca, startMs: MADE_MS });
    ours = bed.ca.certificate;
  });

  it('has the same names, string types included', () => {
    assert.deepEqual(ours.subject.der, real.subject.der);
    assert.deepEqual(ours.issuer.der, real.issuer.der);
    assert.equal(formatName(ours.subject), smallBca.names.issuer);
  });

  it('is valid for the same time, to the second', () => {
    assert.deepEqual([ours.notBeforeMs, ours.notAfterMs], [real.notBeforeMs, real.notAfterMs]);
  });

  it('has the same extensions in the same order, with the same criticality and content', () => {
    const shown = ({ extensions }: Certificate): readonly unknown[] =>
      extensions.map(({ oid, critical, value }) => [
        oid,
        critical,
        // Of the key, which is another.
        oid === Oid.subjectKeyIdentifier ? value.length : Buffer.from(value).toString('hex'),
      ]);
    assert.deepEqual(shown(ours), shown(real));
    const constraints = ours.extensions.find(({ oid }) => oid === Oid.basicConstraints);
    assert.deepEqual(parseBasicConstraints(constraints?.value ?? assert.fail()), { isCa: true });
  });

  it('is of version 3 too; its number is not 1, which could be guessed', () => {
    assert.equal(ours.version, real.version);
    assert.equal(real.serialNumber, 1n);
    assert.ok(ours.serialNumber > 2n ** 127n);
  });

  it('prints like it', { skip: skipWithout('openssl') }, async (t) => {
    const folder = temporaryFolder(t);
    const printed = async ({ der }: Certificate): Promise<string> => {
      const file = join(folder, 'certificate.pem');
      writeFileSync(file, encodePem('CERTIFICATE', der));
      const options = [
        '-certopt',
        'no_serial,no_signame,no_pubkey,no_sigdump',
        '-nameopt',
        'utf8,sep_comma_plus,show_type',
      ];
      const { stdout } = await runCommand('openssl', [
        'x509',
        '-in',
        file,
        '-noout',
        '-text',
        ...options,
      ]);
      return stdout.replaceAll(/([0-9A-F]{2}:){19}[0-9A-F]{2}/g, 'SKI');
    };
    assert.equal(await printed(ours), await printed(real));
  });
});
