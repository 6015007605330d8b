/**
 * Further paths of the public repository, as a practice statement prints them.
 *
 * @module
 */

export interface RepositoryPaths {
  /** The CA's page, once more. */
  readonly pages: readonly string[];
  /** Certificates of the CA, in DER. */
  readonly certificates: readonly string[];
  /** The one at a path, of those that anyone may see. */
  findCertificate(path: string, published: readonly Uint8Array[]): Uint8Array | undefined;
}
