/**
 * Failures as clients of the API see them: problem details (RFC 9457) with the program's code, and every fault of a
 * request's fields at once.
 *
 * @module
 */

import { STATUS_CODES } from 'node:http';
import { z } from 'zod';

import { RequestInvalidError } from '../../ca/requests/findings.ts';
import { isCertdirError } from '../../core/errors.ts';
import type { FailureKind } from '../../core/failure-kind.ts';
import { HttpError, type HttpErrorCode } from '../errors.ts';

/** One fault of one field. */
export interface FieldFault {
  /** JSON pointer into the body as a URI fragment (`#/subject/commonName`), or `?name` and `{name}` for query and path. */
  readonly pointer: string;
  /** `required`, `type`, `too-small`, `too-big`, `format`, `value`, `unknown-field`, or a code of the program. */
  readonly code: string;
  readonly detail: string;
}

export interface Problem {
  /** `urn:certdir:error:` and the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** A promise to clients; the texts are not. */
  readonly code: string;
  readonly errors?: readonly FieldFault[];
}

const fieldFault: z.ZodObject = z.strictObject({
  pointer: z.string(),
  code: z.string(),
  detail: z.string(),
});

/** As the description has it. */
export const problemShape: z.ZodObject = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(fieldFault).optional(),
  })
  .describe('RFC 9457; `errors` has every fault of the fields.');

/** Faults of fields, all that there are. */
export class FieldsInvalid extends HttpError {
  readonly faults: readonly FieldFault[];

  constructor(faults: readonly FieldFault[]) {
    const fields = faults.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ');
    super('HTTP_FIELDS_INVALID', fields.slice(0, 2_000));
    this.faults = faults;
  }
}

/** A refusal that says when it is worth to try again. */
export class TryLater extends HttpError {
  readonly afterSeconds: number;

  constructor(code: HttpErrorCode, message: string, afterSeconds: number) {
    super(code, message);
    this.afterSeconds = afterSeconds;
  }
}

const statusOfKind = {
  refused: 422,
  absent: 404,
  conflict: 409,
  unavailable: 503,
  usage: 500,
  configuration: 500,
  damaged: 500,
  failed: 500,
} as const satisfies Record<FailureKind, number>;

/** Where HTTP has a status for just that. */
const statusOfCode: ReadonlyMap<string, number> = new Map([
  ['HTTP_UNAUTHENTICATED', 401],
  ['DIRECTORY_INVALID_CREDENTIALS', 401],
  ['HTTP_FORBIDDEN', 403],
  ['DIRECTORY_ACCESS_DENIED', 403],
  ['CA_NOT_PERMITTED', 403],
  ['CA_SEPARATION', 403],
  ['CA_SAME_PERSON', 403],
  ['CA_PARTITION_FOREIGN', 403],
  ['AUDIT_NOT_AUDITOR', 403],
  ['HTTP_METHOD', 405],
  ['HTTP_BODY_MALFORMED', 400],
  ['HTTP_BODY_TOO_LARGE', 413],
  ['HTTP_MEDIA_TYPE', 415],
  ['HTTP_TOO_MANY_REQUESTS', 429],
]);

/** The status of a code that a kind of failure is known for. */
export function statusOf(code: string, kind: FailureKind | undefined): number {
  return statusOfCode.get(code) ?? statusOfKind[kind ?? 'failed'];
}

/**
 * What is said about a failure. Of one inside the server nothing but that its log has it.
 *
 * @param kinds The kinds of all codes.
 */
export function problemOf(error: unknown, kinds: ReadonlyMap<string, FailureKind>): Problem {
  const code = isCertdirError(error) ? error.code : 'HTTP_INTERNAL';
  const status = statusOf(code, kinds.get(code));
  if (!isCertdirError(error) || status === 500) {
    return problem('HTTP_INTERNAL', 500, 'the server failed; its log has the details');
  }
  const made = problem(code, status, error.message);
  if (error instanceof RequestInvalidError) {
    return { ...made, detail: 'the request cannot be taken as it is', errors: faultsOf(error) };
  }
  return error instanceof FieldsInvalid ? { ...made, errors: error.faults } : made;
}

/** What a kind of request finds wrong is in its input. */
function faultsOf({ findings }: RequestInvalidError): readonly FieldFault[] {
  return findings.map(({ path, code, message }) => ({
    pointer: `#/input${path.split('/').map(encodeURIComponent).join('/')}`,
    code,
    detail: message,
  }));
}

function problem(code: string, status: number, detail: string): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: `urn:certdir:error:${code}`, title, status, detail, code };
}
