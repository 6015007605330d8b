/**
 * Verifiers with passwords, registered with the command line.
 *
 * @module
 */

import type { VerifierReport } from '../../src/http/verifier-operations.ts';
import type { CertdirFolder } from './certdir-process.ts';
import type { LdapIdentity } from './ldap-tools.ts';

export interface VerifierOptions {
  readonly kind?: string;
  /** Municipality codes, or `*`. */
  readonly partitions?: readonly string[];
  readonly from?: string;
  readonly until?: string;
}

/** Registers a verifier and returns what it binds with. */
export async function registerVerifier(
  certdir: CertdirFolder,
  name: string,
  options: VerifierOptions = {},
): Promise<LdapIdentity> {
  const passwordFile = certdir.write(`${name}.password`, `password of ${name}`);
  const { dn } = await certdir.answer<VerifierReport>(
    ...['verifier', 'add', name, '--kind', options.kind ?? 'signatureVerifier'],
    ...['--agreement', `agreement-${name}`],
    ...['--from', options.from ?? '2020-01-01', '--until', options.until ?? '2099-12-31'],
    ...['--password-file', passwordFile, '--partitions', ...(options.partitions ?? ['*'])],
  );
  return { dn, passwordFile };
}
