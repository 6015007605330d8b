/**
 * Notes on the revocation information that one search or compare meets, for the `AccessObserver`.
 *
 * @module
 */

import type { AttributeType } from '../schema/schema-model.ts';
import type { ObservedAccess, RevocationAttribute, RevocationLook } from '../service.ts';

const attributeByOid: ReadonlyMap<string, RevocationAttribute> = new Map([
  ['2.5.4.38', 'authorityRevocationList'],
  ['2.5.4.39', 'certificateRevocationList'],
  ['2.5.4.53', 'deltaRevocationList'],
]);

/** The OIDs of the types that hold revocation information. */
export const revocationOids: readonly string[] = [...attributeByOid.keys()];

/** What of an access does not hang on who asked. */
export type AccessFacts = Pick<ObservedAccess, 'base' | 'asked' | 'looks'>;

export class AccessNotes implements AccessFacts {
  readonly base: string;
  readonly asked: RevocationAttribute[] = [];
  readonly looks: RevocationLook[] = [];

  /** @param base The name as the client wrote it. */
  constructor(base: string) {
    this.base = base;
  }

  /** The request names the type. */
  noteAsked(type: AttributeType): void {
    const attribute = revocationAttributeOf(type);
    if (attribute !== undefined && !this.asked.includes(attribute)) {
      this.asked.push(attribute);
    }
  }

  noteGiven(dn: string, type: AttributeType, values: readonly Uint8Array[]): void {
    const attribute = revocationAttributeOf(type);
    if (attribute !== undefined) {
      const bytes = values.reduce((sum, value) => sum + value.length, 0);
      this.looks.push({ dn, attribute, outcome: 'given', bytes });
    }
  }

  noteWithheld(dn: string, type: AttributeType): void {
    const attribute = revocationAttributeOf(type);
    if (attribute !== undefined) {
      this.looks.push({ dn, attribute, outcome: 'withheld', bytes: 0 });
    }
  }
}

/** The attribute that the type is, or is a subtype of. */
function revocationAttributeOf(type: AttributeType): RevocationAttribute | undefined {
  for (let at: AttributeType | undefined = type; at !== undefined; at = at.superior) {
    const attribute = attributeByOid.get(at.oid);
    if (attribute !== undefined) {
      return attribute;
    }
  }
  return undefined;
}
