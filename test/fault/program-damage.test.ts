/**
 * The program on a store in which something was changed behind its back: a damaged value is reported as
 * what it is and served to nobody, everything else goes on.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Level } from 'level';

import { ExitCode, exitCodeOf } from '../../src/cli/exit-codes.ts';
import type { CheckReport } from '../../src/http/operations.ts';
import { Keyspace } from '../../src/store/keyspace.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { childEnvironment } from '../support/command-run.ts';
import { issueCitizen } from '../support/issued-citizen.ts';
import { LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { registerVerifier } from '../support/registered-verifier.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { StoppedInstance } from '../support/stopped-instance.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const gunma = `ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
const FLIPS = 16;
/** LDAP `other`: the detail is for the server's log. */
const OTHER = 80;

type ByteLevel = Level<Uint8Array, Uint8Array>;

const READ = 'read';
const self = fileURLToPath(import.meta.url);

if (process.argv[2] === READ) {
  await readAlone(process.argv[3] ?? '', process.argv[4] ?? '');
} else {
  describeDamage();
}

function describeDamage(): void {
  describe('a damaged store', { skip: skipWithout('openssl', 'ldapsearch') }, () => {
    const certdir = new CertdirFolder({ after });
    let copies = 0;
    let serialNumber: string;

    before(async () => {
      await certdir.init();
      await registerVerifier(certdir, 'reader');
      ({ serialNumber } = await issueCitizen(certdir, { name: 'citizen' }));
    });

    /** A copy of the folder in which `change` was made to the files of the database. */
    async function damagedCopy(change: (level: string) => Promise<void>): Promise<CertdirFolder> {
      copies += 1;
      const work = certdir.path(`copy-${copies}`);
      mkdirSync(work);
      const copy = new CertdirFolder({ after }, work);
      cpSync(certdir.folder, copy.folder, { recursive: true });
      await change(join(copy.folder, 'store/level'));
      return copy;
    }

    /** Changes one bit of the first row's value that `isWanted`. */
    async function flipValue(
      folder: string,
      isWanted: (key: Uint8Array, value: Buffer) => boolean,
    ): Promise<void> {
      const level: ByteLevel = new Level(folder, { keyEncoding: 'view', valueEncoding: 'view' });
      await level.open();
      try {
        for await (const [key, value] of level.iterator()) {
          const bytes = Buffer.from(value);
          if (isWanted(key, bytes)) {
            const at = bytes.length >> 1;
            bytes[at] = (bytes[at] ?? 0) ^ 1;
            await level.put(key, bytes, { sync: true });
            return;
          }
        }
      } finally {
        await level.close();
      }
      assert.fail('no such row');
    }

    const isIn =
      (keyspace: number, text: string | Buffer = '') =>
      (key: Uint8Array, value: Buffer): boolean =>
        key[0] === keyspace && (value.includes(text) || Buffer.from(key).includes(text));

    /** `certdir check` ends with its exit code and a report, in JSON and in text. */
    async function expectFindings(copy: CertdirFolder, parts: readonly string[]): Promise<void> {
      const { status, stdout } = await copy.run('--json', 'check');
      assert.equal(status, ExitCode.damaged);
      const { findings } = JSON.parse(stdout) as CheckReport;
      assert.deepEqual([...new Set(findings.map(({ part }) => part))], parts);
      const text = await copy.run('check');
      assert.equal(text.status, ExitCode.damaged);
      assert.match(text.stdout, /^store +STORE_VALUE_DAMAGED +0x/m);
    }

    it('is served without the damaged entry', async () => {
      const takasaki = isIn(Keyspace.entry, 'Takasaki-shi CRLDP');
      const copy = await damagedCopy((level) => flipValue(level, takasaki));
      const server = await copy.serve();
      const caFile = join(copy.folder, 'tls/server.pem');
      const ldaps = new LdapTools({ url: server.ldapsUrl, caFile });
      const read = (name: string): ReturnType<LdapTools['search']> =>
        ldaps.search({ base: `cn=${name} CRLDP,${gunma}`, attributes: ['1.1'] });
      const damaged = await read('Takasaki-shi');
      assert.equal(damaged.resultCode, OTHER);
      assert.doesNotMatch(damaged.diagnostics, /checksum|damaged|STORE/i, 'no detail leaks');
      assert.equal((await read('Maebashi-shi')).resultCode, 0);
      assert.match(server.log, /damaged/i);

      const publish = await copy.failure('ca', 'publish', '--partition', '10202');
      assert.equal(publish.exitCode, ExitCode.damaged, publish.message);
      const exported = await copy.failure('ldif', 'export', '--out', copy.path('export.ldif'));
      assert.equal(exported.exitCode, ExitCode.damaged, exported.message);
      assert.ok(!readdirSync(copy.workFolder).includes('export.ldif'), 'no half of an export');
      await copy.answer('ca', 'publish', '--partition', '10201');
      await expectFindings(copy, ['store', 'directory', 'ca']);
      assert.equal(await server.stop(), 0);
      await expectFindings(copy, ['store', 'directory', 'ca']);
    });

    it('does not revoke what it cannot read, and says so', async () => {
      const record = isIn(Keyspace.ca, Buffer.from(serialNumber, 'hex'));
      const copy = await damagedCopy((level) => flipValue(level, record));
      const failure = await copy.failure('ca', 'revoke', serialNumber, '--reason', 'superseded');
      assert.equal(failure.exitCode, ExitCode.damaged, failure.message);
      assert.match(failure.code, /^(STORE|CA)_.*DAMAGED$/);
    });

    it('is not opened without the CA’s own record', async () => {
      // Table 1 of the CA holds its keys.
      const authority = (key: Uint8Array): boolean => key[0] === Keyspace.ca && key[1] === 0x01;
      const copy = await damagedCopy((level) => flipValue(level, authority));
      for (const command of ['status', 'serve']) {
        const failure = await copy.failure(command);
        assert.equal(failure.exitCode, ExitCode.damaged, failure.message);
      }
      await expectFindings(copy, ['store', 'ca']);
    });

    it('does not go on with a damaged audit log', async () => {
      const copy = await damagedCopy((level) =>
        flipValue(level, isIn(Keyspace.auditState, 'tree')),
      );
      const { exitCode, message } = await copy.failure(
        ...['ca', 'revoke', serialNumber, '--reason', 'superseded'],
      );
      assert.equal(exitCode, ExitCode.damaged, message);
    });

    it('gives no wrong value, wherever a bit of its files has changed', async (t) => {
      const random = new SeededRandom('damage');
      const expected = await readInChild(certdir.folder);
      assert.ok(typeof expected !== 'string');
      const outcomes = { same: 0, refused: 0, aborted: 0 };
      for (let flip = 0; flip < FLIPS; flip += 1) {
        const copy = await damagedCopy((level) => Promise.resolve(flipBit(level, random)));
        const read = await readInChild(copy.folder);
        if (typeof read === 'string') {
          outcomes[read] += 1;
          continue;
        }
        // What LevelDB has dropped is replayed; tables are verified before anything is read.
        assert.deepEqual(read, expected);
        outcomes.same += 1;
      }
      t.diagnostic(JSON.stringify(outcomes));
      assert.ok(outcomes.refused > 0, 'some were in the way');
    });
  });
}

/** Changes one bit of one of the database's data files. */
function flipBit(folder: string, random: SeededRandom): void {
  const names = readdirSync(folder)
    .filter((name) => /\.(ldb|log)$/.test(name))
    .sort();
  const files = names
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))
    .filter(({ bytes }) => bytes.length > 0);
  const total = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  let at = random.below(total);
  for (const { name, bytes } of files) {
    if (at < bytes.length) {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      writeFileSync(join(folder, name), bytes);
      return;
    }
    at -= bytes.length;
  }
}

/**
 * What the folder gives out, read by another process: LevelDB ends its process when it finds its own
 * files in an order that cannot be.
 */
async function readInChild(folder: string): Promise<ReadonlySet<string> | 'refused' | 'aborted'> {
  const output = join(folder, 'lines.json');
  const args = [self, READ, folder, output];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { env: childEnvironment() });
  if (signal === 'SIGABRT') {
    return 'aborted';
  }
  assert.equal(signal, null, String(stderr));
  if (status === 0) {
    return new Set(JSON.parse(readFileSync(output, 'utf8')) as string[]);
  }
  // A row that was dropped may be one that must be there; a table may be in the way of writing.
  const { damaged, absent, unavailable } = ExitCode;
  const isClear = [damaged, absent, unavailable].some((code) => code === status);
  assert.ok(isClear, `exit ${status}: ${stderr}`);
  return 'refused';
}

/** Everything that the folder gives out: records of the directory and of the CA, a line each. */
async function linesOf(folder: string): Promise<ReadonlySet<string>> {
  const instance = await StoppedInstance.open(folder);
  try {
    const lines = new Set<string>();
    for await (const record of instance.directory.exportLdif('')) {
      lines.add(record);
    }
    for await (const { serialNumber, der, state } of instance.ca.listCertificates()) {
      lines.add(`${serialNumber} ${state} ${Buffer.from(der).toString('base64')}`);
    }
    for (const { scope } of (await instance.ca.status()).lists) {
      const list = await instance.ca.readList(scope.id);
      lines.add(`${scope.id} ${Buffer.from(list ?? []).toString('base64')}`);
    }
    return lines;
  } finally {
    await instance.close();
  }
}

/** The child: writes down what it can read, or ends with the exit code that the program would. */
async function readAlone(folder: string, output: string): Promise<void> {
  try {
    writeFileSync(output, JSON.stringify([...(await linesOf(folder))]));
  } catch (error) {
    process.stderr.write(String(error));
    process.exitCode = exitCodeOf(error);
  }
}
