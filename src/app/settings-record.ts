/**
 * Which settings the program goes by is on record: policy, with its access rules, and configuration. Both are files
 * that whoever owns the data folder writes; a change counts from the next start or command, so that is when it is
 * recorded. Who changed a file nobody here can know.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import type { AuditEvent } from '../audit/audit-log.ts';
import { putSettings, readSettings } from '../audit/audit-state.ts';
import { recordDigest } from '../audit/record-digest.ts';
import { CONFIGURATION_FILE } from '../config/configuration.ts';
import type { InstanceParts } from './ca-instance.ts';

/** Rows of the first policy have the name that the only one has. */
const policyName = (index: number): string => (index === 0 ? 'policy' : `policy ${index + 1}`);

/**
 * Records each file that is another than at the last opening. Nothing may be done by settings that are not on
 * record, so this comes before whatever is done with the instance.
 *
 * @param folder The data folder.
 * @throws {StoreError} when the record cannot be made durable.
 */
export async function recordSettings(
  { configuration, store, audit }: Pick<InstanceParts, 'configuration' | 'store' | 'audit'>,
  folder: string,
): Promise<void> {
  if (!store.isWritable) {
    return;
  }
  const files = [
    { name: 'configuration', kind: 'configuration.change', file: join(folder, CONFIGURATION_FILE) },
    ...configuration.policies.map((file, index) => {
      return { name: policyName(index), kind: 'policy.change', file };
    }),
  ];
  const current: Record<string, string> = {};
  const events: AuditEvent[] = [];
  const snapshot = store.snapshot();
  const known = await readSettings(snapshot).finally(() => snapshot.close());
  for (const { name, kind, file } of files) {
    const after = recordDigest(await readFile(file));
    const before = known[name];
    current[name] = after;
    if (before !== after) {
      events.push({
        kind,
        result: 'done',
        origin: { channel: 'system', actor: 'certdir' },
        subject: basename(file),
        ...(before === undefined ? {} : { before }),
        after,
      });
    }
  }
  if (events.length > 0) {
    await store.transact('app: settings', async (transaction) => {
      putSettings(transaction, current);
      for (const event of events) {
        await audit.append(transaction, event);
      }
    });
  }
}
