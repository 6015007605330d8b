import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { applyRules } from '../../src/core/lint-rule.ts';
import {
  type AnswerSubject,
  answerLintRules,
  assertAnswerLint,
  readAnswerData,
} from '../../src/ocsp/answer-rules.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { computeKeyIdentifier } from '../../src/x509/key-identifier.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodeOcspCertId } from '../../src/x509/ocsp-request.ts';
import { encodeOcspResponseData, type OcspSingleAnswer } from '../../src/x509/ocsp-response.ts';
import { sampleCertificate, sampleKey, sampleTimes } from '../support/x509-samples.ts';

const MINUTE_MS = 60_000;
const key = sampleKey('p256', 'responder');
const responder = parseCertificate(sampleCertificate(key));
const nowMs = sampleTimes.notBeforeMs + MINUTE_MS;
const certId = encodeOcspCertId({
  hashAlgorithm: Oid.sha1,
  issuerNameHash: new Uint8Array(20),
  issuerKeyHash: new Uint8Array(20),
  serialNumber: 5n,
});
const good: OcspSingleAnswer = {
  certId,
  status: { kind: 'good' },
  thisUpdateMs: nowMs,
  nextUpdateMs: nowMs + 10 * MINUTE_MS,
  archiveCutoffMs: nowMs,
};

function data(
  answer: Partial<OcspSingleAnswer> = {},
  change: Partial<Parameters<typeof encodeOcspResponseData>[0]> = {},
): Uint8Array {
  return encodeOcspResponseData({
    responderKeyHash: computeKeyIdentifier(key.spki),
    producedMs: nowMs,
    answers: [{ ...good, ...answer }],
    nonce: new Uint8Array(32),
    ...change,
  });
}

const subject = (bytes = data(), change: Partial<AnswerSubject> = {}): AnswerSubject => ({
  ...readAnswerData(bytes),
  responder,
  asked: [certId],
  ...change,
});
const revoked = (revokedMs: number, reason?: number): Uint8Array =>
  data({ status: { kind: 'revoked', revokedMs, ...(reason === undefined ? {} : { reason }) } });
const { nextUpdateMs: _end, ...endless } = good;

const rows: readonly (readonly [rule: string, why: string, bad: () => AnswerSubject])[] = [
  ['ocsp-answers', 'one that was not asked', () => subject(data(), { asked: [] })],
  [
    'ocsp-answers',
    'another certificate',
    () => subject(data(), { asked: [Uint8Array.of(0x30, 0)] }),
  ],
  [
    'ocsp-responder-id',
    'another key',
    () => subject(data({}, { responderKeyHash: new Uint8Array(20) })),
  ],
  ['ocsp-times', 'no end', () => subject(data({}, { answers: [endless] }))],
  ['ocsp-times', 'an answer of the future', () => subject(data({ thisUpdateMs: nowMs + 1000 }))],
  [
    'ocsp-within-responder',
    'a second longer than the responder',
    () => subject(data({ nextUpdateMs: responder.notAfterMs + 1000 })),
  ],
  ['ocsp-revoked', 'in the future', () => subject(revoked(nowMs + 1000))],
  ['ocsp-revoked', 'removeFromCRL', () => subject(revoked(nowMs, 8))],
  ['ocsp-revoked', 'a reason that there is not', () => subject(revoked(nowMs, 7))],
  ['ocsp-nonce', 'a nonce too long', () => subject(data({}, { nonce: new Uint8Array(129) }))],
];

const passing: Readonly<Record<string, () => AnswerSubject>> = {
  'a good answer': () => subject(),
  'one without a nonce': () => {
    const { extensions: _nonce, ...rest } = subject();
    return { ...rest, extensions: [] };
  },
  'one to the last second of the responder': () =>
    subject(data({ nextUpdateMs: responder.notAfterMs })),
  'revoked now': () => subject(revoked(nowMs, 1)),
  'revoked without a reason': () => subject(revoked(nowMs)),
  unknown: () => subject(data({ status: { kind: 'unknown' } })),
  'the longest nonce': () => subject(data({}, { nonce: new Uint8Array(128) })),
};

const found = (one: AnswerSubject): readonly string[] =>
  applyRules(answerLintRules, one).map(({ rule }) => rule);

describe('rules for OCSP answers', () => {
  for (const [rule, why, bad] of rows) {
    it(`${rule}: find ${why}`, () => assert.deepEqual(found(bad()), [rule]));
  }
  for (const [why, one] of Object.entries(passing)) {
    it(`let ${why} pass`, () => assert.deepEqual(found(one()), []));
  }

  it('each have a row', () => {
    const known = answerLintRules.map(({ id }) => id);
    assert.deepEqual([...new Set(rows.map(([rule]) => rule))].sort(), known.toSorted());
  });

  it('keep an answer from being signed', () => {
    assert.throws(() => assertAnswerLint(revoked(nowMs, 8), { responder, asked: [certId] }), {
      code: 'OCSP_LINT',
    });
    assertAnswerLint(data(), { responder, asked: [certId] });
  });
});
