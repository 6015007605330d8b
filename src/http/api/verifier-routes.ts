/**
 * Registered verifiers. What their entries grant is decided by the directory.
 *
 * @module
 */

import { z } from 'zod';

import { type ApiRoute, operatorRoute } from './api-route.ts';
import { callingOperator } from './call-operator.ts';
import { accountName, base64, code, instant, password } from './field-shapes.ts';

const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'YYYY-MM-DD');

const verifier = z.object({
  dn: z.string(),
  kind: z.string(),
  agreementNumber: z.string(),
  agreementFrom: instant.nullable(),
  agreementUntil: instant.nullable(),
  partitions: z.array(z.string()),
  certificates: z.array(z.string()).describe('SHA-256 of those that it authenticates with.'),
  isDisabled: z.boolean(),
});

const MAX_CERTIFICATE_BYTES = 16 * 1024;

export const verifierRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'listVerifiers',
    family: 'verifiers',
    method: 'GET',
    path: '/verifiers',
    permission: 'verifiers.manage',
    summary: 'The registered verifiers',
    description: 'Also those whose agreement has ended.',
    answer: z.object({ verifiers: z.array(verifier) }),
    handle: async ({ ca }) => ({ verifiers: await ca.operations.verifiers.list() }),
  }),
  operatorRoute({
    operationId: 'addVerifier',
    family: 'verifiers',
    method: 'POST',
    path: '/verifiers',
    permission: 'verifiers.manage',
    summary: 'Registers a verifier under its agreement',
    description: 'It authenticates with a password, a certificate, or either.',
    status: 201,
    body: z
      .strictObject({
        name: accountName,
        kind: code.describe("One of the policy's kinds."),
        agreementNumber: z.string().min(1).max(64),
        agreementFrom: day.describe('First day of access.'),
        agreementUntil: day.describe('Last day of access.'),
        partitions: z.array(code).min(1).max(10_000).describe('Codes, or `*` for all.'),
        password: password.optional(),
        certificate: base64(MAX_CERTIFICATE_BYTES).optional().describe('DER, base64.'),
      })
      .refine(
        ({ password: given, certificate }) => given !== undefined || certificate !== undefined,
        {
          message: 'a verifier needs a password or a certificate to authenticate with',
        },
      ),
    answer: verifier,
    errors: ['CA_VERIFIER_INVALID', 'CA_VERIFIER_EXISTS', 'CA_MUNICIPALITY_UNKNOWN'],
    examples: {
      body: {
        ...{ name: 'tsukuba', kind: 'signatureVerifier', agreementNumber: '2026-12' },
        ...{ agreementFrom: '2026-04-01', agreementUntil: '2027-03-31', partitions: ['*'] },
        password: 'correct horse battery',
      },
    },
    handle: (call) => call.ca.operations.verifiers.add(call.body, callingOperator(call)),
  }),
  operatorRoute({
    operationId: 'setVerifierPassword',
    family: 'verifiers',
    method: 'PUT',
    path: '/verifiers/{name}/password',
    permission: 'verifiers.manage',
    summary: 'Gives a verifier another password',
    params: z.strictObject({ name: accountName }),
    body: z.strictObject({ password }),
    answer: verifier,
    errors: ['CA_VERIFIER_UNKNOWN', 'CA_VERIFIER_INVALID'],
    handle: (call) => {
      const { name } = call.params;
      const change = { name, password: call.body.password };
      return call.ca.operations.verifiers.password(change, callingOperator(call));
    },
  }),
  operatorRoute({
    operationId: 'disableVerifier',
    family: 'verifiers',
    method: 'POST',
    path: '/verifiers/{name}/disable',
    permission: 'verifiers.manage',
    summary: "Ends a verifier's access at once",
    description: 'Its entry stays for the records.',
    params: z.strictObject({ name: accountName }),
    answer: verifier,
    errors: ['CA_VERIFIER_UNKNOWN'],
    isRepeatable: true,
    handle: (call) => call.ca.operations.verifiers.disable(call.params, callingOperator(call)),
  }),
  operatorRoute({
    operationId: 'changeVerifier',
    family: 'verifiers',
    method: 'POST',
    path: '/verifiers/{name}/change',
    permission: 'verifiers.manage',
    summary: 'Changes agreement, days, kind or partitions',
    description: 'What is left out stays. It counts at once, in open sessions too.',
    params: z.strictObject({ name: accountName }),
    body: z.strictObject({
      kind: code.optional(),
      agreementNumber: z.string().min(1).max(64).optional(),
      agreementFrom: day.optional(),
      agreementUntil: day.optional(),
      partitions: z.array(code).min(1).max(10_000).optional(),
      isEnabledAgain: z
        .boolean()
        .optional()
        .describe('Gives access back to one that was disabled.'),
    }),
    answer: verifier,
    errors: ['CA_VERIFIER_UNKNOWN', 'CA_VERIFIER_INVALID', 'CA_MUNICIPALITY_UNKNOWN'],
    isRepeatable: true,
    handle: (call) => {
      const change = { ...call.params, ...call.body };
      return call.ca.operations.verifiers.change(change, callingOperator(call));
    },
  }),
  operatorRoute({
    operationId: 'changeVerifierCertificate',
    family: 'verifiers',
    method: 'POST',
    path: '/verifiers/{name}/certificate',
    permission: 'verifiers.manage',
    summary: 'Gives a verifier another certificate to authenticate with, or takes one away',
    params: z.strictObject({ name: accountName }),
    body: z.strictObject({
      certificate: base64(MAX_CERTIFICATE_BYTES).optional().describe('DER, base64.'),
      isAnother: z.boolean().optional().describe('Beside those that it has.'),
      removed: z
        .string()
        .regex(/^[0-9A-Fa-f:]{64,95}$/, 'SHA-256 in hexadecimal')
        .optional()
        .describe('SHA-256 of one that counts no more.'),
    }),
    answer: verifier,
    errors: ['CA_VERIFIER_UNKNOWN', 'CA_VERIFIER_INVALID'],
    handle: (call) => {
      const change = { ...call.params, ...call.body };
      return call.ca.operations.verifiers.certificate(change, callingOperator(call));
    },
  }),
  operatorRoute({
    operationId: 'removeVerifier',
    family: 'verifiers',
    method: 'DELETE',
    path: '/verifiers/{name}',
    permission: 'verifiers.manage',
    summary: 'Takes the entry of a verifier away whose access has ended',
    params: z.strictObject({ name: accountName }),
    answer: verifier,
    errors: ['CA_VERIFIER_UNKNOWN', 'CA_VERIFIER_ACTIVE'],
    handle: (call) => call.ca.operations.verifiers.remove(call.params, callingOperator(call)),
  }),
];
