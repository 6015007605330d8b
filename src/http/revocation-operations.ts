/**
 * Revoking many certificates from a file: the part of the operations (`operations.ts`) behind `certdir ca revoke --from`,
 * and both ends of it on the control socket. The request is one line of JSON, then the file as it is
 * (`revocation-lines.ts`); the answer comes as it goes on.
 *
 * @module
 */

import { Readable } from 'node:stream';

import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import { HttpError } from './errors.ts';
import type { Operator } from './operator.ts';
import type { LineFault } from './revocation-lines.ts';

export interface RevokeManyInput {
  readonly source: AsyncIterable<Uint8Array>;
  /** Of what has none of its own; a reason's name (RFC 5280 §5.3.1). */
  readonly reason?: string | undefined;
}

/** Numbers of certificates, so far or in the end. */
export interface RevokeManyTally {
  readonly read: number;
  readonly revoked: number;
  readonly alreadyRevoked: number;
  readonly faults: number;
}

export type RevokeManyEvent =
  | ({ readonly kind: 'fault' } & LineFault)
  /** Everything up to here is durable. */
  | ({ readonly kind: 'progress' } & RevokeManyTally)
  | ({ readonly kind: 'end' } & RevokeManyTally);

export interface RevocationOperations {
  /** Revokes what a file names. What was told as progress stays, however the run ends. */
  revokeMany(input: RevokeManyInput, operator: Operator): AsyncIterable<RevokeManyEvent>;
}

const MAX_HEAD_BYTES = 4_096;

/** The server's end. */
export function revocationHandlers(
  operations: RevocationOperations,
): Readonly<
  Record<
    string,
    (request: {
      readonly body: unknown;
      readonly operator: Operator;
      readonly onChunk: (text: string) => Promise<void>;
    }) => Promise<unknown>
  >
> {
  return {
    'revoke-many': async ({ body, operator, onChunk }) => {
      const input = await readTransfer(body as AsyncIterable<Uint8Array>);
      for await (const event of operations.revokeMany(input, operator)) {
        await onChunk(JSON.stringify(event));
      }
      return null;
    },
  };
}

/** The client's end. */
export function remoteRevocations({
  chunks,
}: {
  readonly chunks: (name: string, body: unknown) => AsyncIterable<string>;
}): RevocationOperations {
  return {
    revokeMany: async function* revokeMany(input) {
      for await (const text of chunks('revoke-many', Readable.from(writeTransfer(input)))) {
        yield JSON.parse(text) as RevokeManyEvent;
      }
    },
  };
}

async function* writeTransfer({
  source,
  reason,
}: RevokeManyInput): AsyncGenerator<Uint8Array, void, undefined> {
  yield encodeUtf8(`${JSON.stringify({ reason: reason ?? null })}\n`);
  yield* source;
}

async function readTransfer(body: AsyncIterable<Uint8Array>): Promise<RevokeManyInput> {
  const pieces = body[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let end = -1;
  while (end < 0) {
    const next = await pieces.next();
    if (next.done === true || head.length > MAX_HEAD_BYTES) {
      throw new HttpError('HTTP_REQUEST_INVALID', 'what is sent to revoke-many has no first line');
    }
    head = Buffer.concat([head, next.value]);
    end = head.indexOf(0x0a);
  }
  const rest = head.subarray(end + 1);
  const source = async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
    yield rest;
    yield* { [Symbol.asyncIterator]: () => pieces };
  };
  const reason = reasonOf(head.subarray(0, end));
  return { source: source(), ...(reason === undefined ? {} : { reason }) };
}

function reasonOf(line: Uint8Array): string | undefined {
  try {
    const { reason } = JSON.parse(decodeUtf8(line) ?? '') as { readonly reason?: unknown };
    return typeof reason === 'string' ? reason : undefined;
  } catch (cause) {
    const text = 'the first line of what is sent to revoke-many is no JSON';
    throw new HttpError('HTTP_REQUEST_INVALID', text, { cause });
  }
}
