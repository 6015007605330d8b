/**
 * Whatever a peer hands over, examining it ends in findings and in no error: requests, certificates, receipts and
 * directories that were changed anywhere, and bytes of any kind. What passes is what was right before.
 */

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import fc from 'fast-check';

import {
  type CertificateFacts,
  examineCertificate,
} from '../../src/ca/bridge/certificate-examination.ts';
import { examineReceipt, writeReceipt } from '../../src/ca/bridge/cross-receipt.ts';
import { examineDirectory } from '../../src/ca/bridge/directory-examination.ts';
import { examineRequest } from '../../src/ca/bridge/request-examination.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import {
  bringRequest,
  issueFor,
  sha256,
  smallBca,
  testConnection,
} from '../support/cross-exchange.ts';

const parameters = { seed: 20_260_107, numRuns: 400 };

/** A byte in one place, or a piece cut out. */
const change = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.integer({ min: 0, max: 255 }),
  cut: fc.constantFrom(0, 0, 0, 1, 3),
});

function changed(
  bytes: Uint8Array,
  { at, byte, cut }: { readonly at: number; readonly byte: number; readonly cut: number },
): Uint8Array {
  const place = Math.floor(at * bytes.length);
  const copy = [...bytes];
  copy.splice(place, cut + 1, byte);
  return Uint8Array.from(copy);
}

describe('what a peer hands over', () => {
  let facts: CertificateFacts;
  let request: Uint8Array;
  let ours: Certificate;
  let lists: readonly Uint8Array[];
  const ends: (() => unknown)[] = [];
  const life = { after: (end: () => unknown) => void ends.push(end) };

  before(async () => {
    const gunma = { id: 'gunma', bed: await CaTestBed.open(life, { policy: smallGunma }) };
    const bca = { id: 'bca', bed: await CaTestBed.open(life, { policy: smallBca }) };
    await bringRequest(gunma, bca);
    await testConnection(gunma, bca);
    ours = await issueFor(gunma, bca);
    request = await gunma.bed.ca.bridge.request('bca', tester);
    lists = await bca.bed.published(smallBca.names.issuer, 'authorityRevocationList');
    facts = {
      ...{ peer: bca.bed.ca.certificate, own: gunma.bed.ca.certificate },
      ...{ formerKeys: [], askedFor: gunma.bed.ca.certificate.spki },
      terms: {
        ...{ maxYears: 5, policies: ['1.2.392.200149.8.5.1.1.10'], mappings: [] },
        ...{ leastPathLength: 0, nameConstraints: 'optional' },
      },
      ...{ nowMs: gunma.bed.clock.nowMs(), utcOffsetMs: smallGunma.utcOffsetMs },
    };
    for (const end of ends.toReversed()) {
      await end();
    }
  });

  it('as a certificate, passes as it was and no other way', () => {
    assert.deepEqual(examineCertificate(ours.der, facts).findings, []);
    const mutation = fc.property(change, (how) => {
      const der = changed(ours.der, how);
      const { findings } = examineCertificate(der, facts);
      assert.equal(findings.length === 0, Buffer.from(der).equals(Buffer.from(ours.der)));
    });
    fc.assert(mutation, parameters);
    const noise = fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string()), (bytes) => {
      assert.notEqual(examineCertificate(bytes, facts).findings.length, 0);
    });
    fc.assert(noise, parameters);
  });

  it('as a request and the certificate with it, passes as it was and no other way', () => {
    const { own: certificate, nowMs } = facts;
    const known = { name: certificate.subject, nowMs, owner: undefined };
    const given = { request, certificate: certificate.der, fingerprint: sha256(certificate.der) };
    assert.deepEqual(examineRequest(given, known).findings, []);
    const mutation = fc.property(change, fc.boolean(), (how, isRequest) => {
      const before = isRequest ? request : certificate.der;
      const after = changed(before, how);
      const altered = isRequest ? { request: after } : { certificate: after };
      const { findings } = examineRequest({ ...given, ...altered }, known);
      assert.equal(findings.length === 0, Buffer.from(after).equals(Buffer.from(before)));
    });
    fc.assert(mutation, parameters);
    // Whoever also tells the fingerprint of what was altered is found out by the signature.
    const retold = fc.property(change, (how) => {
      const after = changed(certificate.der, how);
      const { findings } = examineRequest(
        { ...given, certificate: after, fingerprint: sha256(after) },
        known,
      );
      assert.equal(findings.length === 0, Buffer.from(after).equals(Buffer.from(certificate.der)));
    });
    fc.assert(retold, parameters);
  });

  it('as a directory, passes as it was and no other way', () => {
    const { peer, nowMs } = facts;
    const [list] = lists;
    assert(list !== undefined);
    const read = { url: '', certificates: [peer.der], lists };
    assert.deepEqual(examineDirectory(read, { peer, nowMs }), []);
    const mutation = fc.property(change, (how) => {
      const after = changed(list, how);
      const findings = examineDirectory({ ...read, lists: [after] }, { peer, nowMs });
      assert.equal(findings.length === 0, Buffer.from(after).equals(Buffer.from(list)));
    });
    fc.assert(mutation, parameters);
  });

  it('as a receipt, is read or told', () => {
    const certificate = parseCertificate(ours.der);
    const text = writeReceipt(certificate, facts.nowMs);
    const any = fc.oneof(fc.string(), fc.json(), fc.constant(text));
    const property = fc.property(any, (given) => {
      assert.equal(examineReceipt(given, certificate).length === 0, given === text);
    });
    fc.assert(property, parameters);
  });
});
