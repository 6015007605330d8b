/**
 * Equality rules that go by one key: a value and an assertion match exactly when their keys are the
 * same bytes. Nearly all rules do.
 *
 * Not here: the rules of RFC 4523 whose assertions say less than a value does.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { EqualityRule, SchemaLookup } from './schema-model.ts';

/** @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX`. */
export type KeyOf = (octets: Uint8Array, schema: SchemaLookup) => Uint8Array;

export interface KeyedRule
  extends Pick<EqualityRule, 'oid' | 'name' | 'syntax' | 'appliesTo' | 'valueKey'> {
  /** The key of an assertion; that of a value when assertions are values. */
  readonly assertionKey?: KeyOf;
}

export function keyedRule({ assertionKey, ...rule }: KeyedRule): EqualityRule {
  const { valueKey } = rule;
  return {
    kind: 'equality',
    ...rule,
    indexKeys: (value, schema) => [valueKey(value, schema)],
    readAssertion: (assertion, schema) => {
      const indexKey = (assertionKey ?? valueKey)(assertion, schema);
      return { indexKey, matches: (value) => equalBytes(valueKey(value, schema), indexKey) };
    },
  };
}
