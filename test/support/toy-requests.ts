/**
 * Requests of kinds that do next to nothing, for tests of the way that they go.
 *
 * @module
 */

import { z } from 'zod';

import { claimOwnership, openCore, prepare } from '../../src/ca/authority-opening.ts';
import type { RequestKindName } from '../../src/ca/policy/permissions.ts';
import type { RequestKind } from '../../src/ca/requests/request-kind.ts';
import { Requests } from '../../src/ca/requests/requests.ts';
import type { CaTestBed } from './ca-test-bed.ts';

export interface ToyInput {
  readonly number: number;
}

/** @param done Told of each that was carried out. */
export function toyKind(
  name: RequestKindName,
  done: (requestId: string) => void,
): RequestKind<ToyInput> {
  return {
    name,
    schema: z.strictObject({ number: z.int() }),
    describe: ({ number }) => ({ ja: `${number}番`, en: `number ${number}` }),
    partition: async () => '10201',
    check: async () => [],
    execute: async ({ number }, { requestId }) => {
      done(requestId);
      return { number };
    },
  };
}

/** The requests of a CA's people with kinds of one's own; the bed's own ones are done for. */
export async function openRequests(
  bed: CaTestBed,
  kinds: readonly RequestKind<unknown>[],
): Promise<Requests> {
  const parts = prepare(bed.options);
  await claimOwnership(parts);
  const requests = new Requests(await openCore(parts));
  for (const kind of kinds) {
    requests.register(kind);
  }
  await requests.open();
  return requests;
}
