import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8, equalBytes } from '../../src/core/bytes.ts';
import { matchingRule } from '../../src/directory/schema/matching-rules.ts';
import type { EqualityRule } from '../../src/directory/schema/schema-model.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeCertificatePair } from '../../src/x509/certificate-pair.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { shippedSchema as schema } from '../support/shipped-schema.ts';
import { readFixture, sampleCertificate, sampleKey } from '../support/x509-samples.ts';

function ruleOf(name: string): EqualityRule {
  const rule = matchingRule(name);
  assert.equal(rule?.kind, 'equality');
  return rule;
}

function matches(ruleName: string, value: Uint8Array, assertion: string): boolean {
  const rule = ruleOf(ruleName);
  return rule.readAssertion(encodeUtf8(assertion), schema).matches(value);
}

function refuses(ruleName: string, assertion: string): void {
  assert.throws(() => ruleOf(ruleName).readAssertion(encodeUtf8(assertion), schema), {
    name: 'DirectoryError',
    code: 'DIRECTORY_INVALID_SYNTAX',
  });
}

const bridgeIssuer = 'OU=BridgeCA,OU=Prefectural Association For JPKI,O=JPKI,C=JP';
const bridge = readFixture('ca-certs/00_BCA.cer');

describe('certificateExactMatch (RFC 4523 §3.1)', () => {
  const rows: readonly (readonly [why: string, assertion: string, matches: boolean])[] = [
    ['GSER', `{ serialNumber 1, issuer rdnSequence:"${bridgeIssuer}" }`, true],
    ['GSER without spaces', `{serialNumber 1,issuer rdnSequence:"${bridgeIssuer}"}`, true],
    [
      'components in the other order',
      `{ issuer rdnSequence:"${bridgeIssuer}", serialNumber 1 }`,
      true,
    ],
    ['the old form', `1$${bridgeIssuer}`, true],
    ['the old form with spaces', ` 1 $ ${bridgeIssuer}`, true],
    [
      'another case, spaces, OIDs',
      `1$2.5.4.11=bridgeca, ou=prefectural  association for jpki,o=jpki,c=jp`,
      true,
    ],
    ['another serial number', `2$${bridgeIssuer}`, false],
    ['another issuer', '1$O=JPKI,C=JP', false],
    ['the issuer reversed', '1$C=JP,O=JPKI,OU=Prefectural Association For JPKI,OU=BridgeCA', false],
  ];
  for (const [why, assertion, expected] of rows) {
    it(`${why}: ${expected}`, () => {
      assert.equal(matches('certificateExactMatch', bridge, assertion), expected);
    });
  }

  it('with a serial number of 20 octets and a quote in the name', () => {
    const serialNumber = 2n ** 159n - 1n;
    const issuer = nameFromText('CN=The \\"best\\"\\, CA+UID=x,1.2.3.4=#0c0161,C=JP');
    const certificate = sampleCertificate(sampleKey('p256'), { serialNumber, issuer });
    const quoted = 'cn=the \\""best\\""\\2c ca';
    for (const first of [`uid=x+${quoted}`, `${quoted}+uid=x`]) {
      assert.ok(
        matches(
          'certificateExactMatch',
          certificate,
          `{ serialNumber ${serialNumber}, issuer rdnSequence:"${first},1.2.3.4=#130141,c=jp" }`,
        ),
      );
    }
  });

  const refused = [
    '',
    '1',
    '$cn=a',
    'x$cn=a',
    '01$cn=a',
    '1$nonsense=a',
    '1$cn',
    '{}',
    '{ serialNumber 1 }',
    '{ issuer rdnSequence:"cn=a" }',
    '{ serialNumber 1, issuer "cn=a" }',
    '{ serialNumber 1, issuer rdnSequence:"cn" }',
    '{ serialNumber 1, issuer rdnSequence:"cn=a" } x',
    '{ serialNumber 1, serialNumber 1, issuer rdnSequence:"cn=a" }',
    '{ serialNumber 1, issuer rdnSequence:"cn=a", subject rdnSequence:"cn=a" }',
    '{ serialNumber one, issuer rdnSequence:"cn=a" }',
    `{ serialNumber ${'1'.repeat(1001)}, issuer rdnSequence:"cn=a" }`,
    `1$cn=${'a'.repeat(70_000)}`,
  ];
  for (const assertion of refused) {
    it(`refuses ${assertion.slice(0, 60)}`, () => {
      refuses('certificateExactMatch', assertion);
    });
  }

  it('refuses a value that is no certificate', () => {
    assert.throws(() => ruleOf('certificateExactMatch').valueKey(Uint8Array.of(0x30, 0), schema), {
      code: 'DIRECTORY_INVALID_SYNTAX',
    });
  });
});

describe('certificatePairExactMatch (RFC 4523 §3.3)', () => {
  const key = sampleKey('p256');
  const toThis = parseCertificate(
    sampleCertificate(key, { serialNumber: 1n, issuer: nameFromText('CN=Bridge') }),
  );
  const byThis = parseCertificate(
    sampleCertificate(key, { serialNumber: 2n, issuer: nameFromText('CN=Here') }),
  );
  const both = encodeCertificatePair({ issuedToThisCa: toThis, issuedByThisCa: byThis });
  const one = encodeCertificatePair({ issuedToThisCa: toThis });
  const to = 'issuedToThisCAAssertion { serialNumber 1, issuer rdnSequence:"cn=bridge" }';
  const by = 'issuedByThisCAAssertion { serialNumber 2, issuer rdnSequence:"cn=here" }';
  const byOther = 'issuedByThisCAAssertion { serialNumber 3, issuer rdnSequence:"cn=here" }';

  const rows: readonly (readonly [why: string, value: Uint8Array, assertion: string, boolean])[] = [
    ['both, both asserted', both, `{ ${to}, ${by} }`, true],
    ['both, one asserted', both, `{ ${to} }`, true],
    ['both, the other asserted', both, `{ ${by} }`, true],
    ['both, one of two wrong', both, `{ ${to}, ${byOther} }`, false],
    ['one, that one asserted', one, `{ ${to} }`, true],
    ['one, both asserted', one, `{ ${to}, ${by} }`, false],
    ['one, the other asserted', one, `{ ${by} }`, false],
  ];
  for (const [why, value, assertion, expected] of rows) {
    it(`${why}: ${expected}`, () => {
      assert.equal(matches('certificatePairExactMatch', value, assertion), expected);
    });
  }

  it('refuses an empty assertion and other components', () => {
    refuses('certificatePairExactMatch', '{}');
    refuses(
      'certificatePairExactMatch',
      '{ forward { serialNumber 1, issuer rdnSequence:"cn=a" } }',
    );
  });

  it('the keys of different pairs differ', () => {
    const rule = ruleOf('certificatePairExactMatch');
    assert.ok(!equalBytes(rule.valueKey(one, schema), rule.valueKey(both, schema)));
  });
});

describe('certificateListExactMatch (RFC 4523 §3.5)', () => {
  const list = readFixture('crls/dhs-ca4-crl1251.crl');
  const issuer =
    'OU=DHS CA4,OU=Certification Authorities,OU=Department of Homeland Security,O=U.S. Government,C=US';
  const time = 'thisUpdate utcTime:"170515105627Z"';
  const point = `fullName:{ directoryName:rdnSequence:"cn=CRL1251,${issuer}" }`;
  const uri = `fullName:{uniformResourceIdentifier:"ldap://ldap01.dimc.dhs.gov/cn=CRL1251,ou=DHS%20CA4,ou=Certification%20Authorities,ou=Department%20of%20Homeland%20Security,o=U.S.%20Government,c=US?certificateRevocationList"}`;
  const head = `{ issuer rdnSequence:"${issuer}"`;

  const rows: readonly (readonly [why: string, assertion: string, matches: boolean])[] = [
    ['issuer and time', `${head}, ${time} }`, true],
    ['with its distribution point by name', `${head}, ${time}, distributionPoint ${point} }`, true],
    ['with its distribution point by URI', `${head}, ${time}, distributionPoint ${uri} }`, true],
    [
      'among other names of its distribution point',
      `${head}, ${time}, distributionPoint fullName:{ rfc822Name:"a@b", ${uri.slice(10)} }`,
      true,
    ],
    ['the time as slapd writes it', `${head}, thisUpdate "20170515105627Z" }`, true],
    ['the time as bare UTCTime', `${head}, thisUpdate "170515105627Z" }`, true],
    [
      'the time as GeneralizedTime, with an offset',
      `${head}, thisUpdate generalizedTime:"20170515195627+0900" }`,
      true,
    ],
    ['another time', `${head}, thisUpdate utcTime:"170515105628Z" }`, false],
    ['another time, without seconds', `${head}, thisUpdate utcTime:"1705151056Z" }`, false],
    ['a century before', `${head}, thisUpdate generalizedTime:"19170515105627Z" }`, false],
    ['another issuer', `{ issuer rdnSequence:"C=US", ${time} }`, false],
    [
      'another distribution point',
      `${head}, ${time}, distributionPoint ${point.replace('1251', '1249')} }`,
      false,
    ],
    [
      'a distribution point of another kind',
      `${head}, ${time}, distributionPoint fullName:{ rfc822Name:"a" } }`,
      false,
    ],
    [
      'a distribution point relative to the issuer',
      `${head}, ${time}, distributionPoint nameRelativeToCRLIssuer:"cn=CRL1251" }`,
      false,
    ],
  ];
  for (const [why, assertion, expected] of rows) {
    it(`${why}: ${expected}`, () => {
      assert.equal(matches('certificateListExactMatch', list, assertion), expected);
    });
  }

  const refused = [
    `${head} }`,
    `{ ${time} }`,
    `${head}, thisUpdate "1705151056Z" }`,
    `${head}, thisUpdate "170515105627" }`,
    `${head}, thisUpdate utcTime:"170515105627" }`,
    `${head}, thisUpdate utcTime:"20170515105627Z" }`,
    `${head}, thisUpdate utcTime:"170230105627Z" }`,
    `${head}, thisUpdate generalizedTime:"170515105627Z" }`,
    `${head}, thisUpdate localTime:"170515105627Z" }`,
    `${head}, ${time}, distributionPoint fullName:{ } }`,
    `${head}, ${time}, distributionPoint fullName:{ x400Address:"a" } }`,
    `${head}, ${time}, distributionPoint nameRelativeToCRLIssuer:cn }`,
    `${head}, ${time}, distributionPoint shortName:"cn=a" }`,
    `${head}, ${time}, minCRLNumber 1 }`,
  ];
  for (const assertion of refused) {
    it(`refuses ${assertion.replace(issuer, '…')}`, () => {
      refuses('certificateListExactMatch', assertion);
    });
  }
});

describe('algorithmIdentifierMatch (RFC 4523 §3.7)', () => {
  const rsa = Buffer.from('300f300d06092a864886f70d01010b0500', 'hex');
  const ecdsa = Buffer.from('300c300a06082a8648ce3d040302', 'hex');
  const curve = Buffer.from('3015301306072a8648ce3d020106082a8648ce3d030107', 'hex');
  const rows: readonly (readonly [value: Uint8Array, assertion: string, matches: boolean])[] = [
    [rsa, '{ algorithm 1.2.840.113549.1.1.11 }', true],
    [rsa, '{ algorithm 1.2.840.113549.1.1.11, parameters NULL }', true],
    [rsa, '{ algorithm 1.2.840.113549.1.1.12 }', false],
    [ecdsa, '{ algorithm 1.2.840.10045.4.3.2 }', true],
    [ecdsa, '{ algorithm 1.2.840.10045.4.3.2, parameters NULL }', false],
    [curve, '{ algorithm 1.2.840.10045.2.1, parameters namedCurve:1.2.840.10045.3.1.7 }', true],
    [curve, '{ parameters 1.2.840.10045.3.1.7, algorithm 1.2.840.10045.2.1 }', true],
    [curve, '{ algorithm 1.2.840.10045.2.1, parameters namedCurve:1.3.132.0.34 }', false],
    [curve, '{ algorithm 1.2.840.10045.2.1, parameters NULL }', false],
    [curve, '{ algorithm 1.2.840.10045.2.1 }', false],
  ];
  for (const [value, assertion, expected] of rows) {
    it(`${assertion}: ${expected}`, () => {
      assert.equal(matches('algorithmIdentifierMatch', value, assertion), expected);
    });
  }

  it('refuses other forms', () => {
    refuses('algorithmIdentifierMatch', '{}');
    refuses('algorithmIdentifierMatch', '{ parameters NULL }');
    refuses('algorithmIdentifierMatch', '{ algorithm rsaEncryption }');
    refuses('algorithmIdentifierMatch', '{ algorithm 1.2.3, parameters { a 5 } }');
    refuses('algorithmIdentifierMatch', '{ algorithm 1.2.3, other 5 }');
  });
});
