/**
 * Who wants to know that entries change: the keeper of an answer that was made from them.
 *
 * A watch is outdated as soon as a transaction writes an entry it looks at, long before the commit is
 * durable; and from that moment until the outcome is known, no new watch can be put on the place,
 * because nobody can tell which of both states a reader will see. So a watch that is not outdated
 * says: the newest durable state here is the one that was there when the watch began.
 *
 * Not here: what answers depend on (`answer-record.ts`).
 *
 * @module
 */

import type { Transaction } from '../../store/store.ts';

/** One name's key as a text of its bytes, to be looked up. */
type Place = string;

/** A transaction that writes more entries than this counts as one that writes all. */
const MAX_PLACES = 1_000;

/** What an open transaction has written. */
interface Writing {
  readonly places: Set<Place>;
  isEverything: boolean;
}

export class TreeWatch {
  readonly place: Place;
  readonly isSubtree: boolean;
  readonly #onEnd: (watch: TreeWatch) => void;
  #isOutdated = false;
  #onOutdated: (() => void) | undefined;

  /** Made by `TreeWatches.watch`. */
  constructor(place: Place, isSubtree: boolean, onEnd: (watch: TreeWatch) => void) {
    this.place = place;
    this.isSubtree = isSubtree;
    this.#onEnd = onEnd;
  }

  /** True once an entry under watch was written. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  /** Calls `onOutdated` when it happens, once. */
  set onOutdated(onOutdated: () => void) {
    this.#onOutdated = onOutdated;
  }

  outdate(): void {
    this.#isOutdated = true;
    this.#onEnd(this);
    const onOutdated = this.#onOutdated;
    this.#onOutdated = undefined;
    onOutdated?.();
  }

  /** Nobody wants to know any more. */
  close(): void {
    this.#onOutdated = undefined;
    this.#onEnd(this);
  }
}

export class TreeWatches {
  readonly #onEntry = new Map<Place, Set<TreeWatch>>();
  readonly #onSubtree = new Map<Place, Set<TreeWatch>>();
  readonly #writing = new Map<Transaction, Writing>();
  readonly #followers = new Map<Place, () => void>();

  /**
   * Watches the entry with this key, or it and everything below, whether or not there is such an entry.
   *
   * @returns undefined while a transaction that writes there is not settled.
   */
  watch(key: Uint8Array, isSubtree: boolean): TreeWatch | undefined {
    const place = placeOf(key);
    if (this.#isBeingWritten(place, isSubtree)) {
      return undefined;
    }
    const watches = isSubtree ? this.#onSubtree : this.#onEntry;
    const watch = new TreeWatch(place, isSubtree, (ended) => remove(watches, ended));
    const others = watches.get(place);
    if (others === undefined) {
      watches.set(place, new Set([watch]));
    } else {
      others.add(watch);
    }
    return watch;
  }

  /**
   * Calls `onSettled` whenever a transaction that wrote the entry with this key, or removed it, is settled:
   * before whoever made the change learns of it. For as long as the tree is open.
   */
  follow(key: Uint8Array, onSettled: () => void): void {
    this.#followers.set(placeOf(key), onSettled);
  }

  /** To be told of every entry that a transaction writes or removes, before it does. */
  written(transaction: Transaction, key: Uint8Array): void {
    const follower = this.#followers.size === 0 ? undefined : this.#followers.get(placeOf(key));
    if (follower !== undefined) {
      transaction.onSettled(follower);
    }
    const writing = this.#writingOf(transaction);
    if (writing.isEverything) {
      return;
    }
    if (writing.places.size === MAX_PLACES) {
      this.everythingWritten(transaction);
      return;
    }
    const place = placeOf(key);
    writing.places.add(place);
    if (this.#onEntry.size === 0 && this.#onSubtree.size === 0) {
      return;
    }
    const onSubtree = placesAbove(key).map((above) => this.#onSubtree.get(above));
    outdateAll([this.#onEntry.get(place), ...onSubtree]);
  }

  /** To be told of a transaction that may write entries anywhere. */
  everythingWritten(transaction: Transaction): void {
    const writing = this.#writingOf(transaction);
    writing.isEverything = true;
    writing.places.clear();
    outdateAll([...this.#onEntry.values(), ...this.#onSubtree.values()]);
  }

  #writingOf(transaction: Transaction): Writing {
    let writing = this.#writing.get(transaction);
    if (writing === undefined) {
      writing = { places: new Set(), isEverything: false };
      this.#writing.set(transaction, writing);
      transaction.onSettled(() => this.#writing.delete(transaction));
    }
    return writing;
  }

  #isBeingWritten(place: Place, isSubtree: boolean): boolean {
    for (const { places, isEverything } of this.#writing.values()) {
      if (isEverything || places.has(place)) {
        return true;
      }
      if (isSubtree && [...places].some((written) => written.startsWith(place))) {
        return true;
      }
    }
    return false;
  }
}

function outdateAll(watches: readonly (ReadonlySet<TreeWatch> | undefined)[]): void {
  for (const watch of watches.flatMap((each) => [...(each ?? [])])) {
    watch.outdate();
  }
}

function remove(watches: Map<Place, Set<TreeWatch>>, watch: TreeWatch): void {
  const others = watches.get(watch.place);
  others?.delete(watch);
  if (others?.size === 0) {
    watches.delete(watch.place);
  }
}

function placeOf(key: Uint8Array): Place {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

/** The place itself and all above it up to the root, whose key is empty (dn.ts). */
function placesAbove(key: Uint8Array): readonly Place[] {
  const whole = placeOf(key);
  const places = [''];
  for (let at = key.indexOf(0); at >= 0; at = key.indexOf(0, at + 2)) {
    if (key[at + 1] === 1) {
      places.push(whole.slice(0, at + 2));
    }
  }
  return places;
}
