import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';

import { DerReader } from '../../src/asn1/der-reader.ts';
import { encodeSequence } from '../../src/asn1/der-writer.ts';
import { type CheckTerms, PublishedListCheck } from '../../src/ca/checks/published-list-check.ts';
import { CrlReason } from '../../src/x509/crl-extensions.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';
import { secomLike } from '../support/scope-policies.ts';

const HOUR = 3_600_000;

interface Bench {
  readonly bed: CaTestBed;
  readonly terms: CheckTerms;
  read(id: string, number?: bigint): Promise<Uint8Array>;
}

async function termsOf(bed: CaTestBed): Promise<CheckTerms> {
  const { lists } = await bed.ca.status();
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    issuers: bed.ca.authorities.all.map(({ certificate }) => certificate),
    expected: lists.map(({ scope, published, delta }) => ({
      ...{ id: scope.id, dn: scope.dn, onlyContains: scope.onlyContains, isFull: scope.isFull },
      issuerKey:
        scope.generation === undefined
          ? undefined
          : hex(bed.ca.authorities.of(scope.generation).certificate.spki),
      newest: published && { number: published.number, sha256: hex(published.sha256) },
      delta: delta && { number: delta.number, sha256: hex(delta.sha256) },
    })),
    allowedReasons: new Set(bed.policy.revocation.reasons.map((name) => CrlReason[name])),
    leastRemainingMs: 24 * HOUR,
    leastDeltaRemainingMs: 4 * HOUR,
    archived: async (id, number) => {
      const list = await bed.ca.readList(id, number);
      return list && createHash('sha256').update(list).digest('hex');
    },
    hasEnded: async () => false,
  };
}

/** A revocation in 10201, in its second list; all others are at their first. */
async function open(t: TestContext, policy = smallGunma): Promise<Bench> {
  const bed = await CaTestBed.open(t, { policy });
  const { serialNumber, scope } = await bed.issue();
  await bed.revoke(serialNumber, 'superseded');
  await bed.clock.advance(6_000);
  await bed.ca.publish(scope.id, tester);
  const read = async (id: string, number?: bigint): Promise<Uint8Array> =>
    (await bed.ca.readList(id, number)) ?? assert.fail(id);
  return { bed, terms: await termsOf(bed), read };
}

async function check(
  bench: Bench,
  lists: readonly { readonly der: Uint8Array; readonly entryDn?: string }[],
  { terms = bench.terms, nowMs = bench.bed.clock.nowMs() } = {},
): Promise<readonly string[]> {
  const checking = new PublishedListCheck(terms, nowMs);
  for (const list of lists) {
    await checking.add({ source: 'here', ...list });
  }
  await checking.finish();
  return checking.findings.map(({ invariant }) => invariant);
}

describe('lists that are out, held against the invariants', () => {
  it('are all right as they were published', async (t) => {
    const bench = await open(t);
    const lists = await Promise.all(
      bench.bed.ca.scopes.list.map(async ({ id, dn }) => ({
        der: await bench.read(id),
        entryDn: dn,
      })),
    );
    assert.deepEqual(await check(bench, lists), []);
  });

  it('are told when they have little time left, are over, or of the future (I7, I2)', async (t) => {
    const bench = await open(t);
    const der = await bench.read('10201');
    const nowMs = bench.bed.clock.nowMs();
    const at = (hours: number) => check(bench, [{ der }], { nowMs: nowMs + hours * HOUR });
    assert.deepEqual(await at(48), []);
    assert.deepEqual(await at(48.01), ['I7']);
    assert.deepEqual(await at(73), ['I7']);
    assert.deepEqual(await at(-1), ['I2']);
  });

  it('are told when a byte has changed, or another CA signed (I6)', async (t) => {
    const bench = await open(t);
    const der = Uint8Array.from(await bench.read('10201'));
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    assert.deepEqual(await check(bench, [{ der }]), ['I6', 'I8']);
    assert.deepEqual(await check(bench, [{ der: der.subarray(0, 40) }]), ['I6']);
    const other = await CaTestBed.open(t, {
      policy: { ...smallGunma, names: { ...smallGunma.names, issuer: smallGunma.names.issuer } },
      startMs: bench.bed.clock.nowMs() - HOUR,
    });
    const terms = { ...bench.terms, issuers: [other.ca.certificate] };
    const found = await check(bench, [{ der: await bench.read('10201') }], { terms });
    // The beds share their seed, and so the CA's name; the key is drawn anew.
    assert.deepEqual(found, ['I6']);
  });

  it('are told when they stand in another entry, or name a point of nobody (I5)', async (t) => {
    const bench = await open(t);
    const der = await bench.read('10201');
    const entryDn = bench.bed.ca.scopes.find('10202').dn;
    assert.deepEqual(await check(bench, [{ der, entryDn }]), ['I5']);
    const spaced = bench.bed.ca.scopes.find('10201').dn.replaceAll(',', ' , ').toUpperCase();
    assert.deepEqual(await check(bench, [{ der, entryDn: spaced }]), []);
    const expected = bench.terms.expected?.filter(({ id }) => id !== '10201');
    assert.deepEqual(await check(bench, [{ der }], { terms: { ...bench.terms, expected } }), [
      'I5',
    ]);
  });

  it('are told when they are older than the archive, or newer (I8, I1)', async (t) => {
    const bench = await open(t);
    assert.deepEqual(await check(bench, [{ der: await bench.read('10201', 1n) }]), ['I8']);
    const behind = bench.terms.expected?.map((one) => ({
      ...one,
      newest: { number: 1n, sha256: '' },
    }));
    const terms = { ...bench.terms, expected: behind };
    assert.deepEqual(await check(bench, [{ der: await bench.read('10201') }], { terms }), ['I1']);
  });

  it('are told when a reason is not in the policy (I11)', async (t) => {
    const bench = await open(t);
    const terms = { ...bench.terms, allowedReasons: new Set([CrlReason.keyCompromise]) };
    assert.deepEqual(await check(bench, [{ der: await bench.read('10201') }], { terms }), ['I11']);
  });

  it('are told when revokedCertificates is there and empty (I12)', async (t) => {
    const bench = await open(t);
    const outer = new DerReader(await bench.read('10202')).readConstructed();
    const tbs = outer.readConstructed();
    const raw = (reader: DerReader): Uint8Array => reader.readElement(reader.peekTag() ?? 0).raw;
    const fields = Array.from({ length: 5 }, () => raw(tbs));
    const changed = encodeSequence(...fields, Uint8Array.of(0x30, 0), raw(tbs));
    const der = encodeSequence(changed, raw(outer), raw(outer));
    assert.deepEqual(await check(bench, [{ der }]), ['I12']);
  });

  it('are delta lists too: time left, archive and indicator (RFC 5280 §5.2.4)', async (t) => {
    const bench = await open(t, withDeltas);
    const { bed } = bench;
    const readDelta = async (): Promise<Uint8Array> =>
      (await bed.published(bed.ca.scopes.find('10201').dn, 'deltaRevocationList'))[0] ??
      assert.fail('no delta list');
    const first = await readDelta();
    const nowMs = bed.clock.nowMs();
    const at = (hours: number) => check(bench, [{ der: first }], { nowMs: nowMs + hours * HOUR });
    assert.deepEqual(await check(bench, [{ der: await bench.read('10201') }, { der: first }]), []);
    assert.deepEqual(await at(8), []);
    assert.deepEqual(await at(8.01), ['I7']);
    const gone = bench.terms.expected?.map((one) => ({ ...one, delta: undefined }));
    const without = { ...bench.terms, expected: gone };
    assert.deepEqual(await check(bench, [{ der: first }], { terms: without }), ['I8']);
    await bed.clock.advance(HOUR);
    await bed.ca.deltas.publish('10201', tester);
    const now = { terms: await termsOf(bed) };
    assert.deepEqual(await check(bench, [{ der: await readDelta() }], now), []);
    assert.deepEqual(await check(bench, [{ der: first }], now), ['I8']);
    assert.deepEqual(await check(bench, [{ der: await readDelta() }]), ['I1']);
    // deltaCRLIndicator that is not critical: the byte behind its OID is the BOOLEAN's tag.
    const changed = Buffer.from(first);
    changed[changed.indexOf(Buffer.from('0603551d1b0101ff', 'hex')) + 7] = 0;
    assert.ok((await check(bench, [{ der: changed }])).includes('I6'));
  });

  it('are told when the full list is not the union of the others (I4)', async (t) => {
    const bench = await open(t, secomLike);
    const { bed } = bench;
    await bed.clock.advance(6_000);
    for (const { id } of bed.ca.scopes.list) {
      await bed.ca.publish(id, tester);
      await bed.clock.advance(1_000);
    }
    const terms = await termsOf(bed);
    const all = await Promise.all(
      bed.ca.scopes.list.map(async ({ id }) => ({ der: await bench.read(id), id })),
    );
    assert.deepEqual(await check(bench, all, { terms }), []);
    const some = all.filter(({ id }) => id !== 'crl-1');
    const expected = terms.expected?.filter(({ id }) => id !== 'crl-1');
    const lacking = { ...terms, expected };
    assert.deepEqual(await check(bench, some, { terms: lacking }), ['I4']);
    const ended = { ...lacking, hasEnded: async () => true };
    assert.deepEqual(await check(bench, some, { terms: ended }), [], 'of what has ended');
    assert.deepEqual(
      await check(bench, some, { terms }),
      [],
      'nothing is told while one is missing',
    );
  });

  it('of a CA that nothing else is known of are told by its certificate alone', async (t) => {
    const bench = await open(t);
    const terms = { ...bench.terms, expected: undefined, allowedReasons: undefined };
    const der = await bench.read('10201');
    assert.deepEqual(await check(bench, [{ der }], { terms }), []);
    const entryDn = 'cn=elsewhere,c=JP';
    assert.deepEqual(await check(bench, [{ der, entryDn }], { terms }), ['I5']);
  });
});
