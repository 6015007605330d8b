/**
 * A filter made ready for evaluation: descriptions resolved to types, assertions normalised once for
 * the whole search. What cannot be understood (an unknown attribute or rule, a value that does not
 * fit, no rule for what is asked) is Undefined (RFC 4511 §4.5.1.7), never an error.
 *
 * @module
 */

import { decodeUtf8 } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import { parseAttributeDescription } from '../schema/attribute-description.ts';
import { matchingRule } from '../schema/matching-rules.ts';
import type {
  AttributeType,
  EqualityAssertion,
  EqualityRule,
  MatchingRule,
  OrderingRule,
  SchemaLookup,
  SubstringRule,
} from '../schema/schema-model.ts';
import { parseSubstringAssertion } from '../schema/substring-assertion.ts';
import { BytePattern, type SubstringPattern } from '../schema/substring-search.ts';
import {
  type AssertionFilter,
  type ExtensibleFilter,
  type Filter,
  FilterBudget,
  type SubstringsFilter,
} from './filter.ts';

/** Which attributes an item looks at: the type and its subtypes, with at least these options. */
export interface AttributeTarget {
  readonly type: AttributeType;
  readonly options: readonly string[];
}

/** A test of one value; made of a rule and an assertion. */
export type ValueTest =
  | {
      readonly kind: 'equality';
      readonly rule: EqualityRule;
      readonly assertion: EqualityAssertion;
    }
  | {
      readonly kind: 'greaterOrEqual' | 'lessOrEqual' | 'less';
      readonly rule: OrderingRule;
      readonly key: Uint8Array;
    }
  | {
      readonly kind: 'substrings';
      readonly rule: SubstringRule;
      readonly pattern: SubstringPattern;
    };

export type ResolvedFilter =
  | { readonly kind: 'undefined' }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly ResolvedFilter[] }
  | { readonly kind: 'not'; readonly filter: ResolvedFilter }
  | { readonly kind: 'present'; readonly target: AttributeTarget }
  | { readonly kind: 'value'; readonly target: AttributeTarget; readonly test: ValueTest }
  | {
      /** Every attribute that the test's rule compares, or the one named; names too if asked. */
      readonly kind: 'extensible';
      readonly target: AttributeTarget | undefined;
      readonly test: ValueTest;
      readonly dnAttributes: boolean;
    };

const undefinedFilter: ResolvedFilter = { kind: 'undefined' };

/**
 * Resolves a filter against a schema.
 *
 * @throws {DirectoryError} `DIRECTORY_FILTER_LIMIT` for a filter larger than the default limits.
 */
export function resolveFilter(filter: Filter, schema: SchemaLookup): ResolvedFilter {
  return resolve(filter, { schema, budget: new FilterBudget() }, 1);
}

interface Context {
  readonly schema: SchemaLookup;
  readonly budget: FilterBudget;
}

function resolve(filter: Filter, context: Context, depth: number): ResolvedFilter {
  context.budget.take(depth);
  switch (filter.kind) {
    case 'and':
    case 'or':
      return {
        kind: filter.kind,
        filters: filter.filters.map((each) => resolve(each, context, depth + 1)),
      };
    case 'not':
      return { kind: 'not', filter: resolve(filter.filter, context, depth + 1) };
    case 'present': {
      const target = resolveTarget(filter.attribute, context.schema);
      return target === undefined ? undefinedFilter : { kind: 'present', target };
    }
    case 'substrings':
      return resolveItem(filter.attribute, context.schema, (type) => substringTest(type, filter));
    case 'extensible':
      return resolveExtensible(filter, context.schema);
    default:
      return resolveItem(filter.attribute, context.schema, (type) =>
        assertionTest(type, filter, context.schema),
      );
  }
}

function resolveTarget(description: string, schema: SchemaLookup): AttributeTarget | undefined {
  const { type, options } = parseAttributeDescription(description, schema);
  return type === undefined ? undefined : { type, options };
}

function resolveItem(
  description: string,
  schema: SchemaLookup,
  testOf: (type: AttributeType) => ValueTest | undefined,
): ResolvedFilter {
  const target = resolveTarget(description, schema);
  const test = target === undefined ? undefined : orUndefined(() => testOf(target.type));
  return target === undefined || test === undefined
    ? undefinedFilter
    : { kind: 'value', target, test };
}

/** An assertion that its rule cannot take makes the item Undefined. */
function orUndefined<T>(make: () => T | undefined): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof DirectoryError) {
      return undefined;
    }
    throw error;
  }
}

function assertionTest(
  type: AttributeType,
  filter: AssertionFilter,
  schema: SchemaLookup,
): ValueTest | undefined {
  switch (filter.kind) {
    case 'equality':
    // RFC 4511 §4.5.1.7.6: without an approximate rule, as equality.
    case 'approx': {
      const rule = type.equality;
      return rule && equalityTest(rule, filter.value, schema);
    }
    case 'greaterOrEqual':
    case 'lessOrEqual': {
      const rule = type.ordering;
      return rule && { kind: filter.kind, rule, key: rule.valueKey(filter.value, schema) };
    }
  }
}

function equalityTest(rule: EqualityRule, value: Uint8Array, schema: SchemaLookup): ValueTest {
  return { kind: 'equality', rule, assertion: rule.readAssertion(value, schema) };
}

function substringTest(type: AttributeType, filter: SubstringsFilter): ValueTest | undefined {
  const rule = type.substring;
  return rule && { kind: 'substrings', rule, pattern: patternOf(rule, filter) };
}

function patternOf(
  rule: SubstringRule,
  pieces: Pick<SubstringsFilter, 'initial' | 'any' | 'final'>,
): SubstringPattern {
  const { initial, any, final } = pieces;
  return {
    initial: initial && new BytePattern(rule.preparePiece(initial, 'initial')),
    any: any.map((piece) => new BytePattern(rule.preparePiece(piece, 'any'))),
    final: final && new BytePattern(rule.preparePiece(final, 'final')),
  };
}

/** RFC 4511 §4.5.1.7.7. */
function resolveExtensible(filter: ExtensibleFilter, schema: SchemaLookup): ResolvedFilter {
  const { attribute, value, dnAttributes } = filter;
  const target = attribute === undefined ? undefined : resolveTarget(attribute, schema);
  const rule = filter.rule === undefined ? target?.type.equality : matchingRule(filter.rule);
  const test =
    rule === undefined ? undefined : orUndefined(() => extensibleTest(rule, value, schema));
  const isUnknown = attribute !== undefined && target === undefined;
  const isMismatch = target !== undefined && rule?.appliesTo.has(target.type.syntax.oid) === false;
  return test === undefined || isUnknown || isMismatch
    ? undefinedFilter
    : { kind: 'extensible', target, test, dnAttributes };
}

function extensibleTest(
  rule: MatchingRule,
  value: Uint8Array,
  schema: SchemaLookup,
): ValueTest | undefined {
  switch (rule.kind) {
    case 'equality':
      return equalityTest(rule, value, schema);
    // An ordering rule alone is true for values before the assertion (RFC 4517 §4.2.4).
    case 'ordering':
      return { kind: 'less', rule, key: rule.valueKey(value, schema) };
    case 'substrings': {
      const pieces = parseSubstringAssertion(decodeUtf8(value) ?? '');
      return pieces && { kind: 'substrings', rule, pattern: patternOf(rule, pieces) };
    }
  }
}
