/**
 * Whether requests fit together: each can be read, is where it says, was decided on as it is, is listed as open while it
 * has not ended, and has issued what it says.
 *
 * @module
 */

import { parseSerialNumber } from '../certificates/serial-number.ts';
import {
  contentHash,
  hasEnded,
  parseRequestRecord,
  type RequestRecord,
} from '../requests/request-record.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  faultOf,
  inconsistent,
} from './consistency-fault.ts';

export async function* findRequestFaults(
  context: ConsistencyContext,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { view, tables, step } = context;
  for await (const [key, bytes] of view.range(tables.requests)) {
    const id = tables.requestIdOf(key);
    try {
      yield* faultsOf(context, id, parseRequestRecord(bytes));
    } catch (error) {
      yield faultOf(id, error);
    }
    await step();
  }
  for await (const key of view.keys(tables.openRequests)) {
    const id = tables.requestIdOf(key);
    if ((await view.read(tables.request(id))) === undefined) {
      yield inconsistent(id, 'the request is listed as open, and there is none');
    }
  }
}

async function* faultsOf(
  { view, tables, policy }: ConsistencyContext,
  id: string,
  request: RequestRecord,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  if (request.id !== id || request.ca !== policy.id) {
    yield inconsistent(id, `the request is ${request.id} of ${request.ca} by its record`);
  }
  const hash = contentHash(request);
  if (request.steps.some((entry) => entry.hash !== hash)) {
    yield inconsistent(id, 'the request is not what was decided on');
  }
  const isListed = (await view.read(tables.openRequest(id))) !== undefined;
  if (isListed === hasEnded(request)) {
    const state = isListed ? 'is listed as open' : 'is not listed as open';
    yield inconsistent(id, `the request ${state} and is ${request.state}`);
  }
  const issued = request.kind === 'issue' ? request.result?.['serialNumber'] : undefined;
  const isThere =
    typeof issued !== 'string' ||
    (await view.read(tables.certificate(parseSerialNumber(issued)))) !== undefined;
  if (!isThere) {
    yield inconsistent(id, `the request has issued ${issued}, which is not on record`);
  }
}
