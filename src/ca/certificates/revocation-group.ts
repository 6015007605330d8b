/**
 * Many revocations in one transaction: those of a list of certificates, or of a whole key. Each certificate has its
 * status, its entry and its audit record, as if it had been revoked by itself; what they share (the scope's state, the
 * counts) is written once. What cannot be revoked does not hold up the others.
 *
 * Not here: cutting a long list into groups (`bulk-revocation.ts`).
 *
 * @module
 */

import type { AuditEvent, AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { WorkSlices } from '../../audit/work-slices.ts';
import type { Transaction } from '../../store/store.ts';
import { encodeRevokedEntry } from '../../x509/certificate-list.ts';
import { CrlReason, type CrlReasonName } from '../../x509/crl-extensions.ts';
import { noteRevokedCross } from '../bridge/published-pairs.ts';
import { type CaCore, readCounters } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { type Appending, appendEntries, withdrawEntry } from '../lists/scope-append.ts';
import { urgentDueMs } from '../policy/cadence.ts';
import type { Scope } from '../policy/scope.ts';
import {
  encodeStatusRecord,
  type ListedNumber,
  type StatusRecord,
} from '../records/certificate-record.ts';
import { encodeCountersRecord } from '../records/counters-record.ts';
import type { ScopeRecord } from '../records/scope-record.ts';
import type { NewEntry } from '../records/waiting-entries.ts';
import { findCertificate, type RegisteredCertificate } from './certificate-register.ts';
import { assertRevocable } from './certificate-state.ts';
import { formatSerialNumber } from './serial-number.ts';

/** A certificate that is to be revoked. */
export interface RevocationOrder {
  readonly serialNumber: bigint;
  readonly reason: CrlReasonName;
  /** Where given: revoked only if it is this very certificate. */
  readonly der?: Uint8Array;
  /** Of the file that names it. */
  readonly line?: number;
}

export interface RevocationGroup {
  readonly orders: readonly RevocationOrder[];
  readonly origin: AuditOrigin;
  /**
   * What the certificates are revoked in the course of, for their audit records; then also the CA's own certificates
   * may be among them.
   */
  readonly procedure?: string;
  /** The lists do not wait for the cadence, whatever the reason. */
  readonly isUrgent?: boolean;
}

/** A certificate that is revoked when the transaction is durable. */
export interface GroupedRevocation {
  readonly order: RevocationOrder;
  readonly certificate: RegisteredCertificate;
  readonly scope: Scope;
  /** How the scope stands with the whole group. */
  readonly state: ScopeRecord;
  readonly isUrgent: boolean;
}

export interface GroupOutcome {
  /** Whole seconds: as the lists will say it. */
  readonly revokedMs: number;
  readonly revoked: readonly GroupedRevocation[];
  readonly refused: readonly { readonly order: RevocationOrder; readonly error: CaError }[];
}

interface Accepted {
  readonly order: RevocationOrder;
  readonly certificate: RegisteredCertificate;
}

/**
 * Revokes what can be revoked of a group, within `transaction`.
 *
 * @throws {CaError} `CA_RECORD_DAMAGED`, and whatever the store throws; then nothing is revoked.
 */
export async function revokeGroup(
  core: CaCore,
  transaction: Transaction,
  group: RevocationGroup,
): Promise<GroupOutcome> {
  const nowMs = core.clock.nowMs();
  const slices = new WorkSlices();
  const { accepted, refused } = await examine(core, transaction, { ...group, nowMs, slices });
  const revoked: GroupedRevocation[] = [];
  const revokedMs = Math.floor(nowMs / 1000) * 1000;
  for (const [scopeId, members] of byScope(accepted)) {
    const scope = core.scopes.find(scopeId);
    const into = { ...group, scope, members, nowMs, revokedMs, slices };
    revoked.push(...(await revokeInScope(core, transaction, into)));
  }
  if (revoked.length > 0) {
    const counters = await readCounters(transaction, core.tables);
    const changed = { ...counters, revoked: counters.revoked + revoked.length };
    transaction.put(core.tables.counters, encodeCountersRecord(changed));
    await followPairs(core, transaction, revoked);
  }
  return { revokedMs, revoked, refused };
}

/** The pair of a cross certificate leaves the CA's entry with it. */
async function followPairs(
  core: CaCore,
  transaction: Transaction,
  revoked: readonly GroupedRevocation[],
): Promise<void> {
  const cross = revoked.filter(
    ({ certificate }) => core.profiles.get(certificate.profile)?.definition.kind === 'cross',
  );
  if (cross.length > 0) {
    const serialNumbers = cross.map(({ order }) => order.serialNumber);
    await noteRevokedCross(core, transaction, serialNumbers);
  }
}

function byScope(accepted: readonly Accepted[]): ReadonlyMap<string, readonly Accepted[]> {
  const scopes = new Map<string, Accepted[]>();
  for (const one of accepted) {
    const { scopeId } = one.certificate;
    const members = scopes.get(scopeId) ?? [];
    members.push(one);
    scopes.set(scopeId, members);
  }
  return scopes;
}

async function examine(
  core: CaCore,
  transaction: Transaction,
  group: RevocationGroup & { readonly nowMs: number; readonly slices: WorkSlices },
): Promise<{ readonly accepted: readonly Accepted[]; readonly refused: GroupOutcome['refused'] }> {
  const accepted: Accepted[] = [];
  const refused: { order: RevocationOrder; error: CaError }[] = [];
  const seen = new Set<bigint>();
  for (const order of group.orders) {
    try {
      if (seen.has(order.serialNumber)) {
        throw new CaError('CA_ALREADY_REVOKED', 'the certificate is named twice');
      }
      const certificate = await findRevocable(core, transaction, { ...group, order });
      seen.add(order.serialNumber);
      accepted.push({ order, certificate });
    } catch (error) {
      if (!(error instanceof CaError) || error.code === 'CA_RECORD_DAMAGED') {
        throw error;
      }
      refused.push({ order, error });
    }
    await group.slices.add(0);
  }
  return { accepted, refused };
}

async function findRevocable(
  { tables, profiles }: CaCore,
  transaction: Transaction,
  {
    order,
    nowMs,
    procedure,
  }: Pick<RevocationGroup, 'procedure'> & {
    readonly order: RevocationOrder;
    readonly nowMs: number;
  },
): Promise<RegisteredCertificate> {
  const { serialNumber, der } = order;
  const certificate = await findCertificate(transaction, tables, { serialNumber, nowMs });
  if (certificate === undefined) {
    throw new CaError(
      'CA_SERIAL_UNKNOWN',
      `this CA has not issued ${formatSerialNumber(serialNumber)}`,
    );
  }
  if (der !== undefined && Buffer.compare(der, certificate.der) !== 0) {
    throw new CaError(
      'CA_SERIAL_UNKNOWN',
      `the certificate given is not the one that this CA has issued as ${formatSerialNumber(serialNumber)}`,
    );
  }
  const kind = profiles.get(certificate.profile)?.definition.kind;
  if (kind === 'self-signed' && procedure === undefined) {
    throw new CaError(
      'CA_NOT_REVOCABLE',
      "the CA's own certificate ends with the CA: that is a procedure, not a revocation " +
        '(certdir ceremony start compromise)',
    );
  }
  assertRevocable(certificate.state);
  return certificate;
}

async function revokeInScope(
  core: CaCore,
  transaction: Transaction,
  group: RevocationGroup & {
    readonly scope: Scope;
    readonly members: readonly Accepted[];
    readonly nowMs: number;
    readonly revokedMs: number;
    readonly slices: WorkSlices;
  },
): Promise<readonly GroupedRevocation[]> {
  const { scope, members, nowMs, revokedMs, slices, origin, procedure, isUrgent } = group;
  const due = members.map(({ order }) =>
    isUrgent === true ? nowMs : urgentDueMs(order.reason, nowMs, core.policy),
  );
  const soonest = due.filter((dueMs) => dueMs !== undefined).sort((left, right) => left - right)[0];
  const entries = members.map(({ order: { serialNumber, reason }, certificate }) => ({
    notAfterMs: certificate.notAfterMs,
    der: encodeRevokedEntry({ serialNumber, revokedMs, reason: CrlReason[reason] }),
  }));
  await withdrawHolds(core, transaction, members);
  const common = { nowMs, ...(soonest === undefined ? {} : { dueMs: soonest }) };
  const into = { ...common, scope, entries };
  const { firstSequence, after: state } = await appendEntries(core, transaction, into);
  const beside = await appendBeside(core, transaction, { ...common, members, entries });
  const revoked: GroupedRevocation[] = [];
  const events: AuditEvent[] = [];
  for (const [index, { order, certificate }] of members.entries()) {
    const { serialNumber, reason } = order;
    const sequence = firstSequence + BigInt(index);
    const status = encodeStatusRecord({
      ...{ state: 'revoked', sinceMs: revokedMs, reason: CrlReason[reason], sequence },
      ...beside[index],
    });
    transaction.put(core.tables.status(serialNumber), status);
    events.push({
      ...{ kind: 'certificate.revoke', result: 'done', origin },
      subject: formatSerialNumber(serialNumber),
      after: recordDigest(status),
      details: {
        ...{ reason, scope: scope.id, sequence: Number(sequence) },
        ...(procedure === undefined ? {} : { procedure }),
      },
    });
    revoked.push({ order, certificate, scope, state, isUrgent: due[index] !== undefined });
    await slices.add(0);
  }
  await core.audit.appendAll(transaction, events);
  return revoked;
}

/** The full lists of the keys that have signed them carry the same entries once more. */
export async function appendBeside(
  core: CaCore,
  transaction: Transaction,
  {
    members,
    entries,
    ...common
  }: Appending & {
    readonly members: readonly Pick<Accepted, 'certificate'>[];
    readonly entries: readonly NewEntry[];
  },
): Promise<readonly Pick<StatusRecord, 'alsoListed'>[]> {
  const listed = members.map((): ListedNumber[] => []);
  const generations = new Set(members.map(({ certificate }) => certificate.generation));
  for (const generation of generations) {
    const own = [...members.keys()].filter(
      (index) => members[index]?.certificate.generation === generation,
    );
    for (const scope of core.scopes.fullOf(generation)) {
      const ownEntries = own.flatMap((index) => entries[index] ?? []);
      const into = { ...common, scope, entries: ownEntries };
      const { firstSequence } = await appendEntries(core, transaction, into);
      for (const [position, index] of own.entries()) {
        const sequence = firstSequence + BigInt(position);
        listed[index]?.push({ scopeId: scope.id, sequence });
      }
    }
  }
  return listed.map((alsoListed) => (alsoListed.length === 0 ? {} : { alsoListed }));
}

/** The entry of a hold makes room for that of the revocation, which has another reason and another date. */
async function withdrawHolds(
  core: CaCore,
  transaction: Transaction,
  members: readonly Accepted[],
): Promise<void> {
  for (const { certificate } of members) {
    if (certificate.status?.state === 'held') {
      await withdrawHold(core, transaction, { ...certificate, status: certificate.status });
    }
  }
}

/**
 * Takes the entry of a hold out of every list that carries it, or would.
 *
 * @param hold `dueMs`: when the lists without it are due; undefined when they wait for the cadence.
 */
export async function withdrawHold(
  core: CaCore,
  transaction: Transaction,
  {
    serialNumber,
    scopeId,
    status,
    dueMs,
  }: Pick<RegisteredCertificate, 'serialNumber' | 'scopeId'> & {
    readonly status: StatusRecord;
    readonly dueMs?: number | undefined;
  },
): Promise<void> {
  const { sequence: own, alsoListed = [] } = status;
  for (const { scopeId: id, sequence } of [{ scopeId, sequence: own }, ...alsoListed]) {
    const scope = core.scopes.find(id);
    await withdrawEntry(core, transaction, { scope, sequence, serialNumber, dueMs });
  }
}

/** Puts on record what was refused of a group; that a certificate is revoked already is no news. */
export async function recordRefusals(
  { audit }: CaCore,
  transaction: Transaction,
  group: Pick<RevocationGroup, 'origin'> & Pick<GroupOutcome, 'refused'>,
): Promise<void> {
  const told = group.refused.filter(({ error }) => error.code !== 'CA_ALREADY_REVOKED');
  if (told.length > 0) {
    const events = told.map(
      ({ order, error }): AuditEvent => ({
        ...{ kind: 'certificate.revoke', result: 'refused', origin: group.origin },
        subject: formatSerialNumber(order.serialNumber),
        details: { reason: order.reason, code: error.code },
      }),
    );
    await audit.appendAll(transaction, events);
  }
}
