/**
 * Cross-certification of two CAs step by step (gunma 4-6 to 4-10, R-XC): what completes it, what a renewal replaces, what
 * ends it, and that each step is one transaction with its records.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recordDigest } from '../../../src/audit/record-digest.ts';
import { SigningError } from '../../../src/signing/errors.ts';
import type { Signer } from '../../../src/signing/signer.ts';
import { parseCertificateList } from '../../../src/x509/certificate-list.ts';
import { parseCertificatePair } from '../../../src/x509/certificate-pair.ts';
import { CaTestBed, smallGunma, tester } from '../../support/ca-test-bed.ts';
import {
  bringRequest,
  crossCertify,
  handOver,
  issueFor,
  newestOf,
  pairsOf,
  type Side,
  smallBca,
  testConnection,
} from '../../support/cross-exchange.ts';

const DAY_MS = 86_400_000;

type Life = { after(fn: () => unknown): void };

async function open(life: Life): Promise<{ readonly gunma: Side; readonly bca: Side }> {
  const gunma = { id: 'gunma', bed: await CaTestBed.open(life, { policy: smallGunma }) };
  const bca = { id: 'bca', bed: await CaTestBed.open(life, { policy: smallBca }) };
  return { gunma, bca };
}

const kindsOf = async ({ bed }: Side): Promise<readonly string[]> =>
  (await bed.records()).map(({ kind }) => kind).filter((kind) => kind.startsWith('cross.'));

describe('cross-certification (gunma 4-6 to 4-8)', () => {
  it('is complete, and the pair registered, with the last receipt and not before', async (t) => {
    const { gunma, bca } = await open(t);
    await bringRequest(gunma, bca);
    await bringRequest(bca, gunma);
    await testConnection(gunma, bca);
    await testConnection(bca, gunma);
    const theirs = await issueFor(gunma, bca);
    const ours = await issueFor(bca, gunma);
    assert.deepEqual(
      (await handOver(theirs, gunma, bca)).map(({ isPaired }) => isPaired),
      [false, false],
    );
    assert.deepEqual(await pairsOf(gunma), []);
    assert.deepEqual(await gunma.bed.ca.bridge.certifiedPeers(), []);
    // The bridge has its receipt already: with our certificate it is complete there, with the receipt here.
    assert.deepEqual(
      (await handOver(ours, bca, gunma)).map(({ isPaired }) => isPaired),
      [true, true],
    );
    const [pair] = await pairsOf(gunma);
    assert(pair !== undefined);
    const { issuedToThisCa, issuedByThisCa } = parseCertificatePair(pair);
    assert.deepEqual(issuedToThisCa?.der, theirs.der);
    assert.deepEqual(issuedByThisCa?.der, ours.der);
    const [mirrored] = await pairsOf(bca);
    assert.deepEqual(parseCertificatePair(mirrored ?? assert.fail()).issuedToThisCa?.der, ours.der);
    assert.deepEqual(await kindsOf(gunma), [
      'cross.request',
      'cross.examine',
      'cross.test',
      'cross.issue',
      'cross.accept',
      'cross.receipt',
      'cross.pair',
    ]);
    const [named] = await gunma.bed.ca.bridge.certifiedPeers();
    assert.deepEqual([named?.peer, named?.state], ['bca', 'certified']);
    await gunma.bed.reopen();
    assert.equal((await pairsOf(gunma)).length, 1);
  });

  it('writes into our certificate the peer’s name byte for byte, its key and its identifier', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    const { issued } = await newestOf(gunma, 'bca');
    const certificate = (await gunma.bed.ca.findBySubject(smallBca.names.issuer))[0];
    assert.deepEqual(certificate?.der, issued);
    const peer = bca.bed.ca.certificate;
    const pair = parseCertificatePair((await pairsOf(gunma))[0] ?? assert.fail());
    assert.deepEqual(pair.issuedByThisCa?.subject.der, peer.subject.der);
    assert.deepEqual(pair.issuedByThisCa?.spki, peer.spki);
    assert.equal(certificate?.profile, 'cross');
    assert.equal(certificate?.scopeId, 'arl');
  });

  const early = [
    {
      why: 'a certificate before the request was examined',
      act: (gunma: Side) => gunma.bed.ca.bridge.issue('bca', { origin: tester, isRenewal: false }),
    },
    {
      why: 'a test before the request was examined',
      act: (gunma: Side) =>
        gunma.bed.ca.bridge.takeTest('bca', { url: '', certificates: [], lists: [] }, tester),
    },
    {
      why: 'a certificate of theirs before their request was examined',
      act: (gunma: Side) =>
        gunma.bed.ca.bridge.accept('bca', gunma.bed.ca.certificate.der, { origin: tester }),
    },
    {
      why: 'a receipt for nothing',
      act: (gunma: Side) =>
        gunma.bed.ca.bridge.takeReceipt('bca', { text: '', isPaper: true }, tester),
    },
    {
      why: 'an end of nothing',
      act: (gunma: Side) =>
        gunma.bed.ca.bridge.revoke('bca', { reason: 'superseded', origin: tester }),
    },
  ];
  it('refuses each step before its time, puts that on record, and stores nothing', async (t) => {
    const gunma = { id: 'gunma', bed: await CaTestBed.open(t) };
    const before = await gunma.bed.digestOfRecords();
    for (const { why, act } of early) {
      await assert.rejects(act(gunma), { code: 'CA_CROSS_STATE' }, why);
    }
    await assert.rejects(gunma.bed.ca.bridge.request('nobody', tester), {
      code: 'CA_CROSS_PEER_UNKNOWN',
    });
    assert.equal(await gunma.bed.digestOfRecords(), before);
    const refused = (await gunma.bed.records()).filter(({ kind }) => kind.startsWith('cross.'));
    assert.deepEqual(
      refused.map(({ kind, result }) => [kind, result]),
      ['issue', 'test', 'accept', 'receipt', 'revoke', 'request'].map((one) => [
        `cross.${one}`,
        'refused',
      ]),
    );
  });

  it('issues nothing before the connection test, where the policy wants one (4-7)', async (t) => {
    const { gunma, bca } = await open(t);
    await bringRequest(bca, gunma);
    await assert.rejects(issueFor(bca, gunma), { code: 'CA_CROSS_STATE' });
    await testConnection(bca, gunma);
    await issueFor(bca, gunma);
    await assert.rejects(issueFor(bca, gunma), { code: 'CA_CROSS_STATE' }, 'it has one');
  });
});

describe('where custodians approve of each cross certificate', () => {
  it('what they approve of is kept, and signed when it is asked for again', async (t) => {
    let isAsking = true;
    const wrapSigner = (signer: Signer): Signer => {
      const asking: Pick<Signer, 'sign'> = {
        sign: async (request) => {
          if (isAsking && request.purpose === 'certificate') {
            throw new SigningError('SIGNING_APPROVAL_NEEDED', 'two of three');
          }
          return await signer.sign(request);
        },
      };
      return new Proxy(signer, {
        get: (target, name) => {
          const value: unknown = Reflect.get(name === 'sign' ? asking : target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    };
    isAsking = false;
    const gunma = { id: 'gunma', bed: await CaTestBed.open(t, { wrapSigner }) };
    const bca = { id: 'bca', bed: await CaTestBed.open(t, { policy: smallBca }) };
    await bringRequest(bca, gunma);
    await testConnection(bca, gunma);
    isAsking = true;
    const order = { origin: tester, isRenewal: false };
    const first = await gunma.bed.ca.bridge.issue('bca', order);
    assert(first.kind === 'waits');
    await gunma.bed.clock.advance(3_600_000);
    const second = await gunma.bed.ca.bridge.issue('bca', order);
    assert(second.kind === 'waits');
    assert.equal(second.pending.sha256, first.pending.sha256);
    await gunma.bed.reopen();
    isAsking = false;
    const signed = await gunma.bed.ca.bridge.issue('bca', order);
    assert(signed.kind === 'issued');
    assert.equal(recordDigest(signed.certificate.tbs), first.pending.sha256);
    // What waits for more than a day is made anew: it begins when it is made.
    isAsking = true;
    const renewal = { ...order, isRenewal: true };
    const older = await gunma.bed.ca.bridge.issue('bca', renewal);
    await gunma.bed.clock.advance(DAY_MS + 1000);
    const newer = await gunma.bed.ca.bridge.issue('bca', renewal);
    assert(older.kind === 'waits' && newer.kind === 'waits');
    assert.notEqual(newer.pending.sha256, older.pending.sha256);
  });
});

describe('a cross certificate is renewed (gunma 4-9)', () => {
  const caseOf = async (side: Side, peer: string): Promise<readonly string[]> =>
    (await side.bed.ca.bridge.standing(peer)).needs.map(
      ({ case: name, withinDays }) => `${name}${withinDays === undefined ? '' : ` ${withinDays}`}`,
    );

  it('(1), (2): near its end, with warnings; the pair is replaced at once, the older one revoked', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    const [before] = await pairsOf(gunma);
    const { issued: oldest } = await newestOf(gunma, 'bca');
    const { notAfterMs } =
      parseCertificatePair(before ?? assert.fail()).issuedByThisCa ?? assert.fail();
    for (const side of [gunma, bca]) {
      side.bed.clock.setWallClock(notAfterMs - 181 * DAY_MS);
      assert.deepEqual(await caseOf(side, side === gunma ? 'bca' : 'gunma'), []);
      side.bed.clock.setWallClock(notAfterMs - 90 * DAY_MS);
      await side.bed.ca.publishAll(tester);
    }
    assert.deepEqual(await caseOf(gunma, 'bca'), ['theirs-ends 90', 'ours-ends 90']);
    // (1): theirs for us; ours for them stays in the pair.
    await bringRequest(gunma, bca);
    const [, atBca] = await handOver(await issueFor(gunma, bca), gunma, bca);
    assert.equal(atBca.superseded.length, 1, 'the bridge has revoked its older one');
    assert.deepEqual(await caseOf(gunma, 'bca'), ['ours-ends 90']);
    const [middle] = await pairsOf(gunma);
    assert.deepEqual(parseCertificatePair(middle ?? assert.fail()).issuedByThisCa?.der, oldest);
    // (2): ours for them, on the request that is there.
    const [, outcome] = await handOver(await issueFor(bca, gunma, true), bca, gunma);
    assert.equal(outcome.isPaired, true);
    assert.equal(outcome.superseded.length, 1);
    assert.deepEqual(await caseOf(gunma, 'bca'), []);
    const pairs = await pairsOf(gunma);
    assert.equal(pairs.length, 1);
    assert.notDeepEqual(pairs[0], before);
    await gunma.bed.clock.advance(1000);
    assert.deepEqual(gunma.bed.ca.dueScopes(gunma.bed.clock.nowMs()), ['arl'], 'does not wait');
    await gunma.bed.ca.publish('arl', tester);
    const arl = parseCertificateList((await gunma.bed.ca.readList('arl')) ?? assert.fail());
    assert.equal(arl.entryCount, 1);
  });

  it('(3), (4): our key was renewed, on both sides', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    await gunma.bed.ca.renewal.prepare(tester);
    await gunma.bed.ca.renewal.switchOver(tester);
    assert.deepEqual(await caseOf(gunma, 'bca'), ['theirs-changes', 'ours-changes']);
    const [before] = await pairsOf(gunma);
    // The new certificate alone makes no pair: the halves would be of two keys.
    const ours = await issueFor(bca, gunma);
    await assert.rejects(bca.bed.ca.bridge.accept('gunma', ours.der, { origin: tester }), {
      code: 'CA_CROSS_REFUSED',
    });
    await gunma.bed.clock.advance(1000);
    await gunma.bed.ca.publishAll(tester);
    await bringRequest(gunma, bca);
    await bca.bed.clock.advance(1000);
    await testConnection(gunma, bca);
    const [atBca] = await handOver(ours, bca, gunma);
    assert.equal(atBca.isPaired, false);
    const unchanged = await pairsOf(gunma);
    assert.deepEqual(unchanged, [before]);
    await handOver(await issueFor(gunma, bca), gunma, bca);
    const [after] = await pairsOf(gunma);
    assert.deepEqual(parseCertificatePair(after ?? assert.fail()).issuedByThisCa?.der, ours.der);
    assert.deepEqual(await caseOf(gunma, 'bca'), []);
    assert.equal((await pairsOf(bca)).length, 1);
  });

  it('(3), (4): the policy says something else', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    const { cross, profiles, policyIdentifiers } = smallGunma;
    const [peer, profile] = [cross?.peers['bca'], profiles['cross']];
    assert(cross !== undefined && peer !== undefined && profile !== undefined);
    const other = { production: '1.2.3.4', test: '1.2.3.5' };
    const extensions = profile.extensions.map((one) =>
      one.type === 'basicConstraints' ? { ...one, pathLength: 3 } : one,
    );
    const received = { ...peer.received, policies: ['cross', 'other'] };
    await gunma.bed.reopen({
      ...smallGunma,
      policyIdentifiers: { ...policyIdentifiers, other },
      profiles: { ...profiles, cross: { ...profile, extensions } },
      cross: { ...cross, peers: { bca: { ...peer, received } } },
    });
    assert.deepEqual(await caseOf(gunma, 'bca'), ['theirs-changes', 'ours-changes']);
    await issueFor(bca, gunma);
  });

  it('leaves the entry when it has ended and nobody has renewed it', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    const dueMs = (await gunma.bed.ca.bridge.dueMs()) ?? assert.fail();
    gunma.bed.clock.setWallClock(dueMs - 2000);
    await gunma.bed.ca.bridge.dropEnded(tester);
    assert.equal((await pairsOf(gunma)).length, 1);
    gunma.bed.clock.setWallClock(dueMs);
    await gunma.bed.ca.bridge.dropEnded(tester);
    assert.deepEqual(await pairsOf(gunma), []);
    assert.equal(await gunma.bed.ca.bridge.dueMs(), undefined);
    assert.equal((await gunma.bed.ca.bridge.certifiedPeers())[0]?.state, 'cancelled');
    assert.equal((await gunma.bed.records('cross.end')).length, 1);
  });
});

describe('cross-certification ends (gunma 4-10)', () => {
  it('with the certificate revoked, the pair gone, and a list that does not wait', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    const urgent: string[] = [];
    gunma.bed.ca.onUrgentRevocation((scopeId) => urgent.push(scopeId));
    const { revoked } = await gunma.bed.ca.bridge.revoke('bca', {
      reason: 'cessationOfOperation',
      origin: tester,
    });
    assert.equal(revoked.length, 1);
    assert.deepEqual(await pairsOf(gunma), []);
    assert.deepEqual(urgent, ['arl']);
    await gunma.bed.clock.advance(1000);
    await gunma.bed.ca.publish('arl', tester);
    const arl = parseCertificateList((await gunma.bed.ca.readList('arl')) ?? assert.fail());
    assert.deepEqual(
      [...arl.entries()].map(({ reason }) => reason),
      [5],
    );
    const [named] = await gunma.bed.ca.bridge.certifiedPeers();
    assert.equal(named?.state, 'cancelled');
    assert.equal((await gunma.bed.records('cross.revoke')).length, 1);
    const repeated = gunma.bed.ca.bridge.revoke('bca', { reason: 'superseded', origin: tester });
    await assert.rejects(repeated, { code: 'CA_CROSS_STATE' });
    // They can begin anew.
    await gunma.bed.clock.advance(1000);
    await bringRequest(bca, gunma);
    await issueFor(bca, gunma);
  });

  it('also when the certificate is revoked like any other, or with the key (4-14-2)', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    const { record } = await gunma.bed.ca.bridge.standing('bca');
    const serialNumber = BigInt(`0x${record.issued[0]?.serialNumber}`);
    await gunma.bed.revoke(serialNumber, 'cACompromise');
    assert.deepEqual(await pairsOf(gunma), []);
    const after = await gunma.bed.ca.bridge.standing('bca');
    assert.equal(typeof after.record.issued[0]?.revokedMs, 'number');
    assert.equal(after.record.pair, undefined);
  });

  it('for no reason that the policy does not know', async (t) => {
    const { gunma, bca } = await open(t);
    await crossCertify(gunma, bca);
    const before = await gunma.bed.digestOfRecords();
    await assert.rejects(
      gunma.bed.ca.bridge.revoke('bca', { reason: 'removeFromCRL', origin: tester }),
      { code: 'CA_REASON_NOT_ALLOWED' },
    );
    assert.equal(await gunma.bed.digestOfRecords(), before);
  });
});
