/**
 * Who reads our own lists back (`list-readback.ts`), and over which of our listeners: whoever has not bound, in clear where
 * that is offered; and the verifier that the configuration names, over TLS, to the one certificate that the listener has.
 *
 * @module
 */

import { isIPv6 } from 'node:net';

import type { Configuration } from '../config/configuration.ts';
import { readSecretFile } from '../config/secret-file.ts';
import type { Clock } from '../core/clock.ts';
import { readDirectoryEntries } from '../readback/published-lists.ts';
import type { ListReader } from './list-readback.ts';

/** A listener with the port that was really taken. */
export interface OpenListener {
  readonly address: string;
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'ldaps';
}

export interface OwnReadersOptions {
  readonly listeners: readonly OpenListener[];
  readonly configuration: Pick<Configuration, 'readback'>;
  /** PEM of the listeners' certificate. */
  readonly certificate: string | undefined;
  readonly clock: Clock;
}

/** @throws {ConfigError} of the password's file. */
export async function ownReaders(options: OwnReadersOptions): Promise<readonly ListReader[]> {
  const { listeners, configuration } = options;
  const byTls = (...kinds: readonly OpenListener['tls'][]): OpenListener | undefined =>
    kinds.map((kind) => listeners.find(({ tls }) => tls === kind)).find((one) => one !== undefined);
  const clear = byTls('none', 'starttls');
  const secure = byTls('ldaps', 'starttls');
  const readers: ListReader[] = [];
  const anonymousAt = clear ?? secure;
  if (anonymousAt !== undefined) {
    readers.push(readerAt(anonymousAt, { isProtected: clear === undefined }, options));
  }
  if (configuration.readback !== undefined && secure !== undefined) {
    const { verifier: dn, passwordFile } = configuration.readback;
    const password = await readSecretFile(passwordFile);
    readers.push(readerAt(secure, { isProtected: true, credentials: { dn, password } }, options));
  }
  return readers;
}

function readerAt(
  listener: OpenListener,
  {
    isProtected,
    credentials,
  }: {
    readonly isProtected: boolean;
    readonly credentials?: { readonly dn: string; readonly password: string };
  },
  { certificate, clock }: OwnReadersOptions,
): ListReader {
  const host = reachable(listener.address);
  const scheme = listener.tls === 'ldaps' ? 'ldaps' : 'ldap';
  const url = `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${listener.port}`;
  const startTls = isProtected && listener.tls === 'starttls';
  return {
    account: credentials?.dn,
    tls: isProtected ? 'tls' : 'none',
    address: host,
    read: (names) =>
      readDirectoryEntries(
        {
          ...{ url, names, credentials, startTls, wants: 'hashes' },
          ...(isProtected && certificate !== undefined ? { pinned: certificate } : {}),
        },
        clock,
      ),
  };
}

/** An address that a listener on all addresses is reached by. */
function reachable(address: string): string {
  if (address === '0.0.0.0') {
    return '127.0.0.1';
  }
  return address === '::' ? '::1' : address;
}
