/**
 * Entries that are not treated as what they are (RFC 4512 §2): subentries (RFC 3672) and referral
 * objects (RFC 3296), told apart by their structural object class.
 *
 * @module
 */

import type { AttributeType, ObjectClass, SchemaLookup } from '../schema/schema-model.ts';
import type { Entry } from './entry.ts';

interface EntryKind {
  readonly isSubentry: boolean;
  readonly isReferral: boolean;
}

const ordinary: EntryKind = { isSubentry: false, isReferral: false };

export class EntryKinds {
  /** Holds the references of referral objects; undefined in a schema without them. */
  readonly ref: AttributeType | undefined;
  readonly #schema: SchemaLookup;
  readonly #structuralObjectClass: AttributeType;
  readonly #subentry: ObjectClass | undefined;
  readonly #referral: ObjectClass | undefined;
  readonly #known = new Map<string, EntryKind>();
  #mayHoldReferrals = false;

  constructor(schema: SchemaLookup, structuralObjectClass: AttributeType) {
    this.#schema = schema;
    this.#structuralObjectClass = structuralObjectClass;
    this.#subentry = schema.objectClass('subentry');
    this.#referral = schema.objectClass('referral');
    this.ref = schema.attributeType('ref');
  }

  /** False while there has been no referral object: nobody need look for one. */
  get mayHoldReferrals(): boolean {
    return this.#mayHoldReferrals;
  }

  /** There are referral objects in the store, or it is not known that there are none. */
  expectReferrals(): void {
    this.#mayHoldReferrals = this.#referral !== undefined;
  }

  /** To be told of every entry that is written under a name that it did not have. */
  written(entry: Entry): void {
    this.#mayHoldReferrals ||= this.isReferral(entry);
  }

  isSubentry(entry: Entry): boolean {
    return this.#kindOf(entry).isSubentry;
  }

  isReferral(entry: Entry): boolean {
    return this.#kindOf(entry).isReferral;
  }

  #kindOf(entry: Entry): EntryKind {
    const [value] = entry.values(this.#structuralObjectClass);
    if (value === undefined) {
      return ordinary;
    }
    const name = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
    let kind = this.#known.get(name);
    if (kind === undefined) {
      const chain: ReadonlySet<ObjectClass | undefined> | undefined =
        this.#schema.objectClass(name)?.chain;
      kind = {
        isSubentry: this.#subentry !== undefined && chain?.has(this.#subentry) === true,
        isReferral: this.#referral !== undefined && chain?.has(this.#referral) === true,
      };
      this.#known.set(name, kind);
    }
    return kind;
  }
}
