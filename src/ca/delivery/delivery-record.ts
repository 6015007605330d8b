/**
 * What is kept of a delivery: a certificate on its way to whom it is for, with or without its key. One row for each,
 * JSON.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { CaError } from '../errors.ts';

/** `prepared`: on its way. `delivered`: there. `discarded`: never was, and its certificate is revoked. */
export const deliveryStates = ['prepared', 'delivered', 'discarded'] as const;

export type DeliveryState = (typeof deliveryStates)[number];

export interface HandOver {
  readonly atMs: number;
  /** To whom, and by which way. */
  readonly to: string;
  readonly by: string;
}

export interface DeliveryReceipt {
  readonly atMs: number;
  /** Who has signed it, and where it is filed. */
  readonly from?: string | undefined;
  readonly reference?: string | undefined;
}

export interface DeliveryRecord {
  readonly version: 1;
  readonly serialNumber: string;
  readonly profile: string;
  /** `certificate`: without a key. */
  readonly form: 'certificate' | 'card' | 'pkcs12';
  /** Serial number of the certificate that this one is to replace at delivery. */
  readonly renews?: string | undefined;
  readonly state: DeliveryState;
  readonly preparedMs: number;
  readonly endedMs?: number | undefined;
  /** Name in the vault of what belongs to it; absent when nothing was ever laid there. */
  readonly shelf?: string | undefined;
  /** What is there. */
  readonly key: 'none' | 'held' | 'erased';
  readonly password: 'none' | 'held' | 'erased';
  /** With which the subscriber fetches the file. */
  readonly reference?: string | undefined;
  /** SHA-256 of the card's transport key, hexadecimal. */
  readonly transportKeySha256?: string | undefined;
  readonly fetchedMs?: number | undefined;
  /** When key and file are erased. */
  readonly eraseMs?: number | undefined;
  readonly erasedMs?: number | undefined;
  readonly handedOver?: HandOver | undefined;
  readonly receipt?: DeliveryReceipt | undefined;
}

const ms = z.int().min(0);
const text = z.string().max(1000);
const kept = z.enum(['none', 'held', 'erased']);

const schema: z.ZodType<DeliveryRecord> = strictObject({
  version: z.literal(1),
  serialNumber: text,
  profile: text,
  form: z.enum(['certificate', 'card', 'pkcs12']),
  renews: text.optional(),
  state: z.enum(deliveryStates),
  preparedMs: ms,
  endedMs: ms.optional(),
  shelf: text.optional(),
  key: kept,
  password: kept,
  reference: text.optional(),
  transportKeySha256: text.optional(),
  fetchedMs: ms.optional(),
  eraseMs: ms.optional(),
  erasedMs: ms.optional(),
  handedOver: strictObject({ atMs: ms, to: text, by: text }).optional(),
  receipt: strictObject({
    atMs: ms,
    from: text.optional(),
    reference: text.optional(),
  }).optional(),
});

export function encodeDeliveryRecord(record: DeliveryRecord): Uint8Array {
  return encodeUtf8(JSON.stringify(record));
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseDeliveryRecord(bytes: Uint8Array): DeliveryRecord {
  try {
    return schema.parse(JSON.parse(decodeUtf8(bytes) ?? ''));
  } catch (cause) {
    throw new CaError('CA_RECORD_DAMAGED', 'the record of a delivery cannot be read', { cause });
  }
}

/** True while something of it is still to be done: it is on its way, or something is to be erased. */
export function isOpen({ state, key, password }: DeliveryRecord): boolean {
  return state === 'prepared' || key === 'held' || password === 'held';
}
