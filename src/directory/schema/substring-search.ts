/**
 * Finding octets in octets in linear time, whatever both are (Knuth, Morris, Pratt). Regular
 * expressions and naive searches can be made quadratic by whoever chooses the filter and the value.
 *
 * @module
 */

import { asBuffer } from '../../core/bytes.ts';

/** Shorter patterns cannot make the native search slow: it costs at most this much per octet. */
const NATIVE_SEARCH_BELOW = 8;

/** A sequence of octets to look for, prepared once. */
export class BytePattern {
  readonly bytes: Uint8Array;
  /** For each length matched, how much of it is still matched after a mismatch. */
  readonly #fallback: Uint32Array | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#fallback = bytes.length < NATIVE_SEARCH_BELOW ? undefined : fallbacksOf(bytes);
  }

  /** Where the pattern starts at or after `from`; -1 when it does not occur. */
  indexIn(text: Uint8Array, from: number): number {
    const fallback = this.#fallback;
    const { bytes } = this;
    if (fallback === undefined) {
      return asBuffer(text).indexOf(asBuffer(bytes), from);
    }
    let matched = 0;
    for (let at = from; at < text.length; at += 1) {
      const octet = text[at];
      while (matched > 0 && bytes[matched] !== octet) {
        matched = fallback[matched - 1] ?? 0;
      }
      if (bytes[matched] === octet) {
        matched += 1;
      }
      if (matched === bytes.length) {
        return at + 1 - matched;
      }
    }
    return -1;
  }

  startsIn(text: Uint8Array): boolean {
    return this.#isAt(text, 0);
  }

  endsIn(text: Uint8Array): boolean {
    return this.#isAt(text, text.length - this.bytes.length);
  }

  #isAt(text: Uint8Array, at: number): boolean {
    const { bytes } = this;
    return (
      at >= 0 &&
      at + bytes.length <= text.length &&
      asBuffer(text).compare(bytes, 0, bytes.length, at, at + bytes.length) === 0
    );
  }
}

export interface SubstringPattern {
  readonly initial: BytePattern | undefined;
  readonly any: readonly BytePattern[];
  readonly final: BytePattern | undefined;
}

/** True when the pieces occur in `text` in order and without overlap (RFC 4517 §2, X.520). */
export function matchesSubstrings(text: Uint8Array, pattern: SubstringPattern): boolean {
  let from = 0;
  if (pattern.initial !== undefined) {
    if (!pattern.initial.startsIn(text)) {
      return false;
    }
    from = pattern.initial.bytes.length;
  }
  for (const piece of pattern.any) {
    const at = piece.indexIn(text, from);
    if (at < 0) {
      return false;
    }
    from = at + piece.bytes.length;
  }
  const { final } = pattern;
  return final === undefined || (text.length - from >= final.bytes.length && final.endsIn(text));
}

function fallbacksOf(bytes: Uint8Array): Uint32Array {
  const fallbacks = new Uint32Array(bytes.length);
  let matched = 0;
  for (let at = 1; at < bytes.length; at += 1) {
    while (matched > 0 && bytes[matched] !== bytes[at]) {
      matched = fallbacks[matched - 1] ?? 0;
    }
    if (bytes[matched] === bytes[at]) {
      matched += 1;
    }
    fallbacks[at] = matched;
  }
  return fallbacks;
}
