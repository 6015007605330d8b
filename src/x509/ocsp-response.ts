/**
 * Writing OCSP responses (RFC 6960 §4.2): what is to be signed, the basic response around it, and those that only say
 * why there is no answer.
 *
 * Not here: what is answered (`src/ocsp`).
 *
 * @module
 */

import {
  encodeBitString,
  encodeElement,
  encodeEnumerated,
  encodeExplicit,
  encodeGeneralizedTime,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { encodeSignatureAlgorithm, type SignatureAlgorithmLike } from './algorithms.ts';
import { type Extension, encodeExtensions } from './extensions.ts';
import { Oid } from './object-identifiers.ts';
import { buildOcspNonce } from './ocsp-request.ts';

export type OcspCertStatus =
  | { readonly kind: 'good' }
  | {
      readonly kind: 'revoked';
      readonly revokedMs: number;
      /** CRLReason; left out for none and for unspecified. */
      readonly reason?: number;
    }
  | { readonly kind: 'unknown' };

/** What is said of one certificate. */
export interface OcspSingleAnswer {
  /** CertID as it was asked. */
  readonly certId: Uint8Array;
  readonly status: OcspCertStatus;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs?: number;
  /** §4.4.4: up to where in the past certificates that have expired are still answered. */
  readonly archiveCutoffMs?: number;
}

export interface OcspResponseData {
  /** SHA-1 of the bits of the responder's public key (§4.2.1). */
  readonly responderKeyHash: Uint8Array;
  readonly producedMs: number;
  /** At least one. */
  readonly answers: readonly OcspSingleAnswer[];
  readonly nonce?: Uint8Array;
}

/** OCSPResponseStatus (§4.2.1). */
export const OcspResponseStatus = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const;

export type OcspRefusal = Exclude<keyof typeof OcspResponseStatus, 'successful'>;

const good = encodeElement(contextTag(0, 'primitive'));
const unknown = encodeElement(contextTag(2, 'primitive'));
const REVOKED = contextTag(1, 'constructed');

/** Encodes ResponseData: the bytes to be signed. Times are cut to whole seconds. */
export function encodeOcspResponseData(data: OcspResponseData): Uint8Array {
  const { nonce } = data;
  const extensions =
    nonce === undefined ? [] : [encodeExplicit(1, encodeExtensions([buildOcspNonce(nonce)]))];
  return encodeSequence(
    encodeExplicit(2, encodeOctetString(data.responderKeyHash)),
    encodeGeneralizedTime(data.producedMs),
    encodeSequence(...data.answers.map(encodeSingleAnswer)),
    ...extensions,
  );
}

function encodeSingleAnswer(answer: OcspSingleAnswer): Uint8Array {
  const { nextUpdateMs, archiveCutoffMs } = answer;
  const next =
    nextUpdateMs === undefined ? [] : [encodeExplicit(0, encodeGeneralizedTime(nextUpdateMs))];
  const extensions =
    archiveCutoffMs === undefined
      ? []
      : [encodeExplicit(1, encodeExtensions([buildArchiveCutoff(archiveCutoffMs)]))];
  return encodeSequence(
    answer.certId,
    encodeStatus(answer.status),
    encodeGeneralizedTime(answer.thisUpdateMs),
    ...next,
    ...extensions,
  );
}

function buildArchiveCutoff(atMs: number): Extension {
  return { oid: Oid.ocspArchiveCutoff, critical: false, value: encodeGeneralizedTime(atMs) };
}

function encodeStatus(status: OcspCertStatus): Uint8Array {
  switch (status.kind) {
    case 'good':
      return good;
    case 'unknown':
      return unknown;
    case 'revoked': {
      const { revokedMs, reason = 0 } = status;
      // RFC 5280 §5.3.1: unspecified is said by saying nothing.
      const given = reason === 0 ? [] : [encodeExplicit(0, encodeEnumerated(reason))];
      return encodeElement(REVOKED, encodeGeneralizedTime(revokedMs), ...given);
    }
  }
}

/** Encodes a successful OCSPResponse with a BasicOCSPResponse and the certificates that verify it. */
export function encodeOcspResponse(signed: {
  readonly data: Uint8Array;
  readonly algorithm: SignatureAlgorithmLike;
  readonly signature: Uint8Array;
  readonly certificates: readonly Uint8Array[];
}): Uint8Array {
  const { data, algorithm, signature, certificates } = signed;
  const basic = encodeSequence(
    data,
    encodeSignatureAlgorithm(algorithm),
    encodeBitString(signature),
    encodeExplicit(0, encodeSequence(...certificates)),
  );
  return encodeSequence(
    encodeEnumerated(OcspResponseStatus.successful),
    encodeExplicit(0, encodeSequence(encodeOid(Oid.ocspBasicResponse), encodeOctetString(basic))),
  );
}

/** Encodes an OCSPResponse that only says why there is no answer. */
export function encodeOcspRefusal(refusal: OcspRefusal): Uint8Array {
  return encodeSequence(encodeEnumerated(OcspResponseStatus[refusal]));
}
