/**
 * Each step of an exchange of cross certificates fails at its audit record: then nothing of it has happened, neither in the
 * records nor in the directory, and it can be taken again.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import {
  bringRequest,
  issueFor,
  pairsOf,
  type Side,
  sha256,
  smallBca,
  testConnection,
} from '../support/cross-exchange.ts';

class Interrupted extends Error {}

describe('a step of an exchange that is interrupted', () => {
  it('has not happened, and happens when it is taken again', async (t) => {
    /** Whose record cannot be written. */
    let failing = '';
    const gunmaBed = await CaTestBed.open(t, {
      policy: smallGunma,
      wrapAudit: (audit) => ({
        ...audit,
        head: audit.head.bind(audit),
        records: audit.records.bind(audit),
        appendAll: audit.appendAll.bind(audit),
        append: (transaction, event) =>
          event.kind === failing && event.result === 'done'
            ? Promise.reject(new Interrupted(event.kind))
            : audit.append(transaction, event),
      }),
    });
    const gunma: Side = { id: 'gunma', bed: gunmaBed };
    const bca: Side = { id: 'bca', bed: await CaTestBed.open(t, { policy: smallBca }) };
    const { bridge } = gunmaBed.ca;
    const act = { origin: tester };

    async function interrupted(kind: string, step: () => Promise<unknown>): Promise<void> {
      const before = await gunmaBed.digestOfRecords();
      const pairs = await pairsOf(gunma);
      failing = kind;
      await assert.rejects(step(), Interrupted, kind);
      failing = '';
      assert.equal(await gunmaBed.digestOfRecords(), before, kind);
      const unchanged = await pairsOf(gunma);
      assert.deepEqual(unchanged, pairs, kind);
    }

    await interrupted('cross.request', () => bridge.request('bca', tester));
    const request = await bca.bed.ca.bridge.request('gunma', tester);
    const certificate = bca.bed.ca.certificate.der;
    const given = { request, certificate, fingerprint: sha256(certificate) };
    await interrupted('cross.examine', () => bridge.takeRequest('bca', given, tester));
    await bridge.takeRequest('bca', given, tester);
    await interrupted('cross.test', () => testConnection(bca, gunma));
    await testConnection(bca, gunma);

    // What is to be signed is kept first; the record of it is another transaction.
    failing = 'cross.issue';
    await assert.rejects(issueFor(bca, gunma), Interrupted);
    failing = '';
    const { record } = await bridge.standing('bca');
    assert.deepEqual([record.issued.length, record.pending === undefined], [0, false]);
    assert.deepEqual(await faultsOf(gunmaBed), []);
    const ours = await issueFor(bca, gunma);
    assert.equal(ours.serialNumber, BigInt(`0x${record.pending?.serialNumber}`), 'the same one');

    await bringRequest(gunma, bca);
    await testConnection(gunma, bca);
    const theirs = await issueFor(gunma, bca);
    await interrupted('cross.accept', () => bridge.accept('bca', theirs.der, act));
    await bridge.accept('bca', theirs.der, act);
    const { receipt: text } = await bca.bed.ca.bridge.accept('gunma', ours.der, act);
    const receipt = { text, isPaper: false };
    await interrupted('cross.receipt', () => bridge.takeReceipt('bca', receipt, tester));
    await interrupted('cross.pair', () => bridge.takeReceipt('bca', receipt, tester));
    await bridge.takeReceipt('bca', receipt, tester);
    assert.equal((await pairsOf(gunma)).length, 1);

    // A renewal, whose pair and whose revocation of the older one are one transaction.
    const renewed = await issueFor(bca, gunma, true);
    const accepted = await bca.bed.ca.bridge.accept('gunma', renewed.der, act);
    const newer = { text: accepted.receipt, isPaper: false };
    await interrupted('cross.pair', () => bridge.takeReceipt('bca', newer, tester));
    await bridge.takeReceipt('bca', newer, tester);

    const order = { ...act, reason: 'cessationOfOperation' };
    await interrupted('cross.revoke', () => bridge.revoke('bca', order));
    const outer = { ...order, within: () => Promise.reject(new Interrupted('within')) };
    await interrupted('', () => bridge.revoke('bca', outer));
    await bridge.revoke('bca', order);
    assert.deepEqual(await pairsOf(gunma), []);
    await gunmaBed.clock.advance(1000);
    await gunmaBed.ca.publish('arl', tester);
    assert.deepEqual(await faultsOf(gunmaBed), []);
  });
});
