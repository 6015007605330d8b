/**
 * A token in a file: private keys encrypted at rest, in the memory of this process while the token is
 * active. The default for a first try and for tests, and for a CA whose policy allows it; loaded only
 * inside the signer process.
 *
 * A destroyed key is gone from the file and from memory. Copies of the file made before still hold
 * it, under the same passphrase; a policy that orders destruction must reach them too.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import type { RandomSource } from '../../core/random.ts';
import { lengthOfContent } from '../content.ts';
import { SigningError } from '../errors.ts';
import { assertKeyRequest, assertSignRequest, type KeyRequest } from '../key-rules.ts';
import { assertUse, storeKeyUse } from '../key-use.ts';
import { readPassphrase, type SecretSource } from '../passphrase.ts';
import type { KeyDescription, Signer } from '../signer.ts';
import { makeSubjectKeyHere, type SubjectKey, type SubjectKeyRequest } from '../subject-key.ts';
import { type Token, type TokenSignRequest, VerifyingSigner } from '../token.ts';
import { generatePrivateKey, openPrivateKey } from './private-key.ts';
import { DEFAULT_SCRYPT_COST, newScryptParameters } from './sealing.ts';
import {
  damaged,
  describeStoredKey,
  formatTokenDocument,
  newTokenDocument,
  parseTokenDocument,
  type StoredKey,
  type TokenDocument,
} from './token-document.ts';
import { readTokenFile, replaceTokenFile } from './token-file.ts';
import { TokenSecrets } from './token-secrets.ts';

export interface SoftwareTokenOptions {
  readonly file: string;
  readonly passphrase: SecretSource;
  readonly clock: Clock;
  /** Salts and nonces; keys come from node:crypto. */
  readonly random: RandomSource;
  /** Makes the file when there is none. Left out, a missing file is an error. */
  readonly create?: boolean;
  /** N of scrypt for a file that is made; a power of two from 2^10 to 2^20. */
  readonly scryptCost?: number;
}

/** Opens the token in this process, locked, with its signatures verified; throws as `loadSoftwareToken`. */
export async function openSoftwareToken(options: SoftwareTokenOptions): Promise<Signer> {
  return new VerifyingSigner(await loadSoftwareToken(options));
}

/**
 * Opens the token, locked.
 *
 * @throws {SigningError} `SIGNING_TOKEN_MISSING`, `SIGNING_TOKEN_EXPOSED`, `SIGNING_TOKEN_DAMAGED`,
 *   `SIGNING_TOKEN_VERSION`, `SIGNING_TOKEN_ACCESS`; `SIGNING_PASSPHRASE_FILE` when it is to be made.
 */
export async function loadSoftwareToken(options: SoftwareTokenOptions): Promise<Token> {
  const found = await readTokenFile(options.file);
  if (found !== undefined) {
    return new SoftwareToken(options, parseTokenDocument(found, options.file));
  }
  if (options.create !== true) {
    throw missing(options.file);
  }
  const { clock, random, scryptCost = DEFAULT_SCRYPT_COST } = options;
  const draft = newTokenDocument(clock.nowMs(), newScryptParameters(scryptCost, random));
  const passphrase = await readPassphrase(options.passphrase);
  try {
    const document = await TokenSecrets.create(draft, passphrase, random);
    await replaceTokenFile(options.file, formatTokenDocument(document));
    return new SoftwareToken(options, document);
  } finally {
    passphrase.fill(0);
  }
}

class SoftwareToken implements Token {
  readonly #options: SoftwareTokenOptions;
  #document: TokenDocument;
  #secrets: TokenSecrets | undefined;
  /** Keys that have signed, described once; nobody else is handed these. */
  readonly #known = new Map<string, KeyDescription>();
  #isClosed = false;
  /** Activation and changes of the file run one after another. */
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(options: SoftwareTokenOptions, document: TokenDocument) {
    this.#options = options;
    this.#document = document;
  }

  activate(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#secrets !== undefined) {
        return;
      }
      const { file, random } = this.#options;
      const document = await this.#readDocument();
      const passphrase = await readPassphrase(this.#options.passphrase);
      try {
        this.#secrets = await TokenSecrets.unlock({ document, file }, passphrase, random);
      } finally {
        passphrase.fill(0);
      }
      this.#take(document);
    });
  }

  deactivate(): Promise<void> {
    return this.#inTurn(async () => {
      this.#secrets?.forget();
      this.#secrets = undefined;
    });
  }

  async isActive(): Promise<boolean> {
    this.#assertOpen();
    return this.#secrets !== undefined;
  }

  async describe(label: string): Promise<KeyDescription> {
    this.#assertOpen();
    return describeStoredKey(this.#find(label));
  }

  async list(): Promise<readonly KeyDescription[]> {
    this.#assertOpen();
    return this.#document.keys.map(describeStoredKey);
  }

  async generate(request: KeyRequest): Promise<KeyDescription> {
    assertKeyRequest(request);
    return await this.#inTurn(async () => {
      const secrets = await this.#refreshed();
      const { label, type, purposes, use } = request;
      if (this.#document.keys.some((key) => key.label === label)) {
        throw new SigningError('SIGNING_KEY_EXISTS', `there is a key ${label} already`);
      }
      const pkcs8 = await generatePrivateKey(type);
      const made = openPrivateKey(pkcs8, this.#options.random);
      const spki = Buffer.from(made?.spki ?? []).toString('base64');
      made?.forget();
      const createdMs = this.#options.clock.nowMs();
      const stored = use === undefined ? {} : { use: storeKeyUse(use) };
      const facts = { label, type, purposes, ...stored, createdMs, spki };
      const key = secrets.seal(facts, pkcs8);
      pkcs8.fill(0);
      await this.#replace(secrets, [...this.#document.keys, key]);
      return describeStoredKey(key);
    });
  }

  async destroy(label: string): Promise<void> {
    await this.#inTurn(async () => {
      const secrets = await this.#refreshed();
      const doomed = this.#find(label);
      await this.#replace(
        secrets,
        this.#document.keys.filter((key) => key !== doomed),
      );
    });
  }

  async sign(request: TokenSignRequest): Promise<Uint8Array> {
    this.#assertOpen();
    const description =
      this.#known.get(request.label) ?? describeStoredKey(this.#find(request.label));
    const lengthBytes = lengthOfContent(request.content);
    assertSignRequest(description, { ...request, lengthBytes });
    assertUse(description, request, () => this.#document.keys.map(describeStoredKey));
    this.#known.set(request.label, description);
    const key = this.#secrets?.privateKey(request.label);
    if (key === undefined) {
      throw notActive();
    }
    return await key.sign(request.algorithm, request.content);
  }

  async makeSubjectKey(request: SubjectKeyRequest): Promise<SubjectKey> {
    this.#assertOpen();
    if (this.#secrets === undefined) {
      throw notActive();
    }
    return await makeSubjectKeyHere(request, this.#options.random);
  }

  async close(): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    await this.deactivate();
    this.#isClosed = true;
  }

  /** Runs `action` when every earlier one has ended. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(() => {
      this.#assertOpen();
      return action();
    });
    this.#lastChange = turn.catch(() => undefined);
    return turn;
  }

  /**
   * The secrets, after a look at the file: a write of ours whose success was never reported, or a
   * change by another process, must not be overwritten.
   */
  async #refreshed(): Promise<TokenSecrets> {
    const secrets = this.#secrets;
    if (secrets === undefined) {
      throw notActive();
    }
    const document = await this.#readDocument();
    if (document.keysTag !== this.#document.keysTag) {
      if (!secrets.adopt(document)) {
        throw new SigningError(
          'SIGNING_TOKEN_CHANGED',
          `${this.#options.file} was exchanged for another token; deactivate and activate to use it`,
        );
      }
      this.#take(document);
    }
    return secrets;
  }

  async #readDocument(): Promise<TokenDocument> {
    const { file } = this.#options;
    const bytes = await readTokenFile(file);
    if (bytes === undefined) {
      throw missing(file);
    }
    return parseTokenDocument(bytes, file);
  }

  async #replace(secrets: TokenSecrets, keys: readonly StoredKey[]): Promise<void> {
    const { file } = this.#options;
    const document = secrets.withKeys(this.#document, keys);
    await replaceTokenFile(file, formatTokenDocument(document));
    if (!secrets.adopt(document)) {
      throw damaged(file);
    }
    this.#take(document);
  }

  #take(document: TokenDocument): void {
    this.#document = document;
    this.#known.clear();
  }

  #find(label: string): StoredKey {
    const key = this.#document.keys.find((candidate) => candidate.label === label);
    if (key === undefined) {
      throw new SigningError(
        'SIGNING_KEY_UNKNOWN',
        `the token has no key ${JSON.stringify(label)}`,
      );
    }
    return key;
  }

  #assertOpen(): void {
    if (this.#isClosed) {
      throw new SigningError('SIGNING_CLOSED', 'the token is closed');
    }
  }
}

function missing(file: string): SigningError {
  return new SigningError(
    'SIGNING_TOKEN_MISSING',
    `there is no token ${file}; make one with certdir init, or restore it from a backup`,
  );
}

function notActive(): SigningError {
  return new SigningError('SIGNING_NOT_ACTIVE', 'the token is locked; activate it first');
}
