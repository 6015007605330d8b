/**
 * Reading and changing one delivery: each change is a transaction with its audit record.
 *
 * @module
 */

import type { AuditEvent, AuditOrigin } from '../../audit/audit-log.ts';
import type { Transaction } from '../../store/store.ts';
import { type CaCore, reading, recordFailure, transactAsOwner } from '../ca-core.ts';
import {
  findCertificate,
  type RegisteredCertificate,
} from '../certificates/certificate-register.ts';
import { formatSerialNumber, parseSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { DeliveryTerms } from '../policy/delivery-policy.ts';
import type { DeliveryRecord } from './delivery-record.ts';
import { readDelivery, writeDelivery } from './delivery-store.ts';

/** What is asked of one delivery. */
export interface DeliveryAct {
  readonly serialNumber: bigint;
  readonly origin: AuditOrigin;
  /** What else becomes durable with it, where the act is one transaction. */
  readonly within?:
    | ((transaction: Transaction, record: DeliveryRecord) => Promise<void>)
    | undefined;
}

export class DeliveryChanges {
  readonly core: CaCore;

  constructor(core: CaCore) {
    this.core = core;
  }

  termsOf(profile: string): DeliveryTerms | undefined {
    const { deliveries = {} } = this.core.policy;
    return Object.hasOwn(deliveries, profile) ? deliveries[profile] : undefined;
  }

  async certificateOf(record: DeliveryRecord): Promise<RegisteredCertificate> {
    const { store } = this.core;
    return await reading(store, (view) => this.readCertificate(view, record));
  }

  async readCertificate(
    view: Parameters<typeof findCertificate>[0],
    record: DeliveryRecord,
  ): Promise<RegisteredCertificate> {
    const { tables, clock } = this.core;
    const at = { serialNumber: parseSerialNumber(record.serialNumber), nowMs: clock.nowMs() };
    const certificate = await findCertificate(view, tables, at);
    if (certificate === undefined) {
      throw new CaError('CA_RECORD_DAMAGED', `there is no certificate ${record.serialNumber}`);
    }
    return certificate;
  }

  async recorded(
    kind: string,
    { serialNumber, origin }: DeliveryAct,
    change: (transaction: Transaction, record: DeliveryRecord) => Promise<DeliveryRecord>,
  ): Promise<DeliveryRecord> {
    const subject = formatSerialNumber(serialNumber);
    try {
      return await this.change(subject, change);
    } catch (error) {
      await recordFailure(this.core, { kind, origin, subject }, error);
      throw error;
    }
  }

  change(
    serialNumber: string,
    change: (transaction: Transaction, record: DeliveryRecord) => Promise<DeliveryRecord>,
  ): Promise<DeliveryRecord> {
    const { tables } = this.core;
    return transactAsOwner(this.core, 'ca: delivery', async (transaction) => {
      const before = await readDelivery(transaction, tables, parseSerialNumber(serialNumber));
      const after = await change(transaction, before);
      writeDelivery(tables, transaction, after);
      return after;
    });
  }

  async audit(
    transaction: Transaction,
    kind: AuditEvent['kind'],
    { record, origin }: { readonly record: DeliveryRecord; readonly origin: AuditOrigin },
  ): Promise<void> {
    await this.core.audit.append(transaction, {
      ...{ kind, result: 'done', origin, subject: record.serialNumber },
      details: { form: record.form, profile: record.profile },
    });
  }
}

/** What cannot be had any more, and what is left to do. */
export function gone({ serialNumber }: DeliveryRecord, why: string): CaError {
  return new CaError(
    'CA_DELIVERY_GONE',
    `nothing of ${serialNumber} can be had: ${why}. Where the subscriber is left without it, discard it and order anew`,
  );
}
