/**
 * A signer process without a process: the same inside, reached over a channel that a test can make
 * lie, drop, hang and break.
 *
 * @module
 */

import type { Clock } from '../../src/core/clock.ts';
import type { Pkcs11Binding } from '../../src/signing/pkcs11/pkcs11-binding.ts';
import type { Pkcs11Library } from '../../src/signing/pkcs11/pkcs11-slots.ts';
import type {
  OpenSignerChannel,
  SignerChannelEvents,
} from '../../src/signing/process/signer-channel.ts';
import { SignerHost } from '../../src/signing/process/signer-host.ts';
import type { SignerCall, SignerReply } from '../../src/signing/process/signer-protocol.ts';
import { SeededRandom } from './seeded-random.ts';

/** What becomes of a reply: another message, or none. */
export type AlterReply = (reply: SignerReply, call: SignerCall) => unknown;

/** Takes the place of a reply that never comes. */
export const noReply: unique symbol = Symbol('no reply');

export class HostChannels {
  /** Applied to every reply; replaced by the test. */
  alter: AlterReply = (reply) => reply;
  /** Called with every call before it is answered. */
  onCall: (call: SignerCall) => void = () => undefined;
  /** True: a process that is started ends before it answers anything. */
  isStillborn = false;
  /** How many were started. */
  started = 0;
  #answering = 0;
  readonly #clock: Clock;
  readonly #random = new SeededRandom('host channel');
  readonly #importPkcs11: (() => Promise<Pkcs11Library<Pkcs11Binding>>) | undefined;
  #endCurrent: (reason: string) => void = () => undefined;

  /** @param importPkcs11 What takes the place of pkcs11js. */
  constructor(clock: Clock, importPkcs11?: () => Promise<Pkcs11Library<Pkcs11Binding>>) {
    this.#clock = clock;
    this.#importPkcs11 = importPkcs11;
  }

  /** Ends the running process as a crash would. */
  crash(): void {
    this.#endCurrent('SIGSEGV');
  }

  /** Waits in real time until everything that was asked has been answered: files were read, signatures made. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < 4; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#answering > 0) {
        turns = 0;
      }
    }
  }

  readonly open: OpenSignerChannel = (events: SignerChannelEvents) => {
    this.started += 1;
    const host = new SignerHost({
      clock: this.#clock,
      random: this.#random,
      onFault: () => undefined,
      ...(this.#importPkcs11 === undefined ? {} : { importPkcs11: this.#importPkcs11 }),
    });
    let hasEnded = false;
    const end = (reason: string): void => {
      if (!hasEnded) {
        hasEnded = true;
        void host.close();
        setImmediate(() => events.onEnd(reason));
      }
    };
    this.#endCurrent = end;
    if (this.isStillborn) {
      end('exit code 1');
    }
    const answer = async (call: SignerCall): Promise<void> => {
      this.onCall(call);
      this.#answering += 1;
      const reply = await host.answer(structuredClone(call)).finally(() => {
        this.#answering -= 1;
      });
      const message = this.alter(structuredClone(reply), call);
      if (message !== noReply && !hasEnded) {
        events.onMessage(message);
      }
    };
    return {
      pid: undefined,
      send: (call) => {
        if (!hasEnded) {
          void answer(call);
        }
      },
      feed: (stream, bytes) => {
        if (hasEnded) {
          return Promise.reject(new Error('the lane is closed'));
        }
        host.feed(stream, bytes);
        return Promise.resolve();
      },
      disconnect: () => end('exit code 0'),
      kill: () => end('SIGKILL'),
    };
  };
}
