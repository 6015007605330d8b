/**
 * Turns userPassword values in requests into what is stored, before any transaction begins: hashing
 * takes a tenth of a second, which no other writer should wait for.
 *
 * @module
 */

import { isSubtypeOf } from './attribute-description.ts';
import type { Attribute, Entry } from './entry.ts';
import { DirectoryError } from './errors.ts';
import type { ResolvedModification } from './modification.ts';
import { hasPasswordScheme, parsePasswordHash } from './password-hash.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { AttributeType } from './schema-model.ts';

export class PasswordValues {
  readonly #hasher: PasswordHasher;
  readonly #userPassword: AttributeType;

  constructor(hasher: PasswordHasher, userPassword: AttributeType) {
    this.#hasher = hasher;
    this.#userPassword = userPassword;
  }

  isPassword(type: AttributeType): boolean {
    return isSubtypeOf(type, this.#userPassword);
  }

  /**
   * @returns the attributes with clear passwords hashed.
   * @throws {DirectoryError} `DIRECTORY_CONSTRAINT` for an empty password and for hashes of another
   *   scheme than `{SCRYPT}`, `DIRECTORY_BUSY`.
   */
  async hashAll(attributes: readonly Attribute[]): Promise<readonly Attribute[]> {
    return await Promise.all(
      attributes.map(async (attribute) =>
        this.isPassword(attribute.type)
          ? { ...attribute, values: await this.#hashEach(clearValues(attribute)) }
          : attribute,
      ),
    );
  }

  /**
   * Clear values to add are hashed; clear values to delete (the old password, RFC 4511 §4.6) become
   * the stored value that they fit.
   *
   * @param entry The entry as it is now, for deletions.
   */
  async prepare(
    changes: readonly ResolvedModification[],
    entry: Entry,
  ): Promise<readonly ResolvedModification[]> {
    const prepared: ResolvedModification[] = [];
    for (const change of changes) {
      const { type } = change.description;
      if (!this.isPassword(type)) {
        prepared.push(change);
        continue;
      }
      const values =
        change.operation === 'delete'
          ? await this.#findEach(change.values, entry.values(type))
          : await this.#hashEach(change.values);
      prepared.push({ ...change, values });
    }
    return prepared;
  }

  async #hashEach(values: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const hashed: Uint8Array[] = [];
    for (const value of values) {
      const text = Buffer.from(value).toString('latin1');
      if (parsePasswordHash(text) !== undefined) {
        hashed.push(value);
        continue;
      }
      if (value.length === 0 || hasPasswordScheme(text)) {
        throw new DirectoryError(
          'DIRECTORY_CONSTRAINT',
          'a password must be given in clear, or as a {SCRYPT} value of this program',
        );
      }
      hashed.push(await this.#hasher.hash(value));
    }
    return hashed;
  }

  async #findEach(
    given: readonly Uint8Array[],
    stored: readonly Uint8Array[],
  ): Promise<readonly Uint8Array[]> {
    const found: Uint8Array[] = [];
    for (const value of given) {
      let match = value;
      for (const candidate of stored) {
        if (await this.#hasher.verify(value, candidate)) {
          match = candidate;
        }
      }
      found.push(match);
    }
    return found;
  }
}

/** Adds bring bytes; references into the store do not occur here. */
function clearValues(attribute: Attribute): readonly Uint8Array[] {
  return attribute.values.filter((value) => value instanceof Uint8Array);
}
