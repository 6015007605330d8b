/**
 * The CA's revocation lists: how they stand, and their publication out of turn. The lists themselves are in the
 * directory and the repository.
 *
 * @module
 */

import { z } from 'zod';

import { type ApiRoute, operatorRoute } from './api-route.ts';
import { callingOperator } from './call-operator.ts';
import { code, instant, ordinal } from './field-shapes.ts';

const newest = z.object({
  crlNumber: z.string(),
  thisUpdate: instant,
  nextUpdate: instant,
  entries: z.int(),
  bytes: z.int(),
  sha256: z.string(),
  deltaOf: z.string().nullable().describe('The full list that it is a change of.'),
});

const standing = z.object({
  scope: z.string(),
  dn: z.string().describe('Its entry in the directory.'),
  newest: newest.nullable().describe('Null before the first.'),
  nextPublication: instant.nullable(),
  pending: z.int().describe('Revocations that are in no list yet.'),
  lateness: z.string(),
  entriesPerDay: z.number().nullable(),
  bytesPerDay: z.number().nullable(),
});

const published = z.object({
  scope: z.string(),
  crlNumber: ordinal,
  thisUpdate: instant,
  nextUpdate: instant,
  entries: z.int(),
  bytes: z.int(),
  sha256: z.string(),
});

const GROWTH_DAYS = 30;

export const listRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'listLists',
    family: 'lists',
    method: 'GET',
    path: '/lists',
    permission: 'operator',
    summary: 'How the lists stand',
    answer: z.strictObject({ lists: z.array(standing) }),
    handle: async ({ ca }) => ({ lists: await ca.operations.crl.list({ days: GROWTH_DAYS }) }),
  }),
  operatorRoute({
    operationId: 'publishLists',
    family: 'lists',
    method: 'POST',
    path: '/lists/publish',
    permission: 'lists.publish',
    summary: 'Publishes lists now',
    description: 'Beside the schedule, which goes on as it is. A wrong name publishes nothing.',
    body: z.strictObject({
      scopes: z.union([z.literal('all'), z.array(code).min(1).max(1_000)]),
    }),
    answer: z.strictObject({ published: z.array(published) }),
    errors: ['CA_SCOPE_UNKNOWN'],
    examples: { body: { scopes: ['arl'] } },
    // Once more is a newer list.
    isRepeatable: true,
    handle: async (call) => ({
      published: await call.ca.operations.publish(
        call.body,
        callingOperator(call),
        () => undefined,
      ),
    }),
  }),
];
