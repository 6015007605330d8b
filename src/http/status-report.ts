/**
 * The status report: facts, and what an operator should look at.
 *
 * @module
 */

import type { AuthorityStatus, ListStatus } from '../ca/authority-status.ts';
import { isLastList } from '../ca/policy/cadence.ts';
import { formatHex } from '../core/bytes.ts';
import type { PasswordEnd } from '../directory/accounts/password-ends.ts';
import type {
  CessationReport,
  DeltaStatus,
  ReplicationReport,
  ScopeStatus,
  ServerFigures,
  ServiceStatus,
} from './operations.ts';
import { formatTime } from './report-time.ts';

/** A job of the server. */
export interface JobFacts {
  readonly name: string;
  /** In a row, up to now. */
  readonly failures: number;
  readonly lastError: string | undefined;
}

/** What the parts of the instance say about themselves. */
export interface StatusFacts {
  readonly version: string;
  readonly isServing: boolean;
  /** Null when no server runs. */
  readonly server: ServerFigures | null;
  /** What the server does on its own. */
  readonly jobs: readonly JobFacts[];
  readonly nowMs: number;
  readonly authority: AuthorityStatus;
  readonly isKeyActive: boolean;
  readonly isStoreWritable: boolean;
  /** The store was restored, and nothing is signed yet. */
  readonly isRecoveryPending: boolean;
  /** What a checkpoint that was signed says against the audit log. */
  readonly auditContradiction?: string | undefined;
  /** Of accounts whose passwords age, and from how long before the end that is worth a warning. */
  readonly passwordEnds: readonly PasswordEnd[];
  readonly passwordWarningMs: number;
  /** Undefined when no standby is provided for. */
  readonly replication?: ReplicationReport | undefined;
  /** What of the keeping of records is overdue by the policy. */
  readonly overdue: readonly {
    readonly matter: string;
    readonly dueMs: number;
    readonly advice: string;
  }[];
  readonly auditHead: { readonly size: bigint; readonly rootHash: Uint8Array };
}

const YEAR_MS = 365 * 86_400_000;
/** So many are named. */
const MAX_PASSWORDS = 5;

export function describeStatus(facts: StatusFacts): ServiceStatus {
  const { authority, auditHead } = facts;
  return {
    version: facts.version,
    service: describeService(authority),
    isServing: facts.isServing,
    preset: authority.policyId,
    caName: authority.caDn,
    caDn: authority.caDn,
    certificates: { issued: authority.issuedCount, revoked: authority.revokedCount },
    keyActive: facts.isKeyActive,
    storeWritable: facts.isStoreWritable,
    audit: { size: auditHead.size.toString(), rootHash: formatHex(auditHead.rootHash) },
    scopes: authority.lists.map(describeList),
    server: facts.server,
    replication: facts.replication ?? null,
    warnings: [...warningsOf(facts)],
  };
}

/** Which state the service is in. */
function describeService({
  cessations,
  stop,
}: Pick<AuthorityStatus, 'cessations' | 'stop'>): ServiceStatus['service'] {
  const isEnding = cessations.some(({ kind }) => kind === 'end-of-service');
  const going = isEnding ? 'ending' : 'issuing';
  const stopped = stop?.phase === 'closed' ? 'ended' : 'issuing-stopped';
  return {
    state: stop === undefined ? going : stopped,
    cessations: cessations.map(
      ({ id, kind, generation, phase, phaseSinceMs, stopsMs, revoked }): CessationReport => ({
        ...{ id, kind, generation, phase, revoked },
        since: formatTime(phaseSinceMs),
        stops: formatTime(stopsMs),
      }),
    ),
  };
}

function describeList({ scope, published, delta, dueMs }: ListStatus): ScopeStatus {
  return {
    scope: scope.id,
    dn: scope.dn,
    crlNumber: published?.number.toString() ?? null,
    thisUpdate: published === undefined ? null : formatTime(published.thisUpdateMs),
    nextUpdate: published === undefined ? null : formatTime(published.nextUpdateMs),
    nextPublication: published === undefined ? null : formatTime(dueMs),
    entries: published?.entryCount ?? 0,
    bytes: published?.byteLength ?? 0,
    delta: delta === undefined ? null : describeDelta(delta),
  };
}

function describeDelta(delta: NonNullable<ListStatus['delta']>): DeltaStatus {
  return {
    crlNumber: delta.number.toString(),
    deltaOf: delta.baseNumber.toString(),
    thisUpdate: formatTime(delta.thisUpdateMs),
    nextUpdate: formatTime(delta.nextUpdateMs),
    entries: delta.entryCount,
    bytes: delta.byteLength,
  };
}

/** Most urgent first. */
function* warningsOf(facts: StatusFacts): Iterable<string> {
  const { authority, nowMs } = facts;
  if (!facts.isStoreWritable) {
    yield 'the store refuses writes after an error: restart the server, then look at the disk';
  }
  if (facts.isRecoveryPending) {
    yield 'the store was restored, put back, or was a standby: nothing is signed before certdir recover confirm';
  }
  if (facts.auditContradiction !== undefined) {
    yield `${facts.auditContradiction}: find out what was put back or changed; an auditor answers for what is lost (certdir audit accept-loss)`;
  }
  yield* cessationWarnings(authority);
  yield* replicationWarnings(facts);
  const expired = authority.lists.filter(
    ({ published }) => published === undefined || published.nextUpdateMs <= nowMs,
  );
  if (expired.length > 0) {
    yield `no valid list for ${namesOf(expired)}: run certdir ca publish --all`;
  }
  const lapsed = authority.lists.filter(
    ({ published, hasDelta, delta }) =>
      hasDelta &&
      published !== undefined &&
      !isLastList(published) &&
      (delta === undefined || delta.nextUpdateMs <= nowMs),
  );
  if (lapsed.length > 0) {
    yield `no valid delta list for ${namesOf(lapsed)}: run certdir ca publish --all`;
  }
  for (const mark of ['alarm', 'warning'] as const) {
    const late = authority.lists.filter((one) => one.lateness === mark && !expired.includes(one));
    if (late.length > 0) {
      const word = mark === 'alarm' ? 'overdue' : 'late';
      yield `lists are ${word}: ${namesOf(late)}; the schedule runs only while the server does`;
    }
  }
  for (const { name, failures, lastError } of facts.jobs) {
    if (failures > 0) {
      yield `the job "${name}" failed ${failures} times in a row and is tried again: ${lastError}`;
    }
  }
  if (!facts.isKeyActive) {
    yield 'the CA key is not active: nothing can be issued or published';
  }
  yield* authority.legacy;
  for (const { matter, dueMs, advice } of facts.overdue) {
    yield `${matter} is overdue since ${formatTime(dueMs)}: ${advice}`;
  }
  yield* renewalWarnings(authority.renewal);
  yield* passwordWarnings(facts);
  if (authority.certificateEndsMs - nowMs < YEAR_MS) {
    yield `the CA certificate ends at ${formatTime(authority.certificateEndsMs)}`;
  }
}

function* cessationWarnings({ cessations }: Pick<AuthorityStatus, 'cessations'>): Iterable<string> {
  for (const { id, kind, generation, phase, stopsMs } of cessations) {
    const key = `the key ${generation} of the CA`;
    switch (phase) {
      case 'suspended':
        yield `${key} was reported compromised and issues nothing: custodians approve or withdraw that (certdir ceremony show ${id})`;
        break;
      case 'announced':
        yield `the service ends: nothing is issued from ${formatTime(stopsMs)} on`;
        break;
      case 'revoking':
      case 'publishing':
      case 'closing':
        yield `${kind === 'compromise' ? key : 'the service'} is being ended (${phase}): certdir ceremony show ${id}`;
        break;
      case 'in-force':
      case 'closed':
      case 'withdrawn':
    }
  }
}

/** A standby that is not heard of for so long is away: each asks again within half a minute. */
const SILENT_SECONDS = 60;
/** One that keeps up is behind by a moment; the bound of docs/operations.md is far below. */
const LATE_SECONDS = 30;

function* replicationWarnings({ replication, isServing }: StatusFacts): Iterable<string> {
  if (replication === undefined || !isServing) {
    return;
  }
  if (replication.mode === 'fallen back') {
    yield 'the standby did not answer in time: what is acknowledged now may be lost with this machine';
  }
  if (replication.standbys.length === 0) {
    yield 'no standby has asked for the journal since the server was started';
  }
  for (const {
    standby,
    behind,
    behindBytes,
    behindSeconds,
    silentSeconds,
  } of replication.standbys) {
    const name = `the standby ${standby.slice(0, 16)}`;
    if (silentSeconds > SILENT_SECONDS) {
      yield `${name} was last heard of ${Math.round(silentSeconds)} s ago, ${behind} records behind`;
    } else if (behindSeconds > LATE_SECONDS) {
      yield `${name} is ${Math.round(behindSeconds)} s late: ${behind} records, ${behindBytes} bytes are on this machine alone`;
    }
  }
}

function* renewalWarnings({
  dueMs,
  warning,
  preparedMs,
}: AuthorityStatus['renewal']): Iterable<string> {
  if (warning !== undefined) {
    const what = warning === 'overdue' ? 'was to be' : 'is to be';
    yield `the key of the CA ${what} renewed by ${formatTime(dueMs)}: certdir ceremony start renewal`;
  }
  if (preparedMs !== undefined) {
    yield `a new key of the CA waits since ${formatTime(preparedMs)} to take over: certdir ceremony list`;
  }
}

function* passwordWarnings(facts: StatusFacts): Iterable<string> {
  const { passwordEnds, passwordWarningMs, nowMs } = facts;
  const warned = passwordEnds
    .filter(({ endMs }) => endMs - nowMs < passwordWarningMs)
    .sort((left, right) => left.endMs - right.endMs);
  for (const { dn, account, endMs } of warned.slice(0, MAX_PASSWORDS)) {
    const ends = endMs <= nowMs ? 'has ended at' : 'ends at';
    yield `the password of ${dn} ${ends} ${formatTime(endMs)}: its owner can change it, or certdir ${account} password`;
  }
  if (warned.length > MAX_PASSWORDS) {
    yield `${warned.length - MAX_PASSWORDS} more passwords end soon or have ended`;
  }
}

function namesOf(lists: readonly ListStatus[]): string {
  const names = lists.slice(0, 5).map(({ scope }) => scope.id);
  return lists.length > names.length
    ? `${names.join(', ')} and ${lists.length - names.length} more`
    : names.join(', ');
}
