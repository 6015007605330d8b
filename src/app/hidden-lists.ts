/**
 * For each kind of caller one list that it may not read, if there is one: found once, and looked at again each time.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Scope } from '../ca/policy/scope.ts';
import type { Clock } from '../core/clock.ts';
import type { ReadPermissions } from '../directory/access/read-permissions.ts';

/** As there are kinds of agreements; a nation's verifiers have fewer. */
const MAX_KNOWN = 10_000;
/** Who may read every list is asked about them all again after this: an entry may have changed. */
const ALL_READABLE_MS = 60_000;
const SCOPES_IN_A_TURN = 64;

interface Known {
  /** Undefined: every list may be read. */
  readonly scope: Scope | undefined;
  readonly foundMs: number;
}

export class HiddenLists {
  readonly #scopes: readonly Scope[];
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(scopes: readonly Scope[], clock: Clock) {
    this.#scopes = scopes;
    this.#clock = clock;
  }

  /** A list that may not be read; undefined for who may read every one. */
  async find(permissions: ReadPermissions): Promise<Scope | undefined> {
    const eyes = permissions.eyes ?? '';
    const known = this.#known.get(eyes);
    const isStillSo =
      known?.scope === undefined
        ? known !== undefined && this.#clock.monotonicMs() - known.foundMs < ALL_READABLE_MS
        : !(await permissions.allows(known.scope.dn, known.scope.attribute));
    if (known !== undefined && isStillSo) {
      return known.scope;
    }
    const scope = await this.#search(permissions);
    if (this.#known.size >= MAX_KNOWN) {
      this.#known.clear();
    }
    this.#known.set(eyes, { scope, foundMs: this.#clock.monotonicMs() });
    return scope;
  }

  async #search(permissions: ReadPermissions): Promise<Scope | undefined> {
    for (const [index, scope] of this.#scopes.entries()) {
      if (!(await permissions.allows(scope.dn, scope.attribute))) {
        return scope;
      }
      if (index % SCOPES_IN_A_TURN === SCOPES_IN_A_TURN - 1) {
        await nextTurn();
      }
    }
    return undefined;
  }
}
