/**
 * What a value must be to enter an entry: of its type's syntax, different from its neighbours by the
 * equality rule, alone where the type is single-valued.
 *
 * Not here: which attributes an entry must and may have (`schema.ts`).
 *
 * @module
 */

import { formatHex } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import { requireAttributeDescription } from '../schema/attribute-description.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';

/** Who brings the values: a client, or a file or code of ours that may set operational attributes. */
export type ValueOrigin = 'client' | 'trusted';

/** A description that values can be given for. */
export interface WritableDescription {
  readonly type: AttributeType;
  readonly options: readonly string[];
}

/**
 * Resolves an attribute description in an add or modify.
 *
 * @throws {DirectoryError} `DIRECTORY_UNDEFINED_TYPE` also for a certificate syntax without `;binary`
 *   from a client (RFC 4523 §2), `DIRECTORY_CONSTRAINT` for a type that clients may not set.
 */
export function resolveWritable(
  text: string,
  schema: SchemaLookup,
  origin: ValueOrigin,
): WritableDescription {
  const { type, options, isBinary } = requireAttributeDescription(text, schema);
  if (origin === 'client') {
    if (type.requiresBinary && !isBinary) {
      throw new DirectoryError(
        'DIRECTORY_UNDEFINED_TYPE',
        `${type.name} travels as ${type.name};binary (RFC 4523)`,
      );
    }
    if (type.isNoUserModification) {
      throw new DirectoryError(
        'DIRECTORY_CONSTRAINT',
        `${type.name} is set by the server, not by clients`,
      );
    }
  }
  return { type, options };
}

/** @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX`. */
export function checkSyntax(
  type: AttributeType,
  values: readonly Uint8Array[],
  schema: SchemaLookup,
): void {
  for (const value of values) {
    const problem = type.syntax.problem(value, schema);
    if (problem !== undefined) {
      throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', `a value of ${type.name} is ${problem}`);
    }
  }
}

/**
 * Text that is the same for two values exactly when the type's equality rule says so; without a rule,
 * when their bytes are the same.
 */
export function identityOf(type: AttributeType, value: Uint8Array, schema: SchemaLookup): string {
  return formatHex(type.equality?.valueKey(value, schema) ?? value);
}

/** @throws {DirectoryError} `DIRECTORY_VALUE_EXISTS` when two of the values are equal. */
export function checkDistinct(
  type: AttributeType,
  values: readonly Uint8Array[],
  schema: SchemaLookup,
): void {
  if (values.length < 2) {
    return;
  }
  const identities = new Set(values.map((value) => identityOf(type, value, schema)));
  if (identities.size !== values.length) {
    throw new DirectoryError('DIRECTORY_VALUE_EXISTS', `${type.name} has a value twice`);
  }
}

/** @throws {DirectoryError} `DIRECTORY_CONSTRAINT`. */
export function checkCount(type: AttributeType, count: number): void {
  if (type.isSingleValue && count > 1) {
    throw new DirectoryError('DIRECTORY_CONSTRAINT', `${type.name} takes one value only`);
  }
}
