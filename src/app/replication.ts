/**
 * The primary's side of a warm standby: the journal's feed, and its listener.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import { ConfigError } from '../config/errors.ts';
import type { ReplicationConfiguration } from '../config/replication-configuration.ts';
import { readSecretFile } from '../config/secret-file.ts';
import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { ReplicationReport } from '../http/operations.ts';
import type { ReplicationServer } from '../http/replication-server.ts';
import { JournalFeed } from '../store/journal/journal-feed.ts';

const SECOND_MS = 1_000;

/** To be handed to the store when it is opened. */
export function makeFeed(
  settings: ReplicationConfiguration,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): JournalFeed {
  const { synchronous, clients, timeoutSeconds, onTimeout } = settings;
  const standby = settings.standby ?? clients[0] ?? '';
  return new JournalFeed({
    clock,
    log: log.with({ component: 'replication' }),
    synchronous: synchronous
      ? { standby, timeoutMs: timeoutSeconds * SECOND_MS, onTimeout }
      : undefined,
  });
}

/** Listens for standbys; the store must be open. */
export async function serveJournal(
  feed: JournalFeed,
  settings: ReplicationConfiguration,
  log: Log,
): Promise<ReplicationServer> {
  const { address, port, clients } = settings;
  // Commands that open an instance have no use for it.
  const { openReplicationServer } = await import('../http/replication-server.ts');
  return await openReplicationServer({
    ...{ service: feed, address, port, clients },
    ...(await readTlsFiles(settings, 'replication')),
    log: log.with({ component: 'replication' }),
  });
}

/** @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SECRET`. */
export async function readTlsFiles(
  { certificateFile, keyFile }: { readonly certificateFile: string; readonly keyFile: string },
  section: string,
): Promise<{ readonly certificate: string; readonly key: string }> {
  try {
    return {
      certificate: await readFile(certificateFile, 'utf8'),
      key: await readSecretFile(keyFile),
    };
  } catch (cause) {
    throw cause instanceof ConfigError
      ? cause
      : new ConfigError(
          'CONFIG_UNREADABLE',
          `${section}.certificateFile cannot be read: ${formatError(cause)}`,
          { cause },
        );
  }
}

/** For `certdir status`. */
export async function reportReplication(feed: JournalFeed): Promise<ReplicationReport> {
  const { epoch, sequence, mode } = feed.status;
  return {
    ...{ epoch, sequence, mode },
    standbys: (await feed.measure()).map(({ behindMs, silentMs, ...standby }) => ({
      ...standby,
      behindSeconds: Math.round(behindMs / 100) / 10,
      silentSeconds: Math.round(silentMs / 100) / 10,
    })),
  };
}
