/**
 * The load generator: base searches over several connections to one port of the loopback, each connection
 * with a fixed number of requests that wait for their answers. Bounded in count and time. In a process of
 * its own, with requests that were encoded once.
 *
 * @module
 */

import { connect, type Socket } from 'node:net';

import { MessageStream, operationAt } from './ldap-messages.ts';
import {
  FIRST_MESSAGE_ID,
  LAST_MESSAGE_ID,
  type PreparedRequest,
  prepareBaseSearch,
} from './ldap-search-request.ts';
import { answerQuestions } from './workshop.ts';

export interface LoadOrder {
  readonly port: number;
  readonly base: string;
  readonly connections: number;
  /** Requests of one connection that wait at a time. */
  readonly outstanding: number;
  readonly warmUpMs: number;
  readonly periodMs: number;
}

export interface LoadFigures {
  /** Answered within the period, the warm-up not counted. */
  readonly operations: number;
  readonly elapsedMs: number;
  /** With warm-up and what was still to be answered at the end. */
  readonly allOperations: number;
  /** Processor time of the generator by the elapsed time: near 1 it is the bottleneck. */
  readonly busy: number;
  /** The bytes that answered the first request. */
  readonly answer: Uint8Array;
}

const MAX_OPERATIONS = 5_000_000;
const MAX_PERIOD_MS = 20_000;
/** Answers must have come so long after the last request. */
const DRAIN_MS = 5_000;

const OperationTag = { entry: 0x64, done: 0x65 } as const;

/** What all connections share. */
class Load {
  readonly order: LoadOrder;
  readonly request: PreparedRequest;
  answered = 0;
  entries = 0;
  sent = 0;
  isOver = false;

  constructor(order: LoadOrder) {
    this.order = order;
    this.request = prepareBaseSearch(order.base);
  }
}

/** One connection: as many requests are sent as answers have come. */
class Connection {
  readonly #load: Load;
  readonly #socket: Socket;
  readonly #batch: Buffer;
  #messageId = FIRST_MESSAGE_ID;
  #waiting = 0;
  #sentSum = 0;
  #answeredSum = 0;
  #onEmpty: (() => void) | undefined;

  static open(load: Load, onFailure: (error: Error) => void): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: load.order.port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Connection(load, socket, onFailure));
      });
    });
  }

  private constructor(load: Load, socket: Socket, onFailure: (error: Error) => void) {
    this.#load = load;
    this.#socket = socket;
    this.#batch = Buffer.concat(
      Array.from({ length: load.order.outstanding }, () => load.request.bytes),
    );
    const stream = new MessageStream((bytes, start, idAt, end) => {
      const failure = this.#take(bytes, idAt);
      if (failure !== undefined) {
        onFailure(new Error(`${failure}: ${bytes.subarray(start, end).toString('hex')}`));
      }
    });
    socket.on('data', (chunk) => {
      stream.push(chunk);
      this.#refill();
    });
    socket.on('error', onFailure);
    socket.on('end', () => {
      if (this.#waiting > 0) {
        onFailure(new Error('the server closed a connection'));
      }
    });
  }

  start(): void {
    this.#refill();
  }

  /** Waits for the answers that are still to come, and closes. */
  async drain(): Promise<void> {
    if (this.#waiting > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    if (this.#sentSum !== this.#answeredSum) {
      throw new Error('answers came with message ids that were not asked');
    }
    this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #refill(): void {
    const { order, request, isOver } = this.#load;
    const count = order.outstanding - this.#waiting;
    if (isOver || count === 0) {
      if (this.#waiting === 0) {
        this.#onEmpty?.();
      }
      return;
    }
    // The socket may still hold the bytes of a write that the kernel did not take at once.
    const batch = this.#socket.writableLength > 0 ? Buffer.from(this.#batch) : this.#batch;
    for (let index = 0; index < count; index += 1) {
      const id = this.#messageId;
      this.#messageId = id === LAST_MESSAGE_ID ? FIRST_MESSAGE_ID : id + 1;
      batch.writeInt32BE(id, index * request.bytes.length + request.idOffset);
      this.#sentSum += id;
    }
    this.#waiting += count;
    this.#load.sent += count;
    this.#load.isOver = this.#load.sent >= MAX_OPERATIONS;
    this.#socket.write(batch.subarray(0, count * request.bytes.length));
  }

  /** @returns what is wrong with the message. */
  #take(bytes: Buffer, idAt: number): string | undefined {
    const at = operationAt(bytes, idAt);
    if (bytes[at] === OperationTag.entry) {
      this.#load.entries += 1;
      return undefined;
    }
    // resultCode is the first element: tag, length, code.
    const code = bytes[at + 2 + ((bytes[at + 1] ?? 0) < 0x80 ? 2 : 3)];
    if (bytes[at] !== OperationTag.done || code !== 0) {
      return `not a search that succeeded (code ${code})`;
    }
    this.#load.answered += 1;
    this.#waiting -= 1;
    this.#answeredSum += bytes.readIntBE(idAt + 2, bytes[idAt + 1] ?? 0);
    return undefined;
  }
}

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });

async function run(order: LoadOrder): Promise<LoadFigures> {
  const load = new Load(order);
  const answer = await askOnce(load);
  const connections: Connection[] = [];
  try {
    const figures = await new Promise<Omit<LoadFigures, 'answer'>>((resolve, reject) => {
      openAll(load, connections, reject)
        .then(() => generate(load, connections))
        .then(resolve, reject);
    });
    return { ...figures, answer };
  } finally {
    for (const connection of connections) {
      connection.destroy();
    }
  }
}

async function openAll(
  load: Load,
  connections: Connection[],
  onFailure: (error: Error) => void,
): Promise<void> {
  while (connections.length < load.order.connections) {
    connections.push(await Connection.open(load, onFailure));
  }
}

async function generate(
  load: Load,
  connections: readonly Connection[],
): Promise<Omit<LoadFigures, 'answer'>> {
  const { warmUpMs, periodMs } = load.order;
  for (const connection of connections) {
    connection.start();
  }
  await sleep(warmUpMs);
  const before = load.answered;
  const startMs = performance.now();
  const startUsage = process.cpuUsage();
  await sleep(Math.min(periodMs, MAX_PERIOD_MS));
  const operations = load.answered - before;
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(startUsage);
  load.isOver = true;
  await inTime(Promise.all(connections.map((connection) => connection.drain())));
  if (load.entries !== load.answered) {
    throw new Error(`${load.answered} searches found ${load.entries} entries`);
  }
  const busy = (user + system) / 1000 / elapsedMs;
  return { operations, elapsedMs, allOperations: load.answered, busy };
}

/** One search on a connection of its own: the bytes of its answer. */
async function askOnce({ order, request }: Load): Promise<Uint8Array> {
  const socket = connect({ host: '127.0.0.1', port: order.port });
  const bytes = Buffer.from(request.bytes);
  bytes.writeInt32BE(FIRST_MESSAGE_ID, request.idOffset);
  try {
    return await inTime(
      new Promise((resolve, reject) => {
        const received: Buffer[] = [];
        const stream = new MessageStream((message, start, idAt, end) => {
          received.push(Buffer.from(message.subarray(start, end)));
          if (message[operationAt(message, idAt)] === OperationTag.done) {
            resolve(Buffer.concat(received));
          }
        });
        socket.on('data', (chunk) => stream.push(chunk));
        socket.once('error', reject);
        socket.once('close', () => reject(new Error('the server closed the connection')));
        socket.write(bytes);
      }),
    );
  } finally {
    socket.destroy();
  }
}

async function inTime<T>(answered: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`answers were still missing after ${DRAIN_MS} ms`);
    timer = setTimeout(() => reject(error), DRAIN_MS);
  });
  try {
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}

answerQuestions((order) => run(order as LoadOrder));
