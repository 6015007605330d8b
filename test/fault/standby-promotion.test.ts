/**
 * A primary that is killed while certificates are issued, revoked and published and the directory is changed, and its
 * standby that takes over: with nothing lost that was acknowledged where the primary waits for it, and with no more than
 * the stated bound where it does not.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';

import { serve } from '../../src/app/server.ts';
import { readStandbyReport } from '../../src/app/standby.ts';
import { fenceFolder, promoteStandby } from '../../src/app/standby-promotion.ts';
import { silentLog } from '../../src/core/log.ts';
import { connectControl } from '../../src/http/control-client.ts';
import { CONTROL_SOCKET } from '../../src/http/control-protocol.ts';
import { type DataFolder, makeDataFolder } from '../support/data-folder.ts';
import type { KillReport } from '../support/kill-acts.ts';
import { KillLedger } from '../support/kill-ledger.ts';
import { fingerprintOf, killed, StandbyPair } from '../support/standby-pair.ts';
import { StoppedInstance } from '../support/stopped-instance.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const REPORTS = process.env['CERTDIR_TEST_LONG'] === '1' ? 3_000 : 60;
const TIMEOUT_MS = 60_000;
/** What an asynchronous standby may lack, when it keeps up: docs/operations.md. */
const BOUND_MS = 5_000;
const operator = { name: 'tester' };

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, 'within a minute');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Lets the primary work beside a standby, kills it, and stops the standby. */
async function workAndDie(
  pair: StandbyPair,
  onReport: (report: KillReport) => void,
): Promise<void> {
  let reports = 0;
  const child = pair.startPrimary('1', (report) => {
    reports += 1;
    onReport(report);
  });
  const standby = await pair.follow();
  // Keeps this process alive: timers of the standby do not.
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  try {
    // Before its first answer it is not behind what it has not heard of.
    const { sequence: before } = standby.status;
    const keepsUp = (): boolean =>
      reports >= REPORTS && standby.status.sequence > before && standby.status.behind === 0;
    await until(() => keepsUp() || child.exitCode !== null);
    assert.equal(child.exitCode, null, 'it works until it is killed');
    const socket = join(pair.primary.folder, CONTROL_SOCKET);
    const { replication, warnings } = await connectControl(socket, operator.name).status();
    assert.equal(replication?.standbys[0]?.standby, pair.client);
    assert.ok(!warnings.some((warning) => warning.includes('standby')), warnings.join());
  } finally {
    clearInterval(keepAlive);
    await killed(child);
    await standby.close();
  }
}

const workFolder = temporaryFolder({ after: (fn) => process.once('exit', fn) });
let model: DataFolder;

before(async () => {
  model = await makeDataFolder(join(workFolder, 'model'));
});

describe('a primary that waits for its standby, killed at work', () => {
  it('is taken over from with nothing lost that was acknowledged, and is fenced', async (t) => {
    const pair = await StandbyPair.make(temporaryFolder(t), model, { synchronous: true });
    const ledger = new KillLedger();
    const faults: unknown[] = [];
    await workAndDie(pair, (report) => {
      try {
        ledger.note(report);
      } catch (error) {
        faults.push(error);
      }
    });
    assert.deepEqual(faults, []);
    t.diagnostic(JSON.stringify(ledger.counts));
    const report = await readStandbyReport(pair.standby.folder);
    assert.deepEqual([report?.isLossless, report?.isRunning], [true, false]);

    const { folder } = pair.standby;
    await assert.rejects(serve({ folder, log: silentLog }), { code: 'STORE_STANDBY' });
    const promotion = { approvals: undefined, operator: operator.name, holds: false };
    const promoted = await promoteStandby(folder, promotion);
    assert.deepEqual([promoted.maySign, promoted.oldPrimary], [true, 'not reached']);
    const instance = await StoppedInstance.open(folder);
    try {
      await ledger.verify(instance);
      await instance.assertConsistent();
    } finally {
      await instance.close();
    }
    const server = await serve({ folder, log: silentLog });
    await server.operations.publish({ scopes: ['arl'] }, operator, () => undefined);
    const taken = { kind: 'standby.promote', limit: 10 };
    const [record, ...more] = await server.operations.audit.list(taken);
    assert.deepEqual([record?.actor, more.length], [operator.name, 0]);
    await server.close();

    const old = await fenceFolder(pair.primary.folder, promoted.epoch);
    assert.equal(old.isFenced, true);
    const refused = serve({ folder: pair.primary.folder, log: silentLog });
    await assert.rejects(refused, { code: 'STORE_FENCED' });
  });
});

describe('a primary that does not wait for its standby, killed at work', () => {
  it('is taken over from with less than the bound lost, and nothing is signed at first', async (t) => {
    const pair = await StandbyPair.make(temporaryFolder(t), model);
    const issued: { readonly serialNumber: string; readonly atMs: number }[] = [];
    await workAndDie(pair, (report) => {
      if (report.kind === 'issued') {
        issued.push({ serialNumber: report.serialNumber, atMs: performance.now() });
      }
    });
    const killedMs = performance.now();
    const { folder } = pair.standby;
    const promotion = { approvals: undefined, operator: operator.name, holds: false };
    assert.equal((await promoteStandby(folder, promotion)).maySign, false);
    const instance = await StoppedInstance.open(folder);
    let lost = 0;
    try {
      for (const { serialNumber, atMs } of issued) {
        const found = await instance.ca.findCertificate(BigInt(`0x${serialNumber}`));
        lost += found === undefined ? 1 : 0;
        assert.ok(found !== undefined || killedMs - atMs < BOUND_MS, `${serialNumber} is lost`);
      }
    } finally {
      await instance.close();
    }
    t.diagnostic(`${lost} of ${issued.length} certificates lost`);
    const server = await serve({ folder, log: silentLog });
    try {
      const publishing = server.operations.publish({ scopes: ['arl'] }, operator, () => undefined);
      await assert.rejects(publishing, { code: 'CA_RECOVERY_PENDING' });
    } finally {
      await server.close();
    }
  });
});

describe('the journal over HTTPS', () => {
  it('is for those whose certificates are listed, from the server that was named', async (t) => {
    const pair = await StandbyPair.make(temporaryFolder(t), model);
    const server = await serve({ folder: pair.primary.folder, log: silentLog });
    try {
      pair.setStandby({ primary: pair.client });
      const misled = await pair.follow();
      await assert.rejects(misled.failed, { code: 'HTTP_PEER_UNPROVEN' });
      await misled.close();
      const other = fingerprintOf(
        readFileSync(join(pair.primary.folder, 'tls/server.pem'), 'utf8'),
      );
      assert.notEqual(other, pair.client);
      pair.setStandby({ certificateFile: 'tls/server.pem', keyFile: 'tls/server-key.pem' });
      const unlisted = await pair.follow();
      await assert.rejects(unlisted.failed, { code: 'HTTP_CLIENT_REFUSED' });
      await unlisted.close();
    } finally {
      await server.close();
    }
  });

  it('tells a primary that runs on that it has been taken over from', async (t) => {
    const pair = await StandbyPair.make(temporaryFolder(t), model);
    const server = await serve({ folder: pair.primary.folder, log: silentLog });
    try {
      const standby = await pair.follow();
      await until(() => standby.status.isConnected && standby.status.behind === 0);
      await standby.close();
      const promotion = { approvals: undefined, operator: operator.name, holds: false };
      const promoted = await promoteStandby(pair.standby.folder, promotion);
      assert.equal(promoted.oldPrimary, 'fenced');
      const revoking = server.operations.verifiers.add(
        { name: 'late', municipality: '10201' } as never,
        operator,
      );
      await assert.rejects(revoking);
      assert.equal((await server.operations.status()).storeWritable, false);
    } finally {
      await server.close().catch(() => undefined);
    }
    const again = serve({ folder: pair.primary.folder, log: silentLog });
    await assert.rejects(again, { code: 'STORE_FENCED' });
  });
});
