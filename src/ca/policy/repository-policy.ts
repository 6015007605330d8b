/**
 * Where a statement has things on the Web (secom table 2.6-1): paths of the public repository for what it shows anyway.
 *
 * Not here: paths of lists, which stand with the lists (`crl.scopes`), and of documents (`http.documents` of certdir.yaml).
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';

export interface RepositoryPolicy {
  /** The CA's page. */
  readonly page?: string | undefined;
  /** The same page, which has the fingerprints. */
  readonly fingerprints?: string | undefined;
  /** Self-signed certificates in DER: the first path is the first generation's, and so on. */
  readonly selfSigned: readonly string[];
  /** Link certificates in DER: the first path is that of the second generation, and so on. */
  readonly newWithOld: readonly string[];
  readonly oldWithNew: readonly string[];
}

/** What the repository itself has below the root. */
const taken =
  /^\/(ca\.pem|arl\.crl|fingerprints\.txt|notices\.txt|search-crls|(certificates|pairs|crl|ocsp|audit)(\/.*)?)?$/;

const path = z
  .string()
  .max(512)
  .regex(/^(\/[A-Za-z0-9._~-]+)+\/?$/, 'a path, e.g. /repository/ca.crt')
  .refine((text) => !taken.test(text), 'is a path that the repository has already');

const paths = z.array(path).max(100).default([]);

export const repositorySchema: z.ZodType<RepositoryPolicy> = strictObject({
  page: path.optional(),
  fingerprints: path.optional(),
  selfSigned: paths,
  newWithOld: paths,
  oldWithNew: paths,
}).superRefine((repository, context) => {
  const all = pathsOf(repository);
  const twice = all.find((one, index) => all.indexOf(one) < index);
  if (twice !== undefined) {
    context.addIssue({ code: 'custom', path: [], message: `${twice} stands here twice` });
  }
});

/** Every path. */
export function pathsOf(repository: RepositoryPolicy | undefined): readonly string[] {
  if (repository === undefined) {
    return [];
  }
  const { page, fingerprints, selfSigned, newWithOld, oldWithNew } = repository;
  const pages = [page, fingerprints].filter((one) => one !== undefined);
  return [...pages, ...selfSigned, ...newWithOld, ...oldWithNew];
}
