/**
 * `AuditOperations` on an open instance.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { VerifiedAccesses } from '../audit/access-verification.ts';
import type { AuditLog, AuditOrigin, AuditRecord } from '../audit/audit-log.ts';
import type { AuditMarks } from '../audit/audit-state.ts';
import type { AuditTrail, Verification } from '../audit/audit-trail.ts';
import type { SignedCheckpoint } from '../audit/checkpointer.ts';
import { AuditError } from '../audit/errors.ts';
import type { ProvisionCount } from '../audit/provision-accounts.ts';
import { VerifierRegister } from '../ca/accounts/verifier-register.ts';
import type { Policy } from '../ca/policy/policy.ts';
import { keptLongEnoughBeforeMs, retentionOf } from '../ca/policy/retention.ts';
import type { SharedPolicy } from '../ca/policy/shared-policy.ts';
import { encodeUtf8, formatHex, parseHex } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { actorOf } from '../directory/accounts/principal.ts';
import type { Directory } from '../directory/directory.ts';
import type { Dn } from '../directory/names/dn.ts';
import {
  type AuditFile,
  type AuditMarksReport,
  type AuditOperations,
  type AuditorCredentials,
  type AuditProofReport,
  type AuditQuery,
  type AuditRecordReport,
  type AuditVerificationReport,
  AuthenticatedAuditor,
  type CheckpointReport,
  type ExportedInput,
  type KeyRotationInput,
  type KeyRotationReport,
} from './audit-operations.ts';
import { HttpError } from './errors.ts';
import { type Operator, originOf } from './operator.ts';
import type { ProvisionLine, ProvisionReport } from './provision-report.ts';
import { formatTime, parseTime } from './report-time.ts';

export interface LocalAuditOptions {
  readonly policy: Policy;
  /** What has to be kept longest, of all CAs whose acts are in the log. */
  readonly shared: Pick<SharedPolicy, 'retention'>;
  /** Whoever has this account is an auditor by one of these roles. */
  readonly auditorRolesOf: (dn: Dn) => readonly string[];
  readonly directory: Directory;
  readonly trail: AuditTrail;
  readonly audit: AuditLog;
  readonly clock: Clock;
  /** The access journal against its seals. */
  readonly verifyAccesses: () => Promise<VerifiedAccesses>;
  /** Counts of a period, up to now. */
  readonly accounts: (period: string) => Promise<readonly ProvisionCount[]>;
  /** Puts on record that somebody who is no auditor has tried. */
  readonly recordRefusal: (kind: AuditorAct, origin: AuditOrigin) => Promise<void>;
  /** Makes another key for the log. */
  readonly rotateKey: (rotation: {
    readonly destroysOld: boolean;
    readonly origin: AuditOrigin;
  }) => Promise<SignedCheckpoint & Pick<KeyRotationReport, 'handover' | 'isOldDestroyed'>>;
  /** Removes what is older than `beforeMs` and may be removed. */
  readonly prune: (beforeMs: number, origin: AuditOrigin) => Promise<AuditMarks>;
}

/** What only an auditor does, as records name it. */
export type AuditorAct = 'audit.review' | 'audit.prune' | 'audit.loss' | 'audit.key.rotate';

const MAX_LISTED = 10_000;
const RECORDS_PER_TURN = 1_000;

export class LocalAuditOperations implements AuditOperations {
  readonly #options: LocalAuditOptions;

  constructor(options: LocalAuditOptions) {
    this.#options = options;
  }

  async list(query: AuditQuery): Promise<readonly AuditRecordReport[]> {
    const { from, until, limit, ...filter } = query;
    const fromMs = parseInstant(from);
    const untilMs = parseInstant(until);
    const count = Math.min(Math.max(1, limit), MAX_LISTED);
    const records = await this.#options.trail.list({ ...filter, fromMs, untilMs }, count);
    const reports: AuditRecordReport[] = [];
    for (const record of records) {
      reports.push(recordReport(record));
      if (reports.length % RECORDS_PER_TURN === 0) {
        await nextTurn();
      }
    }
    return reports;
  }

  async prove({ sequence }: { readonly sequence: string }): Promise<AuditProofReport> {
    const { record, bytes, leafHash, proof } = await this.#options.trail.prove(
      parseNumber(sequence),
    );
    return {
      record: recordReport(record),
      bytes: Buffer.from(bytes).toString('base64'),
      leafHash: formatHex(leafHash),
      proof,
    };
  }

  async verify(input: {
    readonly checkpoints: readonly string[];
  }): Promise<AuditVerificationReport> {
    const verified: Verification = await this.#options.trail.verify(input.checkpoints);
    const accesses = await this.#options.verifyAccesses();
    return {
      ...this.#checkpointReport(verified),
      ...marksReport(verified.marks),
      extended: verified.extended.map(String),
      accessSegments: accesses.segments,
      absentAccessSegments: accesses.absent,
      provisionAccounts: accesses.accounts,
    };
  }

  async checkpoint(): Promise<CheckpointReport> {
    return this.#checkpointReport(await this.#options.trail.checkpoint());
  }

  async acceptLoss(auditor: AuditorCredentials): Promise<CheckpointReport> {
    const origin = await this.#authenticate(auditor, 'audit.loss');
    return this.#checkpointReport(await this.#options.trail.acceptLoss(origin));
  }

  async rotateKey({ destroysOld, auditor }: KeyRotationInput): Promise<KeyRotationReport> {
    const origin = await this.#authenticate(auditor, 'audit.key.rotate');
    const rotated = await this.#options.rotateKey({ destroysOld, origin });
    const { handover, isOldDestroyed } = rotated;
    return { ...this.#checkpointReport(rotated), handover, isOldDestroyed };
  }

  async review(input: {
    readonly upTo?: string | undefined;
    readonly note: string;
    readonly auditor: AuditorCredentials | AuthenticatedAuditor;
  }): Promise<AuditMarksReport> {
    const { trail } = this.#options;
    const origin = await this.#authenticate(input.auditor, 'audit.review');
    const upTo =
      input.upTo === undefined ? (await trail.checkpoint()).size : parseNumber(input.upTo);
    return marksReport(await trail.review({ upTo, note: input.note }, origin));
  }

  async *export({ since }: { readonly since: string }): AsyncGenerator<AuditFile, void, undefined> {
    for await (const { path, bytes } of this.#options.trail.export(parseNumber(since))) {
      yield { path, content: Buffer.from(bytes).toString('base64') };
    }
  }

  async exported(input: ExportedInput, operator: Operator): Promise<AuditMarksReport> {
    const rootHash = parseHex(input.rootHash);
    if (rootHash === undefined) {
      throw invalid('the root hash is not hexadecimal');
    }
    const receipt = { size: parseNumber(input.size), rootHash, place: input.place };
    const origin = originOf(operator);
    return marksReport(await this.#options.trail.exported(receipt, origin));
  }

  async provisions({ period }: { readonly period: string }): Promise<ProvisionReport> {
    if (!/^\d{4}(-(0[1-9]|1[0-2]))?$/.test(period)) {
      throw invalid('a period is a year or a month, e.g. 2026 or 2026-01');
    }
    const { policy, directory, clock, accounts } = this.#options;
    const counts = await accounts(period);
    const caller = {
      principal: { kind: 'system', name: 'report' },
      session: { isProtected: true, address: '', channel: 'cli' },
    } as const;
    const verifiers = await new VerifierRegister(directory, policy).list(caller);
    const agreements = new Map(verifiers.map((one) => [one.dn.toLowerCase(), one.agreementNumber]));
    return {
      caName: policy.title,
      period,
      createdAt: formatTime(clock.nowMs()),
      lines: provisionLines(counts, agreements),
    };
  }

  async prune(input: { readonly auditor: AuditorCredentials }): Promise<AuditMarksReport> {
    const { shared, clock, prune } = this.#options;
    const origin = await this.#authenticate(input.auditor, 'audit.prune');
    const retention = retentionOf(shared.retention, 'auditRecords');
    return marksReport(await prune(keptLongEnoughBeforeMs(retention, clock.nowMs()), origin));
  }

  /**
   * Wrong passwords are throttled and recorded as those of any other bind, and so is who is no auditor.
   *
   * @throws {AuditError} `AUDIT_NOT_AUDITOR`. @throws {DirectoryError} `DIRECTORY_INVALID_CREDENTIALS`.
   */
  async #authenticate(
    auditor: AuditorCredentials | AuthenticatedAuditor,
    act: AuditorAct,
  ): Promise<AuditOrigin> {
    const { policy, recordRefusal } = this.#options;
    const { origin, roles, wanted } =
      auditor instanceof AuthenticatedAuditor
        ? { ...auditor, wanted: policy.audit.auditorRoles }
        : await this.#bind(auditor);
    if (!roles.some((role) => wanted.includes(role))) {
      await recordRefusal(act, origin);
      throw new AuditError(
        'AUDIT_NOT_AUDITOR',
        `${origin.actor} has none of the roles ${wanted.join(', ')}`,
      );
    }
    return origin;
  }

  async #bind({
    dn,
    password,
  }: AuditorCredentials): Promise<AuthenticatedAuditor & { readonly wanted: readonly string[] }> {
    const session = { isProtected: true, address: '', channel: 'cli' };
    const { directory, auditorRolesOf } = this.#options;
    const principal = await directory.bind(dn, encodeUtf8(password), session);
    const isEntry = principal.kind === 'entry';
    return {
      origin: { channel: 'cli', actor: actorOf(principal) },
      roles: isEntry ? (principal.operatorRoles ?? []) : [],
      wanted: isEntry ? auditorRolesOf(principal.dn) : [],
    };
  }

  #checkpointReport({ size, rootHash, note }: SignedCheckpoint): CheckpointReport {
    return {
      size: size.toString(),
      rootHash: formatHex(rootHash),
      checkpoint: note,
      key: this.#options.trail.key,
      handovers: this.#options.trail.handovers,
    };
  }
}

function marksReport({ reviewed, exported, pruned }: AuditMarks): AuditMarksReport {
  return {
    reviewed: reviewed.toString(),
    exported: exported.toString(),
    pruned: pruned.toString(),
  };
}

/**
 * Provided and refused of the same kind side by side.
 *
 * @param agreements By the verifiers' names in lower case: accounts and entries spell attribute types differently.
 */
function provisionLines(
  counts: readonly ProvisionCount[],
  agreements: ReadonlyMap<string, string>,
): readonly ProvisionLine[] {
  const lines = new Map<string, ProvisionLine>();
  for (const { month, verifier, partition, method, outcome, count } of counts) {
    const key = JSON.stringify([month, verifier, partition, method]);
    const line = lines.get(key) ?? {
      ...{ month, verifier, partition, method },
      agreementNumber: agreements.get(verifier.toLowerCase()) ?? null,
      ...{ provided: 0, refused: 0 },
    };
    lines.set(key, { ...line, [outcome]: line[outcome] + count });
  }
  const sorted = [...lines].sort(([left], [right]) => (left < right ? -1 : 1));
  return sorted.map(([, line]) => line);
}

function recordReport(record: AuditRecord): AuditRecordReport {
  const { sequence, timeMs, kind, result, origin, subject, request, before, after } = record;
  return {
    sequence: sequence.toString(),
    time: new Date(timeMs).toISOString(),
    kind,
    result,
    channel: origin.channel,
    actor: origin.actor,
    address: origin.address ?? null,
    subject,
    request: request ?? null,
    before: before ?? null,
    after: after ?? null,
    details: record.details ?? {},
  };
}

function parseNumber(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) {
    throw invalid(`${JSON.stringify(text)} is no number of a record`);
  }
  return BigInt(text);
}

function parseInstant(text: string | undefined): number | undefined {
  const atMs = text === undefined ? undefined : parseTime(text);
  if (text !== undefined && atMs === undefined) {
    throw invalid(
      `${JSON.stringify(text)} is no time; write 2026-01-05 or 2026-01-05T09:00:00+09:00`,
    );
  }
  return atMs;
}

function invalid(why: string): HttpError {
  return new HttpError('HTTP_REQUEST_INVALID', why);
}
