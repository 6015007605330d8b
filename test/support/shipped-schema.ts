/**
 * The schema in schema/, loaded once.
 *
 * @module
 */

import { join } from 'node:path';

import { packageRoot } from '../../src/config/package-root.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import type { AttributeType } from '../../src/directory/schema/schema-model.ts';

export const shippedSchema: Schema = await Schema.load(join(packageRoot, 'schema'));

/** An attribute type that the shipped schema must have. */
export function shippedType(name: string): AttributeType {
  const type = shippedSchema.attributeType(name);
  if (type === undefined) {
    throw new Error(`the shipped schema has no ${name}`);
  }
  return type;
}
