/**
 * What the server does by itself so that records are kept: backups, a month's archive when the month is over, and
 * a word in the log, once a day, of what is overdue.
 *
 * Due times come from what is on record, so what a stopped server has missed is made up for at its start.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { AuditOrigin } from '../audit/audit-log.ts';
import { monthOf } from '../audit/civil-month.ts';
import { syncFolder } from '../audit/durable-file.ts';
import type { KeepingFacts } from '../audit/keeping-register.ts';
import { readSecretFile } from '../config/secret-file.ts';
import type { AuditFile } from '../http/audit-operations.ts';
import { formatTime } from '../http/report-time.ts';
import type { Job } from '../scheduler/job.ts';
import { VerifierError } from '../verifier/errors.ts';
import { verifyArchiveFolder, writeArchiveFolder } from './archive-folder.ts';
import { backUp } from './backup.ts';
import { type CaInstance, exporterOf, type InstanceParts } from './ca-instance.ts';
import { type EndedMonth, endedMonths, findOverdue, isExported } from './overdue.ts';

const schedule: AuditOrigin = { channel: 'scheduler', actor: 'certdir' };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Where the policy says nothing. */
const DEFAULT_BACKUP_HOURS = 24;

/** A month as files, by the one who asks for it. */
export type ExportMonth = (month: string, origin: AuditOrigin) => AsyncIterable<AuditFile>;

/** The jobs that configuration and policies ask for, for all CAs at once. */
export function keepingJobs(instance: InstanceParts): readonly Job[] {
  const { backup } = instance.configuration;
  return [overdueJob(instance), ...(backup === undefined ? [] : [backupJob(instance, backup)])];
}

/** Those of one CA. */
export function archiveJobs(ca: CaInstance, exportMonth: ExportMonth): readonly Job[] {
  const { archive } = ca.configuration;
  return archive === undefined || !ca.policy.keeping.monthlyExport
    ? []
    : [archiveJob(ca, { folder: archive.folder, exportMonth })];
}

/** Adds a backup when the last is old enough, also one that a command made. */
export function backupJob(
  instance: InstanceParts,
  { folder, passphraseFile }: NonNullable<CaInstance['configuration']['backup']>,
): Job {
  const { auditing, clock, shared } = instance;
  const everyMs = (shared.keeping.backupHours ?? DEFAULT_BACKUP_HOURS) * HOUR_MS;
  return {
    name: 'backup',
    nextDueMs: async () => {
      const last = (await auditing.keeping.facts()).backups.at(-1);
      // One that is from the future, by a clock that was wrong, is none to wait for.
      return last === undefined || last.madeMs > clock.nowMs() ? 0 : last.madeMs + everyMs;
    },
    run: async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const passphrase =
        passphraseFile === undefined ? undefined : await readSecretFile(passphraseFile);
      const input = { folder, ...(passphrase === undefined ? {} : { passphrase }) };
      await backUp(instance, { ...input, origin: schedule }, () => undefined);
    },
  };
}

/** Writes each month that is over into a folder of its own, and reads it back. */
export function archiveJob(
  instance: CaInstance,
  { folder, exportMonth }: { readonly folder: string; readonly exportMonth: ExportMonth },
): Job {
  const { auditing, clock, policy } = instance;
  const exporter = exporterOf(instance);
  const missing = (facts: KeepingFacts): EndedMonth | undefined =>
    endedMonths(facts, policy.utcOffsetMs, clock.nowMs()).find((one) => !isExported(one, exporter));
  return {
    name: 'archive export',
    nextDueMs: async () => {
      const nowMs = clock.nowMs();
      const due = missing(await auditing.keeping.facts());
      return due?.untilMs ?? monthOf(nowMs, policy.utcOffsetMs).untilMs;
    },
    run: async (signal) => {
      let due = missing(await auditing.keeping.facts());
      while (due !== undefined && !signal.aborted) {
        const { month } = due;
        const place = join(folder, `${policy.id}-${month}`);
        const sha256 = existsSync(place)
          ? await verified(instance, place)
          : await write(instance, { place, files: exportMonth(month, schedule) });
        await auditing.keeping.attest({ what: 'written', sha256, place }, schedule);
        due = missing(await auditing.keeping.facts());
        if (due?.month === month) {
          const text = `${place} was made before ${month} was over; move it away`;
          throw new VerifierError('VERIFIER_UNEXPECTED', text);
        }
      }
    },
  };
}

/** Under another name until it is whole; what a run before has left of it is removed. */
async function write(
  instance: CaInstance,
  { place, files }: { readonly place: string; readonly files: AsyncIterable<AuditFile> },
): Promise<string> {
  const draft = `${place}.unfinished`;
  await rm(draft, { recursive: true, force: true });
  await writeArchiveFolder(draft, files);
  const sha256 = await verified(instance, draft);
  await rename(draft, place);
  await syncFolder(dirname(place));
  return sha256;
}

/** @returns the SHA-256 of the manifest. @throws {VerifierError} when it cannot be read as it was written. */
async function verified({ auditing }: CaInstance, place: string): Promise<string> {
  return (await verifyArchiveFolder(place, auditing.checkpointer.keys)).manifestSha256;
}

/** Tells the log once a day, and at the start, what is overdue by the policy. */
export function overdueJob({ auditing, clock, shared, log }: InstanceParts): Job {
  let nextMs = 0;
  return {
    name: 'overdue records',
    nextDueMs: async () => nextMs,
    run: async () => {
      const nowMs = clock.nowMs();
      for (const one of findOverdue(await auditing.keeping.facts(), shared, nowMs)) {
        const { matter, dueMs, advice } = one;
        log.warn('overdue by the policy', { matter, since: formatTime(dueMs), advice });
      }
      nextMs = nowMs + DAY_MS;
    },
  };
}
