/**
 * The entry of the signer process. Started by `signer-channel.ts`, never by hand.
 *
 * It ends when the channel to the main process does, and only then: a Ctrl-C or a service manager's
 * SIGTERM reaches every process of the group, and the main process still needs signatures to
 * finish what it is doing.
 *
 * @module
 */

import { SystemClock } from '../core/clock.ts';
import { SystemRandom } from '../core/random.ts';
import { SignerHost } from './signer-host.ts';
import type { SignerCall } from './signer-protocol.ts';

const host = new SignerHost({
  clock: new SystemClock(),
  random: new SystemRandom(),
  onFault: (text) => void process.stderr.write(`${text}\n`),
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => undefined);
}
process.title = 'certdir signer';
process.umask(0o077);

process.on('message', (call: SignerCall) => {
  void host.answer(call).then((reply) => process.send?.(reply, undefined, undefined, dropReply));
});

// Nothing else keeps the process alive once its secrets are forgotten.
process.on('disconnect', () => void host.close());

if (process.send === undefined) {
  process.stderr.write('the signer process is started by certdir, not by hand\n');
  process.exitCode = 2;
}

/** The main process has gone: there is nobody to tell, and `disconnect` follows. */
function dropReply(_error: Error | null): void {}
