/**
 * What a kind of request is to the engine: which input it takes, what is wrong with one, and how it is carried out.
 * Each kind is registered by whoever carries it out; who takes which step is the policy's (`policy/people.ts`).
 *
 * @module
 */

import type { z } from 'zod';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { Transaction } from '../../store/store.ts';
import type { RequestKindName } from '../policy/permissions.ts';
import type { LocalizedText } from '../policy/policy.ts';
import type { JsonObject } from './canonical-json.ts';

/** One thing that is wrong with an input. */
export interface Finding {
  /** Where, as a JSON Pointer (RFC 6901) into the input; empty for the whole. */
  readonly path: string;
  /** A code of `CaError`, or `FIELD_…` for what the schema refuses. Stable. */
  readonly code: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** What a kind is given when it carries a request out. */
export interface RequestContext {
  /** The request's id: the same when it is carried out again after an interruption. */
  readonly requestId: string;
  /** Who has it carried out, for the audit log. */
  readonly origin: AuditOrigin;
  /** The password that came with the step which has it carried out; never kept, so not there after an interruption. */
  readonly password?: Uint8Array | undefined;
  /**
   * Ends the request within the transaction of its effect, so that both are durable or neither. It refuses when
   * the request has been ended already: then the whole transaction, effect and all, must not happen, and an error thrown here must be passed on. A kind
   * whose effect is more than one transaction does not call it, is idempotent by `requestId`, and returns the result.
   *
   * @throws {CaError} `CA_REQUEST_STATE`.
   */
  complete(transaction: Transaction, result: JsonObject): Promise<void>;
}

export interface RequestKind<I> {
  readonly name: RequestKindName;
  /** Of the input as it comes; bounds every text and list. Never with a secret: what comes in is kept. */
  readonly schema: z.ZodType<I>;
  /** Fields of the input that say something of persons, and that it may be described without. */
  readonly personal?: readonly string[];
  /** One line for people: what is asked for. */
  describe(input: I): LocalizedText;
  /**
   * The code of the municipality whose office this belongs to; undefined where it is no office's. Offices act for
   * their own alone.
   */
  partition?(input: I): Promise<string | undefined>;
  /** Names under which requests about the same thing are found, e.g. `serial:0A1B…`; at most eight. */
  subjects?(input: I): readonly string[];
  /** Everything that is wrong with an input, all at once; nothing is changed. Asked when it comes and at each step. */
  check(input: I): Promise<readonly Finding[]>;
  /** The same for what the schema has left of an input that it refuses: its fields that are well formed. */
  checkPart?(input: Partial<I>): Promise<readonly Finding[]>;
  /**
   * Carries it out.
   *
   * @returns what came of it, for the record: no secrets.
   */
  execute(input: I, context: RequestContext): Promise<JsonObject>;
}
