/**
 * Our LDAP server over a directory of two entries, a list among them, with the access journal or without
 * it. In a process of its own.
 *
 * @module
 */

import { join } from 'node:path';

import { AccessAccounts } from '../../src/app/access-accounts.ts';
import { AccessJournal } from '../../src/audit/access-journal.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { Directory } from '../../src/directory/directory.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { LdapServer } from '../../src/ldap/server.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { answerQuestions } from './workshop.ts';

export interface AccessServerOrder {
  readonly folder: string;
  readonly suffix: string;
  /** DER of the list in the entry `cn=list` below the suffix. */
  readonly list: Uint8Array;
  readonly hasJournal: boolean;
}

const anyone = { kind: 'anyone' } as const;
const log = silentLog;
const SEAL_EVERY_MS = 60_000;

let journal: AccessJournal | undefined;

/** @returns The port. */
async function serve({ folder, suffix, list, hasJournal }: AccessServerOrder): Promise<number> {
  const clock = new SystemClock();
  const store = await openLevelStore({ folder: join(folder, 'store'), clock, log });
  const audit = openAuditLog({ clock });
  if (hasJournal) {
    const opened = await AccessJournal.open({
      ...{ folder: join(folder, 'access'), store, audit, clock, log, utcOffsetMs: 0 },
    });
    journal = opened;
    setInterval(() => void opened.seal(), SEAL_EVERY_MS).unref();
  }
  const directory = await Directory.open({
    ...{ store, clock, log, audit, random: new SystemRandom() },
    schema: await Schema.load(join(packageRoot, 'schema')),
    suffixes: [suffix],
    access: [{ who: anyone, rights: ['search', 'compare', 'read'] }],
    ...(journal === undefined ? {} : { observer: new AccessAccounts(journal) }),
  });
  const caller = {
    principal: { kind: 'system', name: 'bench' },
    session: { isProtected: true, address: 'local', channel: 'cli' },
  } as const;
  const text = (description: string, ...values: readonly string[]) => ({
    description,
    values: values.map((value) => Buffer.from(value)),
  });
  await directory.add(
    { dn: suffix, attributes: [text('objectClass', 'country'), text('c', 'JP')] },
    caller,
  );
  await directory.add(
    {
      dn: `cn=list,${suffix}`,
      attributes: [
        text('objectClass', 'cRLDistributionPoint'),
        text('cn', 'list'),
        { description: 'certificateRevocationList;binary', values: [list] },
      ],
    },
    caller,
  );
  const server = await LdapServer.open({
    ...{ directory, clock, log, allowClearPasswords: true },
    listeners: [{ address: '127.0.0.1', port: 0, tls: 'none' }],
  });
  process.once('disconnect', () => void server.close());
  return server.listeners[0]?.port ?? 0;
}

/** How many accesses are counted, when all are sealed. */
async function accesses(): Promise<number> {
  const count = journal?.unsealed ?? 0;
  await journal?.sync();
  return count;
}

answerQuestions((order) => (order === 'accesses' ? accesses() : serve(order as AccessServerOrder)));
