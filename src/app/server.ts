/**
 * The server: listeners and schedule around an instance. With `instance.ts` and `local-instance.ts` the composition
 * root: only these files wire the folders together.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';

import type { Configuration } from '../config/configuration.ts';
import { readSecretFile } from '../config/secret-file.ts';
import { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import { affordableConnections, openFileLimit } from '../core/open-files.ts';
import { CONTROL_SOCKET } from '../http/control-protocol.ts';
import { openControlServer } from '../http/control-server.ts';
import type { Operations } from '../http/operations.ts';
import {
  openPublicRepository,
  type PublicAudit,
  type PublicRepositoryOptions,
} from '../http/public-repository.ts';
import { LdapError } from '../ldap/errors.ts';
import { defaultLdapLimits } from '../ldap/limits.ts';
import { LdapServer } from '../ldap/server.ts';
import type { TlsCredentials } from '../ldap/tls-credentials.ts';
import type { Job, JobStatus } from '../scheduler/job.ts';
import { openNodeCronTicker } from '../scheduler/node-cron-ticker.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { openApi } from './api.ts';
import { announceLists, checkpointJob } from './auditing.ts';
import { cessationJob } from './cessation-job.ts';
import { publicNotices } from './cessation-notice.ts';
import {
  definedOnly,
  type Instance,
  isKeyActive,
  type OpenOptions,
  openInstance,
  operationsOf,
  programVersion,
} from './instance.ts';
import { journalJob } from './journal-keeping.ts';
import { type ExportMonth, keepingJobs } from './keeping-jobs.ts';
import { keyJobs } from './key-generations.ts';
import type { LdapFigures } from './ldap-metrics.ts';
import { listHandler } from './list-download.ts';
import { closingOnFailure, signLast } from './local-instance.ts';
import { prepareOcsp, type RunningOcsp, serveOcsp } from './ocsp.ts';
import type { OpenListener } from './own-readers.ts';
import { ListPublication, scheduleOrigin } from './publication-job.ts';
import { openServiceMetrics, readServerFigures, serveMetrics } from './service-metrics.ts';
import { keepTellingOldPrimary } from './standby-promotion.ts';
import { UrgentLists } from './urgent-lists.ts';
import { watchPublishedLists } from './watched-lists.ts';

export interface RunningServer {
  readonly operations: Operations;
  /** URLs that clients can use, with the ports that were really taken. */
  readonly endpoints: readonly string[];
  /** Stops listening, waits for work under way, closes the store. */
  close(): Promise<void>;
}

/**
 * Runs the server of a data folder: LDAP, HTTP, the control socket and the schedule.
 *
 * @throws {CertdirError} of the part that could not be opened; everything opened before is closed.
 */
export async function serve(options: OpenOptions): Promise<RunningServer> {
  const closing = new ClosingStack();
  return closingOnFailure(closing, async () => {
    const instance = await openInstance({ ...options, isServing: true }, closing);
    const { store, log, configuration } = instance;
    store.onWriterClosed((error) =>
      log.error('the store refuses writes until the server is started again; reads go on', {
        error: formatError(error),
      }),
    );
    closing.push(instance, { name: 'last checkpoint', close: signLast });
    await recordService(instance, 'service.start');
    closing.push(instance, {
      name: 'service record',
      close: (opened) => recordService(opened, 'service.stop'),
    });
    closing.push(keepTellingOldPrimary(configuration, instance), {
      name: 'old primary',
      close: (telling) => telling.close(),
    });
    const scheduler = openScheduler(instance, closing);
    const publication = new ListPublication(instance);
    scheduler.add(withCheckpoint(publication.job, instance));
    scheduler.add(checkpointJob(instance.auditing, instance.clock));
    const ocsp = prepareOcsp(instance);
    if (ocsp !== undefined) {
      scheduler.add(ocsp.job);
    }
    scheduler.add(journalJob(instance));
    scheduler.add(cessationJob(instance));
    for (const job of keyJobs(instance)) {
      scheduler.add(job);
    }
    const publishLists = publication.through((jobName) => scheduler.trigger(jobName));
    const urgent = new UrgentLists(instance, (scopeIds) =>
      publishLists({ scopeIds, origin: scheduleOrigin }, () => undefined),
    );
    closing.push(urgent, { name: 'lists that do not wait', close: (lists) => lists.close() });
    const jobs = (): readonly JobStatus[] => scheduler.status();
    const ldap = await openLdap(instance, closing);
    const { listeners } = ldap;
    const broken = await watchPublishedLists(instance, { scheduler, listeners, publishLists });
    const registry = openServiceMetrics(instance, { ldap, jobs, ocsp, broken }, closing);
    const operations = operationsOf(instance, {
      publishLists,
      jobs,
      figures: () => readServerFigures(registry),
    });
    const exportMonth: ExportMonth = (month, origin) => operations.archive.exportAs(month, origin);
    for (const job of keepingJobs(instance, exportMonth)) {
      scheduler.add(job);
    }
    const httpEndpoints = await openHttp(instance, ocsp, closing);
    const ocspEndpoints = await openOcsp(instance, ocsp, closing);
    const tls = await readTlsCredentials(configuration);
    const apiEndpoints = await openApi(instance, operations, { tls, closing });
    const metricsEndpoints = await serveMetrics(instance, registry, closing);
    closing.push(
      await openControlServer({
        socketFile: join(configuration.folder, CONTROL_SOCKET),
        operations,
        log: log.with({ component: 'control' }),
      }),
      { name: 'control socket', close: (server) => server.close() },
    );
    // Catches up with what became due while nobody served.
    scheduler.start();
    const { replicationEndpoints } = instance;
    const ownEndpoints = [...metricsEndpoints, ...replicationEndpoints];
    const webEndpoints = [...httpEndpoints, ...apiEndpoints, ...ownEndpoints];
    const endpoints = [...ldap.endpoints, ...ocspEndpoints, ...webEndpoints];
    return { operations, endpoints, close: () => closing.close() };
  });
}

/** Whatever a run has published is under a checkpoint when it ends well; otherwise within the minute. */
function withCheckpoint(job: Job, instance: Instance): Job {
  const run: Job['run'] = async (signal) => {
    try {
      await job.run(signal);
    } finally {
      await announceLists(instance.auditing, instance.authority);
    }
    await signLast(instance);
  };
  return { ...job, run };
}

async function openLdap(
  instance: Instance,
  closing: ClosingStack,
): Promise<
  LdapFigures & {
    readonly endpoints: readonly string[];
    readonly listeners: readonly OpenListener[];
  }
> {
  const { configuration, directory, clock, log } = instance;
  const { listeners, allowClearPasswords, limits } = configuration.ldap;
  const tls = await readTlsCredentials(configuration);
  const maxConnections = connectionsWithin(instance);
  const server = closing.push(
    await LdapServer.open({
      directory,
      listeners,
      allowClearPasswords,
      limits: { ...definedOnly(limits), connections: maxConnections },
      clock,
      log: log.with({ component: 'ldap' }),
      ...(tls === undefined ? {} : { tls }),
    }),
    { name: 'LDAP server', close: (opened) => opened.close() },
  );
  const endpoints = server.listeners.map(
    ({ address, port, tls: mode }) =>
      `${mode === 'ldaps' ? 'ldaps' : 'ldap'}://${urlHost(address)}:${port}`,
  );
  const { listeners: open } = server;
  return { statistics: () => server.statistics, maxConnections, endpoints, listeners: open };
}

/** No more connections than there are files for: without any left, the store could not go on. */
function connectionsWithin({ configuration, log }: Instance): number {
  const wanted = configuration.ldap.limits.connections ?? defaultLdapLimits.connections;
  const openFiles = openFileLimit();
  const connections = affordableConnections(wanted, openFiles);
  if (connections < wanted) {
    const fields = { wanted, connections, openFiles };
    log.warn(
      'fewer connections than ldap.limits.connections: raise the limit of open files',
      fields,
    );
  }
  return connections;
}

function urlHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

async function readTlsCredentials({ ldap }: Configuration): Promise<TlsCredentials | undefined> {
  const { certificateFile, keyFile } = ldap;
  if (certificateFile === undefined || keyFile === undefined) {
    return undefined;
  }
  try {
    return {
      certificate: await readFile(certificateFile, 'utf8'),
      key: await readSecretFile(keyFile),
    };
  } catch (cause) {
    throw new LdapError('LDAP_TLS_CREDENTIALS', formatError(cause), { cause });
  }
}

/** Under TLS it shows what LDAP shows. */
async function openOcsp(
  instance: Instance,
  ocsp: RunningOcsp | undefined,
  closing: ClosingStack,
): Promise<readonly string[]> {
  const settings = instance.configuration.ocsp;
  if (settings === undefined) {
    return [];
  }
  if (ocsp === undefined) {
    instance.log.warn('the policy has no OCSP: nothing listens at ocsp.address');
    return [];
  }
  const tls = settings.tls ? await readTlsCredentials(instance.configuration) : undefined;
  if (settings.tls && tls === undefined) {
    throw new LdapError(
      'LDAP_TLS_CREDENTIALS',
      'ocsp.tls needs ldap.certificateFile and ldap.keyFile in certdir.yaml',
    );
  }
  return await serveOcsp(instance, ocsp, { tls, closing });
}

async function openHttp(
  instance: Instance,
  ocsp: RunningOcsp | undefined,
  closing: ClosingStack,
): Promise<readonly string[]> {
  const { configuration, directory, policy, log } = instance;
  if (configuration.http === undefined) {
    return [];
  }
  const { address, port, tlsPort } = configuration.http;
  const options = {
    ...{ directory, address, caDn: policy.names.issuer, caName: policy.title },
    audit: publicAudit(instance),
    ocsp: ocsp?.publicHandler,
    lists: listHandler(instance),
    notices: () => publicNotices(instance),
    log: log.with({ component: 'http' }),
  };
  const open = async (at: Pick<PublicRepositoryOptions, 'port' | 'tls'>): Promise<string> => {
    const repository = await openPublicRepository({ ...options, ...at });
    closing.push(repository, { name: 'repository', close: (opened) => opened.close() });
    return repository.url;
  };
  const urls = [await open({ port })];
  if (tlsPort !== undefined) {
    const tls = await readTlsCredentials(configuration);
    if (tls === undefined) {
      throw new LdapError(
        'LDAP_TLS_CREDENTIALS',
        'http.tlsPort needs ldap.certificateFile and ldap.keyFile in certdir.yaml',
      );
    }
    urls.push(await open({ port: tlsPort, tls }));
  }
  return urls;
}

/** What the public may see of the audit log: checkpoints, and the tree's hashes where the policy says so. */
function publicAudit({ auditing, policy }: Instance): PublicAudit {
  const { trail, checkpointer } = auditing;
  return {
    key: () => trail.key,
    handovers: () => trail.handovers,
    checkpoint: () => checkpointer.current(),
    tile: async (path) => (policy.audit.publicTiles ? await trail.publicTile(path) : undefined),
  };
}

/**
 * Start and stop are on record (gunma 4-11-2), and that the start has opened the token; after a write error the log
 * has to do.
 */
async function recordService(
  { store, audit, policy, signer }: Instance,
  kind: 'service.start' | 'service.stop',
): Promise<void> {
  if (!store.isWritable) {
    return;
  }
  const isOpened = kind === 'service.start' && (await isKeyActive(signer));
  const kinds = isOpened ? [kind, 'key.activate'] : [kind];
  await store.transact(`app: ${kind}`, async (transaction) => {
    for (const one of kinds) {
      await audit.append(transaction, {
        kind: one,
        result: 'done',
        origin: { channel: 'system', actor: 'certdir' },
        subject: policy.id,
        ...(one === 'service.start' ? { details: { version: programVersion } } : {}),
      });
    }
  });
}

/** Closed after the listeners, so that what they were asked for is still published. */
function openScheduler({ clock, log }: Instance, closing: ClosingStack): Scheduler {
  return closing.push(
    new Scheduler({
      ticker: openNodeCronTicker(clock),
      clock,
      log: log.with({ component: 'scheduler' }),
    }),
    { name: 'schedule', close: (opened) => opened.close() },
  );
}
