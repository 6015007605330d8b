/**
 * What can be asked of the archive: the part of the operations (`operations.ts`) behind `certdir archive`.
 *
 * @module
 */

import type { CopyStatement } from '../audit/keeping-register.ts';
import type { AuditFile, AuditRecordReport } from './audit-operations.ts';
import type { CertificateQuery, CertificateReport } from './operations.ts';
import type { Operator } from './operator.ts';

/** A list by its number, or the one that was in force at a time; the newest when neither is named. */
export interface ListQuery {
  /** A partition's code, `arl`, … */
  readonly scope: string;
  readonly number?: string | undefined;
  /** RFC 3339. */
  readonly at?: string | undefined;
}

export interface ArchivedList {
  readonly scope: string;
  readonly crlNumber: string;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  readonly entries: number;
  readonly sha256: string;
  /** DER, base64. */
  readonly list: string;
}

/** What is on record of one subject (gunma 2-8-6). */
export interface DisclosureReport {
  readonly certificates: readonly CertificateReport[];
  /** The audit log's records of them, as far as they are on line. */
  readonly records: readonly AuditRecordReport[];
}

/** Records of one kind, and what the policy says of them. */
export interface HeldReport {
  /** `auditRecords`, `certificates`, … */
  readonly kind: string;
  /** The class that covers them, and its time. */
  readonly retention: string;
  readonly years: number;
  /** What the years count from: `record` or `certificateEnd`. */
  readonly from: string;
  readonly held: number;
  /** When the oldest was made; null where there is none. */
  readonly oldest: string | null;
  /** How many have been kept long enough. */
  readonly pastRetention: number;
  /** Of these, how many could be removed now; nothing removes them by itself. */
  readonly removable: number;
  /** The command that would; null where nothing does, and what there is stays. */
  readonly removedBy: string | null;
}

/** An export of a month, or a backup. */
export interface CopyReport {
  /** `2026-01`, or `backup`. */
  readonly of: string;
  readonly manifestSha256: string;
  readonly made: string;
  readonly written: string | null;
  readonly received: string | null;
  readonly read: string | null;
}

export interface ArchiveStatusReport {
  readonly held: readonly HeldReport[];
  /** Every export of a month, and the last backup. */
  readonly copies: readonly CopyReport[];
  readonly overdue: readonly {
    readonly matter: string;
    readonly since: string;
    readonly advice: string;
  }[];
}

export interface ArchiveOperations {
  /** What is held, and what could be removed. */
  status(): Promise<ArchiveStatusReport>;
  /** Records what somebody says of a copy. @throws {AuditError} `AUDIT_COPY_UNKNOWN`. */
  attest(statement: CopyStatement, operator: Operator): Promise<{ readonly of: string }>;
  /** @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`. */
  list(query: ListQuery): Promise<ArchivedList>;
  /** A month (`2026-01`) as files, with a signed manifest; is itself a record. */
  export(input: { readonly period: string }, operator: Operator): AsyncIterable<AuditFile>;
  /** Is itself a record. */
  disclose(query: CertificateQuery, operator: Operator): Promise<DisclosureReport>;
}
