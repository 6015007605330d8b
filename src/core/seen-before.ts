/**
 * Which texts were seen before, roughly: a fingerprint of each of the last many. What comes a second time is
 * worth keeping; most of what comes once never comes again, and keeping it costs more than making it
 * anew.
 *
 * @module
 */

export class SeenBefore {
  readonly #fingerprints: Uint32Array;

  /** @param places A power of two. A fingerprint stays until another text takes its place. */
  constructor(places: number) {
    this.#fingerprints = new Uint32Array(places);
  }

  /** Whether the text was noted before, and notes it. Once in a great while true for one that was not. */
  note(text: string): boolean {
    const fingerprint = fingerprintOf(text);
    const place = fingerprint & (this.#fingerprints.length - 1);
    const isKnown = this.#fingerprints[place] === fingerprint;
    this.#fingerprints[place] = fingerprint;
    return isKnown;
  }
}

/** FNV-1a, 32 bits, never 0. */
function fingerprintOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  // The places are chosen by the low bits, which FNV mixes least.
  hash ^= hash >>> 15;
  return hash >>> 0 || 1;
}
