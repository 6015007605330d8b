/**
 * What an entry as a whole must comply with before it is written: object classes, single values, its
 * own name, one password.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8, equalBytes } from '../../core/bytes.ts';
import { checkCertificateValues } from '../accounts/certificate-credential.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import { DirectoryError } from '../errors.ts';
import type { Rdn } from '../names/dn.ts';
import type { Schema } from '../schema/schema.ts';
import type { ObjectClass } from '../schema/schema-model.ts';
import type { Attribute, Entry } from './entry.ts';
import { checkCount, identityOf } from './value-rules.ts';

export interface RuleContext {
  readonly schema: Schema;
  readonly types: DirectoryTypes;
}

/**
 * Checks an entry, completes its object classes and sets its structuralObjectClass.
 *
 * @param before The entry as it was, when it is a change: its structural class must stay (RFC 4512 §2.4.2).
 * @throws {DirectoryError} `DIRECTORY_OBJECT_CLASS`, `DIRECTORY_OBJECT_CLASS_MODS`,
 *   `DIRECTORY_CONSTRAINT`, `DIRECTORY_NOT_ON_RDN`.
 */
export function checkEntryRules(
  entry: Entry,
  { schema, types }: RuleContext,
  facts: { readonly rdn: Rdn | undefined; readonly before?: Entry },
): Entry {
  for (const { type, values } of entry.attributes) {
    checkCount(type, values.length);
  }
  if ((entry.attribute(types.userPassword)?.values.length ?? 0) > 1) {
    throw new DirectoryError('DIRECTORY_CONSTRAINT', 'an entry has one password at most');
  }
  checkCertificateValues(entry, types);
  if (facts.rdn !== undefined) {
    checkNaming(entry, facts.rdn, schema);
  }
  const present = new Set(entry.attributes.map(({ type }) => type));
  const named = entry.values(types.objectClass);
  const { structural, classes } = schema.checkEntry(named, present);
  const previous = facts.before?.values(types.structuralObjectClass)[0];
  if (previous !== undefined && Buffer.from(previous).toString('latin1') !== structural.name) {
    throw new DirectoryError(
      'DIRECTORY_OBJECT_CLASS_MODS',
      'the structural object class of an entry cannot be changed',
    );
  }
  return entry
    .withBundle({
      type: types.objectClass,
      options: [],
      values: withSuperclasses(named, classes, schema),
    })
    .withBundle({
      type: types.structuralObjectClass,
      options: [],
      values: [nameOctets(structural)],
    });
}

const octetsOfNames = new WeakMap<ObjectClass, Uint8Array>();

function nameOctets(objectClass: ObjectClass): Uint8Array {
  let octets = octetsOfNames.get(objectClass);
  if (octets === undefined) {
    octets = encodeUtf8(objectClass.name);
    octetsOfNames.set(objectClass, octets);
  }
  return octets;
}

/** RFC 4512 §3.3: superclasses of the named classes are added where they are not named. */
function withSuperclasses(
  named: readonly Uint8Array[],
  classes: ReadonlySet<ObjectClass>,
  schema: Schema,
): readonly Uint8Array[] {
  const present = new Set(named.map((value) => schema.objectClass(decodeUtf8(value) ?? '')));
  if (present.size === classes.size) {
    return named;
  }
  const missing = [...classes].filter((objectClass) => !present.has(objectClass));
  return [...named, ...missing.map(nameOctets)];
}

/** The attributes with the values of the name added where they are missing (RFC 4511 §4.7). */
export function withNamingValues(entry: Entry, rdn: Rdn, schema: Schema): Entry {
  let named = entry;
  for (const { type, value } of rdn.pairs) {
    if (type.isNoUserModification) {
      throw new DirectoryError('DIRECTORY_NAMING', `${type.name} cannot name an entry`);
    }
    if (!hasValue(named.values(type), { type, value }, schema)) {
      const present: Attribute = named.attribute(type) ?? { type, options: [], values: [] };
      named = named.withBundle({ ...present, values: [...present.values, value] });
    }
  }
  return named;
}

/** The attributes without the values of an old name, but for those that the new one has too. */
export function withoutNamingValues(
  entry: Entry,
  names: { readonly oldRdn: Rdn; readonly newRdn: Rdn },
  schema: Schema,
): Entry {
  let renamed = entry;
  for (const { type, value } of names.oldRdn.pairs) {
    const isKept = names.newRdn.pairs.some(
      (pair) => pair.type === type && hasValue([pair.value], { type, value }, schema),
    );
    const present = renamed.attribute(type);
    if (!isKept && present !== undefined) {
      const identity = identityOf(type, value, schema);
      const values = present.values.filter(
        (other) => !(other instanceof Uint8Array) || identityOf(type, other, schema) !== identity,
      );
      renamed = renamed.withBundle({ ...present, values });
    }
  }
  return renamed;
}

function checkNaming(entry: Entry, rdn: Rdn, schema: Schema): void {
  for (const pair of rdn.pairs) {
    if (!hasValue(entry.values(pair.type), pair, schema)) {
      throw new DirectoryError(
        'DIRECTORY_NOT_ON_RDN',
        `the entry must keep the value of ${pair.type.name} that names it; rename the entry instead`,
      );
    }
  }
}

function hasValue(
  values: readonly Uint8Array[],
  wanted: Rdn['pairs'][number],
  schema: Schema,
): boolean {
  if (values.some((value) => equalBytes(value, wanted.value))) {
    return true;
  }
  const identity = identityOf(wanted.type, wanted.value, schema);
  return values.some((value) => identityOf(wanted.type, value, schema) === identity);
}
