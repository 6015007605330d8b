/**
 * Holding certificates, by telephone report at any hour, and releasing them at the counter (jlis 4.9.13 to 4.9.16). A
 * hold is in the list like a revocation, with the reason certificateHold; a release takes its entry out of the next
 * one, and a revocation of what is held takes its place (`revocation-group.ts`). Nothing else is ever undone.
 *
 * @module
 */

import type { AuditEvent, AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import type { Transaction } from '../../store/store.ts';
import { encodeRevokedEntry } from '../../x509/certificate-list.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import { type CaCore, recordFailure, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { appendEntries } from '../lists/scope-append.ts';
import { dueMs, releaseDueMs, urgentDueMs } from '../policy/cadence.ts';
import type { Scope } from '../policy/scope.ts';
import { encodeStatusRecord } from '../records/certificate-record.ts';
import type { UrgentRevocations } from '../records/scope-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import { findCertificate, type RegisteredCertificate } from './certificate-register.ts';
import { appendBeside, withdrawHold } from './revocation-group.ts';
import { formatSerialNumber } from './serial-number.ts';

export interface HoldRequest {
  readonly serialNumber: bigint;
  readonly origin: AuditOrigin;
  /** What else happens in the same transaction, or nothing does. */
  readonly within?: ((transaction: Transaction, receipt: HoldReceipt) => Promise<void>) | undefined;
}

/** What the one who asked is answered. */
export interface HoldReceipt {
  readonly serialNumber: bigint;
  readonly certificate: RegisteredCertificate;
  /** Since when it is held, or no longer is; whole seconds. */
  readonly sinceMs: number;
  readonly scope: Scope;
  /** When the list that says so is due, at the latest. */
  readonly publicationDueMs: number;
  /** What of the scope does not wait for the cadence; undefined when nothing does. */
  readonly urgent: UrgentRevocations | undefined;
}

type Act = 'certificate.hold' | 'certificate.release';

export class Holding {
  readonly #core: CaCore;

  constructor(core: CaCore) {
    this.#core = core;
  }

  /**
   * Holds a good certificate. Resolves when it is durable.
   *
   * @throws {CaError} `CA_HOLD_NOT_ALLOWED` by the policy, or for a certificate that is not good; `CA_SERIAL_UNKNOWN`,
   *   `CA_ALREADY_REVOKED`, `CA_CERTIFICATE_EXPIRED`, `CA_NOT_OWNER`.
   */
  hold(request: HoldRequest): Promise<HoldReceipt> {
    return this.#recorded('certificate.hold', request, (transaction) =>
      this.#holdIn(transaction, request),
    );
  }

  /**
   * Releases a held certificate: it is good again. Also where the policy does not allow holding any more.
   *
   * @throws {CaError} `CA_NOT_HELD`, `CA_SERIAL_UNKNOWN`, `CA_CERTIFICATE_EXPIRED`, `CA_NOT_OWNER`.
   */
  release(request: HoldRequest): Promise<HoldReceipt> {
    return this.#recorded('certificate.release', request, (transaction) =>
      this.#releaseIn(transaction, request),
    );
  }

  async #recorded(
    kind: Act,
    { serialNumber, origin, within }: HoldRequest,
    act: (transaction: Transaction) => Promise<HoldReceipt>,
  ): Promise<HoldReceipt> {
    try {
      return await transactAsOwner(this.#core, `ca: ${kind}`, async (transaction) => {
        const receipt = await act(transaction);
        await within?.(transaction, receipt);
        return receipt;
      });
    } catch (error) {
      const event = { kind, origin, subject: formatSerialNumber(serialNumber) };
      await recordFailure(this.#core, event, error);
      throw error;
    }
  }

  async #holdIn(
    transaction: Transaction,
    { serialNumber, origin }: HoldRequest,
  ): Promise<HoldReceipt> {
    const { policy, clock, tables } = this.#core;
    if (policy.revocation.hold === 'never') {
      throw new CaError('CA_HOLD_NOT_ALLOWED', 'the policy holds no certificates');
    }
    const nowMs = clock.nowMs();
    const certificate = await this.#find(transaction, serialNumber, nowMs);
    assertHoldable(certificate);
    const scope = this.#core.scopes.find(certificate.scopeId);
    const sinceMs = Math.floor(nowMs / 1000) * 1000;
    const reason = CrlReason.certificateHold;
    const der = encodeRevokedEntry({ serialNumber, revokedMs: sinceMs, reason });
    const ownDueMs = urgentDueMs('certificateHold', nowMs, policy);
    const common = { nowMs, ...(ownDueMs === undefined ? {} : { dueMs: ownDueMs }) };
    const entries = [{ notAfterMs: certificate.notAfterMs, der }];
    const into = { ...common, scope, entries };
    const { firstSequence: sequence, after } = await appendEntries(this.#core, transaction, into);
    const members = [{ certificate }];
    const [beside] = await appendBeside(this.#core, transaction, { ...common, members, entries });
    const status = encodeStatusRecord({ state: 'held', sinceMs, reason, sequence, ...beside });
    transaction.put(tables.status(serialNumber), status);
    await this.#record(transaction, 'certificate.hold', {
      origin,
      subject: formatSerialNumber(serialNumber),
      after: recordDigest(status),
      details: { scope: scope.id, sequence: Number(sequence) },
    });
    const publicationDueMs = Math.max(nowMs, dueMs(scope.id, after, policy));
    const urgent = ownDueMs === undefined ? undefined : after.urgent;
    return { serialNumber, certificate, sinceMs, scope, publicationDueMs, urgent };
  }

  async #releaseIn(
    transaction: Transaction,
    { serialNumber, origin }: HoldRequest,
  ): Promise<HoldReceipt> {
    const { policy, clock, tables } = this.#core;
    const nowMs = clock.nowMs();
    const certificate = await this.#find(transaction, serialNumber, nowMs);
    const { status } = certificate;
    if (certificate.state === 'expired') {
      throw new CaError('CA_CERTIFICATE_EXPIRED', 'the certificate has expired; it stays as it is');
    }
    if (status?.state !== 'held') {
      throw new CaError('CA_NOT_HELD', 'the certificate is not held');
    }
    const scope = this.#core.scopes.find(certificate.scopeId);
    const ownDueMs = releaseDueMs(nowMs, policy);
    await withdrawHold(this.#core, transaction, { ...certificate, status, dueMs: ownDueMs });
    transaction.delete(tables.status(serialNumber));
    await this.#record(transaction, 'certificate.release', {
      origin,
      subject: formatSerialNumber(serialNumber),
      before: recordDigest(encodeStatusRecord(status)),
      details: { scope: scope.id, sequence: Number(status.sequence) },
    });
    const state = await readScopeRecord(transaction, tables, scope.id);
    const publicationDueMs = Math.max(nowMs, dueMs(scope.id, state, policy));
    const sinceMs = Math.floor(nowMs / 1000) * 1000;
    return { serialNumber, certificate, sinceMs, scope, publicationDueMs, urgent: state.urgent };
  }

  async #record(
    transaction: Transaction,
    kind: Act,
    event: Omit<AuditEvent, 'kind' | 'result'>,
  ): Promise<void> {
    await this.#core.audit.append(transaction, { ...event, kind, result: 'done' });
  }

  async #find(
    transaction: Transaction,
    serialNumber: bigint,
    nowMs: number,
  ): Promise<RegisteredCertificate> {
    const { tables } = this.#core;
    const certificate = await findCertificate(transaction, tables, { serialNumber, nowMs });
    if (certificate === undefined) {
      throw new CaError(
        'CA_SERIAL_UNKNOWN',
        `this CA has not issued ${formatSerialNumber(serialNumber)}`,
      );
    }
    return certificate;
  }
}

export function assertHoldable({ state }: RegisteredCertificate): void {
  switch (state) {
    case 'good':
      return;
    case 'revoked':
      throw new CaError('CA_ALREADY_REVOKED', 'the certificate is revoked');
    case 'expired':
      throw new CaError('CA_CERTIFICATE_EXPIRED', 'the certificate has expired');
    case 'held':
    case 'not-delivered':
      throw new CaError('CA_HOLD_NOT_ALLOWED', 'only a good certificate is held');
  }
}
