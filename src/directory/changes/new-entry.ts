/**
 * Makes a new entry from what was given: attributes gathered by type and options, checked, stamped.
 *
 * @module
 */

import type { Attribute, Entry } from '../entries/entry.ts';
import { checkEntryRules, type RuleContext } from '../entries/entry-rules.ts';
import {
  checkDistinct,
  checkSyntax,
  resolveWritable,
  type ValueOrigin,
} from '../entries/value-rules.ts';
import { DirectoryError } from '../errors.ts';
import type { Rdn } from '../names/dn.ts';
import type { Schema } from '../schema/schema.ts';
import type { AttributeValues } from '../service.ts';
import { type ChangeFacts, stampCreated } from './entry-stamp.ts';

/**
 * Attributes given one by one, possibly several times, as bundles.
 *
 * @throws {DirectoryError} `DIRECTORY_UNDEFINED_TYPE`, `DIRECTORY_INVALID_SYNTAX`,
 *   `DIRECTORY_VALUE_EXISTS`, `DIRECTORY_CONSTRAINT`.
 */
export function gatherAttributes(
  given: readonly AttributeValues[],
  schema: Schema,
  origin: ValueOrigin,
): readonly Attribute[] {
  const bundles = new Map<
    string,
    { type: Attribute['type']; options: readonly string[]; values: Uint8Array[] }
  >();
  for (const { description, values } of given) {
    const { type, options } = resolveWritable(description, schema, origin);
    if (values.length === 0) {
      throw new DirectoryError('DIRECTORY_CONSTRAINT', `no value of ${type.name} to add`);
    }
    checkSyntax(type, values, schema);
    const name = [type.oid, ...options].join(';');
    const bundle = bundles.get(name);
    if (bundle === undefined) {
      bundles.set(name, { type, options, values: [...values] });
    } else {
      bundle.values.push(...values);
    }
  }
  const attributes = [...bundles.values()];
  for (const { type, values } of attributes) {
    checkDistinct(type, values, schema);
  }
  return attributes;
}

/** Checks a draft as a whole and stamps it. Clear passwords in it have been hashed. */
export function createEntry(
  draft: Entry,
  context: RuleContext,
  facts: ChangeFacts & { readonly entryUuid: string; readonly rdn: Rdn },
): Entry {
  const checked = checkEntryRules(draft, context, { rdn: facts.rdn });
  return stampCreated(checked, context.types, facts);
}
