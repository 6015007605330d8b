/**
 * What can be asked of the lists: the part of the operations (`operations.ts`) behind `certdir crl`, and both ends of it
 * on the control socket. Lists may be large: entries, differences and bytes come in pages.
 *
 * @module
 */

import { objectOf, textSchema } from './request-schema.ts';

/** A list by its number, or the one that was the newest at a time; the newest of all when neither is named. */
export interface CrlQuery {
  /** A partition's code, `arl`, … */
  readonly scope: string;
  readonly number?: string | undefined;
  /** RFC 3339. */
  readonly at?: string | undefined;
}

/** A list as the archive's row has it. */
export interface CrlFacts {
  readonly crlNumber: string;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
  readonly entries: number;
  readonly bytes: number;
  readonly sha256: string;
  /** The full list that it is a change of; null for a full one. */
  readonly deltaOf: string | null;
}

/** A list as its own bytes say. */
export interface CrlReport extends CrlFacts {
  readonly scope: string;
  /** The entry of the directory that holds, or held, it. */
  readonly dn: string;
  readonly attribute: string;
  readonly isNewest: boolean;
  readonly issuer: string;
  /** Key identifier of the key that signed it, hexadecimal. */
  readonly authorityKey: string | null;
  /** What issuingDistributionPoint says; null for a list without one. */
  readonly distributionPoint: string | null;
  readonly onlyContains: 'user' | 'ca' | 'attribute' | null;
  /** CRL Next Publish. */
  readonly nextPublish: string | null;
  /** Entries by reason; those without one are `unspecified`. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly firstRevocation: string | null;
  readonly lastRevocation: string | null;
}

export interface CrlEntry {
  readonly serialNumber: string;
  readonly revokedAt: string;
  readonly reason: string;
}

export interface CrlChange extends CrlEntry {
  readonly change: 'added' | 'removed';
}

export interface CrlDiffInput {
  readonly scope: string;
  /** A number, or a time in RFC 3339; the list before `to` when left out. */
  readonly from?: string | undefined;
  /** The same; the newest list when left out. */
  readonly to?: string | undefined;
}

/** The first page of a difference says what is compared; the others have the changes. */
export interface CrlDiffPage {
  readonly from?: CrlFacts;
  readonly to?: CrlFacts;
  readonly changes: readonly CrlChange[];
}

export interface CrlListInput {
  /** Only this list; all of them when left out. */
  readonly scope?: string | undefined;
  /** Over how many days growth is reckoned. */
  readonly days: number;
  /** Sizes at which somebody wants to know when they are reached. */
  readonly entries?: number | undefined;
  readonly bytes?: number | undefined;
}

/** `never` for a list that does not grow; otherwise `reached`, or a time. */
export type CrlForecast = string;

export interface CrlGrowth {
  readonly scope: string;
  readonly dn: string;
  /** Null before the first. */
  readonly newest: CrlFacts | null;
  readonly nextPublication: string | null;
  /** Revocations that are in no list yet. */
  readonly pending: number;
  readonly lateness: string;
  /** Null as long as there are too few lists to say. */
  readonly entriesPerDay: number | null;
  readonly bytesPerDay: number | null;
  /** When it will have as many entries as asked about; null when not asked or not known. */
  readonly entriesReached: CrlForecast | null;
  readonly bytesReached: CrlForecast | null;
}

/** What `certdir crl check` holds lists against. */
export interface CrlTerms {
  /** The CA's certificates, those of older keys included: DER, base64. */
  readonly issuers: readonly string[];
  readonly lists: readonly {
    readonly scope: string;
    readonly dn: string;
    readonly onlyContains: 'user' | 'ca';
    readonly isFull: boolean;
    /** It does not say its point. */
    readonly isUnnamed: boolean;
    /** Of a full list: SHA-256 of the certificate of its key. */
    readonly issuer: string | null;
    readonly newest: CrlFacts | null;
    /** The delta list in the directory; null where there is none. */
    readonly delta: CrlFacts | null;
  }[];
  /** CRLReason numbers. */
  readonly reasons: readonly number[];
  readonly leastRemainingHours: number;
  /** The same of delta lists. */
  readonly leastDeltaRemainingHours: number;
}

export interface CrlOperations {
  /** What every list should say. */
  terms(): Promise<CrlTerms>;
  /** Every list, how it grows, and when it will have reached a size. */
  list(input: CrlListInput): Promise<readonly CrlGrowth[]>;
  /** The lists of a scope that came out since a time, in order. @throws {CaError} `CA_SCOPE_UNKNOWN`. */
  history(input: {
    readonly scope: string;
    readonly since?: string | undefined;
  }): Promise<readonly CrlFacts[]>;
  /** @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`. */
  show(query: CrlQuery): Promise<CrlReport>;
  /** The entries, in pages. @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`. */
  entries(query: CrlQuery): AsyncIterable<readonly CrlEntry[]>;
  /** @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`. */
  diff(input: CrlDiffInput): AsyncIterable<CrlDiffPage>;
  /** The list's bytes, in pieces. @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`. */
  export(query: CrlQuery): AsyncIterable<Uint8Array>;
}

const query = objectOf({ scope: textSchema, number: textSchema, at: textSchema }, ['number', 'at']);
const positive = { type: 'integer', minimum: 1, maximum: 1e12 };

export const crlSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'crl-list': objectOf(
    {
      scope: textSchema,
      days: { type: 'integer', minimum: 1, maximum: 3_660 },
      entries: positive,
      bytes: positive,
    },
    ['scope', 'entries', 'bytes'],
  ),
  'crl-terms': objectOf({}),
  'crl-history': objectOf({ scope: textSchema, since: textSchema }, ['since']),
  'crl-show': query,
  'crl-entries': query,
  'crl-diff': objectOf({ scope: textSchema, from: textSchema, to: textSchema }, ['from', 'to']),
  'crl-export': query,
};

interface Request {
  readonly body: unknown;
  readonly onChunk: (text: string) => Promise<void>;
}

/** The server's end. */
export function crlHandlers(
  operations: CrlOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  const pages = async (items: AsyncIterable<unknown>, { onChunk }: Request): Promise<null> => {
    for await (const item of items) {
      await onChunk(item instanceof Uint8Array ? base64(item) : JSON.stringify(item));
    }
    return null;
  };
  return {
    'crl-list': ({ body }) => operations.list(body as CrlListInput),
    'crl-terms': () => operations.terms(),
    'crl-history': ({ body }) =>
      operations.history(body as { readonly scope: string; readonly since?: string }),
    'crl-show': ({ body }) => operations.show(body as CrlQuery),
    'crl-entries': (request) => pages(operations.entries(request.body as CrlQuery), request),
    'crl-diff': (request) => pages(operations.diff(request.body as CrlDiffInput), request),
    'crl-export': (request) => pages(operations.export(request.body as CrlQuery), request),
  };
}

/** The client's end. */
export function remoteCrl({
  call,
  chunks,
}: {
  readonly call: <T>(name: string, body: unknown) => Promise<T>;
  readonly chunks: (name: string, body: unknown) => AsyncIterable<string>;
}): CrlOperations {
  return {
    list: (input) => call('crl-list', input),
    terms: () => call('crl-terms', {}),
    history: (input) => call('crl-history', input),
    show: (wanted) => call('crl-show', wanted),
    entries: (wanted) => parsed(chunks('crl-entries', wanted)),
    diff: (input) => parsed(chunks('crl-diff', input)),
    export: async function* exported(wanted) {
      for await (const text of chunks('crl-export', wanted)) {
        yield Buffer.from(text, 'base64');
      }
    },
  };
}

async function* parsed<T>(texts: AsyncIterable<string>): AsyncGenerator<T, void, undefined> {
  for await (const text of texts) {
    yield JSON.parse(text) as T;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
