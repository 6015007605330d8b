import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { certificateLintRules, lintCertificate } from '../../src/ca/lint/lint.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { Profile } from '../../src/ca/policy/profile.ts';
import { Scopes } from '../../src/ca/policy/scope.ts';
import { buildIssuerAltName, buildSubjectAltName } from '../../src/x509/alternative-name.ts';
import { buildAuthorityInfoAccess } from '../../src/x509/authority-information-access.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import {
  type Certificate,
  parseCertificate,
  type TbsCertificate,
} from '../../src/x509/certificate.ts';
import { buildCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import { buildCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import { buildJpkiOtherNames, type JpkiSubject } from '../../src/x509/jpki-other-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import {
  buildExtendedKeyUsage,
  buildKeyUsage,
  buildNetscapeCertType,
  buildOcspNoCheck,
  type KeyUsageName,
} from '../../src/x509/key-usage.ts';
import { buildName, nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { buildInhibitAnyPolicy } from '../../src/x509/policy-constraints.ts';
import { buildPrivateKeyUsagePeriod } from '../../src/x509/private-key-usage-period.ts';
import { gunma } from '../support/ca-test-bed.ts';
import { sampleCertificate, sampleKey, sampleTimes } from '../support/x509-samples.ts';

const caKey = sampleKey('p256', 'ca');
const ownKey = sampleKey('p256', 'own');
const rsaKey = sampleKey('rsa-2048', 'own');
const caName = nameFromText('OU=Lint CA,O=JPKI,C=JP');

const scopes = new Scopes(gunma);
const maebashi = scopes.find('10201');
const pointOf = (name = maebashi.distributionPoint): Extension =>
  buildCrlDistributionPoints([{ fullName: [{ kind: 'directoryName', name }] }]);

const caExtensions = [
  buildSubjectKeyIdentifier(computeKeyIdentifier(caKey.spki)),
  buildKeyUsage(['keyCertSign', 'cRLSign']),
  buildBasicConstraints({ isCa: true }),
  pointOf(caName),
];
const caFields: Partial<TbsCertificate> = {
  serialNumber: 2n ** 150n,
  issuer: caName,
  subject: caName,
  extensions: caExtensions,
};
const issuer = parseCertificate(sampleCertificate(caKey, caFields));

const akiOf = (serialNumber: bigint, keyIdentifier = computeKeyIdentifier(caKey.spki)): Extension =>
  buildAuthorityKeyIdentifier({
    keyIdentifier,
    issuer: [{ kind: 'directoryName', name: caName }],
    serialNumber,
  });

const usage = (...usages: KeyUsageName[]): Extension => buildKeyUsage(usages);
const hanako: JpkiSubject = {
  commonName: '群馬　花子',
  dateOfBirth: '219900401',
  gender: '2',
  address: '群馬県前橋市',
  substituteCharacterOfCommonName: '00000',
  substituteCharacterOfAddress: '000000',
};
const jpki = (change: Partial<JpkiSubject> = {}): readonly GeneralName[] =>
  buildJpkiOtherNames({ ...hanako, dateOfBirth: '419900401', ...change });

const ownExtensions = {
  aki: akiOf(2n ** 150n),
  ski: buildSubjectKeyIdentifier(computeKeyIdentifier(ownKey.spki)),
  keyUsage: usage('digitalSignature', 'nonRepudiation'),
  policies: buildCertificatePolicies([{ oid: '1.2.392.200149.8.5.1.1.10' }], true),
  alternative: buildSubjectAltName(jpki()),
  issuerAlternative: buildIssuerAltName([
    { kind: 'directoryName', name: nameFromText('O=公的個人認証サービス,C=JP') },
  ]),
  point: pointOf(),
};

type Parts = Partial<Record<keyof typeof ownExtensions | 'more' | 'last', Extension | undefined>>;

/** A good certificate of a citizen of Gunma but for what is changed. */
function certificate(fields: Partial<TbsCertificate>, parts: Parts = {}): Certificate {
  const all: Record<string, Extension | undefined> = { ...ownExtensions, ...parts };
  const tbs = {
    serialNumber: 2n ** 151n,
    issuer: caName,
    subject: nameFromText('CN=0001,L=Maebashi-shi,L=Gunma-ken,C=JP'),
    extensions: Object.values(all).filter((one) => one !== undefined),
    ...fields,
  };
  return parseCertificate(sampleCertificate(ownKey, tbs, caKey));
}

/** One for a server, without attributes of persons. */
const server = (more: Parts): Certificate =>
  certificate(
    {},
    { alternative: buildSubjectAltName([{ kind: 'dnsName', text: 'a.go.jp' }]), ...more },
  );

/** One for another CA. */
const authority = (more: Parts): Certificate =>
  certificate(
    { subject: nameFromText('OU=Other CA,C=JP') },
    {
      keyUsage: usage('keyCertSign', 'cRLSign'),
      alternative: undefined,
      issuerAlternative: undefined,
      more: buildBasicConstraints({ isCa: true }),
      ...more,
    },
  );

const rulesOf = (one: Certificate): readonly string[] =>
  lintCertificate(one, { issuer }).map(({ rule }) => rule);

const withSubject = (text: string): Certificate => certificate({ subject: nameFromText(text) });
const purposes = (...oids: string[]): Extension => buildExtendedKeyUsage(oids);
const named = (...names: GeneralName[]): Parts => ({ alternative: buildSubjectAltName(names) });

interface Row {
  readonly rule: string;
  readonly bad: Readonly<Record<string, () => Certificate>>;
  /** The other side of the bound. */
  readonly good: Readonly<Record<string, () => Certificate>>;
}

const rows: readonly Row[] = [
  {
    rule: 'version-3',
    bad: { 'version 1': () => ({ ...certificate({}), version: 1 }) },
    good: { three: () => certificate({}) },
  },
  {
    rule: 'serial-number',
    bad: {
      'one short': () => certificate({ serialNumber: 2n ** 127n - 1n }),
      // No encoder of ours writes a longer one.
      'one long': () => ({ ...certificate({}), serialNumber: 2n ** 159n }),
    },
    good: {
      shortest: () => certificate({ serialNumber: 2n ** 127n }),
      longest: () => certificate({ serialNumber: 2n ** 159n - 1n }),
    },
  },
  {
    rule: 'issuer-name',
    bad: { 'other bytes': () => certificate({ issuer: nameFromText('OU=lint CA,O=JPKI,C=JP') }) },
    good: {},
  },
  {
    rule: 'validity-order',
    bad: { 'no time at all': () => certificate({ notAfterMs: sampleTimes.notBeforeMs }) },
    good: { 'a second': () => certificate({ notAfterMs: sampleTimes.notBeforeMs + 1000 }) },
  },
  {
    rule: 'validity-within-issuer',
    bad: { 'a second more': () => certificate({ notAfterMs: sampleTimes.notAfterMs + 1000 }) },
    good: { 'as long': () => certificate({ notAfterMs: sampleTimes.notAfterMs }) },
  },
  {
    rule: 'signature-algorithm',
    bad: {
      'SHA-1': () => certificate({ algorithm: { scheme: 'rsa-pkcs1', digest: 'sha1' } }),
    },
    good: {
      'SHA-256': () => certificate({ algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' } }),
    },
  },
  {
    rule: 'public-key',
    bad: { 'RSA-1024': () => certificate({ spki: sampleKey('rsa-1024').spki }) },
    good: { 'RSA-2048': () => certificate({ spki: rsaKey.spki }) },
  },
  {
    rule: 'key-usage-of-curve',
    bad: {
      keyEncipherment: () => server({ keyUsage: usage('keyEncipherment') }),
      dataEncipherment: () => server({ keyUsage: usage('dataEncipherment') }),
    },
    good: {
      RSA: () => certificate({ spki: rsaKey.spki }, { keyUsage: usage('keyEncipherment') }),
      keyAgreement: () => server({ keyUsage: usage('keyAgreement') }),
    },
  },
  {
    rule: 'subject-name',
    bad: {
      empty: () => withSubject(''),
      "the issuer's": () => certificate({ subject: caName }),
      "the issuer's in other letters": () => withSubject('OU=LINT CA,O=jpki,C=JP'),
    },
    good: { 'another key of the CA': () => authority({}) },
  },
  {
    rule: 'name-bounds',
    bad: { 'a common name of 65': () => withSubject(`CN=${'x'.repeat(65)},C=JP`) },
    good: {
      'a common name of 64': () => withSubject(`CN=${'x'.repeat(64)},C=JP`),
      '64 characters of three octets': () => withSubject(`CN=${'前'.repeat(64)},C=JP`),
    },
  },
  {
    rule: 'country-name',
    bad: {
      'lower case': () => withSubject('CN=a,C=jp'),
      'three letters': () => withSubject('CN=a,C=JPN'),
    },
    good: { none: () => withSubject('CN=a') },
  },
  {
    rule: 'name-string-type',
    bad: {
      TeletexString: () =>
        certificate({
          subject: buildName([[{ type: Oid.commonName, stringTag: 0x14, value: 'a' }]]),
        }),
      'a country as UTF8String': () =>
        certificate({
          subject: buildName([[{ type: Oid.countryName, stringTag: 0x0c, value: 'JP' }]]),
        }),
    },
    good: {
      PrintableString: () => certificate({ subject: nameFromText('CN=a', { printable: ['CN'] }) }),
    },
  },
  {
    rule: 'name-spaces',
    bad: {
      behind: () => withSubject('CN=a\\ ,C=JP'),
      'a control character': () => withSubject('CN=a\\07b'),
    },
    good: { inside: () => withSubject('CN=a b,C=JP') },
  },
  {
    rule: 'subject-key-identifier',
    bad: {
      missing: () => certificate({}, { ski: undefined }),
      critical: () => certificate({}, { ski: { ...ownExtensions.ski, critical: true } }),
    },
    good: {},
  },
  {
    rule: 'authority-key-identifier',
    bad: {
      missing: () => certificate({}, { aki: undefined }),
      'of another key': () => certificate({}, { aki: akiOf(2n ** 150n, new Uint8Array(20)) }),
      'of another certificate': () => certificate({}, { aki: akiOf(5n) }),
      critical: () => certificate({}, { aki: { ...ownExtensions.aki, critical: true } }),
    },
    good: {
      'the key alone': () =>
        certificate(
          {},
          {
            aki: buildAuthorityKeyIdentifier({ keyIdentifier: computeKeyIdentifier(caKey.spki) }),
          },
        ),
    },
  },
  {
    rule: 'key-usage-critical',
    bad: {
      'not critical': () =>
        certificate({}, { keyUsage: buildKeyUsage(['digitalSignature'], false) }),
    },
    good: { absent: () => certificate({}, { keyUsage: undefined }) },
  },
  {
    rule: 'key-usage-agreement',
    bad: {
      alone: () => server({ keyUsage: usage('encipherOnly') }),
      both: () => server({ keyUsage: usage('keyAgreement', 'encipherOnly', 'decipherOnly') }),
    },
    good: {
      'with keyAgreement': () => server({ keyUsage: usage('keyAgreement', 'encipherOnly') }),
    },
  },
  {
    rule: 'extended-key-usage',
    bad: {
      twice: () => server({ more: purposes(Oid.clientAuth, Oid.clientAuth) }),
      'any, critical': () =>
        server({ more: { ...purposes(Oid.anyExtendedKeyUsage), critical: true } }),
    },
    good: { any: () => server({ more: purposes(Oid.anyExtendedKeyUsage) }) },
  },
  {
    rule: 'purposes-fit-key-usage',
    bad: {
      'signing code without': () =>
        server({ keyUsage: usage('keyAgreement'), more: purposes(Oid.codeSigning) }),
    },
    good: { 'signing code with': () => server({ more: purposes(Oid.codeSigning) }) },
  },
  {
    rule: 'ocsp-responder',
    bad: { 'nocheck alone': () => server({ more: buildOcspNoCheck() }) },
    good: {
      'with the purpose': () =>
        server({ more: purposes(Oid.ocspSigning), last: buildOcspNoCheck() }),
    },
  },
  {
    rule: 'private-key-usage-period',
    bad: {
      'a second longer': () =>
        certificate(
          {},
          { more: buildPrivateKeyUsagePeriod({ notAfterMs: sampleTimes.notAfterMs + 1000 }) },
        ),
    },
    good: {
      'as long': () =>
        certificate(
          {},
          { more: buildPrivateKeyUsagePeriod({ notAfterMs: sampleTimes.notAfterMs }) },
        ),
    },
  },
  {
    rule: 'alternative-names',
    bad: {
      'an underscore': () => certificate({}, named({ kind: 'dnsName', text: 'a_b.go.jp' })),
      'one label': () => certificate({}, named({ kind: 'dnsName', text: 'localhost' })),
      'no @': () => certificate({}, named({ kind: 'rfc822Name', text: 'a.go.jp' })),
      'a relative URI': () => certificate({}, named({ kind: 'uri', text: '/a' })),
      'a network': () => certificate({}, named({ kind: 'ipAddress', bytes: new Uint8Array(8) })),
      'an empty name': () =>
        certificate({}, named({ kind: 'directoryName', name: nameFromText('') })),
    },
    good: {
      'all kinds': () =>
        certificate(
          {},
          named(
            { kind: 'dnsName', text: '*.xn--fiq.go.jp' },
            { kind: 'rfc822Name', text: 'a@go.jp' },
            { kind: 'uri', text: 'urn:a' },
            { kind: 'ipAddress', bytes: new Uint8Array(16) },
            { kind: 'directoryName', name: caName },
          ),
        ),
    },
  },
  {
    rule: 'alternative-name-critical',
    bad: { subject: () => certificate({}, { alternative: buildSubjectAltName(jpki(), true) }) },
    good: {},
  },
  {
    rule: 'server-subject-alternative-name',
    bad: {
      serverAuth: () => certificate({}, { more: purposes(Oid.serverAuth) }),
      Netscape: () => certificate({}, { more: buildNetscapeCertType(['sslServer']) }),
    },
    good: { 'with a name': () => server({ more: purposes(Oid.serverAuth) }) },
  },
  {
    rule: 'never-critical',
    bad: {
      cRLDistributionPoints: () =>
        certificate({}, { point: { ...ownExtensions.point, critical: true } }),
      'netscape-cert-type': () =>
        certificate({}, { more: buildNetscapeCertType(['sslClient'], true) }),
    },
    good: {
      'netscape-cert-type': () => certificate({}, { more: buildNetscapeCertType(['sslClient']) }),
    },
  },
  {
    rule: 'critical-extension-known',
    bad: {
      'one of its own': () =>
        certificate({}, { more: { oid: '1.2.3', critical: true, value: Uint8Array.of(5, 0) } }),
    },
    good: {
      'not critical': () =>
        certificate({}, { more: { oid: '1.2.3', critical: false, value: Uint8Array.of(5, 0) } }),
    },
  },
  {
    rule: 'certificate-policies',
    bad: {
      'a statement over ftp': () =>
        certificate(
          {},
          { policies: buildCertificatePolicies([{ oid: '1.2.3', cpsUri: 'ftp://a/' }]) },
        ),
    },
    good: {
      'both qualifiers': () =>
        certificate(
          {},
          {
            policies: buildCertificatePolicies([
              { oid: '1.2.3', cpsUri: 'https://a/', userNotice: '注'.repeat(200) },
            ]),
          },
        ),
    },
  },
  {
    rule: 'crl-distribution-points',
    bad: {
      'two points': () => {
        const fullName = [{ kind: 'directoryName' as const, name: caName }];
        return certificate({}, { point: buildCrlDistributionPoints([{ fullName }, { fullName }]) });
      },
      'of another issuer': () =>
        certificate(
          {},
          {
            point: buildCrlDistributionPoints([
              { crlIssuer: [{ kind: 'directoryName', name: caName }] },
            ]),
          },
        ),
    },
    good: { none: () => certificate({}, { point: undefined }) },
  },
  {
    rule: 'authority-information-access',
    bad: {
      'a place to send mail to': () => {
        const location = { kind: 'uri', text: 'mailto:a@go.jp' } as const;
        const { oid, value } = buildAuthorityInfoAccess(
          { ocsp: location.text, caIssuers: undefined },
          false,
        );
        return certificate({}, { more: { oid, critical: false, value } });
      },
    },
    good: {
      http: () =>
        certificate(
          {},
          { more: buildAuthorityInfoAccess({ ocsp: 'http://a/', caIssuers: undefined }, false) },
        ),
    },
  },
  {
    rule: 'ca-basic-constraints-critical',
    bad: {
      'not critical': () => authority({ more: buildBasicConstraints({ isCa: true }, false) }),
    },
    good: {
      'no CA, not critical': () =>
        certificate({}, { more: buildBasicConstraints({ isCa: false }, false) }),
    },
  },
  {
    rule: 'ca-key-usage',
    bad: { none: () => authority({ keyUsage: undefined }) },
    good: { some: () => authority({}) },
  },
  {
    rule: 'ca-key-cert-sign',
    bad: {
      'without a CA': () => certificate({}, { keyUsage: usage('keyCertSign') }),
      'a CA without': () => authority({ keyUsage: usage('cRLSign') }),
    },
    good: {},
  },
  {
    rule: 'ca-crl-sign',
    bad: { 'without a CA': () => certificate({}, { keyUsage: usage('cRLSign') }) },
    good: {},
  },
  {
    rule: 'ca-netscape-type',
    bad: {
      'without a CA': () => certificate({}, { more: buildNetscapeCertType(['objectSigningCa']) }),
      'a CA without': () => authority({ last: buildNetscapeCertType(['sslClient']) }),
    },
    good: {
      'of a CA': () => authority({ last: buildNetscapeCertType(['sslCa', 'objectSigningCa']) }),
    },
  },
  {
    rule: 'ca-extensions',
    bad: { 'without a CA': () => certificate({}, { more: buildInhibitAnyPolicy(0) }) },
    good: { 'of a CA': () => authority({ last: buildInhibitAnyPolicy(0) }) },
  },
  {
    rule: 'constraints-critical',
    bad: { 'not critical': () => authority({ last: buildInhibitAnyPolicy(0, false) }) },
    good: {},
  },
  {
    rule: 'jpki-other-names',
    bad: {
      'one missing': () => certificate({}, { alternative: buildSubjectAltName(jpki().slice(1)) }),
      'another order': () =>
        certificate({}, { alternative: buildSubjectAltName(jpki().toReversed()) }),
      'a date without an era': () =>
        certificate({}, { alternative: buildSubjectAltName(jpki({ dateOfBirth: '19900401' })) }),
      'a flag too few': () =>
        certificate(
          {},
          { alternative: buildSubjectAltName(jpki({ substituteCharacterOfCommonName: '0000' })) },
        ),
    },
    good: {
      unknown: () =>
        certificate({}, { alternative: buildSubjectAltName(jpki({ dateOfBirth: '400000000' })) }),
    },
  },
];

describe('the linter', () => {
  it('finds nothing wrong with good certificates', () => {
    assert.deepEqual(rulesOf(certificate({})), []);
    assert.deepEqual(lintCertificate(issuer, {}), []);
    assert.deepEqual(rulesOf(server({})), []);
    assert.deepEqual(rulesOf(authority({})), []);
  });

  for (const { rule, bad, good } of rows) {
    for (const [why, one] of Object.entries(bad)) {
      it(`${rule}: finds ${why}`, () =>
        assert.ok(rulesOf(one()).includes(rule), rulesOf(one()).join()));
    }
    for (const [why, one] of Object.entries(good)) {
      it(`${rule}: lets ${why} pass`, () => assert.ok(!rulesOf(one()).includes(rule)));
    }
  }
});

/** What a policy adds; held against a certificate that it did not make. */
describe('the linter with a policy', () => {
  const made = (change: Partial<Policy> = {}, scope = maebashi) => {
    const policy = { ...gunma, ...change };
    const definition = policy.profiles['end-entity'] ?? assert.fail();
    return { profile: new Profile('end-entity', definition, policy), scope };
  };
  const found = (one: Certificate, context = made()): readonly string[] =>
    lintCertificate(one, { issuer, made: context }).map(({ rule }) => rule);
  const endEntity = gunma.profiles['end-entity'] ?? assert.fail();
  const withProfile = (change: Partial<typeof endEntity>) =>
    made({ profiles: { ...gunma.profiles, 'end-entity': { ...endEntity, ...change } } });

  it('finds nothing wrong with what the policy would make', () => {
    assert.deepEqual(found(certificate({})), []);
  });

  it('profile-extensions: finds one more, one less, another order, another criticality', () => {
    const { aki, ski, ...others } = ownExtensions;
    const swapped = [ski, aki, ...Object.values(others)];
    for (const one of [
      certificate({}, { more: purposes(Oid.clientAuth) }),
      certificate({}, { policies: undefined }),
      certificate({ extensions: swapped }),
      certificate({}, { policies: { ...ownExtensions.policies, critical: false } }),
    ]) {
      assert.deepEqual(found(one), ['profile-extensions']);
    }
  });

  it('profile-validity: finds a day more than the profile allows', () => {
    const validity = { years: 2, beyondIssuer: 'shorten' } as const;
    assert.deepEqual(found(certificate({}), withProfile({ validity })), ['profile-validity']);
    const notAfterMs = Date.UTC(2028, 0, 4, 14, 59, 59);
    assert.deepEqual(found(certificate({ notAfterMs }), withProfile({ validity })), []);
    assert.deepEqual(
      found(certificate({ notAfterMs: notAfterMs + 1000 }), withProfile({ validity })),
      ['profile-validity'],
    );
  });

  it('profile-string-types: finds PrintableString where the policy says UTF8String, and the other way round', () => {
    const printable = nameFromText('CN=0001,C=JP', { printable: ['CN'] });
    assert.deepEqual(found(certificate({ subject: printable })), ['profile-string-types']);
    assert.deepEqual(
      found(certificate({ subject: printable }), withProfile({ printable: ['CN'] })),
      [],
    );
    assert.deepEqual(found(certificate({}), withProfile({ printable: ['CN'] })), [
      'profile-string-types',
    ]);
  });

  it('profile-policies: finds the identifier of the test environment, and of nobody', () => {
    const of = (oid: string) =>
      certificate({}, { policies: buildCertificatePolicies([{ oid }], true) });
    assert.deepEqual(found(of('1.2.392.200149.8.5.1.0.10')), ['profile-policies']);
    assert.deepEqual(found(of('1.2.392.200149.8.5.1.0.10'), made({ environment: 'test' })), []);
    assert.deepEqual(found(of('1.2.3')), ['profile-policies']);
  });

  it('list-named: finds another list, and one that should not be named', () => {
    const other = scopes.find('10202');
    assert.deepEqual(found(certificate({}), made({}, other)), ['list-named']);
    assert.deepEqual(found(certificate({}), made({}, { ...maebashi, isNamed: false })), [
      'list-named',
    ]);
    const none = certificate({}, { point: undefined });
    assert.deepEqual(found(none), ['profile-extensions', 'list-named']);
  });

  it('jpki-other-names: finds characters, genders and flags that the policy does not have', () => {
    for (const change of [
      { commonName: '髙橋　花子' },
      { gender: '9' },
      { substituteCharacterOfAddress: '000002' },
    ]) {
      const alternative = buildSubjectAltName(jpki(change));
      assert.deepEqual(found(certificate({}, { alternative })), ['jpki-other-names']);
    }
  });

  it('lets pass what the profile departs from', () => {
    const departures = { 'list-named': 'the statement says so' };
    const other = { ...withProfile({ departures }), scope: scopes.find('10202') };
    assert.deepEqual(found(certificate({}), other), []);
  });

  it('legacy algorithms: lets them pass where the policy allows them', () => {
    const sha1 = certificate({ algorithm: { scheme: 'rsa-pkcs1', digest: 'sha1' } });
    assert.deepEqual(found(sha1), ['signature-algorithm']);
    assert.deepEqual(found(sha1, made({ allowLegacyAlgorithms: true })), []);
  });
});

describe('the rules for certificates', () => {
  it('each have a row', () => {
    const ofPolicy = [
      'profile-extensions',
      'profile-validity',
      'profile-string-types',
      'profile-policies',
      'list-named',
    ];
    assert.deepEqual(
      [...rows.map(({ rule }) => rule), ...ofPolicy].sort(),
      certificateLintRules.map(({ id }) => id).sort(),
    );
  });
});
