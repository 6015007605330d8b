import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeElement, encodeSequence } from '../../src/asn1/der-writer.ts';
import { Tag } from '../../src/asn1/tags.ts';
import type { Authority } from '../../src/ca/authorities.ts';
import { readBackList } from '../../src/ca/lists/list-facts.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { assembleSigned, parseCertificate, parseSigned } from '../../src/x509/certificate.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import {
  buildCrlNextPublish,
  buildCrlNumber,
  buildDeltaCrlIndicator,
} from '../../src/x509/crl-extensions.ts';
import { buildIssuingDistributionPoint } from '../../src/x509/distribution-point.ts';
import { buildAuthorityKeyIdentifier } from '../../src/x509/key-identifier.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { importVerifyingKey } from '../../src/x509/verify-signature.ts';
import {
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
} from '../support/x509-samples.ts';

const key = sampleKey('p256', 'list');
const name = nameFromText('CN=Sample CA,O=JPKI,C=JP');
const point = nameFromText('CN=point,C=JP');
const thisUpdateMs = Date.UTC(2026, 0, 6);
const authority: Authority = {
  keyLabel: 'x',
  generation: 1,
  state: 'current',
  algorithm: key.algorithm,
  reference: { name, keyIdentifier: Uint8Array.of(1), serialNumber: 7n },
  certificate: parseCertificate(sampleCertificate(key)),
  verifyingKey: importVerifyingKey(key.spki),
};

describe('reading a list back', () => {
  it('tells everything that the gate asks for', () => {
    const der = sampleList(key, sampleEntries(12), {
      extensions: [
        buildAuthorityKeyIdentifier({
          keyIdentifier: Uint8Array.of(1),
          issuer: [{ kind: 'directoryName', name }],
          serialNumber: 7n,
        }),
        buildCrlNumber(9n),
        buildIssuingDistributionPoint({
          fullName: [{ kind: 'directoryName', name: point }],
          onlyContains: 'user',
        }),
        buildCrlNextPublish(thisUpdateMs + 1000),
      ],
    });
    const { facts } = readBackList(der, authority);
    assert.equal(facts.number, 9n);
    assert.equal(facts.thisUpdateMs, thisUpdateMs);
    assert.equal(facts.nextUpdateMs, Date.UTC(2026, 0, 9));
    assert.equal(facts.nextPublishMs, thisUpdateMs + 1000);
    assert.deepEqual(Buffer.from(facts.issuerDer), Buffer.from(name.der));
    assert.equal(facts.isSignatureValid, true);
    assert.equal(facts.isDelta, false);
    assert.equal(facts.entryCount, 12);
    assert.equal(facts.hasEntriesField, true);
    assert.deepEqual([...facts.reasons], [undefined, 1, 2, 3, 4, 5]);
    assert.equal(facts.authorityKey?.serialNumber, 7n);
    assert.deepEqual([...(facts.authorityKey?.keyIdentifier ?? [])], [1]);
    assert.deepEqual(Buffer.from(facts.authorityKey?.issuerDer ?? []), Buffer.from(name.der));
    const { nameDer, ...others } = facts.distributionPoint ?? assert.fail();
    assert.deepEqual(Buffer.from(nameDer ?? []), Buffer.from(point.der));
    assert.deepEqual(others, {
      ...{ isCritical: true, hasName: true },
      ...{ onlyContains: 'user', isLimited: false },
    });
  });

  it('tells what is not there', () => {
    const { facts } = readBackList(sampleList(key, new Uint8Array(0)), authority);
    assert.equal(facts.authorityKey, undefined);
    assert.equal(facts.distributionPoint, undefined);
    assert.equal(facts.nextPublishMs, undefined);
    assert.equal(facts.hasEntriesField, false);
    assert.deepEqual([...facts.reasons], []);
  });

  it('tells an IDP that limits, that is not critical, and one of two names', () => {
    const withIdp = (
      idp: Parameters<typeof buildIssuingDistributionPoint>[0],
      critical = true,
    ): ReturnType<typeof readBackList>['facts']['distributionPoint'] => {
      const extensions = [buildCrlNumber(1n), buildIssuingDistributionPoint(idp, critical)];
      return readBackList(sampleList(key, new Uint8Array(0), { extensions }), authority).facts
        .distributionPoint;
    };
    const fullName = [{ kind: 'directoryName', name: point }] as const;
    assert.equal(withIdp({ fullName, isIndirect: true })?.isLimited, true);
    assert.equal(withIdp({ fullName, onlySomeReasons: new Set([1]) })?.isLimited, true);
    assert.equal(withIdp({ fullName }, false)?.isCritical, false);
    assert.equal(withIdp({ fullName: [...fullName, ...fullName] })?.nameDer, undefined);
    assert.equal(withIdp({ fullName: [{ kind: 'uri', text: 'ldap:///' }] })?.nameDer, undefined);
  });

  it('tells a delta list', () => {
    const extensions = [buildCrlNumber(2n), buildDeltaCrlIndicator(1n)];
    const der = sampleList(key, new Uint8Array(0), { extensions });
    assert.equal(readBackList(der, authority).facts.isDelta, true);
  });

  it('tells a signature of another key', () => {
    const der = sampleList(sampleKey('p256', 'other'), sampleEntries(1));
    assert.equal(readBackList(der, authority).facts.isSignatureValid, false);
  });

  it('tells a signature that is right under another algorithm than the CA’s', () => {
    const algorithm = { scheme: 'ecdsa', digest: 'sha384' } as const;
    const der = sampleList(key, sampleEntries(1), { algorithm });
    assert.equal(readBackList(der, authority).facts.isSignatureValid, false);
  });

  it('tells a signature over other bytes', () => {
    const { signature } = parseSigned(sampleList(key, sampleEntries(1)));
    const { tbs } = parseSigned(sampleList(key, sampleEntries(2)));
    const der = assembleSigned(tbs, encodeSignatureAlgorithm(key.algorithm), signature);
    assert.equal(readBackList(der, authority).facts.isSignatureValid, false);
  });
});

describe('what is no list', () => {
  it('is stopped as I6', () => {
    for (const der of [
      new Uint8Array(0),
      Uint8Array.of(0x30, 0),
      sampleCertificate(key),
      sampleList(key, sampleEntries(3)).subarray(1),
      encodeSequence(sampleList(key, sampleEntries(3))),
    ]) {
      assert.throws(() => readBackList(der, authority), { code: 'CA_GATE_I6' });
    }
  });

  it('is stopped as I12 when revokedCertificates is there but empty', () => {
    const list = sampleList(key, encodeRevokedEntry({ serialNumber: 1n, revokedMs: thisUpdateMs }));
    const entry = encodeSequence(encodeRevokedEntry({ serialNumber: 1n, revokedMs: thisUpdateMs }));
    const { tbs } = parseSigned(list);
    const at = Buffer.from(tbs).indexOf(Buffer.from(entry));
    const content = Buffer.concat([
      Buffer.from(tbs.subarray(0, at)),
      encodeSequence(),
      Buffer.from(tbs.subarray(at + entry.length)),
    ]);
    // The outer SEQUENCE's header is of the same size: its length stays between 128 and 255.
    const empty = encodeElement(Tag.sequence, content.subarray(3));
    const der = assembleSigned(empty, encodeSignatureAlgorithm(key.algorithm), new Uint8Array(8));
    assert.throws(() => readBackList(der, authority), { code: 'CA_GATE_I12' });
  });
});
