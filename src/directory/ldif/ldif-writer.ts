/**
 * Writing LDIF content records (RFC 2849): version 1, lines folded at 76 columns, base64 for
 * everything that is not a SAFE-STRING or would lose spaces at its end.
 *
 * @module
 */

import { asBuffer, encodeUtf8 } from '../../core/bytes.ts';

/** What a file starts with. */
export const ldifHeader = 'version: 1\n\n';

const MAX_COLUMNS = 76;

/**
 * One entry with an empty line behind it.
 *
 * @param attributes Descriptions as they shall stand in the file; one element for each attribute.
 */
export function formatLdifRecord(
  dn: string,
  attributes: Iterable<{ readonly description: string; readonly values: readonly Uint8Array[] }>,
): string {
  const lines = [formatLine('dn', encodeUtf8(dn))];
  for (const { description, values } of attributes) {
    for (const value of values) {
      lines.push(formatLine(description, value));
    }
  }
  return `${lines.join('')}\n`;
}

function formatLine(description: string, value: Uint8Array): string {
  const line = isSafe(value)
    ? `${description}: ${asBuffer(value).toString('latin1')}`
    : `${description}:: ${asBuffer(value).toString('base64')}`;
  return fold(line.endsWith(': ') ? line.slice(0, -1) : line);
}

/** RFC 2849 SAFE-STRING, and no space at the end (note 8). */
function isSafe(value: Uint8Array): boolean {
  const [first] = value;
  if (first === 0x20 || first === 0x3a || first === 0x3c || value[value.length - 1] === 0x20) {
    return false;
  }
  return value.every((octet) => octet < 0x80 && octet !== 0x00 && octet !== 0x0a && octet !== 0x0d);
}

function fold(line: string): string {
  if (line.length <= MAX_COLUMNS) {
    return `${line}\n`;
  }
  const lines = [line.slice(0, MAX_COLUMNS)];
  for (let at = MAX_COLUMNS; at < line.length; at += MAX_COLUMNS - 1) {
    lines.push(` ${line.slice(at, at + MAX_COLUMNS - 1)}`);
  }
  return `${lines.join('\n')}\n`;
}
