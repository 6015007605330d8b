/**
 * The limit for a server in Node: finds the requests in the stream and answers each with the same bytes, only
 * the message id is the request's. No LDAP beyond that.
 *
 * @module
 */

import { type AddressInfo, createServer, type Socket } from 'node:net';

import { MessageStream } from './ldap-messages.ts';
import { answerQuestions } from './workshop.ts';

/** An answer as a server gave it: entry and result, ids of four octets as in the requests. */
export interface PreparedAnswer {
  readonly answer: Uint8Array;
}

const ID_OCTETS = 4;
/** Tag and length before the id's octets. */
const ID_HEADER = 2;

function serve(socket: Socket, answer: Buffer, idOffsets: readonly number[]): void {
  let requests: Buffer[] = [];
  const stream = new MessageStream((bytes, _start, idAt) => {
    requests.push(bytes.subarray(idAt + ID_HEADER, idAt + ID_HEADER + ID_OCTETS));
  });
  socket.on('data', (chunk) => {
    stream.push(chunk);
    const output = Buffer.allocUnsafe(requests.length * answer.length);
    requests.forEach((id, index) => {
      const start = index * answer.length;
      answer.copy(output, start);
      for (const offset of idOffsets) {
        id.copy(output, start + offset);
      }
    });
    requests = [];
    socket.write(output);
  });
  socket.on('error', () => socket.destroy());
}

function listen({ answer }: PreparedAnswer): Promise<number> {
  const bytes = Buffer.from(answer);
  const idOffsets: number[] = [];
  new MessageStream((_bytes, _start, idAt) => idOffsets.push(idAt + ID_HEADER)).push(bytes);
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, (socket) => serve(socket, bytes, idOffsets));
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

answerQuestions((prepared) => listen(prepared as PreparedAnswer));
