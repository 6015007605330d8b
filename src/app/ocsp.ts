/**
 * OCSP of an instance: the CA's register and responder behind `src/ocsp`, its listeners, and the job that renews the
 * responder's certificate.
 *
 * @module
 */

import type { Authority } from '../ca/authorities.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import type { RegisteredCertificate } from '../ca/certificates/certificate-register.ts';
import type { OcspPolicy } from '../ca/policy/ocsp-policy.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import { isCertdirError } from '../core/errors.ts';
import { makeOcspHandler, type OcspHandler, openOcspServer } from '../http/ocsp-server.ts';
import { OcspError } from '../ocsp/errors.ts';
import type { OcspIssuer, OcspSigner, RegisteredStatus } from '../ocsp/issuer.ts';
import { OcspResponder } from '../ocsp/responder.ts';
import { joinResponders } from '../ocsp/responders.ts';
import type { Job } from '../scheduler/job.ts';
import { isPassing } from '../signing/errors.ts';
import { maxSerialNumber } from '../x509/certificate.ts';
import type { OcspCertStatus } from '../x509/ocsp-response.ts';
import type { CaInstance, InstanceParts } from './ca-instance.ts';
import { PublicOcspGate, VerifierOcspGate } from './ocsp-gate.ts';
import { scheduleOrigin } from './publication-job.ts';

export const RESPONDER_JOB = 'renew OCSP responder';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** As long as most years are; what is said is rounded anyway. */
const YEAR_MS = 365 * DAY_MS;

/** OCSP as the server runs it. */
export interface RunningOcsp {
  readonly responder: OcspResponder;
  readonly job: Job;
  /** Whether everyone is answered, also at the path `/ocsp` of the public repository. */
  readonly isPublic: boolean;
}

/**
 * Makes the responder ready.
 *
 * @returns undefined where the policy has no OCSP, or nothing listens for it.
 */
export function prepareOcsp(instance: CaInstance): RunningOcsp | undefined {
  const { policy, configuration, authority, clock, log, directory, auditing } = instance;
  const { ocsp } = policy;
  const isPublic = ocsp?.access === 'public';
  const isReachable =
    configuration.ocsp !== undefined || (isPublic && configuration.http !== undefined);
  if (ocsp === undefined || ocsp.access === 'off' || !isReachable) {
    return undefined;
  }
  const { journal } = auditing;
  const partitionOf = (scopeId: string): string =>
    scopeId === '' ? '' : auditing.partitionOf(policy.id, scopeId);
  const responder = new OcspResponder({
    issuers: issuersOf(authority, ocsp),
    gate: isPublic
      ? new PublicOcspGate(journal, partitionOf)
      : new VerifierOcspGate({
          directory,
          scopes: authority.scopes,
          acceptsSigned: ocsp.signedRequests,
          journal,
          partitionOf,
          clock,
        }),
    isPublic,
    clock,
    log: log.with({ component: 'ocsp' }),
  });
  authority.onRevocation((serialNumber) => responder.revoked(serialNumber));
  const job = renewalJob(authority, ocsp);
  return { responder, job, isPublic };
}

/** For the path `/ocsp` of the public repository: the CAs that answer everyone; undefined where none does. */
export function publicHandler(
  { clock, log }: Pick<InstanceParts, 'clock' | 'log'>,
  all: readonly RunningOcsp[],
): OcspHandler | undefined {
  const responders = all.flatMap(({ responder, isPublic }) => (isPublic ? [responder] : []));
  return responders.length === 0
    ? undefined
    : makeOcspHandler({
        service: joinResponders(responders),
        ...{ clock, log: log.with({ component: 'ocsp' }) },
      });
}

/** The CA under each of its keys: another one after a renewal. */
export function issuersOf(
  authority: CertificateAuthority,
  policy: OcspPolicy,
): () => readonly OcspIssuer[] {
  let known: readonly Authority[] = [];
  let issuers: readonly OcspIssuer[] = [];
  return () => {
    const { all } = authority.authorities;
    if (all !== known) {
      known = all;
      issuers = all.map((key) => issuerOf(authority, key, policy));
    }
    return issuers;
  };
}

/** The CA under one of its keys, as the responder knows it. */
function issuerOf(
  authority: CertificateAuthority,
  { certificate: caCertificate, generation }: Authority,
  policy: OcspPolicy,
): OcspIssuer {
  return {
    certificate: caCertificate,
    findStatus: async (serialNumber) => {
      if (serialNumber < 1n || serialNumber > maxSerialNumber) {
        return neverIssued;
      }
      const certificate = await authority.findCertificate(serialNumber);
      // Another key's certificate is none of this issuer's (RFC 6960 §4.1.1: issuerKeyHash).
      return certificate === undefined || certificate.generation !== generation
        ? neverIssued
        : { status: statusOf(certificate, policy), scopeId: certificate.scopeId };
    },
    signer: () => signerOf(authority, generation),
    validityMs: policy.validityMinutes * MINUTE_MS,
    httpMaxAgeMs: policy.httpMaxAgeMinutes * MINUTE_MS,
    archiveCutoffMs:
      policy.archiveCutoffYears === undefined ? undefined : policy.archiveCutoffYears * YEAR_MS,
  };
}

const neverIssued: RegisteredStatus = { status: { kind: 'unknown' }, scopeId: '' };

/**
 * Held is revoked for those who ask, with the reason on record. What is not delivered yet is neither: nobody may rely on
 * it, and revoked is final, with a reason that says that it was thrown away (jlis 4.9.10).
 */
function statusOf({ state, status }: RegisteredCertificate, policy: OcspPolicy): OcspCertStatus {
  if (state === 'not-delivered') {
    return { kind: 'unknown' };
  }
  if (state === 'good' || state === 'expired' || status === undefined) {
    return { kind: 'good' };
  }
  const { sinceMs: revokedMs, reason } = status;
  return { kind: 'revoked', revokedMs, ...(policy.reasons ? { reason } : {}) };
}

function signerOf({ responder }: CertificateAuthority, generation: number): OcspSigner | undefined {
  const current = responder.of(generation);
  if (current === undefined) {
    return undefined;
  }
  return {
    certificate: current.certificate,
    algorithm: current.algorithm,
    sign: async (data) => {
      try {
        return await responder.sign(current, data);
      } catch (cause) {
        throw isForLater(cause)
          ? new OcspError('OCSP_NO_SIGNER', 'the token is away', { cause })
          : cause;
      }
    },
  };
}

function isForLater(error: unknown): boolean {
  const codes: readonly string[] = ['SIGNING_NOT_ACTIVE', 'CA_RECOVERY_PENDING'];
  return isPassing(error) || (isCertdirError(error) && codes.includes(error.code));
}

function renewalJob(authority: CertificateAuthority, { renewBeforeDays }: OcspPolicy): Job {
  return {
    name: RESPONDER_JOB,
    nextDueMs: async () => authority.responder.dueMs,
    run: async () => {
      await authority.responder.renewDue(scheduleOrigin);
    },
    lateAlarmsMs: [renewBeforeDays / 4, renewBeforeDays / 2].map((days) => days * DAY_MS),
  };
}

/** Listens where the configuration says. @returns URLs, with the ports that were really taken. */
export async function serveOcsp(
  instance: InstanceParts,
  all: readonly RunningOcsp[],
  parts: {
    readonly tls: { readonly certificate: string; readonly key: string } | undefined;
    readonly closing: ClosingStack;
  },
): Promise<readonly string[]> {
  const { configuration, clock, log } = instance;
  if (configuration.ocsp === undefined) {
    return [];
  }
  const { address, port, tls } = configuration.ocsp;
  const server = parts.closing.push(
    await openOcspServer({
      service: joinResponders(all.map(({ responder }) => responder)),
      ...{ address, port, clock },
      ...(tls && parts.tls !== undefined ? { tls: parts.tls } : {}),
      log: log.with({ component: 'ocsp' }),
    }),
    { name: 'OCSP server', close: (opened) => opened.close() },
  );
  return [`${server.url}/`];
}
