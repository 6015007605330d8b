/**
 * The inside of the signer process: opens the token and answers calls. No process and no channel
 * here, see `signer-child.ts`.
 *
 * @module
 */

import type { Clock } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { RandomSource } from '../../core/random.ts';
import { type Content, ContentHash } from '../content.ts';
import { ApprovalBoard } from '../custody/approval-board.ts';
import { readCustody } from '../custody/custody-document.ts';
import { GuardedToken } from '../custody/guarded-token.ts';
import { SigningError } from '../errors.ts';
import type { SecretSource } from '../passphrase.ts';
import type { Pkcs11Binding } from '../pkcs11/pkcs11-binding.ts';
import { importPkcs11js, type Pkcs11Library } from '../pkcs11/pkcs11-slots.ts';
import { loadPkcs11Token } from '../pkcs11/pkcs11-token.ts';
import type { DigestName } from '../signer.ts';
import { loadSoftwareToken } from '../software/software-token.ts';
import type { SubjectKey, SubjectKeyRequest } from '../subject-key.ts';
import type { Token } from '../token.ts';
import type {
  SignArgument,
  SignerCall,
  SignerMethods,
  SignerReply,
  TokenSettings,
} from './signer-protocol.ts';

/** Content that is being fed in. More at a time than the main process ever signs is a fault there. */
const MAX_STREAMS = 256;

/** The call that signs may be here before all of the content is: they come by different ways. */
class ContentStream {
  readonly #hash: ContentHash;
  #lengthBytes = 0;
  #wanted: { readonly lengthBytes: number; readonly resolve: () => void } | undefined;

  constructor(digest: DigestName) {
    this.#hash = new ContentHash(digest);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#lengthBytes += bytes.length;
    if (this.#wanted !== undefined && this.#lengthBytes >= this.#wanted.lengthBytes) {
      this.#wanted.resolve();
    }
  }

  /** Resolves when there is this much; whoever waits for too long gives up on the whole process. */
  async whenThere(lengthBytes: number): Promise<void> {
    if (this.#lengthBytes < lengthBytes) {
      await new Promise<void>((resolve) => {
        this.#wanted = { lengthBytes, resolve };
      });
    }
  }

  finish(): Content {
    return this.#hash.finish();
  }
}

export class SignerHost {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #onFault: (text: string) => void;
  readonly #importPkcs11: () => Promise<Pkcs11Library<Pkcs11Binding>>;
  readonly #streams = new Map<number, ContentStream>();
  #token: Token | undefined;

  /** @param surroundings `onFault` gets the text of what is no `SigningError`, for the log. */
  constructor(surroundings: {
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly onFault: (text: string) => void;
    /** Another way to PKCS#11 than the package pkcs11js, for tests. */
    readonly importPkcs11?: () => Promise<Pkcs11Library<Pkcs11Binding>>;
  }) {
    this.#clock = surroundings.clock;
    this.#random = surroundings.random;
    this.#onFault = surroundings.onFault;
    this.#importPkcs11 = surroundings.importPkcs11 ?? (() => importPkcs11js<Pkcs11Binding>());
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
    await this.#token?.close();
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
      case 'beginContent':
        return this.#beginContent(call.argument);
      case 'sign':
        return await this.#sign(call.argument);
      case 'makeSubjectKey':
        return await this.#makeSubjectKey(call.argument);
      case 'propose':
        return this.#guarded().propose(call.argument);
      case 'approve':
        return await this.#guarded().approve(call.argument.hash, call.argument.approval);
      case 'proposals':
        return this.#guarded().proposals();
      case 'inspect':
        return await this.#opened().inspect?.();
      case 'destroy':
        return (await this.#opened().destroy(call.argument)) ?? undefined;
    }
  }

  async #open(argument: SignerMethods['open']['argument']): Promise<undefined> {
    await this.#token?.close();
    const { token, passphrase } = argument;
    if (!('custody' in passphrase)) {
      this.#token = await this.#load(token, passphrase);
      return;
    }
    const document = await readCustody(passphrase.custody);
    const clock = this.#clock;
    const board = new ApprovalBoard(document, { clock, random: this.#random });
    const loaded = await this.#load(token, { take: () => board.takeSecret() });
    const { idleMs } = document.rules;
    this.#token = new GuardedToken({ token: loaded, board, clock, idleMs });
  }

  async #load(token: TokenSettings, secret: SecretSource): Promise<Token> {
    const surroundings = { clock: this.#clock, random: this.#random };
    if (token.kind === 'software') {
      const { kind: _, ...settings } = token;
      return await loadSoftwareToken({ ...settings, ...surroundings, passphrase: secret });
    }
    const { PKCS11 } = await this.#importPkcs11();
    const options = { settings: token, pin: secret, binding: new PKCS11() };
    return await loadPkcs11Token({ ...options, ...surroundings });
  }

  #guarded(): GuardedToken {
    const token = this.#opened();
    if (!(token instanceof GuardedToken)) {
      throw new SigningError('SIGNING_CUSTODY_REFUSED', 'the token has no custodians');
    }
    return token;
  }

  #opened(): Token {
    if (this.#token === undefined) {
      throw new SigningError('SIGNING_UNAVAILABLE', 'the signer process has no token yet');
    }
    return this.#token;
  }

  async #makeSubjectKey(request: SubjectKeyRequest): Promise<SubjectKey> {
    try {
      return await this.#opened().makeSubjectKey(request);
    } finally {
      if (request.protection.kind === 'password') {
        request.protection.password.fill(0);
      }
    }
  }

  #beginContent(argument: SignerMethods['beginContent']['argument']): undefined {
    if (this.#streams.size >= MAX_STREAMS) {
      throw new SigningError('SIGNING_INTERNAL', `more than ${MAX_STREAMS} contents are fed in`);
    }
    this.#streams.set(argument.stream, new ContentStream(argument.digest));
  }

  /** A part of long content; of a stream that was not begun it is dropped, and signing it fails. */
  feed(stream: number, bytes: Uint8Array): void {
    this.#streams.get(stream)?.update(bytes);
  }

  async #finishStream(stream: number, lengthBytes: number): Promise<Content> {
    const content = this.#streams.get(stream);
    if (content === undefined) {
      throw new SigningError('SIGNING_INTERNAL', 'content is to be signed that was not begun');
    }
    await content.whenThere(lengthBytes);
    this.#streams.delete(stream);
    return content.finish();
  }

  async #sign({ content: given, ...request }: SignArgument): Promise<Uint8Array> {
    const content: Content =
      given instanceof Uint8Array
        ? { kind: 'whole', bytes: given }
        : await this.#finishStream(given.stream, given.lengthBytes);
    return await this.#opened().sign({ ...request, content });
  }
}
