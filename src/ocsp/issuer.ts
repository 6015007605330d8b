/**
 * A CA as the responder knows it: whose certificates are asked about, what became of them, and who signs.
 * Supplied by whoever has the CA's register.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { equalBytes } from '../core/bytes.ts';
import { readPublicKeyBits, type SignatureAlgorithmLike } from '../x509/algorithms.ts';
import type { Certificate } from '../x509/certificate.ts';
import { Oid } from '../x509/object-identifiers.ts';
import type { OcspCertId } from '../x509/ocsp-request.ts';
import type { OcspCertStatus } from '../x509/ocsp-response.ts';

/** A certificate as the register has it at the moment it is asked. */
export interface RegisteredStatus {
  readonly status: OcspCertStatus;
  /** The list that carries its revocation; empty for a number that was never issued. */
  readonly scopeId: string;
}

/** Who signs in the CA's name. */
export interface OcspSigner {
  readonly certificate: Certificate;
  readonly algorithm: SignatureAlgorithmLike;
  /** @throws {OcspError} `OCSP_NO_SIGNER` */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

export interface OcspIssuer {
  readonly certificate: Certificate;
  /** Reads what is durable, never less than what was acknowledged. */
  findStatus(serialNumber: bigint): Promise<RegisteredStatus>;
  /** Undefined while there is none. */
  signer(): OcspSigner | undefined;
  /** From thisUpdate to nextUpdate. */
  readonly validityMs: number;
  /** How long caches outside may give an answer. */
  readonly httpMaxAgeMs: number;
  /** For how long after their end certificates are answered; undefined: not said. */
  readonly archiveCutoffMs: number | undefined;
}

interface Hashes {
  readonly name: Uint8Array;
  readonly key: Uint8Array;
}

const hashNames = new Map<string, 'sha1' | 'sha256'>([
  [Oid.sha1, 'sha1'],
  [Oid.sha256, 'sha256'],
]);

/** Issuers by the hashes that requests name them with: SHA-1 and SHA-256. */
export class OcspIssuers {
  readonly list: readonly OcspIssuer[];
  readonly #byHash: ReadonlyMap<string, readonly (Hashes & { readonly issuer: OcspIssuer })[]>;

  constructor(issuers: readonly OcspIssuer[]) {
    this.list = issuers;
    this.#byHash = new Map(
      [...hashNames].map(([oid, hash]) => [
        oid,
        issuers.map((issuer) => {
          const digest = (bytes: Uint8Array): Uint8Array => createHash(hash).update(bytes).digest();
          const { subject, spki } = issuer.certificate;
          return { issuer, name: digest(subject.der), key: digest(readPublicKeyBits(spki)) };
        }),
      ]),
    );
  }

  /** Undefined for one that is not answered for here, and for other hash functions. */
  find(certId: OcspCertId): OcspIssuer | undefined {
    const known = this.#byHash.get(certId.hashAlgorithm) ?? [];
    return known.find(
      ({ name, key }) =>
        equalBytes(name, certId.issuerNameHash) && equalBytes(key, certId.issuerKeyHash),
    )?.issuer;
  }
}
