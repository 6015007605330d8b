/**
 * The register of copies: what was signed, put away and read again, each a record of the audit log; and the times that
 * say whether something is overdue.
 *
 * Not here: making the copies, and how often they are wanted (the policy's `keeping`).
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { ReadView, Store, Transaction } from '../store/store.ts';
import type { AuditLog, AuditOrigin } from './audit-log.ts';
import { readMarks } from './audit-state.ts';
import { recordKey } from './audit-tiles.ts';
import {
  type ArchivedMonth,
  type Attestation,
  addBackup,
  addMonth,
  attestCopy,
  type KeptCopy,
  readBackups,
  readMonths,
} from './keeping-state.ts';
import { parseAuditRecord } from './record-encoding.ts';

/** Instants in epoch milliseconds; undefined for what never was, or is so old that its record was removed. */
export interface KeepingFacts {
  /** Of the oldest record that is on line. */
  readonly sinceMs: number | undefined;
  readonly reviewedMs: number | undefined;
  readonly auditExportedMs: number | undefined;
  readonly backups: readonly KeptCopy[];
  readonly months: readonly ArchivedMonth[];
}

export interface CopyStatement {
  readonly what: Attestation;
  /** Of the manifest, lower-case hexadecimal. */
  readonly sha256: string;
  /** A folder, a medium's label, a safe. */
  readonly place: string;
}

const recordKinds = {
  written: 'archive.written',
  received: 'archive.receipt',
  read: 'archive.verify',
} as const satisfies Record<Attestation, string>;

export interface KeepingRegisterOptions {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export class KeepingRegister {
  readonly #options: KeepingRegisterOptions;

  constructor(options: KeepingRegisterOptions) {
    this.#options = options;
  }

  /** To be called in the transaction that records a backup. */
  async noteBackup(transaction: Transaction, sha256: string): Promise<void> {
    await addBackup(transaction, { sha256, madeMs: this.#options.clock.nowMs() });
  }

  /** Records that the manifest of a month is about to be given out. @param month `YYYY-MM`. */
  async noteMonth(
    {
      month,
      sha256,
      ca,
    }: { readonly month: string; readonly sha256: string; readonly ca?: string | undefined },
    origin: AuditOrigin,
  ): Promise<void> {
    const { store, audit, clock } = this.#options;
    await store.transact('audit: sign a month', async (transaction) => {
      const made = { sha256, madeMs: clock.nowMs(), ...(ca === undefined ? {} : { ca }) };
      await addMonth(transaction, month, made);
      await audit.append(transaction, {
        ...{ kind: 'archive.sign', result: 'done', origin, subject: month, after: sha256 },
      });
    });
  }

  /**
   * Records what somebody says of a copy.
   *
   * @returns what it is a copy of: a month, or `backup`.
   * @throws {AuditError} `AUDIT_COPY_UNKNOWN`.
   */
  async attest({ what, sha256, place }: CopyStatement, origin: AuditOrigin): Promise<string> {
    const { store, audit, clock } = this.#options;
    return await store.transact('audit: attest a copy', async (transaction) => {
      const of = await attestCopy(transaction, { sha256, what, atMs: clock.nowMs() });
      await audit.append(transaction, {
        ...{ kind: recordKinds[what], result: 'done', origin, subject: of, after: sha256 },
        details: { place },
      });
      return of;
    });
  }

  /** @throws {AuditError} `AUDIT_STATE_DAMAGED`, `AUDIT_RECORD_DAMAGED`. */
  async facts(): Promise<KeepingFacts> {
    const snapshot = this.#options.store.snapshot();
    try {
      const { pruned, reviewRecord, exportRecord } = await readMarks(snapshot);
      return {
        sinceMs: await timeOf(snapshot, pruned),
        reviewedMs: await timeOf(snapshot, reviewRecord),
        auditExportedMs: await timeOf(snapshot, exportRecord),
        backups: await readBackups(snapshot),
        months: await readMonths(snapshot),
      };
    } finally {
      await snapshot.close();
    }
  }
}

async function timeOf(view: ReadView, sequence: bigint | undefined): Promise<number | undefined> {
  const bytes = sequence === undefined ? undefined : await view.read(recordKey(sequence));
  return bytes === undefined ? undefined : parseAuditRecord(bytes).timeMs;
}
