/**
 * Rules of a policy with `people` by which operators write operators' accounts over LDAP: whoever does could give itself
 * roles, or be several people in the steps of a request. `certdir operator` and the API keep people apart.
 *
 * @module
 */

import type { Policy } from '../ca/policy/policy.ts';
import type { AccessRight, AccessRule } from '../directory/access/access-rule.ts';
import { isKeyWithin } from '../directory/entries/key-range.ts';
import { Dn } from '../directory/names/dn.ts';
import type { SchemaLookup } from '../directory/schema/schema-model.ts';

const writing: readonly AccessRight[] = ['add', 'delete', 'write', 'manage'];

/**
 * One warning for each such rule. Of the rules before it those alone count as hiding the accounts from it that are for
 * everyone, every session, every entry and every attribute.
 */
export function writableOperators(
  { access, directory, people }: Pick<Policy, 'access' | 'directory' | 'people'>,
  schema: SchemaLookup,
): readonly string[] {
  if (people === undefined) {
    return [];
  }
  const operators = Dn.parse(directory.operators, schema).key;
  const warnings: string[] = [];
  for (const [index, rule] of access.entries()) {
    if (writes(rule) && isAboutSome(rule, operators, schema)) {
      const who =
        rule.who.kind === 'operator' ? (rule.who.roles?.join(', ') ?? 'operators') : 'all';
      warnings.push(
        `access.${index}: lets ${who} write accounts below ${directory.operators} over LDAP, past what keeps people apart; grant read, search, compare: certdir operator and the API write them`,
      );
    }
    if (isForEveryone(rule) && isAboutAll(rule, operators, schema)) {
      break;
    }
  }
  return warnings;
}

/** The entry itself, of which nothing but the password is written so, is not meant; nor who is named by DN. */
function writes({ who, rights }: AccessRule): boolean {
  return (
    (who.kind === 'operator' || who.kind === 'authenticated' || who.kind === 'anyone') &&
    rights.some((right) => writing.includes(right))
  );
}

function isForEveryone({ who, tls, address, attributes = '*' }: AccessRule): boolean {
  return who.kind === 'anyone' && tls === undefined && address === undefined && attributes === '*';
}

function isAboutAll(
  { target: { entry, subtree, entryClass, filter } = {} }: AccessRule,
  operators: Uint8Array,
  schema: SchemaLookup,
): boolean {
  return (
    entry === undefined &&
    entryClass === undefined &&
    filter === undefined &&
    (subtree === undefined || isKeyWithin(operators, Dn.parse(subtree, schema).key))
  );
}

function isAboutSome(
  { target: { entry, subtree } = {} }: AccessRule,
  operators: Uint8Array,
  schema: SchemaLookup,
): boolean {
  if (entry !== undefined) {
    return isKeyWithin(Dn.parse(entry, schema).key, operators);
  }
  if (subtree === undefined) {
    return true;
  }
  const { key } = Dn.parse(subtree, schema);
  return isKeyWithin(key, operators) || isKeyWithin(operators, key);
}
