/**
 * The digest of a change's request in its audit record: SHA-256 over the request as it came, so that
 * whoever has kept the request can show what was asked for.
 *
 * A request with a password in clear has none. Everything else in it is known to whoever reads the log or
 * the directory, so a digest would let the password be tried out, offline and at a hash's price, beside
 * the scrypt that the directory pays for. The record still has the digests of the entry before and after.
 *
 * @module
 */

import { webcrypto } from 'node:crypto';

import { recordDigest } from '../../audit/record-digest.ts';
import { formatHex } from '../../core/bytes.ts';
import type { DirectoryCore } from '../directory-core.ts';
import type { Filter } from '../filters/filter.ts';
import { isSubtypeOf } from '../schema/attribute-description.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { ChangeOptions } from '../service.ts';

/** More takes the event loop longer than others should wait. */
const MAX_BYTES_AT_ONCE = 4 * 1024 * 1024;

/** Within the description of a change. */
export interface RequestDigest {
  /** Lower-case hexadecimal. */
  readonly request?: string;
}

const none: RequestDigest = {};

/**
 * @param given Of the values that the request brings, their types.
 * @returns nothing where the request did not come as bytes, or holds a password.
 */
export async function digestRequest(
  { types, schema }: Pick<DirectoryCore, 'types' | 'schema'>,
  { received, assertion }: ChangeOptions,
  given: Iterable<AttributeType> = [],
): Promise<RequestDigest> {
  if (received === undefined) {
    return none;
  }
  const isSecret = (type: AttributeType): boolean => isSubtypeOf(type, types.userPassword);
  for (const type of given) {
    if (isSecret(type)) {
      return none;
    }
  }
  // What cannot be told may be one.
  const mayBeSecret = (attribute: string | undefined): boolean => {
    const type = schema.attributeType(attribute?.split(';', 1)[0] ?? '');
    return type === undefined || isSecret(type);
  };
  return assertion !== undefined && someAttribute(assertion, mayBeSecret)
    ? none
    : { request: await digestOf(received) };
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  return bytes.length <= MAX_BYTES_AT_ONCE
    ? recordDigest(bytes)
    : formatHex(new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes)));
}

/** As deep as the decoder lets a filter be. */
function someAttribute(filter: Filter, test: (attribute?: string) => boolean): boolean {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.filters.some((part) => someAttribute(part, test));
    case 'not':
      return someAttribute(filter.filter, test);
    default:
      return test(filter.attribute);
  }
}
