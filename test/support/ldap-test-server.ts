/**
 * An LDAP server on the loopback for one test, over a scripted directory and simulated time.
 *
 * @module
 */

import type { ConnectionOptions } from 'node:tls';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import type { DirectoryService } from '../../src/directory/service.ts';
import type { TlsMode } from '../../src/ldap/connection.ts';
import { LdapServer, type LdapServerOptions } from '../../src/ldap/server.ts';
import type { TlsCredentials } from '../../src/ldap/tls-credentials.ts';
import { makeTlsCertificate } from '../../src/setup/tls-certificate.ts';
import { FakeDirectory } from './fake-directory.ts';
import { LdapTestClient } from './ldap-test-client.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedClock } from './simulated-clock.ts';

/** A fresh self-signed certificate for the loopback. */
export function makeTlsCredentials(seed = 'ldap'): TlsCredentials {
  const { certificatePem, keyPem } = makeTlsCertificate({
    address: '127.0.0.1',
    clock: new SystemClock(),
    random: new SeededRandom(seed),
  });
  return { certificate: certificatePem, key: keyPem };
}

interface AfterHook {
  after(fn: () => unknown): void;
}

export interface TestServerOptions extends Partial<Omit<LdapServerOptions, 'directory' | 'clock'>> {
  readonly mode?: TlsMode;
  /** Another directory than the scripted one. */
  readonly service?: DirectoryService;
}

export class LdapTestServer {
  readonly directory: FakeDirectory;
  readonly clock: SimulatedClock;
  readonly server: LdapServer;
  readonly #clients: LdapTestClient[] = [];

  /** Opens a server that is closed after the test. */
  static async open(t: AfterHook, options: TestServerOptions = {}): Promise<LdapTestServer> {
    const directory = new FakeDirectory();
    const clock = new SimulatedClock();
    const mode = options.mode ?? 'none';
    const server = await LdapServer.open({
      directory: options.service ?? directory,
      clock,
      listeners: [{ address: '127.0.0.1', port: 0, tls: mode }],
      ...(mode === 'none' ? {} : { tls: makeTlsCredentials() }),
      log: silentLog,
      allowClearPasswords: true,
      ...options,
    });
    const opened = new LdapTestServer(server, { directory, clock });
    t.after(() => opened.#close());
    return opened;
  }

  private constructor(
    server: LdapServer,
    parts: { readonly directory: FakeDirectory; readonly clock: SimulatedClock },
  ) {
    this.server = server;
    this.directory = parts.directory;
    this.clock = parts.clock;
  }

  get port(): number {
    return this.server.listeners[0]?.port ?? 0;
  }

  /** Resolves when the server has so many connections. */
  async whenConnections(count: number): Promise<void> {
    await turnsUntil(() => this.server.statistics.connections === count);
  }

  /** Resolves when a peer that does not read has made the sockets full: unsent bytes stay the same. */
  async whenUnsentSettles(): Promise<void> {
    let last = -1;
    let same = 0;
    await turnsUntil(() => {
      const { unsentBytes } = this.server.statistics;
      same = unsentBytes > 0 && unsentBytes === last ? same + 1 : 0;
      last = unsentBytes;
      return same > 50;
    });
  }

  async connect(): Promise<LdapTestClient> {
    return this.#keep(await LdapTestClient.connect(this.port));
  }

  async connectTls(options?: ConnectionOptions): Promise<LdapTestClient> {
    return this.#keep(await LdapTestClient.connectTls(this.port, options));
  }

  #keep(client: LdapTestClient): LdapTestClient {
    this.#clients.push(client);
    return client;
  }

  async #close(): Promise<void> {
    for (const client of this.#clients) {
      client.destroy();
    }
    await this.server.close();
  }
}

/** Many more turns of the event loop than anything on the loopback needs. */
const MAX_TURNS = 100_000;

/** Lets the event loop turn until something holds. */
export async function turnsUntil(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn += 1) {
    if (turn === MAX_TURNS) {
      throw new Error('it did not come to hold');
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
