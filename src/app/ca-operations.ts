/**
 * What the CLI can have done, on an open instance: the operations of each of its CAs.
 *
 * @module
 */

import { verifyAccesses } from '../audit/access-verification.ts';
import type { AuditEvent } from '../audit/audit-log.ts';
import type { TakenCheckpoints } from '../audit/kept-checkpoint.ts';
import { type ProvisionCount, readAccounts } from '../audit/provision-accounts.ts';
import { pruneRecords } from '../audit/pruning.ts';
import type { Policy } from '../ca/policy/policy.ts';
import { subtreesOf } from '../ca/policy/policy-neighbours.ts';
import { Dn } from '../directory/names/dn.ts';
import type { AuditOperations } from '../http/audit-operations.ts';
import { LocalAuditOperations } from '../http/local-audit-operations.ts';
import { LocalOperations, type PublishLists } from '../http/local-operations.ts';
import { LocalRevocations } from '../http/local-revocation-operations.ts';
import type { ServerFigures, ServiceStatus } from '../http/operations.ts';
import { describeStatus } from '../http/status-report.ts';
import type { JobStatus } from '../scheduler/job.ts';
import type { Snapshot, Store } from '../store/store.ts';
import { readArchiveStatus } from './archive-status.ts';
import { backUp } from './backup.ts';
import { type CaInstance, exporterOf, type InstanceParts } from './ca-instance.ts';
import { LocalCeremonies } from './ceremonies.ts';
import { checkStore } from './check.ts';
import type { LocalCustody } from './custody.ts';
import { isKeyActive, programVersion } from './instance.ts';
import { describeJournal } from './journal-keeping.ts';
import { LocalKeys } from './key-generations.ts';
import { readLdifControls } from './ldif-controls.ts';
import { LocalCross } from './local-cross.ts';
import { findOverdue } from './overdue.ts';
import { reportReplication } from './replication.ts';
import { checkpointFileOf, findSetBack } from './set-back.ts';

const DAY_MS = 86_400_000;

/** How the operations of a CA are carried out. */
export interface OperationsSetting {
  readonly publishLists: PublishLists;
  /** Of the token, which is one for all CAs. */
  readonly custody: LocalCustody;
  /** The server's jobs; undefined where no server runs. */
  readonly jobs: (() => readonly JobStatus[]) | undefined;
  /** Its figures; likewise. */
  readonly figures?: () => Promise<ServerFigures>;
}

/** The operations of the CLI on this CA. */
export function operationsOf(instance: CaInstance, setting: OperationsSetting): LocalOperations {
  const { publishLists, custody } = setting;
  return new LocalOperations({
    ...instance,
    publishLists,
    readControls: readLdifControls,
    status: () => readStatus(instance, setting),
    auditOperations: localAudit(instance),
    recordArchive: (kind, subject, origin) =>
      record(instance, { kind, subject, origin, result: 'done' }),
    archiveParts: {
      policyId: instance.policy.id,
      utcOffsetMs: instance.policy.utcOffsetMs,
      nowMs: () => instance.clock.nowMs(),
      signNote: (text) => instance.auditing.checkpointer.signNote(text),
    },
    keeping: instance.auditing.keeping,
    exporter: exporterOf(instance),
    archiveStatus: () => readArchiveStatus(instance),
    takeCheckpoints: (notes) => takeCheckpoints(instance, notes),
    custodyOperations: custody,
    record: (event) => record(instance, event),
    revocationOperations: new LocalRevocations({
      authority: instance.authority,
      record: (event) => record(instance, event),
    }),
    ceremonyOperations: new LocalCeremonies({ ...instance, custody, publishLists }),
    keyOperations: new LocalKeys({ ...instance, publishLists }),
    crossOperations: new LocalCross({
      ...instance,
      custody,
      custodiansFile: instance.configuration.token.custodiansFile,
    }),
    backup: (input, origin, onProgress) => backUp(instance, { ...input, origin }, onProgress),
    journal: () => describeJournal(instance),
    check: (input, onProgress) => {
      const { store, policies, directory, clock, configuration } = instance;
      const { schema } = directory;
      const checkpointFile = checkpointFileOf(configuration);
      const subject = { store, policies, schema, checkpointFile, nowMs: clock.nowMs() };
      return checkStore(subject, input, onProgress);
    },
  });
}

/** What nobody is asked for is not taken: only a CA that is held back learns of checkpoints. */
async function takeCheckpoints(
  { authority, auditing }: CaInstance,
  notes: readonly string[],
): Promise<TakenCheckpoints> {
  const isHeld = (await authority.recoveryHold()) !== undefined;
  return isHeld
    ? await auditing.checkpointer.takeKept(notes)
    : { hasCheckpoint: notes.length > 0, contradiction: undefined };
}

/** An act that is done when it is on record: what was taken out, and by whom (gunma 2-8-6). */
async function record({ store, audit }: CaInstance, event: AuditEvent): Promise<void> {
  await store.transact(`app: ${event.kind}`, (transaction) => audit.append(transaction, event));
}

function localAudit(instance: CaInstance): AuditOperations {
  const { store, audit, auditing } = instance;
  return new LocalAuditOperations({
    ...instance,
    auditorRolesOf: (dn) => auditorRolesOf(instance, dn),
    trail: auditing.trail,
    verifyAccesses: () =>
      withSnapshot(store, (snapshot) =>
        verifyAccesses({
          ...{ folder: instance.configuration.access.folder, audit, snapshot },
          utcOffsetMs: instance.shared.utcOffsetMs,
        }),
      ),
    accounts: async (period) => {
      await auditing.journal.seal();
      const all = await withSnapshot(store, (snapshot) => collect(readAccounts(snapshot, period)));
      return all.flatMap((count) => ownCount(instance, count) ?? []);
    },
    rotateKey: auditing.rotateKey,
    prune: (beforeMs, origin) => pruneRecords({ store, audit, beforeMs, origin }),
    recordRefusal: (kind, origin) =>
      store.transact(`app: ${kind} refused`, (transaction) =>
        audit.append(transaction, {
          ...{ kind, result: 'refused', origin, subject: auditing.checkpointer.key.name },
          details: { code: 'AUDIT_NOT_AUDITOR' },
        }),
      ),
  });
}

/** A count by the CA's own name for the list; undefined for one of another CA. */
function ownCount(
  { auditing, policy }: CaInstance,
  count: ProvisionCount,
): ProvisionCount | undefined {
  const prefix = auditing.partitionOf(policy.id, '');
  const isOwn = prefix === '' ? !count.partition.includes('/') : count.partition.startsWith(prefix);
  return isOwn ? { ...count, partition: count.partition.slice(prefix.length) } : undefined;
}

async function withSnapshot<T>(store: Store, use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  const snapshot = store.snapshot();
  return await use(snapshot).finally(() => snapshot.close());
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

async function readStatus(
  instance: CaInstance,
  { jobs, figures }: OperationsSetting,
): Promise<ServiceStatus> {
  const { store, audit, auditing, signer, authority, clock, directory, policy } = instance;
  const snapshot = store.snapshot();
  try {
    return describeStatus({
      version: programVersion,
      isServing: jobs !== undefined,
      jobs: jobs?.() ?? [],
      server: figures === undefined ? null : await figures(),
      nowMs: clock.nowMs(),
      authority: await authority.status(),
      isKeyActive: await isKeyActive(signer),
      isStoreWritable: store.isWritable,
      isRecoveryPending: (await authority.recoveryHold()) !== undefined,
      passwordEnds: await directory.passwordEnds(),
      passwordWarningMs: (policy.passwords.ageing?.warningDays ?? 0) * DAY_MS,
      replication: instance.feed && (await reportReplication(instance.feed)),
      auditHead: await audit.head(snapshot),
      auditContradiction: (await findSetBack(snapshot, instance.configuration))?.error.message,
      overdue: findOverdue(await auditing.keeping.facts(), instance.shared, clock.nowMs()),
    });
  } finally {
    await snapshot.close();
  }
}

/** By the policy of the CA whose account it is: the log is that of all of them. */
function auditorRolesOf({ policies, directory }: InstanceParts, dn: Dn): readonly string[] {
  const [only, ...others] = policies;
  const { schema } = directory;
  const isOwn = (policy: Policy): boolean =>
    subtreesOf(policy).some((top) => dn.isWithin(Dn.parse(top, schema)));
  return (others.length === 0 ? only : policies.find(isOwn))?.audit.auditorRoles ?? [];
}
