/**
 * Access rules as the configuration and the policies write them: data, in text. The first rule whose
 * target, attributes and subject all fit decides; it grants exactly the rights it lists, and an empty
 * list denies. Where no rule fits nothing is granted.
 *
 * A right includes what it cannot be used without: everything but `auth` includes `disclose`, and
 * `manage` includes every right.
 *
 * Not here: their evaluation (`access.ts`).
 *
 * @module
 */

/**
 * - `disclose`: know that the entry exists (on `entry`).
 * - `search`: use the attribute in filters, provided it may also be read.
 * - `compare`: use it in compare operations.
 * - `read`: get its values; on `entry`, get the entry in search results.
 * - `add`: add values; on `entry`, add the entry; on `children`, put entries below it.
 * - `delete`: remove values; on `entry`, delete the entry; on `children`, take entries away from below it.
 * - `write`: both, and what needs both: replacing values, incrementing; on `entry`, renaming the entry.
 * - `auth`: be checked against it in a bind (userPassword, certdirCertificateSha256).
 * - `manage`: all of these.
 */
export type AccessRight =
  | 'disclose'
  | 'search'
  | 'compare'
  | 'read'
  | 'add'
  | 'delete'
  | 'write'
  | 'auth'
  | 'manage';

/** Which entries. All conditions that are given must hold. */
export interface AccessTarget {
  /** This entry alone. */
  readonly entry?: string;
  /** This entry and everything below it. */
  readonly subtree?: string;
  /** Entries that have this object class or one derived from it. */
  readonly entryClass?: string;
  /** RFC 4515 text, evaluated on the whole entry. Not over attributes with large values. */
  readonly filter?: string;
}

/** Whom. */
export type AccessSubject =
  | { readonly kind: 'anyone' }
  /** Everyone who has not bound. */
  | { readonly kind: 'anonymous' }
  /** Everyone who has bound. */
  | { readonly kind: 'authenticated' }
  /** The entry itself. */
  | { readonly kind: 'self' }
  | { readonly kind: 'dn'; readonly dn: string }
  /**
   * The members of a groupOfNames (`member`) or a groupOfUniqueNames (`uniqueMember` without a UID).
   * Members that are groups themselves do not pass their membership on. A group that is not there has
   * no members.
   */
  | { readonly kind: 'group'; readonly dn: string }
  /** A registered verifier within the dates of its agreement. */
  | {
      readonly kind: 'verifier';
      /** Values of certdirVerifierKind; any when undefined. */
      readonly kinds?: readonly string[];
      /** Only on entries whose certdirPartitionCode was granted to it. */
      readonly partitionGranted?: true;
    }
  /** An operator with one of the roles; any operator when undefined. */
  | { readonly kind: 'operator'; readonly roles?: readonly string[] };

/**
 * `true`: over TLS or another protected session. `client`: over TLS, by someone whose client certificate was
 * the proof of who it is (SASL EXTERNAL); a certificate that nobody registered proves nothing.
 */
export type TlsLevel = true | 'client';

export interface AccessRule {
  /** For people, in explanations and messages. */
  readonly name?: string;
  /** Every entry when undefined. */
  readonly target?: AccessTarget;
  /**
   * Names or OIDs of attribute types (their subtypes and options included), `entry` and `children` for
   * the entry as such, `*` for all user attributes, `+` for all operational ones, `@class` for what an
   * object class requires and allows. `'*'` instead of a list, or nothing: everything.
   *
   * userPassword and certdirPasswordHistory can be read, searched and compared only through rules that
   * name them.
   */
  readonly attributes?: readonly string[] | '*';
  readonly who: AccessSubject;
  /** Whatever the session, when undefined. */
  readonly tls?: TlsLevel;
  /**
   * Ranges in CIDR notation, IPv4 and IPv6, one of which the peer's address must be in; IPv4-mapped addresses
   * are IPv4. Commands of the administrator and the web repository have no address.
   */
  readonly address?: readonly string[];
  readonly rights: readonly AccessRight[];
}
