import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';

import { apiRoutes } from '../../../src/http/api/api-routes.ts';
import { describeApi } from '../../../src/http/api/openapi.ts';

const description = describeApi(apiRoutes, '0.0.0');

/** What proves by itself whose it is: a password, a reference that was sent, a signature. */
const openToAll = [
  ...['changePassword', 'download', 'openSession', 'prepareOnlineRevocation', 'revokeOnline'],
];

describe('the description of the API', () => {
  it('is an OpenAPI 3.1 document, by the JSON Schema of its specification', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(description));
    assert.deepEqual([valid, errors], [true, undefined]);
    assert.equal(validator.version, '3.1');
  });

  it('refers to nothing that is not in it', () => {
    const text = JSON.stringify(description);
    const referred = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to));
    assert.deepEqual([...referred], ['#/components/schemas/Problem']);
  });

  it('has every operation once, each method of a path once, and every parameter of its path', () => {
    const names = apiRoutes.map(({ operationId }) => operationId);
    assert.equal(new Set(names).size, names.length);
    const places = apiRoutes.map(({ method, path }) => `${method} ${path}`);
    assert.equal(new Set(places).size, places.length);
    for (const { operationId, path, params } of apiRoutes) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      assert.deepEqual(Object.keys(params?.shape ?? {}), inPath, operationId);
    }
  });

  it('has examples that fit', () => {
    for (const { operationId, body, examples } of apiRoutes) {
      if (examples?.body !== undefined) {
        assert.equal(body?.safeParse(examples.body).error, undefined, operationId);
      }
    }
  });

  it('is open to nobody in particular only where what is sent proves whose it is', () => {
    const open = apiRoutes
      .filter(({ access }) => access === 'public')
      .map((one) => one.operationId);
    // A file is encrypted and its reference is known to its subscriber; a revocation is signed by its subscriber.
    assert.deepEqual(open.sort(), openToAll);
  });
});
