/**
 * What stands at the paths that a policy has on the Web: its page, certificates by generation.
 *
 * @module
 */

import { formatHex } from '../core/bytes.ts';
import type { RepositoryPaths } from '../http/repository-paths.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { findExtension } from '../x509/extensions.ts';
import { computeKeyIdentifier, parseAuthorityKeyIdentifier } from '../x509/key-identifier.ts';
import { Oid } from '../x509/object-identifiers.ts';
import type { CaInstance } from './ca-instance.ts';

type Parts = Pick<CaInstance, 'policy' | 'authority'>;

/** @returns undefined where the policy has none. */
export function repositoryPaths({ policy, authority }: Parts): RepositoryPaths | undefined {
  const { repository } = policy;
  if (repository === undefined) {
    return undefined;
  }
  const { page, fingerprints, selfSigned, newWithOld, oldWithNew } = repository;
  const keys = (): readonly string[] =>
    authority.authorities.all
      .toSorted((left, right) => left.generation - right.generation)
      .map(({ certificate }) => keyOf(certificate));
  const certificates = new Map<string, CertificateFinder>();
  for (const [index, path] of selfSigned.entries()) {
    certificates.set(path, (one) => isBetween(one, keys(), { of: index, by: index }));
  }
  for (const [index, path] of newWithOld.entries()) {
    certificates.set(path, (one) => isBetween(one, keys(), { of: index + 1, by: index }));
  }
  for (const [index, path] of oldWithNew.entries()) {
    certificates.set(path, (one) => isBetween(one, keys(), { of: index, by: index + 1 }));
  }
  return {
    pages: [page, fingerprints].filter((path) => path !== undefined),
    certificates: [...certificates.keys()],
    findCertificate: (path, published) => {
      const fits = certificates.get(path);
      return published.find((der) => fits?.(parseCertificate(der)) === true);
    },
  };
}

type CertificateFinder = (certificate: Certificate) => boolean;

/** Of the key of one generation, signed with that of one; both counted from 0. */
function isBetween(
  certificate: Certificate,
  keys: readonly string[],
  { of, by }: { readonly of: number; readonly by: number },
): boolean {
  const extension = findExtension(certificate.extensions, Oid.authorityKeyIdentifier);
  const signer = extension && parseAuthorityKeyIdentifier(extension.value).keyIdentifier;
  const own = keyOf(certificate);
  return keys[of] === own && keys[by] === (signer === undefined ? own : formatHex(signer));
}

function keyOf({ spki }: Certificate): string {
  return formatHex(computeKeyIdentifier(spki));
}
