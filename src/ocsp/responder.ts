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
import { type Clock, delay } from '../core/clock.ts';
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
import { AnswerCache, type Ticket } from './answer-cache.ts';
import { assertAnswerLint } from './answer-rules.ts';
import { OcspError, refusalOf } from './errors.ts';
import type { AskedCertificate, OcspAsker, OcspGate, OcspPeer } from './gate.ts';
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
  /** Asked for each request; the same array as long as nothing has changed. */
  readonly issuers: () => readonly OcspIssuer[];
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

type AskedStatus = AskedCertificate & RegisteredStatus;

/** A question on its way to an answer. */
interface Question {
  readonly request: OcspRequest;
  /** The request's bytes. */
  readonly key: string;
  readonly issuer: OcspIssuer;
  readonly ticket: Ticket;
}

/**
 * Whoever may not learn a status is told so at the end of a step of this length after the question arrived, which is longer than
 * it takes to find out: so the time says nothing of what was found.
 */
const WITHHELD_STEP_MS = 25;

/** A revocation while an answer was looked for has it looked for again, but not for ever. */
const MAX_ATTEMPTS = 5;

export class OcspResponder {
  readonly #options: OcspResponderOptions;
  readonly #limits: OcspLimits;
  #issuers: OcspIssuers;
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
    this.#issuers = new OcspIssuers(options.issuers());
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

  /** Whether the certificates asked about are of one of its issuers; of several in a request the first. */
  answersFor({ certIds }: OcspRequest): boolean {
    const [first] = certIds;
    return first !== undefined && this.#knownIssuers().find(first) !== undefined;
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
   * @param key Its bytes as characters (latin1), where that is at hand.
   */
  answer(
    der: Uint8Array,
    peer: OcspPeer,
    key: string = asBuffer(der).toString('latin1'),
  ): Awaitable<OcspReply> {
    const { isPublic, clock, gate } = this.#options;
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
    const { clock } = this.#options;
    const arrivedMs = clock.monotonicMs();
    try {
      const request = parseOcspRequest(der);
      const signer = requestSigner(request);
      const asker = await this.#options.gate.admit(peer, signer);
      return this.#give(await this.#findFor(asker, request, key), asker);
    } catch (error) {
      if (isWithheld(error)) {
        const passedMs = clock.monotonicMs() - arrivedMs;
        await delay(clock, WITHHELD_STEP_MS - (passedMs % WITHHELD_STEP_MS));
      }
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
        const answer = await this.#find(asker, { request, key, issuer, ticket });
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
    const issuers = this.#knownIssuers();
    const [first, ...others] = certIds.map((certId) => issuers.find(certId));
    if (first === undefined || others.some((issuer) => issuer !== first)) {
      throw new OcspError('OCSP_UNAUTHORIZED', 'no issuer that is answered for here');
    }
    return first;
  }

  #knownIssuers(): OcspIssuers {
    const issuers = this.#options.issuers();
    if (issuers !== this.#issuers.list) {
      this.#issuers = new OcspIssuers(issuers);
    }
    return this.#issuers;
  }

  /** Nothing is made for who may not learn it. */
  async #find(asker: OcspAsker, question: Question): Promise<OcspAnswer> {
    const { request, key, issuer } = question;
    const known =
      request.nonce === undefined ? this.#cache.find(key, this.#options.clock.nowMs()) : undefined;
    if (known !== undefined) {
      await assertMayLearn(asker, known.told);
      this.#cached += 1;
      return known;
    }
    const statuses: AskedStatus[] = [];
    for (const { serialNumber } of request.certIds) {
      const { status, scopeId } = await issuer.findStatus(serialNumber);
      statuses.push({ serialNumber, status, scopeId });
    }
    await assertMayLearn(asker, statuses);
    return await (request.nonce === undefined
      ? this.#makeOnce(question, statuses)
      : this.#make(question, statuses));
  }

  /** Once for all who ask the same at the same time. */
  async #makeOnce(question: Question, statuses: readonly AskedStatus[]): Promise<OcspAnswer> {
    const { key } = question;
    const underWay = this.#making.get(key);
    if (underWay !== undefined) {
      const answer = await underWay;
      // What was unknown when that one was begun may have been issued before this one was asked.
      return hasUnknown(answer) ? await this.#make(question, statuses) : answer;
    }
    const making = this.#make(question, statuses);
    this.#making.set(key, making);
    try {
      return await making;
    } finally {
      if (this.#making.get(key) === making) {
        this.#making.delete(key);
      }
    }
  }

  /** Kept only when none of the certificates was revoked meanwhile. */
  async #make(
    { request, key, issuer, ticket }: Question,
    statuses: readonly AskedStatus[],
  ): Promise<OcspAnswer> {
    if (this.#pending >= this.#limits.pending) {
      throw new OcspError('OCSP_BUSY', 'too many answers are being made');
    }
    this.#pending += 1;
    try {
      const answer = await this.#sign(request, statuses, issuer);
      // What is unknown now may be issued at any time.
      if (request.nonce === undefined && !hasUnknown(answer)) {
        this.#cache.keep(key, answer, ticket);
      }
      return answer;
    } finally {
      this.#pending -= 1;
    }
  }

  async #sign(
    { certIds, nonce }: OcspRequest,
    statuses: readonly AskedStatus[],
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
    assertAnswerLint(data, { responder: certificate, asked: certIds.map(({ der }) => der) });
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
      serialNumbers: statuses.map(({ serialNumber }) => serialNumber),
      told: statuses.map(({ serialNumber, status, scopeId }) => ({
        serialNumber,
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
    if (!isWithheld(error)) {
      this.#options.gate.refused(peer, refusal);
    }
    return refusals[refusal];
  }
}

function isWithheld(error: unknown): boolean {
  return error instanceof OcspError && error.code === 'OCSP_WITHHELD';
}

function hasUnknown({ told }: OcspAnswer): boolean {
  return told.some(({ status }) => status === 'unknown');
}

async function assertMayLearn(
  asker: OcspAsker,
  statuses: readonly AskedCertificate[],
): Promise<void> {
  for (const status of statuses) {
    if (!(await asker.mayLearn(status))) {
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
