/**
 * The operational attributes that are stored with an entry and say who made it what it is, and when
 * (RFC 4512 §3.4, RFC 4530 entryUUID, OpenLDAP's entryCSN).
 *
 * @module
 */

import { encodeUtf8 } from '../core/bytes.ts';
import type { DirectoryTypes } from './directory-types.ts';
import type { Entry } from './entry.ts';
import { formatGeneralizedTime } from './generalized-time.ts';
import { stampNewPassword } from './password-ageing.ts';
import type { AttributeType } from './schema-model.ts';

export interface ChangeFacts {
  /** entryCSN. */
  readonly sequence: string;
  readonly nowMs: number;
  /** A distinguished name; empty for anonymous. */
  readonly actorName: string;
}

/** A new entry's stamps. Those that it has already (an import) are left alone, except entryCSN. */
export function stampCreated(
  entry: Entry,
  types: DirectoryTypes,
  facts: ChangeFacts & { readonly entryUuid: string },
): Entry {
  const time = formatGeneralizedTime(facts.nowMs);
  const defaults: readonly (readonly [AttributeType, string])[] = [
    [types.entryUuid, facts.entryUuid],
    [types.creatorsName, facts.actorName],
    [types.createTimestamp, time],
    [types.modifiersName, facts.actorName],
    [types.modifyTimestamp, time],
  ];
  let stamped = stampNewPassword(entry, types, facts.nowMs);
  for (const [type, text] of defaults) {
    if (stamped.attribute(type) === undefined) {
      stamped = withText(stamped, type, text);
    }
  }
  return withText(stamped, types.entryCsn, facts.sequence);
}

/** A changed entry's stamps. */
export function stampModified(entry: Entry, types: DirectoryTypes, facts: ChangeFacts): Entry {
  const named = withText(entry, types.modifiersName, facts.actorName);
  const timed = withText(named, types.modifyTimestamp, formatGeneralizedTime(facts.nowMs));
  return withText(timed, types.entryCsn, facts.sequence);
}

function withText(entry: Entry, type: AttributeType, text: string): Entry {
  return entry.withBundle({ type, options: [], values: [encodeUtf8(text)] });
}
