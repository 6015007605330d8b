/**
 * Passwords (PINs) of files for subscribers: drawn so that nobody has chosen or seen them, or given by whoever orders
 * the file.
 *
 * @module
 */

import type { RandomSource } from '../../core/random.ts';
import { CaError } from '../errors.ts';

/** Without those that are taken for one another in print: 0 O o 1 I l. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';
const kinds = [/[A-Z]/, /[a-z]/, /[0-9]/];

const MIN_CHARACTERS = 8;
const MAX_CHARACTERS = 64;

/** Letters large and small and digits, at least one of each (secom 6.4.1). @returns ASCII, for the caller to overwrite. */
export function drawPassword(characters: number, random: RandomSource): Uint8Array {
  for (;;) {
    const drawn = new Uint8Array(characters);
    let count = 0;
    while (count < characters) {
      const [octet = 0] = random.bytes(1);
      // Above the last whole multiple some characters would come more often than others.
      if (octet < 256 - (256 % ALPHABET.length)) {
        drawn[count] = ALPHABET.charCodeAt(octet % ALPHABET.length);
        count += 1;
      }
    }
    if (kinds.every((kind) => kind.test(Buffer.from(drawn).toString('latin1')))) {
      return drawn;
    }
    drawn.fill(0);
  }
}

/** @throws {CaError} `CA_DELIVERY_INVALID`; the message does not hold the password. */
export function assertPassword(password: Uint8Array): void {
  const text = Buffer.from(password).toString('latin1');
  const isTyped = /^[\x21-\x7e]+$/.test(text);
  const isLong = password.length >= MIN_CHARACTERS && password.length <= MAX_CHARACTERS;
  if (!isTyped || !isLong || !kinds.every((kind) => kind.test(text))) {
    throw new CaError(
      'CA_DELIVERY_INVALID',
      `the password has ${MIN_CHARACTERS} to ${MAX_CHARACTERS} characters of ASCII without spaces: large and small letters and digits`,
    );
  }
}
