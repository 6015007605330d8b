/**
 * One step of an exchange as one transaction: the record, the pair that follows from it, what that replaces, and the
 * audit records.
 *
 * @module
 */

import type { AuditEvent } from '../../audit/audit-log.ts';
import type { Transaction } from '../../store/store.ts';
import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import { type CaCore, transactAsOwner } from '../ca-core.ts';
import { type GroupOutcome, revokeGroup } from '../certificates/revocation-group.ts';
import { parseSerialNumber } from '../certificates/serial-number.ts';
import type { CrossRecord } from '../records/cross-record.ts';
import { readCross, writeCross } from './peers.ts';
import { publishPairs } from './published-pairs.ts';
import { type Settlement, settle } from './settlement.ts';

/** What an act on a peer has come to. */
export interface CrossOutcome {
  /** A pair is published that was not before. */
  readonly isPaired: boolean;
  /** Serial numbers, in hexadecimal, of what it replaced; revoked. */
  readonly superseded: readonly string[];
}

export type CrossEvent = Omit<AuditEvent, 'result' | 'subject'>;

export interface CrossRevocation {
  /** Hexadecimal. */
  readonly serialNumbers: readonly string[];
  readonly reason: CrlReasonName;
}

export interface CrossChange {
  readonly peer: string;
  readonly event: CrossEvent;
  /** Given the record as it stands; returns the one to be written. What it throws undoes everything. */
  readonly change: (
    record: CrossRecord,
    transaction: Transaction,
  ) => CrossRecord | Promise<CrossRecord>;
  /** What is revoked with it; asked after `change`. */
  readonly revocation?: (() => CrossRevocation) | undefined;
  /** What else is done in the transaction; told what has become of the pair. */
  readonly within?:
    | ((transaction: Transaction, outcome: CrossOutcome) => Promise<void>)
    | undefined;
}

/**
 * Resolves when it is durable.
 *
 * @returns also what was revoked, for whoever has to be told.
 */
export function changeCross(
  core: CaCore,
  { peer, event, change, revocation, within }: CrossChange,
): Promise<CrossOutcome & { readonly revoked: GroupOutcome | undefined }> {
  const { tables, clock, audit, policy } = core;
  return transactAsOwner(core, `ca: ${event.kind}`, async (transaction) => {
    const before = await readCross(transaction, tables, peer);
    const settled = settle(await change(before, transaction), clock.nowMs());
    const { record, isNew, superseded } = settled;
    writeCross(transaction, tables, record);
    await audit.append(transaction, { ...event, result: 'done', subject: peer });
    if (isNew) {
      await audit.append(transaction, pairEvent(settled, event));
    }
    if (isNew || (before.pair !== undefined && record.pair === undefined)) {
      await publishPairs(core, transaction);
    }
    const replaced = { serialNumbers: superseded, reason: replacedReason(policy) };
    const { serialNumbers, reason } = revocation?.() ?? replaced;
    const orders = serialNumbers.map((one) => ({ serialNumber: parseSerialNumber(one), reason }));
    const group = { orders, origin: event.origin, procedure: event.kind, isUrgent: true };
    const revoked = orders.length === 0 ? undefined : await revokeGroup(core, transaction, group);
    await within?.(transaction, { isPaired: isNew, superseded });
    return { isPaired: isNew, superseded, revoked };
  });
}

function pairEvent({ record, superseded }: Settlement, { origin }: CrossEvent): AuditEvent {
  const ours = record.pair && record.issued[record.pair.issued];
  return {
    ...{ kind: 'cross.pair', result: 'done', origin, subject: record.peer },
    details: { serialNumber: ours?.serialNumber ?? '', replaces: superseded.join(' ') },
  };
}

/** What a certificate that was replaced is revoked for (gunma 4-10-1), among the policy's reasons. */
function replacedReason({ revocation }: CaCore['policy']): CrlReasonName {
  const fitting = ['superseded', 'cessationOfOperation', 'unspecified'] as const;
  return fitting.find((one) => revocation.reasons.includes(one)) ?? 'superseded';
}
