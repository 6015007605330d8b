/**
 * Values by a JSON Schema: such as fit it, and such as nearly do.
 *
 * @module
 */

import fc from 'fast-check';

export type JsonSchema = { readonly [name: string]: unknown };

const SHORT = 40;

/** Values that fit the schema, as far as its lengths and patterns say; long texts are rare. */
export function fitting(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { type } = schema;
  const choices = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonSchema[] | undefined;
  if (choices !== undefined) {
    return fc.oneof(...choices.map(fitting));
  }
  if (schema['const'] !== undefined) {
    return fc.constant(schema['const']);
  }
  if (Array.isArray(schema['enum'])) {
    return fc.constantFrom(...(schema['enum'] as readonly unknown[]));
  }
  if (Array.isArray(type)) {
    return fc.oneof(...type.map((one: unknown) => fitting({ ...schema, type: one })));
  }
  switch (type) {
    case 'object':
      return fittingObject(schema);
    case 'array':
      return fc.array(fitting((schema['items'] ?? {}) as JsonSchema), {
        minLength: (schema['minItems'] as number | undefined) ?? 0,
        maxLength: Math.min((schema['maxItems'] as number | undefined) ?? 3, 3),
      });
    case 'string':
      return fittingText(schema);
    case 'integer':
    case 'number':
      return fc.integer({
        min: Math.max((schema['minimum'] as number | undefined) ?? 0, -1e9),
        max: Math.min((schema['maximum'] as number | undefined) ?? 1e9, 1e9),
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function fittingText(schema: JsonSchema): fc.Arbitrary<string> {
  const minLength = (schema['minLength'] as number | undefined) ?? 0;
  const maxLength = Math.min((schema['maxLength'] as number | undefined) ?? SHORT, SHORT);
  const pattern = schema['pattern'] as string | undefined;
  return pattern === undefined || pattern.includes('\\p')
    ? fc.string({ minLength, maxLength: Math.max(minLength, maxLength) })
    : fc.stringMatching(new RegExp(pattern), { size: 'small' });
}

function fittingObject(schema: JsonSchema): fc.Arbitrary<unknown> {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const required = (schema['required'] ?? []) as readonly string[];
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, fitting(field)]),
  );
  const known = fc.record(fields, { requiredKeys: [...required] });
  const others = schema['additionalProperties'];
  return typeof others === 'object' && others !== null
    ? fc
        .tuple(
          known,
          fc.dictionary(fc.string({ minLength: 1, maxLength: 10 }), fitting(others as JsonSchema), {
            maxKeys: 3,
          }),
        )
        .map(([own, more]) => ({ ...more, ...own }))
    : known;
}

/** Values that were fitting until something was done to one place in them. */
export function nearly(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc
    .tuple(fitting(schema), fc.nat(), damage)
    .map(([value, place, harm]) => harmed(value, place, harm));
}

type Harm =
  | { readonly kind: 'replace'; readonly by: unknown }
  | { readonly kind: 'drop' }
  | { readonly kind: 'add'; readonly name: string };

const damage: fc.Arbitrary<Harm> = fc.oneof(
  fc
    .oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('', ' ', '\u0000', '../..', '%00', '\ud800', 'x'.repeat(5_000), -1, 1e308),
    )
    .map((by): Harm => ({ kind: 'replace', by })),
  fc.constant<Harm>({ kind: 'drop' }),
  fc
    .constantFrom('__proto__', 'constructor', 'extra', '')
    .map((name): Harm => ({ kind: 'add', name })),
);

function harmed(value: unknown, place: number, harm: Harm): unknown {
  if (typeof value !== 'object' || value === null) {
    return harm.kind === 'replace' ? harm.by : null;
  }
  if (harm.kind === 'add' && !Array.isArray(value)) {
    return { ...value, [harm.name]: 1 };
  }
  const entries = Object.entries(value);
  const [name, inner] = entries[place % Math.max(1, entries.length)] ?? [];
  if (name === undefined) {
    return harm.kind === 'replace' ? harm.by : value;
  }
  const isDeep = typeof inner === 'object' && inner !== null && place % 3 !== 0;
  const rest = entries.filter(([other]) => other !== name);
  const changed: readonly (readonly [string, unknown])[] =
    harm.kind === 'drop' && !isDeep
      ? rest
      : [...rest, [name, harmed(isDeep ? inner : null, Math.floor(place / 3), harm)]];
  return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
}
