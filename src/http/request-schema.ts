/**
 * Parts that the JSON Schemas of requests are made of.
 *
 * @module
 */

/** A text that is not empty. */
export const textSchema: Readonly<Record<string, unknown>> = {
  type: 'string',
  minLength: 1,
  maxLength: 65_536,
};

export function listOf(items: unknown, maxItems = 10_000): Record<string, unknown> {
  return { type: 'array', items, maxItems };
}

/** An object with these properties and no others. @param optional Those that may be left out. */
export function objectOf(
  properties: Readonly<Record<string, unknown>>,
  optional: readonly string[] = [],
): Record<string, unknown> {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}
