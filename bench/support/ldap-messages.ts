/**
 * Finding LDAP messages in a stream: no more than load generator and prepared server need to count them.
 *
 * @module
 */

/** Called for each whole message in `bytes`: where it starts, where its id's element starts, its end. */
export type OnMessage = (bytes: Buffer, start: number, idAt: number, end: number) => void;

const empty = Buffer.alloc(0);

export class MessageStream {
  readonly #onMessage: OnMessage;
  #rest: Buffer = empty;

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const idAt = at + headerLength(bytes, at);
      const end = idAt + contentLength(bytes, at);
      // Not a number, and so never smaller, while the header is not all there.
      if (!(end <= bytes.length)) {
        break;
      }
      this.#onMessage(bytes, at, idAt, end);
      at = end;
    }
    this.#rest = at === bytes.length ? empty : bytes.subarray(at);
  }
}

/** The offset of the operation's tag, after the message id. */
export function operationAt(bytes: Buffer, idAt: number): number {
  return idAt + 2 + (bytes[idAt + 1] ?? 0);
}

function headerLength(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? Number.NaN;
  return first < 0x80 ? 2 : first - 0x80 + 2;
}

function contentLength(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? Number.NaN;
  if (first < 0x80) {
    return first;
  }
  let length = 0;
  for (let index = at + 2; index < at + 2 + first - 0x80; index += 1) {
    length = length * 256 + (bytes[index] ?? Number.NaN);
  }
  return length;
}
