/**
 * An LDAP server as a process of its own, over a directory that answers everything: prints its port and
 * serves until it is killed.
 *
 * @module
 */

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { LdapServer } from '../../src/ldap/server.ts';
import { FakeDirectory } from './fake-directory.ts';

const server = await LdapServer.open({
  directory: new FakeDirectory(),
  listeners: [{ address: '127.0.0.1', port: 0, tls: 'none' }],
  clock: new SystemClock(),
  log: silentLog,
});
process.stdout.write(`${server.listeners[0]?.port}\n`);
