/**
 * What can be asked of the archive: the part of the operations (`operations.ts`) behind `certdir archive`.
 *
 * @module
 */

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

export interface ArchiveOperations {
  /** @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`. */
  list(query: ListQuery): Promise<ArchivedList>;
  /** A month (`2026-01`) as files, with a signed manifest; is itself a record. */
  export(input: { readonly period: string }, operator: Operator): AsyncIterable<AuditFile>;
  /** Is itself a record. */
  disclose(query: CertificateQuery, operator: Operator): Promise<DisclosureReport>;
}
