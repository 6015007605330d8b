/**
 * What an auditor can ask: the part of the operations (`operations.ts`) behind `certdir audit`.
 *
 * JSON-safe as everything there: record numbers are decimal text, digests hexadecimal.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import type { Operator } from './operator.ts';
import type { ProvisionReport } from './provision-report.ts';

/** An operator's entry with an auditor's role, and its password. */
export interface AuditorCredentials {
  readonly dn: string;
  readonly password: string;
}

/** An auditor who has authenticated already; never made from what came over a wire. */
export class AuthenticatedAuditor {
  readonly origin: AuditOrigin;
  readonly roles: readonly string[];

  constructor(origin: AuditOrigin, roles: readonly string[]) {
    this.origin = origin;
    this.roles = roles;
  }
}

export interface AuditQuery {
  readonly kind?: string | undefined;
  readonly result?: 'done' | 'refused' | 'failed' | undefined;
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  /** RFC 3339; the first instant, and the first no more. */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  readonly limit: number;
}

export interface AuditRecordReport {
  readonly sequence: string;
  readonly time: string;
  readonly kind: string;
  readonly result: string;
  readonly channel: string;
  readonly actor: string;
  readonly address: string | null;
  readonly subject: string;
  readonly request: string | null;
  readonly before: string | null;
  readonly after: string | null;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export interface AuditProofReport {
  readonly record: AuditRecordReport;
  /** The leaf as it is kept, base64. */
  readonly bytes: string;
  readonly leafHash: string;
  /** C2SP tlog-proof. */
  readonly proof: string;
}

export interface CheckpointReport {
  readonly size: string;
  readonly rootHash: string;
  /** A signed note. */
  readonly checkpoint: string;
  /** The verifier key. */
  readonly key: string;
  /** How each key before handed over to the next; signed notes. */
  readonly handovers: readonly string[];
}

export interface KeyRotationInput {
  /** The key before is destroyed; a store from before the rotation can then sign no more. */
  readonly destroysOld: boolean;
  readonly auditor: AuditorCredentials;
}

export interface KeyRotationReport extends CheckpointReport {
  /** The last of the handovers. */
  readonly handover: string;
  readonly isOldDestroyed: boolean;
}

export interface AuditMarksReport {
  readonly reviewed: string;
  readonly exported: string;
  readonly pruned: string;
}

export interface AuditVerificationReport extends CheckpointReport, AuditMarksReport {
  /** Sizes of the checkpoints that were handed in. */
  readonly extended: readonly string[];
  /** Segments of the access journal that are as they were sealed, and those whose file is gone. */
  readonly accessSegments: number;
  readonly absentAccessSegments: number;
  /** Accounts of provisions that were compared with those segments. */
  readonly provisionAccounts: number;
}

/** A file of an export. */
export interface AuditFile {
  readonly path: string;
  /** Base64. */
  readonly content: string;
}

/** An export that is where it belongs. */
export interface ExportedInput {
  readonly size: string;
  readonly rootHash: string;
  /** A medium's label, a folder. */
  readonly place: string;
}

export interface AuditOperations {
  /** The last records that fit, oldest first. */
  list(query: AuditQuery): Promise<readonly AuditRecordReport[]>;
  prove(input: { readonly sequence: string }): Promise<AuditProofReport>;
  /** Reads the whole log; checkpoints are signed notes that were kept elsewhere. */
  verify(input: { readonly checkpoints: readonly string[] }): Promise<AuditVerificationReport>;
  checkpoint(): Promise<CheckpointReport>;
  acceptLoss(auditor: AuditorCredentials): Promise<CheckpointReport>;
  /** Makes another key for the log, which signs from now on. */
  rotateKey(input: KeyRotationInput): Promise<KeyRotationReport>;
  /** Up to a number of records; all there are when it is left out. */
  review(input: {
    readonly upTo?: string | undefined;
    readonly note: string;
    readonly auditor: AuditorCredentials | AuthenticatedAuditor;
  }): Promise<AuditMarksReport>;
  /** The log as files, without what an export of `since` records has in full. */
  export(input: { readonly since: string }): AsyncIterable<AuditFile>;
  /** To be told when the files are where they belong. */
  exported(input: ExportedInput, operator: Operator): Promise<AuditMarksReport>;
  /** What was provided in a year (`2026`) or a month (`2026-01`). */
  provisions(input: { readonly period: string }): Promise<ProvisionReport>;
  prune(input: { readonly auditor: AuditorCredentials }): Promise<AuditMarksReport>;
}
