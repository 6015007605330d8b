/**
 * What was exchanged with one peer CA: requests, certificates, receipts, and the pair that is published. One row for each
 * peer; JSON, since it is written a few times in a CA's life and is worth reading by people. Certificates and requests
 * are base64 DER in it.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { CaError } from '../errors.ts';

/** The other side's word that a certificate has arrived, or that of paper. */
export interface CrossReceipt {
  readonly atMs: number;
  /** The receipt's text, or a note on where the paper is. */
  readonly text: string;
}

/** A certificate of this CA for the peer. */
export interface IssuedCross {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly der: string;
  readonly generation: number;
  readonly issuedMs: number;
  /** The peer's; absent until it has come. */
  readonly receipt?: CrossReceipt | undefined;
  readonly revokedMs?: number | undefined;
}

/** The peer's certificate for this CA. */
export interface ReceivedCross {
  readonly der: string;
  readonly acceptedMs: number;
  /** Ours, as it was handed out. */
  readonly receipt: CrossReceipt;
  /** It counts no more: replaced, or revoked by the peer. */
  readonly endedMs?: number | undefined;
}

export interface CrossRecord {
  readonly version: 1;
  readonly peer: string;
  /** The peer's self-signed certificate, as its request was examined with. */
  readonly trusted?: { readonly der: string; readonly confirmedMs: number } | undefined;
  /** The peer's request, examined. */
  readonly request?: { readonly der: string; readonly examinedMs: number } | undefined;
  /** When the peer's directory was last read and found right. */
  readonly tested?: { readonly atMs: number; readonly url: string } | undefined;
  /** Our last request to the peer. */
  readonly ourRequest?:
    | { readonly der: string; readonly generation: number; readonly madeMs: number }
    | undefined;
  /** To be signed: approved of, perhaps, and not signed yet. */
  readonly pending?:
    | { readonly serialNumber: string; readonly tbs: string; readonly generation: number }
    | undefined;
  /** Oldest first. */
  readonly issued: readonly IssuedCross[];
  readonly received: readonly ReceivedCross[];
  /** What the CA's entry has, by the places in the two lists. */
  readonly pair?:
    | { readonly issued: number; readonly received: number; readonly sinceMs: number }
    | undefined;
  /** Since when there was a pair for the first time, and since when there is none any more. */
  readonly certifiedMs?: number | undefined;
  readonly cancelledMs?: number | undefined;
}

const count = z.int().min(0);
const text = z.string().max(262_144);
const serialNumber = z.string().regex(/^[0-9A-F]{1,40}$/);
const receipt = strictObject({ atMs: z.int(), text });

const schema: z.ZodType<CrossRecord> = strictObject({
  version: z.literal(1),
  peer: text,
  trusted: strictObject({ der: text, confirmedMs: z.int() }).optional(),
  request: strictObject({ der: text, examinedMs: z.int() }).optional(),
  tested: strictObject({ atMs: z.int(), url: text }).optional(),
  ourRequest: strictObject({ der: text, generation: count, madeMs: z.int() }).optional(),
  pending: strictObject({ serialNumber, tbs: text, generation: count }).optional(),
  issued: z.array(
    strictObject({
      serialNumber,
      der: text,
      generation: count,
      issuedMs: z.int(),
      receipt: receipt.optional(),
      revokedMs: z.int().optional(),
    }),
  ),
  received: z.array(
    strictObject({ der: text, acceptedMs: z.int(), receipt, endedMs: z.int().optional() }),
  ),
  pair: strictObject({ issued: count, received: count, sinceMs: z.int() }).optional(),
  certifiedMs: z.int().optional(),
  cancelledMs: z.int().optional(),
});

export function emptyCrossRecord(peer: string): CrossRecord {
  return { version: 1, peer, issued: [], received: [] };
}

export function encodeCrossRecord(record: CrossRecord): Uint8Array {
  return encodeUtf8(JSON.stringify(record));
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseCrossRecord(bytes: Uint8Array): CrossRecord {
  try {
    const record = schema.parse(JSON.parse(decodeUtf8(bytes) ?? ''));
    const { pair, issued, received } = record;
    if (pair !== undefined && !(pair.issued in issued && pair.received in received)) {
      throw new RangeError('its pair is of certificates that it does not have');
    }
    return record;
  } catch (cause) {
    throw new CaError(
      'CA_RECORD_DAMAGED',
      'the record of an exchange with another CA cannot be read: use the version that wrote it',
      { cause },
    );
  }
}

/** Bytes as the record keeps them. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function fromBase64(kept: string): Uint8Array {
  return new Uint8Array(Buffer.from(kept, 'base64'));
}
