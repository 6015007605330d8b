/**
 * Revoking certificates. The entry of the list is encoded here, once, and queued for its scope in the
 * same transaction that changes the certificate's state and writes the audit record; the receipt is
 * given when that is durable.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import type { Transaction } from '../../store/store.ts';
import { encodeRevokedEntry } from '../../x509/certificate-list.ts';
import { CrlReason, type CrlReasonName } from '../../x509/crl-extensions.ts';
import { type CaCore, readCounters, recordFailure, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { appendEntries } from '../lists/scope-append.ts';
import { dueMs, urgentDueMs } from '../policy/cadence.ts';
import type { Scope } from '../policy/scope.ts';
import { encodeStatusRecord } from '../records/certificate-record.ts';
import { encodeCountersRecord } from '../records/counters-record.ts';
import type { UrgentRevocations } from '../records/scope-record.ts';
import { findCertificate, type RegisteredCertificate } from './certificate-register.ts';
import { assertRevocable, findReason } from './certificate-state.ts';
import { formatSerialNumber } from './serial-number.ts';

export interface RevokeRequest {
  readonly serialNumber: bigint;
  /** A reason of the policy's table, by its name in RFC 5280 §5.3.1. */
  readonly reason: string;
  readonly origin: AuditOrigin;
}

/** What the one who asked is answered (gunma 4-4-2-2). */
export interface RevocationReceipt {
  readonly serialNumber: bigint;
  readonly certificate: RegisteredCertificate;
  readonly reason: CrlReasonName;
  /** Whole seconds: as the list will say it. */
  readonly revokedMs: number;
  readonly scope: Scope;
  /** When the list that carries it is due, at the latest. */
  readonly publicationDueMs: number;
  /** What of the scope does not wait for the cadence; undefined when this one does. */
  readonly urgent: UrgentRevocations | undefined;
}

/** Of a text that came from outside and is not what it should be. */
const MAX_RECORDED_TEXT = 40;

export class Revocation {
  readonly #core: CaCore;

  constructor(core: CaCore) {
    this.#core = core;
  }

  /**
   * Revokes a certificate for good. Resolves when it is durable.
   *
   * @throws {CaError} `CA_SERIAL_UNKNOWN`, `CA_REASON_NOT_ALLOWED`, `CA_ALREADY_REVOKED`,
   *   `CA_CERTIFICATE_EXPIRED`, `CA_NOT_REVOCABLE`, `CA_NOT_OWNER`.
   */
  async revoke(request: RevokeRequest): Promise<RevocationReceipt> {
    try {
      return await transactAsOwner(this.#core, 'ca: revoke', (transaction) =>
        this.#revokeIn(transaction, request),
      );
    } catch (error) {
      const { serialNumber, reason, origin } = request;
      const event = {
        kind: 'certificate.revoke',
        origin,
        subject: formatSerialNumber(serialNumber),
        details: { reason: reason.slice(0, MAX_RECORDED_TEXT) },
      };
      await recordFailure(this.#core, event, error);
      throw error;
    }
  }

  async #revokeIn(
    transaction: Transaction,
    { serialNumber, reason: given, origin }: RevokeRequest,
  ): Promise<RevocationReceipt> {
    const { tables, clock, policy, scopes, audit } = this.#core;
    const nowMs = clock.nowMs();
    const reason = findReason(given, policy.revocation.reasons);
    const certificate = await this.#findRevocable(transaction, serialNumber, nowMs);
    const scope = scopes.find(certificate.scopeId);
    const ownDueMs = urgentDueMs(reason, nowMs, policy);
    const revokedMs = Math.floor(nowMs / 1000) * 1000;
    const { notAfterMs } = certificate;
    const der = encodeRevokedEntry({ serialNumber, revokedMs, reason: CrlReason[reason] });
    const { firstSequence: sequence, after } = await appendEntries(this.#core, transaction, {
      scope,
      entries: [{ notAfterMs, der }],
      nowMs,
      ...(ownDueMs === undefined ? {} : { dueMs: ownDueMs }),
    });
    const urgent = ownDueMs === undefined ? undefined : after.urgent;
    const status = encodeStatusRecord({
      state: 'revoked',
      sinceMs: revokedMs,
      reason: CrlReason[reason],
      sequence,
    });
    transaction.put(tables.status(serialNumber), status);
    await this.#count(transaction);
    await audit.append(transaction, {
      kind: 'certificate.revoke',
      result: 'done',
      origin,
      subject: formatSerialNumber(serialNumber),
      after: recordDigest(status),
      details: { reason, scope: scope.id, sequence: Number(sequence) },
    });
    const due = dueMs(scope.id, after, policy);
    const publicationDueMs = Math.max(nowMs, due);
    return { serialNumber, certificate, reason, revokedMs, scope, publicationDueMs, urgent };
  }

  async #findRevocable(
    transaction: Transaction,
    serialNumber: bigint,
    nowMs: number,
  ): Promise<RegisteredCertificate> {
    const { tables, profiles } = this.#core;
    const certificate = await findCertificate(transaction, tables, { serialNumber, nowMs });
    if (certificate === undefined) {
      throw new CaError(
        'CA_SERIAL_UNKNOWN',
        `this CA has not issued ${formatSerialNumber(serialNumber)}`,
      );
    }
    if (profiles.get(certificate.profile)?.definition.kind === 'self-signed') {
      throw new CaError(
        'CA_NOT_REVOCABLE',
        "the CA's own certificate ends with the CA: that is a procedure, not a revocation",
      );
    }
    assertRevocable(certificate.state);
    return certificate;
  }

  async #count(transaction: Transaction): Promise<void> {
    const { tables } = this.#core;
    const counters = await readCounters(transaction, tables);
    transaction.put(
      tables.counters,
      encodeCountersRecord({
        ...counters,
        revoked: counters.revoked + 1,
      }),
    );
  }
}
