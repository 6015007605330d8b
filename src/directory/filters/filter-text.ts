/**
 * The text of filters (RFC 4515): what configuration files and command lines write.
 *
 * Strict: no spaces around items, `\` only before two hexadecimal digits, UTF-8 or escaped octets.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8, parseHex } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import {
  type AssertionFilter,
  defaultFilterLimits,
  type ExtensibleFilter,
  type Filter,
  FilterBudget,
  type FilterLimits,
  type SubstringsFilter,
} from './filter.ts';

const MAX_LENGTH = 1_048_576;

/** RFC 4512 §2.5 descriptions; whether they are known is for the schema. */
const descriptionShape = /^(?:[a-zA-Z][a-zA-Z0-9-]*|[0-9]+(?:\.[0-9]+)*)(?:;[a-zA-Z0-9-]+)*$/;
const ruleShape = /^(?:[a-zA-Z][a-zA-Z0-9-]*|[0-9]+(?:\.[0-9]+)*)$/;
/** Ends an item or an escape; the rest of a value is taken in one piece. */
const specials = /[()\\*\0]/g;

const itemKinds: ReadonlyMap<string, AssertionFilter['kind']> = new Map([
  ['>', 'greaterOrEqual'],
  ['<', 'lessOrEqual'],
  ['~', 'approx'],
]);

/**
 * Parses RFC 4515 text.
 *
 * @throws {DirectoryError} `DIRECTORY_FILTER_SYNTAX`, `DIRECTORY_FILTER_LIMIT`.
 */
export function parseFilter(text: string, limits: FilterLimits = defaultFilterLimits): Filter {
  const parser = new FilterParser(text, new FilterBudget(limits));
  const filter = parser.readFilter(1);
  parser.expectEnd();
  return filter;
}

/** RFC 4515 text that {@link parseFilter} makes the same filter of. */
export function formatFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
      return `(&${filter.filters.map(formatFilter).join('')})`;
    case 'or':
      return `(|${filter.filters.map(formatFilter).join('')})`;
    case 'not':
      return `(!${formatFilter(filter.filter)})`;
    case 'present':
      return `(${filter.attribute}=*)`;
    case 'equality':
      return `(${filter.attribute}=${formatValue(filter.value)})`;
    case 'greaterOrEqual':
      return `(${filter.attribute}>=${formatValue(filter.value)})`;
    case 'lessOrEqual':
      return `(${filter.attribute}<=${formatValue(filter.value)})`;
    case 'approx':
      return `(${filter.attribute}~=${formatValue(filter.value)})`;
    case 'substrings': {
      const { initial, any, final } = filter;
      const pieces = [initial, ...any, final].map((piece) => (piece ? formatValue(piece) : ''));
      return `(${filter.attribute}=${pieces.join('*')})`;
    }
    case 'extensible': {
      const { attribute = '', rule, value, dnAttributes } = filter;
      const parts = [attribute, ...(dnAttributes ? ['dn'] : []), ...(rule ? [rule] : [])];
      return `(${parts.join(':')}:=${formatValue(value)})`;
    }
  }
}

/** Octets that are not UTF-8, and characters that mean something or would not show, as `\xx`. */
function formatValue(value: Uint8Array): string {
  const text = decodeUtf8(value);
  return text === undefined
    ? escapeOctets(value)
    : text.replace(/[()*\\]|\p{Cc}/gu, (character) => escapeOctets(encodeUtf8(character)));
}

function escapeOctets(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex').replace(/../g, '\\$&');
}

class FilterParser {
  readonly #text: string;
  readonly #budget: FilterBudget;
  #at = 0;

  constructor(text: string, budget: FilterBudget) {
    this.#text = text;
    this.#budget = budget;
    if (text.length > MAX_LENGTH) {
      this.#fail(`longer than ${MAX_LENGTH} characters`);
    }
    if (/\p{Surrogate}/u.test(text)) {
      this.#fail('not well-formed Unicode');
    }
  }

  readFilter(depth: number): Filter {
    this.#budget.take(depth);
    this.#expect('(');
    const filter = this.#readComponent(depth);
    this.#expect(')');
    return filter;
  }

  expectEnd(): void {
    if (this.#at !== this.#text.length) {
      this.#fail('something follows the filter');
    }
  }

  #readComponent(depth: number): Filter {
    switch (this.#text[this.#at]) {
      case '&':
        return this.#readSet('and', depth);
      case '|':
        return this.#readSet('or', depth);
      case '!':
        this.#at += 1;
        return { kind: 'not', filter: this.readFilter(depth + 1) };
      default:
        return this.#readItem(depth);
    }
  }

  /** May be empty: absolute true and false (RFC 4526). */
  #readSet(kind: 'and' | 'or', depth: number): Filter {
    this.#at += 1;
    const filters: Filter[] = [];
    while (this.#text[this.#at] === '(') {
      filters.push(this.readFilter(depth + 1));
    }
    return { kind, filters };
  }

  #readItem(depth: number): Filter {
    const end = this.#text.indexOf('=', this.#at);
    if (end < 0) {
      this.#fail('"=" is missing');
    }
    const left = this.#text.slice(this.#at, end);
    const kind = itemKinds.get(left.slice(-1));
    if (kind !== undefined) {
      const attribute = this.#checkDescription(left.slice(0, -1));
      this.#at = end + 1;
      return { kind, attribute, value: this.#readValue() };
    }
    if (left.endsWith(':')) {
      const head = this.#parseExtensible(left.slice(0, -1));
      this.#at = end + 1;
      return { kind: 'extensible', ...head, value: this.#readValue() };
    }
    const attribute = this.#checkDescription(left);
    this.#at = end + 1;
    return this.#readEquality(attribute, depth);
  }

  /** `attr=value`, `attr=*`, `attr=initial*any*final`. */
  #readEquality(attribute: string, depth: number): Filter {
    const pieces = [this.#readValue()];
    while (this.#text[this.#at] === '*') {
      this.#at += 1;
      this.#budget.take(depth);
      pieces.push(this.#readValue());
    }
    const [initial, ...any] = pieces;
    const final = any.pop();
    if (initial === undefined || final === undefined) {
      return { kind: 'equality', attribute, value: initial ?? new Uint8Array(0) };
    }
    if (any.some((piece) => piece.length === 0)) {
      this.#fail('two asterisks with nothing between them');
    }
    if (initial.length === 0 && any.length === 0 && final.length === 0) {
      return { kind: 'present', attribute };
    }
    return {
      kind: 'substrings',
      attribute,
      ...(initial.length === 0 ? {} : { initial }),
      any,
      ...(final.length === 0 ? {} : { final }),
    } satisfies SubstringsFilter;
  }

  /** `[attr][:dn][:rule]`, the text before `:=`. */
  #parseExtensible(text: string): Omit<ExtensibleFilter, 'kind' | 'value'> {
    const [attribute = '', ...rest] = text.split(':');
    const dnAttributes = rest[0]?.toLowerCase() === 'dn';
    const [rule, ...more] = dnAttributes ? rest.slice(1) : rest;
    if (attribute !== '') {
      this.#checkDescription(attribute);
    }
    if (more.length > 0 || (rule !== undefined && !ruleShape.test(rule))) {
      this.#fail('a matching rule is malformed');
    }
    if (attribute === '' && rule === undefined) {
      this.#fail('an attribute or a matching rule is missing before ":="');
    }
    return {
      ...(attribute === '' ? {} : { attribute }),
      ...(rule === undefined ? {} : { rule }),
      dnAttributes,
    };
  }

  #checkDescription(text: string): string {
    if (!descriptionShape.test(text)) {
      this.#fail('an attribute description is missing or malformed');
    }
    return text;
  }

  /** Reads up to an unescaped `(`, `)` or `*`. */
  #readValue(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (;;) {
      specials.lastIndex = this.#at;
      const end = specials.exec(this.#text)?.index ?? this.#text.length;
      parts.push(encodeUtf8(this.#text.slice(this.#at, end)));
      this.#at = end;
      if (this.#text[end] !== '\\') {
        break;
      }
      const pair = this.#text.slice(end + 1, end + 3);
      const octet = pair.length === 2 ? parseHex(pair) : undefined;
      if (octet === undefined) {
        this.#fail('"\\" is not followed by two hexadecimal digits');
      }
      parts.push(octet);
      this.#at = end + 3;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  #expect(mark: string): void {
    if (this.#text[this.#at] !== mark) {
      this.#fail(`"${mark}" is missing`);
    }
    this.#at += 1;
  }

  #fail(reason: string): never {
    throw new DirectoryError(
      'DIRECTORY_FILTER_SYNTAX',
      `not a filter (RFC 4515), at character ${this.#at + 1}: ${reason}`,
    );
  }
}
