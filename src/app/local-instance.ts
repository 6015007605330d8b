/**
 * An instance alone, for commands that run without a server. Loads nothing that listens.
 *
 * @module
 */

import { ClosingStack } from '../core/closing-stack.ts';
import { silentLog } from '../core/log.ts';
import type { PublishLists } from '../http/local-operations.ts';
import type { Operations } from '../http/operations.ts';
import { signQuietly } from './auditing.ts';
import type { CaInstance, InstanceParts } from './ca-instance.ts';
import { checkStore } from './check.ts';
import { type OpenOptions, openCheckSubject, openInstance } from './instance.ts';
import { InstanceOperations } from './instance-operations.ts';
import { describeJournal, openJournalSubject } from './journal-keeping.ts';
import { publishDirectly, scheduleOrigin } from './publication-job.ts';
import { UrgentLists } from './urgent-lists.ts';

/** An instance that a command works on while no server runs. */
export interface LocalInstance<Name extends keyof Operations = keyof Operations> {
  readonly operations: Pick<Operations, Name>;
  close(): Promise<void>;
}

/**
 * Opens the store of a data folder and offers the operations on it.
 *
 * @throws {CertdirError} of the part that could not be opened; everything opened before is closed.
 */
export async function openLocalOperations(options: OpenOptions): Promise<LocalInstance> {
  const closing = new ClosingStack();
  return closingOnFailure(closing, async () => {
    const instance = await openInstance(options, closing);
    closing.push(instance, { name: 'last checkpoint', close: signLast });
    const publishers = new Map<CaInstance, PublishLists>();
    for (const ca of instance.cas) {
      const publishLists = publishDirectly(ca);
      const urgent = new UrgentLists(ca, (scopeIds) =>
        publishLists({ scopeIds, origin: scheduleOrigin }, () => undefined),
      );
      closing.push(urgent, { name: 'lists that do not wait', close: (lists) => lists.close() });
      publishers.set(ca, publishLists);
    }
    const operations = new InstanceOperations(instance, {
      publishLists: (ca) => publishers.get(ca) ?? publishDirectly(ca),
      jobs: undefined,
    }).named(options.ca);
    return { operations, close: () => closing.close() };
  });
}

/**
 * Opens the store of a data folder for a check, even when the CA in it does not open.
 *
 * @throws {CertdirError} of the part that could not be opened; everything opened before is closed.
 */
export async function openCheck(options: OpenOptions): Promise<LocalInstance<'check'>> {
  const closing = new ClosingStack();
  return closingOnFailure(closing, async () => {
    const subject = await openCheckSubject(options, closing);
    const check: Operations['check'] = (input, onProgress) =>
      checkStore(subject, input, onProgress);
    return { operations: { check }, close: () => closing.close() };
  });
}

/**
 * Opens the store of a data folder for a look at its journal.
 *
 * @throws {CertdirError} of the configuration or the store.
 */
export async function openJournal(options: OpenOptions): Promise<LocalInstance<'journal'>> {
  const closing = new ClosingStack();
  return closingOnFailure(closing, async () => {
    const { folder, log = silentLog } = options;
    const subject = await openJournalSubject({ folder, log }, closing);
    const operations = { journal: () => describeJournal(subject) };
    return { operations, close: () => closing.close() };
  });
}

/** What was done is under a checkpoint when it ends well. */
export function signLast(instance: InstanceParts): Promise<void> {
  return signQuietly(instance.auditing, instance);
}

/** Runs `open`; when it fails, what it had opened is closed and its error passed on. */
export async function closingOnFailure<T>(
  closing: ClosingStack,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await closing.close();
    throw error;
  }
}
