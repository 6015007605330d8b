/**
 * What the policies of one server must not have in common: each CA has a part of the tree that is its alone, and paths on
 * the Web.
 *
 * @module
 */

import { ConfigError } from '../../config/errors.ts';
import { Dn } from '../../directory/names/dn.ts';
import type { RealmDefinition } from '../../directory/realms.ts';
import type { SchemaLookup } from '../../directory/schema/schema-model.ts';
import type { Policy } from './policy.ts';
import { pathsOf } from './repository-policy.ts';
import { Scopes } from './scope.ts';

/** The tops of a CA's own part of the tree. */
export function subtreesOf({
  directory,
  names,
}: Pick<Policy, 'directory' | 'names'>): readonly string[] {
  return directory.subtrees ?? [names.issuer];
}

/** Where the policies' rules hold: for one CA everywhere, for several within its own part of the tree. */
export function realmsOf(policies: readonly Policy[]): readonly RealmDefinition[] {
  return policies.map((policy) => {
    const { id, access, passwords } = policy;
    return policies.length === 1
      ? { name: '', subtrees: [''], access, passwords }
      : { name: id, subtrees: subtreesOf(policy), access, passwords };
  });
}

/**
 * Naming contexts of the tree: every suffix that is not below another one.
 *
 * @throws {DirectoryError} `DIRECTORY_DN_SYNTAX`
 */
export function suffixesOf(policies: readonly Policy[], schema: SchemaLookup): readonly string[] {
  const found: Dn[] = [];
  for (const { directory } of policies) {
    const suffix = Dn.parse(directory.suffix, schema);
    if (!found.some((other) => suffix.isWithin(other))) {
      const rest = found.filter((other) => !other.isWithin(suffix));
      found.splice(0, found.length, ...rest, suffix);
    }
  }
  return found.map((suffix) => suffix.text);
}

/**
 * @throws {ConfigError} `CONFIG_INVALID` naming both CAs, and what one of them has to change.
 */
export function assertNeighbours(policies: readonly Policy[], schema: SchemaLookup): void {
  if (policies.length === 1) {
    return;
  }
  assertDistinct(policies, 'id', ({ id }) => [id]);
  assertDistinct(policies, 'names.issuer', ({ names }) => [keyOf(names.issuer, schema)]);
  for (const policy of policies) {
    assertInside(policy, schema);
  }
  assertDistinct(policies, 'path on the Web', (policy) => {
    // Names of lists that are opened later follow from the template.
    const templates = policy.crl.scopes.flatMap(({ httpPaths = [] }) => httpPaths);
    const lists = new Scopes(policy).list.flatMap(({ httpPaths }) => httpPaths);
    // Each CA's pages stand below its id.
    return [...templates, ...lists, ...pathsOf(policy.repository)];
  });
}

function keyOf(dn: string, schema: SchemaLookup): string {
  return Buffer.from(Dn.parse(dn, schema).key).toString('latin1');
}

function assertDistinct(
  policies: readonly Policy[],
  setting: string,
  valuesOf: (policy: Policy) => readonly string[],
): void {
  const owners = new Map<string, string>();
  for (const policy of policies) {
    for (const value of new Set(valuesOf(policy))) {
      const other = owners.get(value);
      if (other !== undefined) {
        const shown = value.startsWith('/') ? ` (${value})` : '';
        throw new ConfigError(
          'CONFIG_INVALID',
          `policies: ${other} and ${policy.id} have the same ${setting}${shown}; change one of them, or give it a data ` +
            'folder of its own',
        );
      }
      owners.set(value, policy.id);
    }
  }
}

/** Entries that the CA's rules are to be about. */
function assertInside(policy: Policy, schema: SchemaLookup): void {
  const tops = subtreesOf(policy).map((text) => Dn.parse(text, schema));
  const { operators, verifiers } = policy.directory;
  const wanted = [
    { setting: 'names.issuer', dn: policy.names.issuer },
    { setting: 'directory.operators', dn: operators },
    ...(verifiers === undefined ? [] : [{ setting: 'directory.verifiers', dn: verifiers }]),
    ...new Scopes(policy).list.map(({ dn }) => ({ setting: 'crl.scopes', dn })),
  ];
  for (const { setting, dn } of wanted) {
    const name = Dn.parse(dn, schema);
    if (!tops.some((top) => name.isWithin(top))) {
      throw new ConfigError(
        'CONFIG_INVALID',
        `policies: ${setting} of ${policy.id}, ${dn}, is outside the CA's own part of the tree, where alone its rules ` +
          'hold beside those of other CAs; name the tops of that part in directory.subtrees',
      );
    }
  }
}
