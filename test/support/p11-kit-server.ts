/**
 * A p11-kit server in front of SoftHSM: an HSM in the network that can be killed, hung and brought back.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { type Softhsm, softhsmModule } from './softhsm.ts';

const clientPlaces = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/pkcs11/p11-kit-client.so`,
);

/** The module that talks to the server. */
export const p11KitClient: string =
  clientPlaces.find((place) => existsSync(place)) ?? clientPlaces[0] ?? '';

export class P11KitServer {
  readonly #softhsm: Softhsm;
  readonly #socket: string;
  #process: ChildProcess | undefined;

  private constructor(softhsm: Softhsm) {
    this.#softhsm = softhsm;
    this.#socket = join(softhsm.folder, 'p11-kit.socket');
  }

  static async start(
    life: { after(fn: () => unknown): void },
    softhsm: Softhsm,
  ): Promise<P11KitServer> {
    const server = new P11KitServer(softhsm);
    life.after(() => server.kill());
    await server.start();
    return server;
  }

  /** What the client module needs. */
  get environment(): Readonly<Record<string, string>> {
    return { P11_KIT_SERVER_ADDRESS: `unix:path=${this.#socket}` };
  }

  async start(): Promise<void> {
    rmSync(this.#socket, { force: true });
    const command = ['server', '-f', '-n', this.#socket, '--provider', softhsmModule, 'pkcs11:'];
    // A group of its own: the server has a process for each client, and they go together.
    this.#process = spawn('p11-kit', command, {
      env: { ...process.env, ...this.#softhsm.environment },
      stdio: 'ignore',
      detached: true,
    });
    for (let tries = 0; !existsSync(this.#socket); tries += 1) {
      if (tries === 500) {
        throw new Error('the p11-kit server did not start');
      }
      await pause(20);
    }
  }

  /** Every client's calls fail from now on. */
  kill(): void {
    this.#signal('SIGKILL');
    this.#process = undefined;
  }

  /** Every client's calls hang from now on. */
  hang(): void {
    this.#signal('SIGSTOP');
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    if (pid !== undefined) {
      process.kill(-pid, signal);
    }
  }
}
