/**
 * What the CA remembers of a certificate: the certificate as it was issued, which never changes, and
 * what became of it, which is written only when it is no longer good.
 *
 * @module
 */

import type { DerReader } from '../../asn1/der-reader.ts';
import {
  encodeEnumerated,
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  encodeUtf8String,
} from '../../asn1/der-writer.ts';
import { Tag } from '../../asn1/tags.ts';
import type { RecordedState } from '../certificates/certificate-state.ts';
import { CaError } from '../errors.ts';
import { readNumber, readRecord } from './record-reading.ts';

export interface CertificateRecord {
  readonly profile: string;
  /** The list that carries its revocation. */
  readonly scopeId: string;
  /** The key generation that signed it. */
  readonly generation: number;
  readonly issuedMs: number;
  readonly notAfterMs: number;
  readonly der: Uint8Array;
}

export interface StatusRecord {
  readonly state: Exclude<RecordedState, 'good'>;
  readonly sinceMs: number;
  /** CRLReason. */
  readonly reason: number;
  /** The revocation's number in the scope. */
  readonly sequence: bigint;
  /** Its numbers in lists that carry it beside the scope's. */
  readonly alsoListed?: readonly ListedNumber[];
}

export interface ListedNumber {
  readonly scopeId: string;
  readonly sequence: bigint;
}

/** The number that a revocation or hold has in a scope; undefined when it has none there. */
export function sequenceIn(
  status: StatusRecord,
  { id, isFull }: { readonly id: string; readonly isFull: boolean },
): bigint | undefined {
  return isFull
    ? status.alsoListed?.find(({ scopeId }) => scopeId === id)?.sequence
    : status.sequence;
}

const stateNumbers = { revoked: 1, held: 2, 'not-delivered': 3 } as const satisfies Record<
  StatusRecord['state'],
  number
>;

export function encodeCertificateRecord(record: CertificateRecord): Uint8Array {
  return encodeSequence(
    encodeUtf8String(record.profile),
    encodeUtf8String(record.scopeId),
    encodeInteger(record.generation),
    encodeInteger(record.issuedMs),
    encodeInteger(record.notAfterMs),
    encodeOctetString(record.der),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseCertificateRecord(bytes: Uint8Array): CertificateRecord {
  return readRecord('certificate', bytes, (fields) => ({
    profile: fields.readString().value,
    scopeId: fields.readString().value,
    generation: readNumber(fields),
    issuedMs: readNumber(fields),
    notAfterMs: readNumber(fields),
    der: fields.readOctetString(),
  }));
}

export function encodeStatusRecord(record: StatusRecord): Uint8Array {
  return encodeSequence(
    encodeEnumerated(stateNumbers[record.state]),
    encodeInteger(record.sinceMs),
    encodeInteger(record.reason),
    encodeInteger(record.sequence),
    ...(record.alsoListed ?? []).map(({ scopeId, sequence }) =>
      encodeSequence(encodeUtf8String(scopeId), encodeInteger(sequence)),
    ),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseStatusRecord(bytes: Uint8Array): StatusRecord {
  return readRecord('status', bytes, (fields) => {
    const number = fields.readSmallInteger(Tag.enumerated);
    const state = (['revoked', 'held', 'not-delivered'] as const).find(
      (name) => stateNumbers[name] === number,
    );
    if (state === undefined) {
      throw new CaError('CA_RECORD_DAMAGED', `the status record has the state ${number}`);
    }
    const status = {
      state,
      sinceMs: readNumber(fields),
      reason: readNumber(fields),
      sequence: fields.readInteger(),
    };
    const alsoListed = readAlsoListed(fields);
    return alsoListed.length === 0 ? status : { ...status, alsoListed };
  });
}

function readAlsoListed(fields: DerReader): readonly ListedNumber[] {
  const numbers: ListedNumber[] = [];
  while (!fields.isAtEnd) {
    const one = fields.readConstructed();
    numbers.push({ scopeId: one.readString().value, sequence: one.readInteger() });
    one.expectEnd();
  }
  return numbers;
}
