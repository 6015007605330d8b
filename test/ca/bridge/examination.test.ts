/**
 * What a peer may get wrong, or do on purpose: each fault of a request, a certificate, a receipt or a directory is told
 * by itself, and what has none is taken (gunma 4-7, 4-8, 6-1-1-5; RFC 5280 §4.2, §6.1).
 */

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';

import {
  type CertificateFacts,
  examineCertificate,
} from '../../../src/ca/bridge/certificate-examination.ts';
import { examineReceipt, writeReceipt } from '../../../src/ca/bridge/cross-receipt.ts';
import { examineDirectory } from '../../../src/ca/bridge/directory-examination.ts';
import type { Finding } from '../../../src/ca/bridge/finding.ts';
import { examineRequest } from '../../../src/ca/bridge/request-examination.ts';
import { buildBasicConstraints } from '../../../src/x509/basic-constraints.ts';
import { parseCertificate, type TbsCertificate } from '../../../src/x509/certificate.ts';
import { buildCertificatePolicies } from '../../../src/x509/certificate-policies.ts';
import type { CertificationRequestInfo } from '../../../src/x509/csr.ts';
import { buildCrlDistributionPoints } from '../../../src/x509/distribution-point.ts';
import type { Extension } from '../../../src/x509/extensions.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
} from '../../../src/x509/key-identifier.ts';
import { buildExtendedKeyUsage, buildKeyUsage } from '../../../src/x509/key-usage.ts';
import { nameFromText } from '../../../src/x509/name.ts';
import { buildNameConstraints } from '../../../src/x509/name-constraints.ts';
import { Oid } from '../../../src/x509/object-identifiers.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { buildPolicyMappings } from '../../../src/x509/policy-mappings.ts';
import {
  readFixture,
  type SampleKey,
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
  sampleRequest,
} from '../../support/x509-samples.ts';

const nowMs = Date.UTC(2026, 5, 1);
const YEAR_MS = 366 * 86_400_000;
const DAY_MS = 86_400_000;

const peerKey = sampleKey('p256', 'peer');
const ownKey = sampleKey('p256', 'own');
const formerKey = sampleKey('p256', 'former');
const otherKey = sampleKey('p256', 'other');

const peerText = 'OU=BridgeCA,O=JPKI,C=JP';
const ownText = 'OU=Gunma,O=JPKI,C=JP';
const printable = ['C'];
const peerName = nameFromText(peerText, { printable });
const ownName = nameFromText(ownText, { printable });
/** The same names with every value in a PrintableString. */
const [peerOtherwise, ownOtherwise] = [peerText, ownText].map((text) =>
  nameFromText(text, { printable: ['C', 'O', 'OU'] }),
);
assert(peerOtherwise !== undefined && ownOtherwise !== undefined);

const policy = '1.2.392.200149.8.5.1.1.10';
const lasting = { notBeforeMs: nowMs - YEAR_MS, notAfterMs: nowMs + 9 * YEAR_MS };

const isCa = buildBasicConstraints({ isCa: true });
const usage = buildKeyUsage(['keyCertSign', 'cRLSign']);
const skiOf = ({ spki }: SampleKey): Extension =>
  buildSubjectKeyIdentifier(computeKeyIdentifier(spki));
const ownExtensions = (key: SampleKey): readonly Extension[] => [isCa, usage, skiOf(key)];

/** The CA's self-signed certificate, changed. */
function selfSigned(
  key: SampleKey,
  name: typeof peerName,
  changed: Partial<TbsCertificate> = {},
  signer = key,
): Uint8Array {
  const fields = { subject: name, issuer: name, ...lasting, extensions: ownExtensions(key) };
  return sampleCertificate(key, { ...fields, ...changed }, signer);
}

const peerDer = selfSigned(peerKey, peerName);
const peer = parseCertificate(peerDer);
const own = parseCertificate(selfSigned(ownKey, ownName));

function codes(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ path, code }) => `${path} ${code}`);
}

describe('a peer’s request is examined', () => {
  interface Given {
    readonly certificate?: Uint8Array;
    readonly request?: Uint8Array | string;
    readonly fingerprint?: string;
    readonly owner?: string;
  }
  const csr = (changed: Partial<CertificationRequestInfo> = {}, key = peerKey): Uint8Array =>
    sampleRequest(key, {
      subject: peerName,
      extensionRequest: [isCa, usage, skiOf(peerKey)],
      ...changed,
    });

  function examine({
    certificate = peerDer,
    request = csr(),
    fingerprint,
    owner,
  }: Given): readonly string[] {
    const told = fingerprint ?? hash('sha256', certificate, 'hex');
    const given = { request, certificate, fingerprint: told };
    return codes(examineRequest(given, { name: peerName, nowMs, owner }).findings);
  }

  it('and taken, as DER or PEM, whoever writes the fingerprint how', () => {
    assert.deepEqual(examine({}), []);
    const told = hash('sha256', peerDer, 'hex').toUpperCase().replaceAll(/../g, '$&:').slice(0, -1);
    const pem = encodePem('CERTIFICATE REQUEST', csr());
    assert.deepEqual(examine({ request: pem, fingerprint: ` ${told}` }), []);
    assert.deepEqual(examine({ request: csr({ extensionRequest: [] }) }), []);
  });

  const signed = csr();
  const tampered = Uint8Array.from(signed);
  tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1;
  const weak = sampleKey('rsa-1024', 'weak');
  const weakDer = selfSigned(weak, peerName);

  const rows: readonly (readonly [why: string, given: Given, found: readonly string[]])[] = [
    ['no request at all', { request: 'hello' }, ['request malformed']],
    [
      'a request with bytes behind it',
      { request: Buffer.concat([signed, Buffer.of(0)]) },
      ['request malformed'],
    ],
    ['a signature of another', { request: tampered }, ['request.signature signature']],
    [
      'another key than the certificate’s',
      { request: csr({ spki: otherKey.spki }, otherKey) },
      ['request.publicKey key-mismatch'],
    ],
    [
      'a key that it does not have',
      { request: csr({ spki: peerKey.spki }, otherKey) },
      ['request.signature signature'],
    ],
    ['another name', { request: csr({ subject: ownName }) }, ['request.subject name']],
    [
      'its name in another encoding',
      { request: csr({ subject: peerOtherwise }) },
      ['request.subject name-encoding'],
    ],
    [
      'a key that somebody else has',
      { owner: 'that of the peer gunma' },
      ['request.publicKey key-reused'],
    ],
    [
      'a weak key',
      {
        certificate: weakDer,
        request: sampleRequest(weak, { subject: peerName, extensionRequest: [] }),
      },
      ['request.publicKey key-weak'],
    ],
    [
      'the wish to be no CA',
      { request: csr({ extensionRequest: [buildBasicConstraints({ isCa: false })] }) },
      ['request.extensionRequest.basicConstraints not-a-ca'],
    ],
    [
      'another identifier of its key',
      { request: csr({ extensionRequest: [skiOf(otherKey)] }) },
      ['request.extensionRequest.subjectKeyIdentifier key-identifier'],
    ],
    ['another fingerprint', { fingerprint: 'ab'.repeat(32) }, ['certificate fingerprint']],
    ['no fingerprint', { fingerprint: '' }, ['certificate fingerprint']],
    ['no certificate', { certificate: Uint8Array.of(48, 0) }, ['certificate malformed']],
    [
      'a certificate of another CA',
      { certificate: selfSigned(peerKey, ownName) },
      ['certificate.subject name', 'request.subject name'],
    ],
    [
      'a certificate that another key has signed',
      { certificate: selfSigned(peerKey, peerName, {}, otherKey) },
      ['certificate.signature signature'],
    ],
    [
      'a certificate that another CA has issued',
      { certificate: selfSigned(peerKey, peerName, { issuer: ownName }) },
      ['certificate.issuer not-self-signed'],
    ],
    [
      'a certificate that has ended',
      { certificate: selfSigned(peerKey, peerName, { notAfterMs: nowMs - 1000 }) },
      ['certificate.notAfter expired'],
    ],
    [
      'a certificate that has not begun',
      { certificate: selfSigned(peerKey, peerName, { notBeforeMs: nowMs + 2 * DAY_MS }) },
      ['certificate.notBefore not-yet-valid'],
    ],
    [
      'a certificate of no CA',
      {
        certificate: selfSigned(peerKey, peerName, {
          extensions: [buildBasicConstraints({ isCa: false }), usage, skiOf(peerKey)],
        }),
      },
      ['certificate.extensions.basicConstraints not-a-ca'],
    ],
    [
      'a CA that signs no lists',
      {
        certificate: selfSigned(peerKey, peerName, {
          extensions: [isCa, buildKeyUsage(['keyCertSign']), skiOf(peerKey)],
        }),
      },
      ['certificate.extensions.keyUsage key-usage'],
    ],
    [
      'the certificate that the bridge of the JPKI had from 2003 on',
      { certificate: readFixture('ca-certs/00_BCA.cer') },
      [
        'certificate.subject name',
        'certificate.signature algorithm',
        'certificate.notAfter expired',
        'request.subject name',
        'request.publicKey key-mismatch',
        'request.extensionRequest.subjectKeyIdentifier key-identifier',
      ],
    ],
    [
      'several at once',
      {
        certificate: selfSigned(peerKey, peerName, { notAfterMs: nowMs - 1000 }),
        fingerprint: '00',
        request: csr({ subject: ownName }),
      },
      ['certificate fingerprint', 'certificate.notAfter expired', 'request.subject name'],
    ],
  ];
  for (const [why, given, found] of rows) {
    it(`with ${why}`, () => {
      assert.deepEqual(examine(given), found);
    });
  }
});

describe('a peer’s certificate for this CA is examined', () => {
  const facts: CertificateFacts = {
    ...{ peer, own, nowMs, utcOffsetMs: 0 },
    formerKeys: [formerKey.spki],
    askedFor: ownKey.spki,
    terms: {
      maxYears: 5,
      policies: [policy],
      mappings: [],
      leastPathLength: 1,
      nameConstraints: 'optional',
    },
  };
  const point = buildCrlDistributionPoints([
    { fullName: [{ kind: 'directoryName', name: peerName }] },
  ]);
  const aki = buildAuthorityKeyIdentifier({ keyIdentifier: computeKeyIdentifier(peerKey.spki) });
  const policies = buildCertificatePolicies([{ oid: policy }], true);
  const right: readonly Extension[] = [aki, skiOf(ownKey), usage, isCa, policies, point];

  /** The right extensions with some of them in the place of those of the same type, or behind. */
  const having = (...changed: readonly Extension[]): Partial<TbsCertificate> => ({
    extensions: [...right.filter(({ oid }) => !changed.some((one) => one.oid === oid)), ...changed],
  });
  const without = (oid: string): Partial<TbsCertificate> => ({
    extensions: right.filter((one) => one.oid !== oid),
  });

  function cross(changed: Partial<TbsCertificate> = {}, signer = peerKey): Uint8Array {
    const key = changed.spki === undefined ? ownKey : { ...ownKey, spki: changed.spki };
    const fields = {
      ...{ serialNumber: 0x4001n, subject: ownName, issuer: peerName, extensions: right },
      ...{ notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + 4 * YEAR_MS },
    };
    return sampleCertificate(key, { ...fields, ...changed }, signer);
  }

  const examine = (
    der: Uint8Array | string,
    changed: Partial<CertificateFacts> = {},
  ): readonly string[] => codes(examineCertificate(der, { ...facts, ...changed }).findings);

  it('and taken, as DER or PEM', () => {
    assert.deepEqual(examine(cross()), []);
    assert.deepEqual(examine(encodePem('CERTIFICATE', cross())), []);
    assert.deepEqual(
      examine(cross(having(buildBasicConstraints({ isCa: true, pathLength: 1 })))),
      [],
    );
  });

  const extension = (name: string, code: string): string =>
    `certificate.extensions.${name} ${code}`;
  const within = (base: string): Extension =>
    buildNameConstraints({
      permitted: [{ base: { kind: 'directoryName', name: nameFromText(base, { printable }) } }],
    });
  const rows: readonly (readonly [
    why: string,
    der: Uint8Array,
    found: readonly string[],
    changed?: Partial<CertificateFacts>,
  ])[] = [
    ['no certificate', Uint8Array.of(5, 0), ['certificate malformed']],
    ['bytes behind it', Buffer.concat([cross(), Buffer.of(0)]), ['certificate malformed']],
    [
      'another issuer',
      cross({ issuer: nameFromText('O=Elsewhere,C=JP') }),
      ['certificate.issuer name'],
    ],
    [
      'its issuer in another encoding',
      cross({ issuer: peerOtherwise }),
      ['certificate.issuer name-encoding'],
    ],
    [
      'another subject',
      cross({ subject: nameFromText('O=Elsewhere,C=JP') }),
      ['certificate.subject name'],
    ],
    [
      'our name in another encoding',
      cross({ subject: ownOtherwise }),
      ['certificate.subject name-encoding'],
    ],
    ['a link certificate', cross({ issuer: ownName }, formerKey), ['certificate self-issued']],
    ['the peer’s own certificate', peerDer, ['certificate self-issued']],
    [
      'another key',
      cross({ spki: otherKey.spki, ...having(skiOf(ownKey)) }),
      ['certificate.publicKey key-mismatch'],
    ],
    [
      'a key of ours that issues no more',
      cross({ spki: formerKey.spki }),
      ['certificate.publicKey key-mismatch'],
    ],
    [
      'a key that we did not ask for',
      cross(),
      ['certificate.publicKey not-asked-for'],
      { askedFor: undefined },
    ],
    ['a signature by another key', cross({}, otherKey), ['certificate.signature signature']],
    [
      'no CA in it',
      cross(having(buildBasicConstraints({ isCa: false }))),
      [extension('basicConstraints', 'not-a-ca')],
    ],
    [
      'nothing said of a CA',
      cross(without(Oid.basicConstraints)),
      [extension('basicConstraints', 'not-a-ca')],
    ],
    [
      'a CA that need not be noticed',
      cross(having(buildBasicConstraints({ isCa: true }, false))),
      [extension('basicConstraints', 'extension')],
    ],
    [
      'no room for CAs below this one',
      cross(having(buildBasicConstraints({ isCa: true, pathLength: 0 }))),
      [extension('basicConstraints', 'path-length')],
    ],
    [
      'no right to sign certificates',
      cross(having(buildKeyUsage(['cRLSign']))),
      [extension('keyUsage', 'key-usage')],
    ],
    [
      'purposes',
      cross(having(buildExtendedKeyUsage([Oid.serverAuth]))),
      [extension('extendedKeyUsage', 'extension')],
    ],
    ['an end that is past', cross({ notAfterMs: nowMs - 1000 }), ['certificate.notAfter expired']],
    [
      'a beginning to come',
      cross({ notBeforeMs: nowMs + 2 * DAY_MS }),
      ['certificate.notBefore not-yet-valid'],
    ],
    [
      'more years than agreed',
      cross({ notAfterMs: nowMs + 6 * YEAR_MS }),
      ['certificate.notAfter validity'],
    ],
    [
      'an end beyond ours',
      cross(),
      ['certificate.notAfter validity'],
      { own: parseCertificate(selfSigned(ownKey, ownName, { notAfterMs: nowMs + YEAR_MS })) },
    ],
    [
      'an end beyond its issuer’s',
      cross(),
      ['certificate.notAfter validity'],
      { peer: parseCertificate(selfSigned(peerKey, peerName, { notAfterMs: nowMs + YEAR_MS })) },
    ],
    [
      'no policies',
      cross(without(Oid.certificatePolicies)),
      [extension('certificatePolicies', 'policies')],
    ],
    [
      'other policies',
      cross(having(buildCertificatePolicies([{ oid: '1.2.3' }]))),
      [extension('certificatePolicies', 'policies')],
    ],
    [
      'any policy beside ours',
      cross(having(buildCertificatePolicies([{ oid: policy }, { oid: Oid.anyPolicy }]))),
      [extension('certificatePolicies', 'policies')],
    ],
    [
      'a mapping that was not agreed on',
      cross(having(buildPolicyMappings([{ issuerDomain: policy, subjectDomain: '1.2.3' }]))),
      [extension('policyMappings', 'mappings')],
    ],
    [
      'a mapping of anyPolicy',
      cross(
        having({
          ...{ oid: Oid.policyMappings, critical: true },
          value: new Uint8Array(Buffer.from('300c300a0604551d200006022a04', 'hex')),
        }),
      ),
      [extension('policyMappings', 'malformed')],
    ],
    [
      'a mapping missing',
      cross(),
      [extension('policyMappings', 'mappings')],
      {
        terms: { ...facts.terms, mappings: [{ issuerDomain: policy, subjectDomain: '1.2.3' }] },
      },
    ],
    [
      'no name constraints, which were agreed on',
      cross(),
      [extension('nameConstraints', 'name-constraints')],
      { terms: { ...facts.terms, nameConstraints: 'required' } },
    ],
    [
      'name constraints, which were not agreed on',
      cross(having(within('O=JPKI,C=JP'))),
      [extension('nameConstraints', 'name-constraints')],
      { terms: { ...facts.terms, nameConstraints: 'none' } },
    ],
    [
      'name constraints that leave us outside',
      cross(having(within('O=Japanese Government,C=JP'))),
      [extension('nameConstraints', 'name-constraints')],
    ],
    [
      'name constraints that exclude us',
      cross(
        having(
          buildNameConstraints({ excluded: [{ base: { kind: 'directoryName', name: ownName } }] }),
        ),
      ),
      [extension('nameConstraints', 'name-constraints')],
    ],
    [
      'another identifier for our key',
      cross(having(skiOf(otherKey))),
      [extension('subjectKeyIdentifier', 'key-identifier')],
    ],
    [
      'another identifier for its key',
      cross(
        having(buildAuthorityKeyIdentifier({ keyIdentifier: computeKeyIdentifier(otherKey.spki) })),
      ),
      [extension('authorityKeyIdentifier', 'key-identifier')],
    ],
    [
      'no distribution point',
      cross(without(Oid.cRLDistributionPoints)),
      [extension('cRLDistributionPoints', 'distribution-point')],
    ],
    [
      'a critical extension that nobody knows',
      cross(having({ oid: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) })),
      [extension('1.2.3.4', 'extension')],
    ],
    [
      'an extension that cannot be read',
      cross(having({ ...policies, value: Uint8Array.of(5, 0) })),
      [extension('certificatePolicies', 'malformed'), extension('certificatePolicies', 'policies')],
    ],
    [
      'another kind of key',
      cross(
        { algorithm: { scheme: 'rsa-pkcs1', digest: 'sha256' } },
        sampleKey('rsa-2048', 'peer'),
      ),
      ['certificate.signature signature'],
    ],
  ];
  for (const [why, der, found, changed] of rows) {
    it(`with ${why}`, () => {
      assert.deepEqual(examine(der, changed), found);
    });
  }

  it('that lies within name constraints', () => {
    assert.deepEqual(examine(cross(having(within('O=JPKI,C=JP')))), []);
  });

  it('and a receipt for it is for this very certificate', () => {
    const certificate = parseCertificate(cross());
    const text = writeReceipt(certificate, nowMs);
    assert.deepEqual(examineReceipt(text, certificate), []);
    const another = parseCertificate(cross({ serialNumber: 0x4002n }));
    assert.deepEqual(codes(examineReceipt(text, another)), [
      'receipt.certificate other-certificate',
    ]);
    const receipt = JSON.parse(text) as Record<string, unknown>;
    const wrong = { ...receipt, from: 'O=Elsewhere', to: 'O=Nowhere' };
    assert.deepEqual(codes(examineReceipt(JSON.stringify(wrong), certificate)), [
      'receipt.from other-certificate',
      'receipt.to other-certificate',
    ]);
    for (const none of ['', '[]', '{}', '"receipt"', '{'.repeat(100_000)]) {
      assert.deepEqual(codes(examineReceipt(none, certificate)), ['receipt malformed']);
    }
  });
});

describe('a peer’s directory is examined', () => {
  const list = (changed: Parameters<typeof sampleList>[2] = {}, key = peerKey): Uint8Array =>
    sampleList(key, sampleEntries(1), {
      ...{ issuer: peerName, thisUpdateMs: nowMs - DAY_MS, nextUpdateMs: nowMs + DAY_MS },
      ...changed,
    });
  const examine = (
    certificates: readonly Uint8Array[],
    lists: readonly Uint8Array[],
  ): readonly string[] =>
    codes(examineDirectory({ url: '', certificates, lists }, { peer, nowMs }));

  it('and its certificate and its list are there', () => {
    assert.deepEqual(examine([own.der, peerDer], [list()]), []);
  });

  const arl = 'authorityRevocationList';
  const rows: readonly (readonly [
    string,
    readonly Uint8Array[],
    readonly Uint8Array[],
    readonly string[],
  ])[] = [
    ['without its certificate', [own.der], [list()], ['cACertificate missing']],
    ['without a list', [peerDer], [], [`${arl} missing`]],
    ['with what is no list', [peerDer], [peerDer], [`${arl}[0] malformed`]],
    ['with a list by another key', [peerDer], [list({}, otherKey)], [`${arl}[0] signature`]],
    [
      'with a list of another CA',
      [peerDer],
      [list({ issuer: ownName })],
      [`${arl}[0].issuer name`],
    ],
    [
      'with a list that has ended',
      [peerDer],
      [list({ nextUpdateMs: nowMs - 1000 })],
      [`${arl}[0].nextUpdate list`],
    ],
    [
      'with a list to come',
      [peerDer],
      [list({ thisUpdateMs: nowMs + 1000 })],
      [`${arl}[0].thisUpdate list`],
    ],
  ];
  for (const [why, certificates, lists, found] of rows) {
    it(why, () => {
      assert.deepEqual(examine(certificates, lists), found);
    });
  }
});
