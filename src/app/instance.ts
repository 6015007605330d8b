/**
 * An instance: what a data folder becomes in memory. Store, token, directory and CA, each resting on
 * the one before; no listeners and no schedule.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { verifyAccesses } from '../audit/access-verification.ts';
import type { AuditEvent, AuditLog } from '../audit/audit-log.ts';
import type { TakenCheckpoints } from '../audit/kept-checkpoint.ts';
import { openAuditLog } from '../audit/merkle-audit-log.ts';
import { readAccounts } from '../audit/provision-accounts.ts';
import { pruneRecords } from '../audit/pruning.ts';
import { CertificateAuthority } from '../ca/certificate-authority.ts';
import { loadPolicy, type Policy } from '../ca/policy/policy.ts';
import {
  CONFIGURATION_FILE,
  type Configuration,
  loadConfiguration,
} from '../config/configuration.ts';
import { ConfigError } from '../config/errors.ts';
import { packageRoot } from '../config/package-root.ts';
import type { TokenConfiguration } from '../config/token-configuration.ts';
import { locateInYamlFile } from '../config/yaml-file.ts';
import { type Clock, SystemClock } from '../core/clock.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import { type Log, type LogOptions, openLog } from '../core/log.ts';
import { type RandomSource, SystemRandom } from '../core/random.ts';
import { AccessRuleError } from '../directory/access/rule-items.ts';
import { Directory, defaultIndexes } from '../directory/directory.ts';
import { monitorName } from '../directory/monitor-tree.ts';
import { Schema } from '../directory/schema/schema.ts';
import type { AccessObserver } from '../directory/service.ts';
import type { AuditOperations } from '../http/audit-operations.ts';
import { LocalAuditOperations } from '../http/local-audit-operations.ts';
import { LocalOperations, type PublishLists } from '../http/local-operations.ts';
import { LocalRevocations } from '../http/local-revocation-operations.ts';
import type { ServerFigures, ServiceStatus } from '../http/operations.ts';
import { describeStatus } from '../http/status-report.ts';
import { serverCapabilities } from '../ldap/root-dse.ts';
import type { JobStatus } from '../scheduler/job.ts';
import { isPassing } from '../signing/errors.ts';
import type { SignerProcess } from '../signing/process/signer-process.ts';
import type { Signer } from '../signing/signer.ts';
import type { JournalFeed } from '../store/journal/journal-feed.ts';
import { type LevelStoreOptions, openLevelStore } from '../store/level/level-store.ts';
import type { Snapshot, Store } from '../store/store.ts';
import { readArchiveStatus } from './archive-status.ts';
import { type Auditing, announceLists, openAuditing } from './auditing.ts';
import { backUp } from './backup.ts';
import { LocalCeremonies } from './ceremonies.ts';
import { type CheckSubject, checkStore } from './check.ts';
import { LocalCustody } from './custody.ts';
import { describeJournal } from './journal-keeping.ts';
import { LocalKeys } from './key-generations.ts';
import { readLdifControls } from './ldif-controls.ts';
import { findOverdue } from './overdue.ts';
import { makeFeed, reportReplication, serveJournal } from './replication.ts';
import { checkpointFileOf, findSetBack, holdIfSetBack } from './set-back.ts';
import { recordSettings } from './settings-record.ts';
import { activateToken, openToken, type TokenOpening } from './token.ts';
import { recordRefusedToken } from './token-record.ts';

/** What the CA is built on. */
export interface InstanceParts {
  readonly configuration: Configuration;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly signer: SignerProcess;
  readonly directory: Directory;
  readonly auditing: Auditing;
  /** Undefined where no standby is provided for. */
  readonly feed: JournalFeed | undefined;
  /** Where standbys find the journal; none while it is not served. */
  readonly replicationEndpoints: readonly string[];
}

export interface Instance extends InstanceParts {
  readonly authority: CertificateAuthority;
}

export interface OpenOptions {
  /** The data folder. */
  readonly folder: string;
  /** Taken from the configuration when left out. */
  readonly log?: Log;
  /** The machine's clock when left out. */
  readonly clock?: Clock;
  /** Asked where the configuration names no passphrase file. */
  readonly askPassphrase?: (() => Promise<string>) | undefined;
  /** A server's instance: standbys are served. */
  readonly isServing?: boolean;
}

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

export const programVersion: string = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/** Opens everything; `closing` closes it again. */
export async function openInstance(options: OpenOptions, closing: ClosingStack): Promise<Instance> {
  const parts = await openParts(options, { closing, isNew: false });
  const authority = closing.push(await CertificateAuthority.open(parts), {
    name: 'certification authority',
    close: (opened) => opened.close(),
  });
  await announceLists(parts.auditing, authority);
  await recordSettings(parts, options.folder);
  return { ...parts, authority };
}

/** Opens everything below the CA, in the order in which one rests on the other. */
export async function openParts(
  options: OpenOptions,
  { closing, isNew }: { readonly closing: ClosingStack; readonly isNew: boolean },
): Promise<InstanceParts> {
  const configuration = await loadConfiguration(join(options.folder, CONFIGURATION_FILE));
  const policy = await loadPolicy(configuration.policy);
  const clock = options.clock ?? new SystemClock();
  const random = new SystemRandom();
  const log = options.log ?? openLog(clock, logOptions(configuration));
  const { store, feed, replicationEndpoints } = await openReplicated(options, closing, {
    ...{ configuration, clock, log },
  });
  const audit = openAuditLog({ clock });
  const tokens = { isNew, askPassphrase: options.askPassphrase, log, closing };
  const onRecord = { store, audit, policy };
  const signer = await openActive(configuration.token, 'signer', { ...tokens, onRecord });
  const { token: auditToken } = configuration.audit;
  const auditSigner =
    auditToken === undefined
      ? signer
      : await openActive(auditToken, 'audit signer', { ...tokens, onRecord });
  const auditing = await openAuditing(
    { configuration, policy, store, audit, signer: auditSigner, clock, log },
    closing,
  );
  await holdIfSetBack({ configuration, policy, store, audit, clock, log });
  const directory = closing.push(
    await openDirectory(configuration, {
      ...{ policy, store, audit, clock, random, log },
      observer: auditing.accounts,
    }),
    { name: 'directory', close: (opened) => opened.close() },
  );
  const parts = { configuration, policy, clock, random, log, store, audit, signer, directory };
  return { ...parts, auditing, feed, replicationEndpoints };
}

/**
 * Opens the store, and the listener of its standbys: with a server, and wherever nothing may be acknowledged without
 * them. What closes after it has still been replicated.
 */
async function openReplicated(
  { isServing }: OpenOptions,
  closing: ClosingStack,
  {
    configuration,
    clock,
    log,
  }: { readonly configuration: Configuration; readonly clock: Clock; readonly log: Log },
): Promise<Pick<InstanceParts, 'store' | 'feed' | 'replicationEndpoints'>> {
  const { replication } = configuration;
  const feed = replication && makeFeed(replication, { clock, log });
  const store = closing.push(await openStore(configuration, { clock, log, feed }), {
    name: 'store',
    close: (opened) => opened.close(),
  });
  if (replication === undefined || feed === undefined) {
    return { store, feed: undefined, replicationEndpoints: [] };
  }
  if (isServing !== true && !replication.synchronous) {
    return { store, feed, replicationEndpoints: [] };
  }
  const server = closing.push(await serveJournal(feed, replication, log), {
    name: 'replication',
    close: (opened) => opened.close(),
  });
  return { store, feed, replicationEndpoints: [server.url] };
}

/** A signer process on one token, as active as it can be now. */
async function openActive(
  token: TokenConfiguration,
  name: string,
  parts: Omit<TokenOpening, 'token'> & {
    readonly closing: ClosingStack;
    readonly onRecord: Pick<InstanceParts, 'store' | 'audit' | 'policy'>;
  },
): Promise<SignerProcess> {
  const opening = { ...parts, token, log: parts.log.with({ component: name }) };
  try {
    const signer = parts.closing.push(await openToken(opening), {
      name,
      close: (opened) => opened.close(),
    });
    await activateToken(signer, opening);
    return signer;
  } catch (error) {
    await recordRefusedToken(parts.onRecord, { name, error, log: opening.log });
    throw error;
  }
}

/** Opens what a check looks at: the store, and what says how to read it. No token, and no CA. */
export async function openCheckSubject(
  options: OpenOptions,
  closing: ClosingStack,
): Promise<CheckSubject> {
  const configuration = await loadConfiguration(join(options.folder, CONFIGURATION_FILE));
  const policy = await loadPolicy(configuration.policy);
  const schema = await loadSchema(configuration);
  const clock = options.clock ?? new SystemClock();
  const log = options.log ?? openLog(clock, logOptions(configuration));
  const store = closing.push(await openStore(configuration, { clock, log, role: 'inspection' }), {
    name: 'store',
    close: (opened) => opened.close(),
  });
  const checkpointFile = checkpointFileOf(configuration);
  return { store, policy, schema, checkpointFile, nowMs: clock.nowMs() };
}

function loadSchema({ directory }: Configuration): Promise<Schema> {
  const { schemaFolder, schemaExtensions } = directory;
  return Schema.load(schemaFolder ?? join(packageRoot, 'schema'), schemaExtensions);
}

/** Where the configuration leaves it open, lines for people on a terminal. */
export function logOptions({ log }: Configuration): LogOptions {
  const readable = process.stderr.isTTY ? 'text' : 'json';
  return { level: log.level, format: log.format === 'auto' ? readable : log.format };
}

function openStore(
  { store }: Configuration,
  {
    clock,
    log,
    ...rest
  }: { readonly clock: Clock; readonly log: Log } & Pick<LevelStoreOptions, 'feed' | 'role'>,
): Promise<Store> {
  return openLevelStore({
    ...rest,
    folder: store.folder,
    clock,
    log: log.with({ component: 'store' }),
    cacheBytes: store.cacheMiB * MIB,
    writeBufferBytes: store.writeBufferMiB * MIB,
  });
}

async function openDirectory(
  configuration: Configuration,
  parts: Pick<InstanceParts, 'policy' | 'store' | 'audit' | 'clock' | 'random' | 'log'> & {
    readonly observer: AccessObserver;
  },
): Promise<Directory> {
  const { policy, log } = parts;
  const offersStartTls = configuration.ldap.listeners.some(({ tls }) => tls === 'starttls');
  const opening = Directory.open({
    ...parts,
    log: log.with({ component: 'directory' }),
    schema: await loadSchema(configuration),
    suffixes: [policy.directory.suffix],
    access: policy.access,
    passwords: policy.passwords,
    indexes: [...new Set([...defaultIndexes, ...configuration.directory.indexes])],
    limits: definedOnly(configuration.directory.limits),
    rootDse: {
      vendorName: 'certdir',
      vendorVersion: programVersion,
      monitorContext: monitorName,
      ...serverCapabilities(offersStartTls),
    },
  });
  try {
    return await opening;
  } catch (error) {
    throw error instanceof AccessRuleError ? await locatedInPolicy(error, configuration) : error;
  }
}

/** The fault of an access rule with the place where the rule stands. */
async function locatedInPolicy(
  fault: AccessRuleError,
  { policy }: Configuration,
): Promise<ConfigError> {
  const where = await locateInYamlFile(policy, ['access', fault.ruleNumber - 1]);
  return new ConfigError('CONFIG_INVALID', `${where}: ${fault.problem}`, { cause: fault });
}

/** False, too, while the token is away. */
export async function isKeyActive(signer: Signer): Promise<boolean> {
  try {
    return await signer.isActive();
  } catch (error) {
    if (isPassing(error)) {
      return false;
    }
    throw error;
  }
}

/** Settings that were left out must not hide a default by being undefined. */
export function definedOnly<T extends object>(
  settings: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** How the operations of an instance are carried out. */
export interface OperationsSetting {
  readonly publishLists: PublishLists;
  /** The server's jobs; undefined where no server runs. */
  readonly jobs: (() => readonly JobStatus[]) | undefined;
  /** Its figures; likewise. */
  readonly figures?: () => Promise<ServerFigures>;
}

/** The operations of the CLI on this instance. */
export function operationsOf(instance: Instance, setting: OperationsSetting): LocalOperations {
  const { publishLists } = setting;
  const custody = new LocalCustody(instance);
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
    backup: (input, origin, onProgress) => backUp(instance, { ...input, origin }, onProgress),
    journal: () => describeJournal(instance),
    check: (input, onProgress) => {
      const { store, policy, directory, clock, configuration } = instance;
      const { schema } = directory;
      const checkpointFile = checkpointFileOf(configuration);
      const subject = { store, policy, schema, checkpointFile, nowMs: clock.nowMs() };
      return checkStore(subject, input, onProgress);
    },
  });
}

/** What nobody is asked for is not taken: only a CA that is held back learns of checkpoints. */
async function takeCheckpoints(
  { authority, auditing }: Instance,
  notes: readonly string[],
): Promise<TakenCheckpoints> {
  const isHeld = (await authority.recoveryHold()) !== undefined;
  return isHeld
    ? await auditing.checkpointer.takeKept(notes)
    : { hasCheckpoint: notes.length > 0, contradiction: undefined };
}

/** An act that is done when it is on record: what was taken out, and by whom (gunma 2-8-6). */
async function record({ store, audit }: Instance, event: AuditEvent): Promise<void> {
  await store.transact(`app: ${event.kind}`, (transaction) => audit.append(transaction, event));
}

function localAudit(instance: Instance): AuditOperations {
  const { store, audit, auditing } = instance;
  return new LocalAuditOperations({
    ...instance,
    trail: auditing.trail,
    verifyAccesses: () =>
      withSnapshot(store, (snapshot) =>
        verifyAccesses({
          ...{ folder: instance.configuration.access.folder, audit, snapshot },
          utcOffsetMs: instance.policy.utcOffsetMs,
        }),
      ),
    accounts: async (period) => {
      await auditing.journal.seal();
      return await withSnapshot(store, (snapshot) => collect(readAccounts(snapshot, period)));
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
  instance: Instance,
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
      overdue: findOverdue(await auditing.keeping.facts(), policy, clock.nowMs()),
    });
  } finally {
    await snapshot.close();
  }
}
