/**
 * A request as it is kept: what is asked for, who took which step, what came of it. One row for each, JSON in its
 * canonical form.
 *
 * @module
 */

import { z } from 'zod';

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { CaError } from '../errors.ts';
import {
  type RequestKindName,
  type RequestStep,
  requestKindNames,
  requestSteps,
} from '../policy/permissions.ts';
import {
  digestOfJson,
  formatCanonicalJson,
  type JsonObject,
  type JsonValue,
} from './canonical-json.ts';
import type { Person } from './person.ts';

/**
 * `submitted`: came from outside, and nobody has received it. `executing`: its effect is under way, or was when
 * the program ended; it goes on.
 */
export const requestStates = [
  'submitted',
  'received',
  'examined',
  'approved',
  'executing',
  'executed',
  'rejected',
  'withdrawn',
] as const;

export type RequestState = (typeof requestStates)[number];

/** What somebody did with a request. */
export interface StepEntry {
  readonly step: RequestStep | 'withdraw';
  /** `void`: does not count any more, since what it led to failed. */
  readonly decision: 'yes' | 'no' | 'void';
  readonly atMs: number;
  readonly person: Person;
  /** By what it had authenticated. */
  readonly method: 'certificate' | 'password';
  readonly note: string;
  /** What it was about: `contentHash` as it was then. */
  readonly hash: string;
}

export interface RequestRecord {
  readonly version: 1;
  readonly id: string;
  readonly ca: string;
  readonly kind: RequestKindName;
  readonly input: JsonObject;
  /** The municipality whose office it belongs to. */
  readonly partition: string | null;
  readonly submittedMs: number;
  /** Who asked, where it was not an operator: as the front end knows it. */
  readonly applicant: string | null;
  readonly state: RequestState;
  readonly steps: readonly StepEntry[];
  readonly result: JsonObject | null;
  /** Why it was not carried out the last time. */
  readonly failure: {
    readonly atMs: number;
    readonly code: string;
    readonly message: string;
  } | null;
  /** When it came to an end. */
  readonly endedMs: number | null;
}

const text = z.string();
const person: z.ZodType<Person> = z.strictObject({
  account: text,
  dn: text,
  name: text,
  fullName: text.nullable(),
  staffNumbers: z.array(text),
  certificates: z.array(text),
  credentialSetBy: z.array(text).optional(),
});

const stepEntry: z.ZodType<StepEntry> = z.strictObject({
  step: z.enum([...requestSteps, 'withdraw']),
  decision: z.enum(['yes', 'no', 'void']),
  atMs: z.int(),
  person,
  method: z.enum(['certificate', 'password']),
  note: text,
  hash: text,
});

const json = z.record(text, z.json()) as z.ZodType<JsonObject>;

const record: z.ZodType<RequestRecord> = z.strictObject({
  version: z.literal(1),
  id: text,
  ca: text,
  kind: z.enum(requestKindNames),
  input: json,
  partition: text.nullable(),
  submittedMs: z.int(),
  applicant: text.nullable(),
  state: z.enum(requestStates),
  steps: z.array(stepEntry),
  result: json.nullable(),
  failure: z.strictObject({ atMs: z.int(), code: text, message: text }).nullable(),
  endedMs: z.int().nullable(),
});

/** Whether nothing comes after it. */
export function hasEnded({ state }: Pick<RequestRecord, 'state'>): boolean {
  return state === 'executed' || state === 'rejected' || state === 'withdrawn';
}

/** The hash of exactly what will be done: whoever decides says it, and it is worked out again before it is done. */
export function contentHash({
  ca,
  id,
  kind,
  input,
  partition,
}: Pick<RequestRecord, 'ca' | 'id' | 'kind' | 'input' | 'partition'>): string {
  return digestOfJson({ ca, id, kind, input, partition });
}

export function encodeRequestRecord(request: RequestRecord): Uint8Array {
  return encodeUtf8(formatCanonicalJson(request as unknown as JsonValue));
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export function parseRequestRecord(bytes: Uint8Array): RequestRecord {
  try {
    return record.parse(JSON.parse(decodeUtf8(bytes) ?? ''));
  } catch (cause) {
    throw new CaError('CA_RECORD_DAMAGED', 'the record of a request cannot be read', { cause });
  }
}
