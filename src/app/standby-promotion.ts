/**
 * Promotion of a data folder's standby: who must approve it, what it records, and how the old primary is told.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { openAuditLog } from '../audit/merkle-audit-log.ts';
import { holdSigning } from '../ca/recovery-hold.ts';
import {
  CONFIGURATION_FILE,
  type Configuration,
  loadConfiguration,
} from '../config/configuration.ts';
import { encodeUtf8 } from '../core/bytes.ts';
import { type Clock, SystemClock, type TimerHandle } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import { type Log, silentLog } from '../core/log.ts';
import { SystemRandom } from '../core/random.ts';
import type { CustodyOperation } from '../signing/custody/approval.ts';
import {
  type ApprovalFile,
  assertApproved,
  makeApprovalFile,
} from '../signing/custody/approval-file.ts';
import { readCustody } from '../signing/custody/custody-document.ts';
import { StoreError } from '../store/errors.ts';
import { writeWholeFile } from '../store/journal/journal-file.ts';
import {
  fenceStore,
  promoteStore,
  readStandbyPosition,
  type StandbyPosition,
} from '../store/standby/standby-promotion.ts';
import { readTlsFiles } from './replication.ts';
import { tellPrimary } from './standby-source.ts';

/** Beside certdir.yaml: the primary that has not been told yet. */
const OLD_PRIMARY_FILE = 'old-primary.json';
const TELL_MS = 30_000;

interface OldPrimary {
  readonly url: string;
  readonly storeId: string;
  readonly epoch: number;
}

export interface PromotionReport {
  readonly storeId: string;
  readonly epoch: number;
  readonly sequence: number;
  /** False: nothing is signed before `certdir recover confirm`. */
  readonly maySign: boolean;
  readonly approvedBy: readonly string[];
  /** Whether the old primary knows that it may not write any more. */
  readonly oldPrimary: 'fenced' | 'not reached';
}

async function subjectOf(
  folder: string,
): Promise<{ readonly configuration: Configuration; readonly position: StandbyPosition }> {
  const configuration = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  const { store } = configuration;
  const subject = { folder: store.folder, clock: new SystemClock(), log: silentLog };
  return { configuration, position: await readStandbyPosition(subject) };
}

function operationOf({ storeId, epoch, sequence }: StandbyPosition): CustodyOperation {
  return { act: 'promote', storeId, epoch, sequence };
}

/**
 * What custodians are asked to approve. The standby must not be following any more: what is approved is where it stands.
 *
 * @throws {StoreError} as `readStandbyPosition`; `STORE_PROMOTION_REFUSED` where there are no custodians to ask.
 */
export async function proposePromotion(folder: string): Promise<ApprovalFile> {
  const { configuration, position } = await subjectOf(folder);
  const { custodiansFile } = configuration.token;
  if (custodiansFile === undefined) {
    throw new StoreError(
      'STORE_PROMOTION_REFUSED',
      'The token has no custodians who could approve: certdir standby promote needs no approvals',
    );
  }
  const surroundings = { random: new SystemRandom(), nowMs: new SystemClock().nowMs() };
  const document = await readCustody(custodiansFile);
  return makeApprovalFile(operationOf(position), document, surroundings);
}

/**
 * Makes the folder's standby the primary, and tells the old one where that can be done.
 *
 * @throws {StoreError} as `readStandbyPosition`; `STORE_PROMOTION_REFUSED` without approvals where there are custodians.
 * @throws {SigningError} as `assertApproved`.
 */
export async function promoteStandby(
  folder: string,
  {
    approvals,
    operator,
    holds,
  }: {
    readonly approvals: ApprovalFile | undefined;
    readonly operator: string;
    /** Holds back signing also where nothing can be missing. */
    readonly holds: boolean;
  },
): Promise<PromotionReport> {
  const { configuration, position } = await subjectOf(folder);
  const approvedBy = await approversOf(configuration, position, approvals);
  const { storeId, sequence, epoch, mark } = position;
  const clock = new SystemClock();
  const maySign = mark.isLossless && !holds;
  const audit = openAuditLog({ clock });
  const old = { url: mark.from, storeId, epoch };
  const isRemote = mark.from.startsWith('https://') && configuration.standby !== undefined;
  if (isRemote) {
    await writeWholeFile(join(folder, OLD_PRIMARY_FILE), encodeUtf8(`${JSON.stringify(old)}\n`));
  }
  const subject = { folder: configuration.store.folder, clock, log: silentLog };
  await promoteStore(subject, async (transaction) => {
    if (!maySign) {
      const nowMs = clock.nowMs();
      holdSigning(transaction, { restoredMs: nowMs, sequence, pointMs: nowMs });
    }
    await audit.append(transaction, {
      ...{ kind: 'standby.promote', result: 'done', subject: storeId },
      origin: { channel: 'cli', actor: operator },
      details: { epoch, sequence, maySign, approvedBy: approvedBy.join(' ') },
    });
  });
  const isFenced = isRemote && (await tellOldPrimary(configuration, silentLog));
  const oldPrimary = isFenced ? 'fenced' : 'not reached';
  return { storeId, epoch, sequence, maySign, approvedBy, oldPrimary };
}

async function approversOf(
  { token }: Configuration,
  position: StandbyPosition,
  approvals: ApprovalFile | undefined,
): Promise<readonly string[]> {
  if (token.custodiansFile === undefined) {
    return [];
  }
  if (approvals === undefined) {
    throw new StoreError(
      'STORE_PROMOTION_REFUSED',
      'The custodians must approve: certdir standby promote --propose FILE, certdir standby approve FILE',
    );
  }
  const nowMs = new SystemClock().nowMs();
  const document = await readCustody(token.custodiansFile);
  return assertApproved(approvals, document, { operation: operationOf(position), nowMs });
}

/** Keeps a folder's store, which nobody has open, from writing in epochs before `epoch`. */
export async function fenceFolder(
  folder: string,
  epoch: number,
): Promise<{ readonly epoch: number; readonly ownEpoch: number; readonly isFenced: boolean }> {
  const { store } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  const subject = { folder: store.folder, clock: new SystemClock(), log: silentLog };
  return { epoch, ...(await fenceStore(subject, epoch)) };
}

/**
 * Tells the old primary of a promoted folder again and again, until it has heard it: one that comes back must not write.
 *
 * @returns what stops it.
 */
export function keepTellingOldPrimary(
  configuration: Configuration,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): { close(): Promise<void> } {
  let timer: TimerHandle | undefined;
  let telling: Promise<unknown> = Promise.resolve();
  let isClosed = !existsSync(join(configuration.folder, OLD_PRIMARY_FILE));
  const plan = (): void => {
    if (!isClosed) {
      timer = clock.schedule(TELL_MS, tell);
    }
  };
  const tell = (): void => {
    telling = tellOldPrimary(configuration, log).then((isTold) => {
      isClosed ||= isTold;
      plan();
    });
  };
  plan();
  return {
    close: async () => {
      isClosed = true;
      timer?.cancel();
      await telling;
    },
  };
}

/** @returns true when it is told, or there is nobody to tell. */
async function tellOldPrimary({ folder, standby }: Configuration, log: Log): Promise<boolean> {
  const file = join(folder, OLD_PRIMARY_FILE);
  if (standby === undefined || !existsSync(file)) {
    return true;
  }
  try {
    const old = JSON.parse(await readFile(file, 'utf8')) as OldPrimary;
    const credentials = { ...(await readTlsFiles(standby, 'standby')), server: standby.primary };
    await tellPrimary(old.url, credentials, old);
    await rm(file);
    log.info('the old primary knows that it may not write any more', { url: old.url });
    return true;
  } catch (error) {
    // One that is fenced already closes nothing here; one that is away is asked again.
    log.debug('the old primary was not reached', { error: formatError(error) });
    return false;
  }
}
