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
 * - `write`: add, change and remove values; on `entry`, add, delete and rename the entry; on
 *   `children`, add and remove entries below it.
 * - `auth`: be checked against it in a bind (userPassword, certdirCertificateSha256).
 * - `manage`: all of these.
 */
export type AccessRight = 'disclose' | 'search' | 'compare' | 'read' | 'write' | 'auth' | 'manage';

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
  /** Everyone who has bound. */
  | { readonly kind: 'authenticated' }
  /** The entry itself. */
  | { readonly kind: 'self' }
  | { readonly kind: 'dn'; readonly dn: string }
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

export interface AccessRule {
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
  /** Only over TLS or another protected session. */
  readonly tls?: true;
  readonly rights: readonly AccessRight[];
}
