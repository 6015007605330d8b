/**
 * The inside of the signer process: opens the token and answers calls. No process and no channel
 * here, see `signer-child.ts`.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { RandomSource } from '../core/random.ts';
import { SigningError } from './errors.ts';
import type { Signer } from './signer.ts';
import type { SignerCall, SignerMethods, SignerReply } from './signer-protocol.ts';
import { openSoftwareToken } from './software-token.ts';

export class SignerHost {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #onFault: (text: string) => void;
  #signer: Signer | undefined;

  /** @param surroundings `onFault` gets the text of what is no `SigningError`, for the log. */
  constructor(surroundings: {
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly onFault: (text: string) => void;
  }) {
    this.#clock = surroundings.clock;
    this.#random = surroundings.random;
    this.#onFault = surroundings.onFault;
  }

  /** Never rejects. */
  async answer(call: SignerCall): Promise<SignerReply> {
    try {
      return { id: call.id, isOk: true, value: await this.#perform(call) };
    } catch (error) {
      if (error instanceof SigningError) {
        return { id: call.id, isOk: false, code: error.code, message: error.message };
      }
      this.#onFault(error instanceof Error && error.stack !== undefined ? error.stack : `${error}`);
      const message = `${call.method} failed in the signer process: ${formatError(error)}`;
      return { id: call.id, isOk: false, code: 'SIGNING_INTERNAL', message };
    }
  }

  /** Forgets every secret, after a change of the token that runs. */
  async close(): Promise<void> {
    await this.#signer?.close();
  }

  async #perform(call: SignerCall): Promise<SignerMethods[SignerCall['method']]['result']> {
    switch (call.method) {
      case 'open':
        return await this.#open(call.argument);
      case 'activate':
        return (await this.#opened().activate()) ?? undefined;
      case 'deactivate':
        return (await this.#opened().deactivate()) ?? undefined;
      case 'isActive':
        return await this.#opened().isActive();
      case 'generate':
        return await this.#opened().generate(call.argument);
      case 'describe':
        return await this.#opened().describe(call.argument);
      case 'list':
        return await this.#opened().list();
      case 'sign':
        return await this.#opened().sign(call.argument);
      case 'destroy':
        return (await this.#opened().destroy(call.argument)) ?? undefined;
    }
  }

  async #open(argument: SignerMethods['open']['argument']): Promise<undefined> {
    await this.#signer?.close();
    const { kind: _, ...settings } = argument.token;
    this.#signer = await openSoftwareToken({
      ...settings,
      passphrase: argument.passphrase,
      clock: this.#clock,
      random: this.#random,
      // The main process verifies, where a fault of this process cannot reach.
      isVerifying: false,
    });
  }

  #opened(): Signer {
    if (this.#signer === undefined) {
      throw new SigningError('SIGNING_UNAVAILABLE', 'the signer process has no token yet');
    }
    return this.#signer;
  }
}
