/**
 * What is kept and for how long (gunma 4-11-4, 4-12-2-2): classes of records, each a retention time and the kinds of
 * records that it covers, as data of the policy; and when what is kept is looked at and copied.
 *
 * Times are the least that something is kept. Nothing ends by itself: what may be removed is removed by a command
 * that a role is asked for, or it stays.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';

/** Everything that a retention class can cover. */
export const recordKinds = [
  /** The audit log's records; their hashes stay for ever. */
  'auditRecords',
  /** Certificates that were issued, of every kind, with what became of them. */
  'certificates',
  /** Lists that were published (CRL, ARL). */
  'lists',
  /** Files of the access journal: who was given revocation information, one by one. */
  'accessJournal',
  /** Counts of what was provided to whom, by month. */
  'provisionAccounts',
] as const;

export type RecordKind = (typeof recordKinds)[number];

export interface RetentionClass {
  readonly covers: readonly RecordKind[];
  readonly years: number;
  /** What the years count from: the record itself, or the end of the certificate it is about. */
  readonly from: 'record' | 'certificateEnd';
  /** Afterwards an export may keep it instead of the store. Left out: it stays in the store for all its years. */
  readonly onLineWeeks?: number | undefined;
}

/** By the class's name. */
export type RetentionClasses = Readonly<Record<string, RetentionClass>>;

/** How often what is kept is looked at and copied; nobody is warned of what is left out. */
export interface KeepingSchedule {
  /** From one review of the audit log to the next. */
  readonly auditReviewDays?: number | undefined;
  /** From one backup to the next. */
  readonly backupHours?: number | undefined;
  /** Whether every month's archive is written out, and the audit log exported, when the month is over. */
  readonly monthlyExport: boolean;
  /** From a month's end until somebody has confirmed that its export lies where it belongs. */
  readonly receiptDays?: number | undefined;
  /** From one reading of an export that was put away to the next. */
  readonly readabilityMonths?: number | undefined;
}

const positive = (max: number): z.ZodType<number> => z.int().min(1).max(max);

const retentionClass = strictObject({
  covers: z.array(z.enum(recordKinds)).min(1),
  years: positive(100),
  from: z.enum(['record', 'certificateEnd']).default('record'),
  onLineWeeks: positive(5_200).optional(),
});

export const retentionSchema: z.ZodType<RetentionClasses> = z
  .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'letters and digits'), retentionClass)
  .superRefine((classes, context) => {
    for (const { path, message } of retentionFaults(classes)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  });

export const keepingSchema: z.ZodType<KeepingSchedule> = strictObject({
  auditReviewDays: positive(366).optional(),
  backupHours: positive(24 * 366).optional(),
  monthlyExport: z.boolean().default(false),
  receiptDays: positive(366).optional(),
  readabilityMonths: positive(120).optional(),
});

interface RetentionFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function retentionFaults(classes: RetentionClasses): readonly RetentionFault[] {
  const faults: RetentionFault[] = [];
  const covered = new Map<RecordKind, string>();
  for (const [name, { covers, from, onLineWeeks }] of Object.entries(classes)) {
    for (const [index, kind] of covers.entries()) {
      const other = covered.get(kind);
      if (other !== undefined) {
        const message = `is covered by ${other} already; each kind has one retention time`;
        faults.push({ path: [name, 'covers', index], message });
      }
      covered.set(kind, name);
    }
    if (from === 'certificateEnd' && covers.includes('auditRecords') && onLineWeeks === undefined) {
      const message =
        'is needed: records that are kept by the end of a certificate leave the store by another time';
      faults.push({ path: [name, 'onLineWeeks'], message });
    }
  }
  const missing = recordKinds.filter((kind) => !covered.has(kind));
  if (missing.length > 0) {
    faults.push({ path: [], message: `covers nowhere: ${missing.join(', ')}` });
  }
  return faults;
}

/** The class of a kind of records. */
export function retentionOf(
  classes: RetentionClasses,
  kind: RecordKind,
): RetentionClass & { readonly name: string } {
  for (const [name, one] of Object.entries(classes)) {
    if (one.covers.includes(kind)) {
      return { ...one, name };
    }
  }
  throw new RangeError(`no retention class covers ${kind}`);
}

const WEEK_MS = 7 * 86_400_000;

/**
 * What was made (or, by the class, whose certificate ended) before this instant has been kept long enough, in the
 * store at least.
 */
export function keptLongEnoughBeforeMs(
  { years, onLineWeeks }: Pick<RetentionClass, 'years' | 'onLineWeeks'>,
  nowMs: number,
): number {
  return onLineWeeks === undefined ? yearsBefore(nowMs, years) : nowMs - onLineWeeks * WEEK_MS;
}

/** The 29th of February counts as the 1st of March in other years. */
function yearsBefore(nowMs: number, years: number): number {
  const before = new Date(nowMs);
  before.setUTCFullYear(before.getUTCFullYear() - years);
  return before.getTime();
}
