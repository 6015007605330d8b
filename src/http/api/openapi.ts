/**
 * The description of the API (OpenAPI 3.1), made from its routes and nothing else. The shapes are JSON Schema 2020-12,
 * which OpenAPI 3.1 takes as it is.
 *
 * @module
 */

import { z } from 'zod';

import type { ApiRoute } from './api-route.ts';
import { problemShape } from './problem.ts';

export type JsonObject = { readonly [name: string]: unknown };

/** Below which everything of a CA is. */
export const API_BASE = '/api/v1';

/** @param version Of the program. */
export function describeApi(routes: readonly ApiRoute[], version: string): JsonObject {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = `${API_BASE}/{ca}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route) };
  }
  const families = [...new Set(routes.map(({ family }) => family))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'certdir',
      version,
      summary: 'Certification authorities and their people',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: [{ url: '/' }],
    tags: families.map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: {
        session: { type: 'http', scheme: 'bearer', description: 'The token of openSession.' },
        clientCertificate: { type: 'mutualTLS' },
      },
    },
  };
}

const problemSchema = schemaOf(problemShape, 'output');

function describeRoute(route: ApiRoute): JsonObject {
  const { access, examples, body } = route;
  return {
    operationId: route.operationId,
    tags: [route.family],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: access === 'public' ? [] : [{ session: [] }, { clientCertificate: [] }],
    'x-permission': typeof access === 'string' ? access : access.permission,
    parameters: parametersOf(route),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: json(schemaOf(route.describedBody ?? body, 'input'), examples?.body),
          },
        }),
    responses: responsesOf(route),
  };
}

function parametersOf({ params, query, method }: ApiRoute): readonly JsonObject[] {
  const ca = {
    name: 'ca',
    in: 'path',
    required: true,
    description: "The CA's id.",
    schema: { type: 'string' },
  };
  const idempotencyKey = {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'The same for every try of one request, so that it is done once.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: IDEMPOTENCY_KEY.source },
  };
  return [
    ca,
    ...parametersIn('path', params),
    ...parametersIn('query', query),
    ...(method === 'GET' ? [] : [idempotencyKey]),
  ];
}

/** What an Idempotency-Key may be made of. */
export const IDEMPOTENCY_KEY: RegExp = /^[\x21-\x7e]{1,255}$/;

function parametersIn(place: 'path' | 'query', shape: z.ZodObject | undefined): JsonObject[] {
  return Object.entries(shape?.shape ?? {}).map(([name, field]) => {
    const { description, ...schema } = schemaOf(field as z.ZodType, 'input');
    return {
      name,
      in: place,
      required: place === 'path' || !isOptional(field as z.ZodType),
      ...(description === undefined ? {} : { description }),
      schema,
    };
  });
}

function isOptional(field: z.ZodType): boolean {
  return field.safeParse(undefined).success;
}

function responsesOf({
  status = 200,
  answer,
  summary,
  errors = [],
  examples,
}: ApiRoute): JsonObject {
  const done = {
    description: summary,
    ...(answer === undefined
      ? {}
      : { content: json(schemaOf(answer, 'output'), examples?.answer) }),
  };
  const codes = errors.map((code) => `\`${code}\``).join(', ');
  const failed = {
    description: errors.length === 0 ? 'A problem.' : `A problem, such as ${codes}.`,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  return { [String(status)]: done, default: failed };
}

function json(schema: JsonObject, example: unknown): JsonObject {
  return { 'application/json': { schema, ...(example === undefined ? {} : { example }) } };
}

function schemaOf(shape: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(shape, { io, unrepresentable: 'any' });
  return schema;
}
