/**
 * Carries out one request against the directory and sends its answers.
 *
 * Not here: bind, unbind, abandon and StartTLS, which change the connection (connection.ts).
 *
 * @module
 */

import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { DirectoryError } from '../directory/errors.ts';
import type { DirectoryService, SearchRequest } from '../directory/service.ts';
import { encodeSearchEntry, encodeWithMessageId } from './entry-encoder.ts';
import { LdapError } from './errors.ts';
import { performExtended } from './extended-operations.ts';
import type { Output } from './output.ts';
import type { PendingOperation } from './pending-operations.ts';
import { type Control, type RequestKind, ResponseTag } from './requests.ts';
import { type ExtendedAnswer, encodeExtendedResult, encodeResult } from './response-encoder.ts';
import { type LdapResult, ResultCode, resultOf, resultOfError, success } from './result-codes.ts';

export interface OperationEnvironment {
  readonly directory: DirectoryService;
  readonly output: Output;
  readonly log: Log;
  /** True while the answers that wait for slow readers leave no room for more. */
  readonly isOverloaded: () => boolean;
}

/** The tag of the last response to a request; undefined for requests that have none. */
export const responseTagOf: Readonly<Record<RequestKind, number | undefined>> = {
  bind: ResponseTag.bind,
  unbind: undefined,
  search: ResponseTag.searchDone,
  modify: ResponseTag.modify,
  add: ResponseTag.add,
  delete: ResponseTag.delete,
  modifyDn: ResponseTag.modifyDn,
  compare: ResponseTag.compare,
  abandon: undefined,
  extended: ResponseTag.extended,
};

/** Controls that are obeyed, wherever they make sense. None so far that this server advertises. */
export const supportedControls: ReadonlySet<string> = new Set<string>();

/**
 * Refuses a request with a critical control that would not be obeyed (RFC 4511 §4.1.11).
 *
 * @throws {LdapError} `LDAP_CRITICAL_CONTROL`.
 */
export function checkControls(controls: readonly Control[]): void {
  if (controls.some(({ type, isCritical }) => isCritical && !supportedControls.has(type))) {
    throw new LdapError('LDAP_CRITICAL_CONTROL', 'a critical control is not known here');
  }
}

/** Performs the operation, unless it was abandoned, and sends every answer. Never rejects. */
export async function runOperation(
  operation: PendingOperation,
  environment: OperationEnvironment,
): Promise<void> {
  if (operation.isAbandoned) {
    return;
  }
  let result: LdapResult;
  let answer: ExtendedAnswer = {};
  try {
    checkControls(operation.controls);
    const outcome = await perform(operation, environment);
    result = outcome.result;
    answer = outcome.answer ?? {};
  } catch (error) {
    result = resultOfFailure(error, environment.log);
  }
  if (!operation.isAbandoned) {
    sendResult(operation, { result, answer }, environment.output);
  }
}

/** The result of a failed request; what the client is not told goes to the log. */
export function resultOfFailure(error: unknown, log: Log): LdapResult {
  const result = resultOfError(error);
  const isAbandon = error instanceof DirectoryError && error.code === 'DIRECTORY_ABANDONED';
  if (result.resultCode === ResultCode.other && !isAbandon) {
    log.error('an LDAP request failed', { error: formatError(error), ...causeOf(error) });
  }
  return result;
}

function causeOf(error: unknown): { readonly cause?: string } {
  return error instanceof Error && error.cause !== undefined
    ? { cause: formatError(error.cause) }
    : {};
}

interface Outcome {
  readonly result: LdapResult;
  readonly answer?: ExtendedAnswer;
}

function sendResult(operation: PendingOperation, outcome: Outcome, output: Output): void {
  const tag = responseTagOf[operation.request.kind];
  if (tag === ResponseTag.extended) {
    output.send([encodeExtendedResult(operation.messageId, outcome.result, outcome.answer)]);
  } else if (tag !== undefined) {
    output.send([encodeResult(operation.messageId, tag, outcome.result)]);
  }
}

const done: Outcome = { result: success };

async function perform(
  operation: PendingOperation,
  environment: OperationEnvironment,
): Promise<Outcome> {
  const { request, caller } = operation;
  const { directory } = environment;
  switch (request.kind) {
    case 'search':
      await search(request.search, operation, environment);
      return done;
    case 'compare': {
      const isTrue = await directory.compare(request.compare, caller);
      return { result: resultOf(isTrue ? ResultCode.compareTrue : ResultCode.compareFalse) };
    }
    case 'add':
      await directory.add(request.add, caller);
      return done;
    case 'modify':
      await directory.modify(request.modify, caller);
      return done;
    case 'delete':
      await directory.delete(request.delete, caller);
      return done;
    case 'modifyDn':
      await directory.rename(request.rename, caller);
      return done;
    case 'extended':
      return { result: success, answer: performExtended(request.extended, caller) };
  }
}

/** Streams entries: the next one is not asked for until there is room for it. */
async function search(
  request: SearchRequest,
  operation: PendingOperation,
  { directory, output, isOverloaded }: OperationEnvironment,
): Promise<void> {
  if (isOverloaded()) {
    throw new LdapError('LDAP_BUSY', 'too many answers wait for slow readers; try again');
  }
  await output.ready();
  const entries = directory.search({ ...request, signal: operation.signal }, operation.caller);
  for await (const entry of entries) {
    if (operation.isAbandoned) {
      return;
    }
    output.send(encodeWithMessageId(operation.messageId, encodeSearchEntry(entry)));
    const room = output.ready();
    if (room !== undefined) {
      await room;
    }
  }
}
