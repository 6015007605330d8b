import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  type Approval,
  approve,
  type CustodyOperation,
} from '../../src/signing/custody/approval.ts';
import {
  type ApprovalFile,
  assertApproved,
  makeApprovalFile,
  parseApprovalFile,
} from '../../src/signing/custody/approval-file.ts';
import {
  type CustodyDocument,
  makeCustody,
  openCustodian,
} from '../../src/signing/custody/custody-document.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const random = new SeededRandom('approval file');
const VALID_MS = 3_600_000;
const NOW_MS = 1_000;
const promotion = { act: 'promote', storeId: 'ab'.repeat(16), epoch: 2, sequence: 77 } as const;

const custodyOf = (): Promise<CustodyDocument> =>
  makeCustody(
    {
      quorum: 2,
      rules: { acts: ['activate'], validMs: VALID_MS, idleMs: 0 },
      custodians: ['hanako', 'jiro', 'saburo'].map((name) => ({
        name,
        passphrase: Buffer.from(name),
      })),
      secret: Buffer.from('secret'),
    },
    { random, nowMs: 0, scryptCost: 2 ** 10 },
  );

async function approvalsOf(
  document: CustodyDocument,
  { proposal }: ApprovalFile,
  names: readonly string[],
): Promise<readonly Approval[]> {
  return await Promise.all(
    names.map(async (name) =>
      approve(proposal, await openCustodian(document, name, Buffer.from(name)), random),
    ),
  );
}

describe('approvals of a promotion in a file', async () => {
  const document = await custodyOf();
  const file = makeApprovalFile(promotion, document, { random, nowMs: NOW_MS });
  const check = (
    approvals: readonly Approval[],
    operation: CustodyOperation = promotion,
    nowMs: number = NOW_MS,
  ): readonly string[] =>
    assertApproved(parseApprovalFile(JSON.stringify({ ...file, approvals })), document, {
      ...{ operation, nowMs },
    });
  const refused = { code: 'SIGNING_APPROVAL_REFUSED' };
  const two = await approvalsOf(document, file, ['hanako', 'saburo']);

  it('count with a quorum, and carry no share', () => {
    assert.deepEqual(check(two), ['hanako', 'saburo']);
    assert.ok(two.every(({ share }) => share === null));
  });

  it('are too few: none, one, one twice', () => {
    for (const few of [[], two.slice(1), [...two.slice(1), ...two.slice(1)]]) {
      assert.throws(() => check(few), { code: 'SIGNING_APPROVAL_NEEDED' });
    }
  });

  it('are of this store, epoch and record alone', () => {
    for (const other of [
      { ...promotion, storeId: 'ac'.repeat(16) },
      { ...promotion, epoch: 3 },
      { ...promotion, sequence: 76 },
      { act: 'deactivate' } as const,
    ]) {
      assert.throws(() => check(two, other), refused);
    }
  });

  it('end with their time', () => {
    check(two, promotion, NOW_MS + VALID_MS - 1);
    assert.throws(() => check(two, promotion, NOW_MS + VALID_MS), refused);
  });

  it('are refused when one is signed by another, for another proposal, or by nobody known', async () => {
    const later = makeApprovalFile(promotion, document, { random, nowMs: NOW_MS });
    const [hanako = assert.fail(), saburo = assert.fail()] = two;
    const [elsewhere = assert.fail()] = await approvalsOf(document, later, ['jiro']);
    for (const wrong of [
      { ...saburo, custodian: 'jiro' },
      { ...saburo, custodian: 'shiro' },
      elsewhere,
    ]) {
      assert.throws(() => check([hanako, wrong]), refused);
    }
  });

  it('are none of other custodians', async () => {
    const others = await custodyOf();
    const given = { ...file, approvals: two };
    const wanted = { operation: promotion, nowMs: NOW_MS };
    assert.throws(() => assertApproved(given, others, wanted), refused);
  });

  it('come in a file of that form', () => {
    for (const text of ['', '{}', '[]', JSON.stringify({ ...file, approvals: [1] })]) {
      assert.throws(() => parseApprovalFile(text), refused);
    }
  });
});
