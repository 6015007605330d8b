/**
 * What the access journal keeps: every provision of revocation information and every refused try (gunma
 * 4-5, 4-11-2).
 *
 * @module
 */

/** By which way it was provided. */
export type AccessMethod = 'ldap' | 'http' | 'ocsp' | 'api';

/** Everything of an access but its time. */
export interface AccessFacts {
  readonly method: AccessMethod;
  /** The verifier's entry; empty for nobody. */
  readonly verifier: string;
  /** The peer's address. */
  readonly address: string;
  /** The partition (list scope) that it was about; empty where it is none of the CA's. */
  readonly partition: string;
  /** The entry or address asked for, as far as 256 characters go. */
  readonly subject: string;
  /** The attribute, or what else was asked for. */
  readonly attribute: string;
  /** The list's number; empty where that is not known. */
  readonly listNumber: string;
  readonly outcome: 'provided' | 'refused';
  /** Why it was refused; empty otherwise. */
  readonly code: string;
}

export interface AccessEvent extends AccessFacts {
  readonly timeMs: number;
}
