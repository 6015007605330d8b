/**
 * From descriptions to the resolved schema: references become objects, what is inherited is filled
 * in, and everything that does not go together is refused with its file and line.
 *
 * @module
 */

import { DirectoryError, type DirectoryErrorCode } from '../errors.ts';
import { matchingRule } from './matching-rules.ts';
import { formatAttributeType, formatObjectClass } from './schema-format.ts';
import type {
  AttributeType,
  EqualityRule,
  MatchingRule,
  ObjectClass,
  OrderingRule,
  SubstringRule,
  Syntax,
} from './schema-model.ts';
import type { AttributeTypeDescription, ObjectClassDescription } from './schema-parser.ts';
import type { Located, SchemaDescriptions } from './schema-source.ts';
import { syntaxes } from './syntax.ts';

/** Lower-case names and OIDs to elements. */
export interface SchemaTables {
  readonly attributeTypes: ReadonlyMap<string, AttributeType>;
  readonly objectClasses: ReadonlyMap<string, ObjectClass>;
}

/**
 * Resolves a schema.
 *
 * @throws {DirectoryError} `DIRECTORY_SCHEMA_DUPLICATE`, `DIRECTORY_SCHEMA_REFERENCE`,
 *   `DIRECTORY_SCHEMA_CYCLE`, `DIRECTORY_SCHEMA_INCONSISTENT`.
 */
export function buildSchema(descriptions: SchemaDescriptions): SchemaTables {
  const attributeTypes = new ElementTable(
    descriptions.attributeTypes,
    (located, table: ElementTable<AttributeTypeDescription, AttributeType>) =>
      resolveAttributeType(located, table),
  );
  const attributeTypeMap = attributeTypes.resolveAll();
  const objectClasses = new ElementTable(
    descriptions.objectClasses,
    (located, table: ElementTable<ObjectClassDescription, ObjectClass>) =>
      resolveObjectClass(located, table, attributeTypeMap),
  );
  return { attributeTypes: attributeTypeMap, objectClasses: objectClasses.resolveAll() };
}

function schemaError(code: DirectoryErrorCode, place: string, reason: string): DirectoryError {
  return new DirectoryError(code, `${place}: ${reason}`);
}

interface Named {
  readonly oid: string;
  readonly names: readonly string[];
}

type Resolve<D extends Named, E> = (located: Located<D>, table: ElementTable<D, E>) => E;

/** Elements of one kind, each resolved after those it refers to. */
class ElementTable<D extends Named, E> {
  readonly #descriptions = new Map<string, Located<D>>();
  readonly #elements = new Map<Located<D>, E>();
  readonly #underWay = new Set<Located<D>>();
  readonly #resolve: Resolve<D, E>;

  constructor(descriptions: readonly Located<D>[], resolve: Resolve<D, E>) {
    this.#resolve = resolve;
    for (const located of descriptions) {
      const { oid, names } = located.description;
      for (const key of [oid, ...names.map((name) => name.toLowerCase())]) {
        const other = this.#descriptions.get(key);
        if (other !== undefined) {
          throw schemaError(
            'DIRECTORY_SCHEMA_DUPLICATE',
            located.place,
            `"${key}" is defined already, at ${other.place}`,
          );
        }
        this.#descriptions.set(key, located);
      }
    }
  }

  resolveAll(): ReadonlyMap<string, E> {
    return new Map([...this.#descriptions].map(([key, located]) => [key, this.#element(located)]));
  }

  /** The element that `reference`, found at `place`, names. */
  refer(reference: string, place: string): E {
    const located = this.#descriptions.get(reference.toLowerCase());
    if (located === undefined) {
      throw schemaError(
        'DIRECTORY_SCHEMA_REFERENCE',
        place,
        `SUP ${reference} is not defined in any schema file`,
      );
    }
    return this.#element(located);
  }

  #element(located: Located<D>): E {
    const known = this.#elements.get(located);
    if (known !== undefined) {
      return known;
    }
    if (this.#underWay.has(located)) {
      throw schemaError('DIRECTORY_SCHEMA_CYCLE', located.place, 'it is its own superior');
    }
    this.#underWay.add(located);
    const element = this.#resolve(located, this);
    this.#elements.set(located, element);
    return element;
  }
}

function resolveAttributeType(
  { description, place }: Located<AttributeTypeDescription>,
  table: ElementTable<AttributeTypeDescription, AttributeType>,
): AttributeType {
  const superior =
    description.superior === undefined ? undefined : table.refer(description.superior, place);
  const syntax = resolveSyntax(description.syntax, superior, place);
  const rule = (reference: string | undefined, inherited: MatchingRule | undefined) =>
    reference === undefined ? inherited : resolveRule(reference, place);
  const type: AttributeType = {
    kind: 'attributeType',
    oid: description.oid,
    names: description.names,
    name: description.names[0] ?? description.oid,
    description: description.description,
    isObsolete: description.isObsolete,
    superior,
    equality: ofKind('equality', rule(description.equality, superior?.equality), place),
    ordering: ofKind('ordering', rule(description.ordering, superior?.ordering), place),
    substring: ofKind('substrings', rule(description.substring, superior?.substring), place),
    syntax,
    isSingleValue: description.isSingleValue,
    isCollective: description.isCollective,
    isNoUserModification: description.isNoUserModification,
    usage: description.usage,
    isOperational: description.usage !== 'userApplications',
    requiresBinary: syntax.requiresBinary,
    definition: formatAttributeType(description),
  };
  checkConsistency(type, place);
  return type;
}

/** RFC 4512 §2.5.1, §4.1.2. */
function checkConsistency(type: AttributeType, place: string): void {
  const refuse = (reason: string): never => {
    throw schemaError('DIRECTORY_SCHEMA_INCONSISTENT', place, `${type.name} ${reason}`);
  };
  for (const rule of [type.equality, type.ordering, type.substring]) {
    if (rule !== undefined && !rule.appliesTo.has(type.syntax.oid)) {
      refuse(`has the rule ${rule.name}, which does not compare its syntax`);
    }
  }
  if (type.superior !== undefined && type.superior.usage !== type.usage) {
    refuse('has another USAGE than its superior');
  }
  if (type.isCollective && (type.isSingleValue || type.isOperational)) {
    refuse('is COLLECTIVE, which excludes SINGLE-VALUE and operational usage');
  }
  if (type.isNoUserModification && !type.isOperational) {
    refuse('is NO-USER-MODIFICATION, which only operational attributes can be');
  }
}

function resolveSyntax(
  oid: string | undefined,
  superior: AttributeType | undefined,
  place: string,
): Syntax {
  if (oid === undefined) {
    if (superior === undefined) {
      throw schemaError(
        'DIRECTORY_SCHEMA_INCONSISTENT',
        place,
        'without SUP, SYNTAX must be given',
      );
    }
    return superior.syntax;
  }
  const syntax = syntaxes.get(oid);
  if (syntax === undefined) {
    throw schemaError('DIRECTORY_SCHEMA_REFERENCE', place, `SYNTAX ${oid} is not known`);
  }
  return syntax;
}

function resolveRule(reference: string, place: string): MatchingRule {
  const rule = matchingRule(reference);
  if (rule === undefined) {
    throw schemaError(
      'DIRECTORY_SCHEMA_REFERENCE',
      place,
      `matching rule ${reference} is not known`,
    );
  }
  return rule;
}

interface RuleKinds {
  readonly equality: EqualityRule;
  readonly ordering: OrderingRule;
  readonly substrings: SubstringRule;
}

function ofKind<K extends keyof RuleKinds>(
  kind: K,
  rule: MatchingRule | undefined,
  place: string,
): RuleKinds[K] | undefined {
  if (rule !== undefined && rule.kind !== kind) {
    throw schemaError(
      'DIRECTORY_SCHEMA_INCONSISTENT',
      place,
      `${rule.name} is not a rule of kind ${kind}`,
    );
  }
  return rule as RuleKinds[K] | undefined;
}

/** Which kinds a class may be derived from (RFC 4512 §2.4). */
const allowedSuperiors = {
  abstract: ['abstract'],
  structural: ['abstract', 'structural'],
  auxiliary: ['abstract', 'auxiliary'],
} as const;

function resolveObjectClass(
  { description, place }: Located<ObjectClassDescription>,
  table: ElementTable<ObjectClassDescription, ObjectClass>,
  attributeTypes: ReadonlyMap<string, AttributeType>,
): ObjectClass {
  const superiors = description.superiors.map((superior) => table.refer(superior, place));
  const allowed: readonly string[] = allowedSuperiors[description.classKind];
  const name = description.names[0] ?? description.oid;
  for (const superior of superiors) {
    if (!allowed.includes(superior.classKind)) {
      throw schemaError(
        'DIRECTORY_SCHEMA_INCONSISTENT',
        place,
        `${name} is ${description.classKind} and cannot be derived from ${superior.name}, which is ${superior.classKind}`,
      );
    }
  }
  const refer = (reference: string): AttributeType => {
    const type = attributeTypes.get(reference.toLowerCase());
    if (type === undefined) {
      throw schemaError(
        'DIRECTORY_SCHEMA_REFERENCE',
        place,
        `attribute type ${reference} is not defined in any schema file`,
      );
    }
    return type;
  };
  const must = new Set(superiors.flatMap((superior) => [...superior.must]));
  const may = new Set(superiors.flatMap((superior) => [...superior.may]));
  for (const reference of description.must) {
    must.add(refer(reference));
  }
  for (const reference of description.may) {
    may.add(refer(reference));
  }
  const chain = new Set<ObjectClass>(superiors.flatMap((superior) => [...superior.chain]));
  const objectClass: ObjectClass = {
    kind: 'objectClass',
    oid: description.oid,
    names: description.names,
    name,
    description: description.description,
    isObsolete: description.isObsolete,
    superiors,
    classKind: description.classKind,
    must,
    may,
    chain,
    definition: formatObjectClass(description),
  };
  chain.add(objectClass);
  return objectClass;
}
