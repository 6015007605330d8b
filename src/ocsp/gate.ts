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

/** A certificate that is asked about. */
export interface AskedCertificate {
  readonly serialNumber: bigint;
  /** The list that carries its revocation; empty for a number that was never issued. */
  readonly scopeId: string;
}

/** Someone who may ask. */
export interface OcspAsker {
  /**
   * Whether the status of this certificate may be told. Whoever
   * says no notes it, and says no without telling by its time whether there is such a certificate.
   */
  mayLearn(certificate: AskedCertificate): Awaitable<boolean>;
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
