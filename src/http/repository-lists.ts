/**
 * The page that says which revocation lists there are, where, and for whom (gunma 2-6-1, 2-8-3, jlis 2.2): the names of
 * those that only registered verifiers may read are public, what is in them is not.
 *
 * Everything is read from the directory as anonymous, so nothing is here that LDAP would not say.
 *
 * @module
 */

import { decodeUtf8 } from '../core/bytes.ts';
import { anonymous } from '../directory/accounts/principal.ts';
import type { Filter } from '../directory/filters/filter.ts';
import type { AttributeValues, DirectoryService, SearchResultEntry } from '../directory/service.ts';
import { escapeHtml } from './html-text.ts';

export interface RepositoryList {
  readonly dn: string;
  /** The entry's own words; of a municipality its name. */
  readonly description: string;
  /** Code of the partition; undefined where it has none. */
  readonly code: string | undefined;
  /** Lists of the entry that everybody may read, as attribute types. */
  readonly open: readonly string[];
}

export interface ListReading {
  readonly directory: Pick<DirectoryService, 'search'>;
  readonly caDn: string;
  /** The tops of the CA's own trees. */
  readonly tops: readonly string[];
}

const listTypes = [
  'authorityRevocationList',
  'certificateRevocationList',
  'deltaRevocationList',
] as const;

const withLists: Filter = {
  kind: 'or',
  filters: [
    { kind: 'equality', attribute: 'objectClass', value: Buffer.from('cRLDistributionPoint') },
    { kind: 'equality', attribute: 'objectClass', value: Buffer.from('pkiCA') },
  ],
};

/** Every entry for lists that anybody may know of. */
export async function readRepositoryLists(
  reading: ListReading,
): Promise<readonly RepositoryList[]> {
  const open = new Map<string, readonly string[]>();
  // Types alone: nobody is given a list by this page, and none is counted as given.
  for await (const { dn, attributes } of search(reading, [...listTypes], true)) {
    open.set(
      dn,
      attributes.map(({ description }) => baseOf(description)),
    );
  }
  const lists: RepositoryList[] = [];
  const named = search(reading, ['description', 'certdirPartitionCode'], false);
  for await (const { dn, attributes } of named) {
    const isOfCa = dn.toLowerCase() === reading.caDn.toLowerCase();
    const ownOpen = open.get(dn) ?? [];
    // The CA's entry without a list of its own is no entry for lists.
    if (!isOfCa || ownOpen.length > 0) {
      lists.push({
        dn,
        description: textOf(attributes, 'description') ?? '',
        code: textOf(attributes, 'certdirPartitionCode'),
        open: ownOpen,
      });
    }
  }
  return lists;
}

async function* search(
  { directory, tops }: ListReading,
  attributes: readonly string[],
  typesOnly: boolean,
): AsyncGenerator<SearchResultEntry, void, undefined> {
  const session = { isProtected: false, address: '', channel: 'http' };
  for (const base of tops) {
    const request = {
      base,
      scope: 'subtree',
      filter: withLists,
      attributes,
      typesOnly,
      sizeLimit: 0,
      timeLimitMs: 0,
    } as const;
    yield* directory.search(request, { principal: anonymous, session });
  }
}

function textOf(attributes: readonly AttributeValues[], name: string): string | undefined {
  const value = attributes.find(({ description }) => baseOf(description) === name)?.values[0];
  return value === undefined ? undefined : decodeUtf8(value);
}

/** Without options, e.g. `;binary`. */
function baseOf(description: string): string {
  return description.split(';')[0] ?? description;
}

/** @param pathOf The path of a list that everybody may download. */
export function renderRepositoryLists(
  caName: { readonly ja: string; readonly en: string },
  lists: readonly RepositoryList[],
  pathOf: (dn: string, attribute: string) => string | undefined,
): string {
  const rows = lists.map(
    ({ dn, description, code = '', open }) =>
      `<tr><td>${escapeHtml(code)}</td><td>${escapeHtml(description)}</td><td>${escapeHtml(dn)}</td><td>${renderAccess(dn, open, pathOf)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>失効リスト / Revocation lists: ${escapeHtml(caName.ja)}</title>
<style>
body { font-family: sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { border: 1px solid #888; padding: .3rem; text-align: left; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>失効リスト / Revocation lists</h1>
<p>${escapeHtml(caName.ja)}<br><span lang="en">${escapeHtml(caName.en)}</span></p>
<p>「登録された署名検証者等に限る」とある失効リストは、事前に届け出てアクセス権の付与を受けた者に LDAPS 又は HTTPS で提供します。<br>
<span lang="en">Lists for registered verifiers alone are provided over LDAPS and HTTPS to those who were registered beforehand and granted access.</span></p>
<table>
<tr><th>区分 / Partition</th><th>名称 / Name</th><th>エントリ / Entry</th><th>提供 / Provided to</th></tr>
${rows.join('\n')}
</table>
</body>
</html>
`;
}

function renderAccess(
  dn: string,
  open: readonly string[],
  pathOf: (dn: string, attribute: string) => string | undefined,
): string {
  if (open.length === 0) {
    return '登録された署名検証者等に限る / registered verifiers alone';
  }
  const shown = open.map((attribute) => {
    const path = pathOf(dn, attribute);
    const label = escapeHtml(attribute);
    return path === undefined ? label : `<a href="${escapeHtml(path)}">${label}</a>`;
  });
  return `公開 / public: ${shown.join(' · ')}`;
}
