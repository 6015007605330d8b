/**
 * The kinds of requests that are known and that the policy takes.
 *
 * @module
 */

import { CaError } from '../errors.ts';
import type { People } from '../policy/people.ts';
import type { RequestRoute } from '../policy/people-schema.ts';
import type { RequestKind } from './request-kind.ts';

/** A kind and how its requests go here. */
export interface FoundKind {
  readonly kind: RequestKind<unknown>;
  readonly route: RequestRoute;
}

export class KindRegister {
  readonly #people: People;
  readonly #kinds = new Map<string, RequestKind<unknown>>();

  constructor(people: People) {
    this.#people = people;
  }

  /** @throws {RangeError} for a kind that is known. */
  register<I>(kind: RequestKind<I>): void {
    if (this.#kinds.has(kind.name)) {
      throw new RangeError(`the kind ${kind.name} is registered twice`);
    }
    this.#kinds.set(kind.name, kind as RequestKind<unknown>);
  }

  /** The kinds that can be submitted, in the order in which they were registered. */
  get list(): readonly FoundKind[] {
    return [...this.#kinds.values()].flatMap((kind) => {
      const route = this.#people.route(kind.name);
      return route === undefined ? [] : [{ kind, route }];
    });
  }

  /** @throws {CaError} `CA_REQUEST_KIND`. */
  find(name: string): FoundKind {
    const found = this.list.find(({ kind }) => kind.name === name);
    if (found === undefined) {
      const known = this.list.map(({ kind }) => kind.name).join(', ') || 'none';
      throw new CaError('CA_REQUEST_KIND', `requests that this CA takes: ${known}`);
    }
    return found;
  }
}
