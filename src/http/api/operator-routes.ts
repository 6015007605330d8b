/**
 * Operators' accounts, for whoever registers them by the policy. One's own account is somebody else's to change.
 *
 * @module
 */

import { z } from 'zod';

import { formatSerialNumber } from '../../ca/certificates/serial-number.ts';
import { encodePem } from '../../x509/pem.ts';
import { accountReport } from '../local-operator-operations.ts';
import { formatTime } from '../report-time.ts';
import { type ApiRoute, operatorRoute } from './api-route.ts';
import { accountName, base64, code, instant, password, serialNumber } from './field-shapes.ts';

const MAX_CERTIFICATE_BYTES = 16 * 1024;
const MAX_REQUEST_CHARACTERS = 64_000;

const account = z.object({
  dn: z.string(),
  name: z.string(),
  fullName: z.string().nullable(),
  staffNumber: z.string().nullable(),
  roles: z.array(z.string()),
  partitions: z.array(z.string()).describe('Municipalities that it acts for; none: all.'),
  certificates: z.array(z.string()).describe('SHA-256 of those that it authenticates with.'),
  isDisabled: z.boolean(),
});

const named = z.strictObject({ name: accountName });
const isPermitted = 'operators.manage';

export const operatorRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'listOperators',
    family: 'operators',
    method: 'GET',
    path: '/operators',
    permission: isPermitted,
    summary: 'The operators',
    description: 'Also those whose accounts are closed.',
    answer: z.object({ operators: z.array(account) }),
    handle: async ({ ca }) => ({ operators: (await ca.operators.list()).map(accountReport) }),
  }),
  operatorRoute({
    operationId: 'addOperator',
    family: 'operators',
    method: 'POST',
    path: '/operators',
    permission: isPermitted,
    summary: 'Registers an operator',
    description:
      'One account for each person. Without a password and a certificate it authenticates with nothing until it is enrolled.',
    status: 201,
    body: z.strictObject({
      name: accountName,
      fullName: accountName.optional().describe('The person.'),
      staffNumber: accountName.optional().describe('Tells people of one name apart.'),
      roles: z.array(z.string().min(1).max(64)).min(1).max(100),
      partitions: z.array(code).max(10_000).optional(),
      password: password.optional(),
      certificate: base64(MAX_CERTIFICATE_BYTES).optional().describe('DER, base64.'),
    }),
    answer: account,
    errors: ['CA_OPERATOR_INVALID', 'CA_OPERATOR_EXISTS', 'CA_SEPARATION', 'CA_SAME_PERSON'],
    examples: {
      body: { name: 'sato', fullName: '佐藤 花子', staffNumber: '1017', roles: ['examiner'] },
    },
    handle: async ({ ca, identity: operator, origin, body: { certificate, ...rest } }) => {
      const der = certificate === undefined ? undefined : Buffer.from(certificate, 'base64');
      const input = { ...rest, certificate: der };
      return accountReport(await ca.operators.add(input, { operator, origin }));
    },
  }),
  operatorRoute({
    operationId: 'disableOperator',
    family: 'operators',
    method: 'POST',
    path: '/operators/{name}/disable',
    permission: isPermitted,
    summary: 'Closes an account at once',
    description: 'What it approved and was not carried out counts no more.',
    params: named,
    answer: account,
    errors: ['CA_OPERATOR_UNKNOWN'],
    isRepeatable: true,
    handle: async ({ ca, identity: operator, origin, params, service }) => {
      const closed = await ca.operators.disable(params.name, { operator, origin });
      service.closeSessionsOf(ca.nameKey(closed.dn));
      return accountReport(closed);
    },
  }),
  operatorRoute({
    operationId: 'enableOperator',
    family: 'operators',
    method: 'POST',
    path: '/operators/{name}/enable',
    permission: isPermitted,
    summary: 'Opens an account that was closed',
    params: named,
    answer: account,
    errors: ['CA_OPERATOR_UNKNOWN', 'CA_OPERATOR_EXISTS', 'CA_OPERATOR_INVALID', 'CA_SEPARATION'],
    isRepeatable: true,
    handle: async ({ ca, identity: operator, origin, params }) =>
      accountReport(await ca.operators.enable(params.name, { operator, origin })),
  }),
  operatorRoute({
    operationId: 'setOperatorPassword',
    family: 'operators',
    method: 'PUT',
    path: '/operators/{name}/password',
    permission: isPermitted,
    summary: 'Gives an operator another password',
    description: 'Its sessions end. One changes one’s own with the old one (changePassword).',
    params: named,
    body: z.strictObject({ password }),
    answer: account,
    errors: ['CA_OPERATOR_UNKNOWN', 'CA_OPERATOR_INVALID', 'CA_SAME_PERSON'],
    handle: async ({ ca, identity: operator, origin, params, body, service }) => {
      const by = { operator, origin };
      const changed = await ca.operators.setPassword(params.name, body.password, by);
      service.closeSessionsOf(ca.nameKey(changed.dn));
      return accountReport(changed);
    },
  }),
  operatorRoute({
    operationId: 'enrolOperator',
    family: 'operators',
    method: 'POST',
    path: '/operators/{name}/enrol',
    // Of two permissions; which of them is asked for is decided with the account.
    permission: 'operator',
    summary: 'Issues a certificate to an operator',
    description:
      'The account authenticates with it from then on; one of this CA that it had before is revoked. The same request again ends what was interrupted. For whoever has' +
      ' operators.enrol or operators.manage.',
    params: named,
    body: z.strictObject({
      request: z.string().min(1).max(MAX_REQUEST_CHARACTERS).describe('PKCS#10: PEM, or base64.'),
    }),
    answer: z.object({
      operator: account,
      serialNumber,
      notAfter: instant,
      certificate: z.string().describe('PEM.'),
    }),
    errors: [
      ...['CA_OPERATOR_UNKNOWN', 'CA_OPERATOR_INVALID', 'CA_SAME_PERSON'],
      ...['CA_REQUEST_MALFORMED', 'CA_PROOF_OF_POSSESSION', 'CA_KEY_WEAK', 'CA_KEY_REUSED'],
    ],
    isRepeatable: true,
    handle: async ({ ca, identity: operator, origin, params, body }) => {
      const request = body.request.includes('-----BEGIN')
        ? body.request
        : Buffer.from(body.request, 'base64');
      const enrolment = { name: params.name, request };
      const { certificate, ...done } = await ca.operators.enrol(enrolment, { operator, origin });
      return {
        operator: accountReport(done.operator),
        serialNumber: formatSerialNumber(done.serialNumber),
        notAfter: formatTime(certificate.notAfterMs),
        certificate: encodePem('CERTIFICATE', certificate.der),
      };
    },
  }),
];
