/**
 * Realms: parts of the tree with access rules and rules for passwords of their own, one for each CA.
 *
 * What a realm's rules grant they grant within its subtrees, and where they speak of roles, agreements or accounts they
 * mean accounts that stand there: an operator or verifier of another realm is nobody to them. Entries of no realm, such as a
 * country above several CAs, are shown by the rules of all, in the order of the realms, and changed by nobody but
 * the program itself.
 *
 * @module
 */

import type { AccessRule } from './access/access-rule.ts';
import type { PasswordPolicy } from './accounts/password-policy.ts';
import { isKeyWithin } from './entries/key-range.ts';
import { DirectoryError } from './errors.ts';
import { Dn } from './names/dn.ts';
import type { SchemaLookup } from './schema/schema-model.ts';

export interface RealmDefinition {
  /** For messages and explanations. */
  readonly name: string;
  /** Names of the entries at the top; the empty name is the whole tree. */
  readonly subtrees: readonly string[];
  readonly access: readonly AccessRule[];
  readonly passwords: PasswordPolicy;
}

export class Realm {
  readonly name: string;
  readonly access: readonly AccessRule[];
  readonly passwords: PasswordPolicy;
  readonly #keys: readonly Uint8Array[];

  /** @throws {DirectoryError} `DIRECTORY_DN_SYNTAX` */
  constructor({ name, subtrees, access, passwords }: RealmDefinition, schema: SchemaLookup) {
    this.name = name;
    this.access = access;
    this.passwords = passwords;
    this.#keys = subtrees.map((text) => Dn.parse(text, schema).key);
  }

  /** Whether the entry of this key stands in it. */
  has(key: Uint8Array): boolean {
    return this.#keys.some((top) => isKeyWithin(key, top));
  }

  /** Whether a part of one stands in the other. */
  overlaps(other: Realm): boolean {
    return this.#keys.some((key) => other.has(key)) || other.#keys.some((key) => this.has(key));
  }
}

export class Realms {
  readonly all: readonly Realm[];

  /**
   * @throws {DirectoryError} `DIRECTORY_ACCESS_RULE` when two have a part of the tree in common, `DIRECTORY_DN_SYNTAX`.
   */
  constructor(definitions: readonly RealmDefinition[], schema: SchemaLookup) {
    this.all = definitions.map((definition) => new Realm(definition, schema));
    for (const [index, realm] of this.all.entries()) {
      const rival = this.all.slice(0, index).find((other) => other.overlaps(realm));
      if (rival !== undefined) {
        throw new DirectoryError(
          'DIRECTORY_ACCESS_RULE',
          `${rival.name} and ${realm.name} have a part of the tree in common, and each has rules for it`,
        );
      }
    }
  }

  /** Undefined for an entry of none. */
  of(key: Uint8Array): Realm | undefined {
    return this.all.find((realm) => realm.has(key));
  }

  /** For the passwords of an account; of the first realm where the account is in none. */
  passwordsOf(key: Uint8Array): PasswordPolicy {
    const realm = this.of(key) ?? this.all[0];
    if (realm === undefined) {
      throw new RangeError('no realm');
    }
    return realm.passwords;
  }
}
