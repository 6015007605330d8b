/**
 * An entry in memory: a name and attributes, immutable. Values are kept as they came; large ones are
 * references into the store until someone needs the bytes.
 *
 * An attribute here is an attribute description's bundle (RFC 4512 §2.5): one type with one set of tagging
 * options. `binary` is a transfer option and never part of it (RFC 4522 §3).
 *
 * Not here: how entries are written down (`entry-encoding.ts`), where (`tree.ts`), who may see them
 * (`access.ts`).
 *
 * @module
 */

import type { AttributeType } from '../schema/schema-model.ts';

/** A value kept in the store under its hash. */
export class LargeValue {
  /** 32 bytes. */
  readonly sha256: Uint8Array;
  /** Length of the value in bytes. */
  readonly length: number;

  constructor(sha256: Uint8Array, length: number) {
    this.sha256 = sha256;
    this.length = length;
  }
}

/** A value's bytes, or where they are. */
export type StoredValue = Uint8Array | LargeValue;

const noValues: readonly Uint8Array[] = [];

/** True when no value has to be fetched. */
export function isLoaded(values: readonly StoredValue[]): values is readonly Uint8Array[] {
  for (const value of values) {
    if (value instanceof LargeValue) {
      return false;
    }
  }
  return true;
}

export interface Attribute {
  readonly type: AttributeType;
  /** Tagging options, lower case, sorted, without `binary`. */
  readonly options: readonly string[];
  /** At least one. */
  readonly values: readonly StoredValue[];
}

/** True when both name the same bundle. */
function sameBundle(
  left: Pick<Attribute, 'type' | 'options'>,
  right: Pick<Attribute, 'type' | 'options'>,
): boolean {
  return (
    left.type === right.type &&
    left.options.length === right.options.length &&
    left.options.every((option, index) => option === right.options[index])
  );
}

export class Entry {
  /** As written by whoever added or renamed it. */
  readonly dn: string;
  /** Normalised name, root first; see `dn.ts`. */
  readonly key: Uint8Array;
  /** User and operational attributes that are stored; computed ones are not among them. */
  readonly attributes: readonly Attribute[];

  constructor(dn: string, key: Uint8Array, attributes: readonly Attribute[]) {
    this.dn = dn;
    this.key = key;
    this.attributes = attributes;
  }

  /** The bundle with exactly this type and these options. */
  attribute(type: AttributeType, options: readonly string[] = []): Attribute | undefined {
    return this.attributes.find((attribute) => sameBundle(attribute, { type, options }));
  }

  /** Small values of the type without options; what single facts about an entry are read from. */
  values(type: AttributeType): readonly Uint8Array[] {
    for (const attribute of this.attributes) {
      if (attribute.type === type && attribute.options.length === 0) {
        const { values } = attribute;
        return isLoaded(values) ? values : values.filter((value) => value instanceof Uint8Array);
      }
    }
    return noValues;
  }

  /** The same entry with other attributes. */
  withAttributes(attributes: readonly Attribute[]): Entry {
    return new Entry(this.dn, this.key, attributes);
  }

  /**
   * The same entry with one bundle replaced, added at the end, or (with no values) taken away.
   */
  withBundle(bundle: Attribute): Entry {
    const index = this.attributes.findIndex((attribute) => sameBundle(attribute, bundle));
    if (bundle.values.length === 0) {
      return index < 0 ? this : this.withAttributes(this.attributes.toSpliced(index, 1));
    }
    return this.withAttributes(
      index < 0 ? [...this.attributes, bundle] : this.attributes.with(index, bundle),
    );
  }
}
