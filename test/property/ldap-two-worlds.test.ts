/**
 * Two servers over directories that differ only in what their callers may not see answer the callers'
 * requests with the same bytes (reliability rows 7, 8, 9 and 11): every operation, every control, answers given
 * again included, while what is hidden changes on one side.
 *
 * 20,000 requests; a million with `npm test -- --long`. What the server itself makes at random (page cookies) is
 * compared by its length.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { type DirectoryFixture, openDirectory } from '../support/directory-fixture.ts';
import { parsePage } from '../support/ldap-answers.ts';
import { bindOperation } from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';
import {
  accountDns,
  fillWorld,
  hideThings,
  type WorldCaller,
  worldPassword,
  worldRules,
  worldSteps,
} from '../support/two-worlds.ts';
import {
  pageOf,
  type WorldRequest,
  worldNames,
  worldRequests,
} from '../support/two-worlds-operations.ts';

const REQUESTS = process.env['CERTDIR_TEST_LONG'] === '1' ? 1_000_000 : 20_000;
/** Some acts are several requests: pages, and questions asked again. */
const RUNS = REQUESTS * 0.85;
const SEED = 20_260_105;
/** So that limits are met; hidden entries must not count. */
const limits = { maxLookThrough: 40, maxSortedEntries: 12, maxSizeLimit: 30, maxMovedEntries: 3 };

/** One caller on both servers. */
type Pair = readonly [LdapTestClient, LdapTestClient];

async function connectPair(
  servers: readonly [LdapTestServer, LdapTestServer],
  caller: WorldCaller,
  isTls: boolean,
): Promise<Pair> {
  const connect = async (server: LdapTestServer): Promise<LdapTestClient> => {
    const client = await server.connect();
    if (isTls) {
      await client.startTls();
    }
    if (caller !== 'anonymous') {
      const bound = await client.ask(bindOperation(accountDns[caller], worldPassword));
      assert.equal(bound.resultCode, 0, caller);
    }
    return client;
  };
  return [await connect(servers[0]), await connect(servers[1])];
}

/** Cookies are sealed; how long they are is told. */
function maskCookie(bytes: Buffer, cookie: Buffer): Buffer {
  const at = cookie.length === 0 ? -1 : bytes.lastIndexOf(cookie);
  if (at >= 0) {
    bytes.fill(0, at, at + cookie.length);
  }
  return bytes;
}

interface Count {
  requests: number;
  /** Answers with entries in them. */
  found: number;
}

/** Asks both for the same, for all pages of it. */
async function compareAnswers(pair: Pair, request: WorldRequest, count: Count): Promise<void> {
  let cookies: readonly [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
  for (;;) {
    count.requests += 1;
    const [full, bare] = await Promise.all(
      pair.map((client, index) =>
        client.exchange(request.operation, pageOf(request, cookies[index] ?? Buffer.alloc(0))),
      ),
    );
    assert.ok(full !== undefined && bare !== undefined);
    const pages = [full, bare].map(({ answers }) =>
      answers.at(-1)?.controls.find(({ type }) => type === '1.2.840.113556.1.4.319'),
    );
    const [first, second] = pages.map((page) =>
      page === undefined ? Buffer.alloc(0) : parsePage(page.value).cookie,
    );
    assert.ok(first !== undefined && second !== undefined);
    cookies = [Buffer.from(first), Buffer.from(second)];
    if (!maskCookie(full.bytes, first).equals(maskCookie(bare.bytes, second))) {
      assert.deepEqual(full.answers, bare.answers, request.text);
      assert.deepEqual(full.bytes, bare.bytes, request.text);
    }
    count.found += full.answers.length > 1 ? 1 : 0;
    if (first.length === 0) {
      return;
    }
  }
}

it('rows 7, 8, 9 and 11: what may not be seen changes no byte of any answer', async (t) => {
  const worlds: readonly [DirectoryFixture, DirectoryFixture] = [
    await openDirectory(t, { access: worldRules, limits }),
    await openDirectory(t, { access: worldRules, limits }),
  ];
  for (const world of worlds) {
    await fillWorld(world);
  }
  await hideThings(worlds[0]);
  const options = { mode: 'starttls' } as const;
  const servers: readonly [LdapTestServer, LdapTestServer] = [
    await LdapTestServer.open(t, { ...options, service: worlds[0].directory }),
    await LdapTestServer.open(t, { ...options, service: worlds[1].directory }),
  ];
  const pairs: Pair[] = [];
  for (const caller of ['anonymous', 'person', 'reader', 'verifier', 'operator'] as const) {
    pairs.push(await connectPair(servers, caller, caller === 'verifier' || caller === 'person'));
  }
  const binder = await connectPair(servers, 'anonymous', false);
  const count: Count = { requests: 0, found: 0 };
  const asking = fc
    .record({ pair: fc.constantFrom(...pairs), request: worldRequests })
    .map(({ pair, request }) => async (): Promise<void> => {
      await compareAnswers(pair, request, count);
      if (request.isAskedTwice === true) {
        await compareAnswers(pair, request, count);
      }
    });
  const changing = worldSteps.map((step) => () => step(worlds));
  const binding = fc
    .record({ dn: worldNames, password: fc.constantFrom('right', 'wrong', '') })
    .map(({ dn, password }) => async (): Promise<void> => {
      const operation = bindOperation(dn, password);
      await compareAnswers(binder, { operation, controls: [], text: `bind ${dn}` }, count);
    });
  const waiting = fc.constantFrom(1_000, 60_000).map((ms) => async (): Promise<void> => {
    for (const { clock } of worlds) {
      await clock.advance(ms);
    }
  });
  const acts = fc.oneof(
    { weight: 40, arbitrary: asking },
    { weight: 3, arbitrary: changing },
    { weight: 1, arbitrary: binding },
    { weight: 1, arbitrary: waiting },
  );
  await fc.assert(
    fc.asyncProperty(acts, (act) => act()),
    { seed: SEED, numRuns: RUNS, endOnFailure: true, includeErrorInReport: true },
  );
  assert.ok(count.requests >= REQUESTS, `${count.requests} requests`);
  assert.ok(count.found > REQUESTS / 5, `${count.found} of the answers had entries`);
  const { answerCache } = servers[0].server.statistics;
  assert.ok((answerCache?.hits ?? 0) > REQUESTS / 20, `${answerCache?.hits} were given again`);
  t.diagnostic(`${count.requests} requests, ${count.found} found something`);
});
