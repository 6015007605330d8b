/**
 * What a killed worker (`kill-worker.ts`) and the test that kills it say to each other.
 *
 * @module
 */

/** What the worker is told at its start. */
export interface KillOrders {
  readonly folder: string;
  /** No two lives of a folder have the same. */
  readonly seed: string;
  readonly administratorDn: string;
  readonly administratorPassword: string;
  /** Serial numbers of certificates that are good as far as the test knows. */
  readonly revocable: readonly string[];
}

/**
 * What the worker says: what it is about to do where the outcome of an unanswered act matters, and what
 * it was answered.
 */
export type KillReport =
  | { readonly kind: 'serving' }
  | { readonly kind: 'issued'; readonly serialNumber: string; readonly sha256: string }
  | { readonly kind: 'revoking'; readonly serialNumber: string; readonly reason: string }
  | { readonly kind: 'revoked'; readonly serialNumber: string; readonly reason: string }
  | {
      readonly kind: 'published';
      readonly scope: string;
      readonly number: string;
      readonly sha256: string;
    }
  /** An entry is being added or changed to this description, or deleted (undefined). */
  | { readonly kind: 'writing'; readonly dn: string; readonly description?: string }
  | { readonly kind: 'written'; readonly dn: string; readonly description?: string }
  | { readonly kind: 'fault'; readonly message: string };
