/**
 * Two data folders, a primary and its standby, that know each other's certificates; and the server of the first as a
 * process that works until it is killed (kill-worker.ts).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse } from 'yaml';

import { openStandby, type RunningStandby } from '../../src/app/standby.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { makeTlsCertificate } from '../../src/setup/tls-certificate.ts';
import { childEnvironment } from './command-run.ts';
import type { DataFolder } from './data-folder.ts';
import type { KillReport } from './kill-acts.ts';

const worker = fileURLToPath(new URL(`./kill-worker${extname(import.meta.url)}`, import.meta.url));

export const fingerprintOf = (pem: string): string =>
  new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  server.close();
  await once(server, 'close');
  return address.port;
}

/** A certificate and key in a folder's tls/, and the hash by which it is known. */
function makeIdentity(folder: string, name: string): string {
  const parts = { address: '127.0.0.1', clock: new SystemClock(), random: new SystemRandom() };
  const { certificatePem, keyPem } = makeTlsCertificate(parts);
  writeFileSync(join(folder, `tls/${name}.pem`), certificatePem, { mode: 0o600 });
  writeFileSync(join(folder, `tls/${name}-key.pem`), keyPem, { mode: 0o600 });
  return fingerprintOf(certificatePem);
}

function configure(folder: string, settings: object): void {
  const file = join(folder, CONFIGURATION_FILE);
  const present = parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...present, ...settings }), { mode: 0o600 });
}

export class StandbyPair {
  readonly primary: DataFolder;
  readonly standby: DataFolder;
  readonly url: string;
  readonly client: string;
  readonly server: string;
  readonly #port: number;

  /** @param model A data folder that is copied. */
  static async make(
    folder: string,
    model: DataFolder,
    replication: object = {},
  ): Promise<StandbyPair> {
    const primary = { ...model, folder: join(folder, 'primary') };
    cpSync(model.folder, primary.folder, { recursive: true });
    const standby = { ...primary, folder: join(folder, 'standby') };
    cpSync(primary.folder, standby.folder, { recursive: true });
    for (const name of ['store', 'audit', 'access']) {
      rmSync(join(standby.folder, name), { recursive: true, force: true });
    }
    return new StandbyPair({ primary, standby }, await freePort(), replication);
  }

  private constructor(
    { primary, standby }: { readonly primary: DataFolder; readonly standby: DataFolder },
    port: number,
    replication: object,
  ) {
    this.primary = primary;
    this.standby = standby;
    this.#port = port;
    this.url = `https://127.0.0.1:${port}`;
    this.server = makeIdentity(primary.folder, 'replication');
    this.client = makeIdentity(standby.folder, 'standby');
    this.setReplication(replication);
    this.setStandby({});
  }

  setReplication(settings: object): void {
    configure(this.primary.folder, {
      replication: {
        ...{ address: '127.0.0.1', port: this.#port, clients: [this.client] },
        ...{ certificateFile: 'tls/replication.pem', keyFile: 'tls/replication-key.pem' },
        ...settings,
      },
    });
  }

  setStandby(settings: object): void {
    configure(this.standby.folder, {
      standby: {
        ...{ certificateFile: 'tls/standby.pem', keyFile: 'tls/standby-key.pem' },
        ...{ primary: this.server, ...settings },
      },
    });
  }

  setBoth(settings: object): void {
    configure(this.primary.folder, settings);
    configure(this.standby.folder, settings);
  }

  follow(from: string = this.url): Promise<RunningStandby> {
    return openStandby({ folder: this.standby.folder, from, log: silentLog });
  }

  /** Starts the primary; `onReport` is told of each answer. */
  startPrimary(seed: string, onReport: (report: KillReport) => void): ChildProcess {
    const child = fork(worker, [], {
      env: childEnvironment(),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', onReport);
    child.send({ ...this.primary, seed, revocable: [] });
    return child;
  }
}

/** Kills it, and resolves when all that it said has been taken down. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
    child.kill('SIGKILL');
    await gone;
  }
}
