/**
 * What `certdir check` finds wrong with what was exchanged with other CAs: each fault, put into the store behind the
 * engine's back.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  type CrossRecord,
  encodeCrossRecord,
  type IssuedCross,
} from '../../src/ca/records/cross-record.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import {
  crossCertify,
  handOver,
  issueFor,
  type Side,
  smallBca,
} from '../support/cross-exchange.ts';

describe('what was exchanged with a bridge', () => {
  let gunma: Side;
  let record: CrossRecord;
  const tables = new CaTables('gunma');
  const ends: (() => unknown)[] = [];
  const life = { after: (end: () => unknown) => void ends.push(end) };

  before(async () => {
    gunma = { id: 'gunma', bed: await CaTestBed.open(life, { policy: smallGunma }) };
    const bca = { id: 'bca', bed: await CaTestBed.open(life, { policy: smallBca }) };
    await crossCertify(gunma, bca);
    await handOver(await issueFor(bca, gunma, true), bca, gunma);
    await gunma.bed.clock.advance(1000);
    await gunma.bed.ca.publish('arl', tester);
    ({ record } = await gunma.bed.ca.bridge.standing('bca'));
  });
  after(async () => {
    for (const end of ends.toReversed()) {
      await end();
    }
  });

  async function found(bytes: Uint8Array): Promise<readonly string[]> {
    const write = (value: Uint8Array): Promise<void> =>
      gunma.bed.store.transact('test: cross', async (transaction) => {
        transaction.put(tables.cross('bca'), value);
      });
    await write(bytes);
    const faults = await faultsOf(gunma.bed);
    await write(encodeCrossRecord(record));
    return faults.map(({ code, subject }) => `${code} ${subject}`);
  }

  const withIssued = (index: number, changed: Partial<IssuedCross>): Uint8Array =>
    encodeCrossRecord({
      ...record,
      issued: record.issued.map((one, at) => (at === index ? { ...one, ...changed } : one)),
    });

  it('fits', async () => {
    assert.deepEqual(await faultsOf(gunma.bed), []);
  });

  it('has a certificate that the register does not know', async () => {
    const bytes = withIssued(0, { serialNumber: '0A'.repeat(20) });
    assert.deepEqual(await found(bytes), ['CA_INCONSISTENT bca']);
  });

  it('has a certificate that is revoked, and does not say so', async () => {
    assert.deepEqual(await found(withIssued(0, { revokedMs: undefined })), ['CA_INCONSISTENT bca']);
  });

  it('has a pair that is not in the entry', async () => {
    const { pair: _none, ...rest } = record;
    assert.deepEqual(await found(encodeCrossRecord(rest)), ['CA_INCONSISTENT cross']);
  });

  it('has a pair with a certificate that was replaced, which the entry has not', async () => {
    const { pair } = record;
    assert(pair !== undefined);
    const bytes = encodeCrossRecord({ ...record, pair: { ...pair, issued: 0 } });
    assert.deepEqual(await found(bytes), ['CA_INCONSISTENT bca', 'CA_INCONSISTENT cross']);
  });

  it('cannot be read', async () => {
    assert.deepEqual(await found(encodeUtf8('{"version":2}')), ['CA_RECORD_DAMAGED cross']);
  });
});
