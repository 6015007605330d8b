/**
 * Turns userPassword values in requests into what is stored, before any transaction begins: hashing
 * takes a tenth of a second, which no other writer should wait for. New passwords are held to the
 * policy's rules here.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { ResolvedModification } from '../changes/modification.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { Attribute, Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import { isSubtypeOf } from '../schema/attribute-description.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { Caller } from '../service.ts';
import { usedPasswords } from './password-ageing.ts';
import { hasPasswordScheme, parsePasswordHash } from './password-hash.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { PasswordPolicy } from './password-policy.ts';
import { checkPasswordQuality, namesOf } from './password-quality.ts';

export interface PasswordValuesOptions {
  readonly hasher: PasswordHasher;
  readonly types: DirectoryTypes;
  readonly policyOf: (account: Uint8Array) => PasswordPolicy;
}

/** What a new password is judged by. */
interface Account {
  readonly names: readonly string[];
  /** Hashes of passwords that may not be chosen again. */
  readonly used: readonly Uint8Array[];
  /** Hashes cannot be judged, so only the program itself and its owner may bring them. */
  readonly mayBringHashes: boolean;
  readonly policy: PasswordPolicy;
}

export class PasswordValues {
  readonly #hasher: PasswordHasher;
  readonly #types: DirectoryTypes;
  readonly #policyOf: (account: Uint8Array) => PasswordPolicy;

  constructor({ hasher, types, policyOf }: PasswordValuesOptions) {
    this.#hasher = hasher;
    this.#types = types;
    this.#policyOf = policyOf;
  }

  isPassword(type: AttributeType): boolean {
    return isSubtypeOf(type, this.#types.userPassword);
  }

  /**
   * @param entry The new entry, with the values of its name.
   * @returns its attributes with clear passwords hashed.
   * @throws {DirectoryError} `DIRECTORY_CONSTRAINT` for a password against the policy's rules, for hashes
   *   of another scheme than `{SCRYPT}`, and for hashes from clients; `DIRECTORY_BUSY`.
   */
  async hashAll(entry: Entry, caller: Caller): Promise<readonly Attribute[]> {
    const account = this.#account(entry, caller);
    return await Promise.all(
      entry.attributes.map(async (attribute) =>
        this.isPassword(attribute.type)
          ? { ...attribute, values: await this.#hashEach(clearValues(attribute), account) }
          : attribute,
      ),
    );
  }

  /**
   * Clear values to add are hashed; clear values to delete (the old password, RFC 4511 §4.6) become
   * the stored value that they fit.
   *
   * @param entry The entry as it is now.
   * @throws {DirectoryError} as {@link hashAll}; `DIRECTORY_UNWILLING` when the entry changes its own
   *   password without the old one.
   */
  async prepare(
    changes: readonly ResolvedModification[],
    entry: Entry,
    caller: Caller,
  ): Promise<readonly ResolvedModification[]> {
    const account = this.#account(entry, caller);
    const prepared: ResolvedModification[] = [];
    // A wrong one makes the whole request fail, as a value that is not there.
    let isOldGiven = false;
    for (const change of changes) {
      const { type } = change.description;
      if (!this.isPassword(type)) {
        prepared.push(change);
      } else if (change.operation === 'delete') {
        const values = await this.#findEach(change.values, entry.values(type));
        isOldGiven ||= values.length > 0;
        this.#expectOld(isOldGiven, entry, caller);
        prepared.push({ ...change, values });
      } else {
        this.#expectOld(isOldGiven, entry, caller);
        prepared.push({ ...change, values: await this.#hashEach(change.values, account) });
      }
    }
    return prepared;
  }

  /**
   * @returns the value to store.
   * @throws {DirectoryError} as {@link hashAll}.
   */
  async hashNew(password: Uint8Array, entry: Entry): Promise<Uint8Array> {
    const names = namesOf(entry);
    const policy = this.#policyOf(entry.key);
    const used = usedPasswords(entry, this.#types, policy);
    return await this.#hashOne(password, { names, used, mayBringHashes: false, policy });
  }

  #account(entry: Entry, { principal }: Caller): Account {
    const policy = this.#policyOf(entry.key);
    return {
      policy,
      names: namesOf(entry),
      used: usedPasswords(entry, this.#types, policy).filter(
        (value) => parsePasswordHash(Buffer.from(value).toString('latin1')) !== undefined,
      ),
      mayBringHashes: principal.kind === 'system',
    };
  }

  /** A session left open is not enough to take an account over. */
  #expectOld(isOldGiven: boolean, entry: Entry, { principal }: Caller): void {
    const isSelf = principal.kind === 'entry' && equalBytes(principal.dn.key, entry.key);
    if (isSelf && !isOldGiven && entry.attribute(this.#types.userPassword) !== undefined) {
      throw new DirectoryError(
        'DIRECTORY_UNWILLING',
        'give the old password: delete it before the new one in the same request, or use Password Modify',
      );
    }
  }

  async #hashEach(values: readonly Uint8Array[], account: Account): Promise<readonly Uint8Array[]> {
    const hashed: Uint8Array[] = [];
    for (const value of values) {
      hashed.push(await this.#hashOne(value, account));
    }
    return hashed;
  }

  async #hashOne(value: Uint8Array, account: Account): Promise<Uint8Array> {
    const text = Buffer.from(value).toString('latin1');
    if (account.mayBringHashes && parsePasswordHash(text) !== undefined) {
      return value;
    }
    if (value.length === 0 || hasPasswordScheme(text)) {
      throw new DirectoryError('DIRECTORY_CONSTRAINT', 'a password must be given in clear');
    }
    checkPasswordQuality(value, account.policy, account.names);
    for (const earlier of account.used) {
      if (await this.#hasher.verify(value, earlier)) {
        throw new DirectoryError('DIRECTORY_CONSTRAINT', 'the password was in use before');
      }
    }
    return await this.#hasher.hash(value);
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
