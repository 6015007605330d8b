/**
 * What registers of accounts have in common: names of their entries, and the directory's errors in the words of
 * whoever keeps a register.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import type { CaError } from '../errors.ts';

/** A value as RFC 4514 §2.4 writes it; escaping more than must be is allowed. */
export function escapeValue(text: string): string {
  return text.replaceAll(/[,+"\\<>;=#]|^ | $/g, (character) => `\\${character}`);
}

/** Runs `work`, giving some of the directory's errors the register's words. */
export async function translating<T>(
  work: () => Promise<T>,
  words: Readonly<Record<string, (error: Error) => CaError>>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const translate = isCertdirError(error) ? words[error.code] : undefined;
    throw translate === undefined ? error : translate(error as Error);
  }
}
