/**
 * Names as they come out of printed LDAP URLs. A statement may print `o=Example%20Co.%2c%20Ltd.,c=JP` (secom table 2.6-1):
 * its writer meant the escaped comma to be part of the value, but clients decode the percent signs before they look at
 * the name and send `o=Example Co., Ltd.,c=JP`, which is no name by RFC 4514. It can be read in one way only: what has no
 * equals sign is no relative name, so the comma before it belongs to the value.
 *
 * Only searches take such names; whatever changes the tree takes them as RFC 4514 has them.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { Dn } from './dn.ts';

/** Longer texts are no names that anybody prints. */
const MAX_CHARACTERS = 1024;

/** @throws {DirectoryError} `DIRECTORY_DN_SYNTAX` of the text as it was given. */
export function parsePrintedName(text: string, schema: SchemaLookup): Dn {
  try {
    return Dn.parse(text, schema);
  } catch (error) {
    const mended = mendCommas(text);
    if (mended === undefined || !isCertdirError(error) || error.code !== 'DIRECTORY_DN_SYNTAX') {
      throw error;
    }
    try {
      return Dn.parse(mended, schema);
    } catch {
      throw error;
    }
  }
}

/** With commas that can only be part of a value escaped; undefined where there are none. */
function mendCommas(text: string): string | undefined {
  if (text.length > MAX_CHARACTERS || text.includes('"')) {
    return undefined;
  }
  const [first = '', ...pieces] = text.split(/(?<!\\),/);
  const mended = pieces.reduce(
    (name, piece) => name + (piece.includes('=') ? ',' : '\\,') + piece,
    first,
  );
  return mended === text ? undefined : mended;
}
