import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import { type EntryView, evaluateFilter } from '../../src/directory/filters/filter-evaluation.ts';
import { resolveFilter } from '../../src/directory/filters/filter-resolution.ts';
import { formatFilter, parseFilter } from '../../src/directory/filters/filter-text.ts';
import { Dn } from '../../src/directory/names/dn.ts';
import type { EntryAttribute } from '../../src/directory/schema/schema-model.ts';
import { shippedSchema as schema, shippedType } from '../support/shipped-schema.ts';

const runs = { seed: 20260107, numRuns: 1500 };

const attribute = fc.constantFrom(
  'cn',
  'SN',
  '2.5.4.10',
  'cn;lang-ja',
  'mail',
  'nonsense',
  'member',
);
const value = fc.oneof(
  fc
    .constantFrom('a', 'A', ' a b ', 'b', '(*)\\', '前橋', '')
    .map((text) => Uint8Array.from(encodeUtf8(text))),
  fc.uint8Array({ maxLength: 6 }),
);
const some = value.filter((octets) => octets.length > 0);
const kind = <Name extends string>(name: Name): fc.Arbitrary<Name> => fc.constant(name);

const substrings = fc
  .record({
    kind: kind('substrings'),
    attribute,
    initial: fc.option(some, { nil: undefined }),
    any: fc.array(some, { maxLength: 3 }),
    final: fc.option(some, { nil: undefined }),
  })
  .filter(({ initial, any, final }) => Boolean(initial) || any.length > 0 || Boolean(final))
  .map(({ initial, final, ...rest }) => ({
    ...rest,
    ...(initial === undefined ? {} : { initial }),
    ...(final === undefined ? {} : { final }),
  }));

const extensible = fc
  .record({
    kind: kind('extensible'),
    attribute: fc.option(attribute, { nil: undefined }),
    rule: fc.option(fc.constantFrom('caseExactMatch', '2.5.13.2', 'x'), { nil: undefined }),
    value,
    dnAttributes: fc.boolean(),
  })
  .filter((each) => each.attribute !== undefined || each.rule !== undefined)
  .map(({ attribute: type, rule, ...rest }) => ({
    ...rest,
    ...(type === undefined ? {} : { attribute: type }),
    ...(rule === undefined ? {} : { rule }),
  }));

const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({
      kind: fc.constantFrom('equality', 'greaterOrEqual', 'lessOrEqual', 'approx'),
      attribute,
      value,
    }),
    fc.record({ kind: kind('present'), attribute }),
    substrings,
    extensible,
    fc.record({
      kind: fc.constantFrom('and', 'or'),
      filters: fc.array(tie('filter'), { maxLength: 4 }),
    }),
    fc.record({ kind: kind('not'), filter: tie('filter') }),
  ),
}));

/** Octet arrays of either class, as the same thing. */
function plain(given: Filter): unknown {
  return structuredClone(toPlain(given));
}

function toPlain(given: unknown): unknown {
  if (given instanceof Uint8Array) {
    return Buffer.from(given).toString('hex');
  }
  if (Array.isArray(given)) {
    return given.map(toPlain);
  }
  if (typeof given === 'object' && given !== null) {
    return Object.fromEntries(Object.entries(given).map(([name, each]) => [name, toPlain(each)]));
  }
  return given;
}

function viewOf(values: readonly string[]): EntryView {
  const attributes: EntryAttribute[] = ['cn', 'sn', 'o'].map((name) => ({
    type: shippedType(name),
    options: name === 'cn' ? ['lang-ja'] : [],
    values: values.map(encodeUtf8),
  }));
  return {
    dn: () => Dn.parse('cn=a,o=b', schema),
    canSearch: (type) => type.name !== 'sn',
    attributes: () => attributes,
  };
}

describe('filters', () => {
  it('parse(format(filter)) is the filter', () => {
    fc.assert(
      fc.property(filter, (given) => {
        assert.deepEqual(plain(parseFilter(formatFilter(given))), plain(given));
      }),
      runs,
    );
  });

  it('obey De Morgan, double negation and the law of the excluded middle where they are defined', () => {
    const entry = viewOf(['a', 'A b', '前橋']);
    const evaluate = (given: Filter): boolean | undefined =>
      evaluateFilter(resolveFilter(given, schema), entry, schema);
    const not = (given: Filter): Filter => ({ kind: 'not', filter: given });
    fc.assert(
      fc.property(filter, filter, (left, right) => {
        assert.equal(
          evaluate(not({ kind: 'and', filters: [left, right] })),
          evaluate({ kind: 'or', filters: [not(left), not(right)] }),
        );
        assert.equal(evaluate(not(not(left))), evaluate(left));
        const excluded = evaluate({ kind: 'or', filters: [left, not(left)] });
        assert.equal(excluded, evaluate(left) === undefined ? undefined : true);
        assert.equal(
          evaluate({ kind: 'and', filters: [left, right] }),
          evaluate({ kind: 'and', filters: [right, left] }),
        );
      }),
      runs,
    );
  });

  it('never see what may not be searched', () => {
    const seen = viewOf(['a']);
    const hiddenSn: EntryView = {
      ...seen,
      attributes: (type) => [...seen.attributes(type)].filter((each) => each.type.name !== 'sn'),
    };
    fc.assert(
      fc.property(filter, (given) => {
        const resolved = resolveFilter(given, schema);
        assert.equal(
          evaluateFilter(resolved, seen, schema),
          evaluateFilter(resolved, hiddenSn, schema),
        );
      }),
      runs,
    );
  });

  const piece = fc.constantFrom(...'()&|!=*\\:<>~', '(cn=', '\\2a', ':dn:', ':=', 'cn', '前', '\0');
  it('any text is a filter or a DirectoryError', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(piece, { maxLength: 14 }).map((pieces) => `(${pieces.join('')})`),
      filter.map((given) => formatFilter(given).slice(1)),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        try {
          const parsed = parseFilter(candidate);
          assert.deepEqual(plain(parseFilter(formatFilter(parsed))), plain(parsed));
          evaluateFilter(resolveFilter(parsed, schema), viewOf(['a']), schema);
        } catch (error) {
          assert.ok(error instanceof DirectoryError, String(error));
          assert.match(error.code, /^DIRECTORY_FILTER_(SYNTAX|LIMIT)$/);
        }
      }),
      { ...runs, numRuns: 4000 },
    );
  });
});
