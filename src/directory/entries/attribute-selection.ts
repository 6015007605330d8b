/**
 * Which attributes a search asks for (RFC 4511 §4.5.1.8, RFC 3673 `+`, RFC 4529 `@class`), resolved
 * once per request. Descriptions that cannot be understood select nothing.
 *
 * A description selects its type, its subtypes, and of these the bundles that have at least the
 * options given (RFC 4512 §2.5.2). `;binary` asks for a transfer form, not for other attributes.
 *
 * Not here: whether the caller may read what was selected (`access.ts`).
 *
 * @module
 */

import { isSubtypeOf, parseAttributeDescription } from '../schema/attribute-description.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';

interface SelectedDescription {
  readonly type: AttributeType;
  readonly options: readonly string[];
}

export class AttributeSelection {
  readonly #allUser: boolean;
  readonly #allOperational: boolean;
  readonly #descriptions: readonly SelectedDescription[];
  readonly #ofClasses: ReadonlySet<AttributeType>;

  constructor(attributes: readonly string[], schema: SchemaLookup) {
    this.#allUser = attributes.length === 0 || attributes.includes('*');
    this.#allOperational = attributes.includes('+');
    const descriptions: SelectedDescription[] = [];
    const ofClasses = new Set<AttributeType>();
    for (const text of attributes) {
      if (text === '*' || text === '+' || text === '1.1') {
        continue;
      }
      if (text.startsWith('@')) {
        const objectClass = schema.objectClass(text.slice(1));
        for (const type of [...(objectClass?.must ?? []), ...(objectClass?.may ?? [])]) {
          ofClasses.add(type);
        }
        continue;
      }
      const { type, options } = parseAttributeDescription(text, schema);
      if (type !== undefined) {
        descriptions.push({ type, options });
      }
    }
    this.#descriptions = descriptions;
    this.#ofClasses = ofClasses;
  }

  /** True when the bundle of this type with these options was asked for. */
  includes(type: AttributeType, options: readonly string[]): boolean {
    return (
      (type.isOperational ? this.#allOperational : this.#allUser) || this.isNamed(type, options)
    );
  }

  /** True when it was asked for by name or class, not by `*` or `+`. */
  isNamed(type: AttributeType, options: readonly string[]): boolean {
    return (
      this.#descriptions.some(
        (wanted) =>
          isSubtypeOf(type, wanted.type) &&
          wanted.options.every((option) => options.includes(option)),
      ) || this.#ofClasses.has(type)
    );
  }

  /** True when the type was asked for by name or class, with whatever options. */
  mentions(type: AttributeType): boolean {
    return (
      this.#descriptions.some((wanted) => isSubtypeOf(type, wanted.type)) ||
      this.#ofClasses.has(type)
    );
  }
}
