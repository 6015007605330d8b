/**
 * An OCSP responder for tests: an issuer whose register is a map, a delegate that signs with a sample key, and a gate
 * that lets everyone in and writes down what it is told.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { silentLog } from '../../src/core/log.ts';
import type { ToldStatus } from '../../src/ocsp/answer.ts';
import type { OcspGate, OcspPeer } from '../../src/ocsp/gate.ts';
import type { OcspIssuer } from '../../src/ocsp/issuer.ts';
import { type OcspLimits, OcspResponder } from '../../src/ocsp/responder.ts';
import { readPublicKeyBits } from '../../src/x509/algorithms.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import {
  encodeOcspCertId,
  encodeOcspRequest,
  encodeTbsOcspRequest,
} from '../../src/x509/ocsp-request.ts';
import type { OcspCertStatus } from '../../src/x509/ocsp-response.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { type SampleKey, sampleCertificate, sampleKey, signSample } from './x509-samples.ts';

export const MINUTE_MS = 60_000;
export const validityMs: number = 60 * MINUTE_MS;
export const startMs: number = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
/** The clock's, cut to what answers can say. */
export const startSecondMs: number = Date.UTC(2026, 5, 1, 12, 0, 0);

export const somebody: OcspPeer = { address: '192.0.2.1', isProtected: false };

export const caKey: SampleKey = sampleKey('p256', 'ocsp ca');
export const delegateKey: SampleKey = sampleKey('p256', 'ocsp delegate');

const caName = nameFromText('CN=OCSP test CA,C=JP');

export const caCertificate: Certificate = parseCertificate(
  sampleCertificate(caKey, { subject: caName, issuer: caName }),
);

/** A CertID for a certificate of `issuer`. */
export function certIdOf(
  serialNumber: bigint,
  {
    issuer = caCertificate,
    hash = 'sha1',
  }: { readonly issuer?: Certificate; readonly hash?: 'sha1' | 'sha256' | 'sha384' } = {},
): Uint8Array {
  const digest = (bytes: Uint8Array): Uint8Array => createHash(hash).update(bytes).digest();
  return encodeOcspCertId({
    hashAlgorithm: Oid[hash],
    issuerNameHash: digest(issuer.subject.der),
    issuerKeyHash: digest(readPublicKeyBits(issuer.spki)),
    serialNumber,
  });
}

/** A request that asks about these numbers of `caCertificate`. */
export function requestFor(
  serialNumbers: readonly bigint[],
  options: { readonly nonce?: Uint8Array; readonly hash?: 'sha1' | 'sha256' | 'sha384' } = {},
): Uint8Array {
  const { nonce, hash = 'sha1' } = options;
  const certIds = serialNumbers.map((serialNumber) => certIdOf(serialNumber, { hash }));
  return encodeOcspRequest(
    encodeTbsOcspRequest({ certIds, ...(nonce === undefined ? {} : { nonce }) }),
  );
}

export interface OcspBed {
  readonly clock: SimulatedClock;
  readonly responder: OcspResponder;
  /** What the register has; others were never issued. */
  readonly register: Map<bigint, OcspCertStatus>;
  readonly told: ToldStatus[];
  readonly refused: string[];
  /** Revokes as the CA does: durably, then the responder is told. */
  revoke(serialNumber: bigint, reason?: number): void;
}

export function openOcspBed(
  options: {
    readonly issuer?: Partial<OcspIssuer>;
    readonly gate?: Partial<OcspGate>;
    readonly isPublic?: boolean;
    readonly limits?: Partial<OcspLimits>;
    /** Waited for between reading the register and signing. */
    readonly beforeSigning?: () => Promise<void>;
    readonly delegate?: Certificate;
    readonly others?: readonly OcspIssuer[];
    /** What the clock shows at the beginning; `startMs` when left out. */
    readonly startMs?: number;
  } = {},
): OcspBed {
  const clock = new SimulatedClock(options.startMs ?? startMs);
  const register = new Map<bigint, OcspCertStatus>();
  const told: ToldStatus[] = [];
  const refused: string[] = [];
  const delegate =
    options.delegate ?? parseCertificate(sampleCertificate(delegateKey, { issuer: caName }, caKey));
  const issuer: OcspIssuer = {
    certificate: caCertificate,
    findStatus: async (serialNumber) => {
      const status = register.get(serialNumber);
      return status === undefined
        ? { status: { kind: 'unknown' }, scopeId: '' }
        : { status, scopeId: 'single' };
    },
    signer: () => ({
      certificate: delegate,
      algorithm: delegateKey.algorithm,
      sign: async (data) => {
        await options.beforeSigning?.();
        return signSample(delegateKey, data);
      },
    }),
    validityMs,
    httpMaxAgeMs: 0,
    archiveCutoffMs: undefined,
    ...options.issuer,
  };
  const issuers = [...(options.others ?? []), issuer];
  const responder = new OcspResponder({
    issuers: () => issuers,
    gate: {
      admit: () => ({ mayLearn: () => true, told: (statuses) => told.push(...statuses) }),
      refused: (_peer, refusal) => refused.push(refusal),
      ...options.gate,
    },
    isPublic: options.isPublic ?? true,
    clock,
    log: silentLog,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const revoke = (serialNumber: bigint, reason = 1): void => {
    register.set(serialNumber, { kind: 'revoked', revokedMs: clock.nowMs(), reason });
    responder.revoked(serialNumber);
  };
  return { clock, responder, register, told, refused, revoke };
}
