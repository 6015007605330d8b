/**
 * A look at a PKCS#11 module from outside: which slots and tokens it has. The module is loaded in a
 * process of its own that ends afterwards, whatever the module does to it.
 *
 * Not here: keys and signing on such a token.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import { SigningError } from '../errors.ts';
import { type ChildChannel, forkChild } from '../process/signer-channel.ts';
import { parseReply, replyError } from '../process/signer-protocol.ts';
import type { Pkcs11Module } from './pkcs11-slots.ts';

export type { Pkcs11Module, Pkcs11Slot, Pkcs11Token } from './pkcs11-slots.ts';

/** The one message to the process. */
export interface Pkcs11Question {
  readonly id: number;
  readonly modulePath: string;
}

export interface Pkcs11ModuleOptions {
  /** Absolute path of the vendor's library. */
  readonly modulePath: string;
  readonly clock: Clock;
  /** What the module finds its own configuration with, e.g. `SOFTHSM2_CONF`; nothing else is passed on. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it may take; default 30 s. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Lists slots and tokens. Nobody logs in, nothing is changed.
 *
 * @throws {SigningError} `SIGNING_PKCS11_MISSING` when pkcs11js is not installed or compiled,
 *   `SIGNING_PKCS11_MODULE` when the module cannot be loaded, fails, crashes or hangs.
 */
export async function describePkcs11Module(options: Pkcs11ModuleOptions): Promise<Pkcs11Module> {
  const { modulePath, clock, environment = {}, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  return await new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      reject(new SigningError('SIGNING_PKCS11_MODULE', `${modulePath} ${what}`));
    };
    const channel: ChildChannel<Pkcs11Question> = forkChild(
      'pkcs11-child',
      { environment },
      {
        onMessage: (message) => {
          const reply = parseReply(message);
          if (reply?.isOk === true) {
            // Made by our own code over there. A module that damages that process can at worst garble
            // what is listed; nothing is decided by it.
            resolve(reply.value as Pkcs11Module);
          } else if (reply === undefined) {
            fail('made its process say nonsense');
          } else {
            reject(replyError(reply));
          }
          // It has finalised the module; threads of the module could keep it alive for ever.
          channel.kill();
        },
        onEnd: (reason) => {
          timer.cancel();
          fail(`ended its process (${reason})`);
        },
      },
    );
    const timer = clock.schedule(timeoutMs, () => {
      fail(`did not answer within ${timeoutMs} ms`);
      channel.kill();
    });
    channel.send({ id: 1, modulePath });
  });
}
