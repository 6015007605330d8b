/**
 * Approvals of an act that no signer process waits for: the proposal and the custodians' approvals travel in a file, and are
 * counted by the same rules.
 *
 * @module
 */

import { formatHex } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import { SigningError } from '../errors.ts';
import {
  type Approval,
  type CustodyOperation,
  formatOperation,
  isApproval,
  type Proposal,
} from './approval.ts';
import type { CustodyDocument } from './custody-document.ts';

const FORMAT = 'certdir approvals 1';
const MAX_APPROVALS = 64;

export interface ApprovalFile {
  readonly format: typeof FORMAT;
  readonly proposal: Proposal;
  readonly approvals: readonly Approval[];
}

/** A file without approvals yet. No share is asked for: nothing is opened with it. */
export function makeApprovalFile(
  operation: CustodyOperation,
  document: CustodyDocument,
  { random, nowMs }: { readonly random: RandomSource; readonly nowMs: number },
): ApprovalFile {
  const proposal = {
    operation,
    custody: document.id,
    nonce: formatHex(random.bytes(16)),
    expiresMs: nowMs + document.rules.validMs,
    recipient: '',
  };
  return { format: FORMAT, proposal, approvals: [] };
}

/** @throws {SigningError} `SIGNING_APPROVAL_REFUSED` for anything that is no such file. */
export function parseApprovalFile(text: string): ApprovalFile {
  try {
    const file = JSON.parse(text) as ApprovalFile;
    const { format, proposal, approvals } = file;
    const isOne =
      format === FORMAT &&
      typeof proposal.operation.act === 'string' &&
      [proposal.custody, proposal.nonce, proposal.recipient].every(
        (one) => typeof one === 'string',
      ) &&
      Number.isSafeInteger(proposal.expiresMs) &&
      Array.isArray(approvals) &&
      approvals.length <= MAX_APPROVALS &&
      approvals.every(
        (one: Approval) => typeof one.custodian === 'string' && typeof one.signature === 'string',
      );
    if (isOne) {
      return file;
    }
  } catch {
    // Told below.
  }
  throw refused('the file is none of approvals');
}

/**
 * Whether a quorum has approved exactly this operation.
 *
 * @returns who has approved.
 * @throws {SigningError} `SIGNING_APPROVAL_REFUSED` for another operation or custody, an approval that is not right, or
 *   one too late; `SIGNING_APPROVAL_NEEDED` when there are too few.
 */
export function assertApproved(
  { proposal, approvals }: ApprovalFile,
  document: CustodyDocument,
  { operation, nowMs }: { readonly operation: CustodyOperation; readonly nowMs: number },
): readonly string[] {
  if (proposal.custody !== document.id) {
    throw refused('it is of other custodians');
  }
  if (formatOperation(proposal.operation) !== formatOperation(operation)) {
    throw refused(
      `what was approved is ${formatOperation(proposal.operation)}, not ${formatOperation(operation)}`,
    );
  }
  if (proposal.expiresMs <= nowMs) {
    throw refused('it has expired');
  }
  const names = new Set<string>();
  for (const approval of approvals) {
    const custodian = document.custodians.find(({ name }) => name === approval.custodian);
    if (custodian === undefined || !isApproval(proposal, approval, custodian.spki)) {
      throw refused(`one is not signed by a custodian for exactly this: ${approval.custodian}`);
    }
    names.add(custodian.name);
  }
  if (names.size < document.quorum) {
    throw new SigningError(
      'SIGNING_APPROVAL_NEEDED',
      `${names.size} of ${document.quorum} custodians have approved (certdir standby approve)`,
    );
  }
  return [...names];
}

function refused(why: string): SigningError {
  return new SigningError('SIGNING_APPROVAL_REFUSED', `the approvals do not count: ${why}`);
}
