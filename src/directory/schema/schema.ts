/**
 * The schema (RFC 4512 §4): attribute types and object classes from files, syntaxes and matching
 * rules from the program, looked up by name or OID, and the rules that they make for entries.
 *
 * Attribute descriptions with options are in attribute-description.ts.
 *
 * @module
 */

import { join } from 'node:path';

import { asBuffer, decodeUtf8 } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import { matchingRule, matchingRules } from './matching-rules.ts';
import { buildSchema, type SchemaTables } from './schema-builder.ts';
import { formatMatchingRule, formatMatchingRuleUse, formatSyntax } from './schema-format.ts';
import type { AttributeType, ObjectClass, SchemaLookup } from './schema-model.ts';
import { isDescriptor, isNumericOid } from './schema-parser.ts';
import { parseSchemaFiles, readSchemaFolder, type SchemaFile } from './schema-source.ts';
import { syntaxes } from './syntax.ts';

/** What an entry's object classes come to. */
export interface EntryClasses {
  /** The most specific structural class (RFC 4512 §2.4.2). */
  readonly structural: ObjectClass;
  /** The classes named and all their superiors. */
  readonly classes: ReadonlySet<ObjectClass>;
}

/** Values of one attribute of the subschema entry. */
export interface SubschemaAttribute {
  readonly description: string;
  readonly values: readonly string[];
}

/** RFC 4512 §4.3: an entry of this class may have every attribute. */
const EXTENSIBLE_OBJECT = '1.3.6.1.4.1.1466.101.120.111';

/** What a combination of object classes asks for and allows. */
interface KnownClasses extends EntryClasses {
  /** Each with the class that asks for it. */
  readonly required: ReadonlyMap<AttributeType, ObjectClass>;
  readonly allowed: ReadonlySet<AttributeType>;
  readonly allowsAll: boolean;
}

const MAX_COMBINATIONS = 1_000;
/** Characters of the names of one that is remembered. */
const MAX_COMBINATION = 1_000;

export class Schema implements SchemaLookup {
  readonly #tables: SchemaTables;
  readonly #combinations = new Map<string, KnownClasses>();
  readonly #objectClassType: AttributeType | undefined;

  private constructor(tables: SchemaTables) {
    this.#tables = tables;
    this.#objectClassType = tables.attributeTypes.get('objectclass');
  }

  /**
   * Reads every `*.ldif` of a folder, and of one that extends it, and checks the whole.
   *
   * @throws {DirectoryError} `DIRECTORY_SCHEMA_…` or `DIRECTORY_LDIF_…`; the message starts with
   *   `file:line`, the whole path for a file of the extension.
   */
  static async load(folder: string, extension?: string): Promise<Schema> {
    const files = await readSchemaFolder(folder);
    const more = extension === undefined ? [] : await readSchemaFolder(extension);
    const placed = more.map(({ file, text }) => ({ file: join(extension ?? '', file), text }));
    return Schema.parse([...files, ...placed]);
  }

  /** The schema of texts that are in memory; see {@link Schema.load}. */
  static parse(files: readonly SchemaFile[]): Schema {
    return new Schema(buildSchema(parseSchemaFiles(files)));
  }

  attributeType(nameOrOid: string): AttributeType | undefined {
    return find(this.#tables.attributeTypes, nameOrOid);
  }

  objectClass(nameOrOid: string): ObjectClass | undefined {
    return find(this.#tables.objectClasses, nameOrOid);
  }

  objectIdentifier(nameOrOid: string): string | undefined {
    if (isNumericOid(nameOrOid)) {
      return nameOrOid;
    }
    return (
      this.objectClass(nameOrOid)?.oid ??
      this.attributeType(nameOrOid)?.oid ??
      matchingRule(nameOrOid)?.oid
    );
  }

  /** Each attribute type once. */
  attributeTypes(): Iterable<AttributeType> {
    return new Set(this.#tables.attributeTypes.values());
  }

  /** Each object class once. */
  objectClasses(): Iterable<ObjectClass> {
    return new Set(this.#tables.objectClasses.values());
  }

  /** What the subschema entry publishes (RFC 4512 §4.2). */
  subschemaAttributes(): readonly SubschemaAttribute[] {
    return [
      {
        description: 'objectClasses',
        values: [...this.objectClasses()].map(({ definition }) => definition),
      },
      {
        description: 'attributeTypes',
        values: [...this.attributeTypes()].map(({ definition }) => definition),
      },
      { description: 'matchingRules', values: matchingRules.map(formatMatchingRule) },
      { description: 'matchingRuleUse', values: [...this.#matchingRuleUses()] },
      { description: 'ldapSyntaxes', values: [...syntaxes.values()].map(formatSyntax) },
    ];
  }

  /** A rule that compares no attribute type of this schema has no use. */
  *#matchingRuleUses(): Iterable<string> {
    const types = [...this.attributeTypes()];
    for (const rule of matchingRules) {
      const compared = types.filter(({ syntax }) => rule.appliesTo.has(syntax.oid));
      if (compared.length > 0) {
        yield formatMatchingRuleUse(rule, compared);
      }
    }
  }

  /**
   * Checks an entry against its object classes (RFC 4512 §2.4): all known, one structural chain,
   * every required attribute there and none that is not allowed. Operational attributes are always
   * allowed.
   *
   * @param names The values of objectClass.
   * @param types The types of the attributes that the entry has values of.
   * @throws {DirectoryError} `DIRECTORY_OBJECT_CLASS`, `DIRECTORY_INVALID_SYNTAX` for a value that
   *   names no class.
   */
  checkEntry(names: readonly Uint8Array[], types: Iterable<AttributeType>): EntryClasses {
    const known = this.#classesOf(names);
    const present = types instanceof Set ? (types as ReadonlySet<AttributeType>) : new Set(types);
    for (const [type, { name }] of known.required) {
      if (!present.has(type)) {
        refuse(`object class ${name} requires the attribute ${type.name}`);
      }
    }
    for (const type of present) {
      if (!known.allowsAll && !type.isOperational && !known.allowed.has(type)) {
        refuse(`no object class of the entry allows the attribute ${type.name}`);
      }
    }
    return known;
  }

  /** What classes come to, remembered: entries name the same few combinations again and again. */
  #classesOf(names: readonly Uint8Array[]): KnownClasses {
    const texts = names.map((name) => asBuffer(name).toString('latin1')).join('\n');
    const known = this.#combinations.get(texts);
    if (known !== undefined) {
      return known;
    }
    const resolved = this.#describe(this.#resolveClasses(names));
    if (texts.length <= MAX_COMBINATION && this.#combinations.size < MAX_COMBINATIONS) {
      this.#combinations.set(texts, resolved);
    }
    return resolved;
  }

  #describe(classes: ReadonlySet<ObjectClass>): KnownClasses {
    const structural = structuralClass(classes);
    const required = new Map<AttributeType, ObjectClass>();
    const allowed = new Set<AttributeType>();
    for (const objectClass of classes) {
      for (const type of objectClass.must) {
        allowed.add(type);
        if (type !== this.#objectClassType && !required.has(type)) {
          required.set(type, objectClass);
        }
      }
      for (const type of objectClass.may) {
        allowed.add(type);
      }
    }
    if (this.#objectClassType !== undefined) {
      allowed.add(this.#objectClassType);
    }
    const allowsAll = [...classes].some(({ oid }) => oid === EXTENSIBLE_OBJECT);
    return { structural, classes, required, allowed, allowsAll };
  }

  #resolveClasses(names: readonly Uint8Array[]): ReadonlySet<ObjectClass> {
    const classes = new Set<ObjectClass>();
    for (const name of names) {
      const objectClass = this.objectClass(decodeUtf8(name) ?? '');
      if (objectClass === undefined) {
        throw new DirectoryError(
          'DIRECTORY_INVALID_SYNTAX',
          'a value of objectClass names no class that is defined',
        );
      }
      for (const each of objectClass.chain) {
        classes.add(each);
      }
    }
    return classes;
  }
}

/** The structural class that all others of the entry are superiors of. */
function structuralClass(classes: ReadonlySet<ObjectClass>): ObjectClass {
  const structural = [...classes].filter(({ classKind }) => classKind === 'structural');
  const lowest = structural.find(({ chain }) => structural.every((other) => chain.has(other)));
  if (lowest === undefined) {
    return refuse(
      structural.length === 0
        ? 'the entry has no structural object class'
        : `the structural object classes ${structural.map(({ name }) => name).join(' and ')} do not go together`,
    );
  }
  return lowest;
}

function refuse(reason: string): never {
  throw new DirectoryError('DIRECTORY_OBJECT_CLASS', reason);
}

/**
 * Names in any case; most callers already have the lower case or an OID. Only ASCII letters have a
 * case here: the Kelvin sign is not a k.
 */
function find<T>(table: ReadonlyMap<string, T>, nameOrOid: string): T | undefined {
  const element = table.get(nameOrOid);
  return element !== undefined || !isDescriptor(nameOrOid)
    ? element
    : table.get(nameOrOid.toLowerCase());
}
