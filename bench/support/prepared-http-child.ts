/**
 * Node's HTTP server with one prepared body, in a process of its own.
 *
 * @module
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { answerQuestions } from './workshop.ts';

export interface PreparedHttpOrder {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** @returns The port. */
function start({ contentType, body }: PreparedHttpOrder): Promise<number> {
  const headers = ['content-type', contentType, 'content-length', String(body.length)];
  const server = createServer((_request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

answerQuestions((order) => start(order as PreparedHttpOrder));
