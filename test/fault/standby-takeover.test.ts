/**
 * A taking over as operators do it, with the finished program alone: a primary at work is killed, its custodians approve
 * the promotion of the standby by the command line, and the primary that comes back writes nothing.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { readStandbyReport, type StandbyReport } from '../../src/app/standby.ts';
import type { PromotionReport } from '../../src/app/standby-promotion.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { connectControl } from '../../src/http/control-client.ts';
import { CONTROL_SOCKET } from '../../src/http/control-protocol.ts';
import type { Operations, ServiceStatus } from '../../src/http/operations.ts';
import { handOverToCustodians } from '../../src/setup/custodians.ts';
import { approve, type Proposal } from '../../src/signing/custody/approval.ts';
import { openCustodian, readCustody } from '../../src/signing/custody/custody-document.ts';
import { CertdirServer, certdirCommand, failureOf } from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';
import { type DataFolder, makeDataFolder } from '../support/data-folder.ts';
import type { KillReport } from '../support/kill-acts.ts';
import { KillLedger } from '../support/kill-ledger.ts';
import { KillLoad } from '../support/kill-load.ts';
import { StandbyPair } from '../support/standby-pair.ts';
import { StandbyProcess } from '../support/standby-process.ts';
import { StoppedInstance } from '../support/stopped-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const REPORTS = process.env['CERTDIR_TEST_LONG'] === '1' ? 3_000 : 60;
/** What an asynchronous standby may lack, when it keeps up: docs/operations.md. */
const BOUND_MS = 5_000;
const custodians = ['hanako', 'jiro', 'saburo'] as const;
const operator = { name: 'tester' };
const passphraseOf = (name: string): string => `the passphrase of ${name} and nobody else`;

/** Runs a command that must succeed. */
async function answer<T>(folder: string, ...args: readonly string[]): Promise<T> {
  const { status, stdout, stderr } = await run(folder, args);
  assert.equal(status, 0, `certdir ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

async function refusal(folder: string, ...args: readonly string[]): Promise<string> {
  return failureOf(await run(folder, args), args).code;
}

function run(folder: string, args: readonly string[]): ReturnType<typeof runCommand> {
  const command = [certdirCommand, '--data', folder, '--json', ...args];
  return runCommand(process.execPath, command, { timeoutMs: 30_000 });
}

/** What Prometheus is given by a process that has said where. */
async function scrape(log: string): Promise<ReadonlyMap<string, number>> {
  const [url] = /http:\S+\/metrics/.exec(log) ?? [];
  assert.ok(url !== undefined, log);
  const text = await (await fetch(url)).text();
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)] as const];
    }),
  );
}

interface Told {
  readonly report: KillReport;
  readonly atMs: number;
}

describe('a taking over by the command line', () => {
  const folder = temporaryFolder({ after });
  let model: DataFolder;

  before(async () => {
    model = await makeDataFolder(join(folder, 'model'));
    await handOverToCustodians({
      folder: model.folder,
      quorum: 2,
      custodians: custodians.map((name) => ({
        name,
        passphrase: Buffer.from(passphraseOf(name)),
      })),
      rules: { acts: ['activate'], validMs: 600_000, idleMs: 0 },
      scryptCost: 2 ** 10,
    });
    for (const name of custodians) {
      writeFileSync(join(folder, `${name}.pass`), passphraseOf(name), { mode: 0o600 });
    }
  });

  async function activate(place: string, operations: Operations): Promise<void> {
    const proposed = await operations.custody.propose({ operation: { act: 'activate' } }, operator);
    const document = await readCustody(join(place, 'token/custodians.json'));
    for (const name of custodians.slice(0, 2)) {
      const opened = await openCustodian(document, name, Buffer.from(passphraseOf(name)));
      const approval = approve(proposed.proposal as Proposal, opened, new SystemRandom());
      await operations.custody.approve({ hash: proposed.hash, approval }, operator);
    }
    assert.equal((await operations.status()).keyActive, true);
  }

  /** The report, and what Prometheus is given on both machines. */
  async function assertFigures(
    server: CertdirServer,
    follower: StandbyProcess,
    { replication }: ServiceStatus,
  ): Promise<void> {
    const [standby] = replication?.standbys ?? [];
    assert.ok(standby !== undefined);
    assert.ok(standby.behind === 0 || standby.behindBytes > 0, JSON.stringify(standby));
    const label = `{standby="${standby.standby}"}`;
    const here = await scrape(server.log);
    assert.equal(here.get('certdir_store_epoch'), 1);
    assert.equal(here.get('certdir_store_role{role="primary"}'), 1);
    assert.equal(here.get(`certdir_replication_mode{mode="${replication?.mode}"}`), 1);
    for (const figure of ['behind_records', 'behind_bytes', 'behind_seconds', 'silent_seconds']) {
      assert.ok((here.get(`certdir_standby_${figure}${label}`) ?? -1) >= 0, figure);
    }
    const there = await scrape(follower.log);
    assert.equal(there.get('certdir_store_role{role="standby"}'), 1);
    assert.equal(there.get('certdir_follower_connected'), 1);
    const known = there.get('certdir_follower_sequence') ?? 0;
    assert.ok(known >= (here.get(`certdir_standby_sequence${label}`) ?? Number.NaN));
  }

  /** Puts the primary under load beside its standby, kills it, and stops the standby. */
  async function workAndDie(
    pair: StandbyPair,
    note: (told: Told) => void,
  ): Promise<{ readonly report: StandbyReport; readonly killedMs: number }> {
    const { primary, standby } = pair;
    pair.setBoth({ metrics: { port: 0 } });
    // First: a primary that waits for its standby does not start without it.
    const follower = new StandbyProcess(standby.folder, pair.url);
    let server: CertdirServer | undefined;
    let killedMs = Number.NaN;
    try {
      server = await CertdirServer.start(primary.folder, ['serve']);
      const operations = connectControl(join(primary.folder, CONTROL_SOCKET), operator.name);
      await activate(primary.folder, operations);
      await follower.until(({ isConnected, behind }) => isConnected && behind === 0);
      let reports = 0;
      let enough: () => void = () => undefined;
      const isEnough = new Promise<void>((resolve) => {
        enough = resolve;
      });
      const orders = { ...primary, seed: '1', revocable: [] };
      const load = new KillLoad(orders, operations, async (report) => {
        note({ report, atMs: performance.now() });
        reports += 1;
        if (reports === REPORTS) {
          enough();
        }
      });
      const working = load.run(server.ldapsUrl);
      await Promise.race([isEnough, working]);
      working.catch(() => undefined);
      await assertFigures(server, follower, await operations.status());
    } finally {
      killedMs = performance.now();
      await server?.kill();
      await follower.stop();
    }
    return { report: await answer(standby.folder, 'standby', 'status'), killedMs };
  }

  /** A quorum approves what the standby has come to. */
  async function promote(place: string): Promise<PromotionReport> {
    const file = join(place, 'promotion.json');
    assert.equal(await refusal(place, 'standby', 'promote'), 'STORE_PROMOTION_REFUSED');
    await answer(place, 'standby', 'promote', '--propose', file);
    const approvedBy = async (name: string): Promise<void> => {
      const passphrase = ['--passphrase-file', join(folder, `${name}.pass`)];
      await answer(place, 'standby', 'approve', file, '--name', name, ...passphrase);
    };
    await approvedBy('hanako');
    const tooFew = await refusal(place, 'standby', 'promote', '--approvals', file);
    assert.equal(tooFew, 'SIGNING_APPROVAL_NEEDED');
    await approvedBy('saburo');
    return await answer<PromotionReport>(place, 'standby', 'promote', '--approvals', file);
  }

  it('loses nothing acknowledged where the primary waits for the standby', async (t) => {
    const pair = await StandbyPair.make(temporaryFolder(t), model, { synchronous: true });
    const ledger = new KillLedger();
    const faults: unknown[] = [];
    const { report } = await workAndDie(pair, (told) => {
      try {
        ledger.note(told.report);
      } catch (error) {
        faults.push(error);
      }
    });
    assert.deepEqual(faults, []);
    t.diagnostic(JSON.stringify(ledger.counts));
    assert.deepEqual([report.isLossless, report.isRunning], [true, false]);

    const { folder: place } = pair.standby;
    const promoted = await promote(place);
    assert.deepEqual(promoted.approvedBy, ['hanako', 'saburo']);
    assert.deepEqual([promoted.maySign, promoted.oldPrimary], [true, 'not reached']);
    const instance = await StoppedInstance.open(place);
    try {
      await ledger.verify(instance);
      await instance.assertConsistent();
    } finally {
      await instance.close();
    }
    assert.equal(await readStandbyReport(place), undefined);

    const old = pair.primary.folder;
    await answer(old, 'standby', 'fence', '--epoch', String(promoted.epoch));
    assert.equal(await refusal(old, 'serve'), 'STORE_FENCED');
  });

  it('loses less than the bound where it does not, and the primary that came back is told', async (t) => {
    const pair = await StandbyPair.make(temporaryFolder(t), model);
    const told: Told[] = [];
    const { killedMs } = await workAndDie(pair, (one) => told.push(one));
    const old = pair.primary.folder;
    const back = await CertdirServer.start(old, ['serve']);
    const { folder: place } = pair.standby;
    try {
      const promoted = await promote(place);
      assert.deepEqual([promoted.maySign, promoted.oldPrimary], [false, 'fenced']);
      const status = await answer<ServiceStatus>(old, 'status');
      assert.equal(status.storeWritable, false);
    } finally {
      await back.kill();
    }
    assert.equal(await refusal(old, 'serve'), 'STORE_FENCED');

    const instance = await StoppedInstance.open(place);
    let [issued, lost] = [0, 0];
    try {
      for (const { report, atMs } of told) {
        if (report.kind === 'issued') {
          const found = await instance.ca.findCertificate(BigInt(`0x${report.serialNumber}`));
          issued += 1;
          lost += found === undefined ? 1 : 0;
          assert.ok(found !== undefined || killedMs - atMs < BOUND_MS, report.serialNumber);
        }
      }
    } finally {
      await instance.close();
    }
    t.diagnostic(`${lost} of ${issued} certificates lost`);
  });
});
