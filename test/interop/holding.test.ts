/**
 * Holding and releasing by the command line, without a server and through one, and what OCSP says of it.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { AuditRecordReport } from '../../src/http/audit-operations.ts';
import type { HoldReport } from '../../src/http/hold-operations.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { type IssuedCitizen, issueCitizen } from '../support/issued-citizen.ts';
import { skipWithout } from '../support/outside-tool.ts';

const Exit = { refused: 4, conflict: 6 } as const;

describe('certdir ca hold and release', { skip: skipWithout('openssl') }, () => {
  const certdir = new CertdirFolder({ after });
  let citizen: IssuedCitizen;

  before(async () => {
    await certdir.init();
    citizen = await issueCitizen(certdir, { name: 'held' });
  });

  /** What `openssl ocsp` makes of the citizen's certificate. */
  async function ocsp(url: string): Promise<string> {
    const ca = certdir.path('ca.pem');
    const { stdout, stderr } = await runCommand('openssl', [
      ...['ocsp', '-issuer', ca, '-noverify', '-no_nonce', '-url', url],
      ...['-cert', citizen.certificateFile],
    ]);
    return `${stdout}${stderr}`;
  }

  it('refuses where the policy has no hold', async () => {
    const failure = await certdir.failure('ca', 'hold', citizen.serialNumber);
    assert.deepEqual([failure.code, failure.exitCode], ['CA_HOLD_NOT_ALLOWED', Exit.refused]);
  });

  it('without a server: holds, says since when, releases', async () => {
    const file = join(certdir.folder, 'policy.yaml');
    const text = readFileSync(file, 'utf8')
      .replace(/^ {2}hold: never/m, '  hold: until-expiry')
      .replace(/^ {2}access: verifiers$/m, '  access: public');
    writeFileSync(file, text);
    const { serialNumber } = citizen;
    const held = await certdir.answer<HoldReport>('ca', 'hold', serialNumber);
    assert.deepEqual(
      [held.serialNumber, held.state, held.partition],
      [serialNumber, 'held', '10201'],
    );
    assert.ok(Date.parse(held.publicationDue) >= Date.parse(held.since));
    const { status, stdout } = await certdir.run('ca', 'release', serialNumber);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^Released ${serialNumber}\n(.*\n)*good since +\\d{4}-`));
  });

  it('through a server: OCSP says certificateHold at once, and good after the release', async () => {
    const server = await certdir.serve();
    const url = server.ocspUrl ?? '';
    certdir.write('ca.pem', await (await fetch(`${server.httpUrl}/ca.pem`)).text());
    const { serialNumber } = citizen;
    let answered = await ocsp(url);
    // The server makes its responder when it starts.
    for (let turn = 0; turn < 500 && /trylater/.test(answered); turn += 1) {
      answered = await ocsp(url);
    }
    assert.match(answered, /: good$/m);
    const { stdout } = await certdir.run('ca', 'hold', serialNumber);
    const [, since] = /^Held [0-9A-F]{40}\n(?:.*\n)*held since +(\S+)$/m.exec(stdout) ?? [];
    const shown = await certdir.run('ca', 'show', serialNumber);
    assert.match(shown.stdout, new RegExp(`^state +held since ${since}, certificateHold$`, 'm'));
    assert.match(await ocsp(url), /: revoked\n(.*\n)*\s+Reason: certificateHold$/m);
    const { state } = await certdir.answer<HoldReport>('ca', 'release', serialNumber);
    assert.equal(state, 'good');
    assert.match(await ocsp(url), /: good$/m);
    const again = await certdir.failure('ca', 'release', serialNumber);
    assert.deepEqual([again.code, again.exitCode], ['CA_NOT_HELD', Exit.conflict]);
    const records = await certdir.answer<readonly AuditRecordReport[]>('audit', 'list');
    assert.deepEqual(
      records
        .filter(({ kind }) => /^certificate\.(hold|release)$/.test(kind))
        .map(({ kind, result }) => `${kind} ${result}`),
      [
        'certificate.hold refused',
        ...['certificate.hold done', 'certificate.release done'],
        ...['certificate.hold done', 'certificate.release done'],
        'certificate.release refused',
      ],
    );
    assert.equal(await server.stop(), 0);
  });
});
