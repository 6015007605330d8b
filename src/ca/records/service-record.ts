/**
 * What ends the CA's service, or a key's: reported compromises, announced ends, and how far each has come. One row;
 * JSON, since it is written a few times in a CA's life and is worth reading by people.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { CaError } from '../errors.ts';

/**
 * How far a cessation has come; each is durable before the next begins.
 *
 * `suspended`: a compromise was reported, nothing is issued, nobody has approved anything. `withdrawn`: it was none.
 * `announced`: the service ends at a time. `revoking`: certificates are being revoked, in the order of their numbers.
 * `publishing`: all are revoked, lists that say so are coming out. `in-force`: they are out, and go on by the cadence.
 * `closing`: last lists are coming out. `closed`: they are out; the key is needed no more.
 */
export const cessationPhases = [
  'suspended',
  'withdrawn',
  'announced',
  'revoking',
  'publishing',
  'in-force',
  'closing',
  'closed',
] as const;

export type CessationPhase = (typeof cessationPhases)[number];

export const cessationKinds = ['compromise', 'end-of-service'] as const;

/** A key that others may have, or a service that ends (gunma 4-14-2, mic 4.9, secom 4.12). */
export type CessationKind = (typeof cessationKinds)[number];

/** In two languages, as the repository shows it. */
export interface NoticeText {
  readonly ja: string;
  readonly en: string;
}

export interface Cessation {
  readonly kind: CessationKind;
  /** Of the ceremony that it belongs to. */
  readonly id: string;
  /** Of a compromise: the key's generation. Of an end of service: the one that issues when it is announced. */
  readonly generation: number;
  readonly phase: CessationPhase;
  /** Since when it is that. */
  readonly phaseSinceMs: number;
  /** When it was reported or announced. */
  readonly startedMs: number;
  /** From when on nothing is issued. */
  readonly stopsMs: number;
  /** What is valid then is revoked; otherwise it is left to end by itself. */
  readonly revokes: boolean;
  /** Lists of a compromised key are closed at once, so that it can be destroyed. */
  readonly destroysKey: boolean;
  /** What the people responsible want to say beside what is always said. */
  readonly explanation: NoticeText;
  /** The last serial number that was looked at, in hexadecimal; empty before the first. */
  readonly cursor: string;
  /** Certificates that it has revoked. */
  readonly revoked: number;
  /** When the last of the certificates looked at ends. */
  readonly lastEndMs: number;
}

export interface ServiceRecord {
  readonly version: 1;
  /** Oldest first. */
  readonly cessations: readonly Cessation[];
}

export const unendingService: ServiceRecord = { version: 1, cessations: [] };

export function encodeServiceRecord(record: ServiceRecord): Uint8Array {
  return encodeUtf8(JSON.stringify(record));
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseServiceRecord(bytes: Uint8Array): ServiceRecord {
  let record: Partial<ServiceRecord> | undefined;
  try {
    record = JSON.parse(decodeUtf8(bytes) ?? '') as Partial<ServiceRecord>;
  } catch (cause) {
    throw damaged(cause);
  }
  if (record.version !== 1 || !record.cessations?.every(isCessation)) {
    throw damaged(undefined);
  }
  return { version: 1, cessations: record.cessations };
}

function isCessation(one: Partial<Cessation>): one is Cessation {
  const { kind, phase, id, cursor, explanation, generation } = one;
  const numbers = [generation, one.phaseSinceMs, one.startedMs, one.stopsMs, one.revoked];
  return (
    cessationKinds.some((known) => known === kind) &&
    cessationPhases.some((known) => known === phase) &&
    typeof id === 'string' &&
    typeof explanation?.ja === 'string' &&
    typeof explanation.en === 'string' &&
    typeof one.revokes === 'boolean' &&
    typeof one.destroysKey === 'boolean' &&
    /^[0-9a-f]{0,40}$/.test(cursor ?? 'x') &&
    [...numbers, one.lastEndMs].every(Number.isSafeInteger)
  );
}

function damaged(cause: unknown): CaError {
  return new CaError(
    'CA_RECORD_DAMAGED',
    'the record of what ends the service cannot be read: use the version that wrote it',
    { cause },
  );
}
