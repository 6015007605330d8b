/**
 * A standby of a data folder: follows the primary's journal into the folder's store, and says in a file how far it is.
 *
 * Neither LDAP nor HTTP is served meanwhile. Not here: promotion (`standby-promotion.ts`).
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import {
  CONFIGURATION_FILE,
  type Configuration,
  loadConfiguration,
} from '../config/configuration.ts';
import { ConfigError } from '../config/errors.ts';
import { type Clock, SystemClock } from '../core/clock.ts';
import { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import { type Log, openLog } from '../core/log.ts';
import { MetricsRegistry } from '../core/metrics.ts';
import { openMetricsServer } from '../http/metrics-server.ts';
import { FolderSource } from '../store/journal/folder-source.ts';
import type { JournalSource } from '../store/journal/journal-source.ts';
import { type FollowerStatus, StandbyFollower } from '../store/standby/standby-follower.ts';
import { readStandbyMark } from '../store/standby/standby-marks.ts';
import { logOptions, programVersion } from './instance.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { readTlsFiles } from './replication.ts';
import { addFollowerMetrics } from './replication-metrics.ts';
import { PrimarySource } from './standby-source.ts';

/** Beside certdir.yaml. */
const STATUS_FILE = 'standby-status.json';
const MIB = 1024 * 1024;
/** Between two writings of the file when nothing but its numbers changes. */
const STATUS_MS = 1_000;
/** Between two lines of the log. */
const LOG_MS = 60_000;
/** One that follows writes its file at least every ten seconds. */
const ALIVE_MS = 45_000;

export interface StandbyOptions {
  /** The data folder. */
  readonly folder: string;
  /** `https://host:port`, or a folder of segments. */
  readonly from: string;
  readonly log?: Log;
}

export interface RunningStandby {
  readonly status: FollowerStatus;
  /** Rejects with what it cannot go on from. */
  readonly failed: Promise<never>;
  /** Where Prometheus finds its figures; undefined unless the configuration wants them served. */
  readonly metricsUrl: string | undefined;
  close(): Promise<void>;
}

/** For `certdir standby status`. */
export interface StandbyReport {
  readonly kind: 'standby';
  readonly isRunning: boolean;
  readonly isConnected: boolean;
  readonly from: string;
  readonly storeId: string | null;
  readonly epoch: number;
  readonly sequence: number;
  readonly sourceSequence: number;
  readonly behind: number;
  readonly behindSeconds: number;
  readonly heardAt: string | null;
  /** Nothing that was acknowledged is missing here, by what the primary has last said. */
  readonly isLossless: boolean;
  readonly problem: string | null;
  readonly writtenAt: string | null;
}

/** Begins to follow. */
export async function openStandby(options: StandbyOptions): Promise<RunningStandby> {
  const configuration = await loadConfiguration(join(options.folder, CONFIGURATION_FILE));
  const clock = new SystemClock();
  const log = (options.log ?? openLog(clock, logOptions(configuration))).with({
    component: 'standby',
  });
  const status = new StatusFile(configuration.folder, clock, log);
  const { store } = configuration;
  const follower = new StandbyFollower({
    folder: store.folder,
    source: await sourceOf(configuration, options.from, clock),
    ...{ clock, log },
    cacheBytes: store.cacheMiB * MIB,
    writeBufferBytes: store.writeBufferMiB * MIB,
    onProgress: (now) => status.note(now),
  });
  const closing = new ClosingStack();
  const parts = { follower, clock, log };
  const metricsUrl = await serveFigures(configuration, parts, closing).catch(async (error) => {
    await closing.close();
    throw error;
  });
  const failed = follower.follow().then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  return {
    get status() {
      return follower.status;
    },
    failed,
    metricsUrl,
    close: async () => {
      await closing.close();
      await follower.close();
      await status.close();
    },
  };
}

async function serveFigures(
  { metrics }: Configuration,
  parts: { readonly follower: StandbyFollower; readonly clock: Clock; readonly log: Log },
  closing: ClosingStack,
): Promise<string | undefined> {
  if (metrics === undefined) {
    return undefined;
  }
  const { follower, clock, log } = parts;
  const registry = new MetricsRegistry();
  const watch = addProcessMetrics(registry, { clock, version: programVersion });
  closing.push(watch, {
    name: 'watch over the event loop',
    close: async (opened) => opened.cancel(),
  });
  addFollowerMetrics(registry, { status: () => follower.status, clock });
  const { address, port } = metrics;
  const server = closing.push(await openMetricsServer({ registry, address, port, log }), {
    name: 'metrics',
    close: (opened) => opened.close(),
  });
  return server.url;
}

/** @throws {ConfigError} `CONFIG_INVALID` when the folder does not say how to reach a primary. */
async function sourceOf(
  { standby }: Configuration,
  from: string,
  clock: Clock,
): Promise<JournalSource> {
  if (!/^[a-z][a-z0-9+.-]*:\/\//.test(from)) {
    return new FolderSource(resolve(from), clock);
  }
  if (!from.startsWith('https://') || !URL.canParse(from)) {
    throw new ConfigError('CONFIG_INVALID', `${from} is neither an https:// address nor a folder`);
  }
  if (standby === undefined) {
    throw new ConfigError(
      'CONFIG_INVALID',
      'certdir.yaml has no section standby: { certificateFile, keyFile, primary }',
    );
  }
  const files = await readTlsFiles(standby, 'standby');
  return new PrimarySource(new URL(from).origin, { ...files, server: standby.primary });
}

/** @returns undefined where the data folder is no standby. */
export async function readStandbyReport(folder: string): Promise<StandbyReport | undefined> {
  const file = join(folder, CONFIGURATION_FILE);
  if (!existsSync(file)) {
    return undefined;
  }
  const { store } = await loadConfiguration(file);
  const mark = existsSync(store.folder) ? await readStandbyMark(store.folder) : undefined;
  if (mark === undefined) {
    return undefined;
  }
  const written = await readStatus(join(folder, STATUS_FILE));
  if (written === undefined) {
    return { ...unknownStatus, from: mark.from, storeId: mark.storeId };
  }
  const { status, writtenMs } = written;
  const isRunning = new SystemClock().nowMs() - writtenMs < ALIVE_MS && !written.isClosed;
  const { heardMs, behindMs, ...rest } = status;
  return {
    ...unknownStatus,
    ...rest,
    isRunning,
    isConnected: isRunning && status.isConnected,
    behindSeconds: Math.round(behindMs / 100) / 10,
    heardAt: heardMs === null ? null : new Date(heardMs).toISOString(),
    writtenAt: new Date(writtenMs).toISOString(),
  };
}

const unknownStatus: StandbyReport = {
  kind: 'standby',
  ...{ from: '', storeId: null, isRunning: false, isConnected: false, epoch: 0, sequence: 0 },
  ...{ sourceSequence: 0, behind: 0, behindSeconds: 0, heardAt: null, isLossless: false },
  ...{ problem: null, writtenAt: null },
};

interface WrittenStatus {
  readonly writtenMs: number;
  readonly isClosed: boolean;
  readonly status: FollowerStatus;
}

async function readStatus(file: string): Promise<WrittenStatus | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as WrittenStatus;
  } catch {
    // It is written again; what counts is in the store.
    return undefined;
  }
}

/** Writes the status now and then, and lines of the log more rarely. */
class StatusFile {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #status: FollowerStatus | undefined;
  #writtenMs = Number.NEGATIVE_INFINITY;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #problem: string | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string, clock: Clock, log: Log) {
    this.#file = join(folder, STATUS_FILE);
    this.#clock = clock;
    this.#log = log;
  }

  note(status: FollowerStatus): void {
    this.#status = status;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#writtenMs >= STATUS_MS || status.problem !== this.#problem) {
      this.#writtenMs = nowMs;
      this.#problem = status.problem;
      this.#write(false);
    }
    if (nowMs - this.#loggedMs >= LOG_MS) {
      this.#loggedMs = nowMs;
      const { sequence, epoch, behind, behindMs, isConnected } = status;
      this.#log.info('standby', { sequence, epoch, behind, behindMs, isConnected });
    }
  }

  async close(): Promise<void> {
    this.#write(true);
    await this.#writing;
  }

  #write(isClosed: boolean): void {
    const status = this.#status;
    if (status === undefined) {
      return;
    }
    const content = { writtenMs: this.#clock.nowMs(), isClosed, status };
    this.#writing = this.#writing.then(() => this.#replace(JSON.stringify(content)));
  }

  async #replace(text: string): Promise<void> {
    try {
      await writeFile(`${this.#file}.new`, `${text}\n`, { mode: 0o600 });
      await rename(`${this.#file}.new`, this.#file);
    } catch (error) {
      this.#log.warn('the standby’s status could not be written', { error: formatError(error) });
    }
  }
}
