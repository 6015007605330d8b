/**
 * Carries out one request against the directory and sends its answers.
 *
 * Not here: bind, unbind, abandon, Cancel and StartTLS, which change the connection (connection.ts).
 *
 * @module
 */

import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { DirectoryError } from '../directory/errors.ts';
import type {
  ChangeOutcome,
  DirectoryService,
  SearchAnswers,
  SearchRequest,
} from '../directory/service.ts';
import type { AnswerCache, AnswerDraft } from './answer-cache.ts';
import { encodeSearchEntry } from './entry-encoder.ts';
import { LdapError } from './errors.ts';
import { performExtended } from './extended-operations.ts';
import type { LdapLimits } from './limits.ts';
import type { OperationCounts } from './operation-counts.ts';
import type { Output } from './output.ts';
import type { PendingOperation } from './pending-operations.ts';
import { noRequestControls, type RequestControls, readControls } from './request-controls.ts';
import { type RequestKind, ResponseTag } from './requests.ts';
import { type ResponseControl, readEntryControls, searchControls } from './response-controls.ts';
import {
  type ExtendedAnswer,
  encodeExtendedResult,
  encodeResult,
  encodeSearchReference,
  successfulSearchDone,
} from './response-encoder.ts';
import { type LdapResult, ResultCode, resultOf, resultOfError, success } from './result-codes.ts';

export interface OperationEnvironment {
  readonly directory: DirectoryService;
  readonly output: Output;
  readonly limits: LdapLimits;
  readonly log: Log;
  /** Lets passwords through on connections that others can read. */
  readonly allowClearPasswords: boolean;
  readonly answerCache: AnswerCache | undefined;
  /** True while the answers that wait for slow readers leave no room for more. */
  readonly isOverloaded: () => boolean;
  readonly counts: OperationCounts;
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

/** Performs the operation, unless it was abandoned, and sends every answer. Never rejects. */
export async function runOperation(
  operation: PendingOperation,
  environment: OperationEnvironment,
): Promise<void> {
  const { counts, output } = environment;
  const { kind } = operation.request;
  const mayRun = !operation.isAbandoned && !operation.isCancelled;
  const done = mayRun ? await attempt(operation, environment) : cancelled;
  if (operation.isAbandoned) {
    counts.completed(kind, undefined);
    return;
  }
  const outcome = operation.isCancelled ? cancelled : done;
  counts.completed(kind, outcome.result.resultCode);
  sendResult(operation, outcome, output);
}

async function attempt(
  operation: PendingOperation,
  environment: OperationEnvironment,
): Promise<Outcome> {
  try {
    const { request, controls } = operation;
    const asked = readControls(request.kind, controls, environment.limits);
    return await perform(operation, asked, environment);
  } catch (error) {
    return { result: resultOfFailure(error, environment.log) };
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
  readonly controls?: readonly ResponseControl[];
}

function sendResult(operation: PendingOperation, outcome: Outcome, output: Output): void {
  const { result, answer, controls = noControls } = outcome;
  if (operation.request.kind === 'search' && result === success && controls.length === 0) {
    output.sendOperation(operation.messageId, successfulSearchDone);
    return;
  }
  const tag = responseTagOf[operation.request.kind];
  if (tag === ResponseTag.extended) {
    output.send([encodeExtendedResult(operation.messageId, result, answer)]);
  } else if (tag !== undefined) {
    output.send([encodeResult(operation.messageId, tag, { ...result, controls })]);
  }
}

const noControls: readonly ResponseControl[] = [];

const cancelled: Outcome = { result: resultOf(ResultCode.canceled) };

async function perform(
  operation: PendingOperation,
  asked: RequestControls,
  environment: OperationEnvironment,
): Promise<Outcome> {
  const { request, caller, received } = operation;
  const { directory } = environment;
  const change = received === undefined ? asked : { ...asked, received };
  switch (request.kind) {
    case 'search':
      return await search(
        asked === noRequestControls ? request.search : { ...request.search, ...asked },
        operation,
        environment,
      );
    case 'compare': {
      const isTrue = await directory.compare({ ...request.compare, ...asked }, caller);
      return { result: resultOf(isTrue ? ResultCode.compareTrue : ResultCode.compareFalse) };
    }
    case 'add':
      return changed(await directory.add({ ...request.add, ...change }, caller));
    case 'modify':
      return changed(await directory.modify({ ...request.modify, ...change }, caller));
    case 'delete':
      return changed(await directory.delete({ ...request.delete, ...change }, caller));
    case 'modifyDn':
      return changed(await directory.rename({ ...request.rename, ...change }, caller));
    case 'extended':
      return {
        result: success,
        answer: await performExtended(request.extended, {
          directory,
          caller,
          allowClearPasswords: environment.allowClearPasswords,
        }),
      };
  }
}

function changed(outcome: ChangeOutcome): Outcome {
  return { result: success, controls: readEntryControls(outcome) };
}

/** Streams entries: the next one is not asked for until there is room for it. */
async function search(
  request: SearchRequest,
  operation: PendingOperation,
  environment: OperationEnvironment,
): Promise<Outcome> {
  const { directory, isOverloaded, log, answerCache } = environment;
  const { answerKey } = operation;
  if (isOverloaded()) {
    throw new LdapError('LDAP_BUSY', 'too many answers wait for slow readers; try again');
  }
  const room = environment.output.ready();
  if (room !== undefined) {
    await room;
  }
  const draft = answerKey === undefined ? undefined : answerCache?.draft(answerKey);
  const answers = directory.search(
    draft === undefined
      ? { ...request, signal: operation }
      : { ...request, record: draft.record, signal: operation },
    operation.caller,
  );
  let result = success;
  try {
    await sendEntries({ answers, draft }, operation, environment);
  } catch (error) {
    result = resultOfFailure(error, log);
  } finally {
    draft?.close();
  }
  await sendReferences(answers.outcome.references ?? [], operation, environment);
  return { result, controls: searchControls(answers.outcome) };
}

async function sendReferences(
  references: readonly (readonly string[])[],
  { messageId, isStopped }: PendingOperation,
  { output }: OperationEnvironment,
): Promise<void> {
  for (const uris of isStopped ? [] : references) {
    output.send([encodeSearchReference(messageId, uris)]);
    await output.ready();
  }
}

async function sendEntries(
  { answers, draft }: { readonly answers: SearchAnswers; readonly draft: AnswerDraft | undefined },
  operation: PendingOperation,
  { output }: OperationEnvironment,
): Promise<void> {
  for await (const entry of answers) {
    if (operation.isStopped) {
      return;
    }
    const encoded = encodeSearchEntry(entry);
    output.sendOperation(operation.messageId, encoded);
    draft?.add(encoded);
    const room = output.ready();
    if (room !== undefined) {
      await room;
    }
  }
  draft?.add(successfulSearchDone);
  draft?.keep();
}
