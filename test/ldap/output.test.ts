import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';

import { Output, OutputTotal } from '../../src/ldap/output.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const KIB = 1024;

/** A peer that takes a slice when the test says so. */
class Peer {
  readonly clock = new SimulatedClock();
  /** Lengths of what was given to the socket, in KiB. */
  readonly slices: number[] = [];
  readonly output: Output;
  /** Told how many bytes each write has. */
  onWrite: (bytes: number) => void = () => undefined;
  #take: (() => void) | undefined;

  constructor() {
    this.output = new Output(this.#newSocket(), {
      clock: this.clock,
      capacityBytes: 1,
      total: new OutputTotal(),
      onUnsent: () => undefined,
      onTaken: () => undefined,
    });
  }

  startTls(): void {
    this.output.moveTo(this.#newSocket());
  }

  /** Takes `count` slices, each after so long. */
  async take(count: number, tookMs: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      await turn();
      await this.clock.advance(tookMs);
      this.#take?.();
    }
    await turn();
  }

  #newSocket(): Socket {
    const socket = new Writable({
      write: (chunk: Uint8Array, _encoding, callback) => {
        this.slices.push(chunk.length / KIB);
        this.onWrite(chunk.length);
        this.#take = () => callback();
      },
    });
    return socket as unknown as Socket;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a large value is sent in slices', () => {
  it('that grow while the peer takes them at once', async () => {
    const peer = new Peer();
    peer.output.send([new Uint8Array(5000 * KIB)]);
    await peer.take(5, 50);
    assert.deepEqual(peer.slices.slice(0, 5), [256, 512, 1024, 1024, 1024]);
  });

  it('that are small again when it is slow', async () => {
    const peer = new Peer();
    peer.output.send([new Uint8Array(5000 * KIB)]);
    await peer.take(2, 50);
    await peer.take(2, 51);
    assert.deepEqual(peer.slices.slice(0, 5), [256, 512, 1024, 256, 256]);
  });

  it('that stay small under TLS', async () => {
    const peer = new Peer();
    peer.startTls();
    peer.output.send([new Uint8Array(2000 * KIB)]);
    await peer.take(3, 0);
    assert.deepEqual(peer.slices.slice(0, 4), [256, 256, 256, 256]);
  });
});

describe('what is sent in one turn of the event loop', () => {
  it('leaves together, behind what other connections sent before, when all is read', async () => {
    const written: string[] = [];
    const [first, second] = ['first', 'second'].map((name) => {
      const peer = new Peer();
      peer.onWrite = (bytes) => written.push(`${name} ${bytes}`);
      return peer;
    });
    first?.output.send([new Uint8Array(3)]);
    second?.output.send([new Uint8Array(5)]);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    assert.deepEqual(written, []);
    await turn();
    assert.deepEqual(written, ['first 3', 'second 5']);
  });

  it('leaves although another connection is closed meanwhile', async () => {
    const [gone, other] = [new Peer(), new Peer()];
    gone.output.send([new Uint8Array(KIB)]);
    other.output.send([new Uint8Array(KIB)]);
    gone.output.close();
    await turn();
    assert.deepEqual([gone.slices, other.slices], [[], [1]]);
  });
});
