/**
 * A whole value checked as strict DER before a library reads it.
 *
 * pkijs and asn1js also take BER, recurse as deeply as the bytes say and differ from this project
 * on what is valid. Foreign structures go through here first, so both see the same value.
 *
 * @module
 */

import { DerReader } from './der-reader.ts';
import { DerError } from './errors.ts';
import { isStringTag } from './strings.ts';
import { isConstructed, Tag } from './tags.ts';

/** No structure of X.509, PKCS#7, #8, #10, #12 or OCSP is nested more deeply than half of this. */
const MAX_DEPTH = 64;

/**
 * Walks one element with everything inside it. Universal types are checked with their values,
 * other primitive elements by tag and length alone. What an OCTET STRING or BIT STRING wraps is
 * not looked into. Time grows with the bytes, memory with the depth.
 *
 * @throws {DerError} with the code of what was wrong; `DER_TRAILING` for bytes after the element,
 * `DER_DEPTH` for more than 64 constructed levels.
 */
export function assertDer(bytes: Uint8Array): void {
  const root = new DerReader(bytes);
  const open: DerReader[] = [];
  let current: DerReader | undefined = enter(root, open);
  root.expectEnd();
  while (current !== undefined) {
    current = current.isAtEnd ? open.pop() : enter(current, open);
  }
}

/**
 * Reads the next element. A constructed one becomes the current reader and the outer one waits in
 * `open`; after a primitive one the outer reader stays current.
 */
function enter(reader: DerReader, open: DerReader[]): DerReader {
  const tag = reader.peekTag();
  if (tag === undefined || !isConstructed(tag)) {
    checkPrimitive(reader, tag);
    return reader;
  }
  if (open.length === MAX_DEPTH) {
    throw new DerError('DER_DEPTH', `more than ${MAX_DEPTH} levels at ${reader.offset}`);
  }
  open.push(reader);
  return reader.readConstructed(tag);
}

function checkPrimitive(reader: DerReader, tag: number | undefined): void {
  switch (tag) {
    case Tag.boolean:
      reader.readBoolean();
      return;
    case Tag.integer:
    case Tag.enumerated:
      reader.readInteger(tag);
      return;
    case Tag.bitString:
      reader.readBitString();
      return;
    case Tag.null:
      reader.readNull();
      return;
    case Tag.oid:
      reader.readOid();
      return;
    case Tag.utcTime:
      reader.readTime();
      return;
    case Tag.generalizedTime:
      reader.readGeneralizedTime();
      return;
    default:
      if (tag !== undefined && isStringTag(tag)) {
        reader.readString();
      } else {
        reader.skip();
      }
  }
}
