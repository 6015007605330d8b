/**
 * An instance: what a data folder becomes in memory. Store, token, directory and CAs, each resting on
 * the one before; no listeners and no schedule.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { AuditEvent, AuditLog } from '../audit/audit-log.ts';
import { openAuditLog } from '../audit/merkle-audit-log.ts';
import { CertificateAuthority } from '../ca/certificate-authority.ts';
import type { DeliveryVault } from '../ca/delivery/delivery-vault.ts';
import { loadPolicy, type Policy } from '../ca/policy/policy.ts';
import { assertNeighbours, realmsOf, suffixesOf } from '../ca/policy/policy-neighbours.ts';
import { sharePolicies } from '../ca/policy/shared-policy.ts';
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
import { SystemRandom } from '../core/random.ts';
import { AccessRuleError } from '../directory/access/rule-items.ts';
import { Directory, defaultIndexes } from '../directory/directory.ts';
import { monitorName } from '../directory/monitor-tree.ts';
import { Schema } from '../directory/schema/schema.ts';
import type { AccessObserver } from '../directory/service.ts';
import { serverCapabilities } from '../ldap/root-dse.ts';
import { isPassing } from '../signing/errors.ts';
import type { SignerProcess } from '../signing/process/signer-process.ts';
import type { Signer } from '../signing/signer.ts';
import { type LevelStoreOptions, openLevelStore } from '../store/level/level-store.ts';
import type { Store } from '../store/store.ts';
import { announceLists, openAuditing } from './auditing.ts';
import type { CaInstance, Instance, InstanceParts, Policies } from './ca-instance.ts';
import type { CheckSubject } from './check.ts';
import { DeliveryFolder } from './delivery-folder.ts';
import { makeFeed, serveJournal } from './replication.ts';
import { checkpointFileOf, holdIfSetBack } from './set-back.ts';
import { recordSettings } from './settings-record.ts';
import { activateToken, openToken, type TokenOpening } from './token.ts';
import { recordRefusedToken } from './token-record.ts';

export interface OpenOptions {
  /** The data folder. */
  readonly folder: string;
  /** Taken from the configuration when left out. */
  readonly log?: Log;
  /** The machine's clock when left out. */
  readonly clock?: Clock;
  /** Asked where the configuration names no passphrase file. */
  readonly askPassphrase?: (() => Promise<string>) | undefined;
  /** Which of several CAs the operations are about. */
  readonly ca?: string | undefined;
  /** A policy that the configuration does not name yet. */
  readonly addedPolicy?: string | undefined;
  /** A server's instance: standbys are served. */
  readonly isServing?: boolean;
}

const MIB = 1024 * 1024;

export const programVersion: string = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/** Opens everything; `closing` closes it again. */
export async function openInstance(options: OpenOptions, closing: ClosingStack): Promise<Instance> {
  const parts = await openParts(options, { closing, isNew: false });
  const [first, ...others] = parts.policies;
  const cas: [CaInstance, ...CaInstance[]] = [await openCa(parts, first, closing)];
  for (const policy of others) {
    cas.push(await openCa(parts, policy, closing));
  }
  for (const { authority } of cas) {
    await announceLists(parts.auditing, authority);
  }
  await recordSettings(parts, options.folder);
  return { ...parts, cas };
}

async function openCa(
  parts: InstanceParts,
  policy: Policy,
  closing: ClosingStack,
): Promise<CaInstance> {
  const own = partsOfCa(parts, policy);
  const authority = closing.push(await CertificateAuthority.open(own), {
    name: `certification authority ${policy.id}`,
    close: (opened) => opened.close(),
  });
  return { ...own, authority };
}

/** The log as one of several CAs writes it. */
function auditOf(audit: AuditLog, fields: { readonly ca: string }): AuditLog {
  const named = (event: AuditEvent): AuditEvent => ({
    ...event,
    details: { ...event.details, ...fields },
  });
  return {
    ...audit,
    append: (transaction, event) => audit.append(transaction, named(event)),
    appendAll: (transaction, events) => audit.appendAll(transaction, events.map(named)),
  };
}

/** What the CA of a policy works with. Where there are several, log and records say which one it is. */
export function partsOfCa<T extends InstanceParts>(
  parts: T,
  policy: Policy,
): T & { readonly policy: Policy; readonly vault: DeliveryVault } {
  const vault = new DeliveryFolder(join(parts.configuration.deliveries.folder, policy.id));
  if (parts.policies.length === 1) {
    return { ...parts, policy, vault };
  }
  const { audit, log } = parts;
  const fields = { ca: policy.id };
  return { ...parts, policy, vault, audit: auditOf(audit, fields), log: log.with(fields) };
}

/** Opens everything below the CA, in the order in which one rests on the other. */
export async function openParts(
  options: OpenOptions,
  { closing, isNew }: { readonly closing: ClosingStack; readonly isNew: boolean },
): Promise<InstanceParts> {
  const configuration = withPolicy(
    await loadConfiguration(join(options.folder, CONFIGURATION_FILE)),
    options.addedPolicy,
  );
  const policies = await loadPolicies(configuration);
  const shared = sharePolicies(policies);
  const clock = options.clock ?? new SystemClock();
  const random = new SystemRandom();
  const log = options.log ?? openLog(clock, logOptions(configuration));
  const { store, feed, replicationEndpoints } = await openReplicated(options, closing, {
    ...{ configuration, clock, log },
  });
  const audit = openAuditLog({ clock });
  const tokens = { isNew, askPassphrase: options.askPassphrase, log, closing };
  const onRecord = { store, audit, shared };
  const signer = await openActive(configuration.token, 'signer', { ...tokens, onRecord });
  const { token: auditToken } = configuration.audit;
  const auditSigner =
    auditToken === undefined
      ? signer
      : await openActive(auditToken, 'audit signer', { ...tokens, onRecord });
  const auditing = await openAuditing(
    { configuration, shared, store, audit, signer: auditSigner, clock, log },
    closing,
  );
  await holdIfSetBack({ configuration, shared, store, audit, clock, log });
  const directory = closing.push(
    await openDirectory(configuration, {
      ...{ policies, store, audit, clock, random, log },
      observer: auditing.accounts,
    }),
    { name: 'directory', close: (opened) => opened.close() },
  );
  return {
    ...{ configuration, policies, shared, clock, random, log, store, audit, signer, directory },
    ...{ auditing, feed, replicationEndpoints },
  };
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
    readonly onRecord: Pick<InstanceParts, 'store' | 'audit' | 'shared'>;
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
  const policies = await loadPolicies(configuration);
  const schema = await loadSchema(configuration);
  const clock = options.clock ?? new SystemClock();
  const log = options.log ?? openLog(clock, logOptions(configuration));
  const store = closing.push(await openStore(configuration, { clock, log, role: 'inspection' }), {
    name: 'store',
    close: (opened) => opened.close(),
  });
  const checkpointFile = checkpointFileOf(configuration);
  return { store, policies, schema, checkpointFile, nowMs: clock.nowMs() };
}

function withPolicy(configuration: Configuration, added: string | undefined): Configuration {
  const { policies } = configuration;
  return added === undefined ? configuration : { ...configuration, policies: [...policies, added] };
}

/** In the order of the configuration. */
async function loadPolicies({ policies: [first, ...others] }: Configuration): Promise<Policies> {
  const policies: [Policy, ...Policy[]] = [await loadPolicy(first)];
  for (const other of others) {
    policies.push(await loadPolicy(other));
  }
  return policies;
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
  parts: Pick<InstanceParts, 'policies' | 'store' | 'audit' | 'clock' | 'random' | 'log'> & {
    readonly observer: AccessObserver;
  },
): Promise<Directory> {
  const { policies, log } = parts;
  const offersStartTls = configuration.ldap.listeners.some(({ tls }) => tls === 'starttls');
  const schema = await loadSchema(configuration);
  assertNeighbours(policies, schema);
  const opening = Directory.open({
    ...parts,
    log: log.with({ component: 'directory' }),
    schema,
    suffixes: suffixesOf(policies, schema),
    realms: realmsOf(policies),
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
    throw error instanceof AccessRuleError
      ? await locatedInPolicy(error, { configuration, policies })
      : error;
  }
}

/** The fault of an access rule with the place where the rule stands. */
async function locatedInPolicy(
  fault: AccessRuleError,
  { configuration, policies }: Pick<InstanceParts, 'configuration' | 'policies'>,
): Promise<ConfigError> {
  const index = policies.findIndex(({ id }) => id === fault.realm);
  const file = configuration.policies[index] ?? configuration.policies[0];
  const where = await locateInYamlFile(file, ['access', fault.ruleNumber - 1]);
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
