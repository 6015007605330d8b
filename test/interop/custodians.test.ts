/**
 * A CA whose token three custodians hold, by the command line: handed over, activated by any two, locked again after a
 * restart; and the memory of the main process, in which neither passphrase, secret, share nor private key is found.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SystemRandom } from '../../src/core/random.ts';
import { connectControl } from '../../src/http/control-client.ts';
import { CONTROL_SOCKET } from '../../src/http/control-protocol.ts';
import type { ProposalReport } from '../../src/http/custody-operations.ts';
import type { Operations } from '../../src/http/operations.ts';
import { handOverToCustodians } from '../../src/setup/custodians.ts';
import { approve as makeApproval, type Proposal } from '../../src/signing/custody/approval.ts';
import {
  openCustodian,
  openSecret,
  readCustody,
} from '../../src/signing/custody/custody-document.ts';
import { deriveWrappingKey, unseal } from '../../src/signing/software/sealing.ts';
import {
  keyContext,
  parseTokenDocument,
  wrappingContext,
} from '../../src/signing/software/token-document.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import { findInMemory, skipWithoutProc } from '../support/process-memory.ts';

const names = ['hanako', 'jiro', 'saburo'] as const;

describe('a CA whose token custodians hold', () => {
  const certdir = new CertdirFolder({ after });
  const passphraseOf = (name: string): string => `the passphrase of ${name} and nobody else`;
  const fileOf = (name: string): string => certdir.path(`${name}.pass`);
  const ownSecret = (): string => join(certdir.folder, 'secrets/token-passphrase');
  let secret: string;

  before(async () => {
    await certdir.init();
    secret = readFileSync(ownSecret(), 'utf8');
    for (const name of names) {
      certdir.write(`${name}.pass`, passphraseOf(name));
    }
  });

  // The server's own interface where the command line is not what is tried.
  const control = (): Operations => connectControl(join(certdir.folder, CONTROL_SOCKET), 'tester');
  const propose = (act: 'activate' | 'deactivate'): Promise<ProposalReport> =>
    control().custody.propose({ operation: { act } }, { name: 'tester' });
  const approve = async (report: ProposalReport, name: string): Promise<ProposalReport> => {
    const document = await readCustody(join(certdir.folder, 'token/custodians.json'));
    const opened = await openCustodian(document, name, Buffer.from(passphraseOf(name)));
    const approval = makeApproval(report.proposal as Proposal, opened, new SystemRandom());
    return await control().custody.approve({ hash: report.hash, approval }, { name: 'tester' });
  };
  const approveByCommand = (hash: string, name: string): Promise<ProposalReport> =>
    certdir.answer<ProposalReport>(
      ...['custodian', 'approve', hash, '--name', name, '--passphrase-file', fileOf(name)],
    );
  const isKeyActive = async (): Promise<boolean> => (await control().status()).keyActive;
  const publish = ['ca', 'publish', '--partition', '10201'];

  it('SIGNING_CUSTODY_REFUSED for a quorum of one, with nothing changed', async () => {
    const failure = await certdir.failure(
      ...['custodian', 'make', '--quorum', '1', '--custodian', `a=${fileOf('jiro')}`],
    );
    assert.deepEqual([failure.code, failure.exitCode], ['SIGNING_CUSTODY_REFUSED', 4]);
    assert.ok(existsSync(ownSecret()));
  });

  it('is handed over, and the file that opened it is gone', async () => {
    const made = await handOverToCustodians({
      folder: certdir.folder,
      quorum: 2,
      custodians: names.map((name) => ({ name, passphrase: Buffer.from(passphraseOf(name)) })),
      rules: {
        acts: ['activate', 'deactivate', 'generate', 'destroy'],
        validMs: 600_000,
        idleMs: 0,
      },
      scryptCost: 2 ** 10,
    });
    assert.equal(made.leftFile, null);
    assert.ok(!existsSync(ownSecret()));
    const configuration = readFileSync(join(certdir.folder, 'certdir.yaml'), 'utf8');
    assert.match(configuration, /^# /);
    assert.match(configuration, /custodiansFile: token\/custodians.json/);
    assert.ok(!configuration.includes('passphraseFile'));
    const again = await certdir.failure(
      ...['custodian', 'make', '--quorum', '2', '--custodian', `a=${fileOf('jiro')}`],
    );
    assert.equal(again.code, 'SETUP_CUSTODY');
  });

  let server: CertdirServer;

  it('serves locked, and signs when two have approved', async () => {
    server = await certdir.serve();
    assert.equal(await isKeyActive(), false);
    assert.equal((await certdir.failure(...publish)).code, 'SIGNING_NOT_ACTIVE');
    const proposed = await certdir.answer<ProposalReport>('custodian', 'propose', 'activate');
    assert.equal(proposed.quorum, 2);
    const { hash } = proposed;
    const wrong = ['custodian', 'approve', hash, '--name', 'jiro', '--passphrase-file'];
    const failure = await certdir.failure(...wrong, fileOf('hanako'));
    assert.equal(failure.code, 'SIGNING_PASSPHRASE_WRONG');
    assert.equal((await approveByCommand(hash.slice(0, 16), 'hanako')).isDone, false);
    assert.equal(await isKeyActive(), false);
    await assert.rejects(approve(proposed, 'hanako'), { code: 'SIGNING_APPROVAL_REFUSED' });
    const done = await approveByCommand(hash, 'saburo');
    assert.deepEqual([done.isDone, done.approvedBy], [true, ['hanako', 'saburo']]);
    assert.equal(await isKeyActive(), true);
    await certdir.answer(...publish);
  });

  it('leaves nothing of it in the memory of the main process', {
    skip: skipWithoutProc,
  }, async () => {
    const needles = await secretsOf(certdir, secret);
    // What every server holds shows that the search finds what is there.
    const known = Buffer.from('token/custodians.json');
    const found = findInMemory(server.pid, [known, ...needles.map(([, needle]) => needle)]);
    assert.ok(found.has(known));
    const leaked = needles.filter(([, needle]) => found.has(needle)).map(([what]) => what);
    assert.deepEqual(leaked, []);
    // Nor does it miss what is in the process that has it.
    const inSigner = findInMemory(
      signerOf(server.pid),
      needles.map(([, needle]) => needle),
    );
    assert.ok(inSigner.size > 0);
  });

  it('is deactivated by two, and locked again after a restart', async () => {
    const off = await propose('deactivate');
    await approve(off, 'jiro');
    assert.equal(await isKeyActive(), true);
    await approve(off, 'saburo');
    assert.equal(await isKeyActive(), false);
    const on = await propose('activate');
    await approve(on, 'jiro');
    await approve(on, 'hanako');
    assert.equal(await isKeyActive(), true);
    await server.stop();
    server = await certdir.serve();
    assert.equal(await isKeyActive(), false);
    assert.deepEqual(await control().custody.list(), []);
    await server.stop();
  });

  it('recorded who approved what', async () => {
    const { stdout } = await certdir.run('--json', 'audit', 'list', '--kind', 'key.activate');
    assert.match(stdout, /hanako saburo/);
    assert.match(stdout, /jiro hanako/);
    for (const kind of ['key.propose', 'key.approve']) {
      const records = await certdir.answer<readonly unknown[]>('audit', 'list', '--kind', kind);
      assert.ok(records.length > 0, kind);
    }
  });
});

/** What must not be found, as bytes: passphrases, what they open, and the halves of the CA's private key. */
async function secretsOf(
  certdir: CertdirFolder,
  secret: string,
): Promise<readonly (readonly [string, Buffer])[]> {
  const document = await readCustody(join(certdir.folder, 'token/custodians.json'));
  const opened = await Promise.all(
    names.map((name) => openCustodian(document, name, readFileSync(certdir.path(`${name}.pass`)))),
  );
  const shares = opened.map(({ share }) => share);
  assert.equal((await openSecret(document, shares))?.toString(), secret);
  const tokenFile = join(certdir.folder, 'token/software-token.json');
  const token = parseTokenDocument(readFileSync(tokenFile), tokenFile);
  const wrappingKey = await deriveWrappingKey(Buffer.from(secret), token.passphrase);
  const context = wrappingContext(token);
  const keyEncryptionKey =
    unseal(wrappingKey, { text: token.wrappedKey, context }) ?? assert.fail();
  const stored = token.keys.find(({ label }) => label === 'gunma-ca-1') ?? assert.fail();
  const pkcs8 = unseal(keyEncryptionKey, {
    text: stored.sealed,
    context: keyContext(stored),
  });
  const key = createPrivateKey({ key: pkcs8 ?? assert.fail(), format: 'der', type: 'pkcs8' });
  const { d, p, q } = key.export({ format: 'jwk' });
  const halves = [d, p, q].map((text) => Buffer.from(text ?? '', 'base64url'));
  return [
    ...names.map((name) => [`${name}'s passphrase`, Buffer.from(`of ${name} and nobody`)] as const),
    ...shares.map((share, index) => [`share ${index}`, share] as const),
    ['the secret', Buffer.from(secret)],
    ['the key-encryption key', keyEncryptionKey],
    // As DER has them, and as OpenSSL keeps numbers: least significant word first.
    ...halves.map((half) => ['the private key', half] as const),
    ...halves.map((half) => ['the private key, reversed', Buffer.from(half).reverse()] as const),
  ];
}

/** The child of a server. */
function signerOf(parent: number): number {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = existsSync(`/proc/${name}/stat`) ? readFileSync(`/proc/${name}/stat`, 'utf8') : '';
    const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (ppid === String(parent)) {
      return Number(name);
    }
  }
  return assert.fail('no signer process');
}
