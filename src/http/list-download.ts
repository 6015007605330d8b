/**
 * Revocation lists over HTTP (RFC 4387, RFC 5280 §4.2.1.13):
 *
 *     /crl/<scope>.crl             a list by its scope, e.g. /crl/10201.crl
 *     /crl/<scope>.delta.crl       its delta list, where the policy has any
 *     /search-crls?iHash=…         RFC 4387 §2: by the SHA-1 of the issuer's name in DER, base64 without padding; with
 *     /search-crls?sKIDHash=…      …or of the key identifier; where the CA has several lists, with &scope=…
 *     and the paths that the policy gives a list.
 *
 * Where there are several CAs, what begins with /crl/ stands below the name of the CA, as /gunma/crl/10201.crl; searches
 * do, too, and are answered at the root by the CA whose hash it is.
 *
 * Who may have a list is decided by the directory, by the rules that hold over LDAP, and counted there: everybody what
 * everybody may read, registered verifiers theirs. They show themselves over TLS with the client certificate of their
 * entry or with their password (Basic, RFC 7617). A list that there is not, one that is not for whoever asks, and one
 * for which the wrong password was given are answered alike: 401 over TLS to whoever has not shown who it is,
 * otherwise 404.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import { formatError, isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { anonymous, type Principal } from '../directory/accounts/principal.ts';
import type { Filter } from '../directory/filters/filter.ts';
import type { DirectoryService, SearchRequest, Session } from '../directory/service.ts';
import { parseCertificateListHead } from '../x509/certificate-list.ts';
import { CompressedLists } from './compressed-lists.ts';
import {
  acceptsGzip,
  type ConditionalOutcome,
  evaluateConditions,
  type Representation,
} from './conditional-request.ts';

/** A list, and where the directory has it. */
export interface DownloadableList {
  readonly scopeId: string;
  readonly dn: string;
  readonly attribute: string;
}

/** The newest of them. */
export interface NewestList {
  readonly number: bigint;
  readonly thisUpdateMs: number;
  readonly byteLength: number;
  readonly sha256: Uint8Array;
}

export interface DownloadableLists {
  /** By the id of its scope. */
  find(scopeId: string): DownloadableList | undefined;
  /** The delta list of a scope, whether there is one or not; undefined without such a scope. */
  findDelta(scopeId: string): DownloadableList | undefined;
  /** By a path of the policy. */
  findByPath(path: string): DownloadableList | undefined;
  /** The one list that is about everything under a key; undefined where there are several. */
  whole(): DownloadableList | undefined;
  newest(list: DownloadableList): Promise<NewestList | undefined>;
  /** SHA-1 of the issuer's name in DER. */
  readonly issuerHash: Uint8Array;
  /** SHA-1 of the identifiers of the keys whose lists are found by key: that of the one that signs now. */
  keyHashes(): readonly Uint8Array[];
  /** The entry of the CA. */
  readonly caDn: string;
}

export interface ListDownloadOptions {
  readonly directory: Pick<DirectoryService, 'search' | 'bind' | 'bindCertificate'>;
  readonly lists: DownloadableLists;
  /** The name of an account by what a verifier types, e.g. `demo-verifier`. */
  readonly accountDn: (user: string) => string;
  /** What stands before the paths of a CA that is one of several, e.g. `/gunma`. */
  readonly prefix?: string | undefined;
  /** Takes passwords on clear connections. */
  readonly allowClearPasswords: boolean;
  readonly log: Log;
}

/** @returns false for a request that is none for a list. */
export type ListHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

const MAX_URL_CHARACTERS = 2_048;
const CONTENT_TYPE = 'application/pkix-crl';
const anyEntry: Filter = { kind: 'present', attribute: 'objectClass' };

/** Answers requests for lists. */
export function makeListHandler(options: ListDownloadOptions): ListHandler {
  const download = new ListDownload(options);
  return (request, response) => {
    const url = request.url ?? '';
    const wanted = url.length > MAX_URL_CHARACTERS ? undefined : wantedIn(url, options);
    if (wanted === undefined) {
      return false;
    }
    download.answer(request, response, wanted).catch((error: unknown) => {
      options.log.error('a list was not sent', { error: formatError(error) });
      if (response.headersSent) {
        response.destroy();
      } else {
        refuse(response, isBusy(error) ? 503 : 500);
      }
    });
    return true;
  };
}

function isBusy(error: unknown): boolean {
  return isCertdirError(error) && error.code === 'DIRECTORY_BUSY';
}

/** What was shown is not right; a user that is no name at all included. */
function isWrong(error: unknown): boolean {
  return (
    isCertdirError(error) &&
    ['DIRECTORY_INVALID_CREDENTIALS', 'DIRECTORY_DN_SYNTAX'].includes(error.code)
  );
}

/** A list that is asked for, which there may not be. */
interface Wanted {
  readonly list: DownloadableList | undefined;
}

function wantedIn(
  url: string,
  { lists, prefix = '' }: Pick<ListDownloadOptions, 'lists' | 'prefix'>,
): Wanted | undefined {
  const cut = url.indexOf('?');
  const whole = cut === -1 ? url : url.slice(0, cut);
  if (!whole.startsWith(`${prefix}/`)) {
    const list = whole === '/search-crls' ? bySearch(url, cut, lists) : lists.findByPath(whole);
    // At the root another CA may have it.
    return list && { list };
  }
  const path = whole.slice(prefix.length);
  if (path === '/search-crls') {
    return { list: bySearch(url, cut, lists) };
  }
  const [, scopeId, delta] = /^\/crl\/([A-Za-z0-9-]{1,64})(\.delta)?\.crl$/.exec(path) ?? [];
  if (scopeId !== undefined) {
    return { list: delta === undefined ? lists.find(scopeId) : lists.findDelta(scopeId) };
  }
  const list = lists.findByPath(whole);
  return list === undefined && !path.startsWith('/crl/') ? undefined : { list };
}

function bySearch(
  url: string,
  cut: number,
  lists: DownloadableLists,
): DownloadableList | undefined {
  return searched(new URLSearchParams(url.slice(cut === -1 ? url.length : cut)), lists);
}

/** RFC 4387 §2.1, §2.2. */
function searched(query: URLSearchParams, lists: DownloadableLists): DownloadableList | undefined {
  const matches = (name: string, hashes: readonly Uint8Array[]): boolean | undefined => {
    // A plus sign that was not escaped reads as a space.
    const value = query.get(name)?.replaceAll(' ', '+');
    return value === undefined
      ? undefined
      : hashes.some((hash) => base64(hash).startsWith(value.replace(/=+$/, '')) && isWhole(value));
  };
  const isOurs = [
    matches('iHash', [lists.issuerHash]),
    matches('sKIDHash', lists.keyHashes()),
  ].filter((one) => one !== undefined);
  if (isOurs.length === 0 || isOurs.includes(false)) {
    return undefined;
  }
  const scopeId = query.get('scope');
  return scopeId === null ? lists.whole() : lists.find(scopeId);
}

/** A SHA-1 in base64 has 27 characters without its padding. */
function isWhole(value: string): boolean {
  return value.replace(/=+$/, '').length === 27;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Who asks, and whether it has shown who it is. */
interface Asker {
  readonly principal: Principal;
  readonly session: Session;
}

class ListDownload {
  readonly #options: ListDownloadOptions;
  readonly #compressed = new CompressedLists();

  constructor(options: ListDownloadOptions) {
    this.#options = options;
  }

  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    { list }: Wanted,
  ): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(response, 405, { allow: 'GET, HEAD' });
      return;
    }
    const session = sessionOf(request.socket);
    const principal = await this.#identify(request, session);
    const asker = { principal: principal ?? anonymous, session };
    // One that there is not costs what one costs that is not for whoever asks.
    const mayRead = await this.#mayRead(list ?? this.#nothing(), asker);
    const newest =
      list !== undefined && mayRead && principal !== undefined
        ? await this.#options.lists.newest(list)
        : undefined;
    if (list === undefined || newest === undefined) {
      this.#withhold(response, asker, principal === undefined);
      return;
    }
    await this.#give({ request, response }, asker, { list, newest });
  }

  /** @returns undefined when what was shown is not right. */
  async #identify(request: IncomingMessage, session: Session): Promise<Principal | undefined> {
    const { directory, accountDn, allowClearPasswords } = this.#options;
    const credentials = basicCredentials(request.headers.authorization);
    try {
      if (credentials !== undefined) {
        // A password that came in clear has been seen by others: it is not even tried.
        return session.isProtected || allowClearPasswords
          ? await directory.bind(accountDn(credentials.user), credentials.password, session)
          : undefined;
      }
      if (request.headers.authorization !== undefined) {
        return undefined;
      }
      return session.clientCertificate === undefined
        ? anonymous
        : await directory.bindCertificate(session);
    } catch (error) {
      if (isWrong(error)) {
        // A certificate that nobody registered shows who it is to nobody, and is no fault: browsers send what they have.
        return credentials === undefined ? anonymous : undefined;
      }
      throw error;
    }
  }

  /** The values stay where they are, so nothing is counted as provided. */
  async #mayRead(list: Omit<DownloadableList, 'scopeId'>, asker: Asker): Promise<boolean> {
    return (await this.#search(list, asker, true)) !== undefined;
  }

  #nothing(): Omit<DownloadableList, 'scopeId'> {
    return { dn: this.#options.lists.caDn, attribute: 'deltaRevocationList' };
  }

  /** @returns The values, none when only asked whether there are any; undefined when there is nothing to see. */
  async #search(
    { dn, attribute }: Omit<DownloadableList, 'scopeId'>,
    { principal, session }: Asker,
    typesOnly: boolean,
  ): Promise<readonly Uint8Array[] | undefined> {
    const request: SearchRequest = {
      ...{ base: dn, scope: 'base' as const, filter: anyEntry, attributes: [attribute] },
      ...{ typesOnly, sizeLimit: 1, timeLimitMs: 0 },
    };
    try {
      const found = this.#options.directory.search(request, { principal, session });
      for await (const { attributes } of found) {
        return attributes[0]?.values;
      }
    } catch (error) {
      if (!isCertdirError(error) || error.code !== 'DIRECTORY_NO_SUCH_OBJECT') {
        throw error;
      }
    }
    return undefined;
  }

  #withhold(response: ServerResponse, { principal, session }: Asker, isWrong: boolean): void {
    const isUnknown = principal === anonymous || isWrong;
    if (session.isProtected && isUnknown) {
      refuse(response, 401, {
        'www-authenticate': 'Basic realm="revocation lists", charset="UTF-8"',
      });
    } else {
      refuse(response, 404);
    }
  }

  async #give(
    { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
    asker: Asker,
    { list, newest }: { readonly list: DownloadableList; readonly newest: NewestList },
  ): Promise<void> {
    const hash = Buffer.from(newest.sha256).toString('hex');
    const isPublic = asker.principal === anonymous;
    const representation = {
      tag: `"${hash}"`,
      lastModifiedMs: newest.thisUpdateMs,
      byteLength: newest.byteLength,
    };
    const headers = {
      'last-modified': new Date(newest.thisUpdateMs).toUTCString(),
      // A revocation may make a new list at any moment: caches ask again, and are told that nothing has changed.
      'cache-control': `${isPublic ? 'public' : 'private'}, no-cache`,
      vary: 'Accept-Encoding, Authorization',
      'x-content-type-options': 'nosniff',
    };
    const { method = 'GET' } = request;
    // A range is of the list as it is; who has half of it compressed cannot go on with the rest.
    const isCompressible =
      request.headers.range === undefined && acceptsGzip(request.headers['accept-encoding']);
    const gzipTag = `"${hash}-gzip"`;
    const known = request.headers['if-none-match'];
    const tag = isCompressible && known?.includes(gzipTag) === true ? gzipTag : representation.tag;
    const outcome = evaluateConditions(method, request.headers, { ...representation, tag });
    if (outcome.kind !== 'whole' && outcome.kind !== 'part') {
      answerWithout(response, { outcome, tag, headers, representation });
      return;
    }
    if (method === 'HEAD') {
      const length = String(newest.byteLength);
      const facts = { ...headers, etag: tag, 'accept-ranges': 'bytes' };
      response.writeHead(200, { ...facts, 'content-type': CONTENT_TYPE, 'content-length': length });
      response.end();
      return;
    }
    const values = await this.#search(list, asker, false);
    const value = values?.find((one) => isThat(one, newest));
    if (value === undefined) {
      // A newer one came out in between, or the agreement has ended: all over again, as it is now.
      const now = await this.#options.lists.newest(list);
      if (values === undefined || now === undefined || now.number === newest.number) {
        this.#withhold(response, asker, false);
      } else {
        await this.#give({ request, response }, asker, { list, newest: now });
      }
      return;
    }
    const compressed = isCompressible
      ? await this.#compressed.find(representation.tag, value)
      : undefined;
    send(response, { value, compressed, outcome, headers, hash });
  }
}

/**
 * Without a look at the entries: the directory and the record are written in one transaction. Lists of several keys in one
 * attribute may share number and size, and never thisUpdate.
 */
function isThat(value: Uint8Array, { number, byteLength, thisUpdateMs }: NewestList): boolean {
  if (value.length !== byteLength) {
    return false;
  }
  const head = parseCertificateListHead(value);
  return head.number === number && head.thisUpdateMs === thisUpdateMs;
}

type Headers = Readonly<Record<string, string>>;

function answerWithout(
  response: ServerResponse,
  {
    outcome,
    tag,
    headers,
    representation,
  }: {
    readonly outcome: ConditionalOutcome;
    readonly tag: string;
    readonly headers: Headers;
    readonly representation: Representation;
  },
): void {
  switch (outcome.kind) {
    case 'unchanged':
      response.writeHead(304, { ...headers, etag: tag });
      response.end();
      return;
    case 'range-unsatisfiable':
      refuse(response, 416, { 'content-range': `bytes */${representation.byteLength}` });
      return;
    default:
      refuse(response, 412);
  }
}

function send(
  response: ServerResponse,
  {
    value,
    compressed,
    outcome,
    headers,
    hash,
  }: {
    readonly value: Uint8Array;
    readonly compressed: Uint8Array | undefined;
    readonly outcome: ConditionalOutcome;
    readonly headers: Headers;
    readonly hash: string;
  },
): void {
  const facts = { ...headers, 'content-type': CONTENT_TYPE };
  if (outcome.kind === 'part') {
    const { start, end } = outcome;
    response.writeHead(206, {
      ...facts,
      etag: `"${hash}"`,
      'content-range': `bytes ${start}-${end - 1}/${value.length}`,
      'content-length': String(end - start),
    });
    response.end(value.subarray(start, end));
  } else if (compressed === undefined) {
    response.writeHead(200, {
      ...facts,
      etag: `"${hash}"`,
      'accept-ranges': 'bytes',
      'content-length': String(value.length),
    });
    response.end(value);
  } else {
    response.writeHead(200, {
      ...facts,
      etag: `"${hash}-gzip"`,
      'content-encoding': 'gzip',
      'content-length': String(compressed.length),
    });
    response.end(compressed);
  }
}

function refuse(response: ServerResponse, status: number, headers: Headers = {}): void {
  response.writeHead(status, {
    ...headers,
    'content-type': 'text/plain',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(`${status}\n`);
}

function sessionOf(socket: Socket): Session {
  const address = socket.remoteAddress ?? '';
  if (!(socket instanceof TLSSocket)) {
    return { isProtected: false, address, channel: 'http' };
  }
  const clientCertificate = socket.getPeerX509Certificate()?.raw;
  return {
    ...{ isProtected: true, address, channel: 'http' },
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

/** RFC 7617: user and password in UTF-8. @returns undefined for anything else, and for an empty password. */
function basicCredentials(
  header: string | undefined,
): { readonly user: string; readonly password: Uint8Array } | undefined {
  const [, token] = /^basic +([A-Za-z0-9+/]{1,4096}={0,2}) *$/i.exec(header ?? '') ?? [];
  const bytes = Buffer.from(token ?? '', 'base64');
  const colon = bytes.indexOf(0x3a);
  return colon < 1 || colon === bytes.length - 1
    ? undefined
    : { user: bytes.subarray(0, colon).toString('utf8'), password: bytes.subarray(colon + 1) };
}
