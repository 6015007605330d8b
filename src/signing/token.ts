/**
 * A token inside the signer process: a `Signer` that gets content already gathered and does not verify
 * what it made, because that is done on the other side of the process border (`signer-process.ts`), or by
 * `VerifyingSigner` where there is no border.
 *
 * @module
 */

import { type Content, gatherContent, lengthOfPieces } from './content.ts';
import { SigningError } from './errors.ts';
import { assertSignRequest, type KeyRequest } from './key-rules.ts';
import { openSignatureVerifier, type SignatureVerifier } from './signature-verifier.ts';
import type { KeyDescription, Signer, SignRequest } from './signer.ts';
import type { SubjectKey, SubjectKeyRequest } from './subject-key.ts';
import type { TokenInspection } from './token-inspection.ts';

export interface TokenSignRequest extends Omit<SignRequest, 'content'> {
  readonly content: Content;
}

export interface Token extends Omit<Signer, 'sign'> {
  /** As `Signer.sign`, without the verification. */
  sign(request: TokenSignRequest): Promise<Uint8Array>;
  /** What the device says; undefined for a token that is no device. */
  inspect?(): Promise<TokenInspection | undefined>;
}

/** A token of this process as a signer, every signature verified before it is handed out. */
export class VerifyingSigner implements Signer {
  readonly #token: Token;
  /** By label; forgotten with every change of the token's keys. */
  readonly #verifiers = new Map<string, SignatureVerifier>();

  constructor(token: Token) {
    this.#token = token;
  }

  activate(): Promise<void> {
    this.#verifiers.clear();
    return this.#token.activate();
  }

  deactivate(): Promise<void> {
    return this.#token.deactivate();
  }

  isActive(): Promise<boolean> {
    return this.#token.isActive();
  }

  generate(key: KeyRequest): Promise<KeyDescription> {
    this.#verifiers.delete(key.label);
    return this.#token.generate(key);
  }

  describe(label: string): Promise<KeyDescription> {
    return this.#token.describe(label);
  }

  list(): Promise<readonly KeyDescription[]> {
    return this.#token.list();
  }

  async sign(request: SignRequest): Promise<Uint8Array> {
    const { label, purpose, algorithm } = request;
    const description = await this.#token.describe(label);
    const lengthBytes = lengthOfPieces(request.content);
    assertSignRequest(description, { purpose, algorithm, lengthBytes });
    const content = gatherContent(request.content, algorithm);
    const signature = await this.#token.sign({ label, purpose, algorithm, content });
    const isGood = this.#verifier(description)?.verify(algorithm, content, signature) ?? false;
    if (!isGood) {
      throw new SigningError(
        'SIGNING_SIGNATURE_WRONG',
        `key ${label}: the signature made does not verify and was not released`,
      );
    }
    return signature;
  }

  makeSubjectKey(request: SubjectKeyRequest): Promise<SubjectKey> {
    return this.#token.makeSubjectKey(request);
  }

  destroy(label: string): Promise<void> {
    this.#verifiers.delete(label);
    return this.#token.destroy(label);
  }

  close(): Promise<void> {
    return this.#token.close();
  }

  #verifier({ label, spki }: KeyDescription): SignatureVerifier | undefined {
    const known = this.#verifiers.get(label) ?? openSignatureVerifier(spki);
    if (known !== undefined) {
      this.#verifiers.set(label, known);
    }
    return known;
  }
}
