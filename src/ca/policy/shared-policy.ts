/**
 * What several CAs of one server share goes by one policy: the audit log and the accounts with their clock, how long they
 * are kept, when they are looked at and copied. Made from the policies of all, so that each has at least what it asks for.
 *
 * Not here: what has to differ between them (`policy-neighbours.ts`).
 *
 * @module
 */

import { ConfigError } from '../../config/errors.ts';
import type { Policy } from './policy.ts';
import {
  type KeepingSchedule,
  type RecordKind,
  type RetentionClass,
  type RetentionClasses,
  recordKinds,
  retentionOf,
} from './retention.ts';

export interface SharedPolicy {
  /** Of the first CA, which the data folder was made with: names the audit log and its keys. */
  readonly id: string;
  readonly utcOffsetMs: number;
  readonly keeping: KeepingSchedule;
  /** The longest of each kind of records. */
  readonly retention: RetentionClasses;
  readonly audit: { readonly publicTiles: boolean };
  /** Whose months are written out, as `KeptCopy.ca` names them; the only CA's when left out. */
  readonly exporters?: readonly (string | undefined)[];
}

const WEEKS_A_YEAR = 52.1775;

/**
 * @param policies At least one; the first is the one that the data folder was made with.
 * @throws {ConfigError} `CONFIG_INVALID` when their days are not the same days.
 */
export function sharePolicies(policies: readonly Policy[]): SharedPolicy {
  const [first, ...others] = policies;
  if (first === undefined) {
    throw new RangeError('no policy');
  }
  if (others.length === 0) {
    return first;
  }
  const stranger = others.find(({ utcOffsetMs }) => utcOffsetMs !== first.utcOffsetMs);
  if (stranger !== undefined) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `policies: utcOffset of ${stranger.id} is not that of ${first.id}; CAs of one server count their days and months by ` +
        'one clock, give this one a data folder of its own',
    );
  }
  return {
    id: first.id,
    utcOffsetMs: first.utcOffsetMs,
    keeping: strictestKeeping(policies.map(({ keeping }) => keeping)),
    retention: Object.fromEntries(recordKinds.map((kind) => [kind, longestOf(policies, kind)])),
    exporters: policies
      .filter(({ keeping }) => keeping.monthlyExport)
      .map(({ id }) => (id === first.id ? undefined : id)),
    // Hashes that one of them keeps back are kept back: the tree is one.
    audit: { publicTiles: policies.every(({ audit }) => audit.publicTiles) },
  };
}

function strictestKeeping(all: readonly KeepingSchedule[]): KeepingSchedule {
  const least = (name: keyof KeepingSchedule): number | undefined => {
    const values = all.flatMap((one) => {
      const value = one[name];
      return typeof value === 'number' ? [value] : [];
    });
    return values.length === 0 ? undefined : Math.min(...values);
  };
  return {
    auditReviewDays: least('auditReviewDays'),
    backupHours: least('backupHours'),
    monthlyExport: all.some(({ monthlyExport }) => monthlyExport),
    receiptDays: least('receiptDays'),
    readabilityMonths: least('readabilityMonths'),
  };
}

/** The class that has the store keep them for the longest. */
function longestOf(policies: readonly Policy[], kind: RecordKind): RetentionClass {
  const classes = policies.map(({ retention }) => ({
    ...retentionOf(retention, kind),
    covers: [kind],
  }));
  const weeks = ({ onLineWeeks, years }: RetentionClass): number =>
    onLineWeeks ?? years * WEEKS_A_YEAR;
  return classes.reduce((longest, one) => (weeks(one) > weeks(longest) ? one : longest));
}
