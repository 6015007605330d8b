import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { certificateLintRules, lintCertificate } from '../../src/ca/lint/lint.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import {
  type Certificate,
  parseCertificate,
  type TbsCertificate,
} from '../../src/x509/certificate.ts';
import { buildCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import { buildCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import {
  buildExtendedKeyUsage,
  buildKeyUsage,
  buildOcspNoCheck,
} from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { sampleCertificate, sampleKey, sampleTimes } from '../support/x509-samples.ts';

const caKey = sampleKey('p256', 'ca');
const ownKey = sampleKey('p256', 'own');
const caName = nameFromText('OU=Lint CA,O=JPKI,C=JP');
const pointOf = (text: string): Extension =>
  buildCrlDistributionPoints([{ fullName: [{ kind: 'directoryName', name: nameFromText(text) }] }]);

const caExtensions = [
  buildSubjectKeyIdentifier(computeKeyIdentifier(caKey.spki)),
  buildKeyUsage(['keyCertSign', 'cRLSign']),
  buildBasicConstraints({ isCa: true }),
  pointOf('OU=Lint CA,O=JPKI,C=JP'),
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

const ownExtensions = {
  aki: akiOf(2n ** 150n),
  ski: buildSubjectKeyIdentifier(computeKeyIdentifier(ownKey.spki)),
  keyUsage: buildKeyUsage(['digitalSignature']),
  policies: buildCertificatePolicies([{ oid: '1.2.3' }], true),
  point: pointOf('CN=point,C=JP'),
};

/** A good certificate but for what is changed. */
function certificate(
  fields: Partial<TbsCertificate>,
  extensions: Partial<Record<keyof typeof ownExtensions | 'more', Extension | undefined>> = {},
): Certificate {
  const all: Record<string, Extension | undefined> = { ...ownExtensions, ...extensions };
  return parseCertificate(
    sampleCertificate(
      ownKey,
      {
        serialNumber: 2n ** 151n,
        issuer: caName,
        subject: nameFromText('CN=0001,L=Maebashi-shi,C=JP'),
        extensions: Object.values(all).filter((one) => one !== undefined),
        ...fields,
      },
      caKey,
    ),
  );
}

const rulesOf = (one: Certificate): string[] =>
  lintCertificate(one, { issuer }).map(({ rule }) => rule);

describe('the linter', () => {
  it('finds nothing wrong with a good certificate', () => {
    assert.deepEqual(lintCertificate(certificate({}), { issuer }), []);
  });

  it('finds nothing wrong with a good self-signed certificate', () => {
    assert.deepEqual(lintCertificate(issuer, {}), []);
  });

  it('finds nothing wrong with a good OCSP responder', () => {
    const more = buildExtendedKeyUsage([Oid.ocspSigning]);
    const extensions = [...Object.values(ownExtensions), more, buildOcspNoCheck()];
    assert.deepEqual(rulesOf(certificate({ extensions })), []);
  });

  const defects: readonly {
    readonly rule: string;
    readonly why: string;
    readonly one: () => Certificate;
  }[] = [
    {
      rule: 'serial-number',
      why: 'one short',
      one: () => certificate({ serialNumber: 2n ** 127n - 1n }),
    },
    { rule: 'serial-number', why: 'one', one: () => certificate({ serialNumber: 1n }) },
    {
      rule: 'issuer-name',
      why: 'other bytes for the same name',
      one: () => certificate({ issuer: nameFromText('OU=lint CA,O=JPKI,C=JP') }),
    },
    {
      rule: 'validity-order',
      why: 'no time at all',
      one: () => certificate({ notAfterMs: sampleTimes.notBeforeMs }),
    },
    {
      rule: 'validity-within-issuer',
      why: 'a second more than the issuer',
      one: () => certificate({ notAfterMs: sampleTimes.notAfterMs + 1000 }),
    },
    { rule: 'subject-name', why: 'empty', one: () => certificate({ subject: nameFromText('') }) },
    { rule: 'subject-name', why: "the issuer's", one: () => certificate({ subject: caName }) },
    {
      rule: 'subject-name',
      why: "the issuer's in other letters",
      one: () => certificate({ subject: nameFromText('OU=LINT CA,O=jpki,C=JP') }),
    },
    {
      rule: 'name-bounds',
      why: 'a common name of 65 characters',
      one: () => certificate({ subject: nameFromText(`CN=${'x'.repeat(65)},C=JP`) }),
    },
    {
      rule: 'country-name',
      why: 'lower case',
      one: () => certificate({ subject: nameFromText('CN=a,C=jp') }),
    },
    {
      rule: 'country-name',
      why: 'three letters',
      one: () => certificate({ subject: nameFromText('CN=a,C=JPN') }),
    },
    {
      rule: 'public-key',
      why: 'RSA-1024',
      one: () => {
        const { spki } = sampleKey('rsa-1024');
        const ski = buildSubjectKeyIdentifier(computeKeyIdentifier(spki));
        return certificate({ spki }, { ski });
      },
    },
    {
      rule: 'key-usage-critical',
      why: 'not critical',
      one: () => certificate({}, { keyUsage: buildKeyUsage(['digitalSignature'], false) }),
    },
    {
      rule: 'ca-key-cert-sign',
      why: 'keyCertSign without a CA',
      one: () => certificate({}, { keyUsage: buildKeyUsage(['keyCertSign']) }),
    },
    {
      rule: 'ca-key-cert-sign',
      why: 'a CA without keyCertSign',
      one: () => certificate({}, { more: buildBasicConstraints({ isCa: true }) }),
    },
    {
      rule: 'subject-key-identifier',
      why: 'missing',
      one: () => certificate({}, { ski: undefined }),
    },
    {
      rule: 'subject-key-identifier',
      why: 'critical',
      one: () => certificate({}, { ski: { ...ownExtensions.ski, critical: true } }),
    },
    {
      rule: 'authority-key-identifier',
      why: 'missing',
      one: () => certificate({}, { aki: undefined }),
    },
    {
      rule: 'authority-key-identifier',
      why: 'of another key',
      one: () => certificate({}, { aki: akiOf(2n ** 150n, new Uint8Array(20)) }),
    },
    {
      rule: 'authority-key-identifier',
      why: 'of another certificate',
      one: () => certificate({}, { aki: akiOf(5n) }),
    },
    {
      rule: 'never-critical',
      why: 'critical',
      one: () => certificate({}, { point: { ...ownExtensions.point, critical: true } }),
    },
    {
      rule: 'ocsp-responder',
      why: 'nocheck without the purpose',
      one: () => certificate({}, { more: buildOcspNoCheck() }),
    },
  ];
  for (const { rule, why, one } of defects) {
    it(`${rule}: ${why}`, () => {
      assert.deepEqual(rulesOf(one()), [rule]);
    });
  }

  it('ca-basic-constraints-critical: a CA whose constraints are not critical', () => {
    const extensions = caExtensions.map((extension) =>
      extension.oid === Oid.basicConstraints ? { ...extension, critical: false } : extension,
    );
    const one = parseCertificate(sampleCertificate(caKey, { ...caFields, extensions }));
    assert.deepEqual(
      lintCertificate(one, {}).map(({ rule }) => rule),
      ['ca-basic-constraints-critical'],
    );
  });

  it('names its rules once, each with its source', () => {
    const names = certificateLintRules.map(({ id }) => id);
    assert.equal(new Set(names).size, names.length);
    assert.ok(certificateLintRules.every(({ source }) => source !== ''));
  });
});
