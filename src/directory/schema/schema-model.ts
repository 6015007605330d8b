/**
 * What the schema is made of (RFC 4512 §4.1), once parsed and resolved: every reference is an
 * object, so that code compares types by identity and never by spelling.
 *
 * Not here: how it is read (schema-parser.ts, schema-builder.ts) and looked up (schema.ts).
 *
 * @module
 */

export type AttributeUsage =
  | 'userApplications'
  | 'directoryOperation'
  | 'distributedOperation'
  | 'dSAOperation';

/** The two look-ups that values with names in them (DNs, object identifiers) need. */
export interface SchemaLookup {
  /** By name in any case or by numeric OID. No options, no `OID.` prefix. */
  attributeType(nameOrOid: string): AttributeType | undefined;
  objectClass(nameOrOid: string): ObjectClass | undefined;
  /** The numeric OID that a descriptor or numeric OID stands for, or undefined. */
  objectIdentifier(nameOrOid: string): string | undefined;
}

/** An LDAP syntax (RFC 4517 §3). */
export interface Syntax {
  readonly oid: string;
  readonly description: string;
  /** Values are text: LDIF and logs may show them. */
  readonly isText: boolean;
  /** Values travel as `attribute;binary` (RFC 4522). */
  readonly requiresBinary: boolean;
  /** What is wrong with `value`, as a phrase without the value in it; undefined when nothing is. */
  problem(value: Uint8Array, schema: SchemaLookup): string | undefined;
}

interface RuleFacts {
  readonly oid: string;
  readonly name: string;
  /** OID of the assertion's syntax, as published. */
  readonly syntax: string;
  /** OIDs of the syntaxes whose values it compares. */
  readonly appliesTo: ReadonlySet<string>;
}

/** An assertion that was read once and can be put to any number of values. */
export interface EqualityAssertion {
  /**
   * One of the {@link EqualityRule.indexKeys} of every value that matches; undefined when the
   * assertion does not fix one, and no index can help.
   */
  readonly indexKey: Uint8Array | undefined;
  /** @throws {DirectoryError} `DIRECTORY_INVALID_SYNTAX` for a value that the rule cannot take. */
  matches(value: Uint8Array): boolean;
}

/**
 * An equality rule. Every function throws DirectoryError `DIRECTORY_INVALID_SYNTAX` for bytes it
 * cannot take.
 */
export interface EqualityRule extends RuleFacts {
  readonly kind: 'equality';
  /** The same for two values exactly when they are the same value: what tells values apart. */
  valueKey(value: Uint8Array, schema: SchemaLookup): Uint8Array;
  /** What an index posts the value under. */
  indexKeys(value: Uint8Array, schema: SchemaLookup): readonly Uint8Array[];
  /**
   * The same from the first octets of a long value, which is not read whole then; undefined when they are not enough.
   * Absent for rules that need the whole value.
   */
  indexKeysOfBeginning?(
    beginning: Uint8Array,
    schema: SchemaLookup,
  ): readonly Uint8Array[] | undefined;
  readAssertion(assertion: Uint8Array, schema: SchemaLookup): EqualityAssertion;
}

/** An ordering rule: keys compare as unsigned bytes. */
export interface OrderingRule extends RuleFacts {
  readonly kind: 'ordering';
  valueKey(value: Uint8Array, schema: SchemaLookup): Uint8Array;
}

export type SubstringPlace = 'initial' | 'any' | 'final';

/** A substring rule: the prepared pieces occur in the prepared value, in order, without overlap. */
export interface SubstringRule extends RuleFacts {
  readonly kind: 'substrings';
  prepareValue(value: Uint8Array): Uint8Array;
  preparePiece(piece: Uint8Array, place: SubstringPlace): Uint8Array;
}

export type MatchingRule = EqualityRule | OrderingRule | SubstringRule;

/** RFC 4512 §4.1.2. Rules, syntax and usage are the effective ones, inherited where not given. */
export interface AttributeType {
  readonly kind: 'attributeType';
  readonly oid: string;
  readonly names: readonly string[];
  /** The first name, or the OID: what results and LDIF call it. */
  readonly name: string;
  readonly description: string | undefined;
  readonly isObsolete: boolean;
  readonly superior: AttributeType | undefined;
  readonly equality: EqualityRule | undefined;
  readonly ordering: OrderingRule | undefined;
  readonly substring: SubstringRule | undefined;
  readonly syntax: Syntax;
  readonly isSingleValue: boolean;
  readonly isCollective: boolean;
  readonly isNoUserModification: boolean;
  readonly usage: AttributeUsage;
  /** Usage is not userApplications: returned only when asked for. */
  readonly isOperational: boolean;
  readonly requiresBinary: boolean;
  /** The description as published. */
  readonly definition: string;
}

export type ObjectClassKind = 'abstract' | 'structural' | 'auxiliary';

/** RFC 4512 §4.1.1. */
export interface ObjectClass {
  readonly kind: 'objectClass';
  readonly oid: string;
  readonly names: readonly string[];
  readonly name: string;
  readonly description: string | undefined;
  readonly isObsolete: boolean;
  readonly superiors: readonly ObjectClass[];
  readonly classKind: ObjectClassKind;
  /** With what the superiors require and allow. */
  readonly must: ReadonlySet<AttributeType>;
  readonly may: ReadonlySet<AttributeType>;
  /** This class and every superior. */
  readonly chain: ReadonlySet<ObjectClass>;
  readonly definition: string;
}

/** An attribute as an entry holds it: one type, one set of options, its values as they came. */
export interface EntryAttribute {
  readonly type: AttributeType;
  /** Lower case, sorted, without `binary`. */
  readonly options: readonly string[];
  readonly values: readonly Uint8Array[];
}
