/**
 * Issuing a certificate for a peer CA (gunma 4-7) on its examined request: what is to be signed is made and recorded,
 * then signed, then recorded as issued. Where custodians approve of each such signature they approve of the recorded
 * bytes, and issuing goes on from there when it is asked for again.
 *
 * @module
 */

import { hash } from 'node:crypto';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import type { Transaction } from '../../store/store.ts';
import { encodeSignatureAlgorithm } from '../../x509/algorithms.ts';
import { assembleSigned, type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { parseCertificationRequest } from '../../x509/csr.ts';
import { findExtension } from '../../x509/extensions.ts';
import { parseSubjectKeyIdentifier } from '../../x509/key-identifier.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { Authority } from '../authorities.ts';
import { type CaCore, transactAsOwner } from '../ca-core.ts';
import {
  type CertificateDraft,
  encodeDraft,
  recordCertificate,
  reserveSerialNumber,
  signEncoded,
} from '../certificates/certificate-making.ts';
import { formatSerialNumber, parseSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import { type CrossRecord, fromBase64, toBase64 } from '../records/cross-record.ts';
import { peerOf, readCross, writeCross } from './peers.ts';
import { findChanges } from './renewal-needs.ts';

/** What waits to be signed. */
export interface PendingCross {
  readonly serialNumber: bigint;
  readonly keyLabel: string;
  readonly generation: number;
  /** TBSCertificate (RFC 5280 §4.1). */
  readonly tbs: Uint8Array;
  /** Of it, in hexadecimal: what custodians approve of. */
  readonly sha256: string;
}

/** A certificate that was to be signed a day ago is made anew: its validity begins when it is made. */
const PENDING_MS = 86_400_000;

/** @throws {CaError} `CA_CROSS_STATE`, `CA_ISSUING_STOPPED`: what keeps a certificate from being issued now. */
export function assertMayIssueNow(core: CaCore, record: CrossRecord, isRenewal: boolean): void {
  assertMayIssue(core, record, isRenewal);
  const { generation } = core.authorities.current;
  core.service.assertIssues(generation, core.clock.nowMs(), { isResponder: false });
}

/** What is to be signed for a peer; made now, or before and not signed yet. */
export async function prepareCross(
  core: CaCore,
  peer: string,
  { origin, isRenewal }: { readonly origin: AuditOrigin; readonly isRenewal: boolean },
): Promise<PendingCross> {
  return await transactAsOwner(core, 'ca: prepare cross certificate', async (transaction) => {
    const record = await readCross(transaction, core.tables, peer);
    assertMayIssueNow(core, record, isRenewal);
    const { current: authority } = core.authorities;
    const waiting = pendingOf(core, record);
    if (waiting !== undefined && isFresh(core, record, waiting)) {
      return waiting;
    }
    const draft = await makeDraft(core, transaction, { record, authority });
    const tbs = encodeDraft(authority, draft);
    const serialNumber = formatSerialNumber(draft.serialNumber);
    const sha256 = hash('sha256', tbs, 'hex');
    const { generation, keyLabel } = authority;
    const pending = { serialNumber, tbs: toBase64(tbs), generation };
    writeCross(transaction, core.tables, { ...record, pending });
    await core.audit.append(transaction, {
      kind: 'certificate.issue.intent',
      result: 'done',
      origin,
      subject: serialNumber,
      details: { profile: draft.profile.name, peer, tbsSha256: sha256 },
    });
    return { serialNumber: draft.serialNumber, keyLabel, generation, tbs, sha256 };
  });
}

/**
 * Signs what is pending and records it as issued.
 *
 * @throws {CaError} `CA_CROSS_STATE` when something else is pending by now; `CA_SIGNATURE_WRONG`.
 * @throws {SigningError} also `SIGNING_APPROVAL_NEEDED` where custodians approve of each.
 */
export async function signPending(
  core: CaCore,
  peer: string,
  {
    pending,
    origin,
    within,
  }: {
    readonly pending: PendingCross;
    readonly origin: AuditOrigin;
    /** What is done in the transaction that records it. */
    readonly within?:
      | ((transaction: Transaction, certificate: Certificate) => Promise<void>)
      | undefined;
  },
): Promise<Certificate> {
  const authority = core.authorities.of(pending.generation);
  const certificate = await signEncoded(core, authority, pending.tbs);
  await transactAsOwner(core, 'ca: issue cross certificate', async (transaction) => {
    const record = await readCross(transaction, core.tables, peer);
    const serialNumber = formatSerialNumber(pending.serialNumber);
    const isStill = record.pending?.serialNumber === serialNumber;
    if (!isStill || authority !== core.authorities.current) {
      throw new CaError('CA_CROSS_STATE', 'something else is to be signed by now; try again');
    }
    core.service.assertIssues(authority.generation, core.clock.nowMs(), { isResponder: false });
    const profile = profileFor(core, peer);
    const { subject, spki, notBeforeMs, notAfterMs } = certificate;
    const scope = core.scopes.of(profile.definition.scope);
    await recordCertificate(core, transaction, {
      draft: {
        ...{ profile, scope, subject, spki, validity: { notBeforeMs, notAfterMs } },
        serialNumber: pending.serialNumber,
        subjectAttributes: undefined,
      },
      certificate,
      generation: pending.generation,
    });
    const { pending: _signed, ...rest } = record;
    const { generation } = pending;
    const issuedMs = core.clock.nowMs();
    const issued = { serialNumber, der: toBase64(certificate.der), generation, issuedMs };
    writeCross(transaction, core.tables, { ...rest, issued: [...rest.issued, issued] });
    const event = { result: 'done', origin, after: recordDigest(certificate.der) } as const;
    await core.audit.append(transaction, {
      ...{ ...event, kind: 'certificate.issue', subject: serialNumber },
      details: { profile: profile.name, scope: scope.id },
    });
    await core.audit.append(transaction, {
      ...{ ...event, kind: 'cross.issue', subject: peer },
      details: { serialNumber },
    });
    await within?.(transaction, certificate);
  });
  return certificate;
}

function assertMayIssue(core: CaCore, record: CrossRecord, isRenewal: boolean): void {
  const { request, trusted, tested, issued, peer } = record;
  if (request === undefined || trusted === undefined) {
    throw new CaError('CA_CROSS_STATE', `no request of ${peer} was examined yet`);
  }
  if (core.policy.cross?.connectionTest === true && (tested?.atMs ?? 0) < trusted.confirmedMs) {
    throw new CaError(
      'CA_CROSS_STATE',
      `the policy wants the directory of ${peer} read first: certdir cross test ${peer}`,
    );
  }
  const newest = issued.at(-1);
  const stands =
    newest !== undefined &&
    newest.revokedMs === undefined &&
    newest.issuedMs >= request.examinedMs &&
    parseCertificate(fromBase64(newest.der)).notAfterMs >= core.clock.nowMs();
  if (stands && !isRenewal && findChanges(core, record).ours === undefined) {
    throw new CaError(
      'CA_CROSS_STATE',
      `${peer} has certificate ${newest.serialNumber} already; certdir cross renew replaces it`,
    );
  }
}

/** As the record has it; undefined for what another key was to sign. */
function pendingOf({ authorities }: CaCore, { pending }: CrossRecord): PendingCross | undefined {
  if (pending === undefined || pending.generation !== authorities.current.generation) {
    return undefined;
  }
  const tbs = fromBase64(pending.tbs);
  const { keyLabel } = authorities.current;
  return {
    ...{ serialNumber: parseSerialNumber(pending.serialNumber), keyLabel, tbs },
    ...{ generation: pending.generation, sha256: hash('sha256', tbs, 'hex') },
  };
}

/** Not older than a day, and for the request that was examined last. */
function isFresh(core: CaCore, record: CrossRecord, { tbs }: PendingCross): boolean {
  const algorithm = encodeSignatureAlgorithm(core.authorities.current.algorithm);
  const certificate = parseCertificate(assembleSigned(tbs, algorithm, new Uint8Array(1)));
  return (
    certificate.notBeforeMs > core.clock.nowMs() - PENDING_MS &&
    findChanges(core, record, certificate).ours === undefined
  );
}

async function makeDraft(
  core: CaCore,
  transaction: Transaction,
  { record, authority }: { readonly record: CrossRecord; readonly authority: Authority },
): Promise<CertificateDraft> {
  const { request, trusted, peer } = record;
  if (request === undefined || trusted === undefined) {
    throw new CaError('CA_CROSS_STATE', `no request of ${peer} was examined yet`);
  }
  const profile = profileFor(core, peer);
  const peerCertificate = parseCertificate(fromBase64(trusted.der));
  const identifier = findExtension(peerCertificate.extensions, Oid.subjectKeyIdentifier);
  const nowMs = core.clock.nowMs();
  return {
    profile,
    scope: core.scopes.of(profile.definition.scope),
    serialNumber: await reserveSerialNumber(core, transaction),
    subject: peerCertificate.subject,
    spki: parseCertificationRequest(fromBase64(request.der)).spki,
    validity: profile.validity(nowMs, authority.certificate.notAfterMs),
    subjectAttributes: undefined,
    subjectKeyIdentifier: identifier && parseSubjectKeyIdentifier(identifier.value),
  };
}

/** @throws {CaError} `CA_PROFILE_UNKNOWN`, `CA_CROSS_PEER_UNKNOWN` */
function profileFor({ policy, profiles }: CaCore, peer: string): CertificateDraft['profile'] {
  const name = peerOf(policy, peer).profile;
  const profile = profiles.get(name);
  if (profile === undefined) {
    throw new CaError('CA_PROFILE_UNKNOWN', `${policy.id} has no profile ${name}`);
  }
  return profile;
}
