/**
 * A directory in a folder of its own: the shipped schema, a simulated clock, seeded randomness,
 * cheap password hashes.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';

import type { AuditRecord } from '../../src/audit/audit-log.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { silentLog } from '../../src/core/log.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { anonymous, type Principal } from '../../src/directory/accounts/principal.ts';
import { Directory, type DirectoryOptions } from '../../src/directory/directory.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import { parseFilter } from '../../src/directory/filters/filter-text.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import type {
  AttributeValues,
  Caller,
  PageWish,
  SearchRequest,
  SearchResultEntry,
  Session,
} from '../../src/directory/service.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { temporaryFolder } from './temporary-folder.ts';

let shipped: Promise<Schema> | undefined;

/** The schema in schema/, loaded once. */
export function shippedSchema(): Promise<Schema> {
  shipped ??= Schema.load(join(packageRoot, 'schema'));
  return shipped;
}

export const suffix = 'o=JPKI,c=JP';
export const clearSession: Session = { isProtected: false, address: '192.0.2.1', channel: 'ldap' };
export const tlsSession: Session = { ...clearSession, isProtected: true };
export const system: Caller = {
  principal: { kind: 'system', name: 'test' },
  session: { isProtected: true, address: 'local', channel: 'system' },
};
export const nobody: Caller = { principal: anonymous, session: clearSession };

export function callerOf(principal: Principal, session: Session = tlsSession): Caller {
  return { principal, session };
}

export type TextAttributes = Readonly<Record<string, string | readonly string[] | Uint8Array>>;

/** Attributes from texts; bytes for values that are not. */
export function attributesOf(texts: TextAttributes): AttributeValues[] {
  return Object.entries(texts).map(([description, given]) => {
    if (given instanceof Uint8Array) {
      return { description, values: [given] };
    }
    const values = typeof given === 'string' ? [given] : given;
    return { description, values: values.map(encodeUtf8) };
  });
}

export interface DirectoryFixture {
  readonly directory: Directory;
  readonly store: Store;
  readonly schema: Schema;
  readonly clock: SimulatedClock;
  /** Adds an entry as the system. */
  add(dn: string, attributes: TextAttributes): Promise<void>;
  /** Every audit record so far. */
  records(): Promise<AuditRecord[]>;
}

/** Everyone may read everything; for tests that are not about access. */
export const openToAll: readonly AccessRule[] = [
  { attributes: ['userPassword'], who: { kind: 'anyone' }, rights: ['auth'] },
  { who: { kind: 'anyone' }, rights: ['disclose', 'search', 'compare', 'read'] },
];

/** Opens a directory that is closed after the test. */
export async function openDirectory(
  t: { after(fn: () => unknown): void },
  options: Partial<DirectoryOptions> = {},
): Promise<DirectoryFixture> {
  const clock = new SimulatedClock();
  const schema = options.schema ?? (await shippedSchema());
  const store =
    options.store ?? (await openLevelStore({ folder: temporaryFolder(t), clock, log: silentLog }));
  const audit = openAuditLog({ clock });
  const directory = await Directory.open({
    store,
    schema,
    suffixes: [suffix],
    access: openToAll,
    clock,
    random: new SeededRandom(),
    audit,
    log: silentLog,
    scrypt: { logN: 10, r: 8, p: 1 },
    ...options,
  });
  t.after(async () => {
    await directory.close();
    await store.close();
  });
  return {
    directory,
    store,
    schema,
    clock,
    add: async (dn, attributes) => {
      await directory.add({ dn, attributes: attributesOf(attributes) }, system);
    },
    records: async () => {
      await directory.close();
      const snapshot = store.snapshot();
      const records: AuditRecord[] = [];
      for await (const record of audit.records(snapshot)) {
        records.push(record);
      }
      await snapshot.close();
      return records;
    },
  };
}

export interface SearchWish extends Partial<Omit<SearchRequest, 'filter'>> {
  readonly filter?: string | Filter;
}

/** A complete request from the parts that matter; by default everything below the suffix. */
export function searchRequest(wish: SearchWish = {}): SearchRequest {
  const { filter = '(objectClass=*)', ...rest } = wish;
  return {
    base: suffix,
    scope: 'subtree',
    filter: typeof filter === 'string' ? parseFilter(filter) : filter,
    attributes: [],
    typesOnly: false,
    sizeLimit: 0,
    timeLimitMs: 0,
    ...rest,
  };
}

/** The entries that a search returns. */
export async function search(
  directory: Directory,
  wish: SearchWish = {},
  caller: Caller = system,
): Promise<SearchResultEntry[]> {
  const found: SearchResultEntry[] = [];
  for await (const entry of directory.search(searchRequest(wish), caller)) {
    found.push(entry);
  }
  return found;
}

/** A page of a search: its names and the cookie for the next one, empty at the end. */
export interface FoundPage {
  readonly names: readonly string[];
  readonly cookie: Uint8Array;
}

/** One page of a search. */
export async function searchPage(
  directory: Directory,
  wish: SearchWish & { readonly page: PageWish },
  caller: Caller = system,
): Promise<FoundPage> {
  const answers = directory.search(searchRequest({ attributes: ['1.1'], ...wish }), caller);
  const names: string[] = [];
  for await (const { dn } of answers) {
    names.push(dn);
  }
  const { page } = answers.outcome;
  assert.ok(page !== undefined, 'a page ends with a cookie');
  return { names, cookie: page.cookie };
}

/** Every page of a search, each of `size` entries. */
export async function searchPages(
  directory: Directory,
  wish: SearchWish & { readonly size: number },
  caller: Caller = system,
): Promise<(readonly string[])[]> {
  const { size, ...request } = wish;
  const pages: (readonly string[])[] = [];
  let cookie: Uint8Array = new Uint8Array(0);
  do {
    const found = await searchPage(directory, { ...request, page: { size, cookie } }, caller);
    pages.push(found.names);
    cookie = found.cookie;
  } while (cookie.length > 0);
  return pages;
}

/** The names that a search returns. */
export async function searchNames(
  directory: Directory,
  wish: SearchWish = {},
  caller: Caller = system,
): Promise<string[]> {
  return (await search(directory, { attributes: ['1.1'], ...wish }, caller)).map(({ dn }) => dn);
}

/** An entry as texts, by description. */
export function asTexts(entry: SearchResultEntry | undefined): Record<string, string[]> {
  return Object.fromEntries(
    (entry?.attributes ?? []).map(({ description, values }) => [
      description,
      values.map((value) => Buffer.from(value).toString('utf8')),
    ]),
  );
}
