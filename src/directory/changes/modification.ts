/**
 * Applies the changes of a modify request to an entry in memory, in order (RFC 4511 §4.6). The result
 * is complete but not yet checked as an entry: object classes, single values and naming values are
 * looked at once, on the whole (`entry-rules.ts`), because only the outcome has to comply.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import type { Attribute, Entry, StoredValue } from '../entries/entry.ts';
import { loadValues } from '../entries/large-values.ts';
import {
  checkDistinct,
  checkSyntax,
  identityOf,
  type WritableDescription,
} from '../entries/value-rules.ts';
import { DirectoryError } from '../errors.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';
import { SyntaxOid } from '../schema/syntax-oid.ts';
import type { Modification } from '../service.ts';

/** Longest integer that is added or added to, in characters; sums of longer ones take too long. */
const MAX_INTEGER_LENGTH = 64;

/** A modification whose description has been resolved. */
export interface ResolvedModification {
  readonly operation: Modification['operation'];
  readonly description: WritableDescription;
  readonly values: readonly Uint8Array[];
}

/**
 * @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX`, `DIRECTORY_VALUE_EXISTS`,
 *   `DIRECTORY_NO_SUCH_ATTRIBUTE`, `DIRECTORY_INAPPROPRIATE_MATCHING`, and `DIRECTORY_CONSTRAINT` for
 *   an `add` without values and an `increment` of what is no integer.
 */
export async function applyModifications(
  entry: Entry,
  changes: readonly ResolvedModification[],
  context: { readonly view: ReadView; readonly schema: SchemaLookup },
): Promise<Entry> {
  let changed = entry;
  for (const change of changes) {
    const { type, options } = change.description;
    const present = changed.attribute(type, options) ?? { type, options, values: [] };
    const bundle = await applyOne(present, change, context);
    changed = changed.withBundle(bundle);
  }
  return changed;
}

async function applyOne(
  present: Attribute,
  { operation, values }: ResolvedModification,
  context: { readonly view: ReadView; readonly schema: SchemaLookup },
): Promise<Attribute> {
  const { type } = present;
  if (operation === 'delete') {
    return values.length === 0 ? deleteAll(present) : await deleteValues(present, values, context);
  }
  checkSyntax(type, values, context.schema);
  if (operation === 'increment') {
    return increment(present, values);
  }
  if (operation === 'replace') {
    checkDistinct(type, values, context.schema);
    return { ...present, values };
  }
  if (values.length === 0) {
    throw new DirectoryError('DIRECTORY_CONSTRAINT', `no value of ${type.name} to add`);
  }
  if (present.values.length === 0) {
    checkDistinct(type, values, context.schema);
    return { ...present, values };
  }
  checkDistinct(type, [...(await loadValues(context.view, present)), ...values], context.schema);
  return { ...present, values: [...present.values, ...values] };
}

function deleteAll(present: Attribute): Attribute {
  if (present.values.length === 0) {
    throw noSuchAttribute(present);
  }
  return { ...present, values: [] };
}

async function deleteValues(
  present: Attribute,
  values: readonly Uint8Array[],
  { view, schema }: { readonly view: ReadView; readonly schema: SchemaLookup },
): Promise<Attribute> {
  const { type } = present;
  if (type.equality === undefined) {
    throw new DirectoryError(
      'DIRECTORY_INAPPROPRIATE_MATCHING',
      `values of ${type.name} cannot be told apart; delete the whole attribute`,
    );
  }
  const loaded = await loadValues(view, present);
  const kept = new Map(
    loaded.map((value, index) => [identityOf(type, value, schema), present.values[index] ?? value]),
  );
  for (const value of values) {
    if (!kept.delete(identityOf(type, value, schema))) {
      throw noSuchAttribute(present);
    }
  }
  return { ...present, values: [...kept.values()] };
}

/** RFC 4525 §2. */
function increment(present: Attribute, values: readonly Uint8Array[]): Attribute {
  const { type } = present;
  const [by, ...more] = values;
  if (type.syntax.oid !== SyntaxOid.integer || by === undefined || more.length > 0) {
    throw new DirectoryError(
      'DIRECTORY_CONSTRAINT',
      `an increment adds one integer to values of an integer syntax, not to ${type.name}`,
    );
  }
  if (present.values.length === 0) {
    throw noSuchAttribute(present);
  }
  const summand = parseInteger(type, by);
  const sums = present.values.map((value) => {
    const sum = String(parseInteger(type, value) + summand);
    return encodeUtf8(sum);
  });
  return { ...present, values: sums };
}

function parseInteger(type: AttributeType, value: StoredValue): bigint {
  const text = value instanceof Uint8Array ? decodeUtf8(value) : undefined;
  if (text === undefined || text.length > MAX_INTEGER_LENGTH) {
    throw new DirectoryError(
      'DIRECTORY_CONSTRAINT',
      `a number of more than ${MAX_INTEGER_LENGTH} digits cannot be added to ${type.name}`,
    );
  }
  return BigInt(text);
}

function noSuchAttribute({ type }: Attribute): DirectoryError {
  return new DirectoryError(
    'DIRECTORY_NO_SUCH_ATTRIBUTE',
    `the entry does not have this ${type.name}`,
  );
}
