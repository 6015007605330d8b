/**
 * A client of a server over a real directory: a suffix, a manager who may do everything, and everyone
 * may read.
 *
 * @module
 */

import assert from 'node:assert/strict';

import type { DirectoryOptions } from '../../src/directory/directory.ts';
import { serverCapabilities } from '../../src/ldap/root-dse.ts';
import { type DirectoryFixture, openDirectory, openToAll, suffix } from './directory-fixture.ts';
import { bindOperation } from './ldap-request-bytes.ts';
import type { LdapTestClient } from './ldap-test-client.ts';
import { LdapTestServer, type TestServerOptions } from './ldap-test-server.ts';

/** Who may do everything; the password is `right`. */
export const manager: string = `cn=manager,${suffix}`;

export interface ServedDirectory extends DirectoryFixture {
  readonly opened: LdapTestServer;
  /** Someone anonymous. */
  readonly client: LdapTestClient;
  /** Another connection, bound as the manager. */
  connectAsManager(): Promise<LdapTestClient>;
}

export async function serveDirectory(
  t: Parameters<typeof openDirectory>[0],
  options: Partial<DirectoryOptions> = {},
  serverOptions: TestServerOptions = {},
): Promise<ServedDirectory> {
  const fixture = await openDirectory(t, {
    access: [{ who: { kind: 'dn', dn: manager }, rights: ['manage'] }, ...openToAll],
    rootDse: serverCapabilities(true),
    ...options,
  });
  await fixture.add(suffix, { objectClass: 'organization', o: 'JPKI' });
  await fixture.add(manager, {
    objectClass: ['organizationalRole', 'simpleSecurityObject'],
    cn: 'manager',
    userPassword: 'right',
  });
  const opened = await LdapTestServer.open(t, { ...serverOptions, service: fixture.directory });
  return {
    ...fixture,
    opened,
    client: await opened.connect(),
    connectAsManager: async () => {
      const client = await opened.connect();
      assert.equal((await client.ask(bindOperation(manager, 'right'))).resultCode, 0);
      return client;
    },
  };
}
