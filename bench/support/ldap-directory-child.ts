/**
 * Our LDAP server over a directory of its own, loaded from an LDIF file before, readable by everyone: what a peer
 * without access rules serves. In a process of its own.
 *
 * @module
 */

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { Directory } from '../../src/directory/directory.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { LdapServer } from '../../src/ldap/server.ts';
import type { TlsCredentials } from '../../src/ldap/tls-credentials.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import { answerQuestions } from './workshop.ts';

interface DirectoryOrder {
  readonly folder: string;
  readonly suffix: string;
}

/** Fills the store and closes it. */
export interface LoadOrder extends DirectoryOrder {
  readonly kind: 'load';
  readonly ldifFile: string;
}

export interface ServeOrder extends DirectoryOrder {
  readonly kind: 'serve';
  /** With it there is a second listener, of LDAPS. */
  readonly tls?: TlsCredentials;
}

/** Begins or ends to watch the event loop. */
export interface WatchOrder {
  readonly kind: 'watch' | 'watched';
}

/** Answers `serve`. */
export interface ServedPorts {
  readonly port: number;
  readonly tlsPort: number | undefined;
}

/** Answers `watched`: how long the event loop was late. */
export interface LoopDelays {
  readonly p99Ms: number;
  readonly maxMs: number;
}

const anyone = { kind: 'anyone' } as const;
const log = silentLog;
const MAX_CONNECTIONS = 20_000;
const LOOP_RESOLUTION_MS = 1;
const NANOSECONDS_PER_MS = 1e6;

const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });

async function open({ folder, suffix }: DirectoryOrder): Promise<{
  readonly directory: Directory;
  readonly store: Store;
  readonly clock: SystemClock;
}> {
  const clock = new SystemClock();
  const store = await openLevelStore({ folder, clock, log });
  const directory = await Directory.open({
    ...{ store, clock, log, random: new SystemRandom(), audit: openAuditLog({ clock }) },
    schema: await Schema.load(join(packageRoot, 'schema')),
    suffixes: [suffix],
    access: [
      { attributes: ['userPassword'], who: anyone, rights: ['auth'] },
      { who: anyone, rights: ['search', 'compare', 'read'] },
    ],
  });
  return { directory, store, clock };
}

async function load(order: LoadOrder): Promise<number> {
  const { directory, store } = await open(order);
  const entries = await directory.importLdif(createReadStream(order.ldifFile), {
    principal: { kind: 'system', name: 'bench' },
    session: { isProtected: true, address: 'local', channel: 'cli' },
  });
  await directory.close();
  await store.close();
  return entries;
}

async function serve(order: ServeOrder): Promise<ServedPorts> {
  const { directory, clock } = await open(order);
  const { tls } = order;
  const address = '127.0.0.1';
  const inClear = { address, port: 0, tls: 'none' } as const;
  const server = await LdapServer.open({
    ...{ directory, clock, log, allowClearPasswords: true },
    ...(tls === undefined ? {} : { tls }),
    limits: { connections: MAX_CONNECTIONS, connectionsPerAddress: MAX_CONNECTIONS },
    listeners: tls === undefined ? [inClear] : [inClear, { address, port: 0, tls: 'ldaps' }],
  });
  process.once('disconnect', () => void server.close());
  const [clear, secured] = server.listeners;
  return { port: clear?.port ?? 0, tlsPort: secured?.port };
}

function endWatch(): LoopDelays {
  loop.disable();
  // What it measures is the distance of its own ticks.
  const late = (nanoseconds: number): number =>
    Math.max(0, nanoseconds / NANOSECONDS_PER_MS - LOOP_RESOLUTION_MS);
  return { p99Ms: late(loop.percentile(99)), maxMs: late(loop.max) };
}

answerQuestions(async (question) => {
  const order = question as LoadOrder | ServeOrder | WatchOrder;
  switch (order.kind) {
    case 'load':
      return await load(order);
    case 'serve':
      return { ...(await serve(order)) };
    case 'watch':
      loop.reset();
      loop.enable();
      return true;
    case 'watched':
      return { ...endWatch() };
  }
});
