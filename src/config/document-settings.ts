/**
 * Documents that the public repository serves: practice statements, certificate policies, terms of use.
 *
 * @module
 */

import { z } from 'zod';

export interface DocumentSettings {
  /** Where it is served, e.g. `/PassportFor/G-ID/repository/CPS.pdf`. */
  readonly path: string;
  readonly file: string;
  readonly title: { readonly ja: string; readonly en: string };
  /** The CA whose page names it, where there are several. */
  readonly ca?: string | undefined;
}

const MAX_DOCUMENTS = 200;
const text = z.string().min(1).max(200);

/** What the repository, and OCSP beside it, have themselves. */
const taken =
  /^\/($|ocsp(\/|$)|crl\/|audit\/|certificates\/|pairs\/|search-crls|ca\.pem$|arl\.crl$|names\.txt$|notices\.txt$|lists\.html$|fingerprints\.(txt|note)$)/;

const document: z.ZodType<DocumentSettings> = z.strictObject({
  path: z
    .string()
    .max(200)
    .regex(
      /^(\/[A-Za-z0-9._~-]+)+\.(pdf|html|txt|md)$/,
      'a path that ends with .pdf, .html, .txt or .md, e.g. /documents/cps.pdf',
    )
    .refine((path) => !taken.test(path), 'is a path that the repository has itself'),
  file: z
    .string()
    .min(1)
    .regex(/\.(pdf|html|txt|md)$/, 'a file whose name ends with .pdf, .html, .txt or .md'),
  title: z.strictObject({ ja: text, en: text }),
  ca: z.string().min(1).optional(),
});

export const documentsSchema: z.ZodType<readonly DocumentSettings[]> = z
  .array(document)
  .max(MAX_DOCUMENTS)
  .refine(
    (all) => new Set(all.map(({ path }) => path)).size === all.length,
    'each document has a path of its own',
  );
