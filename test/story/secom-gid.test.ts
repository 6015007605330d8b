/**
 * SECOM Passport for G-ID as its practice statement tells it: the first ceremony, subscriber certificates, lists by
 * count with the full list beside them, verification by others, revocation, the second key, and every URL that table
 * 2.6-1 prints. OpenSSL, ldapsearch and curl are the judges.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import type { CaInstance } from '../../src/app/ca-instance.ts';
import { openInstance } from '../../src/app/instance.ts';
import { type RunningServer, serve } from '../../src/app/server.ts';
import type { IssuedCertificate } from '../../src/ca/certificates/issuance.ts';
import { formatSerialNumber, parseSerialNumber } from '../../src/ca/certificates/serial-number.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { ClosingStack } from '../../src/core/closing-stack.ts';
import { silentLog } from '../../src/core/log.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';
import { assertConformity } from './conformity.ts';

/** The server is in this process, so nothing may stop it to wait. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const options = { encoding: 'utf8', timeout: 20_000 } as const;
  return (await promisify(execFile)(command, [...args], options)).stdout;
}

const YEAR_MS = 365 * 86_400_000;
const operator = { name: 'tester' };
const origin = { channel: 'cli', actor: 'tester' } as const;

const ca = 'ou=SECOM%20Passport%20for%20G-ID,o=SECOM%20Trust.net%20Co.%2c%20Ltd.,c=JP';
/** With the spaces that most rows of the table have. */
const spaced = ca.replaceAll(',', ', ');
const web = '/PassportFor/G-ID';

/** Table 2.6-1 to the letter, host apart. */
const printed = {
  ldap: [
    `${ca}?cACertificate`,
    `${spaced}?cACertificate`,
    `${spaced}?crossCertificatePair`,
    `cn=CRL1, ${spaced}?certificateRevocationList`,
    `cn=CRL2, ${spaced}?certificateRevocationList`,
    `cn=CRL1, ${spaced}?authorityRevocationList`,
    `${spaced}?certificateRevocationList`,
  ],
  certificates: [
    `${web}/repository/g-idca04.crt`,
    `${web}/repository/g-idca05.crt`,
    `${web}/repository/g-idca05-NewWithOld.crt`,
    `${web}/repository/g-idca05-OldWithNew.crt`,
  ],
  lists: [`${web}/repository2/CRL.crl`, `${web}/repository3/CRL.crl`],
  pages: [`${web}/`, `${web}/fingerprint.html`],
  documents: ['CP', 'CPS', 'kanyusya', 'kanyusya_shiho', 'kanyusya_zei', 'kanyusya_sharo'].concat([
    'kanyusya_tochi',
    'verification',
  ]),
} as const;

describe('SECOM Passport for G-ID', { skip: skipWithout('openssl', 'ldapsearch') }, () => {
  const work = temporaryFolder({ after });
  const folder = join(work, 'data');
  const at = (name: string): string => join(work, name);
  let clock: SimulatedClock;
  const issued = new Map<string, IssuedCertificate>();

  before(async () => {
    await makeDataFolder(folder, ['secom-gid']);
    const policy = join(folder, 'policy.yaml');
    // How far entries grow is not said (table 2.6-1, note 1).
    const text = readFileSync(policy, 'utf8').replace('certificates: 5000', 'certificates: 2');
    writeFileSync(policy, text);
    for (const name of printed.documents) {
      writeFileSync(at(`${name}.pdf`), `%PDF-1.4 ${name}`);
    }
    const documents = printed.documents.map((name) => ({
      ...{ path: `${web}/repository/${name}.pdf`, file: at(`${name}.pdf`) },
      title: { ja: name, en: name },
    }));
    const file = join(folder, CONFIGURATION_FILE);
    const { http, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...rest, http: { ...http, documents } }));
    clock = new SimulatedClock(Date.now() + 2_000);
  });

  /** Within the CA: its engine. */
  async function within<T>(act: (one: CaInstance) => Promise<T>): Promise<T> {
    const closing = new ClosingStack();
    try {
      const { cas } = await openInstance({ folder, log: silentLog, clock }, closing);
      return await passing(act(cas[0]));
    } finally {
      await passing(closing.close());
    }
  }

  /** Whatever is to be a second after something else has its second. */
  async function passing<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    work.then(over, over);
    while (!isOver) {
      await clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return await work;
  }

  async function outside(
    look: (server: RunningServer, urls: Readonly<Record<'ldap' | 'http', string>>) => Promise<void>,
  ): Promise<void> {
    const server = await serve({ folder, log: silentLog, clock });
    const url = (scheme: string): string =>
      server.endpoints.find((one) => one.startsWith(`${scheme}://`)) ?? assert.fail(scheme);
    try {
      await look(server, { ldap: url('ldap'), http: url('http') });
    } finally {
      await passing(server.close());
    }
  }

  function issue({ authority }: CaInstance, name: string): Promise<IssuedCertificate> {
    const registration = `GID-${issued.size + 1}`;
    return authority
      .issue({
        profile: 'subscriber',
        csr: sampleRequest(sampleKey('rsa-2048', `secom ${issued.size % 4}`)),
        fields: { name, registration },
        origin,
      })
      .then((one) => {
        issued.set(name, one);
        writeFileSync(at(`${name}.pem`), encodePem('CERTIFICATE', one.certificate.der));
        return one;
      });
  }

  async function ldapsearch(
    url: string,
    base: string,
    attribute: string,
  ): Promise<readonly Buffer[]> {
    const options = ['-x', '-LLL', '-o', 'ldif-wrap=no', '-s', 'base'];
    const args = [...options, '-H', url, '-b', base, attribute];
    const text = await run('ldapsearch', args);
    return [...text.matchAll(/;binary:: (\S+)/g)].map(([, base64 = '']) =>
      Buffer.from(base64, 'base64'),
    );
  }

  function write(name: string, type: 'CERTIFICATE' | 'X509 CRL', ...ders: readonly Buffer[]): void {
    writeFileSync(at(name), ders.map((der) => encodePem(type, der)).join(''));
  }

  /** What OpenSSL says of a subscriber's certificate at this moment. */
  function verify(name: string, ...more: readonly string[]): string {
    const time = ['-attime', String(Math.floor(clock.nowMs() / 1000))];
    const args = ['verify', ...time, '-CAfile', at('ca.pem'), ...more, at(`${name}.pem`)];
    try {
      return runOpenssl(args).toString('utf8');
    } catch (error) {
      return String(error);
    }
  }

  it('6.3.2, 4.10: the first key is for ten years and thirty minutes', async () => {
    const certificate = await within(async ({ authority }) => authority.certificate);
    const begin = new Date(certificate.notBeforeMs);
    begin.setUTCFullYear(begin.getUTCFullYear() + 10);
    begin.setUTCMinutes(begin.getUTCMinutes() + 30);
    assert.equal(certificate.notAfterMs, begin.getTime());
  });

  it('4.3, table 2.6-1 note 1: subscribers’ certificates, in list after list', async () => {
    await within(async (one) => {
      await issue(one, 'Hanako Suzuki');
      await issue(one, 'Taro Tanaka');
      // The next list is out before a certificate names it.
      await one.authority.publish('crl-2', origin);
      await issue(one, 'Jiro Sato');
    });
    const lists = [...issued.values()].map(({ scope }) => scope.id);
    assert.deepEqual(lists, ['crl-1', 'crl-1', 'crl-2']);
  });

  it('2.1.3, 2.6.4: anyone verifies them by what the repository shows, which has no subscriber', async () => {
    await outside(async (_server, { ldap, http }) => {
      const own = await fetch(`${http}${printed.certificates[0]}`);
      write('ca.pem', 'CERTIFICATE', Buffer.from(await own.arrayBuffer()));
      const base = 'ou=SECOM Passport for G-ID,o=SECOM Trust.net Co.\\, Ltd.,c=JP';
      const [full] = await ldapsearch(ldap, base, 'certificateRevocationList');
      const [first] = await ldapsearch(ldap, `cn=CRL1,${base}`, 'certificateRevocationList');
      assert.ok(full !== undefined && first !== undefined);
      write('full.pem', 'X509 CRL', full);
      write('crl1.pem', 'X509 CRL', first);
      for (const list of ['full.pem', 'crl1.pem']) {
        assert.match(verify('Hanako Suzuki', '-crl_check', '-CRLfile', at(list)), /: OK/);
      }
      // Of the second list the first says nothing.
      const other = verify('Jiro Sato', '-crl_check', '-CRLfile', at('crl1.pem'));
      assert.match(other, /different CRL scope|unable to get certificate CRL/);
      const all = ['-x', '-LLL', '-H', ldap, '-b', base, '(objectClass=*)', 'userCertificate'];
      const tree = await run('ldapsearch', all);
      assert.doesNotMatch(tree, /userCertificate/i);
    });
  });

  it('4.5.3: a revocation is in the list and the full list at once', async () => {
    await outside(async (server, { ldap, http }) => {
      const { operations } = server;
      const serial = formatSerialNumber(issued.get('Hanako Suzuki')?.serialNumber ?? 0n);
      const entries = async (scope: string): Promise<number | undefined> =>
        (await operations.status()).scopes.find((one) => one.scope === scope)?.entries;
      await operations.revoke({ serialNumber: serial, reason: 'keyCompromise' }, operator);
      for (let turn = 0; turn < 40 && (await entries('full-1')) !== 1; turn += 1) {
        await clock.advance(500);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.deepEqual([await entries('crl-1'), await entries('full-1')], [1, 1]);
      const base = 'cn=CRL1,ou=SECOM Passport for G-ID,o=SECOM Trust.net Co.\\, Ltd.,c=JP';
      const [first] = await ldapsearch(ldap, base, 'certificateRevocationList');
      const full = await fetch(`${http}${printed.lists[0]}`);
      assert.ok(first !== undefined);
      write('crl1.pem', 'X509 CRL', first);
      write('full.pem', 'X509 CRL', Buffer.from(await full.arrayBuffer()));
      for (const list of ['full.pem', 'crl1.pem']) {
        const lists = ['-crl_check', '-CRLfile', at(list)];
        assert.match(verify('Hanako Suzuki', ...lists), /certificate revoked/);
        assert.match(verify('Taro Tanaka', ...lists), /: OK/);
      }
    });
  });

  it('6.1.1 (2), 6.4.2: the CA makes a subscriber’s key, the PIN goes apart, and both are erased', async () => {
    await within(async ({ authority: { delivery } }) => {
      const fields = { name: 'Yoko Mori', registration: 'GID-9' };
      const order = { order: 'GID-9', issue: { profile: 'subscriber', fields, origin } };
      const record = await delivery.prepare(order);
      const serialNumber = parseSerialNumber(record.serialNumber);
      const pin = Buffer.from(await delivery.password({ serialNumber, origin })).toString();
      await delivery.passwordSent({ serialNumber, origin });
      await assert.rejects(delivery.password({ serialNumber, origin }), {
        code: 'CA_DELIVERY_GONE',
      });
      const by = { reference: record.reference ?? '' };
      const { bytes } = await delivery.fetch(by, origin);
      writeFileSync(at('mori.p12'), bytes);
      const args = ['pkcs12', '-in', at('mori.p12'), '-passin', `pass:${pin}`, '-nodes'];
      const opened = runOpenssl(args).toString('utf8');
      assert.match(opened, /BEGIN PRIVATE KEY/);
      writeFileSync(at('Yoko Mori.pem'), opened);
      assert.match(verify('Yoko Mori'), /: OK/);
      clock.setWallClock(clock.nowMs() + 3_600_000);
      await assert.rejects(delivery.fetch(by, origin), { code: 'CA_DELIVERY_GONE' });
      assert.equal(await delivery.eraseDue(), 1);
      const receipt = { from: 'Yoko Mori', reference: 'R-1' };
      await delivery.deliver({ serialNumber, receipt, origin });
    });
  });

  it('4.10: the second key takes over with two link certificates, and lists of both go on', async () => {
    clock.setWallClock(clock.nowMs() + 8 * YEAR_MS - 30 * 86_400_000);
    await within(async (one) => {
      await one.authority.renewal.prepare(origin);
      await one.authority.renewal.switchOver(origin);
      await issue(one, 'Saburo Ito');
      for (const { id } of one.authority.scopes.list) {
        await one.authority.publish(id, origin);
      }
    });
    await outside(async (_server, { http }) => {
      const get = async (path: string): Promise<Buffer> => {
        const answer = await fetch(`${http}${path}`);
        assert.equal(answer.status, 200, path);
        return Buffer.from(await answer.arrayBuffer());
      };
      const [old, young, newWithOld, oldWithNew] = await Promise.all(
        printed.certificates.map((path) => get(path)),
      );
      assert.ok(old && young && newWithOld && oldWithNew);
      const [listOfOld, listOfNew] = await Promise.all(printed.lists.map((path) => get(path)));
      assert.ok(listOfOld && listOfNew);
      write('ca.pem', 'CERTIFICATE', old);
      write('link.pem', 'CERTIFICATE', newWithOld);
      assert.match(verify('Saburo Ito', '-untrusted', at('link.pem')), /: OK/);
      assert.match(verify('Saburo Ito'), /unable to get local issuer/);
      write('ca.pem', 'CERTIFICATE', young);
      write('lists.pem', 'X509 CRL', listOfOld, listOfNew);
      const checked = ['-crl_check', '-CRLfile', at('lists.pem')];
      assert.match(verify('Saburo Ito', ...checked), /: OK/);
      // Each full list is signed with its own key.
      for (const [list, anchor] of [
        [listOfOld, old],
        [listOfNew, young],
      ] as const) {
        write('one.pem', 'X509 CRL', list);
        write('anchor.pem', 'CERTIFICATE', anchor);
        const args = ['crl', '-in', at('one.pem'), '-CAfile', at('anchor.pem'), '-noout'];
        runOpenssl(args);
      }
    });
  });

  describe('table 2.6-1: the printed URLs', () => {
    let server: RunningServer;
    let ldap = '';
    let http = '';

    before(async () => {
      server = await serve({ folder, log: silentLog, clock });
      ldap = server.endpoints.find((one) => one.startsWith('ldap:')) ?? '';
      http = server.endpoints.find((one) => one.startsWith('http:')) ?? '';
    });
    after(() => passing(server.close()));

    /** How clients come to a name: those that know RFC 4516 take the URL apart first, others decode it first. */
    const readings = {
      'taken apart, then decoded': (path: string) =>
        path
          .split(',')
          .map((piece) => decodeURIComponent(piece.trim()).replaceAll(',', '\\,'))
          .join(','),
      'decoded as a whole': (path: string) => decodeURIComponent(path),
    };

    for (const url of printed.ldap) {
      const [path = '', attribute = ''] = url.split('?');
      for (const [how, read] of Object.entries(readings)) {
        it(`ldap://host/${url}: ${how}`, async () => {
          const values = await ldapsearch(ldap, read(path), attribute);
          // There is no bridge to exchange certificates with.
          const expected = { cACertificate: 4, crossCertificatePair: 0 }[attribute];
          const isFull = attribute === 'certificateRevocationList' && !path.startsWith('cn=');
          assert.equal(values.length, expected ?? (isFull ? 2 : 1));
        });
      }

      it(`ldap://host/${url}: curl`, { skip: skipWithout('curl') }, async () => {
        // curl takes no spaces in URLs; whoever types them has them escaped.
        const text = await run('curl', ['-s', `${ldap}/${url.replaceAll(' ', '%20')}`]);
        assert.match(text, /^DN: .*SECOM Passport for G-ID/m);
      });
    }

    for (const path of [...printed.certificates, ...printed.lists, ...printed.pages]) {
      it(`http://host${path}`, async () => {
        const answer = await fetch(`${http}${path}`);
        assert.equal(answer.status, 200);
        const bytes = Buffer.from(await answer.arrayBuffer());
        if (path.endsWith('.crt')) {
          write(basename(path), 'CERTIFICATE', bytes);
          assert.match(
            runOpenssl(['x509', '-in', at(basename(path)), '-noout', '-subject']).toString(),
            /SECOM Passport for G-ID/,
          );
        } else if (!path.endsWith('.crl')) {
          assert.match(bytes.toString('utf8'), /セコムパスポート for G-ID[\s\S]*SHA-256/);
        }
      });
    }

    for (const name of printed.documents) {
      it(`http://host${web}/repository/${name}.pdf`, async () => {
        const answer = await fetch(`${http}${web}/repository/${name}.pdf`);
        assert.equal(answer.headers.get('content-type'), 'application/pdf');
        assert.equal(await answer.text(), `%PDF-1.4 ${name}`);
      });
    }

    it('refuses names that are wrong in other ways', async () => {
      for (const base of ['SECOM, c=JP', ', c=JP', 'o=SECOM, , c=JP x=']) {
        await assert.rejects(ldapsearch(ldap, base, 'o'), /DN syntax|No such object/i, base);
      }
    });
  });

  it('everything is on record, and fits together', async () => {
    await outside(async ({ operations }) => {
      const report = await operations.check({ isDeep: false, parts: 'all' }, () => undefined);
      assert.deepEqual(report.findings, []);
      const { certificates } = await operations.status();
      // With two keys and two links.
      assert.deepEqual(certificates, { issued: 9, revoked: 1 });
      await operations.audit.verify({ checkpoints: [] });
    });
  });

  it('a report counts what was provided in the year: the lists that stand on the Web and in the directory', async () => {
    await outside(async ({ operations }) => {
      const period = String(new Date(clock.nowMs()).getUTCFullYear());
      const { lines } = await operations.audit.provisions({ period });
      const provided = (method: string, start: string): number =>
        lines
          .filter((one) => one.method === method && one.partition.startsWith(start))
          .reduce((sum, one) => sum + one.provided, 0);
      assert.ok(lines.every(({ verifier }) => verifier === ''));
      // Each of two full lists twice, at the paths of table 2.6-1.
      assert.equal(provided('http', 'full-'), 4);
      // Each printed URL in both readings, and by curl; two of them are of CRL1.
      const times = skipWithout('curl') === false ? 3 : 2;
      assert.deepEqual(
        ['crl-1', 'crl-2', 'full-'].map((start) => provided('ldap', start)),
        [2 * times, times, times],
      );
    });
  });

  it('the conformance report answers every clause', () =>
    assertConformity(join(folder, 'policy.yaml')));
});
