/**
 * The running program when the disk is full: each write ends in a clear error, reads go on, and when
 * there is room again everything that was answered is there, and nothing in part.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { IssuedReport, ServiceStatus } from '../../src/http/operations.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { citizenOptions } from '../support/issued-citizen.ts';
import { type LdapIdentity, LdapTools } from '../support/ldap-tools.ts';
import { skipWithoutMounts } from '../support/machine-abilities.ts';
import { makeOpensslRequest } from '../support/openssl-request.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';
import { fillDisk, mountSmallDisk, unmountSmallDisk } from '../support/small-disk.ts';
import { StoppedInstance } from '../support/stopped-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const maebashi = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
const Exit = { done: 0, away: 7 } as const;
const UNAVAILABLE = 52;
const MAX_ISSUES = 40;

const skip = skipWithout('openssl', 'ldapsearch') || skipWithoutMounts();

describe('a full disk', { skip }, () => {
  // First the server ends, then the disk is taken away, then the folders go.
  after(async () => {
    await server?.kill();
    unmountSmallDisk(disk);
  });
  const outside = temporaryFolder({ after });
  const disk = join(outside, 'disk');
  const certdir = new CertdirFolder({ after }, disk);
  const filler = join(disk, 'filler');
  const issued: IssuedReport[] = [];
  let server: CertdirServer | undefined;
  let ldaps: LdapTools;
  let verifier: LdapIdentity;
  let people = 0;

  before(async () => {
    mountSmallDisk(disk, '16m');
    await certdir.init();
    appendFileSync(join(certdir.folder, 'certdir.yaml'), 'metrics: { port: 0 }\n');
    server = await certdir.serve();
    assert.equal(await figure('certdir_store_writable'), 1);
    ldaps = toolsFor(server);
    verifier = await registerVerifier(certdir, 'reader');
    issued.push(JSON.parse((await issue()).stdout) as IssuedReport);
  });

  function toolsFor({ ldapsUrl: url }: CertdirServer): LdapTools {
    return new LdapTools({ url, caFile: join(certdir.folder, 'tls/server.pem') });
  }

  function issue(): ReturnType<CertdirFolder['run']> {
    people += 1;
    const name = `person-${people}`;
    const { requestFile } = makeOpensslRequest(outside, name);
    const command = ['ca', 'issue', '--csr', requestFile, '--municipality', '10201'];
    return certdir.run('--json', ...command, ...citizenOptions(name));
  }

  /** What Prometheus is given. */
  async function figure(name: string): Promise<number> {
    let url: string | undefined;
    while (url === undefined) {
      // It is announced last.
      await new Promise((resolve) => setTimeout(resolve, 10));
      [url] = /http:\S+\/metrics/.exec(server?.log ?? '') ?? [];
    }
    const text = await (await fetch(url)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  }

  const readList = (tools: LdapTools): Promise<readonly Buffer[]> =>
    tools.values({ base: maebashi, attributes: ['certificateRevocationList'], as: verifier });

  it('ends the next issue with a clear error', async () => {
    fillDisk(filler);
    for (let attempt = 1; ; attempt += 1) {
      assert.ok(attempt <= MAX_ISSUES, 'the disk gets full');
      const { status, stdout, stderr } = await issue();
      if (status !== Exit.done) {
        assert.equal(status, Exit.away, stderr);
        const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
        assert.match(error.code, /^STORE_WRITE/);
        assert.match(error.message, /no space left/i);
        assert.equal(stdout, '');
        return;
      }
      issued.push(JSON.parse(stdout) as IssuedReport);
    }
  });

  it('refuses every other write too, until a restart', async () => {
    rmSync(filler);
    const { exitCode, code } = await certdir.failure(
      ...['ca', 'revoke', issued[0]?.serialNumber ?? '', '--reason', 'superseded'],
    );
    assert.equal(exitCode, Exit.away);
    assert.equal(code, 'STORE_WRITER_CLOSED');
    const publish = await certdir.failure('ca', 'publish', '--all');
    assert.equal(publish.exitCode, Exit.away);
    const { administratorDn: dn, administratorPasswordFile: passwordFile } = certdir.report;
    const input = 'dn: cn=x,o=JPKI,c=JP\nobjectClass: device\ncn: x\n';
    const result = await ldaps.resultCode('ldapadd', [], { as: { dn, passwordFile }, input });
    assert.equal(result, UNAVAILABLE);
  });

  it('goes on answering', async () => {
    assert.ok(server?.isRunning);
    assert.equal((await readList(ldaps)).length, 1);
    assert.equal((await fetch(`${server.httpUrl}/ca.pem`)).status, 200);
    const status = await certdir.answer<ServiceStatus>('status');
    assert.equal(status.storeWritable, false);
    assert.ok(status.warnings.some((warning) => /no writes|restart/.test(warning)));
    assert.equal(await figure('certdir_store_writable'), 0);
    assert.ok((await figure('certdir_store_lost_transactions_total')) > 0);
    const alarm = server.log.split('\n').find((line) => line.includes('takes no more writes'));
    assert.match(alarm ?? '', /"level":"error"|error/);
    assert.match(alarm ?? '', /no space left/i);
  });

  it('stops cleanly, and does not start on a full disk', async () => {
    fillDisk(filler);
    assert.equal(await server?.stop(), Exit.done);
    const { exitCode, message } = await certdir.failure('serve');
    assert.equal(exitCode, Exit.away, message);
    assert.match(message, /no space left/i);
  });

  it('has everything that was answered, and nothing in part, when there is room again', async () => {
    rmSync(filler);
    const instance = await StoppedInstance.open(certdir.folder);
    try {
      await instance.assertConsistent();
      for (const { serialNumber } of issued) {
        const found = await instance.ca.findCertificate(BigInt(`0x${serialNumber}`));
        assert.equal(found?.state, 'good', serialNumber);
      }
    } finally {
      await instance.close();
    }
    server = await certdir.serve();
    assert.equal((await readList(toolsFor(server))).length, 1);
    const { serialNumber = '' } = issued.at(-1) ?? {};
    await certdir.answer('ca', 'revoke', serialNumber, '--reason', 'superseded');
    await certdir.answer('ca', 'publish', '--partition', '10201');
    const [list] = await readList(toolsFor(server));
    assert.ok(list !== undefined);
    const { stdout } = await runCommand('openssl', ['crl', '-inform', 'DER', '-text', '-noout'], {
      input: list,
    });
    assert.match(stdout, new RegExp(serialNumber));
  });
});
