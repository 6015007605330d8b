/**
 * The state of a list: how far revocations have come, and what was published last. Every revocation and
 * every publication of the scope reads and writes this one record, so that neither overtakes
 * the other.
 *
 * @module
 */

import { DerReader } from '../../asn1/der-reader.ts';
import { encodeInteger, encodeOctetString, encodeSequence, retag } from '../../asn1/der-writer.ts';
import { contextTag } from '../../asn1/tags.ts';
import { readNumber, readRecord } from './record-reading.ts';

/** A list that was published. */
export interface PublishedList {
  readonly number: bigint;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  readonly entryCount: number;
  readonly byteLength: number;
  readonly sha256: Uint8Array;
  /** The last revocation that it carries. */
  readonly sequence: bigint;
}

/** A list of what has changed since a full one (RFC 5280 §5.2.4). */
export interface PublishedDelta extends PublishedList {
  /** The number of the full list that it starts from. */
  readonly baseNumber: bigint;
}

/** Revocations, holds and releases whose list does not wait for the cadence. */
export interface UrgentRevocations {
  /** The last revocation or hold among them; 0 without any. */
  readonly sequence: bigint;
  /** Where there are releases: how many entries the scope had withdrawn with the last of them. */
  readonly withdrawn?: number;
  /** When their list is due. */
  readonly dueMs: number;
}

export interface ScopeRecord {
  /** The name in CRLDP and IDP; never changes while certificates carry it. */
  readonly distributionPointDer: Uint8Array;
  /** The last CRL number given out; 0 before the first. Never goes back, whatever is published. */
  readonly lastNumber: bigint;
  /** The last revocation acknowledged; 0 before the first. */
  readonly acknowledgedSequence: bigint;
  /** Of the acknowledged, holds that were released or became revocations. */
  readonly withdrawn?: number;
  /** Revoked certificates that the next list must carry. */
  readonly liveEntries: number;
  /** When the oldest revocation that is in no list yet was acknowledged. */
  readonly oldestPendingMs?: number;
  /** Revocations that are in no list yet and do not wait for the cadence. */
  readonly urgent?: UrgentRevocations;
  readonly published?: PublishedList;
  /** The delta list that is on show beside it. */
  readonly delta?: PublishedDelta;
  /** The last list that came out by the cadence, not in between (RFC 5280 §3.3). */
  readonly regular?: { readonly thisUpdateMs: number; readonly sequence: bigint };
}

const FieldTag = {
  pending: contextTag(0, 'primitive'),
  published: contextTag(1, 'constructed'),
  regular: contextTag(2, 'constructed'),
  urgent: contextTag(3, 'constructed'),
  withdrawn: contextTag(4, 'primitive'),
  delta: contextTag(5, 'constructed'),
} as const;

export function encodeScopeRecord(record: ScopeRecord): Uint8Array {
  const { oldestPendingMs, published, regular, urgent, withdrawn, delta } = record;
  return encodeSequence(
    encodeOctetString(record.distributionPointDer),
    encodeInteger(record.lastNumber),
    encodeInteger(record.acknowledgedSequence),
    encodeInteger(record.liveEntries),
    ...(oldestPendingMs === undefined
      ? []
      : [retag(FieldTag.pending, encodeInteger(oldestPendingMs))]),
    ...(published === undefined ? [] : [retag(FieldTag.published, encodePublishedList(published))]),
    ...(regular === undefined
      ? []
      : [
          retag(
            FieldTag.regular,
            encodeSequence(encodeInteger(regular.thisUpdateMs), encodeInteger(regular.sequence)),
          ),
        ]),
    ...(urgent === undefined
      ? []
      : [
          retag(
            FieldTag.urgent,
            encodeSequence(
              encodeInteger(urgent.sequence),
              encodeInteger(urgent.dueMs),
              ...(urgent.withdrawn === undefined ? [] : [encodeInteger(urgent.withdrawn)]),
            ),
          ),
        ]),
    ...(withdrawn === undefined ? [] : [retag(FieldTag.withdrawn, encodeInteger(withdrawn))]),
    ...(delta === undefined ? [] : [retag(FieldTag.delta, encodePublishedDelta(delta))]),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseScopeRecord(bytes: Uint8Array): ScopeRecord {
  return readRecord('scope', bytes, (fields) => {
    const distributionPointDer = fields.readOctetString();
    const lastNumber = fields.readInteger();
    const acknowledgedSequence = fields.readInteger();
    const liveEntries = readNumber(fields);
    const oldestPendingMs =
      fields.peekTag() === FieldTag.pending
        ? Number(fields.readInteger(FieldTag.pending))
        : undefined;
    const published = fields.readOptional(FieldTag.published);
    const regular = fields.readOptional(FieldTag.regular);
    const urgent = fields.readOptional(FieldTag.urgent);
    const withdrawn =
      fields.peekTag() === FieldTag.withdrawn
        ? Number(fields.readInteger(FieldTag.withdrawn))
        : undefined;
    const delta = fields.readOptional(FieldTag.delta);
    return {
      distributionPointDer,
      lastNumber,
      acknowledgedSequence,
      liveEntries,
      ...(oldestPendingMs === undefined ? {} : { oldestPendingMs }),
      ...(published === undefined
        ? {}
        : { published: readPublishedList(new DerReader(published.content)) }),
      ...(regular === undefined ? {} : { regular: readRegular(new DerReader(regular.content)) }),
      ...(urgent === undefined ? {} : { urgent: readUrgent(new DerReader(urgent.content)) }),
      ...(withdrawn === undefined ? {} : { withdrawn }),
      ...(delta === undefined ? {} : { delta: readPublishedDelta(new DerReader(delta.content)) }),
    };
  });
}

export function encodePublishedList(list: PublishedList): Uint8Array {
  return encodeSequence(
    encodeInteger(list.number),
    encodeInteger(list.thisUpdateMs),
    encodeInteger(list.nextUpdateMs),
    encodeInteger(list.entryCount),
    encodeInteger(list.byteLength),
    encodeOctetString(list.sha256),
    encodeInteger(list.sequence),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parsePublishedList(bytes: Uint8Array): PublishedList {
  return readRecord('published list', bytes, readPublishedList);
}

export function encodePublishedDelta(delta: PublishedDelta): Uint8Array {
  return encodeSequence(encodePublishedList(delta), encodeInteger(delta.baseNumber));
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parsePublishedDelta(bytes: Uint8Array): PublishedDelta {
  return readRecord('published delta list', bytes, readPublishedDelta);
}

function readPublishedDelta(fields: DerReader): PublishedDelta {
  const list = readPublishedList(fields.readConstructed());
  const delta = { ...list, baseNumber: fields.readInteger() };
  fields.expectEnd();
  return delta;
}

function readPublishedList(fields: DerReader): PublishedList {
  const list = {
    number: fields.readInteger(),
    thisUpdateMs: readNumber(fields),
    nextUpdateMs: readNumber(fields),
    entryCount: readNumber(fields),
    byteLength: readNumber(fields),
    sha256: fields.readOctetString(),
    sequence: fields.readInteger(),
  };
  fields.expectEnd();
  return list;
}

function readRegular(fields: DerReader): NonNullable<ScopeRecord['regular']> {
  const regular = { thisUpdateMs: readNumber(fields), sequence: fields.readInteger() };
  fields.expectEnd();
  return regular;
}

function readUrgent(fields: DerReader): UrgentRevocations {
  const urgent = { sequence: fields.readInteger(), dueMs: readNumber(fields) };
  const released = fields.isAtEnd ? {} : { withdrawn: readNumber(fields) };
  fields.expectEnd();
  return { ...urgent, ...released };
}
