/**
 * The CA's keys: one generation after the other, each with its self-signed certificate and the link certificates that
 * lead to it from the one before and back.
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
import { CaError } from '../errors.ts';
import { readNumber, readRecord } from './record-reading.ts';

/** What a record without a layout has. */
const FIRST_LAYOUT = 1;

/**
 * Where a generation of the key stands.
 *
 * `made`: key and certificates are there, nobody has seen them. `current`: it issues. `retiring`: another one issues;
 * its lists and answers go on. `retired`: everything that it signed has ended, it signs nothing any more.
 */
export type GenerationState = 'made' | 'current' | 'retiring' | 'retired';

/** How a generation and the one before it vouch for each other (RFC 9810 §4.4). */
export interface LinkCertificates {
  /** The older key, certified by this one. */
  readonly oldWithNew: Uint8Array;
  /** This key, certified by the older one. */
  readonly newWithOld: Uint8Array;
}

export interface KeyGeneration {
  /** 1, 2, 3, … */
  readonly number: number;
  /** The key's name in the token. */
  readonly keyLabel: string;
  /** When the key was made. */
  readonly createdMs: number;
  /** The self-signed certificate. */
  readonly certificate: Uint8Array;
  readonly state: GenerationState;
  /** Since when it is that. */
  readonly stateSinceMs: number;
  /** Undefined for the first generation, and where the policy has no link certificates. */
  readonly links?: LinkCertificates;
}

/** How the tables of the CA are laid out; see `index-layout.ts` and `list-layout.ts`. */
export const CURRENT_LAYOUT = 3;

export interface AuthorityRecord {
  readonly layout: number;
  readonly createdMs: number;
  /** Oldest first. At least one. */
  readonly generations: readonly KeyGeneration[];
}

/** Never given a second meaning. */
const stateNumbers: Readonly<Record<GenerationState, number>> = {
  made: 1,
  current: 2,
  retiring: 3,
  retired: 4,
};

export const generationStates: readonly GenerationState[] = Object.keys(
  stateNumbers,
) as GenerationState[];

export function encodeAuthorityRecord(record: AuthorityRecord): Uint8Array {
  return encodeSequence(
    encodeInteger(record.createdMs),
    encodeSequence(...record.generations.map(encodeGeneration)),
    ...(record.layout === FIRST_LAYOUT ? [] : [encodeInteger(record.layout)]),
  );
}

function encodeGeneration(generation: KeyGeneration): Uint8Array {
  const { links } = generation;
  return encodeSequence(
    encodeInteger(generation.number),
    encodeUtf8String(generation.keyLabel),
    encodeInteger(generation.createdMs),
    encodeOctetString(generation.certificate),
    encodeEnumerated(stateNumbers[generation.state]),
    encodeInteger(generation.stateSinceMs),
    ...(links === undefined
      ? []
      : [encodeOctetString(links.oldWithNew), encodeOctetString(links.newWithOld)]),
  );
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseAuthorityRecord(bytes: Uint8Array): AuthorityRecord {
  return readRecord('authority', bytes, (fields) => {
    const createdMs = readNumber(fields);
    const list = fields.readConstructed();
    const generations: KeyGeneration[] = [];
    do {
      const one = list.readConstructed();
      generations.push(readGeneration(one));
      one.expectEnd();
    } while (!list.isAtEnd);
    const layout = fields.isAtEnd ? FIRST_LAYOUT : readNumber(fields);
    if (layout > CURRENT_LAYOUT) {
      throw new CaError(
        'CA_RECORD_DAMAGED',
        `the CA's tables have layout ${layout}; this version reads ${CURRENT_LAYOUT}: use a newer one`,
      );
    }
    return { layout, createdMs, generations };
  });
}

function readGeneration(fields: DerReader): KeyGeneration {
  const key = {
    number: readNumber(fields),
    keyLabel: fields.readString().value,
    createdMs: readNumber(fields),
    certificate: fields.readOctetString(),
  };
  if (fields.isAtEnd) {
    // Written when a CA had one generation and no state of it.
    return { ...key, state: 'current', stateSinceMs: key.createdMs };
  }
  const state = stateOf(fields.readSmallInteger(Tag.enumerated));
  const stateSinceMs = readNumber(fields);
  if (fields.isAtEnd) {
    return { ...key, state, stateSinceMs };
  }
  const links = { oldWithNew: fields.readOctetString(), newWithOld: fields.readOctetString() };
  return { ...key, state, stateSinceMs, links };
}

function stateOf(number: number): GenerationState {
  const state = generationStates.find((name) => stateNumbers[name] === number);
  if (state === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `a generation of the key has the state ${number}`);
  }
  return state;
}
