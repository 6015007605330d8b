/**
 * Attribute descriptions (RFC 4512 §2.5): a type and options. Whatever the spelling (case, numeric
 * OID, option order, `;binary`), the answer is the same type object, so that no rule can be passed
 * by another spelling; a description that cannot be understood has no type and matches nothing.
 *
 * @module
 */

import { DirectoryError } from '../errors.ts';
import type { AttributeType, SchemaLookup } from './schema-model.ts';

export interface AttributeDescription {
  /** Undefined when the type or an option is unknown, or the text is malformed. */
  readonly type: AttributeType | undefined;
  /** The text before the first `;`. */
  readonly base: string;
  /** Lower case, sorted, each once, without `binary`. */
  readonly options: readonly string[];
  /** The transfer option of RFC 4522 was given. */
  readonly isBinary: boolean;
}

/** No attribute description comes near it. */
const MAX_LENGTH = 1024;
const optionShape = /^[a-z0-9-]+$/;
/** RFC 3866 language tags are the only tagging options known. */
const languageShape = /^lang(?:-[a-z0-9]{1,8})+$/;
const noOptions: readonly string[] = [];

/** Takes a description apart. Never throws: what is not understood has no type. */
export function parseAttributeDescription(
  text: string,
  schema: SchemaLookup,
): AttributeDescription {
  if (text.length > MAX_LENGTH) {
    return { type: undefined, base: text, options: noOptions, isBinary: false };
  }
  const semicolon = text.indexOf(';');
  if (semicolon < 0) {
    const type = schema.attributeType(text);
    return { type, base: text, options: noOptions, isBinary: false };
  }
  const base = text.slice(0, semicolon);
  const type = schema.attributeType(base);
  const given = new Set(
    text
      .slice(semicolon + 1)
      .toLowerCase()
      .split(';'),
  );
  const isBinary = given.delete('binary');
  const options = [...given].sort();
  const isKnown =
    options.every((option) => optionShape.test(option) && languageShape.test(option)) &&
    (!isBinary || type?.requiresBinary === true);
  return { type: isKnown ? type : undefined, base, options, isBinary };
}

/**
 * Like {@link parseAttributeDescription}, for callers that cannot go on without a type.
 *
 * @throws {DirectoryError} `DIRECTORY_UNDEFINED_TYPE`.
 */
export function requireAttributeDescription(
  text: string,
  schema: SchemaLookup,
): AttributeDescription & { readonly type: AttributeType } {
  const description = parseAttributeDescription(text, schema);
  const { type } = description;
  if (type === undefined) {
    throw new DirectoryError(
      'DIRECTORY_UNDEFINED_TYPE',
      'an attribute type or option is not defined',
    );
  }
  return { ...description, type };
}

/** The description to show: canonical name, options, `;binary` where the type needs it. */
export function formatAttributeDescription(
  type: AttributeType,
  options: readonly string[],
): string {
  const all = type.requiresBinary ? ['binary', ...options] : options;
  return all.length === 0 ? type.name : `${type.name};${all.join(';')}`;
}

/** True when `type` is `ancestor` or derived from it. */
export function isSubtypeOf(type: AttributeType, ancestor: AttributeType): boolean {
  for (let at: AttributeType | undefined = type; at !== undefined; at = at.superior) {
    if (at === ancestor) {
      return true;
    }
  }
  return false;
}
