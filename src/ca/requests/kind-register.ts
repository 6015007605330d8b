/**
 * The kinds of requests that are known and that the policy takes.
 *
 * @module
 */

import { z } from 'zod';

import { CaError } from '../errors.ts';
import type { People } from '../policy/people.ts';
import type { RequestRoute } from '../policy/people-schema.ts';
import { requestSteps } from '../policy/permissions.ts';
import type { RequestKind } from './request-kind.ts';
import type { RequestRecord } from './request-record.ts';

/** A kind and how its requests go here. */
export interface FoundKind {
  readonly kind: RequestKind<unknown>;
  readonly route: RequestRoute;
}

const fullRoute: RequestRoute = {
  ...{ steps: requestSteps, approvals: 1, executors: 1, approvalHours: 72 },
};

function unknownKind(name: RequestRecord['kind']): RequestKind<unknown> {
  const refuse = (): never => {
    throw new CaError('CA_REQUEST_KIND', `requests of the kind ${name} are not taken any more`);
  };
  return {
    ...{ name, schema: z.unknown(), describe: () => ({ ja: name, en: name }) },
    check: async () => refuse(),
    execute: async () => refuse(),
  };
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

  /** Of a request that there is, whether or not such requests are still taken. */
  of({ kind: name }: Pick<RequestRecord, 'kind'>): FoundKind {
    const kind = this.#kinds.get(name) ?? unknownKind(name);
    return { kind, route: this.#people.route(name) ?? fullRoute };
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
