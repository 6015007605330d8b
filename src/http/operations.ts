/**
 * What an administrator at this machine can ask of a certdir: the one interface behind every
 * command of the CLI. `local-operations.ts` implements it on an open instance; `control-server.ts` offers it over
 * the unix socket of a running server and `control-client.ts` is its other end, so a command does the
 * same thing with and without a server.
 *
 * Everything here is JSON-safe: serial numbers are upper-case hexadecimal, times are RFC 3339
 * text in UTC, bytes are PEM or base64.
 *
 * @module
 */

import type { AccessExplanation, AccessQuestion } from '../directory/access/access-explanation.ts';
import type { ArchiveOperations } from './archive-operations.ts';
import type { AuditOperations } from './audit-operations.ts';
import type { CeremonyOperations } from './ceremony-operations.ts';
import type { CrlOperations } from './crl-operations.ts';
import type { CrossOperations } from './cross-operations.ts';
import type { CustodyOperations } from './custody-operations.ts';
import type { HoldOperations } from './hold-operations.ts';
import type { KeyOperations } from './key-operations.ts';
import type { OcspReport } from './ocsp-report.ts';
import type { Operator } from './operator.ts';
import type { OperatorOperations } from './operator-operations.ts';
import type { RevocationOperations } from './revocation-operations.ts';
import type { VerifierOperations } from './verifier-operations.ts';

/** Counts of steps done, for progress bars. `total` is 0 while it is not known. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly what: string;
}

export type OnProgress = (progress: Progress) => void;

export type { Operator } from './operator.ts';

export interface ScopeStatus {
  /** A partition's code, or `arl`. */
  readonly scope: string;
  readonly dn: string;
  readonly crlNumber: string | null;
  readonly thisUpdate: string | null;
  readonly nextUpdate: string | null;
  readonly nextPublication: string | null;
  readonly entries: number;
  readonly bytes: number;
  /** The delta list on show; null where there is none. */
  readonly delta: DeltaStatus | null;
}

export interface DeltaStatus {
  readonly crlNumber: string;
  /** The number of the full list that it starts from. */
  readonly deltaOf: string;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  readonly entries: number;
  readonly bytes: number;
}

/** What the server has done since its start, and what it holds now. */
export interface ServerFigures {
  readonly uptimeSeconds: number;
  readonly connections: number;
  readonly acceptedConnections: number;
  readonly refusedConnections: number;
  readonly requests: number;
  readonly pendingRequests: number;
  readonly unsentBytes: number;
  readonly answerCacheHits: number;
  readonly answerCacheMisses: number;
  readonly waitingPasswords: number;
  readonly residentBytes: number;
  readonly storeBytes: number;
  /** Null where OCSP is not answered. */
  readonly ocsp: OcspFigures | null;
}

/** Since the start; `pending` are being made now. */
export interface OcspFigures {
  readonly answers: number;
  /** Of those, given again. */
  readonly cached: number;
  readonly refused: number;
  readonly pending: number;
}

/** The journal as standbys have it. */
export interface ReplicationReport {
  readonly epoch: number;
  /** The last record of the journal. */
  readonly sequence: number;
  readonly mode: 'asynchronous' | 'synchronous' | 'fallen back';
  readonly standbys: readonly {
    /** SHA-256 of its certificate. */
    readonly standby: string;
    readonly sequence: number;
    /** In records, in bytes of the journal, and in seconds since the first of them was written. */
    readonly behind: number;
    readonly behindBytes: number;
    readonly behindSeconds: number;
    /** Since it was last heard of. */
    readonly silentSeconds: number;
  }[];
}

/** What ends a key or the service, and how far it has come (`ca/records/service-record.ts`). */
export interface CessationReport {
  /** Of its ceremony. */
  readonly id: string;
  readonly kind: 'compromise' | 'end-of-service';
  /** Of the key. */
  readonly generation: number;
  readonly phase: string;
  readonly since: string;
  /** From when on nothing is issued. */
  readonly stops: string;
  readonly revoked: number;
}

/** `ending`: the end is announced, and certificates are issued until then. `ended`: the last lists are out. */
export type ServiceState = 'issuing' | 'ending' | 'issuing-stopped' | 'ended';

export interface ServiceStatus {
  readonly version: string;
  readonly service: {
    readonly state: ServiceState;
    /** Oldest first. */
    readonly cessations: readonly CessationReport[];
  };
  /** True when a server answered, false when the command opened the store itself. */
  readonly isServing: boolean;
  readonly preset: string;
  readonly caName: string;
  readonly caDn: string;
  readonly certificates: {
    readonly issued: number;
    readonly revoked: number;
  };
  readonly keyActive: boolean;
  readonly storeWritable: boolean;
  readonly audit: { readonly size: string; readonly rootHash: string };
  readonly scopes: readonly ScopeStatus[];
  /** Null when no server runs. */
  readonly server: ServerFigures | null;
  /** Null when no standby is provided for. */
  readonly replication: ReplicationReport | null;
  /** What an operator should look at, most urgent first; empty when all is well. */
  readonly warnings: readonly string[];
}

/** The subject's attributes (gunma 4-2-2): what the municipality notified. */
export interface SubjectAttributes {
  readonly commonName: string;
  readonly substituteCharacterOfCommonName?: string | undefined;
  /** `1` male, `2` female, `3` unknown. */
  readonly gender: string;
  /** `YYYY-MM-DD`, or era digit and `YYYYMMDD` as it stands in the certificate. */
  readonly dateOfBirth: string;
  readonly address: string;
  readonly substituteCharacterOfAddress?: string | undefined;
}

export interface IssueInput {
  /** PKCS#10, PEM or base64 of the DER. */
  readonly request: string;
  /** Municipality code, five or six digits. */
  readonly municipality: string;
  /** Where the policy has requests choose the list: one of the scope's `values`. */
  readonly partition?: string | undefined;
  readonly attributes: SubjectAttributes;
}

export interface IssuedReport {
  readonly serialNumber: string;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly partition: string;
  readonly certificate: string;
  readonly sha256Fingerprint: string;
}

/** Which certificates: the one of a number, of a key, or those of a subscriber. */
export type CertificateQuery =
  | { readonly serialNumber: string }
  /** Base64 of the SubjectPublicKeyInfo. */
  | { readonly publicKey: string }
  | { readonly subscriber: SubjectAttributes };

/** A certificate and what it is now. */
export interface CertificateReport {
  readonly serialNumber: string;
  readonly profile: string;
  readonly subject: string;
  /** `good`, `revoked`, `expired`; `held`, `not-delivered` under policies that know them. */
  readonly state: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly partition: string;
  /** Since when it is revoked, or held; null while it is good. */
  readonly revokedAt: string | null;
  readonly reason: string | null;
  readonly certificate: string;
  readonly sha256Fingerprint: string;
}

export interface RevokeInput {
  readonly serialNumber: string;
  /** A reason's name (RFC 5280 §5.3.1), e.g. `keyCompromise`. */
  readonly reason: string;
}

/** The answer that the CPS calls the receipt of a revocation (gunma 4-4-2-2). */
export interface RevokedReport {
  readonly serialNumber: string;
  readonly subject: string;
  readonly reason: string;
  readonly revokedAt: string;
  readonly partition: string;
  /** When the list that carries it is due at the latest. */
  readonly publicationDue: string;
}

export interface PublishInput {
  readonly scopes: 'all' | readonly string[];
}

export interface PublishedReport {
  readonly scope: string;
  readonly crlNumber: string;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  readonly entries: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface OperatorReport {
  readonly dn: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly isDisabled: boolean;
  /** When its password ends; null where it does not. */
  readonly passwordEnds: string | null;
}

/** Something stored that is damaged, or does not fit. */
export interface CheckFinding {
  readonly part: 'store' | 'audit' | 'directory' | 'ca';
  readonly code: string;
  /** A key, an entry's name, a serial number, a list's scope. */
  readonly subject: string;
  readonly message: string;
}

export interface CheckInput {
  /** Also makes the index anew from the journal beside the store, and compares every row. */
  readonly isDeep: boolean;
  /** `store`: the stored bytes alone, not what they mean. */
  readonly parts: 'all' | 'store';
}

export interface CheckReport {
  readonly isSound: boolean;
  /** What was looked at; what was not is 0 or null. */
  readonly rows: number;
  readonly entries: number;
  readonly certificates: number;
  readonly lists: number;
  /** Null also when the log cannot be verified. */
  readonly auditRecords: string | null;
  readonly auditRootHash: string | null;
  readonly findingCount: number;
  /** The first 1,000. */
  readonly findings: readonly CheckFinding[];
}

/** An LDIF file. */
export interface LdifInput {
  readonly source: AsyncIterable<Uint8Array>;
  /** The folder below which values may be read from files that URLs name; without a server only. */
  readonly filesUnder?: string | undefined;
}

export interface LdifModifyReport {
  /** Changes carried out. */
  readonly changes: number;
  readonly refusedCount: number;
  /** The first 100. */
  readonly refused: readonly {
    readonly line: number;
    readonly code: string;
    readonly message: string;
  }[];
}

export interface LdifExportInput {
  /** The whole directory without it. */
  readonly base?: string | undefined;
  /** `subtree` without it. */
  readonly scope?: 'base' | 'one' | 'subtree' | undefined;
  /** RFC 4515 text; every entry without it. */
  readonly filter?: string | undefined;
  /** Without what the server itself keeps with entries: identities, times, authors. */
  readonly isUserOnly?: boolean | undefined;
}

export interface BackupInput {
  /** Absolute path, on the server's machine. */
  readonly folder: string;
  readonly passphrase?: string;
}

export interface BackupCreateReport {
  readonly folder: string;
  /** The last record of the journal that is in it. */
  readonly sequence: number;
  readonly isEncrypted: boolean;
  readonly segments: number;
  readonly copiedSegments: number;
  readonly copiedBytes: number;
  /** SHA-256 of the manifest: what proves later that it is the one. */
  readonly manifestSha256: string;
}

/** What is known of the lists in use, after a restore. */
export interface RecoverInput {
  /** DER. */
  readonly lists: readonly Uint8Array[];
  readonly numbers: readonly { readonly scope: string; readonly number: string }[];
  /** Of every other list none is in use that the store does not know. */
  readonly coversRest: boolean;
  /** Goes on although lists carry revocations that the store does not have. */
  readonly acceptsMissing: boolean;
  /** Checkpoints of the audit log that were kept elsewhere, signed notes. */
  readonly checkpoints: readonly string[];
}

export interface RecoverReport {
  /** How many lists were read. */
  readonly lists: number;
  readonly moved: readonly { readonly scope: string; readonly from: string; readonly to: string }[];
  readonly missing: readonly {
    readonly scope: string;
    readonly serialNumber: string;
    readonly isKnown: boolean;
  }[];
  /** What the audit log has lost, by a checkpoint that was kept; null when it has lost nothing that is known. */
  readonly auditLoss: string | null;
}

export interface JournalReport {
  /** Null when everything is kept. */
  readonly keepDays: number | null;
  readonly keepUntilBackedUp: boolean;
  /** The last record whose segment was removed; 0 when none was. */
  readonly retiredUpTo: number;
  /** The last record in a verified backup; 0 when there is none. */
  readonly backedUpTo: number;
  /** The last record that the index is whole without. */
  readonly indexWholeUpTo: number;
  readonly lastRecord: number;
  readonly segments: readonly {
    readonly name: string;
    readonly first: number;
    /** Null of the last segment, and when it was sealed likewise. */
    readonly last: number | null;
    readonly bytes: number;
    readonly createdAt: string;
    readonly sealedAt: string | null;
    /** See `SegmentState` of the store. */
    readonly state: string;
  }[];
}

export interface Operations {
  readonly audit: AuditOperations;
  readonly archive: ArchiveOperations;
  readonly crl: CrlOperations;
  readonly custody: CustodyOperations;
  readonly ceremonies: CeremonyOperations;
  readonly revocations: RevocationOperations;
  readonly cross: CrossOperations;
  readonly holds: HoldOperations;
  readonly verifiers: VerifierOperations;
  readonly operators: OperatorOperations;
  readonly keys: KeyOperations;
  status(): Promise<ServiceStatus>;
  /** Of every CA of the data folder. */
  statuses(): Promise<readonly ServiceStatus[]>;
  /** Reads everything that is stored, from one state, and says what is wrong with it. */
  check(input: CheckInput, onProgress: OnProgress): Promise<CheckReport>;
  /** Lets the CA of a restored store sign again; see ca/recovery.ts. */
  recoverConfirm(input: RecoverInput, operator: Operator): Promise<RecoverReport>;
  /** The journal's segments, and what keeps each. */
  journal(): Promise<JournalReport>;
  /** Adds a backup of the store to a folder; see store-backup.ts. */
  backup(
    input: BackupInput,
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<BackupCreateReport>;
  issue(input: IssueInput, operator: Operator): Promise<IssuedReport>;
  /** Empty when there is none; an unknown serial number is an error (`CA_SERIAL_UNKNOWN`). */
  findCertificates(query: CertificateQuery): Promise<readonly CertificateReport[]>;
  revoke(input: RevokeInput, operator: Operator): Promise<RevokedReport>;
  publish(
    input: PublishInput,
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<readonly PublishedReport[]>;
  /** All or nothing; an error names the line of the first fault. */
  ldifImport(
    input: LdifInput,
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<{ readonly entries: number }>;
  /** Carries out change records: all or none, or each by itself. */
  ldifModify(
    input: LdifInput & { readonly isAtomic: boolean },
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<LdifModifyReport>;
  /** LDIF text from one consistent state. */
  ldifExport(input: LdifExportInput, operator: Operator): AsyncIterable<string>;
  /** What someone may do with an entry, and by which rules. */
  explainAccess(question: AccessQuestion): Promise<AccessExplanation>;
  /** The CA's OCSP responder. */
  ocspStatus(): Promise<OcspReport>;
  /** Makes another key for it and certifies that. */
  ocspRenew(operator: Operator): Promise<OcspReport>;
  operatorList(): Promise<readonly OperatorReport[]>;
  operatorPassword(
    input: { readonly name: string; readonly password: string },
    operator: Operator,
  ): Promise<OperatorReport>;
}
