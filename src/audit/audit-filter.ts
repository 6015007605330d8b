/**
 * Which records somebody wants to see.
 *
 * @module
 */

import type { AuditRecord, AuditResult } from './audit-log.ts';

export interface AuditFilter {
  /** A kind, or with a `.` or `*` at its end every kind below it, e.g. `certificate.`. */
  readonly kind?: string | undefined;
  readonly result?: AuditResult | undefined;
  /** Whole texts, or with `*` at the end what they begin with. */
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  /** First instant and the first no more. */
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

export function matchesFilter(record: AuditRecord, filter: AuditFilter): boolean {
  const { kind, result, subject, actor, fromMs, untilMs } = filter;
  return (
    (result === undefined || record.result === result) &&
    (fromMs === undefined || record.timeMs >= fromMs) &&
    (untilMs === undefined || record.timeMs < untilMs) &&
    (kind === undefined || matchesText(record.kind, kind.endsWith('.') ? `${kind}*` : kind)) &&
    (subject === undefined || matchesText(record.subject, subject)) &&
    (actor === undefined || matchesText(record.origin.actor, actor))
  );
}

function matchesText(text: string, wanted: string): boolean {
  return wanted.endsWith('*') ? text.startsWith(wanted.slice(0, -1)) : text === wanted;
}
