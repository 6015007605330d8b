/**
 * Rules for an OCSP answer about to be signed: RFC 6960, RFC 5019, RFC 9654. They read the bytes of ResponseData.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import { equalBytes } from '../core/bytes.ts';
import { applyRules, formatFindings, type LintRule } from '../core/lint-rule.ts';
import type { Certificate } from '../x509/certificate.ts';
import { CrlReason } from '../x509/crl-extensions.ts';
import { type Extension, findExtension, parseExtensions } from '../x509/extensions.ts';
import { computeKeyIdentifier } from '../x509/key-identifier.ts';
import { Oid } from '../x509/object-identifiers.ts';
import { MAX_CERT_IDS, MAX_NONCE_BYTES } from '../x509/ocsp-request.ts';
import { OcspError } from './errors.ts';

/** One SingleResponse. */
interface ReadAnswer {
  readonly certId: Uint8Array;
  readonly revoked: { readonly atMs: number; readonly reason: number | undefined } | undefined;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | undefined;
}

export interface AnswerSubject {
  /** undefined where the responder is not named by its key. */
  readonly responderKeyHash: Uint8Array | undefined;
  readonly producedMs: number;
  readonly answers: readonly ReadAnswer[];
  readonly extensions: readonly Extension[];
  /** The certificate of the key that signs. */
  readonly responder: Certificate;
  /** CertIDs of the request, in its order. */
  readonly asked: readonly Uint8Array[];
}

type Rule = LintRule<AnswerSubject>;

const AnswerTag = {
  byName: contextTag(1, 'constructed'),
  byKey: contextTag(2, 'constructed'),
  good: contextTag(0, 'primitive'),
  revoked: contextTag(1, 'constructed'),
  nextUpdate: contextTag(0, 'constructed'),
  extensions: contextTag(1, 'constructed'),
} as const;

/** A list's own, which an answer about a certificate never is. */
const impossible: ReadonlySet<number> = new Set([CrlReason.unspecified, CrlReason.removeFromCRL]);
const reasons: ReadonlySet<number> = new Set(Object.values(CrlReason));

export const answerLintRules: readonly Rule[] = [
  {
    id: 'ocsp-answers',
    source: 'RFC 6960 4.2.1, 4.2.2.3',
    severity: 'error',
    holds: `there is an answer for each certificate that was asked about, in that order, at most ${MAX_CERT_IDS}`,
    check: ({ answers, asked }) =>
      answers.length > 0 &&
      answers.length <= MAX_CERT_IDS &&
      answers.length === asked.length &&
      answers.every(({ certId }, index) => equalBytes(certId, asked[index] ?? new Uint8Array(0)))
        ? undefined
        : 'the answers are not about what was asked',
  },
  {
    id: 'ocsp-responder-id',
    source: 'RFC 6960 4.2.2.3',
    severity: 'error',
    holds: 'the responder is named by the key that signs',
    check: ({ responderKeyHash, responder }) =>
      responderKeyHash !== undefined &&
      equalBytes(responderKeyHash, computeKeyIdentifier(responder.spki))
        ? undefined
        : 'responderID is not the key that signs',
  },
  {
    id: 'ocsp-times',
    source: 'RFC 6960 4.2.2.1',
    severity: 'error',
    holds: 'thisUpdate is not after producedAt, and nextUpdate is there and after thisUpdate',
    check: ({ answers, producedMs }) =>
      answers.every(
        ({ thisUpdateMs, nextUpdateMs }) =>
          thisUpdateMs <= producedMs && nextUpdateMs !== undefined && nextUpdateMs > thisUpdateMs,
      )
        ? undefined
        : 'the times of an answer contradict each other',
  },
  {
    id: 'ocsp-within-responder',
    source: 'RFC 6960 4.2.2.2',
    severity: 'error',
    holds: "the answer lies within the validity of the responder's certificate",
    check: ({ answers, producedMs, responder: { notBeforeMs, notAfterMs } }) =>
      producedMs >= notBeforeMs &&
      answers.every(({ nextUpdateMs = notAfterMs }) => nextUpdateMs <= notAfterMs)
        ? undefined
        : "the answer leaves the validity of the responder's certificate",
  },
  {
    id: 'ocsp-revoked',
    source: 'RFC 6960 4.2.1, RFC 5280 5.3.1',
    severity: 'error',
    holds:
      'a revocation does not lie in the future, and its reason is one of RFC 5280, never unspecified or removeFromCRL',
    check: ({ answers, producedMs }) =>
      answers.every(
        ({ revoked }) =>
          revoked === undefined ||
          (revoked.atMs <= producedMs &&
            (revoked.reason === undefined ||
              (reasons.has(revoked.reason) && !impossible.has(revoked.reason)))),
      )
        ? undefined
        : 'a revocation has a time in the future or a reason that it cannot have',
  },
  {
    id: 'ocsp-nonce',
    source: 'RFC 9654 2.1',
    severity: 'error',
    holds: `a nonce has 1 to ${MAX_NONCE_BYTES} octets and is not critical`,
    check: ({ extensions }) => {
      const nonce = findExtension(extensions, Oid.ocspNonce);
      if (nonce === undefined) {
        return undefined;
      }
      const { length } = new DerReader(nonce.value).readOctetString();
      return !nonce.critical && length >= 1 && length <= MAX_NONCE_BYTES
        ? undefined
        : 'the nonce has a wrong length, or is critical';
    },
  },
];

/**
 * Looks at an answer before it is signed.
 *
 * @throws {OcspError} `OCSP_LINT` @throws {DerError} when it cannot be read at all.
 */
export function assertAnswerLint(
  data: Uint8Array,
  context: Pick<AnswerSubject, 'responder' | 'asked'>,
): void {
  const findings = applyRules(answerLintRules, { ...readAnswerData(data), ...context });
  if (findings.length > 0) {
    throw new OcspError('OCSP_LINT', formatFindings(findings));
  }
}

/** Reads ResponseData. @throws {DerError} */
export function readAnswerData(data: Uint8Array): Omit<AnswerSubject, 'responder' | 'asked'> {
  const outer = new DerReader(data);
  const reader = outer.readConstructed();
  outer.expectEnd();
  const byKey = reader.readOptional(AnswerTag.byKey);
  if (byKey === undefined) {
    reader.skip(AnswerTag.byName);
  }
  const producedMs = reader.readGeneralizedTime();
  const list = reader.readConstructed();
  const answers: ReadAnswer[] = [];
  while (!list.isAtEnd) {
    answers.push(readAnswer(list.readConstructed()));
  }
  const extensions = reader.readOptional(AnswerTag.extensions);
  reader.expectEnd();
  return {
    responderKeyHash: byKey && new DerReader(byKey.content).readOctetString(),
    producedMs,
    answers,
    extensions: extensions === undefined ? [] : parseExtensions(extensions.content),
  };
}

function readAnswer(reader: DerReader): ReadAnswer {
  const certId = reader.readElement(Tag.sequence).raw;
  const status = reader.readElement();
  const thisUpdateMs = reader.readGeneralizedTime();
  const next = reader.readOptional(AnswerTag.nextUpdate);
  reader.readOptional(AnswerTag.extensions);
  reader.expectEnd();
  return {
    certId,
    revoked:
      status.tag === AnswerTag.revoked ? readRevoked(new DerReader(status.content)) : undefined,
    thisUpdateMs,
    nextUpdateMs: next && new DerReader(next.content).readGeneralizedTime(),
  };
}

function readRevoked(reader: DerReader): NonNullable<ReadAnswer['revoked']> {
  const atMs = reader.readGeneralizedTime();
  const given = reader.readOptional(contextTag(0, 'constructed'));
  reader.expectEnd();
  const reason = given && Number(new DerReader(given.content).readInteger(Tag.enumerated));
  return { atMs, reason };
}
