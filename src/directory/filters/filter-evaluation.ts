/**
 * Three-valued evaluation of filters (RFC 4511 §4.5.1.7): true, false, or undefined. Only true
 * selects an entry.
 *
 * An attribute that the caller may not search makes its items Undefined whether the entry has it or
 * not, so that neither `(x=*)` nor `(!(x=*))` tells anything.
 *
 * @module
 */

import { compareBytes } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import type { Dn } from '../names/dn.ts';
import { isSubtypeOf } from '../schema/attribute-description.ts';
import type { AttributeType, EntryAttribute, SchemaLookup } from '../schema/schema-model.ts';
import { matchesSubstrings } from '../schema/substring-search.ts';
import type { AttributeTarget, ResolvedFilter, ValueTest } from './filter-resolution.ts';

/** An entry as a filter sees it: with the eyes of the caller. */
export interface EntryView {
  /** The entry's name; asked for only when a filter has `dnAttributes`. */
  dn(): Dn;
  /**
   * True when the caller may search this attribute type in this entry. Must not depend on whether
   * the entry has it.
   */
  canSearch(type: AttributeType): boolean;
  /**
   * The attributes whose type is `type` or derived from it; all when it is undefined. Those that the
   * caller may not search need not be left out: evaluation asks.
   */
  attributes(type: AttributeType | undefined): Iterable<EntryAttribute>;
}

/** What RFC 4511 calls TRUE, FALSE and Undefined. */
export type FilterResult = boolean | undefined;

/** Evaluates a resolved filter on one entry. */
export function evaluateFilter(
  filter: ResolvedFilter,
  entry: EntryView,
  schema: SchemaLookup,
): FilterResult {
  switch (filter.kind) {
    case 'undefined':
      return undefined;
    case 'and':
      return evaluateSet(filter.filters, { entry, schema, decisive: false });
    case 'or':
      return evaluateSet(filter.filters, { entry, schema, decisive: true });
    case 'not': {
      const result = evaluateFilter(filter.filter, entry, schema);
      return result === undefined ? undefined : !result;
    }
    case 'present':
      return evaluateTarget(filter.target, entry, () => true);
    case 'value':
      return evaluateTarget(filter.target, entry, ({ values }) =>
        matchesAny(values, filter.test, schema),
      );
    case 'extensible':
      return evaluateExtensible(filter, entry, schema);
  }
}

/**
 * The types whose values a filter compares, subtypes not listed; a view need not have at hand the
 * values of any other. Undefined stands for every type.
 */
export function comparedTypes(filter: ResolvedFilter): ReadonlySet<AttributeType | undefined> {
  const types = new Set<AttributeType | undefined>();
  collectTypes(filter, types);
  return types;
}

/** The types that a filter names at all, subtypes not listed; undefined stands for every type. */
export function mentionedTypes(filter: ResolvedFilter): ReadonlySet<AttributeType | undefined> {
  const types = new Set<AttributeType | undefined>();
  collectTypes(filter, types, (type) => types.add(type));
  return types;
}

function collectTypes(
  filter: ResolvedFilter,
  types: Set<AttributeType | undefined>,
  onPresent?: (type: AttributeType) => void,
): void {
  switch (filter.kind) {
    case 'and':
    case 'or':
      for (const each of filter.filters) {
        collectTypes(each, types, onPresent);
      }
      return;
    case 'not':
      collectTypes(filter.filter, types, onPresent);
      return;
    case 'value':
    case 'extensible':
      types.add(filter.target?.type);
      return;
    case 'present':
      onPresent?.(filter.target.type);
      return;
    case 'undefined':
      return;
  }
}

interface SetContext {
  readonly entry: EntryView;
  readonly schema: SchemaLookup;
  /** The result of one member that decides for all: false for `and`, true for `or`. */
  readonly decisive: boolean;
}

function evaluateSet(
  filters: readonly ResolvedFilter[],
  { entry, schema, decisive }: SetContext,
): FilterResult {
  let isUndefined = false;
  for (const filter of filters) {
    const result = evaluateFilter(filter, entry, schema);
    if (result === decisive) {
      return decisive;
    }
    isUndefined ||= result === undefined;
  }
  return isUndefined ? undefined : !decisive;
}

function evaluateTarget(
  target: AttributeTarget,
  entry: EntryView,
  matches: (attribute: EntryAttribute) => boolean,
): FilterResult {
  if (!entry.canSearch(target.type)) {
    return undefined;
  }
  for (const attribute of entry.attributes(target.type)) {
    if (isTargeted(attribute, target, entry) && matches(attribute)) {
      return true;
    }
  }
  return false;
}

function isTargeted(attribute: EntryAttribute, target: AttributeTarget, entry: EntryView): boolean {
  return (
    (attribute.type === target.type ||
      (isSubtypeOf(attribute.type, target.type) && entry.canSearch(attribute.type))) &&
    target.options.every((option) => attribute.options.includes(option))
  );
}

type ExtensibleItem = Extract<ResolvedFilter, { kind: 'extensible' }>;

/** RFC 4511 §4.5.1.7.7. */
function evaluateExtensible(
  { target, test, dnAttributes }: ExtensibleItem,
  entry: EntryView,
  schema: SchemaLookup,
): FilterResult {
  if (target !== undefined && !entry.canSearch(target.type)) {
    return undefined;
  }
  const isCompared = (attribute: EntryAttribute): boolean =>
    target === undefined
      ? test.rule.appliesTo.has(attribute.type.syntax.oid) && entry.canSearch(attribute.type)
      : isTargeted(attribute, target, entry);
  for (const attribute of entry.attributes(target?.type)) {
    if (isCompared(attribute) && matchesAny(attribute.values, test, schema)) {
      return true;
    }
  }
  return (
    dnAttributes &&
    entry
      .dn()
      .rdns.some((rdn) =>
        rdn.pairs.some(
          ({ type, value }) =>
            isCompared({ type, options: [], values: [value] }) && matchesAny([value], test, schema),
        ),
      )
  );
}

function matchesAny(values: readonly Uint8Array[], test: ValueTest, schema: SchemaLookup): boolean {
  return values.some((value) => matchesValue(value, test, schema));
}

/** A stored value that the rule cannot take matches nothing. */
function matchesValue(value: Uint8Array, test: ValueTest, schema: SchemaLookup): boolean {
  try {
    switch (test.kind) {
      case 'equality':
        return test.assertion.matches(value);
      case 'greaterOrEqual':
        return compareBytes(test.rule.valueKey(value, schema), test.key) >= 0;
      case 'lessOrEqual':
        return compareBytes(test.rule.valueKey(value, schema), test.key) <= 0;
      case 'less':
        return compareBytes(test.rule.valueKey(value, schema), test.key) < 0;
      case 'substrings':
        return matchesSubstrings(test.rule.prepareValue(value), test.pattern);
    }
  } catch (error) {
    if (error instanceof DirectoryError) {
      return false;
    }
    throw error;
  }
}
