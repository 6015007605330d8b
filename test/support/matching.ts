/**
 * Equality rules put to single values.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import { matchingRule } from '../../src/directory/schema/matching-rules.ts';
import type { EqualityRule } from '../../src/directory/schema/schema-model.ts';
import { shippedSchema } from './shipped-schema.ts';

export function equalityRule(name: string): EqualityRule {
  const rule = matchingRule(name);
  assert.equal(rule?.kind, 'equality', name);
  return rule;
}

/** What a filter would make of it: `undefined` when the assertion itself is refused. */
export function matchOutcome(
  ruleName: string,
  value: Uint8Array,
  assertion: string,
): boolean | undefined {
  const read = (): ReturnType<EqualityRule['readAssertion']> | undefined => {
    try {
      return equalityRule(ruleName).readAssertion(encodeUtf8(assertion), shippedSchema);
    } catch (error) {
      assert.ok(error instanceof DirectoryError, String(error));
      assert.equal(error.code, 'DIRECTORY_INVALID_SYNTAX');
      return undefined;
    }
  };
  return read()?.matches(value);
}
