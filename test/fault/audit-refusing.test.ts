/**
 * No act without its record (I9): when the audit log does not take the record of an act, the act has not
 * happened, whatever of it was already done within the transaction.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { AuditLog } from '../../src/audit/audit-log.ts';
import { CaTestBed, tester } from '../support/ca-test-bed.ts';

interface FaultyBed {
  readonly bed: CaTestBed;
  /** From now on records of this kind are not taken. */
  refuse(kind: string): void;
}

class NotTaken extends Error {}

async function open(t: TestContext): Promise<FaultyBed> {
  let refused = '';
  const wrapAudit = (audit: AuditLog): AuditLog => ({
    ...audit,
    append: async (transaction, event) => {
      // After everything else that the act writes, and only for acts that are done.
      if (event.kind === refused && event.result === 'done') {
        throw new NotTaken(refused);
      }
      await audit.append(transaction, event);
    },
    appendAll: async (transaction, events) => {
      if (events.some(({ kind, result }) => kind === refused && result === 'done')) {
        throw new NotTaken(refused);
      }
      await audit.appendAll(transaction, events);
    },
  });
  const bed = await CaTestBed.open(t, { wrapAudit });
  await bed.clock.advance(2_000);
  return {
    bed,
    refuse: (kind) => {
      refused = kind;
    },
  };
}

describe('an act whose record is not taken has not happened', () => {
  it('I9: a certificate is not issued', async (t) => {
    const { bed, refuse } = await open(t);
    const { issuedCount } = await bed.ca.status();
    refuse('certificate.issue');
    await assert.rejects(bed.issue(), NotTaken);
    assert.equal((await bed.ca.status()).issuedCount, issuedCount);
    refuse('');
    await bed.issue();
    assert.equal((await bed.ca.status()).issuedCount, issuedCount + 1);
  });

  it('I9: nothing is signed without its intent on record', async (t) => {
    const { bed, refuse } = await open(t);
    refuse('certificate.issue.intent');
    await assert.rejects(bed.issue(), NotTaken);
    assert.deepEqual(
      (await bed.records('certificate.issue')).map(({ result }) => result),
      ['failed'],
    );
  });

  it('I9: a certificate is not revoked', async (t) => {
    const { bed, refuse } = await open(t);
    const { serialNumber } = await bed.issue();
    const request = { serialNumber, reason: 'superseded', origin: tester };
    refuse('certificate.revoke');
    await assert.rejects(bed.ca.revoke(request), NotTaken);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'good');
    refuse('');
    await bed.ca.revoke(request);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
  });

  it('I9: a list is not published, and its number is given to the next', async (t) => {
    const { bed, refuse } = await open(t);
    const before = await bed.ca.findList('10201', {});
    refuse('crl.publish');
    await assert.rejects(bed.ca.publish('10201', tester), NotTaken);
    assert.deepEqual(await bed.ca.findList('10201', {}), before);
    refuse('');
    const { number } = await bed.ca.publish('10201', tester);
    assert.equal(number, before.number + 1n);
  });

  it('an entry is not added', async (t) => {
    const { bed, refuse } = await open(t);
    const caller = {
      principal: { kind: 'system', name: 'tester' },
      session: { isProtected: true, address: '', channel: 'test' },
    } as const;
    const attributes = [
      { description: 'objectClass', values: [Buffer.from('organizationalUnit')] },
      { description: 'ou', values: [Buffer.from('new')] },
    ];
    const request = { dn: 'ou=new,c=JP', attributes };
    refuse('directory.add');
    await assert.rejects(bed.directory.add(request, caller), NotTaken);
    refuse('');
    await bed.directory.add(request, caller);
  });
});
