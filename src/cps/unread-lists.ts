/**
 * Lists that a policy puts where no access rule lets anybody read them.
 *
 * What a rule asks of whoever reads (agreement, TLS, address) and a filter on the entry are taken to hold, and an earlier
 * rule that refuses is not looked for: what is found is certain, what is not found may still be closed.
 *
 * Not here: evaluating rules (`directory/access/access.ts`).
 *
 * @module
 */

import type { Policy } from '../ca/policy/policy.ts';
import { hasDelta, type Scope, type Scopes } from '../ca/policy/scope.ts';
import { equalBytes } from '../core/bytes.ts';
import type { AccessRule } from '../directory/access/access-rule.ts';
import { isKeyWithin } from '../directory/entries/key-range.ts';
import { Dn } from '../directory/names/dn.ts';
import type { SchemaLookup } from '../directory/schema/schema-model.ts';

/** One warning for each kind of list of the policy and attribute. */
export function unreadLists(
  policy: Policy,
  scopes: Pick<Scopes, 'list' | 'fullOf'>,
  schema: SchemaLookup,
): readonly string[] {
  const warnings: string[] = [];
  for (const { id } of policy.crl.scopes) {
    const scope = [...scopes.list, ...scopes.fullOf(1)].find(
      ({ definition }) => definition.id === id,
    );
    const attributes = scope === undefined ? [] : attributesOf(scope, policy);
    for (const attribute of attributes) {
      if (
        scope !== undefined &&
        !policy.access.some((rule) => opens(rule, { scope, attribute, schema }))
      ) {
        warnings.push(
          `crl.scopes.${id}: no rule of access lets anybody read ${attribute} of ${scope.dn}; name the attribute in one`,
        );
      }
    }
  }
  return warnings;
}

function attributesOf(scope: Scope, policy: Policy): readonly string[] {
  return [scope.attribute, ...(hasDelta(scope, policy) ? ['deltaRevocationList'] : [])];
}

interface Place {
  readonly scope: Scope;
  readonly attribute: string;
  readonly schema: SchemaLookup;
}

/** Operators and the entry itself are not those whom lists are published for. */
function opens({ who, rights, attributes, target = {} }: AccessRule, place: Place): boolean {
  return (
    who.kind !== 'operator' &&
    who.kind !== 'self' &&
    (rights.includes('read') || rights.includes('manage')) &&
    names(attributes ?? '*', place) &&
    isAbout(target, place)
  );
}

function names(
  attributes: NonNullable<AccessRule['attributes']>,
  { attribute, schema }: Place,
): boolean {
  const wanted = schema.attributeType(attribute);
  return (
    attributes === '*' ||
    attributes.some(
      (one) =>
        one === '*' ||
        one.startsWith('@') ||
        (wanted !== undefined && schema.attributeType(one) === wanted),
    )
  );
}

/** Of the entries that the CA makes, those of lists by municipality or value alone are certdirPartition. */
function isAbout(
  { entry, subtree, entryClass }: NonNullable<AccessRule['target']>,
  { scope, schema }: Place,
): boolean {
  const { key } = Dn.parse(scope.dn, schema);
  const isOfClass =
    entryClass === undefined ||
    scope.municipality !== undefined ||
    scope.value !== undefined ||
    schema.objectClass(entryClass) !== schema.objectClass('certdirPartition');
  return (
    isOfClass &&
    (entry === undefined || equalBytes(key, Dn.parse(entry, schema).key)) &&
    (subtree === undefined || isKeyWithin(key, Dn.parse(subtree, schema).key))
  );
}
