/**
 * Requests: asked for by one operator, examined, approved and carried out by others. What each may see and do is decided by
 * the requests themselves (`ca/requests/requests.ts`), from the account as it is at that moment.
 *
 * @module
 */

import { z } from 'zod';

import { requestKindNames, requestSteps } from '../../ca/policy/permissions.ts';
import { certificateSchema, revokeSchema } from '../../ca/requests/certificate-kinds.ts';
import {
  crossAcceptSchema,
  crossIssueSchema,
  crossRevokeSchema,
} from '../../ca/requests/cross-kinds.ts';
import { deliverSchema } from '../../ca/requests/delivery-kinds.ts';
import { issueSchema } from '../../ca/requests/issue-kind.ts';
import { renewSchema } from '../../ca/requests/renew-kind.ts';
import { requestStates } from '../../ca/requests/request-record.ts';
import type { RequestReport } from '../../ca/requests/request-report.ts';
import type { StepOrder } from '../../ca/requests/requests.ts';
import { isCertdirError } from '../../core/errors.ts';
import { formatTime } from '../report-time.ts';
import { type ApiRoute, type OperatorCall, operatorRoute } from './api-route.ts';
import { instant, password } from './field-shapes.ts';
import { type Problem, problemShape } from './problem.ts';

const id = z.string().regex(/^[\w-]{1,64}$/, 'as the answer to submitRequest has it');
const note = z.string().max(1_000).optional();
const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
  .describe('`hash` of the request that was looked at: nobody decides on something else.');

const decisionBody = z.strictObject({
  hash,
  note,
  password: password
    .optional()
    .describe(
      'Of the file with a key that the CA makes, where the policy has it given: with the last step. It is kept nowhere.',
    ),
});

/** Bounded further, and checked, by its kind, which finds everything that is wrong at once. */
const input = z.record(z.string().max(100), z.unknown());

const submission = z.strictObject({ kind: z.string().min(1).max(40), input, note });

const described = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('issue'), input: issueSchema, note }),
  z.strictObject({ kind: z.literal('revoke'), input: revokeSchema, note }),
  z.strictObject({ kind: z.enum(['hold', 'release', 'discard']), input: certificateSchema, note }),
  z.strictObject({ kind: z.literal('renew'), input: renewSchema, note }),
  z.strictObject({ kind: z.literal('deliver'), input: deliverSchema, note }),
  z.strictObject({ kind: z.literal('cross-issue'), input: crossIssueSchema, note }),
  z.strictObject({ kind: z.literal('cross-accept'), input: crossAcceptSchema, note }),
  z.strictObject({ kind: z.literal('cross-revoke'), input: crossRevokeSchema, note }),
]);

const json = z.record(z.string(), z.unknown());

const step = z.object({
  step: z.string(),
  decision: z.string().describe('`yes`, `no`, or `void` where it does not count any more.'),
  at: instant,
  operator: z.string(),
  fullName: z.string().nullable(),
  method: z.enum(['certificate', 'password']),
  note: z.string(),
});

const report = z.object({
  id: z.string(),
  kind: z.enum(requestKindNames),
  state: z.enum(requestStates),
  description: z.strictObject({ ja: z.string(), en: z.string() }),
  input: json,
  partition: z.string().nullable(),
  submittedAt: instant,
  applicant: z.string().nullable().describe('Who asked, where it was no operator.'),
  steps: z.array(step),
  next: z.enum(requestSteps).nullable().describe('The step that somebody has to take.'),
  missing: z.int().describe('How many people that takes still.'),
  hash: z.string().describe('Of exactly what will be done.'),
  result: json.nullable(),
  failure: z.strictObject({ at: instant, code: z.string(), message: z.string() }).nullable(),
  endedAt: instant.nullable(),
  receipts: z
    .array(
      z.object({
        kind: z.enum(['acceptance', 'completion']),
        number: z.string(),
        at: instant,
        text: z.object({ ja: z.string(), en: z.string() }),
      }),
    )
    .describe('For whoever asked, as far as they were earned.'),
});

type Shown = z.output<typeof report>;

const stepErrors = [
  ...['CA_REQUEST_UNKNOWN', 'CA_REQUEST_STATE', 'CA_REQUEST_CHANGED', 'CA_REQUEST_INVALID'],
  ...['CA_NOT_PERMITTED', 'CA_SEPARATION', 'CA_SAME_PERSON', 'CA_PARTITION_FOREIGN'],
];

const submitErrors = [
  ...['CA_REQUEST_KIND', 'CA_REQUEST_INVALID', 'CA_REQUEST_CONFLICT'],
  ...['CA_NOT_PERMITTED', 'CA_SEPARATION', 'CA_PARTITION_FOREIGN'],
];

const MAX_BULK = 500;

const example = {
  kind: 'revoke',
  input: { serialNumber: '0C5A9D1E', reason: 'keyCompromise' },
  note: '2026-118',
};

export const requestRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'submitRequest',
    family: 'requests',
    method: 'POST',
    path: '/requests',
    permission: 'operator',
    summary: 'Receives a request',
    description:
      'With that the first step is taken. Where the policy has no others, it is carried out at once. All that is wrong' +
      ' with the input comes back at once, and nothing is kept.',
    status: 201,
    body: submission,
    describedBody: described,
    answer: report,
    errors: submitErrors,
    examples: { body: example },
    isRepeatable: true,
    handle: async (call) => await submit(call, call.body, call.operationKey),
  }),
  operatorRoute({
    operationId: 'submitRequests',
    family: 'requests',
    method: 'POST',
    path: '/requests/bulk',
    permission: 'operator',
    summary: 'Receives many requests',
    description: 'Each by itself: one that is refused stops none of the others.',
    body: z.strictObject({ requests: z.array(submission).min(1).max(MAX_BULK) }),
    answer: z.object({
      results: z
        .array(z.strictObject({ request: report.optional(), problem: problemShape.optional() }))
        .describe('In the order of the requests.'),
    }),
    errors: submitErrors,
    examples: { body: { requests: [example] } },
    isRepeatable: true,
    handle: async (call) => {
      const results: { request?: Shown; problem?: Problem }[] = [];
      for (const [index, one] of call.body.requests.entries()) {
        results.push(await submitOne(call, one, `${call.operationKey}-${index}`));
      }
      return { results };
    },
  }),
  operatorRoute({
    operationId: 'listRequests',
    family: 'requests',
    method: 'GET',
    path: '/requests',
    permission: 'operator',
    summary: 'Requests that the caller may see, oldest first',
    query: z.strictObject({
      state: z.enum([...requestStates, 'open']).optional(),
      kind: z.enum(requestKindNames).optional(),
      subject: z.string().min(1).max(200).optional().describe('E.g. `serial:0A1B…`.'),
      mine: z.stringbool().optional().describe('Only those whose next step the caller may take.'),
      after: id.optional().describe('Behind this request.'),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
    }),
    answer: z.object({ requests: z.array(report) }),
    handle: async ({ ca, identity, query }) => {
      const { mine, ...filter } = query;
      const found = await ca.requests.list({ ...filter, isMine: mine }, identity);
      return { requests: found.map(shown) };
    },
  }),
  operatorRoute({
    operationId: 'showRequest',
    family: 'requests',
    method: 'GET',
    path: '/requests/{id}',
    permission: 'operator',
    summary: 'A request and how it goes on',
    params: z.strictObject({ id }),
    answer: report,
    errors: ['CA_REQUEST_UNKNOWN'],
    handle: async ({ ca, identity, params }) => shown(await ca.requests.show(params.id, identity)),
  }),
  stepRoute('receive', 'Receives what an applicant has submitted', {}),
  stepRoute('examine', 'Says that the request is as it should be', {}),
  stepRoute('approve', 'Approves exactly what was looked at', { decides: true }),
  stepRoute('execute', 'Carries the request out', { decides: true }),
  stepRoute('reject', 'Says no, in the place of the next step', {}),
  stepRoute('withdraw', 'Takes the request back before it is carried out', {}),
];

type StepName = 'receive' | 'examine' | 'approve' | 'execute' | 'reject' | 'withdraw';

/** Taken again by the same operator, a step answers how things stand. */
function stepRoute(
  name: StepName,
  summary: string,
  { decides = false }: { readonly decides?: boolean },
): ApiRoute {
  return operatorRoute({
    operationId: `${name}Request`,
    family: 'requests',
    method: 'POST',
    path: `/requests/{id}/${name}`,
    permission: 'operator',
    summary,
    params: z.strictObject({ id }),
    body: decides ? decisionBody : z.strictObject({ hash: hash.optional(), note }),
    answer: report,
    errors: stepErrors,
    isRepeatable: true,
    handle: async ({ ca, identity: operator, origin, params, body }) => {
      const { password: given, ...decision } = body as z.output<typeof decisionBody>;
      const secret = given === undefined ? undefined : Buffer.from(given);
      const order = { id: params.id, ...decision, password: secret };
      try {
        return shown(
          await ca.requests[name](order as StepOrder & { readonly hash: string }, {
            ...{ operator, origin },
          }),
        );
      } finally {
        secret?.fill(0);
      }
    },
  });
}

type Submitted = z.output<typeof submission>;

async function submit(call: OperatorCall, asked: Submitted, key: string): Promise<Shown> {
  const { ca, identity: operator, origin } = call;
  return shown(await ca.requests.submit({ ...asked, key }, { operator, origin }));
}

/** One of many: what it is refused for is its own problem; a failure of the server is everybody's. */
async function submitOne(
  call: OperatorCall,
  asked: Submitted,
  key: string,
): Promise<{ readonly request: Shown } | { readonly problem: Problem }> {
  try {
    return { request: await submit(call, asked, key) };
  } catch (error) {
    const problem = call.service.problemOf(error);
    if (!isCertdirError(error) || problem.status >= 500) {
      throw error;
    }
    return { problem };
  }
}

function shown(request: RequestReport): Shown {
  const { failure, endedMs, steps, submittedMs } = request;
  return {
    ...{ id: request.id, kind: request.kind, state: request.state },
    description: request.description,
    input: request.input,
    partition: request.partition,
    submittedAt: formatTime(submittedMs),
    applicant: request.applicant,
    steps: steps.map(({ step: name, decision, atMs, person, method, note: said }) => ({
      ...{ step: name, decision, at: formatTime(atMs), operator: person.name },
      ...{ fullName: person.fullName, method, note: said },
    })),
    ...{ next: request.next, missing: request.missing, hash: request.hash },
    result: request.result,
    failure:
      failure === null
        ? null
        : { at: formatTime(failure.atMs), code: failure.code, message: failure.message },
    endedAt: endedMs === null ? null : formatTime(endedMs),
    receipts: request.receipts.map(({ kind, number, atMs, text }) => {
      return { kind, number, at: formatTime(atMs), text };
    }),
  };
}
