/**
 * What a check of the CA finds: each record changed in turn, with a checksum that fits.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOfSubject } from '../../src/ca/certificates/certificate-register.ts';
import { encodeSerialKey } from '../../src/ca/certificates/serial-number.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  encodeCertificateRecord,
  encodeStatusRecord,
  parseCertificateRecord,
  parseStatusRecord,
} from '../../src/ca/records/certificate-record.ts';
import { encodeCountersRecord, parseCountersRecord } from '../../src/ca/records/counters-record.ts';
import { encodeLedger, type LedgerChunk, readLedger } from '../../src/ca/records/entry-ledger.ts';
import {
  encodePublishedList,
  encodeScopeRecord,
  type PublishedList,
  parsePublishedList,
  parseScopeRecord,
  type ScopeRecord,
} from '../../src/ca/records/scope-record.ts';
import { encodeWaitingEntries, parseWaitingEntries } from '../../src/ca/records/waiting-entries.ts';
import type { Transaction } from '../../src/store/store.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import { assertConsistent, faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';

const HOUR_MS = 3_600_000;
const tables = new CaTables(smallGunma.id);

/** A CA with a good certificate, a listed and a waiting revocation, all in 10201. */
interface Sample {
  readonly bed: CaTestBed;
  readonly good: bigint;
  readonly listed: bigint;
  readonly waiting: bigint;
}

async function open(t: { after(fn: () => unknown): void }): Promise<Sample> {
  const bed = await CaTestBed.open(t);
  const [good, listed, waiting] = [await bed.issue(), await bed.issue(), await bed.issue()].map(
    ({ serialNumber }) => serialNumber,
  );
  assert.ok(good !== undefined && listed !== undefined && waiting !== undefined);
  await bed.revoke(listed);
  await bed.clock.advance(HOUR_MS);
  await bed.ca.publish('10201', tester);
  await bed.revoke(waiting, 'superseded');
  return { bed, good, listed, waiting };
}

async function edit(
  transaction: Transaction,
  key: Uint8Array,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  transaction.put(key, change((await transaction.read(key)) ?? assert.fail('no such record')));
}

const editScope =
  (change: (record: ScopeRecord) => Partial<ScopeRecord>) =>
  (transaction: Transaction): Promise<void> =>
    edit(transaction, tables.scope('10201'), (bytes) => {
      const record = parseScopeRecord(bytes);
      return encodeScopeRecord({ ...record, ...change(record) });
    });

const editArchived =
  (number: bigint, change: (list: PublishedList) => Partial<PublishedList>) =>
  (transaction: Transaction): Promise<void> =>
    edit(transaction, tables.archive('10201', number), (bytes) => {
      const list = parsePublishedList(bytes);
      return encodePublishedList({ ...list, ...change(list) });
    });

const editChunk = (
  transaction: Transaction,
  change: (row: Uint8Array) => Uint8Array,
): Promise<void> => edit(transaction, tables.ledgerChunk('10201', 1n), change);

async function editLedger(transaction: Transaction, change: Partial<LedgerChunk>): Promise<void> {
  const { listNumber, chunks } = await readLedger(transaction, tables, '10201');
  const changed = chunks.map((chunk) => ({ ...chunk, ...change }));
  transaction.put(tables.ledger('10201'), encodeLedger({ listNumber, chunks: changed }));
}

interface Row {
  readonly why: string;
  readonly spoil: (transaction: Transaction, sample: Sample) => Promise<void> | void;
  /** In the messages of what is found, in this order; others may stand between. */
  readonly finds: readonly RegExp[];
}

const rows: readonly Row[] = [
  {
    why: 'the authority record is gone',
    spoil: (transaction) => transaction.delete(tables.authority),
    finds: [/^CA_MISSING authority/],
  },
  {
    why: 'a certificate is gone',
    spoil: (transaction, { good }) => transaction.delete(tables.certificate(good)),
    finds: [/subjects are kept of 3 certificates/, /public keys are kept/, /^\S+ counters 4 cert/],
  },
  {
    why: 'a certificate stands under another number',
    spoil: async (transaction, { good, listed }) => {
      const bytes = (await transaction.read(tables.certificate(listed))) ?? assert.fail();
      transaction.put(tables.certificate(good), bytes);
    },
    finds: [/another serial number/],
  },
  {
    why: 'a certificate has another signature',
    spoil: (transaction, { good }) =>
      edit(transaction, tables.certificate(good), (bytes) => {
        const record = parseCertificateRecord(bytes);
        const der = Uint8Array.from(record.der);
        const at = der.length - 8;
        der[at] = (der[at] ?? 0) ^ 1;
        return encodeCertificateRecord({ ...record, der });
      }),
    finds: [/signature does not verify/],
  },
  {
    why: 'a certificate is of a key that never was',
    spoil: (transaction, { good }) =>
      edit(transaction, tables.certificate(good), (bytes) =>
        encodeCertificateRecord({ ...parseCertificateRecord(bytes), generation: 2 }),
      ),
    finds: [/key 2, which the CA never had/],
  },
  {
    why: 'a certificate ends at another time than it says',
    spoil: (transaction, { good }) =>
      edit(transaction, tables.certificate(good), (bytes) =>
        encodeCertificateRecord({ ...parseCertificateRecord(bytes), notAfterMs: 0 }),
      ),
    finds: [/another end of validity/],
  },
  {
    why: 'a certificate belongs to a list that there is not',
    spoil: (transaction, { good }) =>
      edit(transaction, tables.certificate(good), (bytes) =>
        encodeCertificateRecord({ ...parseCertificateRecord(bytes), scopeId: '99999' }),
      ),
    finds: [/belongs into 99999/],
  },
  {
    why: 'a certificate cannot be read',
    spoil: (transaction, { good }) =>
      transaction.put(tables.certificate(good), Uint8Array.of(1, 2, 3)),
    finds: [/^CA_RECORD_DAMAGED/],
  },
  {
    why: 'an index does not lead to its certificate',
    spoil: async (transaction, { good }) => {
      const bytes = (await transaction.read(tables.certificate(good))) ?? assert.fail();
      const { subject } = parseCertificate(parseCertificateRecord(bytes).der);
      transaction.delete(tables.index('subject', digestOfSubject(subject)));
    },
    finds: [/not found by its subject/, /3 subjects are kept of 4/],
  },
  {
    why: 'a revocation is forgotten',
    spoil: (transaction, { listed }) => transaction.delete(tables.status(listed)),
    finds: [
      /2 revocations were acknowledged, 1 are on record/,
      /in the newest list and is not revoked/,
      /the ledger says something else of entry 1/,
      /counters 2 certificates revoked/,
    ],
  },
  {
    why: 'a revocation has another reason than its list says',
    spoil: (transaction, { listed }) =>
      edit(transaction, tables.status(listed), (bytes) =>
        encodeStatusRecord({ ...parseStatusRecord(bytes), reason: 4 }),
      ),
    finds: [/another reason or date/],
  },
  {
    why: 'a state is of no certificate',
    spoil: async (transaction, { listed }) => {
      const bytes = (await transaction.read(tables.status(listed))) ?? assert.fail();
      transaction.put(tables.status(1n), bytes);
    },
    finds: [/3 states are kept/],
  },
  {
    why: 'a waiting entry is lost',
    spoil: (transaction) => transaction.delete(tables.waitingEntry('10201', 2n)),
    finds: [/1 revocations are not ready/, /2 entries are counted, 1 are ready/],
  },
  {
    why: 'a waiting entry is another one',
    spoil: async (transaction) => {
      const key = tables.waitingEntry('10201', 2n);
      const row = parseWaitingEntries(key, (await transaction.read(key)) ?? assert.fail());
      const other = encodeRevokedEntry({ serialNumber: 5n, revokedMs: 0, reason: 1 });
      const notAfterMs = row.notAfterMsAt(0);
      transaction.put(key, encodeWaitingEntries([{ notAfterMs, der: other }]));
    },
    finds: [/entry 2 for the next list is of no revocation/],
  },
  {
    why: 'the ledger has another end of a certificate',
    spoil: (transaction) =>
      editChunk(transaction, (row) => row.with(row.length - 1, 1 + (row.at(-1) ?? 0))),
    finds: [/the ledger says something else of entry 1/],
  },
  {
    why: 'the ledger has another size',
    spoil: (transaction) => editLedger(transaction, { byteLength: 40 }),
    finds: [/the ledger has another size/],
  },
  {
    why: 'the ledger is of another list',
    spoil: async (transaction) => {
      const ledger = await readLedger(transaction, tables, '10201');
      transaction.put(tables.ledger('10201'), encodeLedger({ ...ledger, listNumber: 1n }));
    },
    finds: [/the ledger of entries is not that of the newest list/],
  },
  {
    why: 'an entry is to be left out without a reason',
    spoil: (transaction, { listed }) =>
      transaction.put(tables.withdrawal('10201', 1n), encodeSerialKey(listed)),
    finds: [/2 entries are counted, 1 are ready/],
  },
  {
    why: 'a revocation was listed and left the list too early',
    spoil: editScope(({ published }) =>
      published === undefined ? {} : { published: { ...published, sequence: 2n } },
    ),
    finds: [/revoked, not in the newest list and not served/],
  },
  {
    why: 'a revocation was given out twice',
    spoil: editScope(({ acknowledgedSequence }) => ({
      acknowledgedSequence: acknowledgedSequence + 1n,
    })),
    finds: [/3 revocations were acknowledged, 2 are/, /1 revocations are not ready/],
  },
  {
    why: 'a number was given out and nothing published',
    spoil: editScope(({ lastNumber }) => ({ lastNumber: lastNumber + 1n })),
    finds: [/number 3 was given out, but the newest list is 2/, /ends before list 3/],
  },
  {
    why: 'the distribution point is another',
    spoil: editScope(() => ({ distributionPointDer: Uint8Array.of(0x30, 0) })),
    finds: [/distribution point is another/],
  },
  {
    why: 'a list has left the archive',
    spoil: (transaction) => transaction.delete(tables.archive('10201', 1n)),
    finds: [/list 1 is not in the archive/],
  },
  {
    why: 'a list is on record and not in the store',
    spoil: editArchived(1n, () => ({ sha256: new Uint8Array(32) })),
    finds: [/^CA_RECORD_DAMAGED 10201 list 1: list 1 is not in the store/],
  },
  {
    why: 'a list of the archive is another one',
    spoil: async (transaction) => {
      const second = (await transaction.read(tables.archive('10201', 2n))) ?? assert.fail();
      const { sha256 } = parsePublishedList(second);
      await editArchived(1n, () => ({ sha256 }))(transaction);
    },
    finds: [/list 1: it has another number/, /other times/],
  },
  {
    why: 'a list of the archive is that of another municipality',
    spoil: async (transaction) => {
      const other = (await transaction.read(tables.archive('10202', 1n))) ?? assert.fail();
      transaction.put(tables.archive('10201', 1n), other);
    },
    finds: [/issuing distribution point is that of another list/],
  },
  {
    why: 'a list has another signature',
    spoil: async (transaction, { bed }) => {
      const der = Uint8Array.from((await bed.ca.readList('10201', 1n)) ?? assert.fail());
      const at = der.length - 8;
      der[at] = (der[at] ?? 0) ^ 1;
      const sha256 = await transaction.putLarge(der);
      await editArchived(1n, () => ({ sha256 }))(transaction);
    },
    finds: [/list 1: the CA's signature does not verify/],
  },
  {
    why: 'the directory still has the list before',
    spoil: async (transaction, { bed }) => {
      const scope = bed.ca.scopes.find('10201');
      const old = (await bed.ca.readList('10201', 1n)) ?? assert.fail();
      await bed.directory.managed.replaceValues(transaction, scope.dn, {
        description: scope.attribute,
        values: [old],
      });
    },
    finds: [/does not hold the newest list/],
  },
  {
    why: 'the counts are wrong',
    spoil: (transaction) =>
      edit(transaction, tables.counters, (bytes) => {
        const { issued, revoked, liveEntries } = parseCountersRecord(bytes);
        const wrong = { issued: issued + 1, revoked: revoked + 1, liveEntries: liveEntries + 1 };
        return encodeCountersRecord(wrong);
      }),
    finds: [/5 certificates issued/, /3 certificates revoked/, /3 entries that lists must carry/],
  },
  {
    why: "a scope's record is gone",
    spoil: (transaction) => transaction.delete(tables.scope('10202')),
    finds: [/^CA_RECORD_DAMAGED 10202/],
  },
];

describe('a check of the CA', () => {
  it('finds nothing in a sound one, with entries that have served', async (t) => {
    const { bed, good } = await open(t);
    await assertConsistent(bed);
    const certificate = await bed.ca.findCertificate(good);
    await bed.revoke(good);
    await bed.clock.advance(24 * HOUR_MS);
    await bed.ca.publish('10201', tester);
    bed.clock.setWallClock((certificate?.notAfterMs ?? 0) + 10_000);
    for (let list = 0; list < 3; list += 1) {
      await bed.clock.advance(24 * HOUR_MS);
      await bed.ca.publish('10201', tester);
    }
    const { lists } = await bed.ca.status();
    const entries = lists.find(({ scope }) => scope.id === '10201')?.published?.entryCount;
    assert.equal(entries, 0, 'all have served');
    assert.deepEqual(await faultsOf(bed), []);
  });

  it('finds nothing in lists and delta lists with an entry that has no reason (RFC 5280 5.3.1)', async (t) => {
    const { revocation } = withDeltas;
    const reasons = [...revocation.reasons, 'unspecified'] as typeof revocation.reasons;
    const policy = { ...withDeltas, revocation: { ...revocation, reasons } };
    const bed = await CaTestBed.open(t, { policy });
    const revokeAnother = async (): Promise<void> => {
      const { serialNumber } = await bed.issue();
      await bed.revoke(serialNumber, 'unspecified');
      await bed.clock.advance(4 * HOUR_MS);
    };
    await revokeAnother();
    await bed.ca.publish('10201', tester);
    await revokeAnother();
    await bed.ca.deltas.publish('10201', tester);
    assert.deepEqual(await faultsOf(bed), []);
  });

  for (const { why, spoil, finds } of rows) {
    it(`finds that ${why}`, async (t) => {
      const sample = await open(t);
      await sample.bed.store.transact('spoil', async (transaction) => {
        await spoil(transaction, sample);
      });
      const found = await faultsOf(sample.bed);
      const lines = found.map(({ code, subject, message }) => `${code} ${subject} ${message}`);
      let from = 0;
      for (const wanted of finds) {
        const at = lines.findIndex((line, index) => index >= from && wanted.test(line));
        assert.ok(at >= 0, `${wanted} in\n${lines.join('\n')}`);
        from = at + 1;
      }
    });
  }
});
