/**
 * Data folders that cannot be used: in use, absent, wrong, changed. Each ends with the exit code of
 * `certdir --help` and a message that says what to do, and locks nothing.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { ServiceStatus } from '../../src/http/operations.ts';
import {
  CertdirFolder,
  certdirCommand,
  failureOf,
  initArguments,
} from '../support/certdir-process.ts';
import { runCommand } from '../support/command-run.ts';

const Exit = { configuration: 3, absent: 5, conflict: 6, away: 7 } as const;

describe('data folders', () => {
  const certdir = new CertdirFolder({ after });

  before(async () => {
    await certdir.init();
  });

  describe('a data folder', () => {
    it('that is not empty, for init', async () => {
      const failure = await certdir.failure(
        'init',
        ...initArguments({ ldap: 0, ldaps: 0, http: 0, ocsp: 0 }),
      );
      assert.equal(failure.code, 'SETUP_FOLDER_NOT_EMPTY');
      assert.equal(failure.exitCode, Exit.conflict);
    });

    it('for a preset that there is not', async () => {
      const args = ['--data', certdir.path('other'), '--json', 'init', '--preset', 'atlantis'];
      const result = await runCommand(process.execPath, [certdirCommand, ...args]);
      const failure = failureOf(result, args);
      assert.equal(failure.code, 'SETUP_PRESET_UNKNOWN');
      assert.equal(failure.exitCode, Exit.absent);
      assert.match(failure.message, /gunma/);
    });

    it('that a server is using, for a second server', async () => {
      const server = await certdir.serve();
      const failure = await certdir.failure('serve');
      assert.equal(failure.exitCode, Exit.away, failure.message);
      assert.equal(failure.code, 'STORE_LOCKED');
      assert.ok(server.isRunning);
      assert.equal((await certdir.answer<ServiceStatus>('status')).isServing, true);
      assert.equal(await server.stop(), 0);
    });

    it('that is not there', async () => {
      const args = ['--data', certdir.path('absent'), '--json', 'status'];
      const result = await runCommand(process.execPath, [certdirCommand, ...args]);
      const failure = failureOf(result, args);
      assert.equal(failure.exitCode, Exit.configuration, failure.message);
      assert.match(failure.message, /absent/);
    });
  });

  describe('a copy of the data folder', () => {
    let copies = 0;

    /** A stopped copy, changed by `change`. */
    async function changedCopy(change: (folder: string) => void): Promise<CertdirFolder> {
      copies += 1;
      const work = certdir.path(`copy-${copies}`);
      mkdirSync(work);
      const copy = new CertdirFolder({ after: () => undefined }, work);
      cpSync(certdir.folder, copy.folder, { recursive: true });
      change(copy.folder);
      return copy;
    }

    const edit =
      (name: string, from: string | RegExp, to: string) =>
      (folder: string): void => {
        const file = join(folder, name);
        const text = readFileSync(file, 'utf8');
        const edited = text.replace(from, to);
        assert.notEqual(edited, text, `${name} has what is to be replaced`);
        writeFileSync(file, edited);
      };

    it('with another passphrase', async () => {
      const copy = await changedCopy((folder) =>
        writeFileSync(join(folder, 'secrets/token-passphrase'), 'not the passphrase'),
      );
      for (const command of ['status', 'serve']) {
        const failure = await copy.failure(command);
        assert.equal(failure.code, 'SIGNING_PASSPHRASE_WRONG');
        assert.equal(failure.exitCode, Exit.configuration);
        assert.doesNotMatch(failure.message, /not the passphrase/);
      }
    });

    it('with a port that is taken', async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const address = other.address();
      assert.ok(address !== null && typeof address === 'object');
      try {
        const port = `port: ${address.port}`;
        for (const code of ['LDAP_PORT_IN_USE', 'HTTP_ADDRESS_IN_USE']) {
          const place = code.startsWith('LDAP') ? /port: 0/ : /port: 0(?![\s\S]*port: 0)/;
          const copy = await changedCopy(edit('certdir.yaml', place, port));
          const failure = await copy.failure('serve');
          assert.equal(failure.code, code, failure.message);
          assert.equal(failure.exitCode, Exit.away);
          assert.match(failure.message, new RegExp(String(address.port)));
          assert.equal((await copy.run('status')).status, 0, 'and nothing stays locked');
        }
      } finally {
        other.close();
      }
    });

    it('with a configuration that says what it must not', async () => {
      const rows = [
        [/formatVersion: 1/, 'formatVersion: 1\nunknownKey: 3', /unknownKey/],
        [/port: 0/, 'port: seventy', /port/],
        [/tls: starttls/, 'tls: perhaps', /starttls/],
        [/ldap:/, 'ldap: [', /./],
      ] as const;
      for (const [from, to, named] of rows) {
        const copy = await changedCopy(edit('certdir.yaml', from, to));
        const failure = await copy.failure('status');
        assert.equal(failure.exitCode, Exit.configuration, failure.message);
        assert.match(failure.message, named);
        assert.match(failure.message, /certdir\.yaml/);
      }
    });

    it('with a policy that no longer fits the CA', async () => {
      const copy = await changedCopy(
        edit('policy.yaml', /OU=Gunma Prefectural CA/g, 'OU=Another CA'),
      );
      const failure = await copy.failure('serve');
      assert.equal(failure.exitCode, Exit.configuration, failure.message);
    });

    it('with a policy that is not one', async () => {
      const copy = await changedCopy(edit('policy.yaml', 'validityHours: 72', 'validityHours: 12'));
      const failure = await copy.failure('status');
      assert.equal(failure.exitCode, Exit.configuration, failure.message);
      assert.match(failure.message, /policy\.yaml/);
    });

    it('with an access rule that means nothing, and where it stands', async () => {
      const rows = [
        [/attributes: \[certificateRevocationList,/, 'attributes: [certificateRevocationLists,'],
        [/who: \{ kind: self \}/, 'who: { kind: group, dn: nonsense }'],
        [/tls: true/, 'tls: true\n    address: [192.0.2.1/24]'],
        [/tls: true/, 'tls: perhaps'],
        [/rights: \[manage\]/, 'rights: [everything]'],
      ] as const;
      for (const [from, to] of rows) {
        const failure = await (await changedCopy(edit('policy.yaml', from, to))).failure('status');
        assert.equal(failure.exitCode, Exit.configuration, failure.message);
        assert.match(failure.message, /policy\.yaml:\d+:\d+: access\.\d+/);
      }
    });
  });
});
