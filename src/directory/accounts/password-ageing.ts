/**
 * How old a password is, and which ones came before it: operational attributes that are written with
 * every change of userPassword, by whatever road it comes.
 *
 * - `certdirPasswordChanged`: since when the password is in use. An entry from before has the time of its
 *   creation instead.
 * - `certdirPasswordHistory`: earlier hashes, each `time#hash`, newest first.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { Entry } from '../entries/entry.ts';
import { formatGeneralizedTime, parseGeneralizedTime } from '../schema/generalized-time.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { PasswordPolicy } from './password-policy.ts';

const DAY_MS = 86_400_000;

/** A new entry with its password's age; what an import brings of its own stays. */
export function stampNewPassword(entry: Entry, types: DirectoryTypes, nowMs: number): Entry {
  const hasPassword = entry.attribute(types.userPassword) !== undefined;
  return hasPassword && entry.attribute(types.passwordChanged) === undefined
    ? withTexts(entry, types.passwordChanged, [formatGeneralizedTime(nowMs)])
    : entry;
}

/** A changed entry with its password's age and history brought up to date. */
export function stampChangedPassword(
  before: Entry,
  after: Entry,
  context: {
    readonly types: DirectoryTypes;
    readonly policy: PasswordPolicy;
    readonly nowMs: number;
  },
): Entry {
  const { types, policy, nowMs } = context;
  const previous = textOf(before, types.userPassword);
  const current = textOf(after, types.userPassword);
  if (previous === current) {
    return after;
  }
  const time = formatGeneralizedTime(nowMs);
  const dated = withTexts(after, types.passwordChanged, current === undefined ? [] : [time]);
  const replaced = previous === undefined ? [] : [`${time}#${previous}`];
  // The password in use is one of those that the history counts.
  const kept = Math.max(0, policy.history - 1);
  const history = [...replaced, ...textsOf(before, types.passwordHistory)].slice(0, kept);
  return withTexts(dated, types.passwordHistory, history);
}

/** The hashes of the passwords that may not be chosen again, the one in use first. */
export function usedPasswords(
  entry: Entry,
  types: DirectoryTypes,
  { history }: PasswordPolicy,
): readonly Uint8Array[] {
  const earlier = textsOf(entry, types.passwordHistory)
    .map((text) => text.slice(text.indexOf('#') + 1))
    .map(encodeUtf8);
  return [...entry.values(types.userPassword), ...earlier].slice(0, history);
}

/** When the password ends; undefined when it does not, or there is none. */
export function passwordEndMs(
  entry: Entry,
  types: DirectoryTypes,
  { ageing }: PasswordPolicy,
): number | undefined {
  if (ageing === undefined || textOf(entry, types.userPassword) === undefined) {
    return undefined;
  }
  const isAgeing = ageing.accounts.some((account) =>
    entry.attribute(account === 'operator' ? types.operatorRole : types.verifierKind),
  );
  if (!isAgeing) {
    return undefined;
  }
  const changed = textOf(entry, types.passwordChanged) ?? textOf(entry, types.createTimestamp);
  // A time that cannot be read is one long past.
  const changedMs = parseGeneralizedTime(changed ?? '')?.atMs ?? 0;
  return changedMs + ageing.maxAgeDays * DAY_MS;
}

function textOf(entry: Entry | undefined, type: AttributeType): string | undefined {
  return textsOf(entry, type)[0];
}

function textsOf(entry: Entry | undefined, type: AttributeType): readonly string[] {
  return (entry?.values(type) ?? []).map((value) => decodeUtf8(value) ?? '');
}

function withTexts(entry: Entry, type: AttributeType, texts: readonly string[]): Entry {
  return entry.withBundle({ type, options: [], values: texts.map(encodeUtf8) });
}
