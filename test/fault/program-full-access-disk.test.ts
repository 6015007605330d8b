/**
 * The running program when the disk of the access journal alone is full: answers go on, the log raises the alarm, and
 * when there is room again every one of them is counted.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { ProvisionReport } from '../../src/http/provision-report.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { bindOperation, searchOperation } from '../support/ldap-request-bytes.ts';
import { LdapTestClient } from '../support/ldap-test-client.ts';
import type { LdapIdentity } from '../support/ldap-tools.ts';
import { skipWithoutMounts } from '../support/machine-abilities.ts';
import { registerVerifier } from '../support/registered-verifier.ts';
import { fillDisk, mountSmallDisk, unmountSmallDisk } from '../support/small-disk.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const MAEBASHI = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
/** Two bytes or more each: together more than the page that the file has already. */
const ASKED = 3_000;
const TIMEOUT_MS = 20_000;

describe('a full disk of the access journal alone', { skip: skipWithoutMounts() }, () => {
  after(async () => {
    await server?.kill();
    unmountSmallDisk(disk);
  });
  const certdir = new CertdirFolder({ after });
  const disk = join(certdir.folder, 'access');
  const filler = join(disk, 'filler');
  let server: CertdirServer | undefined;
  let verifier: LdapIdentity;
  let client: LdapTestClient;

  before(async () => {
    await certdir.init();
    verifier = await registerVerifier(certdir, 'reader');
    rmSync(disk, { recursive: true, force: true });
    mountSmallDisk(disk, '256k');
    server = await certdir.serve();
    client = await LdapTestClient.connectTls(Number(new URL(server.ldapsUrl).port));
    const bound = await client.ask(bindOperation(verifier.dn, readFileSync(verifier.passwordFile)));
    assert.equal(bound.resultCode, 0);
  });
  after(() => client?.destroy());

  async function read(count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      const attributes = ['certificateRevocationList'];
      const answers = await client.request(searchOperation({ base: MAEBASHI, attributes }));
      assert.equal(answers.filter(({ kind }) => kind === 'entry').length, 1);
    }
  }

  async function untilLogged(text: string): Promise<void> {
    const endMs = performance.now() + TIMEOUT_MS;
    while (!server?.log.includes(text)) {
      assert.ok(performance.now() < endMs, `${text}: ${server?.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('raises the alarm, and answers and writes go on', async () => {
    fillDisk(filler);
    await read(ASKED);
    await untilLogged('the access journal cannot be written');
    await read(ASKED);
    await certdir.answer('ca', 'publish', '--partition', '10201');
    await read(ASKED);
  });

  it('counts every answer when there is room again', async () => {
    rmSync(filler);
    await untilLogged('the access journal is written again');
    const year = String(new Date(Date.now() + 9 * 3_600_000).getUTCFullYear());
    const { lines } = await certdir.answer<ProvisionReport>(
      ...['report', 'provision', '--year', year],
    );
    const provided = lines.reduce((sum, line) => sum + line.provided, 0);
    assert.equal(provided, 3 * ASKED);
    assert.equal(await server?.stop(), 0);
  });
});
