/**
 * Sessions: in with a password, out, and who one is.
 *
 * @module
 */

import { z } from 'zod';

import { type ApiRoute, operatorRoute, publicRoute } from './api-route.ts';
import { accountDn, changeOwnPassword, proveByPassword } from './authentication.ts';
import { instant, password } from './field-shapes.ts';

const identity = z.object({
  ca: z.string(),
  id: z.string().describe('Stays when the account is renamed.'),
  name: z.string(),
  dn: z.string(),
  roles: z.array(z.string()),
  partitions: z.array(z.string()).describe('Codes that the operator acts for; empty: all.'),
  method: z.enum(['certificate', 'password']),
});

const name = z.string().min(1).max(1_000).describe("The operator's name, or distinguished name.");

const credentials = z.strictObject({ name, password });

export const sessionRoutes: readonly ApiRoute[] = [
  publicRoute({
    operationId: 'openSession',
    family: 'sessions',
    method: 'POST',
    path: '/sessions',
    summary: 'Opens a session with a password',
    description:
      'The token goes into `Authorization: Bearer`. It ends when it is not used for a while, and at a fixed hour in any' +
      ' case. Who has a client certificate needs no session.',
    status: 201,
    body: credentials,
    answer: z.object({
      token: z.string(),
      expires: instant.describe('The end in any case.'),
      idleSeconds: z.int().describe('Unused for so long, it ends earlier.'),
      operator: identity,
    }),
    errors: ['HTTP_UNAUTHENTICATED', 'DIRECTORY_BUSY', 'HTTP_TOO_MANY_SESSIONS'],
    examples: { body: { name: 'taro', password: 'correct horse battery' } },
    handle: async ({ ca, body, caller, service }) => {
      const proven = await proveByPassword(ca, body, caller.session);
      const { token, expiresMs, idleMs } = service.openSession(ca.id, proven.principal);
      return {
        token,
        expires: new Date(expiresMs).toISOString(),
        idleSeconds: Math.floor(idleMs / 1000),
        operator: proven.identity,
      };
    },
  }),
  operatorRoute({
    operationId: 'showSession',
    family: 'sessions',
    method: 'GET',
    path: '/session',
    permission: 'operator',
    summary: 'Who the caller is to this CA, and what it may do',
    answer: z.object({ ...identity.shape, permissions: z.array(z.string()) }),
    handle: async ({ ca, identity: caller }) => ({
      ...caller,
      permissions: ca.people.permissionsOf(caller),
    }),
  }),
  operatorRoute({
    operationId: 'closeSession',
    family: 'sessions',
    method: 'DELETE',
    path: '/session',
    permission: 'operator',
    summary: 'Ends the session',
    description:
      'Of a caller with a client certificate there is none to end; the answer is the same.',
    status: 204,
    isRepeatable: true,
    handle: async ({ sessionToken, service }) => {
      if (sessionToken !== undefined) {
        service.closeSession(sessionToken);
      }
    },
  }),
  publicRoute({
    operationId: 'changePassword',
    family: 'sessions',
    method: 'PUT',
    path: '/password',
    summary: "Changes one's own password",
    description: 'Also one that has expired. All sessions of the account end.',
    status: 204,
    body: z.strictObject({ name, oldPassword: password, newPassword: password }),
    errors: ['HTTP_UNAUTHENTICATED', 'DIRECTORY_CONSTRAINT', 'DIRECTORY_BUSY'],
    handle: async ({ ca, body, caller, service }) => {
      await changeOwnPassword(ca, body, caller.session);
      service.closeSessionsOf(ca.nameKey(accountDn(ca, body.name)));
    },
  }),
];
