/**
 * Clients that are connected and do nothing more: each has sent one request, and has read its answer or will
 * never read it. In a process of its own.
 *
 * @module
 */

import { connect, type Socket } from 'node:net';

import { answerQuestions } from './workshop.ts';

/** So many more connections. */
export interface IdleOrder {
  readonly port: number;
  readonly connections: number;
  readonly request: Uint8Array;
  /** False: what is answered stays in the sockets and behind them. */
  readonly reads: boolean;
}

const AT_A_TIME = 64;

const sockets: Socket[] = [];

function open({ port, request, reads }: IdleOrder): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => {
      socket.write(request);
      if (!reads) {
        socket.pause();
        resolve();
      }
    });
    sockets.push(socket);
    socket.once('error', reject);
    if (reads) {
      socket.once('data', () => resolve());
    }
  });
}

async function openAll(order: IdleOrder): Promise<number> {
  let left = order.connections;
  const opener = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await open(order);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, opener));
  return sockets.length;
}

answerQuestions((order) => openAll(order as IdleOrder));
