import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

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
    issuedCount: 0,
    revokedCount: 0,
    lists: [],
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
