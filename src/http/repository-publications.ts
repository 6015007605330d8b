/**
 * What a CA publishes beside its certificates and lists (R-WEB): names of CAs and of holders, which lists there are,
 * documents, and its fingerprints as a signed note, so that changed ones are noticed (secom 2.1.1).
 *
 * @module
 */

import type { FastifyInstance, FastifyReply } from 'fastify';

import { isCertdirError } from '../core/errors.ts';
import type { DirectoryService } from '../directory/service.ts';
import { type RepositoryDocument, readDocument, renderDocuments } from './repository-documents.ts';
import { readRepositoryLists, renderRepositoryLists } from './repository-lists.ts';
import { formatNames, type RepositoryNames, renderNames } from './repository-names.ts';

export interface RepositoryPublications {
  readonly names: () => Promise<RepositoryNames>;
  readonly documents: readonly RepositoryDocument[];
  /** The tops of the trees that the CA's entries for lists stand in. */
  readonly tops: readonly string[];
  /** The path of a list that everybody may download. */
  readonly listPath: (dn: string, attribute: string) => string | undefined;
  /** A signed note (C2SP signed-note) of a text, by the audit log's key. */
  readonly signNote: (text: string) => Promise<string>;
}

/** The CA whose publications they are. */
export interface PublishingCa {
  readonly directory: Pick<DirectoryService, 'search'>;
  readonly caDn: string;
  readonly caName: { readonly ja: string; readonly en: string };
  readonly publications: RepositoryPublications;
  /** What `fingerprints.txt` says. */
  readonly fingerprints: () => Promise<string>;
}

const HTML = 'text/html; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';

/** The routes of one CA, below its own path. */
export function addPublicationRoutes(server: FastifyInstance, ca: PublishingCa): void {
  const { publications } = ca;
  server.get('/names.txt', async (_request, reply) =>
    fresh(reply, TEXT).send(formatNames(await publications.names())),
  );
  server.get('/lists.html', async (_request, reply) => {
    const lists = await readRepositoryLists({ ...ca, tops: publications.tops });
    return fresh(reply, HTML).send(renderRepositoryLists(ca.caName, lists, publications.listPath));
  });
  const signed = onceEach(publications.signNote);
  server.get('/fingerprints.note', async (_request, reply) => {
    const text = `certdir fingerprints\n${ca.caDn}\n${await ca.fingerprints()}`;
    const note = await signed(text);
    return note === undefined ? reply.callNotFound() : fresh(reply, TEXT).send(note);
  });
}

/** Documents have their paths whatever CA they are of. */
export function addDocumentRoutes(
  server: FastifyInstance,
  documents: readonly RepositoryDocument[],
): void {
  for (const document of documents) {
    server.get(document.path, async (request, reply) => {
      const content = await readDocument(document);
      if (content === undefined) {
        return reply.callNotFound();
      }
      const tag = `"${content.sha256}"`;
      fresh(reply, content.type).header('etag', tag);
      return request.headers['if-none-match'] === tag
        ? reply.status(304).send()
        : reply.send(Buffer.from(content.bytes));
    });
  }
}

/** The parts of the front page. @param base What stands before the CA's own paths. */
export async function renderPublications(
  { names, documents }: RepositoryPublications,
  base: string,
): Promise<string> {
  return [
    renderNames(await names()),
    renderDocuments(documents),
    `<p><a href="${base}/lists.html">失効リストの一覧 / The revocation lists there are</a>
 · <a href="${base}/fingerprints.note">署名付きフィンガープリント / Fingerprints, signed</a></p>`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function fresh(reply: FastifyReply, type: string): FastifyReply {
  return reply.type(type).header('cache-control', 'no-cache');
}

/** The same text is signed once; undefined while nothing is signed, as after a restore. */
function onceEach(
  sign: (text: string) => Promise<string>,
): (text: string) => Promise<string | undefined> {
  let last: { readonly text: string; readonly note: Promise<string> } | undefined;
  return async (text) => {
    if (last?.text !== text) {
      last = { text, note: sign(text) };
    }
    try {
      return await last.note;
    } catch (error) {
      last = undefined;
      if (isCertdirError(error)) {
        return undefined;
      }
      throw error;
    }
  };
}
