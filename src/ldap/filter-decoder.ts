/**
 * Reads a search filter (RFC 4511 §4.5.1.7) from BER without recursion: however deep a filter
 * nests, the stack of this decoder is a list that the limits bound.
 *
 * Not here: what a filter means (directory/filters/filter-evaluation.ts).
 *
 * @module
 */

import type { BerReader } from '../asn1/ber-reader.ts';
import { contextTag } from '../asn1/tags.ts';
import {
  type ExtensibleFilter,
  type Filter,
  FilterBudget,
  type SubstringsFilter,
} from '../directory/filters/filter.ts';
import { LdapError } from './errors.ts';
import type { LdapLimits } from './limits.ts';
import { passTrailing } from './trailing-components.ts';

const AND = contextTag(0, 'constructed');
const OR = contextTag(1, 'constructed');
const NOT = contextTag(2, 'constructed');
const EQUALITY = contextTag(3, 'constructed');
const SUBSTRINGS = contextTag(4, 'constructed');
const GREATER_OR_EQUAL = contextTag(5, 'constructed');
const LESS_OR_EQUAL = contextTag(6, 'constructed');
const PRESENT = contextTag(7, 'primitive');
const APPROX = contextTag(8, 'constructed');
const EXTENSIBLE = contextTag(9, 'constructed');

const INITIAL = contextTag(0, 'primitive');
const ANY = contextTag(1, 'primitive');
const FINAL = contextTag(2, 'primitive');

const MATCHING_RULE = contextTag(1, 'primitive');
const RULE_TYPE = contextTag(2, 'primitive');
const MATCH_VALUE = contextTag(3, 'primitive');
const DN_ATTRIBUTES = contextTag(4, 'primitive');

const CLASS_AND_NUMBER_MASK = 0xdf;
/** The highest choice that RFC 4511 defines, without its form. */
const LAST_CHOICE = contextTag(9, 'primitive');
/** Context-specific tags of one octet end here. */
const LAST_CONTEXT_TAG = 0x9e;
/** Under this name a rule would be unknown, too: nobody may define it, for it is no descriptor. */
const UNKNOWN_CHOICE = 'unknown choice';

/** A set or negation whose parts are being read. */
interface OpenFilter {
  readonly kind: 'and' | 'or' | 'not';
  readonly reader: BerReader;
  readonly filters: Filter[];
}

const setKinds: ReadonlyMap<number, OpenFilter['kind']> = new Map([
  [AND, 'and'],
  [OR, 'or'],
  [NOT, 'not'],
]);

type FilterBounds = Pick<LdapLimits, 'filterDepth' | 'filterNodes'>;

/**
 * Reads the filter at which `reader` stands.
 *
 * @throws {DirectoryError} `DIRECTORY_FILTER_LIMIT` for one too deep or with too many parts.
 * @throws {LdapError} `LDAP_MALFORMED`; `LDAP_FIELD` for what is no choice of a filter. A choice that is
 *   not known is an item that is Undefined.
 * @throws {BerError} for bytes that are no BER.
 */
export function decodeFilter(reader: BerReader, limits: FilterBounds): Filter {
  const budget = budgetOf(limits);
  const open: OpenFilter[] = [];
  let at = reader;
  for (;;) {
    const tag = at.peekTag() ?? 0;
    budget.take(open.length + 1);
    const kind = setKinds.get(tag);
    let done: Filter | undefined;
    if (kind === undefined) {
      done = decodeItem(at, tag, () => budget.take(1));
    } else {
      open.push({ kind, reader: at.readConstructed(tag), filters: [] });
    }
    const root = closeFinished(open, done);
    if (root !== undefined) {
      return root;
    }
    at = open.at(-1)?.reader ?? reader;
  }
}

/**
 * Reads the items of a ValuesReturnFilter (RFC 3876 §2): filters without sets, negations and
 * `dnAttributes`, at least one.
 *
 * Errors as {@link decodeFilter}.
 */
export function decodeValueFilters(reader: BerReader, limits: FilterBounds): readonly Filter[] {
  const budget = budgetOf(limits);
  const filters: Filter[] = [];
  do {
    const tag = reader.peekTag() ?? 0;
    budget.take(1);
    const filter = decodeItem(reader, tag, () => budget.take(1));
    if (filter.kind === 'extensible' && filter.dnAttributes) {
      throw new LdapError('LDAP_FIELD', 'values are matched without the attributes of a name');
    }
    filters.push(filter);
  } while (!reader.isAtEnd);
  return filters;
}

function budgetOf({ filterDepth, filterNodes }: FilterBounds): FilterBudget {
  return new FilterBudget({ maxDepth: filterDepth, maxNodes: filterNodes });
}

/** Puts a finished filter into its parent, and so on upwards. Returns the root once it is finished. */
function closeFinished(open: OpenFilter[], finished: Filter | undefined): Filter | undefined {
  let done = finished;
  for (;;) {
    const parent = open.at(-1);
    if (parent === undefined) {
      return done;
    }
    if (done !== undefined) {
      parent.filters.push(done);
    }
    if (!parent.reader.isAtEnd) {
      return undefined;
    }
    open.pop();
    done = closeFilter(parent);
  }
}

function closeFilter({ kind, filters }: OpenFilter): Filter {
  if (kind !== 'not') {
    return { kind, filters };
  }
  const [filter, second] = filters;
  if (filter === undefined || second !== undefined) {
    throw new LdapError('LDAP_MALFORMED', 'a negation has exactly one filter inside');
  }
  return { kind, filter };
}

function decodeItem(reader: BerReader, tag: number, takePiece: () => void): Filter {
  switch (tag) {
    case EQUALITY:
      return { kind: 'equality', ...decodeAssertion(reader.readConstructed(tag)) };
    case GREATER_OR_EQUAL:
      return { kind: 'greaterOrEqual', ...decodeAssertion(reader.readConstructed(tag)) };
    case LESS_OR_EQUAL:
      return { kind: 'lessOrEqual', ...decodeAssertion(reader.readConstructed(tag)) };
    case APPROX:
      return { kind: 'approx', ...decodeAssertion(reader.readConstructed(tag)) };
    case PRESENT:
      return { kind: 'present', attribute: reader.readUtf8(PRESENT) };
    case SUBSTRINGS:
      return decodeSubstrings(reader.readConstructed(tag), takePiece);
    case EXTENSIBLE:
      return decodeExtensible(reader.readConstructed(tag));
    default:
      return decodeUnknown(reader, tag);
  }
}

/**
 * A choice that some extension adds: the type of filtering is not implemented here, so the item is
 * Undefined (RFC 4511 §4.5.1.7), like one by a rule that is not known.
 */
function decodeUnknown(reader: BerReader, tag: number): ExtensibleFilter {
  const choice = tag & CLASS_AND_NUMBER_MASK;
  const { content } = reader.readElement();
  if (choice <= LAST_CHOICE || choice > LAST_CONTEXT_TAG) {
    throw new LdapError('LDAP_FIELD', 'the filter holds a choice that is not one of its own');
  }
  return { kind: 'extensible', rule: UNKNOWN_CHOICE, value: content, dnAttributes: false };
}

function decodeAssertion(reader: BerReader): { attribute: string; value: Uint8Array } {
  const attribute = reader.readUtf8();
  const value = reader.readOctetString();
  passTrailing(reader);
  return { attribute, value };
}

function decodeSubstrings(outer: BerReader, takePiece: () => void): SubstringsFilter {
  const attribute = outer.readUtf8();
  const reader = outer.readConstructed();
  const any: Uint8Array[] = [];
  const ends: { initial?: Uint8Array; final?: Uint8Array } = {};
  while (!reader.isAtEnd) {
    takePiece();
    const { tag, content } = reader.readElement();
    if (content.length === 0) {
      throw new LdapError('LDAP_FIELD', 'a piece of a substring filter is empty');
    }
    if (tag === INITIAL && any.length === 0 && ends.initial === undefined) {
      ends.initial = content;
    } else if (tag === ANY) {
      any.push(content);
    } else if (tag === FINAL && reader.isAtEnd) {
      ends.final = content;
    } else {
      throw new LdapError('LDAP_FIELD', 'the pieces of a substring filter are out of order');
    }
  }
  passTrailing(outer);
  if (any.length === 0 && ends.initial === undefined && ends.final === undefined) {
    throw new LdapError('LDAP_FIELD', 'a substring filter has no piece');
  }
  return { kind: 'substrings', attribute, any, ...ends };
}

function decodeExtensible(reader: BerReader): ExtensibleFilter {
  const parts: { rule?: string; attribute?: string } = {};
  if (reader.peekTag() === MATCHING_RULE) {
    parts.rule = reader.readUtf8(MATCHING_RULE);
  }
  if (reader.peekTag() === RULE_TYPE) {
    parts.attribute = reader.readUtf8(RULE_TYPE);
  }
  const value = reader.readOctetString(MATCH_VALUE);
  const dnAttributes = reader.peekTag() === DN_ATTRIBUTES && reader.readBoolean(DN_ATTRIBUTES);
  passTrailing(reader);
  if (parts.rule === undefined && parts.attribute === undefined) {
    throw new LdapError('LDAP_FIELD', 'an extensible filter names neither rule nor attribute');
  }
  return { kind: 'extensible', value, dnAttributes, ...parts };
}
