/**
 * Attributes of entries that are made up here and not stored, from text.
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import type { Attribute } from './entry.ts';

/**
 * @param attributes Values by attribute type; types without a value are left out.
 * @throws {DirectoryError} `DIRECTORY_SCHEMA_REFERENCE` for a type that the schema does not define.
 */
export function textAttributes(
  attributes: Readonly<Record<string, readonly string[] | undefined>>,
  schema: SchemaLookup,
): readonly Attribute[] {
  return Object.entries(attributes).flatMap(([name, values]) => {
    const type = schema.attributeType(name);
    if (type === undefined) {
      throw new DirectoryError(
        'DIRECTORY_SCHEMA_REFERENCE',
        `the schema does not define ${name}, which every directory publishes`,
      );
    }
    return values === undefined || values.length === 0
      ? []
      : [{ type, options: [], values: values.map(encodeUtf8) }];
  });
}
