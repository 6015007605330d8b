/**
 * Cookies of paged searches (RFC 2696): all that the server has to know of a search between two pages,
 * kept by the client. A cookie is authenticated with a key of this process and bound to who searches
 * and for what; it holds nothing but the place of an entry that the client was given.
 *
 * ```
 * HMAC-SHA-256 (32) · returned so far (4) · sorted (1) · sort keys (1) ·
 *   { absent (ff ff) | length (2) · bytes } … · key of the entry's name
 * ```
 *
 * @module
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { asBuffer, concatBytes } from '../../core/bytes.ts';
import type { Principal } from '../accounts/principal.ts';
import { DirectoryError } from '../errors.ts';
import { formatFilter } from '../filters/filter-text.ts';
import type { SearchRequest } from '../service.ts';
import type { SearchPosition } from './search-order.ts';

const MAC_BYTES = 32;
const ABSENT = 0xffff;

/** Where a paged search stands. */
export interface PageState {
  /** Entries returned on the pages so far. */
  readonly returned: number;
  readonly isSorted: boolean;
  /** The last entry returned. */
  readonly position: SearchPosition;
}

/** What a cookie is good for: this search of this identity. */
export interface PageBinding {
  readonly principal: Principal;
  readonly request: SearchRequest;
}

export class PageCookies {
  readonly #key: Uint8Array;

  /** @param key At least 32 unpredictable bytes. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  seal(state: PageState, binding: PageBinding): Uint8Array {
    const body = encodeState(state);
    return concatBytes(this.#authenticate(body, binding), body);
  }

  /** @throws {DirectoryError} `DIRECTORY_PAGE_COOKIE` for any that was not sealed for this binding. */
  open(cookie: Uint8Array, binding: PageBinding): PageState {
    const mac = cookie.subarray(0, MAC_BYTES);
    const body = cookie.subarray(MAC_BYTES);
    if (mac.length !== MAC_BYTES || !timingSafeEqual(mac, this.#authenticate(body, binding))) {
      throw new DirectoryError(
        'DIRECTORY_PAGE_COOKIE',
        'the cookie is not of this search; begin again with an empty one',
      );
    }
    return decodeState(asBuffer(body));
  }

  #authenticate(body: Uint8Array, { principal, request }: PageBinding): Uint8Array {
    return createHmac('sha256', this.#key)
      .update(digestOf(identityOf(principal)))
      .update(digestOf(describe(request)))
      .update(body)
      .digest();
  }
}

function digestOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

function identityOf(principal: Principal): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'entry':
      return `entry ${principal.entryUuid}`;
    case 'system':
      return `system ${principal.name}`;
  }
}

/** Everything that must stay the same from page to page; the size of a page need not. */
function describe(request: SearchRequest): string {
  const { base, scope, filter, attributes, typesOnly, sizeLimit, sort, matchedValues } = request;
  const { manageDsaIt = false, subentries = null } = request;
  return JSON.stringify([
    ...[base, scope, formatFilter(filter), attributes, typesOnly, sizeLimit],
    sort?.keys.map(({ attribute, rule, isReverse }) => [attribute, rule, isReverse]) ?? [],
    matchedValues?.map(formatFilter) ?? null,
    manageDsaIt,
    subentries,
  ]);
}

function encodeState({ returned, isSorted, position }: PageState): Uint8Array {
  const { sortKeys, entryKey } = position;
  const head = Buffer.alloc(6);
  head.writeUInt32BE(returned);
  head.writeUInt8(isSorted ? 1 : 0, 4);
  head.writeUInt8(sortKeys.length, 5);
  const keys = sortKeys.flatMap((key) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(key?.length ?? ABSENT);
    return key === undefined ? [length] : [length, key];
  });
  return concatBytes(head, ...keys, entryKey);
}

/** Only bytes that `encodeState` made come here. */
function decodeState(body: Buffer): PageState {
  const sortKeys: (Uint8Array | undefined)[] = [];
  let offset = 6;
  for (let count = body.readUInt8(5); count > 0; count -= 1) {
    const length = body.readUInt16BE(offset);
    offset += 2;
    if (length === ABSENT) {
      sortKeys.push(undefined);
    } else {
      sortKeys.push(body.subarray(offset, offset + length));
      offset += length;
    }
  }
  return {
    returned: body.readUInt32BE(0),
    isSorted: body.readUInt8(4) === 1,
    position: { sortKeys, entryKey: body.subarray(offset) },
  };
}
