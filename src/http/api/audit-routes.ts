/**
 * The auditors' side: records of the audit log and proofs of them, its checkpoints, its review, and the report on what
 * was provided to whom. Removing records, and the log's key, are acts at the machine (`certdir audit`).
 *
 * @module
 */

import { z } from 'zod';

import { AuthenticatedAuditor } from '../audit-operations.ts';
import { type ApiRoute, operatorRoute } from './api-route.ts';
import { givenTime, instant, ordinal } from './field-shapes.ts';

const record = z.object({
  sequence: ordinal,
  time: instant,
  kind: z.string(),
  result: z.string(),
  channel: z.string(),
  actor: z.string(),
  address: z.string().nullable(),
  subject: z.string(),
  request: z.string().nullable(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

const checkpoint = z.object({
  size: ordinal,
  rootHash: z.string(),
  checkpoint: z.string().describe('A signed note.'),
  key: z.string().describe('The verifier key.'),
  handovers: z.array(z.string()).describe('How each key before handed over to the next.'),
});

const searched = z.string().min(1).max(1_000);
const MAX_RECORDS = 1_000;

const recordQuery = z.strictObject({
  kind: searched.optional().describe('E.g. `certificate.issue`.'),
  result: z.enum(['done', 'refused', 'failed']).optional(),
  subject: searched.optional(),
  actor: searched.optional(),
  from: givenTime.optional().describe('The first instant.'),
  until: givenTime.optional().describe('The first instant no more.'),
  limit: z.coerce.number().int().min(1).max(MAX_RECORDS).default(100),
});

export const auditRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'listRecords',
    family: 'audit',
    method: 'GET',
    path: '/audit/records',
    permission: 'audit.read',
    summary: 'The last records of the audit log that fit, oldest first',
    query: recordQuery,
    answer: z.object({ records: z.array(record) }),
    handle: async ({ ca, query }) => ({ records: await ca.operations.audit.list(query) }),
  }),
  operatorRoute({
    operationId: 'proveRecord',
    family: 'audit',
    method: 'GET',
    path: '/audit/records/{sequence}/proof',
    permission: 'audit.read',
    summary: 'A record with the proof that the log has it',
    params: z.strictObject({ sequence: ordinal }),
    answer: z.object({
      record,
      bytes: z.string().describe('The leaf as it is kept, base64.'),
      leafHash: z.string(),
      proof: z.string().describe('C2SP tlog-proof.'),
    }),
    errors: ['AUDIT_RECORD_UNKNOWN', 'AUDIT_RECORD_PRUNED'],
    handle: ({ ca, params }) => ca.operations.audit.prove(params),
  }),
  operatorRoute({
    operationId: 'showCheckpoint',
    family: 'audit',
    method: 'GET',
    path: '/audit/checkpoint',
    permission: 'audit.read',
    summary: 'A signed checkpoint of the audit log as it is now',
    answer: checkpoint,
    handle: ({ ca }) => ca.operations.audit.checkpoint(),
  }),
  operatorRoute({
    operationId: 'reviewRecords',
    family: 'audit',
    method: 'POST',
    path: '/audit/reviews',
    permission: 'audit.review',
    summary: 'Puts on record that the log was reviewed',
    description: 'The reviewed records may be removed when they have been kept for long enough.',
    status: 201,
    body: z.strictObject({
      upTo: ordinal.optional().describe('A number of records; all there are when left out.'),
      note: z.string().min(1).max(2_000),
    }),
    answer: z.object({ reviewed: ordinal, exported: ordinal, pruned: ordinal }),
    errors: ['AUDIT_NOT_AUDITOR', 'AUDIT_MARK_REFUSED'],
    handle: ({ ca, body, identity, origin }) => {
      const auditor = new AuthenticatedAuditor(origin, identity.roles);
      return ca.operations.audit.review({ ...body, auditor });
    },
  }),
  operatorRoute({
    operationId: 'reportProvisions',
    family: 'audit',
    method: 'GET',
    path: '/reports/provisions/{period}',
    permission: 'accounts.read',
    summary: 'What revocation information was provided to whom',
    params: z.strictObject({
      period: z
        .string()
        .regex(/^\d{4}(-(0[1-9]|1[0-2]))?$/, 'a year or a month, e.g. 2026 or 2026-01'),
    }),
    answer: z.object({
      caName: z.strictObject({ ja: z.string(), en: z.string() }),
      period: z.string(),
      createdAt: instant,
      lines: z.array(
        z.strictObject({
          month: z.string(),
          verifier: z.string().describe('Empty for those who are not registered.'),
          agreementNumber: z.string().nullable(),
          partition: z.string(),
          method: z.string(),
          provided: z.int(),
          refused: z.int(),
        }),
      ),
    }),
    handle: ({ ca, params }) => ca.operations.audit.provisions(params),
  }),
];
