import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { readLdifControls } from '../../src/app/ldif-controls.ts';
import { publishDirectly } from '../../src/app/publication-job.ts';
import { KeepingRegister } from '../../src/audit/keeping-register.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { type DemoFacts, makeDemoContents } from '../../src/cli/demo-contents.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { LocalOperations } from '../../src/http/local-operations.ts';
import type { Operations } from '../../src/http/operations.ts';
import { describeStatus } from '../../src/http/status-report.ts';
import { absentAudit } from '../support/absent-audit.ts';
import {
  absentCeremonies,
  absentCross,
  absentCustody,
  absentKeys,
  absentRevocations,
} from '../support/absent-custody.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const operator = { name: 'tester' };
const files = ['good', 'revoked', 'takasaki', 'verifier'].flatMap((name) => [
  `${name}.key`,
  `${name}.pem`,
]);

interface Bench {
  readonly bed: CaTestBed;
  readonly folder: string;
  readonly operations: Operations;
  /** A start of the demonstration, with something between it and the CA. */
  start(operations?: Operations): Promise<DemoFacts>;
}

async function open(t: TestContext): Promise<Bench> {
  const bed = await CaTestBed.open(t);
  const folder = temporaryFolder(t);
  const operations = new LocalOperations({
    policy: bed.policy,
    directory: bed.directory,
    authority: bed.ca,
    clock: bed.clock,
    auditOperations: absentAudit,
    record: async () => undefined,
    recordArchive: async () => undefined,
    archiveParts: { policyId: 'gunma', utcOffsetMs: 0, nowMs: () => 0, signNote: async () => '' },
    keeping: new KeepingRegister({
      store: bed.store,
      clock: bed.clock,
      audit: openAuditLog({ clock: bed.clock }),
    }),
    archiveStatus: () => Promise.reject(new Error('nobody asks')),
    custodyOperations: absentCustody,
    ceremonyOperations: absentCeremonies,
    revocationOperations: absentRevocations,
    keyOperations: absentKeys,
    crossOperations: absentCross,
    check: () => Promise.reject(new Error('nobody asks')),
    journal: () => Promise.reject(new Error('nobody asks')),
    takeCheckpoints: () => Promise.reject(new Error('nobody asks')),
    backup: () => Promise.reject(new Error('nobody asks')),
    publishLists: publishDirectly({ authority: bed.ca }),
    readControls: readLdifControls,
    status: async () =>
      describeStatus({
        version: '0',
        isServing: true,
        server: null,
        passwordEnds: [],
        passwordWarningMs: 0,
        jobs: [],
        nowMs: bed.clock.nowMs(),
        authority: await bed.ca.status(),
        isKeyActive: true,
        isStoreWritable: true,
        isRecoveryPending: false,
        overdue: [],
        auditHead: { size: 0n, rootHash: new Uint8Array(32) },
      }),
  });
  const makeKey = (): string =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
  return {
    bed,
    folder,
    operations,
    start: async (wrapped = operations) => {
      // Lists are a second apart.
      await bed.clock.advance(2_000);
      return await makeDemoContents({ folder, operator, operations: wrapped, makeKey });
    },
  };
}

/** Everything that the invitation shows works. */
async function assertComplete({ bed, folder }: Bench, facts: DemoFacts): Promise<void> {
  const stored: unknown = JSON.parse(readFileSync(join(folder, 'demo/facts.json'), 'utf8'));
  assert.deepEqual(stored, facts);
  assert.deepEqual(readdirSync(join(folder, 'demo')).sort(), ['facts.json', ...files].sort());
  const listed = await bed.ca.readList('10201');
  for (const [name, state] of [
    ['good', 'good'],
    ['revoked', 'revoked'],
    ['takasaki', 'good'],
  ] as const) {
    const certificate = new X509Certificate(readFileSync(join(folder, `demo/${name}.pem`)));
    const key = createPrivateKey(readFileSync(join(folder, `demo/${name}.key`)));
    assert.ok(certificate.checkPrivateKey(key), `${name}: key and certificate belong together`);
    const serialNumber = BigInt(`0x${certificate.serialNumber}`);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, state);
    const isListed = Buffer.from(listed ?? []).includes(certificate.serialNumber, 0, 'hex');
    assert.equal(isListed, state === 'revoked', `${name} in the list`);
  }
  const passwordFile = join(folder, 'secrets/demo-verifier');
  assert.equal(statSync(passwordFile).mode & 0o777, 0o600);
  const password = encodeUtf8(readFileSync(passwordFile, 'utf8'));
  const session = { isProtected: true, address: '127.0.0.1', channel: 'ldap' };
  const principal = await bed.directory.bind(facts.verifierDn, password, session);
  assert.equal(principal.kind, 'entry', 'the password in the file is the registered one');
  const shown = new X509Certificate(readFileSync(join(folder, 'demo/verifier.pem')));
  assert.ok(
    shown.checkPrivateKey(createPrivateKey(readFileSync(join(folder, 'demo/verifier.key')))),
  );
  const byCertificate = await bed.directory.bindCertificate({
    ...session,
    clientCertificate: shown.raw,
  });
  assert.deepEqual(
    byCertificate.kind,
    'entry',
    'the certificate in the file is the registered one',
  );
}

class Stopped extends Error {}

/** Those that a start of the demonstration may call. */
const changing: ReadonlySet<string> = new Set([
  ...(['add', 'password', 'certificate'] satisfies (keyof Operations['verifiers'])[]),
  ...(['issue', 'revoke', 'publish'] satisfies (keyof Operations)[]),
]);

/** Operations that end at the `step`-th change: before it is made, or before it is answered. */
function stoppingAt(
  operations: Operations,
  step: number,
  when: 'before' | 'after',
): { readonly operations: Operations; readonly steps: () => number } {
  let steps = 0;
  const wrap = <T extends object>(parts: T): T =>
    new Proxy(parts, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') {
          return wrap(member as object);
        }
        return async (...args: unknown[]): Promise<unknown> => {
          const isChange = changing.has(String(name));
          steps += isChange ? 1 : 0;
          const isStop = steps === step && isChange;
          if (isStop && when === 'before') {
            throw new Stopped();
          }
          const result: unknown = await Reflect.apply(member, target, args);
          if (isStop) {
            throw new Stopped();
          }
          return result;
        };
      },
    });
  return { operations: wrap(operations), steps: () => steps };
}

describe('the contents of the demonstration', () => {
  it('are made once; the next start changes nothing', async (t) => {
    const bench = await open(t);
    const facts = await bench.start();
    await assertComplete(bench, facts);
    const records = (await bench.bed.records()).length;
    const password = readFileSync(join(bench.folder, 'secrets/demo-verifier'), 'utf8');
    assert.deepEqual(await bench.start(), facts);
    assert.equal((await bench.bed.records()).length, records);
    assert.equal(readFileSync(join(bench.folder, 'secrets/demo-verifier'), 'utf8'), password);
  });

  for (const when of ['before', 'after'] as const) {
    it(`are completed after a stop ${when} each step`, async (t) => {
      let isReached = true;
      for (let step = 1; isReached; step += 1) {
        const bench = await open(t);
        const stopping = stoppingAt(bench.operations, step, when);
        isReached = await bench.start(stopping.operations).then(
          () => false,
          (error: unknown) => {
            assert.ok(error instanceof Stopped, String(error));
            return true;
          },
        );
        await assertComplete(bench, await bench.start());
        const { issuedCount, revokedCount } = await bench.bed.ca.status();
        // The CA's own one included.
        assert.deepEqual([issuedCount, revokedCount], [4, 1], `step ${step}`);
        await bench.bed.close();
        assert.ok(isReached || stopping.steps() === 6, 'every step was stopped at');
      }
    });
  }

  it('are mended when a file is gone', async (t) => {
    const bench = await open(t);
    await bench.start();
    for (const file of ['secrets/demo-verifier', ...files.map((name) => `demo/${name}`)]) {
      rmSync(join(bench.folder, file));
      await assertComplete(bench, await bench.start());
    }
    rmSync(join(bench.folder, 'demo/facts.json'));
    await assertComplete(bench, await bench.start());
    rmSync(join(bench.folder, 'demo'), { recursive: true });
    await assertComplete(bench, await bench.start());
  });

  for (const content of ['', '{"caDn":', '[]', 'null', '{"caDn":1}']) {
    it(`are made again when the facts are ${JSON.stringify(content)}`, async (t) => {
      const bench = await open(t);
      await bench.start();
      writeFileSync(join(bench.folder, 'demo/facts.json'), content);
      await assertComplete(bench, await bench.start());
    });
  }

  it('take files that a stop left half written for nothing', async (t) => {
    const bench = await open(t);
    mkdirSync(join(bench.folder, 'demo'));
    for (const file of ['facts.json', ...files]) {
      writeFileSync(join(bench.folder, `demo/${file}.partial`), 'half');
    }
    await assertComplete(bench, await bench.start());
  });

  it('refuse a key file that is none, and say what to do', async (t) => {
    const bench = await open(t);
    mkdirSync(join(bench.folder, 'demo'));
    writeFileSync(join(bench.folder, 'demo/good.key'), 'not a key');
    await assert.rejects(bench.start(), { code: 'CLI_INPUT_UNREADABLE', message: /remove it/ });
    rmSync(join(bench.folder, 'demo/good.key'));
    await assertComplete(bench, await bench.start());
  });
});
