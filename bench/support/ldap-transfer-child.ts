/**
 * A load generator that looks at nothing but the number of bytes: every answer to its requests has the length
 * that the first one had, so that large values cost it no more than reading them. Bounded in time; in a process
 * of its own.
 *
 * @module
 */

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { MessageStream, operationAt } from './ldap-messages.ts';
import { answerQuestions } from './workshop.ts';

/** Requests of one connection, one after another. */
export interface TransferOrder {
  readonly port: number;
  /** Sent over and over, by one connection after another from where the last one stopped. */
  readonly requests: readonly Uint8Array[];
  /** Which of them is the first. */
  readonly startAt: number;
  /** How many of them are sent before the answers are waited for. */
  readonly outstanding: number;
  readonly connections: number;
  /** Sent first, and answered first, on every connection; with it a connection serves `outstanding` requests only. */
  readonly bind?: Uint8Array;
  /** What the answers to one request have together, and the answer to `bind`. */
  readonly answerBytes: number;
  readonly bindAnswerBytes?: number;
  readonly warmUpMs: number;
  readonly periodMs: number;
  /** Under TLS of this version; every connection resumes the session of an earlier one where the server lets it. */
  readonly tls?: 'TLSv1.2' | 'TLSv1.3';
}

export interface TransferFigures {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly allOperations: number;
  /** Processor time of the generator by the elapsed time. */
  readonly busy: number;
  /** Connections, and how many of them resumed a TLS session. */
  readonly connections: number;
  readonly resumed: number;
}

const UNBIND = Uint8Array.of(0x30, 0x05, 0x02, 0x01, 0x03, 0x42, 0x00);

class Transfer {
  readonly order: TransferOrder;
  answered = 0;
  isOver = false;
  connections = 0;
  resumed = 0;
  #tlsSession: Buffer | undefined;
  #next: number;

  constructor(order: TransferOrder) {
    this.order = order;
    this.#next = order.startAt;
  }

  /** Calls `onOpen` when requests may be sent. */
  connect(onOpen: () => void): Socket {
    const { port, tls } = this.order;
    const place = { host: '127.0.0.1', port };
    if (tls === undefined) {
      return connect({ ...place, noDelay: true }, onOpen);
    }
    const session = this.#tlsSession;
    const socket = connectTls({
      ...place,
      rejectUnauthorized: false,
      ...{ minVersion: tls, maxVersion: tls },
      ...(session === undefined ? {} : { session }),
    });
    socket.setNoDelay(true);
    socket.on('session', (fresh: Buffer) => {
      this.#tlsSession = fresh;
    });
    socket.once('secureConnect', () => {
      this.resumed += socket.isSessionReused() ? 1 : 0;
      onOpen();
    });
    return socket;
  }

  /** The next requests as one piece. */
  batch(): Uint8Array {
    const { requests, outstanding } = this.order;
    const parts: Uint8Array[] = [];
    for (let count = 0; count < outstanding; count += 1) {
      parts.push(requests[this.#next % requests.length] ?? new Uint8Array(0));
      this.#next += 1;
    }
    return parts.length === 1 ? (parts[0] ?? new Uint8Array(0)) : Buffer.concat(parts);
  }
}

/** Serves one connection until the period is over; with a bind, until its requests are answered. */
function converse(transfer: Transfer): Promise<void> {
  const { order } = transfer;
  const { outstanding, answerBytes, bind, bindAnswerBytes = 0 } = order;
  const batchBytes = answerBytes * outstanding;
  return new Promise((resolve, reject) => {
    const socket = transfer.connect(() => socket.write(bind ?? transfer.batch()));
    transfer.connections += 1;
    let missing = bind === undefined ? batchBytes : bindAnswerBytes;
    let isBound = bind === undefined;
    socket.on('data', (chunk: Buffer) => {
      missing -= chunk.length;
      if (missing > 0) {
        return;
      }
      if (missing < 0) {
        reject(new Error('more bytes came than the answers have'));
        socket.destroy();
        return;
      }
      if (!isBound) {
        isBound = true;
      } else {
        transfer.answered += outstanding;
        if (transfer.isOver || bind !== undefined) {
          socket.end(UNBIND);
          return;
        }
      }
      missing = batchBytes;
      socket.write(transfer.batch());
    });
    socket.once('error', reject);
    socket.once('close', () => resolve());
  });
}

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });

async function keepConversing(transfer: Transfer): Promise<void> {
  do {
    await converse(transfer);
  } while (!transfer.isOver);
}

async function run(order: TransferOrder): Promise<TransferFigures> {
  const transfer = new Transfer(order);
  const all = Promise.all(
    Array.from({ length: order.connections }, () => keepConversing(transfer)),
  );
  const measured = (async () => {
    await sleep(order.warmUpMs);
    const before = transfer.answered;
    const startMs = performance.now();
    const startUsage = process.cpuUsage();
    await sleep(order.periodMs);
    const operations = transfer.answered - before;
    const elapsedMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(startUsage);
    transfer.isOver = true;
    return { operations, elapsedMs, busy: (user + system) / 1000 / elapsedMs };
  })();
  const [figures] = await Promise.all([measured, all]);
  const { answered, connections, resumed } = transfer;
  return { ...figures, allOperations: answered, connections, resumed };
}

/** What the answers to each of the requests have together, the last response included. */
async function answerLengths(order: TransferOrder): Promise<readonly number[]> {
  const { requests, bind } = order;
  const lengths: number[] = [];
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = new Transfer(order).connect(() => resolve(opening));
    opening.once('error', reject);
  });
  try {
    for (const request of bind === undefined ? [requests[0]] : [bind, requests[0]]) {
      lengths.push(await lengthOf(socket, request ?? new Uint8Array(0)));
    }
  } finally {
    socket.destroy();
  }
  return lengths;
}

const lastResponses: ReadonlySet<number | undefined> = new Set([0x61, 0x65]);

function lengthOf(socket: Socket, request: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    let length = 0;
    const stream = new MessageStream((bytes, start, idAt, end) => {
      length += end - start;
      if (lastResponses.has(bytes[operationAt(bytes, idAt)])) {
        socket.off('data', onData);
        resolve(length);
      }
    });
    const onData = (chunk: Buffer): void => stream.push(chunk);
    socket.on('data', onData);
    socket.once('error', reject);
    socket.write(request);
  });
}

answerQuestions(async (question) => {
  const { isFirst, order } = question as {
    readonly isFirst: boolean;
    readonly order: TransferOrder;
  };
  return isFirst ? [...(await answerLengths(order))] : { ...(await run(order)) };
});
