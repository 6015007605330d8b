/**
 * The OCSP responder (RFC 6960; the profile of RFC 5019; nonces of RFC 9654): a request's bytes in, a response's bytes
 * out. What is answered is the status of the moment of the question: an answer may be given again, but a revocation
 * drops those about its certificate before anyone is told that it is revoked.
 *
 * Not here: HTTP (`src/http/ocsp-server.ts`), who may ask (`gate.ts`), the register (`issuer.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { Awaitable } from '../core/awaitable.ts';
import { asBuffer } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { X509Error } from '../x509/errors.ts';
import { computeKeyIdentifier } from '../x509/key-identifier.ts';
import { type OcspRequest, parseOcspRequest } from '../x509/ocsp-request.ts';
import {
  encodeOcspRefusal,
  encodeOcspResponse,
  encodeOcspResponseData,
  type OcspRefusal,
  OcspResponseStatus,
  type OcspSingleAnswer,
} from '../x509/ocsp-response.ts';
import type { OcspAnswer, OcspRefused, OcspReply } from './answer.ts';
import { AnswerCache } from './answer-cache.ts';
import { OcspError, refusalOf } from './errors.ts';
import type { OcspAsker, OcspGate, OcspPeer } from './gate.ts';
import { type OcspIssuer, OcspIssuers, type RegisteredStatus } from './issuer.ts';
import { requestSigner } from './requestor.ts';

export interface OcspLimits {
  /** Answers that are kept. */
  readonly cacheEntries: number;
  readonly cacheBytes: number;
  /** Answers that are being made; more are told to try later. */
  readonly pending: number;
}

export const defaultOcspLimits: OcspLimits = {
  cacheEntries: 100_000,
  cacheBytes: 256 * 1024 * 1024,
  pending: 256,
};

export interface OcspResponderOptions {
  readonly issuers: readonly OcspIssuer[];
  readonly gate: OcspGate;
  /** True where the gate lets everyone ask about everything, so that nobody has to be asked who it is. */
  readonly isPublic: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<OcspLimits>;
}

/** Since the start. */
export interface OcspStatistics {
  readonly answered: number;
  /** Of those, given again. */
  readonly cached: number;
  readonly signed: number;
  readonly refused: Readonly<Record<OcspRefusal, number>>;
  readonly cacheEntries: number;
  readonly cacheBytes: number;
  readonly pending: number;
}

const refusals = Object.fromEntries(
  (Object.keys(OcspResponseStatus) as (keyof typeof OcspResponseStatus)[])
    .filter((name) => name !== 'successful')
    .map((refusal) => [refusal, { kind: 'refused', der: encodeOcspRefusal(refusal), refusal }]),
) as Readonly<Record<OcspRefusal, OcspRefused>>;

/** A revocation while an answer was looked for has it looked for again, but not for ever. */
const MAX_ATTEMPTS = 5;

export class OcspResponder {
  readonly #options: OcspResponderOptions;
  readonly #limits: OcspLimits;
  readonly #issuers: OcspIssuers;
  readonly #cache: AnswerCache;
  /** Answers that are being made and that others who ask the same are given too. */
  readonly #making = new Map<string, Promise<OcspAnswer>>();
  readonly #refused: Record<OcspRefusal, number> = {
    malformedRequest: 0,
    internalError: 0,
    tryLater: 0,
    sigRequired: 0,
    unauthorized: 0,
  };
  #answered = 0;
  #cached = 0;
  #signed = 0;
  #pending = 0;

  constructor(options: OcspResponderOptions) {
    this.#options = options;
    this.#limits = { ...defaultOcspLimits, ...options.limits };
    this.#issuers = new OcspIssuers(options.issuers);
    const { cacheEntries: entries, cacheBytes: bytes } = this.#limits;
    this.#cache = new AnswerCache({ entries, bytes });
  }

  get statistics(): OcspStatistics {
    return {
      answered: this.#answered,
      cached: this.#cached,
      signed: this.#signed,
      refused: { ...this.#refused },
      cacheEntries: this.#cache.size,
      cacheBytes: this.#cache.bytes,
      pending: this.#pending,
    };
  }

  /** To be called when a certificate was revoked, before that is acknowledged. */
  revoked(serialNumber: bigint): void {
    this.#cache.dropSerial(serialNumber);
    // Whoever asks from now on does not wait for what was begun before.
    this.#making.clear();
  }

  /**
   * Answers a request. Never rejects: whatever is wrong is said in the response.
   *
   * @param der OCSPRequest as it came.
   */
  answer(der: Uint8Array, peer: OcspPeer): Awaitable<OcspReply> {
    const { isPublic, clock, gate } = this.#options;
    const key = asBuffer(der).toString('latin1');
    if (isPublic) {
      const known = this.#cache.find(key, clock.nowMs());
      const asker = known === undefined ? undefined : gate.admit(peer, undefined);
      if (known !== undefined && asker !== undefined && !(asker instanceof Promise)) {
        this.#cached += 1;
        return this.#give(known, asker);
      }
    }
    return this.#answerSlowly({ der, key }, peer);
  }

  #give(answer: OcspAnswer, asker: OcspAsker): OcspAnswer {
    this.#answered += 1;
    asker.told(answer.told);
    return answer;
  }

  async #answerSlowly(
    { der, key }: { readonly der: Uint8Array; readonly key: string },
    peer: OcspPeer,
  ): Promise<OcspReply> {
    try {
      const request = parseOcspRequest(der);
      const signer = requestSigner(request);
      const asker = await this.#options.gate.admit(peer, signer);
      return this.#give(await this.#findFor(asker, request, key), asker);
    } catch (error) {
      return this.#refuse(error, peer);
    }
  }

  /** Again from the beginning when one of the certificates was revoked meanwhile. */
  async #findFor(asker: OcspAsker, request: OcspRequest, key: string): Promise<OcspAnswer> {
    const issuer = this.#issuerOf(request);
    const serialNumbers = request.certIds.map(({ serialNumber }) => serialNumber);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const ticket = this.#cache.takeTicket(serialNumbers);
      try {
        const answer = await this.#find(request, key, issuer);
        await assertMayLearn(asker, answer);
        if (!ticket.isVoid) {
          return answer;
        }
      } finally {
        this.#cache.returnTicket(ticket);
      }
    }
    throw new OcspError('OCSP_BUSY', 'certificates in question are being revoked');
  }

  /** One and the same for all that is asked (RFC 6960 §4.2.2.2: its delegate signs). */
  #issuerOf({ certIds }: OcspRequest): OcspIssuer {
    const [first, ...others] = certIds.map((certId) => this.#issuers.find(certId));
    if (first === undefined || others.some((issuer) => issuer !== first)) {
      throw new OcspError('OCSP_UNAUTHORIZED', 'no issuer that is answered for here');
    }
    return first;
  }

  async #find(request: OcspRequest, key: string, issuer: OcspIssuer): Promise<OcspAnswer> {
    if (request.nonce !== undefined) {
      return await this.#make(request, key, issuer);
    }
    const known = this.#cache.find(key, this.#options.clock.nowMs());
    if (known !== undefined) {
      this.#cached += 1;
      return known;
    }
    const underWay = this.#making.get(key);
    if (underWay !== undefined) {
      const answer = await underWay;
      // What was unknown when that one was begun may have been issued before this one was asked.
      return hasUnknown(answer) ? await this.#make(request, key, issuer) : answer;
    }
    const making = this.#make(request, key, issuer);
    this.#making.set(key, making);
    try {
      return await making;
    } finally {
      if (this.#making.get(key) === making) {
        this.#making.delete(key);
      }
    }
  }

  async #make(request: OcspRequest, key: string, issuer: OcspIssuer): Promise<OcspAnswer> {
    if (this.#pending >= this.#limits.pending) {
      throw new OcspError('OCSP_BUSY', 'too many answers are being made');
    }
    this.#pending += 1;
    try {
      return await this.#makeNow(request, key, issuer);
    } finally {
      this.#pending -= 1;
    }
  }

  /** Kept only when none of the certificates was revoked meanwhile. */
  async #makeNow(request: OcspRequest, key: string, issuer: OcspIssuer): Promise<OcspAnswer> {
    const serialNumbers = request.certIds.map(({ serialNumber }) => serialNumber);
    const ticket = this.#cache.takeTicket(serialNumbers);
    try {
      const statuses: RegisteredStatus[] = [];
      for (const serialNumber of serialNumbers) {
        statuses.push(await issuer.findStatus(serialNumber));
      }
      const answer = await this.#sign(request, statuses, issuer);
      // What is unknown now may be issued at any time.
      const isLasting = statuses.every(({ status }) => status.kind !== 'unknown');
      if (request.nonce === undefined && isLasting) {
        this.#cache.keep(key, answer, ticket);
      }
      return answer;
    } finally {
      this.#cache.returnTicket(ticket);
    }
  }

  async #sign(
    { certIds, nonce }: OcspRequest,
    statuses: readonly RegisteredStatus[],
    issuer: OcspIssuer,
  ): Promise<OcspAnswer> {
    const nowMs = this.#options.clock.nowMs();
    const signer = issuer.signer();
    if (signer === undefined || !isInForce(signer.certificate, nowMs)) {
      throw new OcspError('OCSP_NO_SIGNER', 'there is no responder whose certificate is in force');
    }
    const thisUpdateMs = wholeSeconds(nowMs);
    const { certificate, algorithm } = signer;
    // An answer does not outlive the certificate that verifies it.
    const nextUpdateMs = Math.min(thisUpdateMs + issuer.validityMs, certificate.notAfterMs);
    const { archiveCutoffMs } = issuer;
    const answers = statuses.map(
      ({ status }, index): OcspSingleAnswer => ({
        certId: certIds[index]?.der ?? new Uint8Array(0),
        status,
        thisUpdateMs,
        nextUpdateMs,
        ...(archiveCutoffMs === undefined || status.kind === 'unknown'
          ? {}
          : { archiveCutoffMs: thisUpdateMs - archiveCutoffMs }),
      }),
    );
    const data = encodeOcspResponseData({
      responderKeyHash: computeKeyIdentifier(certificate.spki),
      producedMs: thisUpdateMs,
      answers,
      ...(nonce === undefined ? {} : { nonce }),
    });
    const signature = await signer.sign(data);
    this.#signed += 1;
    const certificates = [certificate.der];
    const der = encodeOcspResponse({ data, algorithm, signature, certificates });
    const isLasting =
      nonce === undefined && answers.every(({ status }) => status.kind !== 'unknown');
    const halfMs = Math.floor((nextUpdateMs - thisUpdateMs) / 2);
    return {
      kind: 'answer',
      der,
      tag: createHash('sha1').update(der).digest('hex'),
      thisUpdateMs,
      nextUpdateMs,
      refreshMs: thisUpdateMs + halfMs,
      maxAgeMs: isLasting ? issuer.httpMaxAgeMs : 0,
      serialNumbers: certIds.map(({ serialNumber }) => serialNumber),
      told: statuses.map(({ status, scopeId }, index) => ({
        serialNumber: certIds[index]?.serialNumber ?? 0n,
        scopeId,
        status: status.kind,
      })),
    };
  }

  #refuse(error: unknown, peer: OcspPeer): OcspRefused {
    const refusal = refusalFor(error);
    this.#refused[refusal] += 1;
    if (refusal === 'internalError') {
      this.#options.log.error('an OCSP request was not answered', { error: formatError(error) });
    } else if (refusal === 'tryLater') {
      this.#options.log.debug('an OCSP request is to come again', { error: formatError(error) });
    }
    if (!(error instanceof OcspError && error.code === 'OCSP_WITHHELD')) {
      this.#options.gate.refused(peer, refusal);
    }
    return refusals[refusal];
  }
}

function hasUnknown({ told }: OcspAnswer): boolean {
  return told.some(({ status }) => status === 'unknown');
}

async function assertMayLearn(asker: OcspAsker, { told }: OcspAnswer): Promise<void> {
  for (const { scopeId } of told) {
    if (!(await asker.mayLearn(scopeId))) {
      throw new OcspError('OCSP_WITHHELD', 'not for who asks');
    }
  }
}

function refusalFor(error: unknown): OcspRefusal {
  if (error instanceof OcspError) {
    return refusalOf[error.code];
  }
  return error instanceof X509Error && error.code === 'X509_OCSP_REQUEST'
    ? 'malformedRequest'
    : 'internalError';
}

function isInForce({ notBeforeMs, notAfterMs }: OcspCertificate, nowMs: number): boolean {
  return nowMs >= notBeforeMs && nowMs < notAfterMs;
}

type OcspCertificate = { readonly notBeforeMs: number; readonly notAfterMs: number };

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
