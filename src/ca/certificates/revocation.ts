/**
 * Revoking certificates. The entry of the list is encoded here, once, and queued for its scope in the
 * same transaction that changes the certificate's state and writes the audit record; the receipt is
 * given when that is durable.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { Transaction } from '../../store/store.ts';
import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import { type CaCore, recordFailure, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { dueMs } from '../policy/cadence.ts';
import type { Scope } from '../policy/scope.ts';
import type { UrgentRevocations } from '../records/scope-record.ts';
import type { RegisteredCertificate } from './certificate-register.ts';
import { findReason } from './certificate-state.ts';
import {
  type GroupOutcome,
  type RevocationGroup,
  recordRefusals,
  revokeGroup,
} from './revocation-group.ts';
import { formatSerialNumber } from './serial-number.ts';

export interface RevokeRequest {
  readonly serialNumber: bigint;
  /** A reason of the policy's table, by its name in RFC 5280 §5.3.1. */
  readonly reason: string;
  readonly origin: AuditOrigin;
  /** What else happens in the transaction that revokes, or nothing does. */
  readonly within?:
    | ((transaction: Transaction, receipt: RevocationReceipt) => Promise<void>)
    | undefined;
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
      return await this.#revokeOne(request);
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

  /**
   * Revokes what can be revoked of a group, in one transaction; what cannot is recorded and returned with its reason.
   *
   * @throws {CaError} `CA_NOT_OWNER`, `CA_RECORD_DAMAGED`; then nothing of the group is revoked.
   */
  revokeGroup(group: RevocationGroup): Promise<GroupOutcome> {
    return transactAsOwner(this.#core, 'ca: revoke many', async (transaction) => {
      const outcome = await revokeGroup(this.#core, transaction, group);
      await recordRefusals(this.#core, transaction, { ...group, refused: outcome.refused });
      return outcome;
    });
  }

  async #revokeOne({ serialNumber, ...request }: RevokeRequest): Promise<RevocationReceipt> {
    const { policy } = this.#core;
    const reason = findReason(request.reason, policy.revocation.reasons);
    const group = { orders: [{ serialNumber, reason }], origin: request.origin };
    return await transactAsOwner(this.#core, 'ca: revoke', async (transaction) => {
      const outcome = await revokeGroup(this.#core, transaction, group);
      for (const { error } of outcome.refused) {
        throw error;
      }
      const receipt = this.#receiptOf(outcome, reason);
      await request.within?.(transaction, receipt);
      return receipt;
    });
  }

  #receiptOf({ revokedMs, revoked }: GroupOutcome, reason: CrlReasonName): RevocationReceipt {
    const { policy, clock } = this.#core;
    const [done] = revoked;
    if (done === undefined) {
      throw new CaError('CA_RECORD_DAMAGED', 'a revocation was neither done nor refused');
    }
    const { certificate, scope, state, isUrgent } = done;
    const publicationDueMs = Math.max(clock.nowMs(), dueMs(scope.id, state, policy));
    const urgent = isUrgent ? state.urgent : undefined;
    const { serialNumber } = certificate;
    return { serialNumber, certificate, reason, revokedMs, scope, publicationDueMs, urgent };
  }
}
