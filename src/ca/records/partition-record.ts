/**
 * What the store knows of lists beyond their state: what a list was when certificates were first issued into it, which
 * no policy changes afterwards, and how far a family of numbered lists has come.
 *
 * @module
 */

import { encodeInteger, encodeSequence, encodeUtf8String } from '../../asn1/der-writer.ts';
import type { Scope } from '../policy/scope.ts';
import { readNumber, readRecord } from './record-reading.ts';

/** What certificates and their verifiers rely on. The distribution point is in the scope's own record. */
export interface ScopeTerms {
  readonly partition: string;
  /** What the list is for, among those of its family: a municipality's code, a value, a number; empty for one alone. */
  readonly key: string;
  readonly attribute: string;
  readonly onlyContains: string;
}

/** Of a definition by count. */
export interface NumberedState {
  /** The list that certificates are issued into. */
  readonly open: number;
  /** How many have been. */
  readonly certificates: number;
}

export function termsOf(scope: Scope): ScopeTerms {
  const { definition, attribute, onlyContains, isNamed } = scope;
  const { municipality, value, number, generation } = scope;
  const key = municipality?.code5 ?? value ?? number ?? generation ?? (isNamed ? '' : 'unnamed');
  return { partition: definition.partition, key: String(key), attribute, onlyContains };
}

export function encodeScopeTerms(terms: ScopeTerms): Uint8Array {
  const { partition, key, attribute, onlyContains } = terms;
  return encodeSequence(...[partition, key, attribute, onlyContains].map(encodeUtf8String));
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseScopeTerms(bytes: Uint8Array): ScopeTerms {
  return readRecord('terms of a list', bytes, (fields) => ({
    partition: fields.readString().value,
    key: fields.readString().value,
    attribute: fields.readString().value,
    onlyContains: fields.readString().value,
  }));
}

export function encodeNumberedState({ open, certificates }: NumberedState): Uint8Array {
  return encodeSequence(encodeInteger(open), encodeInteger(certificates));
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseNumberedState(bytes: Uint8Array): NumberedState {
  return readRecord('numbered lists', bytes, (fields) => ({
    open: readNumber(fields),
    certificates: readNumber(fields),
  }));
}
