/**
 * From a filter to the entries that can match it, by the equality indexes: one look-up for an
 * equality, the smallest of an `and`, all of an `or`. Whatever an index cannot answer is left to the
 * filter, which is evaluated on every candidate anyhow.
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import { compareBytes, encodeUtf8 } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import type { EqualityIndex, NameKeys } from '../entries/equality-index.ts';
import type { AttributeType, EqualityAssertion, SchemaLookup } from '../schema/schema-model.ts';
import type { ResolvedFilter } from './filter-resolution.ts';

/** Where candidates are looked for. */
export interface CandidatePlace {
  readonly view: ReadView;
  /** Candidates are at or below the name with this key. */
  readonly baseKey: Uint8Array;
  /** Candidates come behind this name; from the start when undefined. */
  readonly after?: Uint8Array | undefined;
  /**
   * Referral objects are candidates whatever the filter (RFC 3296 §5.4), as far as objectClass is
   * indexed; otherwise those that the indexes find for the filter.
   */
  readonly withReferrals?: boolean;
}

/** One value of one index. */
export interface LookUp {
  readonly type: AttributeType;
  readonly indexKey: Uint8Array;
}

/** Look-ups whose results together hold every match; none when nothing can match. */
type Plan = readonly LookUp[];

/** Postings counted, per look-up, to choose between the members of an `and`. */
const PROBE_LIMIT = 64;

/**
 * The keys of the names of all entries that can match, in order, each once.
 *
 * @returns undefined when the indexes cannot tell: every entry in scope is a candidate.
 */
export function candidateKeys(
  filter: ResolvedFilter,
  indexes: Indexes,
  place: CandidatePlace,
): Awaitable<NameKeys | undefined> {
  const plan = planFilter(filter, indexes.index, place);
  return plan instanceof Promise
    ? plan.then((planned) => keysOf(planned, indexes, place))
    : keysOf(plan, indexes, place);
}

interface Indexes {
  readonly index: EqualityIndex;
  readonly schema: SchemaLookup;
}

function keysOf(
  plan: Plan | undefined,
  { index, schema }: Indexes,
  place: CandidatePlace,
): Awaitable<NameKeys | undefined> {
  if (plan === undefined) {
    return undefined;
  }
  const referrals = place.withReferrals === true ? referralLookUp(index, schema) : undefined;
  const lookUps = referrals === undefined ? plan : [...plan, referrals];
  const [only] = lookUps;
  return lookUps.length === 1 && only !== undefined
    ? index.candidates(place.view, only, place)
    : mergeLookUps(lookUps, index, place);
}

async function mergeLookUps(
  lookUps: readonly LookUp[],
  index: EqualityIndex,
  place: CandidatePlace,
): Promise<NameKeys> {
  return mergeKeys(
    await Promise.all(lookUps.map((lookUp) => index.candidates(place.view, lookUp, place))),
  );
}

/** Where referral objects are in an index of objectClass; undefined where there is none. */
export function referralLookUp(index: EqualityIndex, schema: SchemaLookup): LookUp | undefined {
  const type = schema.attributeType('objectClass');
  const isDefined = schema.objectClass('referral') !== undefined;
  if (type?.equality === undefined || !isDefined || !index.has(type)) {
    return undefined;
  }
  const { indexKey } = type.equality.readAssertion(encodeUtf8('referral'), schema);
  return indexKey === undefined ? undefined : { type, indexKey };
}

function planFilter(
  filter: ResolvedFilter,
  index: EqualityIndex,
  place: CandidatePlace,
): Awaitable<Plan | undefined> {
  switch (filter.kind) {
    case 'undefined':
      return [];
    case 'value': {
      const { target, test } = filter;
      return test.kind === 'equality' && index.has(target.type)
        ? planLookUp(target.type, test.assertion)
        : undefined;
    }
    case 'extensible': {
      const { target, test, dnAttributes } = filter;
      const isEquality = target !== undefined && test.rule === target.type.equality;
      return isEquality && test.kind === 'equality' && !dnAttributes && index.has(target.type)
        ? planLookUp(target.type, test.assertion)
        : undefined;
    }
    case 'and':
      return planAnd(filter.filters, index, place);
    case 'or':
      return planOr(filter.filters, index, place);
    case 'not':
    case 'present':
      return undefined;
  }
}

function planLookUp(type: AttributeType, { indexKey }: EqualityAssertion): Plan | undefined {
  return indexKey === undefined ? undefined : [{ type, indexKey }];
}

async function planAnd(
  filters: readonly ResolvedFilter[],
  index: EqualityIndex,
  place: CandidatePlace,
): Promise<Plan | undefined> {
  return await smallest(await planEach(filters, index, place), index, place);
}

async function planOr(
  filters: readonly ResolvedFilter[],
  index: EqualityIndex,
  place: CandidatePlace,
): Promise<Plan | undefined> {
  const plans = await planEach(filters, index, place);
  return plans.length === filters.length ? plans.flat() : undefined;
}

async function planEach(
  filters: readonly ResolvedFilter[],
  index: EqualityIndex,
  place: CandidatePlace,
): Promise<readonly Plan[]> {
  const plans: Plan[] = [];
  for (const filter of filters) {
    const plan = await planFilter(filter, index, place);
    if (plan !== undefined) {
      plans.push(plan);
    }
  }
  return plans;
}

/** The plan with the fewest postings, as far as they are counted. */
async function smallest(
  plans: readonly Plan[],
  index: EqualityIndex,
  place: CandidatePlace,
): Promise<Plan | undefined> {
  if (plans.length < 2) {
    return plans[0];
  }
  let best: { readonly plan: Plan; readonly count: number } | undefined;
  for (const plan of plans) {
    const count = await countPostings(plan, index, place);
    if (best === undefined || count < best.count) {
      best = { plan, count };
    }
  }
  return best?.plan;
}

async function countPostings(
  plan: Plan,
  index: EqualityIndex,
  { view, baseKey }: CandidatePlace,
): Promise<number> {
  let count = 0;
  for (const lookUp of plan) {
    const keys = await index.candidates(view, lookUp, { baseKey, limit: PROBE_LIMIT });
    for await (const _ of keys) {
      count += 1;
    }
  }
  return count;
}

/** Merges ordered keys, dropping repetitions. */
function mergeKeys(sources: readonly NameKeys[]): NameKeys {
  const lists = sources.filter((source): source is readonly Uint8Array[] => Array.isArray(source));
  if (lists.length < sources.length) {
    return mergeAsRead(sources);
  }
  const sorted = lists.flat().sort(compareBytes);
  return sorted.filter((key, at) => {
    const before = sorted[at - 1];
    return before === undefined || compareBytes(before, key) !== 0;
  });
}

async function* asRead(keys: NameKeys): AsyncGenerator<Uint8Array, void, undefined> {
  yield* keys;
}

async function* mergeAsRead(
  sources: readonly NameKeys[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const cursors = sources.map((source) => asRead(source));
  try {
    const heads = await Promise.all(cursors.map((cursor) => cursor.next()));
    for (;;) {
      const lowest = lowestOf(heads);
      if (lowest === undefined) {
        return;
      }
      yield lowest;
      for (const [at, cursor] of cursors.entries()) {
        const head = heads[at];
        if (head !== undefined && !head.done && compareBytes(head.value, lowest) === 0) {
          heads[at] = await cursor.next();
        }
      }
    }
  } finally {
    await Promise.all(cursors.map((cursor) => cursor.return()));
  }
}

function lowestOf(heads: readonly IteratorResult<Uint8Array>[]): Uint8Array | undefined {
  let lowest: Uint8Array | undefined;
  for (const head of heads) {
    if (!head.done && (lowest === undefined || compareBytes(head.value, lowest) < 0)) {
      lowest = head.value;
    }
  }
  return lowest;
}
