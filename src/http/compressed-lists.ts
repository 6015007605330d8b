/**
 * Lists compressed with gzip, once for all who ask. Half of a list is serial numbers, which do not compress; the rest
 * nearly vanishes: what is left is 0.46 to 0.5 of it, from a thousand bytes on (0.6 of a few entries).
 *
 * A large list takes a second of a thread's time, for which nobody waits: those who ask meanwhile are given it as it
 * is.
 *
 * @module
 */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

const LEVEL = 6;
const MIN_BYTES = 1_024;
/** Up to here it takes some ten milliseconds. */
const MAX_AWAITED_BYTES = 1024 * 1024;
/** What is longer would not be kept, and be compressed anew for each who asks. */
const MAX_BYTES = 60 * 1024 * 1024;
/** Of all that is kept. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

export class CompressedLists {
  /** By the entity tag of the list; in the order in which they were last asked for. */
  readonly #kept = new Map<string, Uint8Array>();
  readonly #underWay = new Map<string, Promise<void>>();
  #keptBytes = 0;

  /** What is at hand, or soon is; undefined for a list that is given as it is. */
  async find(tag: string, list: Uint8Array): Promise<Uint8Array | undefined> {
    if (list.length < MIN_BYTES || list.length > MAX_BYTES) {
      return undefined;
    }
    const known = this.#take(tag);
    if (known !== undefined) {
      return known;
    }
    const work = this.#underWay.get(tag) ?? this.#start(tag, list);
    if (list.length > MAX_AWAITED_BYTES) {
      return undefined;
    }
    await work;
    return this.#take(tag);
  }

  /** Resolves when nothing is being compressed. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  #take(tag: string): Uint8Array | undefined {
    const known = this.#kept.get(tag);
    if (known !== undefined) {
      this.#kept.delete(tag);
      this.#kept.set(tag, known);
    }
    return known;
  }

  #start(tag: string, list: Uint8Array): Promise<void> {
    const work = compress(list, { level: LEVEL })
      .then((bytes) => this.#keep(tag, bytes))
      // One for which there is no memory is given as it is.
      .catch(() => undefined)
      .finally(() => this.#underWay.delete(tag));
    this.#underWay.set(tag, work);
    return work;
  }

  #keep(tag: string, bytes: Uint8Array): void {
    if (bytes.length > MAX_KEPT_BYTES / 2) {
      return;
    }
    this.#kept.set(tag, bytes);
    this.#keptBytes += bytes.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#keptBytes <= MAX_KEPT_BYTES) {
        break;
      }
      this.#kept.delete(oldest);
      this.#keptBytes -= length;
    }
  }
}
