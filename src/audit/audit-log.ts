/**
 * The audit log as the rest of the program sees it: one call, inside the transaction of the act
 * that it records, so that no act is durable without its record and no record without its act.
 *
 * @module
 */

import type { Snapshot, Transaction } from '../store/store.ts';

export type AuditResult = 'done' | 'refused' | 'failed';

/** Who or what caused the act. */
export interface AuditOrigin {
  /** `system`, `cli`, `ldap`, `http`, `scheduler`. */
  readonly channel: string;
  /** The actor: a DN, an operator's name, `root@socket`; never a secret. */
  readonly actor: string;
  /** Peer address where there is one. */
  readonly address?: string;
}

/** R-AUD 1: kind, time, result and origin of every recorded act. */
export interface AuditEvent {
  /** Dotted, stable, e.g. `certificate.issue`, `crl.publish`, `ldap.modify`, `service.start`. */
  readonly kind: string;
  readonly result: AuditResult;
  readonly origin: AuditOrigin;
  /** What it was done to: a serial number, a scope, a DN. */
  readonly subject: string;
  /** SHA-256 of what was asked for, as it came, lower-case hexadecimal. */
  readonly request?: string;
  /** SHA-256 of the subject as it was before, where there was one. */
  readonly before?: string;
  /** SHA-256 of what the act made of it, where something is left. */
  readonly after?: string;
  /** Flat, JSON-safe facts: reasons, numbers. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

export interface AuditRecord extends AuditEvent {
  /** 0, 1, 2, … without a gap. */
  readonly sequence: bigint;
  readonly timeMs: number;
}

export interface AuditLog {
  /** Appends a record within `transaction`; it becomes durable with it or not at all. */
  append(transaction: Transaction, event: AuditEvent): Promise<void>;
  /** Appends a record for each event, in order, for less than one by one; the event loop is left to others between. */
  appendAll(transaction: Transaction, events: readonly AuditEvent[]): Promise<void>;
  /** Records from `fromSequence` up, in order, as far as they were not removed (`pruning.ts`). */
  records(snapshot: Snapshot, fromSequence?: bigint): AsyncIterable<AuditRecord>;
  /** How many records there are and the RFC 6962 §2.1 root hash over all of them. */
  head(snapshot: Snapshot): Promise<{ readonly size: bigint; readonly rootHash: Uint8Array }>;
}
