/**
 * Paths over two bridges, from citizens to a ministry and from its officials to a prefecture, built and validated by OpenSSL
 * and by OpenJDK with what the CAs' repositories have (R-XC, gunma 1-3-1 (2), 2-6-1). What OpenJDK asks is in
 * java/BridgePaths.java, which library needs what in docs/interoperability.md.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { VerifierRegister } from '../../src/ca/accounts/verifier-register.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { parseCertificatePair } from '../../src/x509/certificate-pair.ts';
import { encodePem } from '../../src/x509/pem.ts';
import {
  integrate,
  openTopology,
  refreshCopies,
  republish,
  type SideName,
  sideNames,
  type Topology,
} from '../support/bridge-topology.ts';
import { tester } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { pairsOf } from '../support/cross-exchange.ts';
import { LdapTestServer, makeTlsCredentials } from '../support/ldap-test-server.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { runRows } from '../support/reported-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const jpki = '1.2.392.200149.8.5.1.1.10';
const government = '0.2.440.100145.8.1.1.1.10';

/** The way to a certificate of the last from an anchor of the first. */
const waysIn: readonly SideName[] = ['ministry', 'gpki', 'bca', 'gunma'];
const waysOut: readonly SideName[] = waysIn.toReversed();

const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');

/** The cross certificates along a way, out of the pairs in the entries of those who are certified. */
async function certificatesAlong(
  { sides }: Topology,
  way: readonly SideName[],
): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const [index, name] of way.entries()) {
    const issuer = way[index - 1];
    if (issuer !== undefined) {
      const pairs = (await pairsOf(sides[name])).map(parseCertificatePair);
      const expected = sides[issuer].bed.ca.certificate.subject.der;
      const to = pairs.find(({ issuedToThisCa }) =>
        Buffer.from(issuedToThisCa?.issuer.der ?? []).equals(expected),
      );
      found.push(...(to?.issuedToThisCa === undefined ? [] : [to.issuedToThisCa.der]));
    }
  }
  return found;
}

/** `openssl verify` with the lists of all CAs on the way. @returns its complaint, empty when it has none. */
async function verify(
  topology: Topology,
  way: readonly SideName[],
  target: Uint8Array,
  options: readonly string[] = [],
): Promise<string> {
  const folder = temporaryFolder({ after });
  const write = (name: string, label: string, ders: readonly Uint8Array[]): string => {
    const file = join(folder, name);
    writeFileSync(file, ders.map((der) => encodePem(label, der)).join(''));
    return file;
  };
  const { sides } = topology;
  const anchor = sides[way[0] ?? 'gunma'].bed.ca.certificate.der;
  const lists: Uint8Array[] = [];
  for (const name of way) {
    const { ca } = sides[name].bed;
    for (const { id } of ca.scopes.list) {
      const list = await ca.readList(id);
      lists.push(...(list === undefined ? [] : [list]));
    }
  }
  const nowMs = sides.gunma.bed.clock.nowMs();
  const crossed = await certificatesAlong(topology, way);
  const { status, stdout, stderr } = await runCommand('openssl', [
    ...['verify', '-attime', String(Math.ceil(nowMs / 1000)), '-crl_check_all', '-policy_check'],
    ...['-CAfile', write('anchor.pem', 'CERTIFICATE', [anchor])],
    ...['-untrusted', write('cross.pem', 'CERTIFICATE', crossed)],
    ...['-CRLfile', write('lists.pem', 'X509 CRL', lists), ...options],
    write('target.pem', 'CERTIFICATE', [target]),
  ]);
  assert.equal(status === 0, /: OK\n/.test(stdout), stderr);
  return status === 0 ? '' : stderr;
}

describe('paths over two bridges', () => {
  let topology: Topology;
  const closers: (() => unknown)[] = [];
  /** For what is opened in a hook: `after` would close it with that. */
  const life = { after: (close: () => unknown): void => void closers.push(close) };
  // The programs look at the time too.
  const startMs = Math.floor(Date.now() / 1000) * 1000;

  before(async () => {
    topology = await openTopology(life, startMs);
  });

  after(async () => {
    for (const close of closers.toReversed()) {
      await close();
    }
  });

  describe('to OpenSSL', { skip: skipWithout('openssl') }, () => {
    it('lead from a ministry to citizens, and to no revoked one', async () => {
      const policy = ['-explicit_policy', '-policy', government];
      assert.equal(await verify(topology, waysIn, topology.citizen, policy), '');
      assert.match(
        await verify(topology, waysIn, topology.revokedCitizen, policy),
        /certificate revoked/,
      );
    });

    it('lead from a prefecture to officials', async () => {
      const policy = ['-explicit_policy', '-policy', jpki];
      assert.equal(await verify(topology, waysOut, topology.official, policy), '');
      assert.equal(await verify(topology, ['tokyo', 'bca', 'gunma'], topology.citizen, policy), '');
    });

    it('lead nowhere under a policy that nobody maps', async () => {
      const policy = ['-explicit_policy', '-policy', '1.2.3.4'];
      assert.match(await verify(topology, waysIn, topology.citizen, policy), /no explicit policy/);
    });
  });

  describe('to OpenJDK', { skip: skipWithout('javac') }, () => {
    const ports = new Map<SideName, number>();

    before(async () => {
      for (const name of sideNames) {
        const { bed } = topology.sides[name];
        const server = await LdapTestServer.open(life, { service: bed.directory });
        ports.set(name, server.port);
      }
    });

    async function run(
      t: Parameters<typeof runRows>[0],
      rows: readonly string[],
      {
        stores,
        args = [],
      }: { readonly stores: readonly string[]; readonly args?: readonly string[] },
    ): Promise<void> {
      const { sides, citizen, revokedCitizen, official } = topology;
      await runRows(t, {
        command: 'java',
        args: [
          ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', ...args],
          join(packageRoot, 'test/interop/java/BridgePaths.java'),
        ],
        env: {
          STORES: stores.join(','),
          NOW: String(sides.gunma.bed.clock.nowMs()),
          ROWS: rows.join('\n'),
          ...{ CITIZEN: base64(citizen), REVOKED: base64(revokedCitizen) },
          ...{ OFFICIAL: base64(official), GUNMA: base64(sides.gunma.bed.ca.certificate.der) },
          MINISTRY: base64(sides.ministry.bed.ca.certificate.der),
          TOKYO: base64(sides.tokyo.bed.ca.certificate.der),
        },
        timeoutMs: 60_000,
        leastRows: rows.length,
      });
    }

    const anonymous = (): readonly string[] =>
      [...ports.values()].map((port) => `127.0.0.1:${port}`);

    it('without a bind', async (t) => {
      await run(
        t,
        [
          `from a prefecture to an official|OFFICIAL|GUNMA|${jpki}|lists|4`,
          `from another prefecture too|OFFICIAL|TOKYO|${jpki}|lists|4`,
          'under no other policy|OFFICIAL|GUNMA|1.2.3.4|lists|none',
          `from a ministry to a citizen|CITIZEN|MINISTRY|${government}|none|4`,
          `whose list is for verifiers|CITIZEN|MINISTRY|${government}|lists|none`,
        ],
        { stores: anonymous() },
      );
    });

    it('bound as a verifier, at one repository for all', async (t) => {
      const { gunma } = topology.sides;
      await integrate(topology.sides);
      const tls = makeTlsCredentials('bridge');
      const server = await LdapTestServer.open(t, {
        service: gunma.bed.directory,
        mode: 'ldaps',
        tls,
      });
      const folder = temporaryFolder(t);
      const password = 'correct horse battery';
      const { dn } = await new VerifierRegister(gunma.bed.directory, gunma.bed.policy).add(
        {
          ...{ name: 'ministry', kind: 'signatureVerifier', agreementNumber: '1' },
          ...{ agreementFrom: '2020-01-01', agreementUntil: '2099-12-31' },
          ...{ partitions: ['*'], password },
        },
        {
          principal: { kind: 'system', name: 'administrator' },
          session: { isProtected: true, address: '', channel: 'cli' },
        },
      );
      writeFileSync(join(folder, 'server.pem'), tls.certificate);
      writeFileSync(
        join(folder, 'jndi.properties'),
        [
          'java.naming.security.protocol=ssl',
          'java.naming.security.authentication=simple',
          `java.naming.security.principal=${dn}`,
          `java.naming.security.credentials=${password}`,
        ].join('\n'),
      );
      const store = join(folder, 'trusted.p12');
      const made = await runCommand('keytool', [
        ...['-importcert', '-noprompt', '-alias', 'server', '-file', join(folder, 'server.pem')],
        ...['-keystore', store, '-storetype', 'PKCS12', '-storepass', 'changeit'],
      ]);
      assert.equal(made.status, 0, made.stdout + made.stderr);
      const how = {
        stores: [`127.0.0.1:${server.port}`],
        args: [
          ...['-cp', folder, `-Djavax.net.ssl.trustStore=${store}`],
          '-Djavax.net.ssl.trustStorePassword=changeit',
        ],
      };
      await run(
        t,
        [
          `from a ministry to a citizen|CITIZEN|MINISTRY|${government}|lists|4`,
          `and to no revoked one|REVOKED|MINISTRY|${government}|lists|REVOKED/none`,
          `who would be found otherwise|REVOKED|MINISTRY|${government}|none|4`,
          `to an official, whose list is not there|OFFICIAL|GUNMA|${jpki}|lists|none`,
        ],
        how,
      );
    });

    it('not after one certificate on the way was revoked', async (t) => {
      const { sides } = topology;
      await sides.bca.bed.ca.bridge.revoke('gpki', {
        reason: 'cessationOfOperation',
        origin: tester,
      });
      await republish(sides);
      // OpenJDK may take any list that is valid: copies have to follow.
      await refreshCopies(sides);
      // The government's entry still has the pair: it is the list that stops the path.
      assert.equal((await pairsOf(sides.gpki)).length, 2);
      assert.equal((await pairsOf(sides.bca)).length, 2);
      await run(
        t,
        [
          `from a prefecture|OFFICIAL|GUNMA|${jpki}|lists|REVOKED/none`,
          `who would be found otherwise|OFFICIAL|GUNMA|${jpki}|none|4`,
          `and between prefectures still|CITIZEN|TOKYO|${jpki}|none|3`,
        ],
        { stores: anonymous() },
      );
    });
  });

  describe('after that', { skip: skipWithout('openssl') }, () => {
    it('OpenSSL finds none either', async () => {
      assert.notEqual(await verify(topology, waysOut, topology.official), '');
    });
  });
});
