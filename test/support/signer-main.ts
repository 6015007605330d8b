/**
 * A main process that can be killed: opens a signer process on the token file named by its argument,
 * prints that process's id, and stays.
 *
 * @module
 */

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { forkSignerChannel } from '../../src/signing/process/signer-channel.ts';
import { openSignerProcess } from '../../src/signing/process/signer-process.ts';

await openSignerProcess({
  token: { kind: 'software', file: process.argv[2] ?? '', create: true, scryptCost: 2 ** 10 },
  passphrase: { text: 'correct horse' },
  clock: new SystemClock(),
  log: silentLog,
  openChannel: (events) => {
    const channel = forkSignerChannel(events);
    process.stdout.write(`${channel.pid}\n`);
    return channel;
  },
});
