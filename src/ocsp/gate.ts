/**
 * Who may be told what. Supplied by whoever knows the verifiers; here only what the responder needs of it.
 *
 * @module
 */

import type { Awaitable } from '../core/awaitable.ts';
import type { OcspRefusal } from '../x509/ocsp-response.ts';
import type { ToldStatus } from './answer.ts';

/** The connection that a question came over; the same object for all of one connection. */
export interface OcspPeer {
  readonly address: string;
  /** TLS. */
  readonly isProtected: boolean;
  /** DER of the certificate whose key the peer has shown to have in TLS. */
  readonly clientCertificate?: Uint8Array;
}

/** Someone who may ask. */
export interface OcspAsker {
  /**
   * Whether the status of certificates of this list may be told; an empty scope is that of numbers never issued. Whoever
   * says no notes it.
   */
  mayLearn(scopeId: string): Awaitable<boolean>;
  /** Accounts: it was told. */
  told(statuses: readonly ToldStatus[]): void;
}

export interface OcspGate {
  /**
   * Who asks.
   *
   * @param signer DER of the certificate whose key has signed the request; undefined without a signature.
   * @throws {OcspError} `OCSP_SIGNATURE_REQUIRED`, `OCSP_UNAUTHORIZED`.
   */
  admit(peer: OcspPeer, signer: Uint8Array | undefined): Awaitable<OcspAsker>;
  /** Accounts: a question was refused. */
  refused(peer: OcspPeer, refusal: OcspRefusal): void;
}
