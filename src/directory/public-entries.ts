/**
 * The two entries that are not in the tree: the root DSE (RFC 4512 §5.1) and the subschema entry
 * (§4.2). Both are public; they say what this server is, not what it holds.
 *
 * @module
 */

import { Entry } from './entries/entry.ts';
import { textAttributes } from './entries/text-attributes.ts';
import { Dn } from './names/dn.ts';
import { formatGeneralizedTime } from './schema/generalized-time.ts';
import type { Schema } from './schema/schema.ts';
import type { SchemaLookup } from './schema/schema-model.ts';
import type { Session } from './service.ts';

/** What front ends support, for the root DSE. Everything may be left out. */
export interface RootDseFacts {
  readonly vendorName?: string;
  readonly vendorVersion?: string;
  readonly supportedLdapVersions?: readonly string[];
  /** OIDs. */
  readonly supportedControls?: readonly string[];
  readonly supportedExtensions?: readonly string[];
  readonly supportedFeatures?: readonly string[];
  /** Where figures of the server are shown. */
  readonly monitorContext?: string;
}

/** Entries that are not in the tree. */
export interface PublicEntries {
  readonly rootDse: Entry;
  readonly subschema: Entry;
}

/** What the public entries speak of. */
export interface PublishedTree {
  /** The naming contexts. */
  readonly suffixes: readonly string[];
  readonly schema: Schema;
  /** When the schema was loaded. */
  readonly loadedMs: number;
}

/** The public entries for each kind of connection: which SASL mechanisms are offered depends on it. */
export class PublicEntryCache {
  readonly #facts: RootDseFacts;
  readonly #suffixes: readonly string[];
  readonly #schema: Schema;
  readonly #subschema: Entry;
  /** By mechanisms; front ends offer few combinations. */
  readonly #entries = new Map<string, PublicEntries>();

  constructor(facts: RootDseFacts, { suffixes, schema, loadedMs }: PublishedTree) {
    this.#facts = facts;
    this.#suffixes = suffixes;
    this.#schema = schema;
    this.#subschema = subschemaEntry(schema, loadedMs);
    // Finds out at once whether the schema has what every directory publishes.
    this.#make([]);
  }

  for({ saslMechanisms = [] }: Pick<Session, 'saslMechanisms'>): PublicEntries {
    const name = saslMechanisms.join(' ');
    let entries = this.#entries.get(name);
    if (entries === undefined) {
      entries = this.#make(saslMechanisms);
      this.#entries.set(name, entries);
    }
    return entries;
  }

  #make(saslMechanisms: readonly string[]): PublicEntries {
    const facts = { ...this.#facts, saslMechanisms };
    return {
      rootDse: rootDse(facts, this.#suffixes, this.#schema),
      subschema: this.#subschema,
    };
  }
}

/** The name of the subschema entry, the same for every suffix. */
export const subschemaName = 'cn=Subschema';

function rootDse(
  facts: RootDseFacts & { readonly saslMechanisms: readonly string[] },
  suffixes: readonly string[],
  schema: SchemaLookup,
): Entry {
  const attributes: Readonly<Record<string, readonly string[] | undefined>> = {
    objectClass: ['top'],
    structuralObjectClass: ['top'],
    namingContexts: suffixes,
    subschemaSubentry: [subschemaName],
    supportedLDAPVersion: facts.supportedLdapVersions ?? ['3'],
    supportedControl: facts.supportedControls,
    supportedExtension: facts.supportedExtensions,
    supportedFeatures: facts.supportedFeatures,
    supportedSASLMechanisms: facts.saslMechanisms,
    monitorContext: facts.monitorContext === undefined ? undefined : [facts.monitorContext],
    vendorName: facts.vendorName === undefined ? undefined : [facts.vendorName],
    vendorVersion: facts.vendorVersion === undefined ? undefined : [facts.vendorVersion],
  };
  return new Entry('', Dn.root.key, textAttributes(attributes, schema));
}

/**
 * The schema as an entry, read with a base search (RFC 4512 §4.4). Its times let clients keep what they read
 * (§4.2): it cannot have changed since the server was started.
 */
function subschemaEntry(schema: Schema, loadedMs: number): Entry {
  const loaded = formatGeneralizedTime(loadedMs);
  const published = schema
    .subschemaAttributes()
    .map(({ description, values }) => [description, values] as const);
  const attributes = {
    objectClass: ['top', 'subentry', 'subschema', 'extensibleObject'],
    structuralObjectClass: ['subentry'],
    cn: ['Subschema'],
    subschemaSubentry: [subschemaName],
    entryDN: [subschemaName],
    hasSubordinates: ['FALSE'],
    createTimestamp: [loaded],
    modifyTimestamp: [loaded],
    ...Object.fromEntries(published),
  };
  return new Entry(
    subschemaName,
    Dn.parse(subschemaName, schema).key,
    textAttributes(attributes, schema),
  );
}
