/**
 * Our LDAP server over a directory of its own, loaded from an LDIF file, readable by everyone: what a peer
 * without access rules serves. In a process of its own.
 *
 * @module
 */

import { createReadStream } from 'node:fs';
import { join } from 'node:path';

import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { Directory } from '../../src/directory/directory.ts';
import { Schema } from '../../src/directory/schema.ts';
import { LdapServer } from '../../src/ldap/server.ts';
import { openLevelStore } from '../../src/store/level-store.ts';
import { answerQuestions } from './workshop.ts';

export interface DirectoryOrder {
  readonly folder: string;
  readonly ldifFile: string;
  readonly suffix: string;
}

const anyone = { kind: 'anyone' } as const;
const log = silentLog;

/** @returns The port. */
async function serve({ folder, ldifFile, suffix }: DirectoryOrder): Promise<number> {
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
  await directory.importLdif(createReadStream(ldifFile), {
    principal: { kind: 'system', name: 'bench' },
    session: { isProtected: true, address: 'local', channel: 'cli' },
  });
  const server = await LdapServer.open({
    ...{ directory, clock, log, allowClearPasswords: true },
    listeners: [{ address: '127.0.0.1', port: 0, tls: 'none' }],
  });
  process.once('disconnect', () => void server.close());
  return server.listeners[0]?.port ?? 0;
}

answerQuestions((order) => serve(order as DirectoryOrder));
