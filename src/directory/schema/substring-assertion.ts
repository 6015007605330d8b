/**
 * The Substring Assertion syntax (RFC 4517 §3.3.30): `initial*any*final`, `\2A` for an asterisk and
 * `\5C` for a backslash. Used by extensible filters with a substring rule.
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';

/** No assertion comes near it. */
const MAX_LENGTH = 65_536;

export interface SubstringPieces {
  readonly initial?: Uint8Array;
  readonly any: readonly Uint8Array[];
  readonly final?: Uint8Array;
}

/** @returns undefined when the text has no asterisk, an empty piece in the middle, or a bad escape. */
export function parseSubstringAssertion(text: string): SubstringPieces | undefined {
  const pieces = text.length > MAX_LENGTH ? [] : text.split('*');
  if (pieces.length < 2 || !pieces.every((piece) => /^(?:[^\\]|\\2[Aa]|\\5[Cc])*$/.test(piece))) {
    return undefined;
  }
  const [initial, ...any] = pieces.map((piece) =>
    encodeUtf8(piece.replace(/\\2[Aa]/g, '*').replace(/\\5[Cc]/g, '\\')),
  );
  const final = any.pop();
  if (any.some((piece) => piece.length === 0)) {
    return undefined;
  }
  return {
    ...(initial === undefined || initial.length === 0 ? {} : { initial }),
    any,
    ...(final === undefined || final.length === 0 ? {} : { final }),
  };
}
