/**
 * An audit log in a store of its own, with a key, on simulated time.
 *
 * @module
 */

import { sign } from 'node:crypto';
import { join } from 'node:path';

import type { AuditEvent, AuditLog, AuditOrigin } from '../../src/audit/audit-log.ts';
import { AuditTrail } from '../../src/audit/audit-trail.ts';
import { Checkpointer } from '../../src/audit/checkpointer.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Snapshot, Store } from '../../src/store/store.ts';
import { type LogKey, makeLogKey } from './memory-log.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { temporaryFolder } from './temporary-folder.ts';

interface AfterHook {
  after(fn: () => unknown): void;
}

export const auditorOrigin: AuditOrigin = { channel: 'cli', actor: 'cn=auditor' };

export interface AuditBed {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly clock: SimulatedClock;
  readonly key: LogKey;
  readonly checkpointer: Checkpointer;
  readonly trail: AuditTrail;
  /** Where the last checkpoint is kept outside the store. */
  readonly checkpointFile: string;
  /** Has the checkpointer refuse to sign, or sign again. */
  holdSigning(isHeld: boolean): void;
  /** Appends so many records more, a second apart. */
  append(count: number): Promise<void>;
  withSnapshot<T>(use: (snapshot: Snapshot) => Promise<T>): Promise<T>;
}

export const sampleEvent = (at: number): AuditEvent => ({
  kind: at % 5 === 0 ? 'crl.publish' : 'certificate.issue',
  result: at % 3 === 0 ? 'refused' : 'done',
  origin: { channel: 'cli', actor: at % 2 === 0 ? 'anna' : 'ben' },
  subject: `serial ${at}`,
  details: { number: at },
});

export async function openAuditBed(t: AfterHook): Promise<AuditBed> {
  const folder = temporaryFolder(t);
  const store = await openLevelStore({
    folder: join(folder, 'store'),
    clock: new SystemClock(),
    log: silentLog,
  });
  t.after(() => store.close());
  const clock = new SimulatedClock();
  const audit = openAuditLog({ clock });
  const key = makeLogKey();
  const checkpointFile = join(folder, 'audit', 'checkpoint');
  let isHeld = false;
  const checkpointer = new Checkpointer({
    assertMaySign: () =>
      isHeld ? Promise.reject(new Error('signing is held back')) : Promise.resolve(),
    store,
    audit,
    file: checkpointFile,
    log: silentLog,
    key: { note: key.note, sign: async (message) => sign(null, message, key.privateKey) },
  });
  let count = 0;
  return {
    ...{ store, audit, clock, key, checkpointer, checkpointFile },
    holdSigning: (isNow) => {
      isHeld = isNow;
    },
    trail: new AuditTrail({ store, audit, checkpointer }),
    append: (more) =>
      store.transact('test', async (transaction) => {
        for (let end = count + more; count < end; count += 1) {
          await audit.append(transaction, sampleEvent(count));
          clock.setWallClock(clock.nowMs() + 1000);
        }
      }),
    withSnapshot: async (use) => {
      const snapshot = store.snapshot();
      try {
        return await use(snapshot);
      } finally {
        await snapshot.close();
      }
    },
  };
}
