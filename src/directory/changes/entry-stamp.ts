/**
 * The operational attributes that are stored with an entry and say who made it what it is, and when
 * (RFC 4512 §3.4, RFC 4530 entryUUID, OpenLDAP's entryCSN).
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import { stampNewPassword } from '../accounts/password-ageing.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { Attribute, Entry } from '../entries/entry.ts';
import { formatGeneralizedTime } from '../schema/generalized-time.ts';
import type { AttributeType } from '../schema/schema-model.ts';

const noOptions: readonly string[] = [];

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
  return stampLoaded(stampNewPassword(entry, types, facts.nowMs), types, {
    ...facts,
    shared: sharedStamps(types, facts),
  });
}

/** What all entries that one caller makes at one time have alike. */
export function sharedStamps(
  types: DirectoryTypes,
  { nowMs, actorName }: Pick<ChangeFacts, 'nowMs' | 'actorName'>,
): readonly Attribute[] {
  const time = formatGeneralizedTime(nowMs);
  return [
    bundleOf([types.creatorsName, actorName]),
    bundleOf([types.createTimestamp, time]),
    bundleOf([types.modifiersName, actorName]),
    bundleOf([types.modifyTimestamp, time]),
  ];
}

/** {@link stampCreated} with what is alike made once. */
export function stampLoaded(
  entry: Entry,
  types: DirectoryTypes,
  facts: {
    readonly sequence: string;
    readonly entryUuid: string;
    readonly shared: readonly Attribute[];
  },
): Entry {
  const attributes = [...entry.attributes];
  if (entry.attribute(types.entryUuid) === undefined) {
    attributes.push(bundleOf([types.entryUuid, facts.entryUuid]));
  }
  for (const stamp of facts.shared) {
    if (entry.attribute(stamp.type) === undefined) {
      attributes.push(stamp);
    }
  }
  const sequence = bundleOf([types.entryCsn, facts.sequence]);
  const at = attributes.findIndex(({ type }) => type === types.entryCsn);
  attributes.splice(at < 0 ? attributes.length : at, at < 0 ? 0 : 1, sequence);
  return entry.withAttributes(attributes);
}

/** A changed entry's stamps. */
export function stampModified(entry: Entry, types: DirectoryTypes, facts: ChangeFacts): Entry {
  const named = withText(entry, types.modifiersName, facts.actorName);
  const timed = withText(named, types.modifyTimestamp, formatGeneralizedTime(facts.nowMs));
  return withText(timed, types.entryCsn, facts.sequence);
}

function withText(entry: Entry, type: AttributeType, text: string): Entry {
  return entry.withBundle(bundleOf([type, text]));
}

function bundleOf([type, text]: readonly [AttributeType, string]): Attribute {
  return { type, options: noOptions, values: [encodeUtf8(text)] };
}
