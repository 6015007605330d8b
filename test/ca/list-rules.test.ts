import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { assertListLint, type ListSubject, listLintRules } from '../../src/ca/lint/list-rules.ts';
import { Scopes } from '../../src/ca/policy/scope.ts';
import { applyRules } from '../../src/core/lint-rule.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { assembleSigned, parseCertificate } from '../../src/x509/certificate.ts';
import {
  buildTbsCertificateList,
  parseCertificateListHead,
  type TbsCertificateList,
} from '../../src/x509/certificate-list.ts';
import {
  buildCrlNextPublish,
  buildCrlNumber,
  buildDeltaCrlIndicator,
} from '../../src/x509/crl-extensions.ts';
import {
  buildFreshestCrl,
  buildIssuingDistributionPoint,
} from '../../src/x509/distribution-point.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { type Name, nameFromText } from '../../src/x509/name.ts';
import { gunma } from '../support/ca-test-bed.ts';
import { sampleCertificate, sampleKey, sampleTimes } from '../support/x509-samples.ts';

const HOUR_MS = 3_600_000;
const key = sampleKey('p256', 'ca');
const caName = nameFromText('OU=Lint CA,O=JPKI,C=JP');
const issuer = parseCertificate(
  sampleCertificate(key, {
    issuer: caName,
    subject: caName,
    extensions: [buildSubjectKeyIdentifier(computeKeyIdentifier(key.spki))],
  }),
);
const scopes = new Scopes(gunma);
const scope = scopes.find('10201');
const thisUpdateMs = sampleTimes.notBeforeMs + HOUR_MS;

const points = (name: Name = scope.distributionPoint) => ({
  fullName: [{ kind: 'directoryName' as const, name }],
});

const good = {
  aki: buildAuthorityKeyIdentifier({ keyIdentifier: computeKeyIdentifier(key.spki) }),
  number: buildCrlNumber(7n),
  idp: buildIssuingDistributionPoint({ ...points(), onlyContains: 'user' }),
  nextPublish: buildCrlNextPublish(thisUpdateMs + 24 * HOUR_MS),
};

type Parts = Partial<Record<keyof typeof good | 'more', Extension | undefined>>;

function meant(
  parts: Parts = {},
  fields: Partial<TbsCertificateList> = {},
): Omit<TbsCertificateList, 'entriesLength'> {
  const all: Record<string, Extension | undefined> = { ...good, ...parts };
  return {
    issuer: caName,
    algorithm: key.algorithm,
    thisUpdateMs,
    nextUpdateMs: thisUpdateMs + 72 * HOUR_MS,
    extensions: Object.values(all).filter((one) => one !== undefined),
    ...fields,
  };
}

function subject(
  parts: Parts = {},
  change: Partial<ListSubject> & { readonly fields?: Partial<TbsCertificateList> } = {},
): ListSubject {
  const { fields = {}, ...context } = change;
  const { head, tail } = buildTbsCertificateList({ ...meant(parts, fields), entriesLength: 0 });
  const algorithm = encodeSignatureAlgorithm(fields.algorithm ?? key.algorithm);
  const der = assembleSigned(Buffer.concat([head, tail]), algorithm, new Uint8Array(1));
  return { list: parseCertificateListHead(der), issuer, scope, policy: gunma, ...context };
}

const found = (one: ListSubject): readonly string[] =>
  applyRules(listLintRules, one).map(({ rule }) => rule);
const idp = (change: Parameters<typeof buildIssuingDistributionPoint>[0]): Parts => ({
  idp: buildIssuingDistributionPoint({ onlyContains: 'user', ...points(), ...change }),
});
const sha1 = { fields: { algorithm: { scheme: 'rsa-pkcs1', digest: 'sha1' } } } as const;

const rows: readonly (readonly [rule: string, why: string, bad: () => ListSubject])[] = [
  [
    'list-version-2',
    'version 1',
    () => ({ ...subject(), list: { ...subject().list, version: 1 } }),
  ],
  [
    'list-issuer-name',
    'other letters',
    () => subject({}, { fields: { issuer: nameFromText('OU=lint CA,O=JPKI,C=JP') } }),
  ],
  ['list-signature-algorithm', 'SHA-1', () => subject({}, sha1)],
  [
    'list-times',
    'no end',
    () => {
      const { nextUpdateMs: _none, ...list } = subject().list;
      return { ...subject({ nextPublish: undefined }), list };
    },
  ],
  [
    'list-signer-in-force',
    'a second early',
    () =>
      subject(
        { nextPublish: undefined },
        { fields: { thisUpdateMs: sampleTimes.notBeforeMs - 1000 } },
      ),
  ],
  ['list-signer-usage', 'missing', () => subject({ aki: undefined })],
  [
    'list-signer-usage',
    'another key',
    () => subject({ aki: buildAuthorityKeyIdentifier({ keyIdentifier: new Uint8Array(20) }) }),
  ],
  ['list-number', 'missing', () => subject({ number: undefined })],
  ['list-number', 'zero', () => subject({ number: buildCrlNumber(0n) })],
  ['list-criticality', 'a critical number', () => subject({ number: buildCrlNumber(7n, true) })],
  [
    'list-criticality',
    'a point that is not',
    () => subject({ idp: { ...good.idp, critical: false } }),
  ],
  [
    'list-extensions-known',
    'one of its own',
    () => subject({ more: { oid: '1.2.3', critical: true, value: Uint8Array.of(5, 0) } }),
  ],
  ['list-distribution-point', 'missing', () => subject({ idp: undefined })],
  ['list-distribution-point', 'another', () => subject(idp(points(caName)))],
  ['list-distribution-point', 'of CAs', () => subject(idp({ onlyContains: 'ca' }))],
  [
    'list-distribution-point',
    'of some reasons',
    () => subject(idp({ onlySomeReasons: new Set([1]) })),
  ],
  [
    'list-distribution-point',
    'named where none is',
    () => subject({}, { scope: { ...scope, isNamed: false } }),
  ],
  [
    'list-distribution-point',
    'in a full list',
    () => subject({}, { scope: { ...scope, isFull: true } }),
  ],
  ['list-delta', 'from itself', () => subject({ more: buildDeltaCrlIndicator(7n) })],
  ['list-delta', 'two names', () => subject({ more: buildFreshestCrl([points(), points()]) })],
  [
    'list-next-publish',
    'after the end',
    () => subject({ nextPublish: buildCrlNextPublish(thisUpdateMs + 73 * HOUR_MS) }),
  ],
];

const passing: readonly (readonly [rule: string, why: string, good: () => ListSubject])[] = [
  [
    'list-signature-algorithm',
    'SHA-1 where the policy allows it',
    () => subject({}, { ...sha1, policy: { allowLegacyAlgorithms: true } }),
  ],
  [
    'list-signer-in-force',
    'the first second',
    () =>
      subject({ nextPublish: undefined }, { fields: { thisUpdateMs: sampleTimes.notBeforeMs } }),
  ],
  ['list-number', 'one', () => subject({ number: buildCrlNumber(1n) })],
  ['list-delta', 'from the one before', () => subject({ more: buildDeltaCrlIndicator(6n) })],
  ['list-delta', 'one name', () => subject({ more: buildFreshestCrl([points()]) })],
  [
    'list-distribution-point',
    'none where none is named',
    () =>
      subject(
        { idp: buildIssuingDistributionPoint({ onlyContains: 'user' }) },
        { scope: { ...scope, isNamed: false } },
      ),
  ],
  [
    'list-distribution-point',
    'none in a full list',
    () => subject({ idp: undefined }, { scope: { ...scope, isFull: true } }),
  ],
  [
    'list-next-publish',
    'at the end',
    () => subject({ nextPublish: buildCrlNextPublish(thisUpdateMs + 72 * HOUR_MS) }),
  ],
];

describe('rules for lists', () => {
  it('find nothing wrong with a good one', () => assert.deepEqual(found(subject()), []));

  for (const [rule, why, bad] of rows) {
    it(`${rule}: find ${why}`, () => assert.deepEqual(found(bad()), [rule]));
  }
  for (const [rule, why, one] of passing) {
    it(`${rule}: let ${why} pass`, () => assert.deepEqual(found(one()), []));
  }

  it('each have a row', () => {
    const known = listLintRules.map(({ id }) => id);
    assert.deepEqual([...new Set(rows.map(([rule]) => rule))].sort(), known.toSorted());
  });

  it('keep a list from being signed, but for warnings', () => {
    const context = { issuer, scope, policy: gunma };
    assert.throws(() => assertListLint(meant({ aki: undefined }), context), { code: 'CA_LINT' });
    const early = { thisUpdateMs: sampleTimes.notBeforeMs - 1000 };
    assertListLint(meant({ nextPublish: undefined }, early), context);
  });
});
