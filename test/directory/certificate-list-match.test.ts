import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeExplicit, encodeSequence, retag } from '../../src/asn1/der-writer.ts';
import { contextTag } from '../../src/asn1/tags.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeCertificatePair } from '../../src/x509/certificate-pair.ts';
import { buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import { buildIssuingDistributionPoint } from '../../src/x509/distribution-point.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import { buildAuthorityKeyIdentifier } from '../../src/x509/key-identifier.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { equalityRule, matchOutcome } from '../support/matching.ts';
import { shippedSchema as schema } from '../support/shipped-schema.ts';
import {
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
} from '../support/x509-samples.ts';

const key = sampleKey('p256');
const number = buildCrlNumber(7n);

function listWith(...extensions: readonly Extension[]): Uint8Array {
  return sampleList(key, sampleEntries(3), { extensions });
}

const numbered = listWith(number);
const bare = listWith(buildAuthorityKeyIdentifier({ keyIdentifier: Uint8Array.of(1) }));

type Row = readonly [value: Uint8Array, assertion: string, outcome: boolean | undefined];

function check(rule: string, rows: readonly Row[]): void {
  for (const [at, [value, assertion, outcome]] of rows.entries()) {
    it(`${at + 1}. ${assertion.slice(0, 90)}: ${outcome}`, () => {
      assert.equal(matchOutcome(rule, value, assertion), outcome);
    });
  }
}

/** nameRelativeToCRLIssuer, which the program reads and never writes. */
function relativePoint(text: string): Extension {
  const [rdn] = nameFromText(text).rdns;
  assert.ok(rdn !== undefined);
  // The SET of the one RDN inside the SEQUENCE of the name.
  const set = nameFromText(text).der.subarray(2);
  const point = encodeExplicit(0, retag(contextTag(1, 'constructed'), set));
  return { oid: Oid.issuingDistributionPoint, critical: true, value: encodeSequence(point) };
}

const pointName: GeneralName = {
  kind: 'directoryName',
  name: nameFromText('CN=CRL1,CN=Sample CA,O=JPKI,C=JP'),
};
const pointUri: GeneralName = { kind: 'uri', text: 'ldap://dir.example/cn=CRL1' };

describe('certificateListMatch (RFC 4523 §3.6, X.509 §11.3.6)', () => {
  const rule = 'certificateListMatch';

  describe('the whole', () => {
    check(rule, [
      [numbered, '{ }', true],
      [numbered, '{ minCRLNumber 7, maxCRLNumber 7 }', true],
      [numbered, '{ minCRLNumber 7, maxCRLNumber 6 }', false],
      [numbered, '{ thisUpdate utcTime:"260106000000Z" }', undefined],
      [numbered, '{ minCRLNumber 7, minCRLNumber 7 }', undefined],
      [numbered, '', undefined],
    ]);
  });

  describe('issuer', () => {
    check(rule, [
      [numbered, '{ issuer rdnSequence:"cn=sample ca,o=jpki,c=jp" }', true],
      [numbered, '{ issuer rdnSequence:"o=jpki,c=jp" }', false],
      [numbered, '{ issuer "o=jpki,c=jp" }', undefined],
    ]);
  });

  describe('minCRLNumber and maxCRLNumber', () => {
    check(rule, [
      [numbered, '{ minCRLNumber 6 }', true],
      [numbered, '{ minCRLNumber 7 }', true],
      [numbered, '{ minCRLNumber 8 }', false],
      [numbered, '{ maxCRLNumber 8 }', true],
      [numbered, '{ maxCRLNumber 7 }', true],
      [numbered, '{ maxCRLNumber 6 }', false],
      [bare, '{ minCRLNumber 0 }', false],
      [bare, '{ maxCRLNumber 1000 }', false],
      [numbered, '{ minCRLNumber -1 }', undefined],
      [numbered, '{ maxCRLNumber "7" }', undefined],
    ]);
  });

  describe('reasonFlags', () => {
    // keyCompromise and cACompromise.
    const some = listWith(
      number,
      buildIssuingDistributionPoint({ fullName: [pointUri], onlySomeReasons: new Set([1, 2]) }),
    );
    const every = listWith(number, buildIssuingDistributionPoint({ fullName: [pointUri] }));
    check(rule, [
      [some, '{ reasonFlags { keyCompromise } }', true],
      [some, '{ reasonFlags { superseded, cACompromise } }', true],
      [some, '{ reasonFlags { superseded } }', false],
      [some, '{ reasonFlags { } }', false],
      [some, "{ reasonFlags '01'B }", true],
      [some, "{ reasonFlags '0001'B }", false],
      [some, "{ reasonFlags '4'H }", true],
      [every, '{ reasonFlags { superseded } }', true],
      [numbered, '{ reasonFlags { superseded } }', true],
      [some, '{ reasonFlags { removeFromCRL } }', undefined],
    ]);
  });

  describe('dateAndTime', () => {
    const endless = sampleList(key, sampleEntries(1), { nextUpdateMs: Date.UTC(2060, 0, 1) });
    check(rule, [
      [numbered, '{ dateAndTime utcTime:"260106000000Z" }', true],
      [numbered, '{ dateAndTime utcTime:"260105235959Z" }', false],
      [numbered, '{ dateAndTime generalizedTime:"20260108235959Z" }', true],
      [numbered, '{ dateAndTime generalizedTime:"20260109000000Z" }', false],
      [endless, '{ dateAndTime generalizedTime:"20591231235959Z" }', true],
      [endless, '{ dateAndTime utcTime:"591231235959Z" }', false],
      [numbered, '{ dateAndTime 20260106000000Z }', undefined],
    ]);
  });

  describe('distributionPoint', () => {
    const full = listWith(
      number,
      buildIssuingDistributionPoint({ fullName: [pointName, pointUri] }),
    );
    const relative = listWith(number, relativePoint('CN=CRL1'));
    const flags = listWith(number, buildIssuingDistributionPoint({ onlyContains: 'user' }));
    const at = (names: string): string => `{ distributionPoint fullName:{ ${names} } }`;
    const byName = 'directoryName:rdnSequence:"cn=crl1,cn=sample ca,o=jpki,c=jp"';
    const byUri = 'uniformResourceIdentifier:"LDAP://DIR.example/cn=CRL1"';
    check(rule, [
      [full, at(byName), true],
      [full, at(byUri), true],
      [full, at(`dNSName:"x", ${byUri}`), true],
      [full, at('dNSName:"x"'), false],
      [full, at(byName.replace('crl1', 'crl2')), false],
      [relative, '{ distributionPoint nameRelativeToCRLIssuer:"cn=crl1" }', true],
      [relative, '{ distributionPoint nameRelativeToCRLIssuer:"cn=crl2" }', false],
      // The whole name that it stands for.
      [relative, at(byName), true],
      [full, '{ distributionPoint nameRelativeToCRLIssuer:"cn=crl1" }', false],
      [flags, at(byName), false],
      [numbered, at(byName), false],
      [full, at(''), undefined],
      [full, at('x400Address:"x"'), undefined],
      [full, `{ distributionPoint ${byName} }`, undefined],
    ]);
  });

  describe('authorityKeyIdentifier', () => {
    check(rule, [
      [bare, "{ authorityKeyIdentifier { keyIdentifier '01'H } }", true],
      [bare, "{ authorityKeyIdentifier { keyIdentifier '02'H } }", false],
      [numbered, "{ authorityKeyIdentifier { keyIdentifier '01'H } }", false],
      [bare, '{ authorityKeyIdentifier { keyIdentifier 1 } }', undefined],
    ]);
  });

  it('a value that is no list, or has a malformed extension, is invalid', () => {
    const broken = listWith({
      oid: Oid.issuingDistributionPoint,
      critical: true,
      value: Uint8Array.of(5, 0),
    });
    for (const value of [Uint8Array.of(0x30, 0), broken]) {
      assert.throws(() => matchOutcome(rule, value, '{ reasonFlags { superseded } }'), {
        code: 'DIRECTORY_INVALID_SYNTAX',
      });
    }
  });
});

describe('certificateListExactMatch', () => {
  it('tells lists apart by distribution point, and indexes them by issuer and time', () => {
    const rule = equalityRule('certificateListExactMatch');
    const one = listWith(number, buildIssuingDistributionPoint({ fullName: [pointUri] }));
    const two = listWith(number, buildIssuingDistributionPoint({ fullName: [pointName] }));
    assert.ok(!equalBytes(rule.valueKey(one, schema), rule.valueKey(two, schema)));
    assert.deepEqual(rule.indexKeys(one, schema), rule.indexKeys(two, schema));
  });
});

describe('certificatePairMatch (RFC 4523 §3.4, X.509 §11.3.4)', () => {
  const toThis = parseCertificate(
    sampleCertificate(key, { serialNumber: 1n, subject: nameFromText('CN=Here') }),
  );
  const byThis = parseCertificate(
    sampleCertificate(key, { serialNumber: 2n, subject: nameFromText('CN=There') }),
  );
  const both = encodeCertificatePair({ issuedToThisCa: toThis, issuedByThisCa: byThis });
  const one = encodeCertificatePair({ issuedToThisCa: toThis });
  check('certificatePairMatch', [
    [both, '{ issuedToThisCAAssertion { serialNumber 1 } }', true],
    [both, '{ issuedByThisCAAssertion { subject rdnSequence:"cn=there" } }', true],
    [
      both,
      '{ issuedToThisCAAssertion { subject rdnSequence:"cn=here" }, issuedByThisCAAssertion { serialNumber 2 } }',
      true,
    ],
    [
      both,
      '{ issuedToThisCAAssertion { serialNumber 1 }, issuedByThisCAAssertion { serialNumber 1 } }',
      false,
    ],
    [both, '{ issuedToThisCAAssertion { serialNumber 2 } }', false],
    [one, '{ issuedToThisCAAssertion { serialNumber 1 } }', true],
    [one, '{ issuedByThisCAAssertion { serialNumber 1 } }', false],
    [one, '{ issuedByThisCAAssertion { } }', false],
    [both, '{ issuedByThisCAAssertion { } }', true],
    [both, '{ }', undefined],
    [both, '{ forward { serialNumber 1 } }', undefined],
    [both, '{ issuedToThisCAAssertion 1 }', undefined],
  ]);
});
