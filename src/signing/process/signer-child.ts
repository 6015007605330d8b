/**
 * The entry of the signer process. Started by `signer-channel.ts`, never by hand.
 *
 * It ends when the channel to the main process does, and only then: a Ctrl-C or a service manager's
 * SIGTERM reaches every process of the group, and the main process still needs signatures to
 * finish what it is doing.
 *
 * @module
 */

import { Socket, type SocketConstructorOpts, type TcpNetConnectOpts } from 'node:net';

import { SystemClock } from '../../core/clock.ts';
import { SystemRandom } from '../../core/random.ts';
import { FrameReader } from './content-lane.ts';
import { isBusyWith, MessageBatch } from './message-batch.ts';
import { LANE_DESCRIPTOR } from './signer-channel.ts';
import { SignerHost } from './signer-host.ts';
import type { SignerCall, SignerReply } from './signer-protocol.ts';

/** What is taken from the lane at a time: a fraction of a millisecond of hashing. */
const PORTION_BYTES = 256 * 1024;

/** How many this process has, by `signer-channel.ts`. */
const threads = Number(process.argv[2]);
const clock = new SystemClock();
const host = new SignerHost({
  clock,
  random: new SystemRandom(),
  onFault: (text) => void process.stderr.write(`${text}\n`),
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => undefined);
}
process.title = 'certdir signer';
process.umask(0o077);

const replies = new MessageBatch<SignerReply>(
  clock,
  (batch) => void process.send?.(batch, undefined, undefined, dropReplies),
);
let unfinished = 0;

const frames = new FrameReader((stream, bytes) => host.feed(stream, bytes));
const laneOptions: SocketConstructorOpts & Pick<TcpNetConnectOpts, 'onread'> = {
  fd: LANE_DESCRIPTOR,
  readable: true,
  writable: false,
  onread: {
    buffer: new Uint8Array(PORTION_BYTES),
    callback: (length: number, buffer: Uint8Array) => {
      frames.push(buffer.subarray(0, length));
      return true;
    },
  },
};
const lane = new Socket(laneOptions);
// It ends with the channel, which says so.
lane.on('error', () => undefined);
lane.resume();
lane.unref();

process.on('message', (calls: readonly SignerCall[]) => {
  unfinished += calls.length;
  for (const call of calls) {
    void host.answer(call).then((reply) => {
      unfinished -= 1;
      replies.push(reply, isBusyWith(unfinished, threads));
    });
  }
});

// Nothing else keeps the process alive once its secrets are forgotten.
process.on('disconnect', () => void host.close());

if (process.send === undefined) {
  process.stderr.write('the signer process is started by certdir, not by hand\n');
  process.exitCode = 2;
}

/** The main process has gone: there is nobody to tell, and `disconnect` follows. */
function dropReplies(_error: Error | null): void {}
