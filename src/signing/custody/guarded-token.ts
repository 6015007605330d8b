/**
 * A token whose custodians are asked: every act that their rules name is done only with the grant of a quorum, checked
 * here, inside the signer process. The secret that opens the token exists only here, from the moment there are enough
 * shares until the token has been opened with it.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { formatHex } from '../../core/bytes.ts';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { Content } from '../content.ts';
import { SigningError } from '../errors.ts';
import type { KeyRequest } from '../key-rules.ts';
import { isCrossCertificate, storeKeyUse } from '../key-use.ts';
import type { KeyDescription } from '../signer.ts';
import type { SubjectKey, SubjectKeyRequest } from '../subject-key.ts';
import type { Token, TokenSignRequest } from '../token.ts';
import type { TokenInspection } from '../token-inspection.ts';
import type { Approval, CustodyOperation } from './approval.ts';
import type { ApprovalBoard, ApprovalState } from './approval-board.ts';

export interface GuardedTokenParts {
  readonly token: Token;
  readonly board: ApprovalBoard;
  readonly clock: Clock;
  /** After so long without a signature the token is locked; 0: never. */
  readonly idleMs: number;
}

export class GuardedToken implements Token {
  readonly #token: Token;
  readonly #board: ApprovalBoard;
  readonly #clock: Clock;
  readonly #idleMs: number;
  #idleTimer: TimerHandle | undefined;

  constructor({ token, board, clock, idleMs }: GuardedTokenParts) {
    this.#token = token;
    this.#board = board;
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  /** Puts an operation before the custodians. */
  propose(operation: CustodyOperation): ApprovalState {
    return this.#board.propose(operation);
  }

  approve(hash: string, approval: Approval): Promise<ApprovalState> {
    return this.#board.approve(hash, approval);
  }

  proposals(): readonly ApprovalState[] {
    return this.#board.list();
  }

  async activate(): Promise<void> {
    if (await this.#token.isActive()) {
      this.#board.dropActivation();
      return;
    }
    this.#board.use({ act: 'activate' });
    await this.#token.activate();
    this.#restartIdleTimer();
  }

  async deactivate(): Promise<void> {
    if (await this.#token.isActive()) {
      this.#board.use({ act: 'deactivate' });
      await this.#lock();
    }
  }

  isActive(): Promise<boolean> {
    return this.#token.isActive();
  }

  describe(label: string): Promise<KeyDescription> {
    return this.#token.describe(label);
  }

  list(): Promise<readonly KeyDescription[]> {
    return this.#token.list();
  }

  async generate(key: KeyRequest): Promise<KeyDescription> {
    await this.#assertActive();
    const { label, type, purposes } = key;
    const use = key.use === undefined ? null : storeKeyUse(key.use);
    this.#board.use({ act: 'generate', label, type, purposes, use });
    return await this.#token.generate(key);
  }

  async destroy(label: string): Promise<void> {
    await this.#assertActive();
    await this.#token.describe(label);
    this.#board.use({ act: 'destroy', label });
    await this.#token.destroy(label);
  }

  async sign(request: TokenSignRequest): Promise<Uint8Array> {
    const act = await this.#approvedAct(request);
    if (act !== undefined) {
      await this.#assertActive();
      const { label, purpose, algorithm, content } = request;
      const sha256 = formatHex(sha256Of(content));
      this.#board.use({ act, label, purpose, algorithm, sha256 });
    }
    const signature = await this.#token.sign(request);
    this.#restartIdleTimer();
    return signature;
  }

  /** No key of the CA's: custodians are asked for none of them. */
  async makeSubjectKey(request: SubjectKeyRequest): Promise<SubjectKey> {
    const made = await this.#token.makeSubjectKey(request);
    this.#restartIdleTimer();
    return made;
  }

  /** What of a signature needs a quorum; undefined where nothing does. */
  async #approvedAct({
    label,
    purpose,
    content,
  }: TokenSignRequest): Promise<'sign' | 'sign-cross' | undefined> {
    if (this.#board.needsQuorum('sign')) {
      return 'sign';
    }
    const isAsked = this.#board.needsQuorum('sign-cross') && purpose === 'certificate';
    return isAsked && isCrossCertificate(await this.#token.describe(label), content)
      ? 'sign-cross'
      : undefined;
  }

  async inspect(): Promise<TokenInspection | undefined> {
    return await this.#token.inspect?.();
  }

  async close(): Promise<void> {
    this.#idleTimer?.cancel();
    this.#board.forget();
    await this.#token.close();
  }

  async #lock(): Promise<void> {
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    this.#board.forget();
    await this.#token.deactivate();
  }

  #restartIdleTimer(): void {
    if (this.#idleMs > 0) {
      this.#idleTimer?.cancel();
      this.#idleTimer = this.#clock.schedule(this.#idleMs, () => void this.#lock());
    }
  }

  async #assertActive(): Promise<void> {
    if (!(await this.#token.isActive())) {
      throw new SigningError('SIGNING_NOT_ACTIVE', 'the token is locked; activate it first');
    }
  }
}

/** Long content that needs approval for each signature is signed with SHA-256, which is made on its way in. */
function sha256Of(content: Content): Uint8Array {
  if (content.kind === 'whole') {
    return createHash('sha256').update(content.bytes).digest();
  }
  if (content.digestName !== 'sha256') {
    throw new SigningError(
      'SIGNING_USAGE_REFUSED',
      'long content that custodians approve is signed with SHA-256',
    );
  }
  return content.digest;
}
