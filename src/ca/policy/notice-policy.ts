/**
 * What is revoked without the subscriber's coming to a counter: ex officio, by a municipality's notice of a change
 * (異動等情報), and on line, by a request signed with the subscriber's key.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import type { LocalizedText, PolicyFile } from './policy.ts';
import type { PolicyFault } from './template-faults.ts';

/** A kind of change and what it means for certificates of whom it befalls. */
export interface NoticeKind {
  readonly title: LocalizedText;
  readonly reason: CrlReasonName;
}

export interface NoticePolicy {
  /** By the name that notices use. */
  readonly kinds: Readonly<Record<string, NoticeKind>>;
  /** Of the newer of two certificates that one subscriber holds (gunma 4-2-3). */
  readonly duplicate: CrlReasonName;
}

export interface OnlineRevocationPolicy {
  /** What a subscriber may give as the reason; a key that is no longer safe is not reported with it (gunma 4-4-2-3). */
  readonly reasons: readonly CrlReasonName[];
  /** How long after it was signed a request is taken. */
  readonly maxAgeMinutes: number;
}

const reason = z.enum([
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
]);
const text = z.string().min(1).max(200);

const kind: z.ZodType<NoticeKind> = strictObject({
  title: strictObject({ ja: text, en: text }),
  reason,
});

export const noticesSchema: z.ZodType<NoticePolicy> = strictObject({
  kinds: z
    .record(
      z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'a lower-case letter, then letters and digits'),
      kind,
    )
    .refine((kinds) => Object.keys(kinds).length > 0, 'needs at least one entry'),
  duplicate: reason,
});

export const onlineRevocationSchema: z.ZodType<OnlineRevocationPolicy> = strictObject({
  reasons: z.array(reason).min(1).max(5),
  maxAgeMinutes: z
    .int()
    .min(1)
    .max(60 * 24)
    .default(60),
});

/** Reasons that are not in the policy's table. */
export function noticeFaults({ notices, onlineRevocation, revocation }: PolicyFile): PolicyFault[] {
  const used: readonly (readonly [PolicyFault['path'], CrlReasonName])[] = [
    ...Object.entries(notices?.kinds ?? {}).map(
      ([name, one]) => [['notices', 'kinds', name, 'reason'], one.reason] as const,
    ),
    ...(notices === undefined ? [] : [[['notices', 'duplicate'], notices.duplicate] as const]),
    ...(onlineRevocation?.reasons ?? []).map(
      (one, index) => [['onlineRevocation', 'reasons', index], one] as const,
    ),
  ];
  return used
    .filter(([, one]) => !revocation.reasons.includes(one))
    .map(([path]) => ({
      path,
      message: `is one of revocation.reasons: ${revocation.reasons.join(', ')}`,
    }));
}
