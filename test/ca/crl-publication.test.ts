import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { reading } from '../../src/ca/ca-core.ts';
import { CertificateAuthority } from '../../src/ca/certificate-authority.ts';
import { encodeSerialKey } from '../../src/ca/certificates/serial-number.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  encodeCertificateRecord,
  encodeStatusRecord,
  parseCertificateRecord,
  parseStatusRecord,
} from '../../src/ca/records/certificate-record.ts';
import { encodeCountersRecord, parseCountersRecord } from '../../src/ca/records/counters-record.ts';
import { encodeLedger, readLedger } from '../../src/ca/records/entry-ledger.ts';
import { encodeScopeRecord, parseScopeRecord } from '../../src/ca/records/scope-record.ts';
import type { Signer, SignRequest } from '../../src/signing/signer.ts';
import type { ReadView, Store, Transaction } from '../../src/store/store.ts';
import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { parseAuthorityKeyIdentifier } from '../../src/x509/key-identifier.ts';
import { formatName } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { addRevoked } from '../support/ca-load.ts';
import {
  CaTestBed,
  type CaTestBedOptions,
  gunma,
  smallGunma,
  tester,
} from '../support/ca-test-bed.ts';

const HOUR = 3_600_000;
const tables = new CaTables('gunma');

/** A signer whose lists go through `sign`. */
function whenSigningLists(
  sign: (signRightly: () => Promise<Uint8Array>) => Promise<Uint8Array>,
): (signer: Signer) => Signer {
  return (signer) => ({
    activate: () => signer.activate(),
    deactivate: () => signer.deactivate(),
    isActive: () => signer.isActive(),
    generate: (key) => signer.generate(key),
    describe: (label) => signer.describe(label),
    list: () => signer.list(),
    makeSubjectKey: (key) => signer.makeSubjectKey(key),
    destroy: (label) => signer.destroy(label),
    close: () => signer.close(),
    sign: (request: SignRequest) =>
      request.purpose === 'crl' ? sign(() => signer.sign(request)) : signer.sign(request),
  });
}

/** A store that gives large values, piece by piece, as `change` makes them. */
function whenReadingPieces(
  store: Store,
  change: (of: 'transaction' | 'snapshot', piece: Uint8Array) => Uint8Array | undefined,
): Store {
  async function* changed(
    of: 'transaction' | 'snapshot',
    pieces: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      const other = change(of, piece);
      if (other !== undefined) {
        yield other;
      }
    }
  }
  const wrap = <View extends ReadView>(of: 'transaction' | 'snapshot', view: View): View =>
    new Proxy(view, {
      get: (target, name) => {
        if (name === 'largePieces') {
          return (sha256: Uint8Array) => changed(of, target.largePieces(sha256));
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'transact') {
        return <T>(reason: string, body: (transaction: Transaction) => Promise<T>): Promise<T> =>
          target.transact(reason, (transaction) => body(wrap('transaction', transaction)));
      }
      if (name === 'snapshot') {
        return () => wrap('snapshot', target.snapshot());
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function numberOf(bed: CaTestBed, scopeId: string): Promise<bigint | undefined> {
  const status = await bed.ca.status();
  return status.lists.find(({ scope }) => scope.id === scopeId)?.published?.number;
}

describe('a list', () => {
  it('comes out empty with the CA, without revokedCertificates', async (t) => {
    const bed = await CaTestBed.open(t, { policy: gunma });
    const { lists } = await bed.ca.status();
    assert.equal(lists.length, 37);
    for (const { scope, published } of lists) {
      assert.equal(published?.number, 1n, scope.id);
      const list = parseCertificateList((await bed.ca.readList(scope.id)) ?? assert.fail());
      assert.equal(list.entryCount, 0);
    }
    await assertConsistent(bed);
  });

  it('has AKI, number, critical IDP and CRL Next Publish, in this order', async (t) => {
    const bed = await CaTestBed.open(t);
    const list = parseCertificateList((await bed.ca.readList('arl')) ?? assert.fail());
    assert.deepEqual(
      list.extensions.map(({ oid, critical }) => [oid, critical]),
      [
        [Oid.authorityKeyIdentifier, false],
        [Oid.crlNumber, false],
        [Oid.issuingDistributionPoint, true],
        [Oid.crlNextPublish, false],
      ],
    );
    const [aki] = list.extensions;
    const { keyIdentifier, serialNumber } = parseAuthorityKeyIdentifier(
      aki?.value ?? assert.fail(),
    );
    assert.equal(keyIdentifier?.length, 20);
    assert.equal(serialNumber, undefined);
  });

  it('names the certificate of the key as well where the policy says so', async (t) => {
    const crl = { ...smallGunma.crl, issuerAndSerial: true };
    const bed = await CaTestBed.open(t, { policy: { ...smallGunma, crl } });
    const der = await bed.ca.readList('arl');
    const [aki] = parseCertificateList(der ?? assert.fail()).extensions;
    const { issuer, serialNumber } = parseAuthorityKeyIdentifier(aki?.value ?? assert.fail());
    assert.equal(serialNumber, bed.ca.certificate.serialNumber);
    const [name] = issuer ?? [];
    assert(name?.kind === 'directoryName');
    assert.equal(formatName(name.name), 'OU=Gunma Prefectural CA,O=JPKI,C=JP');
  });

  it('is due 24 h after the last, whether anyone was awake or not', async (t) => {
    const bed = await CaTestBed.open(t);
    const startMs = bed.clock.nowMs();
    assert.equal(bed.ca.nextDueMs(), startMs + 24 * HOUR);
    await bed.clock.advance(HOUR);
    await bed.ca.publish('10202', tester);
    assert.deepEqual(bed.ca.dueScopes(startMs + 24 * HOUR - 1), []);
    assert.deepEqual(bed.ca.dueScopes(startMs + 24 * HOUR), [
      'arl',
      'operations',
      '10201',
      '10203',
    ]);
    assert.deepEqual(bed.ca.dueScopes(startMs + 25 * HOUR).at(-1), '10202');
  });

  it('is due as before after a restart', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.clock.advance(HOUR);
    await bed.ca.publish('10202', tester);
    const due = bed.ca.nextDueMs();
    await bed.reopen();
    assert.equal(bed.ca.nextDueMs(), due);
    assert.deepEqual(bed.ca.dueScopes(due + HOUR).length, 5);
  });

  it('waits for the next second when one came out in this', async (t) => {
    const bed = await CaTestBed.open(t);
    let isOut = false;
    const publishing = bed.ca.publish('10201', tester).then((published) => {
      isOut = true;
      return published;
    });
    while (bed.clock.pendingTimers === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(isOut, false);
    await bed.clock.advance(1000);
    const { thisUpdateMs, number } = await publishing;
    assert.equal(thisUpdateMs, Date.UTC(2026, 0, 5, 0, 0, 1));
    assert.equal(number, 2n);
  });

  it('waits again when a timer was a moment early', async (t) => {
    const bed = await CaTestBed.open(t);
    const publishing = bed.ca.publish('10201', tester);
    while (bed.clock.pendingTimers === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    bed.clock.setWallClock(bed.clock.nowMs() - 1);
    await bed.clock.advance(1000);
    while (bed.clock.pendingTimers === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await bed.clock.advance(1);
    assert.equal((await publishing).thisUpdateMs, Date.UTC(2026, 0, 5, 0, 0, 1));
  });

  it('is refused while the clock stands before the last one', async (t) => {
    const bed = await CaTestBed.open(t);
    bed.clock.setWallClock(Date.UTC(2026, 0, 4, 23, 59, 50));
    await assert.rejects(bed.ca.publish('10201', tester), { code: 'CA_CLOCK_BACK' });
    assert.equal(await numberOf(bed, '10201'), 1n);
    await assertConsistent(bed);
  });

  it('of an unknown scope is refused', async (t) => {
    const bed = await CaTestBed.open(t);
    await assert.rejects(bed.ca.publish('13101', tester), { code: 'CA_SCOPE_UNKNOWN' });
  });

  it('comes out once for each of two calls at the same time, with numbers of their own', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.clock.advance(5000);
    const both = Promise.all([bed.ca.publish('10201', tester), bed.ca.publish('102016', tester)]);
    let isDone = false;
    void both.finally(() => {
      isDone = true;
    });
    // The second waits for the clock, whenever it is that the first is out.
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      await bed.clock.advance(bed.clock.pendingTimers === 0 ? 0 : 100);
    }
    assert.deepEqual(
      (await both).map(({ number }) => number),
      [2n, 3n],
    );
    await assertConsistent(bed);
  });

  it('is recorded with its number, size and hash', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.clock.advance(1000);
    const { sha256, byteLength } = await bed.ca.publish('10201', tester);
    const record = (await bed.records('crl.publish')).at(-1);
    assert.deepEqual([record?.result, record?.subject], ['done', '10201']);
    assert.deepEqual(record?.details, {
      number: '2',
      entries: 0,
      bytes: byteLength,
      regular: false,
    });
    assert.equal(record?.after, Buffer.from(sha256).toString('hex'));
    const first = await bed.ca.readList('10201', 1n);
    assert.equal(
      record?.before,
      createHash('sha256')
        .update(first ?? '')
        .digest('hex'),
    );
  });

  it('stays in the archive by number', async (t) => {
    const bed = await CaTestBed.open(t);
    const first = await bed.ca.readList('10201', 1n);
    await bed.clock.advance(1000);
    await bed.ca.publish('10201', tester);
    assert.deepEqual(await bed.ca.readList('10201', 1n), first);
    assert.notDeepEqual(await bed.ca.readList('10201'), first);
    assert.equal(await bed.ca.readList('10201', 3n), undefined);
  });
});

describe('an entry', () => {
  it('stays until one list by the cadence after the end of its certificate (I3)', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber, certificate } = await bed.issue();
    await bed.revoke(serialNumber);
    const carries = async (): Promise<boolean> => {
      const { droppedCount } = await bed.ca.publish('10201', tester);
      const list = parseCertificateList((await bed.ca.readList('10201')) ?? assert.fail());
      assert.equal(droppedCount === 1, list.entryCount === 0);
      return list.entryCount === 1;
    };
    bed.clock.setWallClock(certificate.notAfterMs);
    assert.equal(await carries(), true, 'by the cadence, in the last second');
    bed.clock.setWallClock(certificate.notAfterMs + 2 * HOUR);
    assert.equal(await carries(), true, 'in between, after the end: does not count');
    bed.clock.setWallClock(certificate.notAfterMs + 4 * HOUR);
    assert.equal(await carries(), true, 'in between again');
    bed.clock.setWallClock(certificate.notAfterMs + 28 * HOUR);
    assert.equal(await carries(), true, 'by the cadence, after the end: this one counts');
    bed.clock.setWallClock(certificate.notAfterMs + 29 * HOUR);
    assert.equal(await carries(), false, 'the next one, whatever it is');
    bed.clock.setWallClock(certificate.notAfterMs + 30 * HOUR);
    assert.equal(
      (await bed.ca.publish('10201', tester)).droppedCount,
      0,
      'gone once, gone for good',
    );
    await assertConsistent(bed);
    assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
  });

  it('is not lost when its certificate ends before any list came out', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber, certificate } = await bed.issue();
    bed.clock.setWallClock(certificate.notAfterMs);
    await bed.revoke(serialNumber);
    bed.clock.setWallClock(certificate.notAfterMs + 1000);
    assert.equal((await bed.ca.publish('10201', tester)).entryCount, 1);
    bed.clock.setWallClock(certificate.notAfterMs + 25 * HOUR);
    assert.equal((await bed.ca.publish('10201', tester)).entryCount, 0);
    await assertConsistent(bed);
  });
});

describe('a revocation that comes while a list is made', () => {
  it('makes the list again (I14)', async (t) => {
    let duringSign: (() => Promise<void>) | undefined;
    const wrapSigner = whenSigningLists(async (signRightly) => {
      const now = duringSign;
      duringSign = undefined;
      await now?.();
      return await signRightly();
    });
    const bed = await CaTestBed.open(t, { wrapSigner });
    const one = await bed.issue();
    await bed.clock.advance(1000);
    duringSign = () => bed.revoke(one.serialNumber);
    const { entryCount, number } = await bed.ca.publish('10201', tester);
    assert.deepEqual([entryCount, number], [1, 2n]);
    await assertConsistent(bed);
  });

  it('again and again holds the writer in the end', async (t) => {
    let onSign: (() => Promise<void>) | undefined;
    const wrapSigner = whenSigningLists(async (signRightly) => {
      await onSign?.();
      return await signRightly();
    });
    const bed = await CaTestBed.open(t, { wrapSigner });
    const issued = [await bed.issue(), await bed.issue(), await bed.issue(), await bed.issue()];
    await bed.clock.advance(1000);
    let signed = 0;
    const waiting: Promise<void>[] = [];
    onSign = async () => {
      const serialNumber = issued[signed]?.serialNumber ?? assert.fail('signed too often');
      signed += 1;
      const revoking = bed.revoke(serialNumber);
      waiting.push(revoking);
      // The fourth time the writer is held: the revocation waits for the list.
      await (signed < 4 ? revoking : undefined);
    };
    const { entryCount, number } = await bed.ca.publish('10201', tester);
    await Promise.all(waiting);
    assert.deepEqual([signed, entryCount, number], [4, 3, 2n]);
    onSign = undefined;
    await bed.clock.advance(1000);
    assert.equal((await bed.ca.publish('10201', tester)).entryCount, 4);
    await assertConsistent(bed);
  });
});

describe('a release while the list is made', () => {
  const holding = {
    ...smallGunma,
    revocation: { ...smallGunma.revocation, hold: 'until-expiry' as const },
  };

  it('has it made again, without the hold (I3, I4)', async (t) => {
    let onSign: (() => Promise<void>) | undefined;
    const wrapSigner = whenSigningLists(async (signRightly) => {
      const act = onSign;
      onSign = undefined;
      await act?.();
      return await signRightly();
    });
    const bed = await CaTestBed.open(t, { wrapSigner, policy: holding });
    const [held, revoked] = [await bed.issue(), await bed.issue()];
    for (const isListed of [true, false]) {
      await bed.ca.hold({ serialNumber: held.serialNumber, origin: tester });
      if (isListed) {
        await bed.revoke(revoked.serialNumber);
        await bed.clock.advance(1000);
        assert.equal((await bed.ca.publish('10201', tester)).entryCount, 2);
      }
      await bed.clock.advance(1000);
      onSign = async () => {
        await bed.ca.release({ serialNumber: held.serialNumber, origin: tester });
      };
      assert.equal((await bed.ca.publish('10201', tester)).entryCount, 1);
      await assertConsistent(bed);
    }
    assert.equal(bed.ca.gateFindings.size, 0);
  });
});

describe('the gate stops a list, and nothing is published, when', () => {
  /** Publishes 10201 and expects the gate to refuse. */
  async function expectStopped(bed: CaTestBed, code: string): Promise<void> {
    await bed.clock.advance(1000);
    const scope = bed.ca.scopes.find('10201');
    const before = {
      digest: await bed.digestOfRecords(),
      values: await bed.published(scope.dn, scope.attribute),
    };
    await assert.rejects(bed.ca.publish('10201', tester), { name: 'CaError', code });
    assert.equal(await bed.digestOfRecords(), before.digest);
    assert.deepEqual(await bed.published(scope.dn, scope.attribute), before.values);
    const record = (await bed.records('crl.publish')).at(-1);
    assert.deepEqual([record?.result, record?.details?.['code']], ['refused', code]);
  }

  it('the signature is wrong (I6)', async (t) => {
    let isWrong = false;
    const wrapSigner = whenSigningLists(async (signRightly) => {
      const signature = Uint8Array.from(await signRightly());
      if (isWrong) {
        signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
      }
      return signature;
    });
    const bed = await CaTestBed.open(t, { wrapSigner });
    isWrong = true;
    await expectStopped(bed, 'CA_GATE_I6');
    isWrong = false;
    await bed.ca.publish('10201', tester);
    await assertConsistent(bed);
  });

  /** A CA whose 10201 lists three entries, by a list of the cadence. */
  async function withThreeListed(
    t: TestContext,
    options: CaTestBedOptions = {},
  ): Promise<{
    readonly bed: CaTestBed;
    readonly serialNumbers: readonly bigint[];
    readonly notAfterMs: number;
  }> {
    const bed = await CaTestBed.open(t, options);
    const issued = [await bed.issue(), await bed.issue(), await bed.issue()];
    const serialNumbers = issued.map(({ serialNumber }) => serialNumber);
    for (const serialNumber of serialNumbers) {
      await bed.revoke(serialNumber);
    }
    await bed.clock.advance(25 * HOUR);
    assert.equal((await bed.ca.publish('10201', tester)).entryCount, 3);
    const notAfterMs = issued[0]?.certificate.notAfterMs ?? assert.fail();
    return { bed, serialNumbers, notAfterMs };
  }

  it('the entry of a revocation is to be left out like that of a hold (I3)', async (t) => {
    const { bed, serialNumbers } = await withThreeListed(t);
    const counters = parseCountersRecord(await stored(bed, tables.counters));
    const scope = parseScopeRecord(await stored(bed, tables.scope('10201')));
    await tamper(bed, (transaction) => {
      const serial = encodeSerialKey(serialNumbers[1] ?? assert.fail());
      transaction.put(tables.withdrawal('10201', 2n), serial);
      transaction.put(tables.scope('10201'), encodeScopeRecord({ ...scope, liveEntries: 2 }));
      transaction.put(tables.counters, encodeCountersRecord({ ...counters, liveEntries: 2 }));
    });
    await expectStopped(bed, 'CA_GATE_I3');
  });

  it('a revocation that no list carries is to be left out (I4)', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    const counters = parseCountersRecord(await stored(bed, tables.counters));
    const scope = parseScopeRecord(await stored(bed, tables.scope('10201')));
    await tamper(bed, (transaction) => {
      transaction.put(tables.withdrawal('10201', 1n), encodeSerialKey(serialNumber));
      transaction.put(tables.scope('10201'), encodeScopeRecord({ ...scope, liveEntries: 0 }));
      transaction.put(tables.counters, encodeCountersRecord({ ...counters, liveEntries: 0 }));
    });
    await expectStopped(bed, 'CA_GATE_I4');
  });

  it('the ledger ends a certificate before its time (I3)', async (t) => {
    const { bed } = await withThreeListed(t);
    const ledger = await reading(bed.store, (view) => readLedger(view, tables, '10201'));
    const row = Uint8Array.from(await stored(bed, tables.ledgerChunk('10201', 1n)));
    row.fill(0, 4, 10);
    await tamper(bed, (transaction) => {
      const chunks = ledger.chunks.map((chunk) => ({ ...chunk, minNotAfterMs: 0 }));
      transaction.put(tables.ledger('10201'), encodeLedger({ ...ledger, chunks }));
      transaction.put(tables.ledgerChunk('10201', 1n), row);
    });
    await expectStopped(bed, 'CA_GATE_I3');
  });

  it('the ledger gives an entry that has served the number of another (I3)', async (t) => {
    const { bed, notAfterMs } = await withThreeListed(t);
    bed.clock.setWallClock(notAfterMs + 25 * HOUR);
    await bed.ca.publish('10201', tester);
    const row = Uint8Array.from(await stored(bed, tables.ledgerChunk('10201', 1n)));
    row[3] = 1;
    await tamper(bed, (transaction) => {
      transaction.put(tables.ledgerChunk('10201', 1n), row);
    });
    await expectStopped(bed, 'CA_GATE_I3');
  });

  it('the last list comes with other entries than were published (I3)', async (t) => {
    let isBroken = false;
    const flip = (piece: Uint8Array): Uint8Array => {
      const at = Buffer.from(piece).indexOf(lastSerial);
      return at < 0 ? piece : piece.with(at, 0x7f ^ (piece[at] ?? 0));
    };
    let lastSerial = Buffer.alloc(1);
    const wrapStore = (store: Store): Store =>
      whenReadingPieces(store, (of, piece) =>
        isBroken && of === 'snapshot' ? flip(piece) : piece,
      );
    const { bed, serialNumbers } = await withThreeListed(t, { wrapStore });
    lastSerial = Buffer.from(encodeSerialKey(serialNumbers[2] ?? assert.fail()));
    isBroken = true;
    await expectStopped(bed, 'CA_GATE_I3');
    isBroken = false;
    await bed.ca.publish('10201', tester);
    await assertConsistent(bed);
  });

  it('the ledger is not of the last list, or has another size', async (t) => {
    const { bed } = await withThreeListed(t);
    const ledger = await reading(bed.store, (view) => readLedger(view, tables, '10201'));
    const [chunk] = ledger.chunks;
    assert.ok(chunk !== undefined);
    const spoilt = [
      { ...ledger, listNumber: 1n },
      { ...ledger, chunks: [] },
      { ...ledger, chunks: [{ ...chunk, byteLength: chunk.byteLength + 1 }] },
    ];
    for (const wrong of spoilt) {
      await tamper(bed, (transaction) =>
        transaction.put(tables.ledger('10201'), encodeLedger(wrong)),
      );
      await expectStopped(bed, 'CA_RECORD_DAMAGED');
    }
    await tamper(bed, (transaction) => {
      const wrong = { ...ledger, chunks: [{ ...chunk, count: 2 }] };
      transaction.put(tables.ledger('10201'), encodeLedger(wrong));
    });
    await expectStopped(bed, 'CA_GATE_I6');
  });

  it('a stored entry was lost before it was ever listed (I4)', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    await tamper(bed, (transaction) => transaction.delete(tables.waitingEntry('10201', 1n)));
    await expectStopped(bed, 'CA_GATE_I4');
  });

  it('a stored entry was lost before it was ever listed, all counts right (I4)', async (t) => {
    for (const lost of [1n, 2n]) {
      const bed = await CaTestBed.open(t);
      for (const { serialNumber } of [await bed.issue(), await bed.issue()]) {
        await bed.revoke(serialNumber);
      }
      const scope = parseScopeRecord(await stored(bed, tables.scope('10201')));
      const counters = parseCountersRecord(await stored(bed, tables.counters));
      await tamper(bed, (transaction) => {
        transaction.delete(tables.waitingEntry('10201', lost));
        transaction.put(tables.scope('10201'), encodeScopeRecord({ ...scope, liveEntries: 1 }));
        transaction.put(tables.counters, encodeCountersRecord({ ...counters, liveEntries: 1 }));
      });
      await expectStopped(bed, 'CA_GATE_I4');
    }
  });

  it('a certificate is on record as of another partition than it says (I4)', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    const record = parseCertificateRecord(await stored(bed, tables.certificate(serialNumber)));
    await tamper(bed, (transaction) =>
      transaction.put(
        tables.certificate(serialNumber),
        encodeCertificateRecord({ ...record, scopeId: '10202' }),
      ),
    );
    await expectStopped(bed, 'CA_GATE_I4');
  });

  it('a stored entry says another day or reason than the revocation (I6)', async (t) => {
    for (const change of [{ reason: 3 }, { sinceMs: 1_000_000 }]) {
      const bed = await CaTestBed.open(t);
      const { serialNumber } = await bed.issue();
      await bed.revoke(serialNumber);
      const status = parseStatusRecord(await stored(bed, tables.status(serialNumber)));
      await tamper(bed, (transaction) =>
        transaction.put(tables.status(serialNumber), encodeStatusRecord({ ...status, ...change })),
      );
      await expectStopped(bed, 'CA_GATE_I6');
    }
  });

  it('a revocation is said to wait and none is there (I15)', async (t) => {
    const bed = await CaTestBed.open(t);
    const scope = parseScopeRecord(await stored(bed, tables.scope('10201')));
    const oldestPendingMs = bed.clock.nowMs();
    await tamper(bed, (transaction) =>
      transaction.put(tables.scope('10201'), encodeScopeRecord({ ...scope, oldestPendingMs })),
    );
    await expectStopped(bed, 'CA_GATE_I15');
  });

  it('an entry of another partition has come in, all counts right (I4)', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue('10202');
    await bed.revoke(serialNumber);
    const entry = await stored(bed, tables.waitingEntry('10202', 1n));
    const scope = parseScopeRecord(await stored(bed, tables.scope('10201')));
    const counters = parseCountersRecord(await stored(bed, tables.counters));
    await tamper(bed, (transaction) => {
      transaction.put(tables.waitingEntry('10201', 1n), entry);
      const moved = { ...scope, acknowledgedSequence: 1n, liveEntries: 1 };
      transaction.put(tables.scope('10201'), encodeScopeRecord(moved));
      const counted = { ...counters, liveEntries: counters.liveEntries + 1 };
      transaction.put(tables.counters, encodeCountersRecord(counted));
    });
    await expectStopped(bed, 'CA_GATE_I4');
  });

  it('the counts of the partitions are not the whole (I4)', async (t) => {
    const bed = await CaTestBed.open(t);
    const counters = parseCountersRecord(await stored(bed, tables.counters));
    await tamper(bed, (transaction) =>
      transaction.put(tables.counters, encodeCountersRecord({ ...counters, liveEntries: 1 })),
    );
    await expectStopped(bed, 'CA_GATE_I4');
  });

  it('certificates name another distribution point than the list (I5)', async (t) => {
    const bed = await CaTestBed.open(t);
    const scope = parseScopeRecord(await stored(bed, tables.scope('10201')));
    const distributionPointDer = bed.ca.scopes.find('10202').distributionPoint.der;
    await tamper(bed, (transaction) =>
      transaction.put(tables.scope('10201'), encodeScopeRecord({ ...scope, distributionPointDer })),
    );
    await expectStopped(bed, 'CA_GATE_I5');
  });

  it('the last list is not in the archive (I10)', async (t) => {
    const bed = await CaTestBed.open(t);
    await tamper(bed, (transaction) => transaction.delete(tables.archive('10201', 1n)));
    await expectStopped(bed, 'CA_GATE_I10');
  });

  it('the archive has another list under the number of the last one (I10)', async (t) => {
    const bed = await CaTestBed.open(t);
    const other = await stored(bed, tables.archive('10202', 1n));
    await tamper(bed, (transaction) => transaction.put(tables.archive('10201', 1n), other));
    await expectStopped(bed, 'CA_GATE_I10');
  });

  it('the archive does not give the new list back as it is (I10)', async (t) => {
    for (const change of [() => undefined, (der: Uint8Array) => der.with(0, 0)]) {
      let isBroken = false;
      const bed = await CaTestBed.open(t, {
        wrapStore: (store) =>
          whenReadingPieces(store, (of, piece) =>
            isBroken && of === 'transaction' ? change(piece) : piece,
          ),
      });
      isBroken = true;
      await expectStopped(bed, 'CA_GATE_I10');
    }
  });

  async function stored(bed: CaTestBed, key: Uint8Array): Promise<Uint8Array> {
    const snapshot = bed.store.snapshot();
    const value = await snapshot.read(key);
    await snapshot.close();
    return value ?? assert.fail('there is no such record');
  }

  async function tamper(
    bed: CaTestBed,
    change: (transaction: Parameters<Parameters<typeof bed.store.transact>[1]>[0]) => void,
  ): Promise<void> {
    await bed.store.transact('test: damage', (transaction) => {
      change(transaction);
      return Promise.resolve();
    });
  }
});

describe('a revocation that waited for too long', () => {
  it('is in the list, and the record says how long it took (I15)', async (t) => {
    const bed = await CaTestBed.open(t);
    const alarms = async (): Promise<readonly unknown[]> =>
      (await bed.records('crl.publish'))
        .filter(({ subject }) => subject === '10201')
        .map(({ details }) => details?.['alarm']);
    const [first, second] = [await bed.issue(), await bed.issue()];
    await bed.clock.advance(1000);
    await bed.revoke(first.serialNumber);
    bed.clock.setWallClock(bed.clock.nowMs() + 26 * HOUR);
    assert.equal((await bed.ca.publish('10201', tester)).entryCount, 1);
    const revokedMs = bed.clock.nowMs();
    await bed.revoke(second.serialNumber);
    bed.clock.setWallClock(revokedMs + 26 * HOUR + 1);
    assert.equal((await bed.ca.publish('10201', tester)).entryCount, 2);
    const since = new Date(revokedMs).toISOString();
    assert.deepEqual(await alarms(), [
      undefined,
      undefined,
      `CA_GATE_I15 10201: a revocation has waited for its list since ${since}`,
    ]);
    bed.clock.setWallClock(revokedMs + 72 * HOUR);
    await bed.ca.publish('10201', tester);
    assert.equal((await alarms()).at(-1), undefined, 'once is enough');
    await assertConsistent(bed);
  });
});

describe('one writer (I13)', () => {
  it('is the process that opened the CA last; the one before can do nothing more', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    const second = await CertificateAuthority.open(bed.options);
    await bed.clock.advance(1000);
    await assert.rejects(bed.issue(), { code: 'CA_NOT_OWNER' });
    await assert.rejects(bed.revoke(serialNumber), { code: 'CA_NOT_OWNER' });
    await assert.rejects(bed.ca.publish('10201', tester), { code: 'CA_NOT_OWNER' });
    await second.revoke({ serialNumber, reason: 'superseded', origin: tester });
    await second.publish('10201', tester);
    await bed.reopen();
    await assertConsistent(bed);
  });
});

describe('what is kept of a scope', () => {
  it('is one record that says all', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    const snapshot = bed.store.snapshot();
    const bytes = (await snapshot.read(tables.scope('10201'))) ?? assert.fail();
    await snapshot.close();
    const { acknowledgedSequence, liveEntries, lastNumber, oldestPendingMs, published, regular } =
      parseScopeRecord(bytes);
    assert.deepEqual(
      { acknowledgedSequence, liveEntries, lastNumber, oldestPendingMs },
      {
        acknowledgedSequence: 1n,
        liveEntries: 1,
        lastNumber: 1n,
        oldestPendingMs: bed.clock.nowMs(),
      },
    );
    assert.equal(published?.sequence, 0n);
    assert.equal(regular?.thisUpdateMs, published?.thisUpdateMs);
  });
});

describe('a list of many entries', () => {
  it('reads back whole, and the next one carries it on', async (t) => {
    const bed = await CaTestBed.open(t);
    const model = await bed.issue();
    await addRevoked(bed, model, 8_000);
    await bed.clock.advance(1000);
    const { entryCount, byteLength } = await bed.ca.publish('10201', tester);
    assert.equal(entryCount, 8_000);
    assert.ok(byteLength > 256 * 1024);
    await bed.revoke(model.serialNumber);
    await bed.clock.advance(1000);
    assert.equal((await bed.ca.publish('10201', tester)).entryCount, 8_001);
    const list = parseCertificateList((await bed.ca.readList('10201')) ?? assert.fail());
    const serialNumbers = new Set([...list.entries()].map((entry) => entry.serialNumber));
    assert.equal(serialNumbers.size, 8_001);
    assert.ok(serialNumbers.has(model.serialNumber));
  });
});
