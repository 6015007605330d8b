/**
 * Looking up certificates: by serial number, subject, subscriber, key, and all of them.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { Awaitable } from '../../core/awaitable.ts';
import { eachMember, type MembersAtHand, readMembers } from '../../store/key-sets.ts';
import type { ReadView } from '../../store/store.ts';
import { CrlReason, type CrlReasonName } from '../../x509/crl-extensions.ts';
import type { Name } from '../../x509/name.ts';
import { type CaTables, type IndexName, serialNumberOfKey } from '../records/ca-tables.ts';
import {
  type CertificateRecord,
  parseCertificateRecord,
  parseStatusRecord,
  type StatusRecord,
} from '../records/certificate-record.ts';
import { type CertificateState, stateAt } from './certificate-state.ts';

/** A certificate of the CA and what it is at the moment it was looked up. */
export interface RegisteredCertificate extends CertificateRecord {
  readonly serialNumber: bigint;
  readonly state: CertificateState;
  /** When and why, for a revoked or held one. */
  readonly status?: StatusRecord;
}

/** What to list; everything without conditions. */
export interface CertificateFilter {
  readonly state?: CertificateState;
  readonly scopeId?: string;
  /** Signed by this generation of the CA's key. */
  readonly generation?: number;
  /** Behind this serial number: where an earlier look has ended. */
  readonly after?: bigint;
}

/** @returns undefined when the CA never issued this number. */
export async function findCertificate(
  view: ReadView,
  tables: CaTables,
  at: { readonly serialNumber: bigint; readonly nowMs: number },
): Promise<RegisteredCertificate | undefined> {
  const bytes = await view.read(tables.certificate(at.serialNumber));
  return bytes === undefined ? undefined : await withStatus(view, tables, { ...at, bytes });
}

/** Certificates with exactly this subject (RFC 5280 bytes), oldest serial number first. */
export async function findBySubject(
  view: ReadView,
  tables: CaTables,
  at: { readonly subject: Name; readonly nowMs: number },
): Promise<readonly RegisteredCertificate[]> {
  const digest = digestOfSubject(at.subject);
  return await findByIndex(view, tables, { index: 'subject', digest, nowMs: at.nowMs });
}

/** Certificates under an index, by serial number. */
export async function findByIndex(
  view: ReadView,
  tables: CaTables,
  at: { readonly index: IndexName; readonly digest: Uint8Array; readonly nowMs: number },
): Promise<readonly RegisteredCertificate[]> {
  const found: RegisteredCertificate[] = [];
  const { nowMs } = at;
  const key = tables.index(at.index, at.digest);
  const members = readMembers(view, key);
  const atHand = members instanceof Promise ? await members : members;
  for await (const member of atHand ?? eachMember(view, key)) {
    const serialNumber = serialNumberOfKey(member);
    const certificate = await findCertificate(view, tables, { serialNumber, nowMs });
    if (certificate !== undefined) {
      found.push(certificate);
    }
  }
  return found;
}

/** True when an index leads nowhere; the promise is only there when the view has one. */
export function isFree(view: ReadView, key: Uint8Array): Awaitable<boolean> {
  const members = readMembers(view, key);
  return members instanceof Promise ? members.then(isEmpty) : isEmpty(members);
}

function isEmpty(members: MembersAtHand): boolean {
  // A set in rows of its own may have lost them all again; none of ours ever does.
  return members?.length === 0;
}

/** Every certificate that fits, in the order of serial numbers, one at a time. */
export async function* listCertificates(
  view: ReadView,
  tables: CaTables,
  { state, scopeId, generation, after, nowMs }: CertificateFilter & { readonly nowMs: number },
): AsyncIterable<RegisteredCertificate> {
  const { certificates } = tables;
  const range =
    after === undefined ? certificates : { ...certificates, gte: tables.certificate(after + 1n) };
  for await (const [key, bytes] of view.range(range)) {
    const serialNumber = serialNumberOfKey(key);
    const certificate = await withStatus(view, tables, { serialNumber, nowMs, bytes });
    const isWanted =
      (state === undefined || certificate.state === state) &&
      (scopeId === undefined || certificate.scopeId === scopeId) &&
      (generation === undefined || certificate.generation === generation);
    if (isWanted) {
      yield certificate;
    }
  }
}

async function withStatus(
  view: ReadView,
  tables: CaTables,
  {
    serialNumber,
    nowMs,
    bytes,
  }: { readonly serialNumber: bigint; readonly nowMs: number; readonly bytes: Uint8Array },
): Promise<RegisteredCertificate> {
  const record = parseCertificateRecord(bytes);
  const statusBytes = await view.read(tables.status(serialNumber));
  const status = statusBytes === undefined ? undefined : parseStatusRecord(statusBytes);
  const recorded = status?.state ?? 'good';
  return {
    ...record,
    serialNumber,
    state: stateAt({ recorded, notAfterMs: record.notAfterMs }, nowMs),
    ...(status === undefined ? {} : { status }),
  };
}

export function digestOfSubject(subject: Name): Uint8Array {
  return createHash('sha256').update(subject.der).digest();
}

/** The name of a CRLReason number. */
export function reasonName(reason: number): CrlReasonName {
  const names = Object.keys(CrlReason) as CrlReasonName[];
  return names.find((name) => CrlReason[name] === reason) ?? 'unspecified';
}
