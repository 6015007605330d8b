/**
 * DER as `openssl asn1parse` takes it apart, one line for each element: as many spaces as it is deep, its
 * type, and its value, in hexadecimal where asn1parse shows none. The value of an extension, which
 * is DER inside an OCTET STRING, is taken apart in the same way.
 *
 * @module
 */

import { runOpenssl } from './openssl.ts';

interface Line {
  readonly depth: number;
  readonly type: string;
  readonly value: string;
  readonly content: Buffer;
}

/** Of longer values (keys, signatures) asn1parse has told enough. */
const MAX_SHOWN_BYTES = 64;

/** The lines of `der`, e.g. `['SEQUENCE', ' INTEGER 02']`. */
export function dumpAsn1(der: Uint8Array): readonly string[] {
  return linesOf(der).map(
    ({ depth, type, value }) => `${' '.repeat(depth)}${type}${value === '' ? '' : ` ${value}`}`,
  );
}

function linesOf(der: Uint8Array): readonly Line[] {
  const text = runOpenssl(['asn1parse', '-inform', 'DER'], der).toString('utf8');
  const lines: Line[] = [];
  for (const row of text.trimEnd().split('\n')) {
    const line = parseLine(row, der);
    if (!isExtensionValue(lines.at(-1), line)) {
      lines.push(line);
      continue;
    }
    lines.push({ ...line, value: '' });
    const below = line.depth + 1;
    lines.push(...linesOf(line.content).map((one) => ({ ...one, depth: one.depth + below })));
  }
  return lines;
}

function parseLine(row: string, der: Uint8Array): Line {
  const pattern = /^ *(\d+):d=(\d+) +hl=(\d+) l= *(\d+) (prim|cons): ([^:]*?) *(?::(.*))?$/;
  const [, offset, depth, headerLength, length, form, what = '', shown = ''] =
    pattern.exec(row) ?? [];
  if (what === '') {
    throw new Error(`not a line of asn1parse: ${row}`);
  }
  const start = Number(offset) + Number(headerLength);
  const content = Buffer.from(der.subarray(start, start + Number(length)));
  const isShort = form === 'prim' && content.length <= MAX_SHOWN_BYTES;
  const value = shown === '' && isShort ? content.toString('hex').toUpperCase() : shown;
  return { depth: Number(depth), type: what.replace(/ *\[HEX DUMP\]$/, ''), value, content };
}

/** An OCTET STRING beside an object identifier, with or without `critical` between them. */
function isExtensionValue(previous: Line | undefined, { type, depth }: Line): boolean {
  return (
    type === 'OCTET STRING' &&
    previous?.depth === depth &&
    (previous.type === 'OBJECT' || previous.type === 'BOOLEAN')
  );
}
