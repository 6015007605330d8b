/**
 * The schema of policy files as JSON Schema (draft 2020-12), for editors that complete and check while one types.
 * It knows shapes, not what settings have to do with each other: `certdir cps check` does.
 *
 * @module
 */

import { z } from 'zod';

import { policySchema } from './policy-schema.ts';

export function policyJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(policySchema, {
    io: 'input',
    unrepresentable: 'any',
  });
  return {
    $schema,
    title: 'certdir policy',
    description: 'What a practice statement asks of a certification authority, as data.',
    ...rest,
  };
}
