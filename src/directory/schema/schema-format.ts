/**
 * Schema descriptions as text (RFC 4512 §4.1), for the subschema entry.
 *
 * @module
 */

import type { AttributeType, MatchingRule, Syntax } from './schema-model.ts';
import type { AttributeTypeDescription, ObjectClassDescription } from './schema-parser.ts';

type Field = readonly [keyword: string, text: string | boolean | undefined];

export function formatAttributeType(type: AttributeTypeDescription): string {
  return formatDescription(type.oid, [
    ['NAME', formatNames(type.names)],
    ['DESC', formatText(type.description)],
    ['OBSOLETE', type.isObsolete],
    ['SUP', type.superior],
    ['EQUALITY', type.equality],
    ['ORDERING', type.ordering],
    ['SUBSTR', type.substring],
    ['SYNTAX', type.syntax],
    ['SINGLE-VALUE', type.isSingleValue],
    ['COLLECTIVE', type.isCollective],
    ['NO-USER-MODIFICATION', type.isNoUserModification],
    ['USAGE', type.usage === 'userApplications' ? undefined : type.usage],
  ]);
}

export function formatObjectClass(objectClass: ObjectClassDescription): string {
  return formatDescription(objectClass.oid, [
    ['NAME', formatNames(objectClass.names)],
    ['DESC', formatText(objectClass.description)],
    ['OBSOLETE', objectClass.isObsolete],
    ['SUP', formatOids(objectClass.superiors)],
    [objectClass.classKind.toUpperCase(), true],
    ['MUST', formatOids(objectClass.must)],
    ['MAY', formatOids(objectClass.may)],
  ]);
}

/** RFC 4512 §4.1.3. */
export function formatMatchingRule(rule: MatchingRule): string {
  return formatDescription(rule.oid, [
    ['NAME', formatNames([rule.name])],
    ['SYNTAX', rule.syntax],
  ]);
}

/** RFC 4512 §4.1.4: the attribute types that an extensible filter may use the rule with. */
export function formatMatchingRuleUse(
  rule: MatchingRule,
  types: readonly Pick<AttributeType, 'name'>[],
): string {
  return formatDescription(rule.oid, [
    ['NAME', formatNames([rule.name])],
    ['APPLIES', formatOids(types.map(({ name }) => name))],
  ]);
}

/** RFC 4512 §4.1.5. */
export function formatSyntax(syntax: Syntax): string {
  return formatDescription(syntax.oid, [['DESC', formatText(syntax.description)]]);
}

function formatDescription(oid: string, fields: readonly Field[]): string {
  const parts = fields.flatMap(([keyword, text]) => {
    if (text === undefined || text === false) {
      return [];
    }
    return text === true ? [keyword] : [keyword, text];
  });
  return `( ${[oid, ...parts].join(' ')} )`;
}

function formatText(text: string | undefined): string | undefined {
  return text === undefined
    ? undefined
    : `'${text.replaceAll('\\', '\\5C').replaceAll("'", '\\27')}'`;
}

function formatNames(names: readonly string[]): string | undefined {
  const quoted = names.map((name) => `'${name}'`);
  return quoted.length > 1 ? `( ${quoted.join(' ')} )` : quoted[0];
}

function formatOids(oids: readonly string[]): string | undefined {
  return oids.length > 1 ? `( ${oids.join(' $ ')} )` : oids[0];
}
