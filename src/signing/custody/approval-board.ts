/**
 * Counts approvals, inside the signer process: what was proposed, who has approved it, and what may therefore be done,
 * once. Nothing here outlives the process.
 *
 * @module
 */

import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import { formatHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { RandomSource } from '../../core/random.ts';
import { SigningError } from '../errors.ts';
import {
  type Approval,
  type CustodyOperation,
  formatOperation,
  hashOfProposal,
  isApproval,
  openShare,
  type Proposal,
} from './approval.ts';
import {
  type CustodyAct,
  type CustodyDocument,
  digestOfShare,
  openSecret,
} from './custody-document.ts';

/** More at a time than people can approve; the oldest gives way. */
const MAX_PROPOSALS = 64;

interface OpenProposal {
  readonly proposal: Proposal;
  /** By custodian; shares of an activation. */
  readonly approvals: Map<string, Buffer | undefined>;
}

export interface ApprovalState {
  readonly hash: string;
  readonly proposal: Proposal;
  readonly approvedBy: readonly string[];
  readonly quorum: number;
  /** It may be done now, once. */
  readonly isGranted: boolean;
}

export class ApprovalBoard {
  readonly #document: CustodyDocument;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #recipientKey: KeyObject;
  readonly #recipient: string;
  readonly #open = new Map<string, OpenProposal>();
  /** What may be done once, by `formatOperation`, and until when. */
  readonly #grants = new Map<string, number>();
  /** Opened by an activation's shares, until it is taken. */
  #secret: Buffer | undefined;

  constructor(
    document: CustodyDocument,
    surroundings: { readonly clock: Clock; readonly random: RandomSource },
  ) {
    this.#document = document;
    this.#clock = surroundings.clock;
    this.#random = surroundings.random;
    const pair = generateKeyPairSync('x25519');
    this.#recipientKey = pair.privateKey;
    this.#recipient = pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  }

  needsQuorum(act: CustodyAct): boolean {
    return this.#document.rules.acts.includes(act);
  }

  /** Puts an operation before the custodians. */
  propose(operation: CustodyOperation): ApprovalState {
    this.#dropExpired();
    const [oldest] = this.#open.keys();
    if (this.#open.size >= MAX_PROPOSALS && oldest !== undefined) {
      this.#drop(oldest);
    }
    const proposal: Proposal = {
      operation,
      custody: this.#document.id,
      nonce: formatHex(this.#random.bytes(16)),
      expiresMs: this.#clock.nowMs() + this.#document.rules.validMs,
      recipient: this.#recipient,
    };
    const hash = hashOfProposal(proposal);
    this.#open.set(hash, { proposal, approvals: new Map() });
    return this.#stateOf(hash, { proposal, approvals: new Map() });
  }

  /** What waits for approvals. */
  list(): readonly ApprovalState[] {
    this.#dropExpired();
    return [...this.#open].map(([hash, open]) => this.#stateOf(hash, open));
  }

  /**
   * Takes an approval; the one that completes the quorum grants the operation.
   *
   * @throws {SigningError} `SIGNING_APPROVAL_REFUSED`: nothing of that hash is proposed (any more), it has expired, the
   *   custodian is none or has approved already, the signature or the share is not right.
   */
  async approve(hash: string, approval: Approval): Promise<ApprovalState> {
    this.#dropExpired();
    const open = this.#open.get(hash);
    if (open === undefined) {
      throw refused('nothing of this hash is proposed, or no longer');
    }
    const { proposal, approvals } = open;
    const custodian = this.#document.custodians.find(({ name }) => name === approval.custodian);
    if (custodian === undefined) {
      throw refused('nobody of this name is a custodian');
    }
    if (approvals.has(custodian.name)) {
      throw refused(`${custodian.name} has approved it already`);
    }
    if (!isApproval(proposal, approval, custodian.spki)) {
      throw refused(`it is not signed by ${custodian.name} for exactly this`);
    }
    const share = openShare(proposal, approval, this.#recipientKey);
    const needsShare = proposal.operation.act === 'activate';
    if (needsShare && (share === undefined || digestOfShare(share) !== custodian.shareDigest)) {
      throw refused(`the share of ${custodian.name} is missing or wrong`);
    }
    approvals.set(custodian.name, share);
    const isComplete = approvals.size >= this.#document.quorum;
    const state = { ...this.#stateOf(hash, open), isGranted: isComplete };
    if (isComplete) {
      await this.#grant(hash, open);
    }
    return state;
  }

  /**
   * Uses up the grant of an operation.
   *
   * @throws {SigningError} `SIGNING_APPROVAL_NEEDED` when there is none.
   */
  use(operation: CustodyOperation): void {
    if (operation.act === 'attest' || !this.needsQuorum(operation.act)) {
      return;
    }
    const key = formatOperation(operation);
    const expiresMs = this.#grants.get(key);
    this.#grants.delete(key);
    if (expiresMs === undefined || expiresMs <= this.#clock.nowMs()) {
      const { quorum, custodians } = this.#document;
      throw new SigningError(
        'SIGNING_APPROVAL_NEEDED',
        `${operation.act} needs the approval of ${quorum} of ${custodians.length} custodians (certdir custodian propose)`,
      );
    }
  }

  /** Takes back the grant of an activation that was not needed, with the secret that it opened. */
  dropActivation(): void {
    this.#grants.delete(formatOperation({ act: 'activate' }));
    this.takeSecret()?.fill(0);
  }

  /** Hands over the secret that an activation's shares have opened; the caller overwrites it. */
  takeSecret(): Buffer | undefined {
    const secret = this.#secret;
    this.#secret = undefined;
    return secret;
  }

  /** Overwrites everything that was collected. */
  forget(): void {
    for (const hash of [...this.#open.keys()]) {
      this.#drop(hash);
    }
    this.#grants.clear();
    this.takeSecret()?.fill(0);
  }

  async #grant(hash: string, { proposal, approvals }: OpenProposal): Promise<void> {
    const shares = [...approvals.values()].filter((share) => share !== undefined);
    // Before anything is waited for: it is done once.
    this.#open.delete(hash);
    try {
      if (proposal.operation.act === 'activate') {
        const secret = await openSecret(this.#document, shares);
        if (secret === undefined) {
          throw refused('the shares do not open the secret: the custody file was changed');
        }
        this.takeSecret()?.fill(0);
        this.#secret = secret;
      }
      if (proposal.operation.act !== 'attest') {
        this.#grants.set(formatOperation(proposal.operation), proposal.expiresMs);
      }
    } finally {
      for (const share of shares) {
        share.fill(0);
      }
    }
  }

  #stateOf(hash: string, { proposal, approvals }: OpenProposal): ApprovalState {
    const { quorum } = this.#document;
    return { hash, proposal, approvedBy: [...approvals.keys()], quorum, isGranted: false };
  }

  #dropExpired(): void {
    const nowMs = this.#clock.nowMs();
    for (const [hash, { proposal }] of this.#open) {
      if (proposal.expiresMs <= nowMs) {
        this.#drop(hash);
      }
    }
  }

  #drop(hash: string): void {
    for (const share of this.#open.get(hash)?.approvals.values() ?? []) {
      share?.fill(0);
    }
    this.#open.delete(hash);
  }
}

function refused(why: string): SigningError {
  return new SigningError('SIGNING_APPROVAL_REFUSED', `the approval does not count: ${why}`);
}
