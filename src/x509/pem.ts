/**
 * PEM, the textual encoding of RFC 7468.
 *
 * Read in its standard form (§3) with lax line lengths and explanatory text before and behind; the
 * old header lines of RFC 1421 are refused, since they mean encryption.
 *
 * @module
 */

import { asBuffer } from '../core/bytes.ts';
import { X509Error } from './errors.ts';

export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

const boundary = /^-----(BEGIN|END) ([\x21-\x2c\x2e-\x7e](?:[- ]?[\x21-\x2c\x2e-\x7e])*)-----$/;

/**
 * Decodes the first PEM block of a text.
 *
 * @param labels The labels that are allowed, any when absent; blocks with others are passed over.
 * @throws {X509Error} `X509_PEM` when there is none or one is malformed.
 */
export function decodePem(text: string, labels?: string | readonly string[]): Uint8Array {
  const wanted = typeof labels === 'string' ? [labels] : labels;
  const block = decodePemBlocks(text).find(({ label }) => wanted?.includes(label) ?? true);
  if (block === undefined) {
    const what = wanted === undefined ? '' : ` labelled ${wanted.join(' or ')}`;
    throw new X509Error('X509_PEM', `there is no PEM block${what} in the text`);
  }
  return block.der;
}

/**
 * Decodes every PEM block of a text, in order.
 *
 * @throws {X509Error} `X509_PEM` when one is malformed.
 */
export function decodePemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly lines: string[] } | undefined;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const match = boundary.exec(line.trimEnd());
    if (match === null) {
      open?.lines.push(line.trim());
      continue;
    }
    const label = match[2] ?? '';
    if (match[1] === 'BEGIN' && open === undefined) {
      open = { label, lines: [] };
    } else if (match[1] === 'END' && open?.label === label) {
      blocks.push({ label, der: decodeBase64(open.lines.join('')) });
      open = undefined;
    } else {
      throw new X509Error('X509_PEM', `a PEM block begins or ends with the wrong label: ${label}`);
    }
  }
  if (open !== undefined) {
    throw new X509Error('X509_PEM', `the PEM block ${open.label} has no end`);
  }
  return blocks;
}

/** Strict: Node's own decoder takes whatever it is given. */
function decodeBase64(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64');
  if (base64 === '' || bytes.toString('base64') !== base64) {
    throw new X509Error('X509_PEM', 'a PEM block is empty or not base64');
  }
  return new Uint8Array(bytes);
}

/** Encodes one PEM block: lines of 64 characters, each with a line feed. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines =
    asBuffer(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
