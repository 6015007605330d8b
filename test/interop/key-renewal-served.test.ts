/**
 * A CA that is renewed while it serves, from RSA to ECDSA: its directory, its repository and its OCSP as OpenJDK, OpenSSL
 * and a web client see them.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { type RunningServer, serve } from '../../src/app/server.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { silentLog } from '../../src/core/log.ts';
import type { KeysReport } from '../../src/http/key-operations.ts';
import { decodePem, encodePem } from '../../src/x509/pem.ts';
import { runCommand } from '../support/command-run.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { runRows } from '../support/reported-rows.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

const operator = { name: 'tester' };
const PARTITION = '10201';

describe('a CA that is renewed while it serves', () => {
  const folder = temporaryFolder({ after });
  const data = join(folder, 'data');
  const at = (name: string): string => join(folder, `${name}.pem`);
  const ders = new Map<string, Uint8Array>();
  let server: RunningServer;
  let people = 0;

  const endpoint = (pattern: RegExp): string =>
    server.endpoints.find((one) => pattern.test(one)) ?? assert.fail(String(pattern));
  const keep = (name: string, der: Uint8Array): void => {
    ders.set(name, der);
    writeFileSync(at(name), encodePem('CERTIFICATE', der));
  };
  const base64 = (name: string): string =>
    Buffer.from(ders.get(name) ?? assert.fail(name)).toString('base64');

  async function issue(name: string): Promise<string> {
    people += 1;
    const request = Buffer.from(sampleRequest(sampleKey('p256', `renewal ${name}`))).toString(
      'base64',
    );
    const attributes = {
      commonName: '群馬　花子',
      gender: '2',
      dateOfBirth: `19${10 + people}-04-01`,
      address: '群馬県前橋市大手町一丁目１番１号',
    };
    const issued = await server.operations.issue(
      { request, municipality: PARTITION, attributes },
      operator,
    );
    keep(name, decodePem(issued.certificate, 'CERTIFICATE'));
    return issued.serialNumber;
  }

  async function start(): Promise<void> {
    server = await serve({ folder: data, log: silentLog });
  }

  /** The certificates in the CA's entry, by their SHA-256. */
  async function published(): Promise<ReadonlyMap<string, Uint8Array>> {
    const text = await (await fetch(`${endpoint(/^http:.*[0-9]$/)}/ca.pem`)).text();
    const blocks = text.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n/g) ?? [];
    return new Map(
      blocks.map((block) => {
        const der = decodePem(block, 'CERTIFICATE');
        return [createHash('sha256').update(der).digest('hex'), der];
      }),
    );
  }

  async function readList(scope: string): Promise<string> {
    return (await server.operations.archive.list({ scope })).list;
  }

  let keys: KeysReport;
  before(async () => {
    await makeDataFolder(data);
    const file = join(data, CONFIGURATION_FILE);
    const configuration = JSON.parse(readFileSync(file, 'utf8'));
    const ocsp = { address: '127.0.0.1', port: 0, tls: false };
    writeFileSync(file, JSON.stringify({ ...configuration, ocsp }));
    const policyFile = join(data, 'policy.yaml');
    const policy = readFileSync(policyFile, 'utf8').replace(
      /^ {2}access: verifiers$/m,
      '  access: public',
    );
    writeFileSync(policyFile, policy);
    await start();
    await issue('OLD_GOOD');
    const oldRevoked = await issue('OLD_REVOKED');
    await server.close();
    writeFileSync(
      policyFile,
      policy
        .replace('type: rsa-2048 # 6-1-1-2', 'type: ec-p384')
        .replace('signature: rsa-pkcs1-sha256\n    renew', 'signature: ecdsa-sha384\n    renew'),
    );
    await start();
    for (const serialNumber of [oldRevoked]) {
      await server.operations.revoke({ serialNumber, reason: 'keyCompromise' }, operator);
    }
    await assert.rejects(server.operations.keys.renew({ isEarly: false }, operator), {
      code: 'CA_RENEWAL_EARLY',
    });
    keys = await server.operations.keys.renew({ isEarly: true }, operator);
    await issue('NEW_GOOD');
    const serialNumber = await issue('NEW_REVOKED');
    await server.operations.revoke({ serialNumber, reason: 'keyCompromise' }, operator);
    await server.operations.publish({ scopes: [PARTITION] }, operator, () => undefined);
    const [older, newer] = keys.generations;
    const found = await published();
    const named = [
      ['OLD_ANCHOR', older?.sha256],
      ['NEW_ANCHOR', newer?.sha256],
      ['OLD_WITH_NEW', newer?.links[0]?.sha256],
      ['NEW_WITH_OLD', newer?.links[1]?.sha256],
    ] as const;
    assert.equal(found.size, named.length);
    for (const [name, sha256] of named) {
      keep(name, found.get(sha256 ?? '') ?? assert.fail(name));
    }
  });
  after(() => server.close());

  it('says how its keys stand', () => {
    assert.deepEqual(
      keys.generations.map(({ state, key, certificates }) => [state, key, certificates.valid]),
      [
        ['retiring', 'RSA-2048 (rsa-pkcs1 with sha256)', keys.generations[0]?.certificates.valid],
        ['current', 'EC P-384 (ecdsa with sha384)', keys.generations[1]?.certificates.valid],
      ],
    );
    assert.equal(keys.renewalWarning, null);
  });

  it('shows every certificate on the web, with what it is for', async () => {
    const page = await (await fetch(`${endpoint(/^http:.*[0-9]$/)}/`)).text();
    for (const [what, count] of [
      ['自己署名証明書 / Self-signed', 2],
      ['リンク証明書 OldWithNew / Link', 1],
      ['リンク証明書 NewWithOld / Link', 1],
    ] as const) {
      assert.equal(page.split(what).length - 1, count, what);
    }
  });

  it('is found consistent', async () => {
    const { findings } = await server.operations.check(
      { isDeep: false, parts: 'all' },
      () => undefined,
    );
    assert.deepEqual(findings, []);
  });

  it('to OpenJDK: paths from the directory, in both directions', {
    skip: skipWithout('javac'),
  }, async (t) => {
    const names = [
      'OLD_GOOD',
      'OLD_REVOKED',
      'NEW_GOOD',
      'NEW_REVOKED',
      'OLD_ANCHOR',
      'NEW_ANCHOR',
      'OLD_WITH_NEW',
      'NEW_WITH_OLD',
    ];
    await runRows(t, {
      command: 'java',
      args: [
        ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'],
        join(packageRoot, 'test/interop/java/KeyLinks.java'),
      ],
      env: {
        ...Object.fromEntries(names.map((name) => [name, base64(name)])),
        LDAP_URL: endpoint(/^ldap:/),
        PARTITION_LIST: await readList(PARTITION),
        ARL: await readList('arl'),
      },
      timeoutMs: 60_000,
      leastRows: 8,
    });
  });

  for (const [generation, other] of [
    ['OLD', 'NEW'],
    ['NEW', 'OLD'],
  ] as const) {
    it(`to openssl ocsp: ${generation} is answered by the delegate of its own key (RFC 6960 4.2.2.2)`, {
      skip: skipWithout('openssl'),
    }, async () => {
      const ask = async (name: string, issuer: string): Promise<string> => {
        const { stdout, stderr } = await runCommand('openssl', [
          ...[
            'ocsp',
            '-issuer',
            at(issuer),
            '-CAfile',
            at(issuer),
            '-url',
            endpoint(/^http:.*\/$/),
          ],
          ...['-cert', at(name)],
        ]);
        return stdout + stderr;
      };
      const good = await ask(`${generation}_GOOD`, `${generation}_ANCHOR`);
      assert.match(good, /Response verify OK/);
      assert.match(good, /: good/);
      assert.match(await ask(`${generation}_REVOKED`, `${generation}_ANCHOR`), /: revoked/);
      // The other key never issued that number.
      assert.match(await ask(`${generation}_GOOD`, `${other}_ANCHOR`), /: unknown/);
    });
  }
});
