/**
 * Access control as a whole, over the wire: every attribute type of the shipped schema, in every spelling, on
 * every road, for callers of every kind over every kind of connection. What is expected comes from a
 * table of who may what (test/support/access-matrix.ts), not from the program.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import {
  accountDn,
  accountPassword,
  type Combination,
  combinations,
  fillMatrix,
  type MatrixWorld,
  matrixRules,
  type PrincipalName,
  recast,
} from '../support/access-matrix.ts';
import { type MatrixCase, matrixCases } from '../support/access-matrix-cases.ts';
import { type DirectoryFixture, openDirectory, system } from '../support/directory-fixture.ts';
import type { LdapAnswer } from '../support/ldap-answers.ts';
import { bindOperation, message, saslBindOperation } from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

/** Requests on their way at once on a connection. */
const BATCH = 200;
const MAX_SHOWN = 10;
/** Every spelling on every road; otherwise half of them. */
const isComplete = process.env['CERTDIR_TEST_LONG'] === '1';

const keyOf = ({ principal, tls, isInside }: Combination): string =>
  `${principal} ${tls} ${isInside}`;

/** What is opened in a hook stays open until the end. */
const closing: (() => unknown)[] = [];
const untilTheEnd = { after: (close: () => unknown): unknown => closing.unshift(close) };

const servers = new Map<string, LdapTestServer>();

async function serverFor(
  directory: DirectoryFixture['directory'],
  who: Combination,
): Promise<LdapTestServer> {
  const key = `${who.principal === 'system'} ${who.isInside}`;
  const known = servers.get(key);
  if (known !== undefined) {
    return known;
  }
  const opened = await LdapTestServer.open(untilTheEnd, {
    service: recast(directory, who),
    mode: 'starttls',
  });
  servers.set(key, opened);
  return opened;
}

const boundOnes = (name: PrincipalName): boolean => name !== 'anonymous' && name !== 'system';

async function connect(
  directory: DirectoryFixture['directory'],
  { certificates }: MatrixWorld,
  who: Combination,
): Promise<LdapTestClient> {
  const { principal, tls } = who;
  const client = await (await serverFor(directory, who)).connect();
  const certificate = tls === 'client' ? certificates.get(principal) : undefined;
  if (tls !== 'none') {
    await client.startTls(certificate);
  }
  if (boundOnes(principal)) {
    const operation =
      tls === 'client'
        ? saslBindOperation('EXTERNAL')
        : bindOperation(accountDn(principal), accountPassword);
    assert.equal((await client.ask(operation)).resultCode, 0, keyOf(who));
  }
  return client;
}

/** What is not as the oracle says. */
async function run(client: LdapTestClient, cases: readonly MatrixCase[]): Promise<string[]> {
  const failures: string[] = [];
  for (let start = 0; start < cases.length; start += BATCH) {
    const batch = cases.slice(start, start + BATCH);
    const answers = batch.map((): LdapAnswer[] => []);
    const firstId = 1_000_000 + start;
    client.send(
      ...batch.map(({ operation, controls }, index) =>
        message(firstId + index, operation, controls),
      ),
    );
    for (let open = batch.length; open > 0; ) {
      const answer = await client.next();
      assert.notEqual(answer.messageId, 0, answer.diagnosticMessage);
      answers[answer.messageId - firstId]?.push(answer);
      open -= answer.kind === 'entry' ? 0 : 1;
    }
    for (const [index, { title, expected, observe }] of batch.entries()) {
      const observed = observe(answers[index] ?? []);
      if (observed !== expected) {
        failures.push(`${title}: ${observed} instead of ${expected}`);
      }
    }
  }
  return failures;
}

describe('access control (reliability rows 7, 8, 10 and 11)', () => {
  let fixture: DirectoryFixture;
  let world: MatrixWorld;
  const clients = new Map<string, LdapTestClient>();

  before(async () => {
    fixture = await openDirectory(untilTheEnd, { access: matrixRules() });
    world = await fillMatrix(fixture);
    for (const who of combinations) {
      clients.set(keyOf(who), await connect(fixture.directory, world, who));
    }
    // Rights end with the agreement and with the account, on connections that are there.
    await fixture.clock.advance(2 * 3_600_000);
    const disabled = [
      { operation: 'add', attribute: 'certdirAccountDisabled', values: [encodeUtf8('TRUE')] },
    ] as const;
    await fixture.directory.modify({ dn: accountDn('disabled'), changes: disabled }, system);
  });

  after(async () => {
    for (const close of closing) {
      await close();
    }
  });

  it('every type, spelling, road, caller and connection: nothing is told that may not be', async (t) => {
    const byClient = new Map<string, MatrixCase[]>();
    let count = 0;
    for (const each of matrixCases(world.contents, { isComplete })) {
      const key = keyOf(each.who);
      const cases = byClient.get(key) ?? [];
      cases.push(each);
      byClient.set(key, cases);
      count += 1;
    }
    const failures: string[] = [];
    for (const [key, cases] of byClient) {
      const client = clients.get(key);
      assert.ok(client !== undefined, key);
      failures.push(...(await run(client, cases)));
    }
    assert.ok(count >= 24_000, `${count} cases`);
    assert.deepEqual(failures.slice(0, MAX_SHOWN), [], `${failures.length} of ${count} cases`);
    t.diagnostic(`${count} cases`);
  });
});
