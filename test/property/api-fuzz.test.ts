/**
 * The API tried by its own description: every operation by every role and by nobody; every operation with values that fit
 * its schemas, nearly fit them, or do not at all. What is expected comes from the description alone.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';

import { People } from '../../src/ca/policy/people.ts';
import { isPermission } from '../../src/ca/policy/permissions.ts';
import type { ApiAnswer, ApiQuestion } from '../support/api-client.ts';
import { type ServedApi, serveApi } from '../support/api-server.ts';
import { gunma } from '../support/ca-test-bed.ts';
import { fitting, type JsonSchema, nearly } from '../support/json-schema-values.ts';

const runs = { seed: 20261121, numRuns: process.env['CERTDIR_TEST_LONG'] === '1' ? 300 : 8 };

interface Operation {
  readonly operationId: string;
  readonly method: string;
  /** Below the CA's path. */
  readonly path: string;
  readonly permission: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly body: JsonSchema | undefined;
  readonly answers: Readonly<Record<string, JsonSchema | undefined>>;
}

let api: ServedApi;
let operations: readonly Operation[];

/** What is opened in a hook stays open until the end. */
const closing: (() => unknown)[] = [];
const untilTheEnd = { after: (close: () => unknown): unknown => closing.unshift(close) };

after(async () => {
  for (const close of closing) {
    await close();
  }
});

before(async () => {
  api = await serveApi(untilTheEnd);
  const { body } = await api.client.ask({ path: '//api/openapi.json' });
  operations = operationsIn(body as JsonSchema);
});

type Content = { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> };

function operationsIn(description: JsonSchema): readonly Operation[] {
  const paths = description['paths'] as Record<string, Record<string, JsonSchema>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, facts]) => {
      const requested = facts['requestBody'] as Content | undefined;
      const responses = facts['responses'] as Record<string, Content>;
      return {
        operationId: facts['operationId'] as string,
        method: method.toUpperCase(),
        path: path.replace('/api/v1/{ca}', ''),
        permission: facts['x-permission'] as string,
        parameters: facts['parameters'] as Operation['parameters'],
        body: requested?.content?.['application/json']?.schema,
        answers: Object.fromEntries(
          Object.entries(responses).map(([status, { content }]) => [
            status,
            content?.['application/json']?.schema,
          ]),
        ),
      };
    }),
  );
}

/** A role that the policy gives the operation to. */
function roleFor({ permission }: Operation): string {
  const people = new People(gunma);
  return (isPermission(permission) ? people.rolesWith(permission)[0] : undefined) ?? 'manager';
}

const sessionEnders = new Set(['closeSession']);

describe('every operation', () => {
  it('is refused to nobody in particular, and to every role that the policy does not give it', async () => {
    const people = new People(gunma);
    const wrong: string[] = [];
    for (const operation of operations) {
      const { method, permission, operationId } = operation;
      const path = operation.path.replaceAll(/\{\w+\}/g, '0');
      const anonymous = await api.client.ask({ method, path });
      if ((permission === 'public') === (anonymous.status === 401)) {
        wrong.push(`${operationId} by nobody: ${anonymous.status}`);
      }
      for (const role of api.roles) {
        const { status, text } = await api.client.ask({
          ...{ method, path, client: api.certificateOf(role) },
        });
        const isAllowed = !isPermission(permission) || people.isAllowed([role], permission);
        const isRefused = status === 401 || status === 403;
        if (isAllowed === isRefused && !sessionEnders.has(operationId)) {
          wrong.push(`${operationId} by ${role}: ${status} ${text}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('answers what fits, nearly fits or does not fit with what is described, and never fails', async () => {
    let before = await standing();
    for (const operation of operations) {
      await fc.assert(
        fc.asyncProperty(questionFor(operation), async (question) => {
          const client = api.certificateOf(roleFor(operation));
          const answer = await api.client.ask({ ...question, client });
          const what = `${operation.operationId} ${JSON.stringify(question)} -> ${answer.text}`;
          assert.ok(answer.status < 500, what);
          if (answer.status >= 400) {
            assertProblem(answer, what);
            if (operation.method !== 'GET') {
              const now = await standing();
              assert.equal(now, before, `${what}: something has changed`);
            }
          } else {
            before = operation.method === 'GET' ? before : await standing();
            const shape = operation.answers[String(answer.status)];
            assert.ok(String(answer.status) in operation.answers, what);
            if (shape !== undefined) {
              assert.deepEqual(misfits(answer.body, shape, ''), [], what);
            }
          }
        }),
        runs,
      );
    }
  });
});

/** The last act that was done, by the audit log: whatever changes something is on record in the same transaction. */
async function standing(): Promise<string> {
  const [last] = await api.server.operations.audit.list({ result: 'done', limit: 1 });
  return `${last?.sequence} ${last?.kind}`;
}

function questionFor({ method, path, parameters, body }: Operation): fc.Arbitrary<ApiQuestion> {
  const values = (place: string): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(
      Object.fromEntries(
        parameters
          .filter((one) => one.in === place && one.name !== 'ca')
          .map(({ name, schema }) => [
            name,
            fc.oneof({ weight: 3, arbitrary: fitting(schema) }, nearly(schema), fc.string()),
          ]),
      ),
      place === 'path' ? {} : { requiredKeys: [] },
    );
  const bodies =
    body === undefined
      ? fc.constant(undefined)
      : fc.oneof(
          { weight: 4, arbitrary: fitting(body) },
          { weight: 4, arbitrary: nearly(body) },
          fc.jsonValue(),
        );
  return fc.tuple(values('path'), values('query'), bodies).map(([inPath, inQuery, sent]) => {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encoded(inPath[name]));
    const query = Object.entries(inQuery)
      .map(([name, value]) => `${name}=${encoded(value)}`)
      .join('&');
    return {
      method,
      path: query === '' ? filled : `${filled}?${query}`,
      ...(sent === undefined ? {} : { body: sent }),
    };
  });
}

function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  // An empty part would be another path.
  return encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '?').slice(0, 150) || '-');
}

function assertProblem(answer: ApiAnswer, what: string): void {
  const problem = answer.body as Record<string, unknown>;
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, what);
  assert.equal(problem['status'], answer.status, what);
  for (const name of ['type', 'title', 'detail', 'code']) {
    assert.equal(typeof problem[name], 'string', what);
  }
}

/** Where a value is not as a schema of the description says. */
function misfits(value: unknown, schema: JsonSchema, at: string): readonly string[] {
  const choices = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonSchema[] | undefined;
  if (choices !== undefined) {
    const isAny = choices.some((one) => misfits(value, one, at).length === 0);
    return isAny ? [] : [`${at}: none of ${JSON.stringify(choices)}`];
  }
  const { type = [] } = schema as { readonly type?: string | readonly string[] };
  const types = [type].flat();
  if (types.length > 0 && !types.some((type) => isOfType(value, type))) {
    return [`${at}: ${JSON.stringify(value)} is no ${types.join(' or ')}`];
  }
  const allowed = schema['enum'] as readonly unknown[] | undefined;
  if (allowed !== undefined && !allowed.includes(value)) {
    return [`${at}: ${JSON.stringify(value)} is none of ${allowed.join(', ')}`];
  }
  if (Array.isArray(value)) {
    const items = (schema['items'] ?? {}) as JsonSchema;
    return value.flatMap((one, index) => misfits(one, items, `${at}/${index}`));
  }
  return typeof value === 'object' && value !== null
    ? misfitsOfObject(value as JsonSchema, schema, at)
    : [];
}

function misfitsOfObject(value: JsonSchema, schema: JsonSchema, at: string): readonly string[] {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const required = (schema['required'] ?? []) as readonly string[];
  const isOpen = schema['additionalProperties'] !== false;
  return [
    ...required.filter((name) => !(name in value)).map((name) => `${at}/${name} is missing`),
    ...Object.entries(value).flatMap(([name, member]) => {
      const known = properties[name];
      if (known !== undefined) {
        return misfits(member, known, `${at}/${name}`);
      }
      return isOpen ? [] : [`${at}/${name} is not described`];
    }),
  ];
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
