/**
 * Lists of every shape, as the engine puts them together, read and verified by others: empty, and with entries of
 * lengths on both sides of each step in DER's length octets (X.690 §8.1.3); 1 MB, and with `npm test -- --long` 53 MB.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { openCore, prepare } from '../../src/ca/authority-opening.ts';
import { type CaCore, reading, readOwner } from '../../src/ca/ca-core.ts';
import { assembleList } from '../../src/ca/lists/crl-assembly.ts';
import { appendEntries } from '../../src/ca/lists/scope-append.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import type { NewEntry } from '../../src/ca/records/waiting-entries.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { encodeRevokedEntry, parseCertificateList } from '../../src/x509/certificate-list.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CaTestBed } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';
const MEGABYTE = 1024 * 1024;
const HOUR_MS = 3_600_000;
/** Octets of all entries together. */
const lengths = [
  ...[0, 127, 128, 255, 256, 65_535, 65_536, MEGABYTE],
  ...(isLong ? [53_000_000] : []),
];

const LONGEST_ENTRY = 53;
const SHORTEST_ENTRY = 21;
/** Around a serial number: headers and date; and with a reason. */
const AROUND = 19;
const AROUND_WITH_REASON = 33;

/** Sizes of entries that are so long together. */
function* entrySizes(length: number): Generator<number> {
  let left = length;
  for (; left > 3 * LONGEST_ENTRY; left -= LONGEST_ENTRY) {
    yield LONGEST_ENTRY;
  }
  for (let parts = Math.ceil(left / LONGEST_ENTRY); parts > 0; parts -= 1) {
    const size = Math.floor(left / parts);
    assert.ok(size >= SHORTEST_ENTRY);
    yield size;
    left -= size;
  }
}

/** An entry of so many octets, with a serial number that no other has. */
function entryOf(size: number, index: number): Uint8Array {
  const hasReason = size > AROUND_WITH_REASON;
  const octets = size - (hasReason ? AROUND_WITH_REASON : AROUND);
  const serialNumber = (0x40n << BigInt(8 * (octets - 1))) + (octets < 5 ? 0n : BigInt(index));
  const revokedMs = Date.UTC(2026, 0, 2);
  const der = encodeRevokedEntry({ serialNumber, revokedMs, ...(hasReason ? { reason: 4 } : {}) });
  assert.equal(der.length, size);
  return der;
}

async function openEngine({ options, store, policy }: CaTestBed): Promise<CaCore> {
  const ownerId = await reading(store, (view) => readOwner(view, new CaTables(policy.id)));
  return await openCore({ ...prepare(options), ownerId });
}

async function makeList(bed: CaTestBed, core: CaCore, length: number): Promise<Uint8Array> {
  const scope = core.scopes.find('10201');
  const notAfterMs = bed.clock.nowMs() + HOUR_MS;
  const entries: NewEntry[] = [...entrySizes(length)].map((size, index) => ({
    notAfterMs,
    der: entryOf(size, index),
  }));
  let der = new Uint8Array(0);
  const undone = new Error('not to be kept');
  const making = bed.store.transact('test: make a list', async (transaction) => {
    if (entries.length > 0) {
      await appendEntries(core, transaction, { scope, entries, nowMs: bed.clock.nowMs() });
    }
    const nowMs = bed.clock.nowMs() + HOUR_MS;
    der = new Uint8Array((await assembleList(core, scope, { view: transaction, nowMs })).der);
    throw undone;
  });
  await assert.rejects(making, undone);
  return der;
}

describe('lists of every shape', () => {
  const folder = temporaryFolder({ after });
  const files = lengths.map((length) => join(folder, `${length}.crl`));
  const counts: number[] = [];
  const ca = join(folder, 'ca.pem');
  const caDer = join(folder, 'ca.der');

  before(async () => {
    // GnuTLS goes by the machine's clock.
    const bed = await CaTestBed.open({ after }, { startMs: Date.now() - 2 * HOUR_MS });
    const core = await openEngine(bed);
    writeFileSync(ca, encodePem('CERTIFICATE', bed.ca.certificate.der));
    // What certtool reads in DER it reads all in DER.
    writeFileSync(caDer, bed.ca.certificate.der);
    for (const [index, length] of lengths.entries()) {
      const der = await makeList(bed, core, length);
      const list = parseCertificateList(der);
      assert.equal(list.entryBytes.length, length);
      counts.push(list.entryCount);
      writeFileSync(files[index] ?? assert.fail(), der);
    }
  });

  it('OpenSSL verifies them', { skip: skipWithout('openssl') }, async () => {
    for (const file of files) {
      const args = ['crl', '-inform', 'DER', '-in', file, '-noout', '-CAfile', ca];
      const { stderr } = await runCommand('openssl', args, { timeoutMs: 60_000 });
      assert.match(stderr, /verify OK/, file);
    }
  });

  // Its time grows with the square of the entries: half a minute for 20,000.
  it('GnuTLS verifies them, up to 64 KiB', { skip: skipWithout('certtool') }, async () => {
    for (const file of files.slice(0, lengths.indexOf(MEGABYTE))) {
      const args = ['--verify-crl', '--load-ca-certificate', caDer, '--inder', '--infile', file];
      const { stdout, stderr } = await runCommand('certtool', args, { timeoutMs: 60_000 });
      assert.match(stdout + stderr, /Verified/, file);
    }
  });

  it('Go verifies them, and counts as many entries', {
    skip: skipWithout('go'),
  }, async () => {
    const program = join(packageRoot, 'test/interop/go/read-lists.go');
    const { stdout } = await runCommand('go', ['run', program, caDer, ...files], {
      timeoutMs: 300_000,
      env: { GOCACHE: join(folder, 'go'), GOFLAGS: '-mod=mod', GO111MODULE: 'off' },
    });
    assert.deepEqual(stdout.trim().split('\n').map(Number), counts);
  });

  it('OpenJDK verifies them, and counts as many entries', {
    skip: skipWithout('javac'),
  }, async () => {
    const program = join(packageRoot, 'test/interop/java/ReadLists.java');
    const { stdout } = await runCommand('java', ['-Xmx2g', program, ca, ...files], {
      timeoutMs: 120_000,
    });
    assert.deepEqual(stdout.trim().split('\n').map(Number), counts);
  });
});
