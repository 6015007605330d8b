/**
 * Requests that are prepared as bytes, HTTP mostly, over connections that stay open or over one each; only the answers' length is
 * read. In the process of whoever measures.
 *
 * @module
 */

import { connect, type Socket } from 'node:net';

export interface HttpLoad {
  readonly port: number;
  /** The next request's bytes. */
  readonly next: () => Uint8Array;
}

/** Rate over `connections` that stay open, one request waiting on each. */
export async function keptRate(
  load: HttpLoad,
  { connections, periodMs }: { readonly connections: number; readonly periodMs: number },
): Promise<number> {
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(load)));
  let count = 0;
  const startMs = performance.now();
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() - startMs < periodMs) {
        await connection.ask(load.next());
        count += 1;
      }
      connection.close();
    }),
  );
  return (count * 1000) / (performance.now() - startMs);
}

/** Rate with a connection for each request, `atATime`. */
export async function freshRate(
  load: HttpLoad,
  { atATime, periodMs }: { readonly atATime: number; readonly periodMs: number },
): Promise<number> {
  let count = 0;
  const startMs = performance.now();
  const work = async (): Promise<void> => {
    while (performance.now() - startMs < periodMs) {
      const connection = await openConnection(load);
      await connection.ask(load.next());
      connection.close();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return (count * 1000) / (performance.now() - startMs);
}

/**
 * Requests at a set rate, whether those before are answered or not.
 *
 * @returns Milliseconds from when each was due to its answer.
 */
export async function timesAtRate(
  open: () => Promise<Connection>,
  next: () => Uint8Array,
  options: { readonly perSecond: number; readonly periodMs: number; readonly connections: number },
): Promise<readonly number[]> {
  const { perSecond, periodMs, connections } = options;
  const idle = await Promise.all(Array.from({ length: connections }, open));
  const all = [...idle];
  const times: number[] = [];
  const due: number[] = [];
  const startMs = performance.now();
  let sent = 0;
  let answered = 0;
  const give = (): void => {
    while (due.length > 0 && idle.length > 0) {
      const dueMs = due.shift() ?? 0;
      const connection = idle.pop();
      void connection?.ask(next()).then(() => {
        times.push(performance.now() - dueMs);
        answered += 1;
        idle.push(connection);
        give();
      });
    }
  };
  const total = Math.floor((perSecond * periodMs) / 1000);
  while (answered < total) {
    for (; sent < total; sent += 1) {
      const dueMs = startMs + (sent * 1000) / perSecond;
      if (dueMs > performance.now()) {
        break;
      }
      due.push(dueMs);
    }
    give();
    // Not in a loop without waiting: the one who answers needs the processor.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const connection of all) {
    connection.close();
  }
  return times;
}

/** One request at a time. */
export interface Connection {
  ask(request: Uint8Array): Promise<void>;
  close(): void;
}

/** For `timesAtRate`. */
export function openConnection({ port }: Pick<HttpLoad, 'port'>): Promise<Connection> {
  return openSocket(port).then((socket) => onSocket(socket, lengthOf));
}

/** A connection of a protocol whose answers to `request` all have the length of the first, which is there after a moment. */
export async function openLengthConnection(port: number, request: Uint8Array): Promise<Connection> {
  const socket = await openSocket(port);
  const length = await new Promise<number>((resolve) => {
    let bytes = 0;
    const count = (piece: Buffer): void => {
      bytes += piece.length;
    };
    socket.on('data', count);
    socket.write(request);
    setTimeout(() => {
      socket.off('data', count);
      resolve(bytes);
    }, ANSWERED_MS);
  });
  return onSocket(socket, () => length);
}

const ANSWERED_MS = 300;

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.setNoDelay(true);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** An answer ends after its content-length, or with the connection. */
function onSocket(socket: Socket, lengthOf: (bytes: Buffer) => number): Connection {
  let received: Buffer[] = [];
  let bytes = 0;
  let wanted = 0;
  let done: ((value: undefined) => void) | undefined;
  const finish = (): void => {
    received = [];
    bytes = 0;
    wanted = 0;
    const resolve = done;
    done = undefined;
    resolve?.(undefined);
  };
  socket.on('data', (piece) => {
    bytes += piece.length;
    if (wanted === 0) {
      received.push(piece);
      wanted = lengthOf(received.length === 1 ? piece : Buffer.concat(received));
    }
    if (wanted > 0 && bytes >= wanted) {
      finish();
    }
  });
  socket.on('close', finish);
  return {
    ask: (request) =>
      new Promise((resolve) => {
        done = resolve;
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

/** Of headers and body; 0 while it is not known. */
function lengthOf(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  if (end < 4) {
    return 0;
  }
  const head = bytes.toString('latin1', 0, end);
  if (!head.startsWith('HTTP/1.1 200') && !head.startsWith('HTTP/1.0 200')) {
    throw new Error(head);
  }
  return end + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
}
