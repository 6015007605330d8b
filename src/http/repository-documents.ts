/**
 * Documents of the repository: practice statements, certificate policies, terms of use (secom 2.6.4, mic 2.6.1, gunma
 * 2-6-1), each at a path of its own. They are files that the configuration names, read at each request, so that
 * replacing the file publishes the new version.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';

import { escapeHtml } from './html-text.ts';

export interface RepositoryDocument {
  /** Where it is, e.g. `/PassportFor/G-ID/repository/CPS.pdf`. */
  readonly path: string;
  /** Absolute. */
  readonly file: string;
  readonly title: { readonly ja: string; readonly en: string };
}

/** No statement comes near this. */
const MAX_BYTES = 32 * 1024 * 1024;

const types: Readonly<Record<string, string>> = {
  '.pdf': 'application/pdf',
  '.html': 'text/html; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
};

/** What of a document's name is allowed. */
export const documentTypes: readonly string[] = Object.keys(types);

export interface DocumentContent {
  readonly type: string;
  readonly bytes: Uint8Array;
  /** SHA-256 in hexadecimal. */
  readonly sha256: string;
}

/** Undefined while the file is not there, or is none that is served. */
export async function readDocument({
  file,
}: RepositoryDocument): Promise<DocumentContent | undefined> {
  const type = types[extname(file).toLowerCase()];
  const facts = await stat(file).catch(() => undefined);
  if (type === undefined || facts === undefined || !facts.isFile() || facts.size > MAX_BYTES) {
    return undefined;
  }
  const bytes = await readFile(file);
  return { type, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** As a part of the front page. */
export function renderDocuments(documents: readonly RepositoryDocument[]): string {
  const rows = documents.map(
    ({ path, title }) =>
      `<li><a href="${escapeHtml(path)}">${escapeHtml(title.ja)}<br><span lang="en">${escapeHtml(title.en)}</span></a></li>`,
  );
  return rows.length === 0 ? '' : `<h2>規程 / Statements</h2>\n<ul>\n${rows.join('\n')}\n</ul>`;
}
