/**
 * Callers who are shown the same: of each entry the same attributes, but for what they see of
 * themselves.
 *
 * @module
 */

import { isKeyWithin } from '../entries/key-range.ts';

export interface Audience {
  /** The same text for the same eyes. */
  readonly name: string;
  /** The key of the caller's own name, where a rule gives it rights on its own entry. */
  readonly ownKey?: Uint8Array;
}

/** True when the caller itself is at or below the name with this key, and sees more there than others. */
export function isPersonal({ ownKey }: Audience, baseKey: Uint8Array): boolean {
  return ownKey !== undefined && isKeyWithin(ownKey, baseKey);
}
