/**
 * An audit record as bytes: the leaf of the tree, so the encoding is fixed for ever. One line of
 * JSON with its members in one order, which a person and any other program can read.
 *
 *     {"v":1,"sequence":"7","time":"2026-01-05T00:00:00.000Z","kind":"crl.publish","result":"done",
 *      "channel":"scheduler","actor":"system","address":"…","subject":"…","request":"…","before":"…",
 *      "after":"…","details":{…}}
 *
 * `address`, the digests and `details` only where the event has them; the members of `details` by name.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8, equalBytes } from '../core/bytes.ts';
import type { AuditEvent, AuditRecord, AuditResult } from './audit-log.ts';
import { AuditError } from './errors.ts';

/** An entry of a C2SP tlog-tiles bundle has a length of 16 bits. */
export const MAX_RECORD_BYTES = 65_535;

const KIND = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$/;
const DETAIL_NAME = /^[a-z][A-Za-z0-9]*$/;

const RESULTS: readonly AuditResult[] = ['done', 'refused', 'failed'];

const DIGESTS = ['request', 'before', 'after'] as const;
type DigestName = (typeof DIGESTS)[number];

const SHA_256 = /^[0-9a-f]{64}$/;

type DetailValue = string | number | boolean;

/** @throws {AuditError} `AUDIT_EVENT_INVALID` when the event is not as audit-log.ts says. */
export function encodeAuditRecord(record: AuditRecord): Uint8Array {
  assertEvent(record);
  const bytes = encodeUtf8(
    JSON.stringify({
      v: 1,
      sequence: record.sequence.toString(),
      time: new Date(record.timeMs).toISOString(),
      kind: record.kind,
      result: record.result,
      channel: record.origin.channel,
      actor: record.origin.actor,
      address: record.origin.address,
      subject: record.subject,
      request: record.request,
      before: record.before,
      after: record.after,
      details: sorted(record.details),
    }),
  );
  if (bytes.length > MAX_RECORD_BYTES) {
    throw invalid(record, `its record would be ${bytes.length} bytes, above ${MAX_RECORD_BYTES}`);
  }
  return bytes;
}

/** @throws {AuditError} `AUDIT_RECORD_DAMAGED` unless encoding the result gives the same bytes. */
export function parseAuditRecord(bytes: Uint8Array): AuditRecord {
  const record = readRecord(bytes);
  if (record === undefined || !encodesTo(record, bytes)) {
    throw new AuditError(
      'AUDIT_RECORD_DAMAGED',
      'An audit record is not in the form it is kept in',
    );
  }
  return record;
}

function readRecord(bytes: Uint8Array): AuditRecord | undefined {
  const members = parseObject(decodeUtf8(bytes));
  const time = textOf(members, 'time');
  const sequence = textOf(members, 'sequence');
  const result = RESULTS.find((known) => known === members.get('result'));
  if (time === undefined || result === undefined || !/^\d{1,20}$/.test(sequence ?? '')) {
    return undefined;
  }
  const address = textOf(members, 'address');
  const details = members.get('details');
  return {
    sequence: BigInt(sequence ?? 0),
    timeMs: Date.parse(time),
    kind: textOf(members, 'kind') ?? '',
    result,
    origin: {
      channel: textOf(members, 'channel') ?? '',
      actor: textOf(members, 'actor') ?? '',
      ...(address === undefined ? {} : { address }),
    },
    subject: textOf(members, 'subject') ?? '',
    ...digestsOf(members),
    ...(details === undefined ? {} : { details: readDetails(details) }),
  };
}

function digestsOf(members: ReadonlyMap<string, unknown>): Pick<AuditEvent, DigestName> {
  const found = DIGESTS.flatMap((name) => {
    const text = textOf(members, name);
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(found);
}

function readDetails(details: unknown): Record<string, DetailValue> {
  return Object.fromEntries(
    Object.entries(details ?? {}).filter((pair): pair is [string, DetailValue] =>
      isDetailValue(pair[1]),
    ),
  );
}

/** Anything that was lost or added on the way in shows here. */
function encodesTo(record: AuditRecord, bytes: Uint8Array): boolean {
  try {
    return equalBytes(encodeAuditRecord(record), bytes);
  } catch {
    return false;
  }
}

function parseObject(text: string | undefined): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}));
  } catch {
    return new Map();
  }
}

function textOf(members: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = members.get(name);
  return typeof value === 'string' ? value : undefined;
}

function assertEvent(record: AuditRecord): void {
  if (!KIND.test(record.kind)) {
    throw invalid(record, 'its kind is not words in lower case with dots between');
  }
  if (Number.isNaN(new Date(record.timeMs).getTime()) || !Number.isInteger(record.timeMs)) {
    throw invalid(record, 'its time is not one in milliseconds');
  }
  for (const name of DIGESTS) {
    const digest = record[name];
    if (digest !== undefined && !SHA_256.test(digest)) {
      throw invalid(record, `its ${name} is no SHA-256`);
    }
  }
  for (const [name, value] of Object.entries(record.details ?? {})) {
    if (!DETAIL_NAME.test(name) || !isDetailValue(value)) {
      throw invalid(record, `its detail ${JSON.stringify(name)} cannot be written as JSON`);
    }
  }
}

function isDetailValue(value: unknown): value is DetailValue {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0))
  );
}

function sorted(details: AuditEvent['details']): AuditEvent['details'] {
  return (
    details &&
    Object.fromEntries(Object.entries(details).sort(([left], [right]) => (left < right ? -1 : 1)))
  );
}

function invalid(event: AuditEvent, why: string): AuditError {
  return new AuditError(
    'AUDIT_EVENT_INVALID',
    `The event ${event.kind} cannot be recorded: ${why}`,
  );
}
