/**
 * The signer: what the rest of the program knows of keys. Private keys never leave the token behind
 * it. It is handed what is to be signed, not a digest of it: whoever holds the key can then see what it
 * signs (docs/decisions/0009). An HSM still gets no more than the digest.
 *
 * Implementations: `software-token.ts` and `pkcs11-token.ts`, both loaded only inside the
 * signer process; `signer-process.ts` is the client of that process and the one the main process uses. Every
 * implementation passes `test/contract/signer-contract.ts`.
 *
 * @module
 */

import type { KeyUse } from './key-use.ts';
import type { SubjectKey, SubjectKeyRequest } from './subject-key.ts';

export type KeyType =
  | { readonly kind: 'rsa'; readonly modulusBits: 2048 | 3072 | 4096 }
  | { readonly kind: 'ec'; readonly curve: 'P-256' | 'P-384' }
  /** For the audit log's checkpoints alone (`audit`). */
  | { readonly kind: 'ed25519' };

/** SHA-1 for the keys of CAs whose policy says so (`KeyUse.sha1`), with `rsa-pkcs1` alone. */
export type DigestName = 'sha256' | 'sha384' | 'sha512' | 'sha1';

/** A signature algorithm as X.509 needs it; the digest is part of it. */
export interface SignatureAlgorithm {
  /** PSS: MGF1 with the same digest, salt as long as the digest (RFC 4055 §3.1). */
  readonly scheme: 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa';
  readonly digest: DigestName;
}

/** How a key signs: an algorithm of X.509 over a digest, or Ed25519 (RFC 8032 §5.1), which hashes itself. */
export type SigningAlgorithm = SignatureAlgorithm | { readonly scheme: 'ed25519' };

/** What a key may sign; the token refuses anything else (`SIGNING_USAGE_REFUSED`). */
export type KeyUsagePurpose = 'certificate' | 'crl' | 'ocsp' | 'audit' | 'request' | 'tls';

export interface KeyDescription {
  /** The name the key was generated under, unique in the token. */
  readonly label: string;
  readonly type: KeyType;
  /** DER SubjectPublicKeyInfo (RFC 5280 §4.1). */
  readonly spki: Uint8Array;
  readonly purposes: readonly KeyUsagePurpose[];
  /** What a CA's key may sign, found out by looking at it (`key-use.ts`); undefined: anything for its purposes. */
  readonly use?: KeyUse;
  readonly createdMs: number;
}

export interface SignRequest {
  readonly label: string;
  readonly purpose: KeyUsagePurpose;
  readonly algorithm: SigningAlgorithm;
  /**
   * What is to be signed, one piece behind the other; with Ed25519 1 to 16,384 bytes in all. Not to be changed
   * before `sign` has resolved.
   */
  readonly content: readonly Uint8Array[];
  /**
   * The digest of the content, by whoever works it out anyway: the signature is then verified by it. The token hashes
   * what it is handed in any case, so that with a wrong one there is no signature.
   */
  readonly digest?: Uint8Array | Promise<Uint8Array> | undefined;
}

export interface Signer {
  /** Makes the keys usable: unlocks the token. Idempotent. */
  activate(): Promise<void>;
  /** Forgets every secret; signing fails with `SIGNING_NOT_ACTIVE` until activated again. */
  deactivate(): Promise<void>;
  isActive(): Promise<boolean>;

  /**
   * Generates a key pair inside the token; durable before it resolves.
   *
   * @throws {SigningError} `SIGNING_KEY_EXISTS` when the label is taken.
   */
  generate(key: {
    readonly label: string;
    readonly type: KeyType;
    readonly purposes: readonly KeyUsagePurpose[];
    /** Fixed for the life of the key. */
    readonly use?: KeyUse;
  }): Promise<KeyDescription>;

  /** @throws {SigningError} `SIGNING_KEY_UNKNOWN` when the token has no such key. */
  describe(label: string): Promise<KeyDescription>;
  list(): Promise<readonly KeyDescription[]>;

  /**
   * Signs content. The signature has been verified with the public key before it is returned;
   * ECDSA signatures are DER `Ecdsa-Sig-Value` (RFC 3279 §2.2.3).
   *
   * @throws {SigningError} `SIGNING_KEY_UNKNOWN`, `SIGNING_USAGE_REFUSED`, `SIGNING_ALGORITHM_REFUSED`
   *   (the key cannot do it, or the content is too long for it), `SIGNING_NOT_ACTIVE`,
   *   `SIGNING_SIGNATURE_WRONG` (nothing was released), `SIGNING_UNAVAILABLE` (the token or its
   *   process is away; try again later).
   */
  sign(request: SignRequest): Promise<Uint8Array>;

  /**
   * Makes a key for somebody else, which leaves encrypted and of which nothing stays (`subject-key.ts`). The token is
   * active.
   *
   * @throws {SigningError} `SIGNING_KEY_REFUSED`, `SIGNING_NOT_ACTIVE`, `SIGNING_UNAVAILABLE`;
   *   `SIGNING_ALGORITHM_REFUSED` when the token does not encrypt like this.
   */
  makeSubjectKey(request: SubjectKeyRequest): Promise<SubjectKey>;

  /** Destroys the key for ever; durable before it resolves. */
  destroy(label: string): Promise<void>;

  /** Releases the token and ends its process. */
  close(): Promise<void>;
}
