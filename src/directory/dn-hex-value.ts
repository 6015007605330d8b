/**
 * The `#` form of a value in a distinguished name (RFC 4514 §2.4): the BER encoding of the value. A
 * string of any type, or an OCTET STRING, becomes the octets that the same value has in LDAP (RFC
 * 4517 §3.3), so that a name has one key however it is written.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts';

type Decoder = (content: Uint8Array) => Uint8Array | undefined;

const decoders: ReadonlyMap<number, Decoder> = new Map<number, Decoder>([
  [0x04, (content) => content],
  [0x0c, (content) => (decodeUtf8(content) === undefined ? undefined : content)],
  // NumericString, PrintableString, IA5String, VisibleString: ASCII
  [0x12, decodeAscii],
  [0x13, decodeAscii],
  [0x16, decodeAscii],
  [0x1a, decodeAscii],
  // TeletexString, read as Latin-1 as everyone does
  [0x14, (content) => encodeUtf8(Buffer.from(content).toString('latin1'))],
  // BMPString, UniversalString
  [0x1e, (content) => decodeCodeUnits(content, 2)],
  [0x1c, (content) => decodeCodeUnits(content, 4)],
]);

/**
 * The LDAP octets of a BER value.
 *
 * @returns undefined when `ber` is not exactly one primitive, definite string value.
 */
export function decodeHexValue(ber: Uint8Array): Uint8Array | undefined {
  const [tag, first] = ber;
  if (tag === undefined || first === undefined) {
    return undefined;
  }
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthOctets > 3) {
    return undefined;
  }
  let length = lengthOctets === 0 ? first : 0;
  for (let index = 0; index < lengthOctets; index += 1) {
    length = length * 256 + (ber[2 + index] ?? 0);
  }
  const start = 2 + lengthOctets;
  if (start + length !== ber.length) {
    return undefined;
  }
  return decoders.get(tag)?.(ber.subarray(start));
}

function decodeAscii(content: Uint8Array): Uint8Array | undefined {
  return content.every((octet) => octet < 0x80) ? content : undefined;
}

function decodeCodeUnits(content: Uint8Array, width: 2 | 4): Uint8Array | undefined {
  if (content.length % width !== 0) {
    return undefined;
  }
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  let text = '';
  for (let offset = 0; offset < content.length; offset += width) {
    const codePoint = width === 2 ? view.getUint16(offset) : view.getUint32(offset);
    if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) {
      return undefined;
    }
    text += String.fromCodePoint(codePoint);
  }
  return encodeUtf8(text);
}
