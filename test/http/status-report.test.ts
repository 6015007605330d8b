import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ServiceStatus } from '../../src/http/operations.ts';
import { describeStatus, type StatusFacts } from '../../src/http/status-report.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 0, 5);

const sound: StatusFacts = {
  version: '0',
  isServing: false,
  server: null,
  jobs: [],
  nowMs: NOW_MS,
  authority: {
    policyId: 'gunma',
    caDn: 'O=CA',
    generation: 1,
    certificateEndsMs: NOW_MS + 3_650 * DAY_MS,
    renewal: { dueMs: NOW_MS + 1_800 * DAY_MS, warning: undefined, preparedMs: undefined },
    issuedCount: 0,
    revokedCount: 0,
    lists: [],
    cessations: [],
    stop: undefined,
    legacy: [],
  },
  isKeyActive: true,
  isStoreWritable: true,
  isRecoveryPending: false,
  passwordEnds: [],
  passwordWarningMs: 14 * DAY_MS,
  overdue: [],
  auditHead: { size: 0n, rootHash: new Uint8Array(32) },
};

const warningsOf = (ends: readonly (readonly [name: string, days: number])[]): readonly string[] =>
  describeStatus({
    ...sound,
    passwordEnds: ends.map(([name, days]) => ({
      dn: `cn=${name}`,
      account: 'operator',
      endMs: NOW_MS + days * DAY_MS,
    })),
  }).warnings;

describe('warnings of passwords that end', () => {
  it('begin with the policy’s days, both sides', () => {
    assert.deepEqual(warningsOf([['a', 14]]), []);
    const [warning = '', ...others] = warningsOf([['a', 13.99]]);
    assert.deepEqual(others, []);
    assert.match(warning, /^the password of cn=a ends at 2026-01-18T.*certdir operator password/);
  });

  it('say when one has ended', () => {
    assert.match(warningsOf([['a', 0]])[0] ?? '', /has ended at 2026-01-05T00:00:00/);
  });

  it('name the first few, the most urgent first, and count the others', () => {
    const warnings = warningsOf(
      Array.from({ length: 8 }, (_none, index) => [`n${index}`, 8 - index]),
    );
    assert.deepEqual(
      warnings.map((text) => /cn=n\d/.exec(text)?.[0]),
      ['cn=n7', 'cn=n6', 'cn=n5', 'cn=n4', 'cn=n3', undefined],
    );
    assert.match(warnings.at(-1) ?? '', /^3 more/);
  });
});

describe('delta lists', () => {
  const published = {
    ...{ number: 3n, thisUpdateMs: NOW_MS - 1000, nextUpdateMs: NOW_MS + DAY_MS, entryCount: 2 },
    ...{ byteLength: 400, sha256: new Uint8Array(32), sequence: 2n },
  };
  const delta = {
    ...published,
    number: 4n,
    entryCount: 1,
    nextUpdateMs: NOW_MS + 1,
    baseNumber: 3n,
  };
  const told = (change: Partial<StatusFacts['authority']['lists'][number]>): ServiceStatus => {
    const scope = { id: '10201', dn: 'CN=x' } as StatusFacts['authority']['lists'][number]['scope'];
    const list = {
      ...{ scope, published, hasDelta: true, delta, dueMs: NOW_MS + DAY_MS, pendingCount: 0 },
      ...{ oldestPendingMs: undefined, lateness: 'on-time' as const, ...change },
    };
    return describeStatus({ ...sound, authority: { ...sound.authority, lists: [list] } });
  };

  it('are told beside their full list', () => {
    const { scopes, warnings } = told({});
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      [scopes[0]?.crlNumber, scopes[0]?.delta?.crlNumber, scopes[0]?.delta?.deltaOf],
      ['3', '4', '3'],
    );
  });

  it('are a warning when one has ended or is missing, and not where there are none', () => {
    const [ended = ''] = told({ delta: { ...delta, nextUpdateMs: NOW_MS } }).warnings;
    assert.match(ended, /^no valid delta list for 10201/);
    assert.match(told({ delta: undefined }).warnings[0] ?? '', /^no valid delta list/);
    assert.deepEqual(told({ delta: undefined, hasDelta: false }).warnings, []);
  });
});

describe('warnings of standbys', () => {
  const standby = {
    ...{ standby: 'ab'.repeat(32), sequence: 90, behind: 10, behindBytes: 20_480 },
    ...{ behindSeconds: 0, silentSeconds: 0 },
  };
  const warnings = (
    change: Partial<typeof standby>,
    mode: 'asynchronous' | 'fallen back' = 'asynchronous',
  ): readonly string[] =>
    describeStatus({
      ...sound,
      isServing: true,
      replication: { epoch: 1, sequence: 100, mode, standbys: [{ ...standby, ...change }] },
    }).warnings.filter((text) => text.includes('standby'));

  it('begin when one is late by more than 30 s, both sides', () => {
    assert.deepEqual(warnings({ behindSeconds: 30 }), []);
    const [late = ''] = warnings({ behindSeconds: 31 });
    assert.match(late, /^the standby abababababababab is 31 s late: 10 records, 20480 bytes/);
  });

  it('begin when one is silent for more than 60 s, both sides', () => {
    assert.deepEqual(warnings({ silentSeconds: 60 }), []);
    const found = warnings({ silentSeconds: 61, behindSeconds: 61 });
    assert.equal(found.length, 1);
    assert.match(found[0] ?? '', /last heard of 61 s ago, 10 records behind/);
  });

  it('say that nothing is waited for any more', () => {
    assert.match(warnings({}, 'fallen back')[0] ?? '', /may be lost with this machine/);
  });
});

describe('warnings of the CA’s key', () => {
  const told = (renewal: Partial<StatusFacts['authority']['renewal']>): readonly string[] =>
    describeStatus({
      ...sound,
      authority: { ...sound.authority, renewal: { ...sound.authority.renewal, ...renewal } },
    }).warnings;

  it('are none while its renewal is further away', () => {
    assert.deepEqual(told({}), []);
  });

  for (const warning of [12, 3, 1] as const) {
    it(`say by when it is to be renewed within ${warning} months`, () => {
      const [text = '', ...others] = told({ warning, dueMs: NOW_MS + warning * 28 * DAY_MS });
      assert.deepEqual(others, []);
      assert.match(text, /is to be renewed by 2026-.*certdir ceremony start renewal/);
    });
  }

  it('say that it should have been', () => {
    assert.match(
      told({ warning: 'overdue', dueMs: NOW_MS })[0] ?? '',
      /was to be renewed by 2026-01-05/,
    );
  });

  it('say that a new key waits', () => {
    assert.match(told({ preparedMs: NOW_MS })[0] ?? '', /waits since 2026-01-05.*ceremony list/);
  });
});
