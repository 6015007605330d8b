/**
 * The server: listeners and schedule around an instance. With `instance.ts` and `local-instance.ts` the composition
 * root: only these files wire the folders together.
 *
 * @module
 */

import assert from 'node:assert/strict';
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
import type { PublishLists } from '../http/local-operations.ts';
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
import type { JobStatus } from '../scheduler/job.ts';
import { openNodeCronTicker } from '../scheduler/node-cron-ticker.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { openApi } from './api.ts';
import { addApiMetrics } from './api-metrics.ts';
import { checkpointJob } from './auditing.ts';
import type { CaInstance, Instance } from './ca-instance.ts';
import { addJob, type RunningCa, runCa } from './ca-service.ts';
import {
  definedOnly,
  isKeyActive,
  type OpenOptions,
  openInstance,
  programVersion,
} from './instance.ts';
import { InstanceOperations } from './instance-operations.ts';
import { journalJob } from './journal-keeping.ts';
import { archiveJobs, type ExportMonth, keepingJobs } from './keeping-jobs.ts';
import type { LdapFigures } from './ldap-metrics.ts';
import { listHandlers } from './list-download.ts';
import { closingOnFailure, signLast } from './local-instance.ts';
import { publicHandler, type RunningOcsp, serveOcsp } from './ocsp.ts';
import type { OpenListener } from './own-readers.ts';
import { publicPages } from './repository-publications.ts';
import {
  openServiceMetrics,
  readServerFigures,
  serveMetrics,
  type WatchedCa,
} from './service-metrics.ts';
import { keepTellingOldPrimary } from './standby-promotion.ts';
import { watchPublishedLists } from './watched-lists.ts';

export interface RunningServer {
  /** Of the one CA; of several, what they share. */
  readonly operations: Operations;
  /** Of a CA by its policy's id. @throws {CaError} `CA_UNKNOWN` */
  operationsOf(ca: string): Operations;
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
    scheduler.add(checkpointJob(instance.auditing, instance.clock));
    scheduler.add(journalJob(instance));
    const running = instance.cas.map((ca) => runCa(ca, { scheduler, closing }));
    const jobs = (): readonly JobStatus[] => scheduler.status();
    const ldap = await openLdap(instance, closing);
    const watched = await watchAll(running, { scheduler, listeners: ldap.listeners });
    const registry = openServiceMetrics(instance, { ldap, jobs, cas: watched }, closing);
    const operations = new InstanceOperations(instance, {
      publishLists: (ca) => publisherOf(running, ca),
      jobs,
      figures: () => readServerFigures(registry),
    });
    for (const job of keepingJobs(instance)) {
      scheduler.add(job);
    }
    for (const ca of instance.cas) {
      const exportMonth: ExportMonth = (month, origin) =>
        operations.of(ca).archive.exportAs(month, origin);
      for (const job of archiveJobs(ca, exportMonth)) {
        addJob(scheduler, ca, job);
      }
    }
    const ocsp = running.flatMap((one) => one.ocsp ?? []);
    const httpEndpoints = await openHttp(instance, ocsp, closing);
    const ocspEndpoints = await openOcsp(instance, ocsp, closing);
    const tls = await readTlsCredentials(configuration);
    const api = await openApi(instance, operations, { tls, closing });
    if (api.statistics !== undefined) {
      addApiMetrics(registry, api.statistics);
    }
    const metricsEndpoints = await serveMetrics(instance, registry, closing);
    closing.push(
      await openControlServer({
        socketFile: join(configuration.folder, CONTROL_SOCKET),
        operations: operations.named(undefined),
        operationsOf: (ca) => operations.named(ca),
        log: log.with({ component: 'control' }),
      }),
      { name: 'control socket', close: (server) => server.close() },
    );
    // Catches up with what became due while nobody served.
    scheduler.start();
    const { replicationEndpoints } = instance;
    const ownEndpoints = [...metricsEndpoints, ...replicationEndpoints];
    const webEndpoints = [...httpEndpoints, ...api.endpoints, ...ownEndpoints];
    const endpoints = [...ldap.endpoints, ...ocspEndpoints, ...webEndpoints];
    return {
      operations: operations.named(undefined),
      operationsOf: (ca) => operations.named(ca),
      endpoints,
      close: () => closing.close(),
    };
  });
}

/** Has the lists of every CA watched and read back. */
async function watchAll(
  running: readonly RunningCa[],
  parts: { readonly scheduler: Scheduler; readonly listeners: readonly OpenListener[] },
): Promise<readonly WatchedCa[]> {
  const watched: WatchedCa[] = [];
  for (const { ca, publishLists, ocsp } of running) {
    watched.push({ ca, ocsp, broken: await watchPublishedLists(ca, { ...parts, publishLists }) });
  }
  return watched;
}

function publisherOf(running: readonly RunningCa[], wanted: CaInstance): PublishLists {
  const found = running.find(({ ca }) => ca === wanted);
  assert(found !== undefined, 'a CA that the server runs');
  return found.publishLists;
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
  ocsp: readonly RunningOcsp[],
  closing: ClosingStack,
): Promise<readonly string[]> {
  const settings = instance.configuration.ocsp;
  if (settings === undefined) {
    return [];
  }
  if (ocsp.length === 0) {
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
  ocsp: readonly RunningOcsp[],
  closing: ClosingStack,
): Promise<readonly string[]> {
  const { cas, configuration, directory, log } = instance;
  if (configuration.http === undefined) {
    return [];
  }
  const { address, port, tlsPort } = configuration.http;
  const pages = publicPages(instance);
  const options = {
    ...{ directory, address, ...pages[0] },
    cas: cas.length === 1 ? undefined : pages,
    audit: publicAudit(instance),
    ocsp: publicHandler(instance, ocsp),
    lists: listHandlers(cas),
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
function publicAudit({ auditing, shared }: Instance): PublicAudit {
  const { trail, checkpointer } = auditing;
  return {
    key: () => trail.key,
    handovers: () => trail.handovers,
    checkpoint: () => checkpointer.current(),
    tile: async (path) => (shared.audit.publicTiles ? await trail.publicTile(path) : undefined),
  };
}

/**
 * Start and stop are on record (gunma 4-11-2), and that the start has opened the token; after a write error the log
 * has to do.
 */
async function recordService(
  { store, audit, shared, signer }: Instance,
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
        subject: shared.id,
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
