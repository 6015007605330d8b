/**
 * What is to be signed, as a token gets it: the bytes themselves while they are few, otherwise their digest and
 * their beginning, both made inside the signer process from all of the bytes.
 *
 * Not here: what a key may sign (`key-rules.ts`), and the way into the signer process (`signer-protocol.ts`).
 *
 * @module
 */

import { createHash, type Hash } from 'node:crypto';

import { concatBytes } from '../core/bytes.ts';
import type { DigestName, SigningAlgorithm } from './signer.ts';

export type Content =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'hashed';
      readonly digestName: DigestName;
      readonly digest: Uint8Array;
      /** The first bytes, at most `MAX_HEAD_BYTES`. */
      readonly head: Uint8Array;
      /** Of all the bytes. */
      readonly lengthBytes: number;
    };

/** Up to here content is handed over in one piece: certificates, answers, requests, short lists. */
export const MAX_WHOLE_BYTES: number = 64 * 1024;

/** How much of longer content is kept to be looked at. */
export const MAX_HEAD_BYTES: number = 16 * 1024;

/** Hashes content that comes in pieces and keeps its beginning. */
export class ContentHash {
  readonly #digestName: DigestName;
  readonly #hash: Hash;
  readonly #head: Uint8Array[] = [];
  #headBytes = 0;
  #lengthBytes = 0;

  constructor(digestName: DigestName) {
    this.#digestName = digestName;
    this.#hash = createHash(digestName);
  }

  update(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#lengthBytes += piece.length;
    const wanted = Math.min(MAX_HEAD_BYTES - this.#headBytes, piece.length);
    if (wanted > 0) {
      this.#head.push(piece.slice(0, wanted));
      this.#headBytes += wanted;
    }
  }

  /** The content; nothing can be added afterwards. */
  finish(): Content & { readonly kind: 'hashed' } {
    return {
      kind: 'hashed',
      digestName: this.#digestName,
      digest: this.#hash.digest(),
      head: concatBytes(...this.#head),
      lengthBytes: this.#lengthBytes,
    };
  }
}

/** Length of content in bytes. */
export function lengthOfContent(content: Content): number {
  return content.kind === 'whole' ? content.bytes.length : content.lengthBytes;
}

/** Length of all the pieces together. */
export function lengthOfPieces(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The pieces as a token wants them. */
export function gatherContent(pieces: readonly Uint8Array[], algorithm: SigningAlgorithm): Content {
  if (lengthOfPieces(pieces) <= MAX_WHOLE_BYTES || algorithm.scheme === 'ed25519') {
    return { kind: 'whole', bytes: concatBytes(...pieces) };
  }
  const hash = new ContentHash(algorithm.digest);
  for (const piece of pieces) {
    hash.update(piece);
  }
  return hash.finish();
}

/** Its digest; undefined when it was hashed with another function. */
export function digestOfContent(content: Content, name: DigestName): Uint8Array | undefined {
  if (content.kind === 'whole') {
    return createHash(name).update(content.bytes).digest();
  }
  return content.digestName === name ? content.digest : undefined;
}
