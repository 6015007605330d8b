/**
 * How procedures with custodians stand: ceremonies of keys, compromise, end of service. They are carried out at the
 * machine (`certdir ceremony`).
 *
 * @module
 */

import { z } from 'zod';

import { ceremonyKinds } from '../ceremony-operations.ts';
import { type ApiRoute, operatorRoute } from './api-route.ts';
import { instant } from './field-shapes.ts';

const step = z.object({
  name: z.string(),
  title: z.string(),
  isDone: z.boolean(),
  at: instant.nullable(),
  by: z.array(z.string()),
  note: z.string(),
  facts: z.record(z.string(), z.string()),
});

/** Not with it: folders of the machine, and what is ordered of custodians. */
const ceremony = z.object({
  id: z.string(),
  kind: z.enum(ceremonyKinds),
  label: z.string().describe('The key.'),
  master: z.string(),
  witnesses: z.array(z.string()),
  started: instant,
  closed: instant.nullable().describe('Null until the record is closed.'),
  steps: z.array(step),
});

export const procedureRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'listCeremonies',
    family: 'procedures',
    method: 'GET',
    path: '/ceremonies',
    permission: 'requests.read',
    summary: 'The ceremonies, under way and closed',
    answer: z.object({ ceremonies: z.array(ceremony) }),
    handle: async ({ ca }) => ({ ceremonies: await ca.operations.ceremonies.list() }),
  }),
  operatorRoute({
    operationId: 'showCeremony',
    family: 'procedures',
    method: 'GET',
    path: '/ceremonies/{id}',
    permission: 'requests.read',
    summary: 'A ceremony, step by step',
    params: z.strictObject({ id: z.string().regex(/^[\w-]{1,64}$/, 'as listCeremonies shows it') }),
    answer: ceremony,
    errors: ['SIGNING_CEREMONY_REFUSED'],
    handle: ({ ca, params }) => ca.operations.ceremonies.show(params),
  }),
];
