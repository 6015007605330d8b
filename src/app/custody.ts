/**
 * Custodians' acts on an instance: each proposal and approval is recorded, and what a quorum has approved is done.
 *
 * @module
 */

import type { AuditEvent } from '../audit/audit-log.ts';
import { formatError } from '../core/errors.ts';
import type { CustodyOperations, ProposalReport } from '../http/custody-operations.ts';
import type { Operator } from '../http/operator.ts';
import {
  type Approval,
  type CustodyOperation,
  formatOperation,
  isCustodyOperation,
} from '../signing/custody/approval.ts';
import type { ApprovalState } from '../signing/custody/approval-board.ts';
import { SigningError } from '../signing/errors.ts';
import { readKeyUse } from '../signing/key-use.ts';
import type { SignerProcess } from '../signing/process/signer-process.ts';
import type { InstanceParts } from './ca-instance.ts';

type CustodySurroundings = Pick<InstanceParts, 'signer' | 'store' | 'audit' | 'log'>;

export class LocalCustody implements CustodyOperations {
  readonly #surroundings: CustodySurroundings;

  constructor(surroundings: CustodySurroundings) {
    this.#surroundings = surroundings;
  }

  async list(): Promise<readonly ProposalReport[]> {
    return (await this.#surroundings.signer.proposals()).map((state) => reportOf(state, false));
  }

  async propose(
    { operation }: { readonly operation: unknown },
    operator: Operator,
  ): Promise<ProposalReport> {
    if (!isCustodyOperation(operation)) {
      throw new SigningError('SIGNING_APPROVAL_REFUSED', 'this is no act that can be proposed');
    }
    const state = await this.#surroundings.signer.propose(operation);
    await this.#record('key.propose', state, { operator, result: 'done' });
    return reportOf(state, false);
  }

  async approve(
    { hash, approval }: { readonly hash: string; readonly approval: unknown },
    operator: Operator,
  ): Promise<ProposalReport> {
    const { signer } = this.#surroundings;
    // Its shape was checked at the socket, its content is in the signer process.
    const given = approval as Approval;
    const state = await signer.approve(hash, given);
    await this.#record('key.approve', state, { operator, result: 'done' });
    if (!state.isGranted) {
      return reportOf(state, false);
    }
    const { operation } = state.proposal;
    try {
      await carryOut(signer, operation);
    } catch (error) {
      this.#surroundings.log.error('an approved act on keys failed', { error: formatError(error) });
      await this.#record(`key.${operation.act}`, state, { operator, result: 'failed' });
      throw error;
    }
    await this.#record(`key.${operation.act}`, state, { operator, result: 'done' });
    return reportOf(state, true);
  }

  async #record(
    kind: string,
    { hash, proposal, approvedBy }: ApprovalState,
    { operator, result }: { readonly operator: Operator; readonly result: AuditEvent['result'] },
  ): Promise<void> {
    const { store, audit } = this.#surroundings;
    await store.transact(`custody: ${kind}`, (transaction) =>
      audit.append(transaction, {
        kind,
        result,
        origin: { channel: 'cli', actor: operator.name },
        subject: hash,
        details: {
          operation: formatOperation(proposal.operation),
          approvedBy: approvedBy.join(' '),
        },
      }),
    );
  }
}

/** Single signatures are asked for where they are needed; their grant waits for that. */
async function carryOut(signer: SignerProcess, operation: CustodyOperation): Promise<void> {
  switch (operation.act) {
    case 'activate':
      return await signer.activate();
    case 'deactivate':
      return await signer.deactivate();
    case 'destroy':
      return await signer.destroy(operation.label);
    case 'generate': {
      const { label, type, purposes } = operation;
      const use = operation.use === null ? undefined : readKeyUse(operation.use);
      await signer.generate({ label, type, purposes, ...(use === undefined ? {} : { use }) });
      return;
    }
    case 'sign':
    case 'sign-cross':
    case 'promote':
    case 'attest':
      return;
  }
}

function reportOf(state: ApprovalState, isDone: boolean): ProposalReport {
  const { hash, proposal, approvedBy, quorum } = state;
  const expires = new Date(proposal.expiresMs).toISOString();
  return { hash, proposal, approvedBy, quorum, expires, isDone };
}
