import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { BrokenInvariants } from '../../src/app/broken-invariants.ts';
import { ListReadback, type ListReader } from '../../src/app/list-readback.ts';
import { ownReaders } from '../../src/app/own-readers.ts';
import { VerifierRegister } from '../../src/ca/accounts/verifier-register.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import type { Caller } from '../../src/directory/service.ts';
import { LdapServer } from '../../src/ldap/server.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';
import { makeTlsCredentials } from '../support/ldap-test-server.ts';

const PASSWORD = 'correct horse battery';
const administrator: Caller = {
  principal: { kind: 'system', name: 'administrator' },
  session: { isProtected: true, address: '', channel: 'cli' },
};
const signal = new AbortController().signal;

interface Bench {
  readonly bed: CaTestBed;
  readonly broken: BrokenInvariants;
  readonly remade: string[];
  readback(readers: readonly ListReader[]): ListReadback;
}

async function open(t: TestContext, policy = smallGunma): Promise<Bench> {
  const bed = await CaTestBed.open(t, { startMs: Date.now(), policy });
  const broken = new BrokenInvariants(silentLog);
  const remade: string[] = [];
  const readback = (readers: readonly ListReader[]): ListReadback =>
    new ListReadback({
      ...{ authority: bed.ca, directory: bed.directory, clock: bed.clock, log: silentLog },
      ...{ broken, readers },
      republish: async (scopeId) => {
        remade.push(scopeId);
        await bed.clock.advance(2_000);
        await bed.ca.publish(scopeId, tester);
      },
    });
  return { bed, broken, remade, readback };
}

/** A server and a verifier registered for one partition. */
async function serve(t: TestContext, { bed }: Bench, tls: 'ldaps' | 'starttls') {
  const register = new VerifierRegister(bed.directory, bed.policy);
  const day = (offset: number): string =>
    new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  const { dn } = await register.add(
    {
      ...{ name: 'readback', kind: 'signatureVerifier', agreementNumber: '1' },
      ...{ agreementFrom: day(-2), agreementUntil: day(30) },
      ...{ partitions: ['10201', '10202'], password: PASSWORD },
    },
    administrator,
  );
  const credentials = makeTlsCredentials();
  const server = await LdapServer.open({
    directory: bed.directory,
    listeners: [
      { address: '127.0.0.1', port: 0, tls: 'none' },
      { address: '127.0.0.1', port: 0, tls },
    ],
    clock: new SystemClock(),
    log: silentLog,
    tls: credentials,
  });
  t.after(() => server.close());
  const folder = mkdtempSync(join(tmpdir(), 'certdir-readback-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const readers = (certificate: string): Promise<readonly ListReader[]> =>
    ownReaders({
      listeners: server.listeners,
      configuration: { readback: { verifier: dn, passwordFile } },
      certificate,
      clock: new SystemClock(),
    });
  return { dn, certificate: credentials.certificate, readers };
}

describe('lists read back over LDAP by a client that is not ours (I8)', () => {
  for (const tls of ['ldaps', 'starttls'] as const) {
    it(`come as published to the verifier and, where public, to everybody (${tls})`, async (t) => {
      const bench = await open(t);
      const { bed, broken } = bench;
      const { readers, certificate } = await serve(t, bench, tls);
      const both = await readers(certificate);
      assert.equal(both.length, 2);
      const readback = bench.readback(both);
      assert.equal(await readback.job.nextDueMs(), undefined);
      for (const { id } of bed.ca.scopes.list) {
        readback.note(id);
      }
      assert.ok((await readback.job.nextDueMs()) !== undefined);
      await readback.job.run(signal);
      assert.deepEqual(broken.all, []);
      assert.equal(await readback.job.nextDueMs(), undefined, 'all were read');
    });
  }

  it('come with their delta lists', async (t) => {
    const bench = await open(t, withDeltas);
    const { bed, broken } = bench;
    const { readers, certificate } = await serve(t, bench, 'ldaps');
    const readback = bench.readback(await readers(certificate));
    bed.ca.onPublication((scopeId) => readback.note(scopeId));
    await bed.clock.advance(2_000);
    await bed.ca.deltas.publish('10201', tester);
    assert.equal(broken.count('I8'), 0);
    assert.ok((await readback.job.nextDueMs()) !== undefined, 'a delta list is news');
    await readback.job.run(signal);
    assert.equal(broken.count('I8'), 0);
    // As if it had not got into the directory.
    const { dn } = bed.ca.scopes.find('10201');
    await bed.store.transact('test: gone', (transaction) =>
      bed.directory.managed.replaceValues(transaction, dn, {
        description: 'deltaRevocationList',
        values: [],
      }),
    );
    readback.note('10201');
    await assert.rejects(readback.job.run(signal));
    assert.match(broken.all[0]?.message ?? '', /not given the newest list/);
  });

  it('are not asked of a server with another certificate, and no password is sent', async (t) => {
    const bench = await open(t);
    const { readers } = await serve(t, bench, 'ldaps');
    const readback = bench.readback(await readers(makeTlsCredentials('other').certificate));
    readback.note('arl');
    await assert.rejects(readback.job.run(signal));
    assert.match(bench.broken.all[0]?.message ?? '', /another certificate/);
  });
});

describe('a list that does not come back as published', () => {
  const scopeId = '10201';

  /** Somebody who is given what the test says. */
  function reader(account: string | undefined, given: () => readonly string[]): ListReader {
    return {
      ...{ account, tls: 'tls', address: '127.0.0.1' },
      read: async (names) => names.map((name) => ({ name, lists: [], hashes: given() })),
    };
  }

  async function hashOf({ bed }: Bench, id = scopeId): Promise<string> {
    const [newest] = (await bed.ca.listArchived(id)).slice(-1);
    return Buffer.from(newest?.sha256 ?? []).toString('hex');
  }

  it('is an alarm, read again, and made anew once', async (t) => {
    const bench = await open(t);
    const readback = bench.readback([reader(undefined, () => [])]);
    readback.note('arl');
    for (let round = 1; round <= 5; round += 1) {
      await assert.rejects(readback.job.run(signal));
      assert.deepEqual(bench.remade, round < 3 ? [] : ['arl']);
      assert.equal(bench.broken.count('I8'), 1);
    }
    const own = await hashOf(bench, 'arl');
    const well = bench.readback([reader(undefined, () => [own])]);
    well.note('arl');
    await well.job.run(signal);
    assert.equal(bench.broken.count('I8'), 0);
  });

  it('is an alarm when somebody is given it who may not have it', async (t) => {
    const bench = await open(t);
    const hash = await hashOf(bench);
    const readback = bench.readback([reader(undefined, () => [hash])]);
    readback.note(scopeId);
    await assert.rejects(readback.job.run(signal));
    assert.match(bench.broken.all[0]?.message ?? '', /may not have/);
  });

  it('is an alarm when an older one comes', async (t) => {
    const bench = await open(t);
    const old = await hashOf(bench, 'arl');
    await bench.bed.clock.advance(2_000);
    await bench.bed.ca.publish('arl', tester);
    const now = await hashOf(bench, 'arl');
    for (const given of [[old], [old, now]]) {
      const readback = bench.readback([reader(undefined, () => given)]);
      readback.note('arl');
      await assert.rejects(readback.job.run(signal), String(given.length));
    }
  });

  it('is read again without an alarm when another one came out meanwhile', async (t) => {
    const bench = await open(t);
    const { bed } = bench;
    let isFirst = true;
    const racing: ListReader = {
      ...{ account: undefined, tls: 'tls', address: '127.0.0.1' },
      read: async (names) => {
        if (isFirst) {
          isFirst = false;
          await bed.clock.advance(2_000);
          await bed.ca.publish('arl', tester);
        }
        const hashes = [await hashOf(bench, 'arl')];
        return names.map((name) => ({ name, lists: [], hashes }));
      },
    };
    const readback = bench.readback([racing]);
    readback.note('arl');
    await readback.job.run(signal);
    assert.deepEqual(bench.broken.all, []);
    const dueMs = (await readback.job.nextDueMs()) ?? 0;
    assert.ok(dueMs > bed.clock.nowMs(), 'once more, a while later');
    await readback.job.run(signal);
    assert.equal(await readback.job.nextDueMs(), undefined);
  });
});
