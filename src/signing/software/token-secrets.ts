/**
 * What the software token knows while it is unlocked: the key-encryption key and the private keys.
 * Only here are they in clear, and `forget` ends it.
 *
 * @module
 */

import { generateKeySync } from 'node:crypto';

import { equalBytes } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import { SigningError } from '../errors.ts';
import { formatKeyType } from '../key-rules.ts';
import { openPrivateKey, type PrivateKey } from './private-key.ts';
import { authenticate, deriveWrappingKey, isAuthentic, seal, unseal } from './sealing.ts';
import {
  damaged,
  keyContext,
  listContext,
  type StoredKey,
  type TokenDocument,
  wrappingContext,
} from './token-document.ts';

export class TokenSecrets {
  readonly #keyEncryptionKey: Buffer;
  readonly #random: RandomSource;
  #keys: ReadonlyMap<string, PrivateKey> = new Map();

  private constructor(keyEncryptionKey: Buffer, random: RandomSource) {
    this.#keyEncryptionKey = keyEncryptionKey;
    this.#random = random;
  }

  /** Makes the secrets of a new token. @returns the document with its wrapped key and tag. */
  static async create(
    draft: TokenDocument,
    passphrase: Uint8Array,
    random: RandomSource,
  ): Promise<TokenDocument> {
    const keyEncryptionKey = generateKeySync('aes', { length: 256 }).export();
    const wrappingKey = await deriveWrappingKey(passphrase, draft.passphrase);
    try {
      const context = wrappingContext(draft);
      const wrappedKey = seal(wrappingKey, { bytes: keyEncryptionKey, context }, random);
      const keysTag = authenticate(keyEncryptionKey, listContext([]));
      return { ...draft, wrappedKey, keysTag };
    } finally {
      wrappingKey.fill(0);
      keyEncryptionKey.fill(0);
    }
  }

  /**
   * Unlocks a token.
   *
   * @throws {SigningError} `SIGNING_PASSPHRASE_WRONG`; `SIGNING_TOKEN_DAMAGED` when the passphrase is
   *   right and the keys are not what was written under it.
   */
  static async unlock(
    token: { readonly document: TokenDocument; readonly file: string },
    passphrase: Uint8Array,
    random: RandomSource,
  ): Promise<TokenSecrets> {
    const { document, file } = token;
    const wrappingKey = await deriveWrappingKey(passphrase, document.passphrase);
    const context = wrappingContext(document);
    const keyEncryptionKey = unseal(wrappingKey, { text: document.wrappedKey, context });
    wrappingKey.fill(0);
    if (keyEncryptionKey === undefined) {
      throw new SigningError(
        'SIGNING_PASSPHRASE_WRONG',
        `the passphrase does not open ${file}; check which token it belongs to, capitals and the keyboard layout`,
      );
    }
    const secrets = new TokenSecrets(keyEncryptionKey, random);
    if (!secrets.adopt(document)) {
      secrets.forget();
      throw damaged(file);
    }
    return secrets;
  }

  /**
   * Takes over the keys of a document that was sealed under this key-encryption key.
   *
   * @returns false, with nothing changed, when it was not.
   */
  adopt(document: TokenDocument): boolean {
    if (!isAuthentic(this.#keyEncryptionKey, listContext(document.keys), document.keysTag)) {
      return false;
    }
    const keys = new Map<string, PrivateKey>();
    for (const stored of document.keys) {
      const key = this.#open(stored);
      if (key === undefined) {
        forgetAll(keys);
        return false;
      }
      keys.set(stored.label, key);
    }
    forgetAll(this.#keys);
    this.#keys = keys;
    return true;
  }

  #open(stored: StoredKey): PrivateKey | undefined {
    const sealed = { text: stored.sealed, context: keyContext(stored) };
    const pkcs8 = unseal(this.#keyEncryptionKey, sealed);
    const key = pkcs8 === undefined ? undefined : openPrivateKey(pkcs8, this.#random);
    pkcs8?.fill(0);
    const isSame =
      key !== undefined &&
      formatKeyType(key.type) === formatKeyType(stored.type) &&
      equalBytes(key.spki, Buffer.from(stored.spki, 'base64'));
    return isSame ? key : undefined;
  }

  privateKey(label: string): PrivateKey | undefined {
    return this.#keys.get(label);
  }

  /** Seals a fresh private key beside its facts. */
  seal(facts: Omit<StoredKey, 'sealed'>, pkcs8: Uint8Array): StoredKey {
    const secret = { bytes: pkcs8, context: keyContext(facts) };
    return { ...facts, sealed: seal(this.#keyEncryptionKey, secret, this.#random) };
  }

  /** The document with another list of keys under its tag. */
  withKeys(document: TokenDocument, keys: readonly StoredKey[]): TokenDocument {
    const keysTag = authenticate(this.#keyEncryptionKey, listContext(keys));
    return { ...document, keys, keysTag };
  }

  /** Overwrites and drops everything. */
  forget(): void {
    this.#keyEncryptionKey.fill(0);
    forgetAll(this.#keys);
    this.#keys = new Map();
  }
}

function forgetAll(keys: ReadonlyMap<string, PrivateKey>): void {
  for (const key of keys.values()) {
    key.forget();
  }
}
