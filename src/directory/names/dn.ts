/**
 * Distinguished names (RFC 4514, RFC 4512 §2.3): parsed, compared by key, formatted.
 *
 * The key is the one form that the store, the access rules, bind and the audit log use. It holds the
 * relative names from the root down; of each, the attribute types' OIDs and the values as their
 * equality rules normalise them, sorted. Two names are the same exactly when their keys are, and the
 * keys of a subtree are a range: `[base.key, prefixEnd(base.key))`.
 *
 * Octets of a key: 0x00 0x01 ends a relative name, 0x00 0x02 stands between the values of one, and a
 * 0x00 within a value is written 0x00 0xff.
 *
 * @module
 */

import {
  asBuffer,
  compareBytes,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
} from '../../core/bytes.ts';
import { SeenBefore } from '../../core/seen-before.ts';
import { DirectoryError } from '../errors.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';
import { SyntaxOid } from '../schema/syntax-oid.ts';
import { parseDnText, parseRdnText, type TextRdn } from './dn-parser.ts';

/** An attribute type and a value of a relative name. */
export interface NamePair {
  readonly type: AttributeType;
  readonly value: Uint8Array;
}

/** A relative distinguished name. Made by {@link parseRdn} and {@link createRdn}. */
export interface Rdn {
  /** At least one, each with a type of its own, in the order given. */
  readonly pairs: readonly NamePair[];
  /** As written, or formatted when it was not text. */
  readonly text: string;
  /** Normalised; see the module's comment. */
  readonly key: Uint8Array;
}

/** Names within names (`member=cn\=a\,c\=JP`), the outermost counted. */
const MAX_NESTED_NAMES = 3;

/** How many names are being parsed, each a value of the one before; parsing is synchronous. */
let nestedNames = 0;

const SEEN_NAMES = 4096;
const MAX_KEPT_NAMES = 1000;
const MAX_KEPT_LENGTH = 256;

const endOfRdn = Uint8Array.of(0x00, 0x01);
const betweenPairs = Uint8Array.of(0x00, 0x02);

export class Dn {
  /** The empty name: the root of every tree. */
  static readonly root: Dn = new Dn([], '', new Uint8Array(0));

  /** Most specific first, as written. */
  readonly rdns: readonly Rdn[];
  /** As written by whoever gave the name; what is sent back. */
  readonly text: string;
  /** Normalised, root first; see the module's comment. */
  readonly key: Uint8Array;

  private constructor(rdns: readonly Rdn[], text: string, key: Uint8Array) {
    this.rdns = rdns;
    this.text = text;
    this.key = key;
  }

  /**
   * Parses RFC 4514 text.
   *
   * @throws {DirectoryError} `DIRECTORY_DN_SYNTAX` also for an attribute type that is unknown or has
   *   no equality rule, a value that does not fit its syntax, a type twice in one relative name, and
   *   names within names more than three deep.
   */
  static parse(text: string, schema: SchemaLookup): Dn {
    if (nestedNames > 0) {
      return Dn.#parse(text, schema);
    }
    const parsed = parsedNames(schema);
    const before = parsed.get(text);
    if (before !== undefined) {
      return before;
    }
    const dn = Dn.#parse(text, schema);
    parsed.add(dn);
    return dn;
  }

  static #parse(text: string, schema: SchemaLookup): Dn {
    if (nestedNames === MAX_NESTED_NAMES) {
      throw new DirectoryError('DIRECTORY_DN_SYNTAX', 'names within names are nested too deep');
    }
    nestedNames += 1;
    try {
      const rdns = parseDnText(text).map((rdn) => resolveRdn(rdn, schema));
      return rdns.length === 0 ? Dn.root : new Dn(rdns, text, keyOfRdns(rdns));
    } finally {
      nestedNames -= 1;
    }
  }

  /** The name made of these relative names, most specific first. */
  static of(rdns: readonly Rdn[]): Dn {
    return rdns.length === 0 ? Dn.root : new Dn(rdns, textOfRdns(rdns), keyOfRdns(rdns));
  }

  /** How many relative names; 0 for the root. */
  get depth(): number {
    return this.rdns.length;
  }

  /** The most specific relative name; undefined for the root. */
  get rdn(): Rdn | undefined {
    return this.rdns[0];
  }

  /** The name one level up; undefined for the root. */
  parent(): Dn | undefined {
    const [first, ...rest] = this.rdns;
    if (first === undefined) {
      return undefined;
    }
    if (rest.length === 0) {
      return Dn.root;
    }
    return new Dn(rest, textOfRdns(rest), this.key.subarray(0, this.key.length - first.key.length));
  }

  /** The name one level down. */
  child(rdn: Rdn): Dn {
    const text = this.rdns.length === 0 ? rdn.text : `${rdn.text},${this.text}`;
    return new Dn([rdn, ...this.rdns], text, concatBytes(this.key, rdn.key));
  }

  /** The same, written as it is in `text`. */
  childAs(rdn: Rdn, text: string): Dn {
    return new Dn([rdn, ...this.rdns], text, concatBytes(this.key, rdn.key));
  }

  /** True when this is `base` or lies below it. */
  isWithin(base: Dn): boolean {
    return (
      this.key.length >= base.key.length &&
      equalBytes(this.key.subarray(0, base.key.length), base.key)
    );
  }

  /** Same name, however written. */
  equals(other: Dn): boolean {
    return equalBytes(this.key, other.key);
  }

  /** RFC 4514 text with canonical type names, no needless spaces or escapes. */
  format(): string {
    return this.rdns.map(formatRdn).join(',');
  }
}

/** Names that are parsed again and again: most of what clients name is among a few. */
class ParsedNames {
  readonly #seen = new SeenBefore(SEEN_NAMES);
  readonly #names = new Map<string, Dn>();

  get(text: string): Dn | undefined {
    return this.#names.get(text);
  }

  /** Keeps the name if it was parsed before. */
  add(dn: Dn): void {
    if (dn.text.length > MAX_KEPT_LENGTH || !this.#seen.note(dn.text)) {
      return;
    }
    if (this.#names.size === MAX_KEPT_NAMES) {
      this.#names.clear();
    }
    this.#names.set(dn.text, dn);
  }
}

const parsedBySchema = new WeakMap<SchemaLookup, ParsedNames>();

function parsedNames(schema: SchemaLookup): ParsedNames {
  let names = parsedBySchema.get(schema);
  if (names === undefined) {
    names = new ParsedNames();
    parsedBySchema.set(schema, names);
  }
  return names;
}

/**
 * The most specific relative name of an entry's name.
 *
 * @throws {DirectoryError} `DIRECTORY_NAMING` for the root.
 */
export function rdnOf(dn: Dn): Rdn {
  const { rdn } = dn;
  if (rdn === undefined) {
    throw new DirectoryError('DIRECTORY_NAMING', 'the root of the tree has no name');
  }
  return rdn;
}

/**
 * Parses one relative name, e.g. the new one of a modify DN request.
 *
 * @throws {DirectoryError} `DIRECTORY_DN_SYNTAX`.
 */
export function parseRdn(text: string, schema: SchemaLookup): Rdn {
  return resolveRdn(parseRdnText(text), schema);
}

/**
 * A relative name from types and values.
 *
 * @throws {DirectoryError} `DIRECTORY_DN_SYNTAX` when the pairs cannot name an entry.
 */
export function createRdn(pairs: readonly NamePair[], schema: SchemaLookup): Rdn {
  return { pairs, text: formatPairs(pairs), key: keyOfPairs(pairs, schema) };
}

/** RFC 4514 text with canonical type names. */
export function formatRdn(rdn: Rdn): string {
  return formatPairs(rdn.pairs);
}

function resolveRdn(rdn: TextRdn, schema: SchemaLookup): Rdn {
  const pairs = rdn.pairs.map(({ type: text, value }): NamePair => {
    const type = schema.attributeType(text);
    if (type === undefined) {
      throw new DirectoryError(
        'DIRECTORY_DN_SYNTAX',
        'a distinguished name has an attribute type that is not defined',
      );
    }
    return { type, value };
  });
  return { pairs, text: rdn.text, key: keyOfPairs(pairs, schema) };
}

function keyOfPairs(pairs: readonly NamePair[], schema: SchemaLookup): Uint8Array {
  const [first, ...more] = pairs;
  if (first !== undefined && more.length === 0) {
    return concatBytes(prefixOf(first.type), keyOfPair(first, schema), endOfRdn);
  }
  if (pairs.length === 0 || new Set(pairs.map(({ type }) => type)).size !== pairs.length) {
    throw new DirectoryError(
      'DIRECTORY_DN_SYNTAX',
      'a relative name must have at least one value, and one per attribute type (X.501 §9.3)',
    );
  }
  const parts = pairs
    .map((pair) => concatBytes(prefixOf(pair.type), keyOfPair(pair, schema)))
    .sort(compareBytes)
    .flatMap((key) => [betweenPairs, key]);
  return concatBytes(...parts.slice(1), endOfRdn);
}

const prefixes = new WeakMap<AttributeType, Uint8Array>();

/** The OID and `=`. */
function prefixOf(type: AttributeType): Uint8Array {
  let prefix = prefixes.get(type);
  if (prefix === undefined) {
    prefix = encodeUtf8(`${type.oid}=`);
    prefixes.set(type, prefix);
  }
  return prefix;
}

function keyOfPair({ type, value }: NamePair, schema: SchemaLookup): Uint8Array {
  const rule = type.equality;
  if (rule === undefined) {
    throw new DirectoryError('DIRECTORY_DN_SYNTAX', `${type.name} cannot be used in a name`);
  }
  // The rule of names reads the value as one, which is the check: twice for each level would be too much.
  const problem = isName(type) ? undefined : type.syntax.problem(value, schema);
  if (problem !== undefined) {
    throw new DirectoryError('DIRECTORY_DN_SYNTAX', `a value of ${type.name} is ${problem}`);
  }
  try {
    return escapeZeros(rule.valueKey(value, schema));
  } catch (cause) {
    if (cause instanceof DirectoryError) {
      throw new DirectoryError('DIRECTORY_DN_SYNTAX', cause.message, { cause });
    }
    throw cause;
  }
}

/** Values are distinguished names and compared as such. */
function isName({ syntax, equality }: AttributeType): boolean {
  return (
    syntax.oid === SyntaxOid.distinguishedName && equality?.syntax === SyntaxOid.distinguishedName
  );
}

function escapeZeros(bytes: Uint8Array): Uint8Array {
  let zeros = 0;
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) {
    zeros += 1;
  }
  if (zeros === 0) {
    return bytes;
  }
  const escaped = new Uint8Array(bytes.length + zeros);
  let start = 0;
  let length = 0;
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, start)) {
    escaped.set(bytes.subarray(start, at), length);
    length += at - start;
    escaped[length + 1] = 0xff;
    length += 2;
    start = at + 1;
  }
  escaped.set(bytes.subarray(start), length);
  return escaped;
}

function keyOfRdns(rdns: readonly Rdn[]): Uint8Array {
  return concatBytes(...rdns.map((rdn) => rdn.key).reverse());
}

function textOfRdns(rdns: readonly Rdn[]): string {
  return rdns.map((rdn) => rdn.text).join(',');
}

function formatPairs(pairs: readonly NamePair[]): string {
  return pairs.map(({ type, value }) => `${type.name}=${formatValue(value)}`).join('+');
}

/** RFC 4514 §2.4: escapes what must be, and octets that are not UTF-8 or would not show. */
function formatValue(value: Uint8Array): string {
  const text = decodeUtf8(value);
  if (text === undefined) {
    return asBuffer(value).toString('hex').replace(/../g, '\\$&');
  }
  const escaped = text
    .replace(/["+,;<>\\]/g, '\\$&')
    .replace(/\p{Cc}/gu, escapeOctets)
    .replace(/^[ #]/, '\\$&');
  return text.length > 1 && text.endsWith(' ') ? `${escaped.slice(0, -1)}\\ ` : escaped;
}

function escapeOctets(text: string): string {
  return asBuffer(encodeUtf8(text)).toString('hex').replace(/../g, '\\$&');
}
