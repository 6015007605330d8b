/**
 * A request as people see it: its record, how it goes on, and the receipts that were earned.
 *
 * @module
 */

import type { RequestStep } from '../policy/permissions.ts';
import type { LocalizedText, Policy } from '../policy/policy.ts';
import type { FoundKind } from './kind-register.ts';
import { type Receipt, receiptsOf } from './receipt.ts';
import type { Progress } from './request-progress.ts';
import { contentHash, type RequestRecord } from './request-record.ts';

export interface RequestReport extends RequestRecord {
  readonly description: LocalizedText;
  /** Of exactly what will be done; who decides says it. */
  readonly hash: string;
  /** The step that somebody has to take; null when nobody has. */
  readonly next: RequestStep | null;
  /** How many people it takes still. */
  readonly missing: number;
  /** For whoever asked. */
  readonly receipts: readonly Receipt[];
}

export function reportOf(
  request: RequestRecord,
  {
    found: { kind },
    progress,
    policy,
    isDiscreet = false,
  }: {
    readonly found: FoundKind;
    readonly progress: Progress;
    readonly policy: Pick<Policy, 'title' | 'utcOffsetMs'>;
    /** Without what the input says of persons. */
    readonly isDiscreet?: boolean;
  },
): RequestReport {
  const personal = isDiscreet ? (kind.personal ?? []) : [];
  const input = Object.fromEntries(
    Object.entries(request.input).filter(([name]) => !personal.includes(name)),
  );
  const description = kind.describe(kind.schema.parse(input));
  return {
    ...request,
    input,
    description,
    hash: contentHash(request),
    next: progress.next ?? null,
    missing: progress.missing,
    receipts: receiptsOf(request, description, policy),
  };
}
