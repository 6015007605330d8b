/**
 * What of the keeping of records is overdue by the policy (`keeping`): reviews, backups, exports, receipts, readings.
 *
 * @module
 */

import { monthOf } from '../audit/civil-month.ts';
import type { KeepingFacts } from '../audit/keeping-register.ts';
import type { ArchivedMonth, Attestation, KeptCopy } from '../audit/keeping-state.ts';
import type { Policy } from '../ca/policy/policy.ts';
import type { SharedPolicy } from '../ca/policy/shared-policy.ts';

export const overdueMatters = [
  'auditReview',
  'auditExport',
  'backup',
  'archiveExport',
  'receipt',
  'readability',
] as const;

export type OverdueMatter = (typeof overdueMatters)[number];

export interface Overdue {
  readonly matter: OverdueMatter;
  /** Since when. */
  readonly dueMs: number;
  /** What to do about it. */
  readonly advice: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What a server does by itself may fail and be tried again for so long before somebody is told. */
const BACKUP_GRACE_MS = 2 * HOUR_MS;
const EXPORT_GRACE_MS = DAY_MS;
/** A hundred years. */
const MAX_MONTHS = 1_200;

type KeepingPolicy = Pick<Policy, 'keeping' | 'utcOffsetMs'> & Pick<SharedPolicy, 'exporters'>;

/** The CA that the data folder was made with. */
const onlyFounder = [undefined];

/** Of each matter the one that is overdue for the longest. */
export function findOverdue(
  facts: KeepingFacts,
  policy: KeepingPolicy,
  nowMs: number,
): readonly Overdue[] {
  const { sinceMs } = facts;
  if (sinceMs === undefined) {
    return [];
  }
  const known = { ...facts, sinceMs };
  return [
    ...overdueReview(known, policy),
    ...overdueBackup(known, policy),
    ...overdueExports(known, policy, nowMs),
    ...overdueReading(known, policy),
  ].filter(({ dueMs }) => dueMs <= nowMs);
}

type KnownFacts = KeepingFacts & { readonly sinceMs: number };

function overdueReview(
  { reviewedMs, sinceMs }: KnownFacts,
  { keeping: { auditReviewDays } }: KeepingPolicy,
): readonly Overdue[] {
  return auditReviewDays === undefined
    ? []
    : [
        {
          matter: 'auditReview',
          dueMs: (reviewedMs ?? sinceMs) + auditReviewDays * DAY_MS,
          advice: 'an auditor looks through the audit log: certdir audit list, audit review',
        },
      ];
}

function overdueBackup(
  { backups, sinceMs }: KnownFacts,
  { keeping: { backupHours } }: KeepingPolicy,
): readonly Overdue[] {
  return backupHours === undefined
    ? []
    : [
        {
          matter: 'backup',
          dueMs: (backups.at(-1)?.madeMs ?? sinceMs) + backupHours * HOUR_MS + BACKUP_GRACE_MS,
          advice: 'set backup.folder in certdir.yaml, or run certdir backup create',
        },
      ];
}

function overdueExports(
  facts: KnownFacts,
  { keeping, utcOffsetMs, exporters = onlyFounder }: KeepingPolicy,
  nowMs: number,
): readonly Overdue[] {
  if (!keeping.monthlyExport) {
    return [];
  }
  const { auditExportedMs, sinceMs } = facts;
  const overdue: Overdue[] = [
    {
      matter: 'auditExport',
      dueMs: monthOf(auditExportedMs ?? sinceMs, utcOffsetMs).untilMs + EXPORT_GRACE_MS,
      advice: 'write the audit log to its medium: certdir audit export',
    },
  ];
  const ended = endedMonths(facts, utcOffsetMs, nowMs);
  const missing = ended.find((month) => exporters.some((ca) => !isExported(month, ca)));
  if (missing !== undefined) {
    overdue.push({
      matter: 'archiveExport',
      dueMs: missing.untilMs + EXPORT_GRACE_MS,
      advice: `set archive.folder in certdir.yaml, or run certdir archive export FOLDER --month ${missing.month}`,
    });
  }
  const { receiptDays } = keeping;
  const open = ended.find((month) =>
    exporters.some((ca) => lastAttested(wholeCopies(month, ca), 'received') === undefined),
  );
  if (receiptDays !== undefined && open !== undefined) {
    overdue.push({
      matter: 'receipt',
      dueMs: open.untilMs + receiptDays * DAY_MS,
      advice: `put the export of ${open.month} where it belongs, then certdir archive receipt`,
    });
  }
  return overdue;
}

/** Of the copies that were put away, one has to be read again from time to time. */
function overdueReading(
  { months }: KnownFacts,
  { keeping: { readabilityMonths } }: KeepingPolicy,
): readonly Overdue[] {
  const copies = months.flatMap((month) => month.copies);
  const [first] = copies;
  if (readabilityMonths === undefined || first === undefined) {
    return [];
  }
  const due = new Date(lastAttested(copies, 'read') ?? first.madeMs);
  due.setUTCMonth(due.getUTCMonth() + readabilityMonths);
  const advice = 'read an export of the archive from its medium: certdir archive verify --record';
  return [{ matter: 'readability', dueMs: due.getTime(), advice }];
}

/** A month that is over. */
export interface EndedMonth extends ArchivedMonth {
  readonly untilMs: number;
}

/** Every month from the first on record to the last that is over, with its copies. */
export function endedMonths(
  { months, sinceMs }: Pick<KeepingFacts, 'months' | 'sinceMs'>,
  utcOffsetMs: number,
  nowMs: number,
): readonly EndedMonth[] {
  const [first] = months;
  const firstMs = first === undefined ? Number.POSITIVE_INFINITY : Date.parse(`${first.month}-01`);
  const fromMs = Math.min(sinceMs ?? Number.POSITIVE_INFINITY, firstMs - utcOffsetMs);
  const ended: EndedMonth[] = [];
  if (!Number.isFinite(fromMs)) {
    return ended;
  }
  for (let month = monthOf(fromMs, utcOffsetMs); month.untilMs <= nowMs; ) {
    const { name, untilMs } = month;
    const copies = months.find((one) => one.month === name)?.copies ?? [];
    if (ended.push({ month: name, copies, untilMs }) === MAX_MONTHS) {
      break;
    }
    month = monthOf(untilMs, utcOffsetMs);
  }
  return ended;
}

/** An export of the whole month that was written, or that somebody has put away. */
export function isExported(month: EndedMonth, ca?: string): boolean {
  return wholeCopies(month, ca).some(
    ({ attestedMs: { written, received } }) => written !== undefined || received !== undefined,
  );
}

/** Those that were made before the month was over lack something. */
function wholeCopies({ copies, untilMs }: EndedMonth, ca: string | undefined): readonly KeptCopy[] {
  return copies.filter((copy) => copy.madeMs >= untilMs && copy.ca === ca);
}

function lastAttested(copies: readonly KeptCopy[], what: Attestation): number | undefined {
  const times = copies.flatMap(({ attestedMs }) => attestedMs[what] ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}
