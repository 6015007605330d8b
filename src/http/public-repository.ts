/**
 * The public repository (R-WEB): CA certificates, their fingerprints, cross-certificate pairs and
 * the ARL, read-only over HTTP.
 *
 * Everything is read from the directory as anonymous, under the same access rules as LDAP, so that
 * nothing is here that an anonymous LDAP client could not read; revocation lists restricted to
 * registered verifiers are therefore not here at all.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerFactoryHandler,
} from 'fastify';

import type { Log } from '../core/log.ts';
import { anonymous } from '../directory/accounts/principal.ts';
import type { Filter } from '../directory/filters/filter.ts';
import type { AttributeValues, DirectoryService } from '../directory/service.ts';
import { encodePem } from '../x509/pem.ts';
import type { ListHandler } from './list-download.ts';
import { listenAt } from './listening.ts';
import type { OcspHandler } from './ocsp-server.ts';
import { formatNotices, type RepositoryNotice } from './repository-notice.ts';
import {
  formatFingerprint,
  renderRepositoryIndex,
  renderRepositoryPage,
} from './repository-page.ts';
import type { RepositoryPaths } from './repository-paths.ts';
import {
  addDocumentRoutes,
  addPublicationRoutes,
  type RepositoryPublications,
  renderPublications,
} from './repository-publications.ts';

export interface PublicRepository {
  /** `http://address:port`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/** The audit log as everybody may see it. Records are not. */
export interface PublicAudit {
  /** The verifier key. */
  readonly key: () => string;
  /** How each key before handed over to the next; signed notes. */
  readonly handovers: () => readonly string[];
  /** The last signed checkpoint; undefined before the first. */
  checkpoint(): Promise<string | undefined>;
  /** Hashes of the tree by C2SP tlog-tiles path; undefined where there are none to be seen. */
  tile(path: string): Promise<Uint8Array | undefined>;
}

/** A CA as its pages show it. */
export interface RepositoryCa {
  /** The CA entry's name. */
  readonly caDn: string;
  readonly caName: { readonly ja: string; readonly en: string };
  /** What everybody is told, the newest first. */
  readonly notices?: (() => readonly RepositoryNotice[]) | undefined;
  /** What it publishes beside certificates and lists. */
  readonly publications?: RepositoryPublications | undefined;
  /** Where else it is, by its statement. */
  readonly paths?: RepositoryPaths | undefined;
}

export interface PublicRepositoryOptions extends RepositoryCa {
  readonly directory: DirectoryService;
  /** Of several CAs: each below a path of its own, e.g. `/gunma`, and at the root what leads to them. */
  readonly cas?: readonly (RepositoryCa & { readonly base: string })[] | undefined;
  readonly address: string;
  readonly port: number;
  readonly audit?: PublicAudit;
  /** Answers below `/ocsp`, where that is public. */
  readonly ocsp?: OcspHandler | undefined;
  /** Answers requests for lists. */
  readonly lists?: ListHandler | undefined;
  /** PEM; without it the server speaks HTTP. Clients may show a certificate. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly log: Log;
}

const anyEntry: Filter = { kind: 'present', attribute: 'objectClass' };

/**
 * Starts the repository.
 *
 * @throws {HttpError} `HTTP_ADDRESS_IN_USE`, `HTTP_LISTEN_FAILED`.
 */
export async function openPublicRepository(
  options: PublicRepositoryOptions,
): Promise<PublicRepository> {
  const server = fastify({
    logger: false,
    bodyLimit: 1024,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    routerOptions: { maxParamLength: 200 },
    serverFactory: besideOthers(options),
  });
  server.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'referrer-policy': 'no-referrer',
    });
  });
  server.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status >= 500) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      options.log.error('repository request failed', { url: request.url, detail });
    }
    void reply
      .status(status)
      .type('text/plain')
      .send(status >= 500 ? 'internal error\n' : 'bad request\n');
  });
  server.setNotFoundHandler((_request, reply) => {
    void reply.status(404).type('text/plain').send('not found\n');
  });
  addCas(server, options);
  const publishing = options.cas ?? [options];
  addDocumentRoutes(
    server,
    publishing.flatMap(({ publications }) => publications?.documents ?? []),
  );
  if (options.audit !== undefined) {
    addAuditRoutes(server, options.audit);
  }
  const url = await listenAt(server, {
    address: options.address,
    port: options.port,
    setting: 'http',
  });
  return {
    // The framework does not know what its server speaks.
    url: options.tls === undefined ? url : url.replace(/^http:/, 'https:'),
    close: () => server.close(),
  };
}

const OCSP_PATH = '/ocsp';

/** Requests below `/ocsp` and for lists never reach the framework. */
function besideOthers({
  ocsp,
  lists,
  tls,
}: Pick<PublicRepositoryOptions, 'ocsp' | 'lists' | 'tls'>): (
  handler: FastifyServerFactoryHandler,
) => Server {
  return (handler) => {
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      const { url = '' } = request;
      if (ocsp !== undefined && (url === OCSP_PATH || url.startsWith(`${OCSP_PATH}/`))) {
        ocsp(request, response, OCSP_PATH);
      } else if (lists?.(request, response) !== true) {
        handler(request, response);
      }
    };
    const limits = { requestTimeout: 30_000 };
    return tls === undefined
      ? createServer(limits, listener)
      : createTlsServer(
          {
            ...limits,
            ...{ cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' },
            // Whose it is, and whether that suffices, is for the directory to say.
            ...{ requestCert: true, rejectUnauthorized: false },
          },
          listener,
        );
  };
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

function addCas(server: FastifyInstance, options: PublicRepositoryOptions): void {
  const { cas } = options;
  for (const ca of cas ?? [{ ...options, base: '' }]) {
    addPrintedPaths(server, { ...options, ...ca });
  }
  if (cas === undefined) {
    addRoutes(server, { ...options, base: '' });
    return;
  }
  server.get('/', async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(renderRepositoryIndex(cas)),
  );
  for (const ca of cas) {
    void server.register(
      (own, _options, done) => {
        addRoutes(own, { ...options, ...ca });
        done();
      },
      { prefix: ca.base },
    );
  }
}

type CaRoutes = PublicRepositoryOptions & { readonly base: string };

function addRoutes(server: FastifyInstance, options: CaRoutes): void {
  const { publications } = options;
  server.get('/', async (_request, reply) => sendPage(reply, options));
  if (publications !== undefined) {
    const fingerprints = (): Promise<string> => fingerprintsOf(options);
    addPublicationRoutes(server, { ...options, publications, fingerprints });
  }
  server.get('/notices.txt', async (_request, reply) => {
    const text = formatNotices(options.notices?.() ?? []);
    return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache').send(text);
  });
  server.get('/fingerprints.txt', async (_request, reply) =>
    reply.type('text/plain').send(await fingerprintsOf(options)),
  );
  server.get('/ca.pem', async (_request, reply) => {
    const certificates = await readValues(options, 'cACertificate');
    const pem = certificates.map((der) => encodePem('CERTIFICATE', der)).join('');
    return reply.type('application/x-pem-file').send(pem);
  });
  server.get<{ Params: { name: string } }>('/certificates/:name', async (request, reply) => {
    const [, hash, form] = /^([0-9a-f]{64})\.(cer|pem)$/.exec(request.params.name) ?? [];
    const certificates = await readValues(options, 'cACertificate');
    const der = certificates.find((value) => sha256(value) === hash);
    if (der === undefined) {
      return reply.callNotFound();
    }
    return form === 'pem'
      ? reply.type('application/x-pem-file').send(encodePem('CERTIFICATE', der))
      : sendBytes(reply, 'application/pkix-cert', der);
  });
  server.get('/pairs/:index', async (request, reply) => {
    const { index } = request.params as { index: string };
    const pairs = await readValues(options, 'crossCertificatePair');
    const pair = /^\d{1,4}$/.test(index) ? pairs[Number(index)] : undefined;
    return pair === undefined
      ? reply.callNotFound()
      : sendBytes(reply, 'application/octet-stream', pair);
  });
  server.get('/arl.crl', async (request, reply) => {
    const [list] = await readValues(options, 'authorityRevocationList', request.ip);
    return list === undefined
      ? reply.callNotFound()
      : sendBytes(reply, 'application/pkix-crl', list);
  });
}

async function fingerprintsOf(options: PublicRepositoryOptions): Promise<string> {
  const certificates = await readValues(options, 'cACertificate');
  const lines = certificates.flatMap((der) => [
    `SHA-256 ${formatFingerprint('sha256', der)}`,
    `SHA-1   ${formatFingerprint('sha1', der)}`,
  ]);
  return `${lines.join('\n')}\n`;
}

async function sendPage(reply: FastifyReply, options: CaRoutes): Promise<FastifyReply> {
  const { publications, base } = options;
  const page = renderRepositoryPage({
    ...{ caName: options.caName, base },
    certificates: await readValues(options, 'cACertificate'),
    hasArl: await hasAttribute(options, 'authorityRevocationList'),
    notices: options.notices?.() ?? [],
    pairs: (await readValues(options, 'crossCertificatePair')).length,
    publications: publications === undefined ? '' : await renderPublications(publications, base),
  });
  return reply.type('text/html; charset=utf-8').send(page);
}

/** What the statement has at paths of its own (secom table 2.6-1). */
function addPrintedPaths(server: FastifyInstance, options: CaRoutes): void {
  const { paths } = options;
  if (paths === undefined) {
    return;
  }
  for (const path of paths.pages) {
    server.get(path, async (_request, reply) => sendPage(reply, options));
  }
  for (const path of paths.certificates) {
    server.get(path, async (_request, reply) => {
      const published = await readValues(options, 'cACertificate');
      const der = paths.findCertificate(path, published);
      return der === undefined
        ? reply.callNotFound()
        : sendBytes(reply, 'application/pkix-cert', der);
    });
  }
}

/** C2SP tlog-tiles below `/audit`. */
function addAuditRoutes(server: FastifyInstance, audit: PublicAudit): void {
  server.get('/audit/checkpoint', async (_request, reply) => {
    const note = await audit.checkpoint();
    return note === undefined
      ? reply.callNotFound()
      : reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache').send(note);
  });
  server.get('/audit/audit-key.txt', async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(`${audit.key()}\n`),
  );
  server.get<{ Params: { number: string } }>('/audit/handover/:number', async (request, reply) => {
    const { number } = request.params;
    const note = /^[1-9]\d{0,3}$/.test(number) ? audit.handovers()[Number(number) - 1] : undefined;
    return note === undefined
      ? reply.callNotFound()
      : reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache').send(note);
  });
  server.get<{ Params: { '*': string } }>('/audit/tile/*', async (request, reply) => {
    const bytes = await audit.tile(`tile/${request.params['*']}`);
    return bytes === undefined
      ? reply.callNotFound()
      : reply
          .type('application/octet-stream')
          .header('cache-control', 'public, max-age=31536000, immutable')
          .send(Buffer.from(bytes));
  });
}

function sendBytes(reply: FastifyReply, type: string, bytes: Uint8Array): FastifyReply {
  return reply
    .type(type)
    .header('etag', `"${sha256(bytes)}"`)
    .header('cache-control', 'public, no-cache')
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Values of an attribute of the CA entry, as anonymous sees them. @param address Who asks, for accounts. */
async function readValues(
  options: PublicRepositoryOptions,
  attribute: string,
  address = '',
): Promise<readonly Uint8Array[]> {
  const attributes = await readAttributes(options, { attribute, address, typesOnly: false });
  return attributes.flatMap(({ values }) => [...values]);
}

/** Without its values, which nobody is given then. */
async function hasAttribute(options: PublicRepositoryOptions, attribute: string): Promise<boolean> {
  const wish = { attribute, address: '', typesOnly: true };
  return (await readAttributes(options, wish)).length > 0;
}

async function readAttributes(
  { directory, caDn }: PublicRepositoryOptions,
  wish: { readonly attribute: string; readonly address: string; readonly typesOnly: boolean },
): Promise<readonly AttributeValues[]> {
  const request = {
    base: caDn,
    scope: 'base',
    filter: anyEntry,
    attributes: [wish.attribute],
    typesOnly: wish.typesOnly,
    sizeLimit: 1,
    timeLimitMs: 0,
  } as const;
  const session = { isProtected: false, address: wish.address, channel: 'http' };
  for await (const entry of directory.search(request, { principal: anonymous, session })) {
    return entry.attributes;
  }
  return [];
}
