/**
 * The whole server on simulated time: what it publishes when, without anyone asking.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { openLocalOperations } from '../../src/app/local-instance.ts';
import { type RunningServer, serve } from '../../src/app/server.ts';
import { type Log, type LogFields, silentLog } from '../../src/core/log.ts';
import type { IssuedReport, Operations } from '../../src/http/operations.ts';
import { initialise } from '../../src/setup/initialise.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

const HOUR_MS = 3_600_000;
const operator = { name: 'tester' };

interface Line {
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps what is logged. */
function keepingLog(lines: Line[]): Log {
  const keep = (message: string, fields: LogFields = {}): void =>
    void lines.push({ message, fields });
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep, with: () => log };
  return log;
}

describe('a server', () => {
  const folder = join(temporaryFolder({ after }), 'data');
  let clock: SimulatedClock;
  let people = 0;

  before(async () => {
    await initialise({
      folder,
      preset: 'gunma',
      address: '127.0.0.1',
      ...{ ldapPort: 0, ldapsPort: 0, httpPort: 0 },
      passphraseFile: undefined,
      allowClearPasswords: false,
      operator,
      onProgress: () => undefined,
    });
    const { operations, close } = await openLocalOperations({ folder, log: silentLog });
    const { scopes } = await operations.status();
    await close();
    const lastMs = Math.max(...scopes.map(({ thisUpdate }) => Date.parse(thisUpdate ?? '')));
    clock = new SimulatedClock(lastMs + 2_000);
  });

  async function serving(
    work: (server: RunningServer) => Promise<void>,
    log: Log = silentLog,
  ): Promise<void> {
    const server = await serve({ folder, log, clock });
    try {
      await work(server);
    } finally {
      await server.close();
    }
  }

  function issue(operations: Operations, municipality = '10201'): Promise<IssuedReport> {
    people += 1;
    const attributes = {
      commonName: '群馬　花子',
      gender: '2',
      dateOfBirth: `19${10 + people}-04-01`,
      address: '群馬県前橋市大手町一丁目１番１号',
    };
    const csr = sampleRequest(sampleKey('p256', `server ${people}`));
    const request = Buffer.from(csr).toString('base64');
    return operations.issue({ request, municipality, attributes }, operator);
  }

  async function numberOf(operations: Operations, scope: string): Promise<number> {
    const { scopes } = await operations.status();
    return Number(scopes.find((one) => one.scope === scope)?.crlNumber);
  }

  /** Moves the wall clock far, and time as far as the next tick. */
  async function jump(byMs: number): Promise<void> {
    clock.setWallClock(clock.nowMs() + byMs);
    for (let seconds = 0; seconds < 10; seconds += 1) {
      await clock.advance(1_000);
    }
  }

  /** Waits, in real turns but not in the clock's time, for what the server does on its own. */
  async function until(isSo: () => Promise<boolean>): Promise<void> {
    for (let turns = 0; turns < 2_000; turns += 1) {
      if (await isSo()) {
        return;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.fail('it did not happen');
  }

  it('publishes at once after a revocation for cACompromise, without a tick', async () => {
    await serving(async ({ operations }) => {
      const before = await numberOf(operations, '10201');
      const { serialNumber } = await issue(operations);
      const input = { serialNumber, reason: 'cACompromise' };
      const receipt = await operations.revoke(input, operator);
      assert.equal(Date.parse(receipt.publicationDue), Math.floor(clock.nowMs() / 1000) * 1000);
      await until(async () => (await numberOf(operations, '10201')) > before);
      assert.equal(await numberOf(operations, '10201'), before + 1);
    });
  });

  it('coalesces many of them into a few lists', async () => {
    await clock.advance(2_000);
    await serving(async ({ operations }) => {
      const before = await numberOf(operations, '10202');
      const issued = await Promise.all(
        Array.from({ length: 12 }, () => issue(operations, '10202')),
      );
      await Promise.all(
        issued.map(({ serialNumber }) =>
          operations.revoke({ serialNumber, reason: 'cACompromise' }, operator),
        ),
      );
      await until(async () => {
        // Lists are a second apart.
        await clock.advance(500);
        const { scopes } = await operations.status();
        return scopes.find(({ scope }) => scope === '10202')?.entries === 12;
      });
      const lists = (await numberOf(operations, '10202')) - before;
      assert.ok(lists <= 3, `${lists} lists for 12 revocations`);
    });
  });

  it('leaves other reasons to the cadence', async () => {
    await clock.advance(2_000);
    await serving(async ({ operations }) => {
      const before = await numberOf(operations, '10203');
      const { serialNumber } = await issue(operations, '10203');
      await operations.revoke({ serialNumber, reason: 'keyCompromise' }, operator);
      await jump(22 * HOUR_MS);
      assert.equal(await numberOf(operations, '10203'), before);
      await jump(3 * HOUR_MS);
      await until(async () => (await numberOf(operations, '10203')) > before);
    });
  });

  it('publishes for an operator at once, and answers when the list is out', async () => {
    await clock.advance(2_000);
    await serving(async ({ operations }) => {
      const before = await numberOf(operations, 'arl');
      const [report] = await operations.publish({ scopes: ['arl'] }, operator, () => undefined);
      assert.equal(Number(report?.crlNumber), before + 1);
      assert.equal(await numberOf(operations, 'arl'), before + 1);
    });
  });

  it('checks itself from one state while it works', async () => {
    await clock.advance(2_000);
    await serving(async ({ operations }) => {
      const working = Promise.all(
        Array.from({ length: 8 }, async () => {
          const { serialNumber } = await issue(operations, '10205');
          await operations.revoke({ serialNumber, reason: 'superseded' }, operator);
        }),
      );
      const reports = [];
      for (let round = 0; round < 3; round += 1) {
        reports.push(await operations.check({ isDeep: true, parts: 'all' }, () => undefined));
      }
      await working;
      reports.push(await operations.check({ isDeep: true, parts: 'all' }, () => undefined));
      for (const { findings } of reports) {
        assert.deepEqual(findings, []);
      }
    });
  });

  it('a command without a server has published before it ends', async () => {
    await clock.advance(2_000);
    const local = await openLocalOperations({ folder, log: silentLog, clock });
    const before = await numberOf(local.operations, '10204');
    const { serialNumber } = await issue(local.operations, '10204');
    await local.operations.revoke({ serialNumber, reason: 'cACompromise' }, operator);
    await local.close();
    const again = await openLocalOperations({ folder, log: silentLog, clock });
    assert.equal(await numberOf(again.operations, '10204'), before + 1);
    await again.close();
  });

  it('raises an alarm in the log and in the status when a list cannot be published', async () => {
    await clock.advance(2_000);
    const lines: Line[] = [];
    const has = (text: string): boolean => lines.some(({ message }) => message.includes(text));
    await serving(async ({ operations }) => {
      const { serialNumber } = await issue(operations);
      // Before the last list of every scope: nothing may be published.
      clock.setWallClock(clock.nowMs() - 48 * HOUR_MS);
      await operations.revoke({ serialNumber, reason: 'cACompromise' }, operator);
      await until(async () => {
        await clock.advance(1_000);
        return has('alarm: a job keeps failing');
      });
      const alarm = lines.find(({ message }) => message.startsWith('alarm: a job keeps failing'));
      assert.match(String(alarm?.fields['error']), /lists were not published/);
      const { warnings } = await operations.status();
      assert.ok(warnings.some((text) => text.includes('"publish lists" failed')));
      clock.setWallClock(clock.nowMs() + 49 * HOUR_MS);
      await until(async () => {
        await clock.advance(1_000);
        return has('a job is well again');
      });
      const left = (await operations.status()).warnings;
      // Days have gone by without a backup, and simulated time runs away from the thread that reads lists back.
      const others = [' is overdue since ', '"read lists back"'];
      assert.deepEqual(
        left.filter((text) => !others.some((other) => text.includes(other))),
        [],
      );
    }, keepingLog(lines));
  });
});
