/**
 * How a CA whose lists are for registered verifiers begins, and what it can show afterwards: custodians are made, a quorum
 * opens the key in the first ceremony, the first lists come out, a verifier fetches its list over LDAP and OpenSSL takes
 * it; then the report of what was provided, the audit log, the check of what is stored, and the conformance report.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type RunningServer, serve } from '../../src/app/server.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import type { CeremonyReport } from '../../src/http/ceremony-operations.ts';
import type { ProvisionLine } from '../../src/http/provision-report.ts';
import { handOverToCustodians } from '../../src/setup/custodians.ts';
import { approve, type Proposal } from '../../src/signing/custody/approval.ts';
import { openCustodian, readCustody } from '../../src/signing/custody/custody-document.ts';
import { makeDataFolder } from '../support/data-folder.ts';
import { LdapTools } from '../support/ldap-tools.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { assertConformity } from './conformity.ts';
import { isListOf } from './gunma-story.ts';

type Life = Parameters<typeof temporaryFolder>[0];

interface Opening {
  readonly preset: string;
  readonly verifierKind: string;
  /** Of the municipality whose list the verifier may have. */
  readonly code: string;
}

const operator = { name: 'tester' };
const names = ['hanako', 'jiro', 'saburo'];
const passphraseOf = (name: string): Buffer => Buffer.from(`the passphrase of ${name}`);

/** Lists of municipalities that are long enough: their first lines. */
const beside = Object.fromEntries(
  [
    { name: 'municipalities-gunma.yaml', lines: 29 },
    { name: 'municipalities-tokyo.yaml', lines: 29 },
    { name: 'municipalities-japan.csv', lines: 12 },
  ].map(({ name, lines }) => {
    const text = readFileSync(join(packageRoot, 'cps', name), 'utf8');
    return [name, `${text.split('\n').slice(0, lines).join('\n')}\n`];
  }),
);

export async function tellOpening(life: Life, opening: Opening): Promise<void> {
  const { preset, code } = opening;
  const work = temporaryFolder(life);
  const folder = join(work, 'data');
  await makeDataFolder(folder, [preset], beside);
  await handOverToCustodians({
    ...{ folder, quorum: 2, scryptCost: 2 ** 10 },
    custodians: names.map((name) => ({ name, passphrase: passphraseOf(name) })),
    rules: { acts: ['activate', 'deactivate'], validMs: 600_000, idleMs: 0 },
  });
  const server = await serve({ folder, log: silentLog });
  try {
    const { operations } = server;
    const publish = () => operations.publish({ scopes: ['arl', code] }, operator, () => undefined);
    await assert.rejects(publish(), { code: 'SIGNING_NOT_ACTIVE' });
    const closed = await holdFirstCeremony(server, folder);
    assert.deepEqual([closed.kind, closed.label], ['first-key', `${preset}-ca-1`]);
    const lists = await publish();
    assert.deepEqual(lists.map(({ scope }) => scope).toSorted(), [code, 'arl']);
    await fetchAsVerifier(server, { ...opening, life, folder, work });

    // What it can show.
    const ceremonies = await operations.audit.list({ kind: 'ceremony.close', limit: 10 });
    assert.deepEqual(
      ceremonies.map(({ subject }) => subject),
      [closed.id],
    );
    const { size } = await operations.audit.verify({ checkpoints: [] });
    assert.ok(BigInt(size) > 0n);
    const report = await operations.check({ isDeep: false, parts: 'all' }, () => undefined);
    assert.deepEqual(report.findings, []);
    await assertConformity(join(folder, 'policy.yaml'));
  } finally {
    await server.close();
  }
}

/** The first key's ceremony, to its end: people say what they have done, two custodians of three approve. */
async function holdFirstCeremony(
  { operations }: RunningServer,
  folder: string,
): Promise<CeremonyReport> {
  const { ceremonies, custody } = operations;
  const people = { master: 'Hanako Gunma', witnesses: ['Jiro Tone', 'Saburo Haruna'] };
  const { id } = await ceremonies.start({ kind: 'first-key', ...people }, operator);
  const document = await readCustody(join(folder, 'token/custodians.json'));
  const say = (note: string): Promise<CeremonyReport> =>
    ceremonies.continue({ id, by: people.master, note }, operator);
  const approveAs = async (name: string): Promise<CeremonyReport> => {
    const [found] = await custody.list();
    assert.ok(found !== undefined);
    const custodian = await openCustodian(document, name, passphraseOf(name));
    const approval = approve(found.proposal as Proposal, custodian, new SystemRandom());
    return await ceremonies.approve({ id, hash: found.hash, approval }, operator);
  };
  const isActive = async (): Promise<boolean> => (await operations.status()).keyActive;
  await say('identities checked');
  await say('compared with the sheet of init');
  await approveAs('hanako');
  assert.equal(await isActive(), false, 'one is no quorum');
  await approveAs('saburo');
  assert.equal(await isActive(), true);
  await say('three envelopes');
  await approveAs('jiro');
  const closed = await approveAs('saburo');
  assert.notEqual(closed.closed, null);
  assert.ok(closed.steps.every(({ isDone }) => isDone));
  return closed;
}

/** A verifier with an agreement has the list of its municipality, nobody else has, and both stand in the report. */
async function fetchAsVerifier(
  { operations, endpoints }: RunningServer,
  {
    life,
    verifierKind,
    code,
    folder,
    work,
  }: Opening & { readonly life: Life; readonly folder: string; readonly work: string },
): Promise<void> {
  const password = 'the password of an office';
  const passwordFile = join(work, 'office.password');
  writeFileSync(passwordFile, password);
  const { dn } = await operations.verifiers.add(
    {
      ...{ name: 'office', kind: verifierKind, agreementNumber: 'A-1', partitions: [code] },
      ...{ agreementFrom: '2020-01-01', agreementUntil: '2099-12-31', password },
    },
    operator,
  );
  const url = endpoints.find((one) => one.startsWith('ldaps://')) ?? assert.fail();
  const tools = new LdapTools({ url, caFile: join(folder, 'tls/server.pem') });
  const { caDn, scopes } = await operations.status();
  const base = scopes.find(({ scope }) => scope === code)?.dn ?? assert.fail();
  const attributes = ['certificateRevocationList'];
  const as = { dn, passwordFile };
  const [list] = await tools.values({ base, attributes, as });
  const [anchor] = await tools.values({ base: caDn, attributes: ['cACertificate'] });
  assert.deepEqual(await tools.values({ base, attributes }), [], 'anonymous');
  assert.ok(list !== undefined && anchor !== undefined);
  assert.ok(isListOf(life, list, anchor));

  const year = String(new Date(Date.now() + 9 * 3_600_000).getUTCFullYear());
  const { lines } = await operations.audit.provisions({ period: year });
  const numbersOf = (verifier: string): readonly (readonly unknown[])[] =>
    lines
      .filter((line) => line.verifier.toLowerCase() === verifier.toLowerCase())
      .map((one: ProvisionLine) => [
        ...[one.agreementNumber, one.partition, one.method, one.provided, one.refused],
      ]);
  assert.deepEqual(numbersOf(dn), [['A-1', code, 'ldap', 1, 0]]);
  assert.deepEqual(numbersOf(''), [[null, code, 'ldap', 0, 1]]);
}
