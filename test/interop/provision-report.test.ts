/**
 * What was provided to whom, counted on the whole program: over LDAP and HTTP, repeated answers and refused
 * tries included, through a kill, and as a report (gunma 4-5).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AccessEvent } from '../../src/audit/access-event.ts';
import { readJournal } from '../../src/audit/access-recovery.ts';
import type {
  AuditRecordReport,
  AuditVerificationReport,
} from '../../src/http/audit-operations.ts';
import type { ProvisionLine, ProvisionReport } from '../../src/http/provision-report.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { type LdapFound, type LdapIdentity, LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const MAEBASHI = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;

describe('the report of what was provided', { skip: skipWithout('ldapsearch') }, () => {
  const certdir = new CertdirFolder({ after });
  let server: CertdirServer;
  let office: LdapIdentity;
  let tools: LdapTools;

  before(async () => {
    await certdir.init();
    office = await registerVerifier(certdir, 'tax-office', { partitions: ['10201'] });
    await serve();
  });

  async function serve(): Promise<void> {
    server = await certdir.serve();
    tools = new LdapTools({ url: server.ldapsUrl, caFile: join(certdir.folder, 'tls/server.pem') });
  }

  const ask = (as: LdapIdentity | undefined, attributes: readonly string[]): Promise<LdapFound> =>
    tools.search({ base: MAEBASHI, attributes, as });

  const year = String(new Date(Date.now() + 9 * 3_600_000).getUTCFullYear());
  const report = (): Promise<ProvisionReport> =>
    certdir.answer<ProvisionReport>('report', 'provision', '--year', year);

  async function lineOf(verifier: string, method: string): Promise<ProvisionLine | undefined> {
    const { lines } = await report();
    return lines.find(
      (line) => line.verifier.toLowerCase() === verifier.toLowerCase() && line.method === method,
    );
  }

  it('counts what a verifier was given, also when the answer is given again', async () => {
    for (let count = 0; count < 3; count += 1) {
      const { entries } = await ask(office, ['certificateRevocationList']);
      assert.equal(entries.length, 1);
    }
    await ask(office, ['cn']);
    const line = await lineOf(office.dn, 'ldap');
    assert.deepEqual(
      [line?.provided, line?.refused, line?.partition, line?.agreementNumber],
      [3, 0, '10201', 'agreement-tax-office'],
    );
    assert.match(line?.month ?? '', new RegExp(`^${year}-\\d\\d$`));
  });

  it('counts refused tries of those who are not registered', async () => {
    for (let count = 0; count < 4; count += 1) {
      await ask(undefined, ['certificateRevocationList']);
    }
    const line = await lineOf('', 'ldap');
    assert.deepEqual([line?.provided, line?.refused], [0, 4]);
  });

  it('counts the public list that is fetched over HTTP, and no look at the page', async () => {
    await (await fetch(`${server.httpUrl}/`)).text();
    await (await fetch(`${server.httpUrl}/arl.crl`)).arrayBuffer();
    const line = await lineOf('', 'http');
    assert.deepEqual([line?.provided, line?.partition], [1, 'arl']);
  });

  it('loses nothing of what was synced when the server is killed', async () => {
    const before = (await lineOf(office.dn, 'ldap'))?.provided ?? 0;
    for (let count = 0; count < 5; count += 1) {
      await ask(office, ['certificateRevocationList']);
    }
    // Everything is synced after half a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await server.kill();
    assert.equal((await lineOf(office.dn, 'ldap'))?.provided, before + 5);
    await serve();
    assert.equal((await lineOf(office.dn, 'ldap'))?.provided, before + 5);
  });

  it('rests on a journal that says who, when, which list, and by which way', async () => {
    const events: AccessEvent[] = [];
    for await (const event of readJournal(join(certdir.folder, 'access'))) {
      events.push(event);
    }
    const { lines } = await report();
    assert.equal(
      events.length,
      lines.reduce((sum, line) => sum + line.provided + line.refused, 0),
    );
    const [first] = events;
    assert.deepEqual(
      [
        first?.verifier.toLowerCase(),
        first?.partition,
        first?.method,
        first?.listNumber,
        first?.address,
      ],
      [office.dn.toLowerCase(), '10201', 'ldap', '1', '127.0.0.1'],
    );
    const seals = await certdir.answer<readonly AuditRecordReport[]>(
      ...['audit', 'list', '--kind', 'access.seal'],
    );
    const sealed = seals.reduce((sum, { details }) => sum + Number(details['accesses']), 0);
    assert.equal(sealed, events.length);
    const verified = await certdir.answer<AuditVerificationReport>('audit', 'verify');
    assert.equal(verified.accessSegments, seals.length);
    const [file = ''] = readdirSync(join(certdir.folder, 'access'));
    const path = join(certdir.folder, 'access', file);
    const bytes = readFileSync(path);
    writeFileSync(
      path,
      bytes.map((byte, at) => (at === 60 ? byte ^ 1 : byte)),
    );
    assert.equal((await certdir.failure('audit', 'verify')).code, 'AUDIT_JOURNAL_DAMAGED');
    writeFileSync(path, bytes);
  });

  it('is CSV and a page as well', async () => {
    const run = await certdir.run('report', 'provision', '--year', year);
    assert.match(
      run.stdout,
      /^\ufeffverifier,agreementNumber,month,method,partition,provided,refused\r\n/,
    );
    assert.match(
      run.stdout,
      /"cn=tax-office,.*",agreement-tax-office,\d{4}-\d\d,ldap,10201,8,0\r\n/i,
    );
    const csv = certdir.path('direct.csv');
    const html = certdir.path('direct.html');
    for (const [format, file] of [
      ['csv', csv],
      ['html', html],
    ] as const) {
      const made = await certdir.run(
        ...['report', 'provision', '--year', year, '--format', format, '--out', file],
      );
      assert.equal(made.status, 0, made.stderr);
    }
    assert.ok(readFileSync(csv, 'utf8').includes(',8,0\r\n'));
    const page = readFileSync(html, 'utf8');
    for (const title of ['失効情報等の提供先', '提供を行った年月', '提供した件数', '提供の方法']) {
      assert.ok(page.includes(title), title);
    }
    await server.stop();
  });
});
