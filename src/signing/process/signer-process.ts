/**
 * The signer of the main process: a `Signer` whose token lives in a child process.
 *
 * Private keys, passphrases from files and PKCS#11 modules are in that process only. It may
 * crash, hang or lose its HSM: it is started again with a growing delay and activated again if it
 * was active, calls that can be repeated safely are repeated once, the others fail with
 * `SIGNING_UNAVAILABLE`. Every signature is verified here, on this side of the border, before
 * anyone sees it.
 *
 * A passphrase given as text stays in this process's memory for the next start; one in a file
 * never enters it.
 *
 * @module
 */

import { concatBytes } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { type Content, ContentHash, lengthOfPieces, MAX_WHOLE_BYTES } from '../content.ts';
import type { Approval, CustodyOperation } from '../custody/approval.ts';
import type { ApprovalState } from '../custody/approval-board.ts';
import { SigningError } from '../errors.ts';
import {
  assertKeyRequest,
  assertSignRequest,
  formatAlgorithm,
  formatKeyType,
  type KeyRequest,
} from '../key-rules.ts';
import type { OpeningSource } from '../passphrase.ts';
import { openSignatureVerifier, type SignatureVerifier } from '../signature-verifier.ts';
import type { KeyDescription, Signer, SigningAlgorithm, SignRequest } from '../signer.ts';
import {
  assertSubjectKeyRequest,
  type SubjectKey,
  type SubjectKeyRequest,
} from '../subject-key.ts';
import type { TokenInspection } from '../token-inspection.ts';
import { SignerCalls, type SignerTimeouts } from './signer-calls.ts';
import { forkSignerChannel, type OpenSignerChannel, openPkcs11Channel } from './signer-channel.ts';
import type { TokenSettings } from './signer-protocol.ts';

export interface SignerProcessOptions {
  readonly token: TokenSettings;
  readonly passphrase: OpeningSource;
  readonly clock: Clock;
  readonly log: Log;
  /** How long an answer may take before the process counts as hung. */
  readonly timeouts?: Partial<SignerTimeouts>;
  /**
   * Opens also while the token is away for now (`isPassing`), and goes on trying. Left out, that is an error.
   */
  readonly mayBeAway?: boolean;
  /** Another way to reach a signer process, for tests. */
  readonly openChannel?: OpenSignerChannel;
}

/**
 * Starts the signer process and opens the token, locked.
 *
 * @throws {SigningError} what opening the token throws (`SIGNING_TOKEN_…`); `SIGNING_UNAVAILABLE`
 *   when the process does not start.
 */
export async function openSignerProcess(options: SignerProcessOptions): Promise<SignerProcess> {
  const { token, passphrase, clock, log, timeouts } = options;
  const openChannel = options.openChannel ?? channelFor(token);
  const calls = new SignerCalls({ token, passphrase, clock, log, openChannel }, timeouts);
  await calls.start({ mayBeAway: options.mayBeAway === true });
  return new SignerProcess(calls, log);
}

function channelFor(token: TokenSettings): OpenSignerChannel {
  return token.kind === 'software'
    ? forkSignerChannel
    : openPkcs11Channel({ threads: token.sessions, environment: token.environment ?? {} });
}

/** Long content is fed in and hashed in pieces of this size: a fraction of a millisecond each. */
const CHUNK_BYTES = 256 * 1024;

function* chunksOf(
  pieces: readonly Uint8Array[],
  hash: Pick<ContentHash, 'update'>,
): Generator<Uint8Array, void, undefined> {
  for (const piece of pieces) {
    for (let start = 0; start < piece.length; start += CHUNK_BYTES) {
      const chunk = piece.subarray(start, start + CHUNK_BYTES);
      hash.update(chunk);
      yield chunk;
    }
  }
}

/** Where the digest is known to who asks. */
const notHashed: Pick<ContentHash, 'update'> = { update: () => undefined };

interface KnownKey {
  readonly description: KeyDescription;
  readonly verifier: SignatureVerifier;
}

/** Made by `openSignerProcess`. */
export class SignerProcess implements Signer {
  readonly #calls: SignerCalls;
  readonly #log: Log;
  readonly #keys = new Map<string, KnownKey>();

  constructor(calls: SignerCalls, log: Log) {
    this.#calls = calls;
    this.#log = log;
  }

  activate(): Promise<void> {
    return this.#calls.activate();
  }

  deactivate(): Promise<void> {
    return this.#calls.deactivate();
  }

  isActive(): Promise<boolean> {
    return this.#calls.call('isActive', undefined);
  }

  async generate(request: KeyRequest): Promise<KeyDescription> {
    assertKeyRequest(request);
    const { label, type, purposes, use } = request;
    const asked = { label, type, purposes, ...(use === undefined ? {} : { use }) };
    const description = await this.#calls.call('generate', asked);
    return this.#learn(label, description).description;
  }

  async describe(label: string): Promise<KeyDescription> {
    return (await this.#lookUp(label)).description;
  }

  list(): Promise<readonly KeyDescription[]> {
    return this.#calls.call('list', undefined);
  }

  async sign(request: SignRequest): Promise<Uint8Array> {
    const { label, algorithm } = request;
    const key = this.#keys.get(label) ?? (await this.#lookUp(label));
    const lengthBytes = lengthOfPieces(request.content);
    assertSignRequest(key.description, { ...request, lengthBytes });
    const { content, signature } = await this.#haveSigned(request).catch((error: unknown) => {
      // The token has noticed it itself.
      if (error instanceof SigningError && error.code === 'SIGNING_SIGNATURE_WRONG') {
        this.#startAnew({ label, algorithm });
      }
      throw error;
    });
    if (!key.verifier.verify(algorithm, content, signature)) {
      this.#startAnew({ label, algorithm });
      throw new SigningError(
        'SIGNING_SIGNATURE_WRONG',
        `key ${label}: the token's signature does not verify and was not released`,
      );
    }
    return signature;
  }

  #startAnew({ label, algorithm }: Pick<SignRequest, 'label' | 'algorithm'>): void {
    this.#keys.delete(label);
    this.#log.error('a wrong signature was not released; the signer process is restarted', {
      label,
      algorithm: formatAlgorithm(algorithm),
    });
    this.#calls.restart();
  }

  async #haveSigned(
    request: SignRequest,
  ): Promise<{ readonly content: Content; readonly signature: Uint8Array }> {
    const { content: pieces, label, purpose } = request;
    const algorithm = plainAlgorithm(request.algorithm);
    const asked = { label, purpose, algorithm };
    if (lengthOfPieces(pieces) <= MAX_WHOLE_BYTES || algorithm.scheme === 'ed25519') {
      const bytes = concatBytes(...pieces);
      const signature = await this.#calls.call('sign', { ...asked, content: bytes });
      return { content: { kind: 'whole', bytes }, signature };
    }
    const { digest } = request;
    if (digest !== undefined) {
      const signature = await this.#calls.signLong({ label, purpose, algorithm }, () =>
        chunksOf(pieces, notHashed),
      );
      const lengthBytes = lengthOfPieces(pieces);
      const known = { digestName: algorithm.digest, digest: await digest, lengthBytes };
      return { content: { kind: 'hashed', head: new Uint8Array(0), ...known }, signature };
    }
    let hash = new ContentHash(algorithm.digest);
    const signature = await this.#calls.signLong({ label, purpose, algorithm }, () => {
      hash = new ContentHash(algorithm.digest);
      return chunksOf(pieces, hash);
    });
    return { content: hash.finish(), signature };
  }

  /** Puts an operation before the token's custodians. @throws {SigningError} `SIGNING_CUSTODY_REFUSED` without any. */
  propose(operation: CustodyOperation): Promise<ApprovalState> {
    return this.#calls.call('propose', operation);
  }

  /** Hands in a custodian's approval. @throws {SigningError} `SIGNING_APPROVAL_REFUSED` when it does not count. */
  approve(hash: string, approval: Approval): Promise<ApprovalState> {
    return this.#calls.call('approve', { hash, approval });
  }

  /** What waits for approvals. */
  proposals(): Promise<readonly ApprovalState[]> {
    return this.#calls.call('proposals', undefined);
  }

  /** What the token's device says, for people; undefined for the software token. */
  inspect(): Promise<TokenInspection | undefined> {
    return this.#calls.call('inspect', undefined);
  }

  async makeSubjectKey({ type, protection }: SubjectKeyRequest): Promise<SubjectKey> {
    assertSubjectKeyRequest({ type, protection });
    return await this.#calls.call('makeSubjectKey', { type, protection });
  }

  async destroy(label: string): Promise<void> {
    this.#keys.delete(label);
    await this.#calls.call('destroy', label);
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  async #lookUp(label: string): Promise<KnownKey> {
    return this.#learn(label, await this.#calls.call('describe', label));
  }

  #learn(label: string, description: KeyDescription): KnownKey {
    const verifier = openSignatureVerifier(description.spki);
    const isSound =
      verifier !== undefined &&
      description.label === label &&
      formatKeyType(verifier.type) === formatKeyType(description.type);
    if (!isSound) {
      throw new SigningError(
        'SIGNING_INTERNAL',
        `key ${label}: what the token says of it does not fit together`,
      );
    }
    const known = { description, verifier };
    this.#keys.set(label, known);
    return known;
  }
}

/** Without what a caller's object may have beside it: it travels to the other process. */
function plainAlgorithm(algorithm: SigningAlgorithm): SigningAlgorithm {
  const { scheme } = algorithm;
  return scheme === 'ed25519' ? { scheme } : { scheme, digest: algorithm.digest };
}
