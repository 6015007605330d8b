/**
 * What custodians do through a running server: see what waits for them, put an act before them, hand in an approval.
 * Here are both ends of it on the control socket.
 *
 * Proposals and approvals are signed over elsewhere (`src/signing/custody/approval.ts`); here they pass through as they are.
 *
 * @module
 */

import type { Operator } from './operator.ts';
import { objectOf, textSchema } from './request-schema.ts';

/** One act that waits for approvals. */
export interface ProposalReport {
  /** SHA-256 over the proposal, hexadecimal: what custodians compare. */
  readonly hash: string;
  /** `Proposal` of src/signing/custody/approval.ts. */
  readonly proposal: unknown;
  readonly approvedBy: readonly string[];
  readonly quorum: number;
  /** ISO 8601. */
  readonly expires: string;
  /** The quorum was complete, and it was done. */
  readonly isDone: boolean;
}

export interface CustodyOperations {
  list(): Promise<readonly ProposalReport[]>;
  /** @param input `CustodyOperation` of src/signing/custody/approval.ts. */
  propose(input: { readonly operation: unknown }, operator: Operator): Promise<ProposalReport>;
  /** Hands in an approval; the one that completes the quorum has the act done. */
  approve(
    input: { readonly hash: string; readonly approval: unknown },
    operator: Operator,
  ): Promise<ProposalReport>;
}

/** One line of text that says all of an operation, bounded; src/app reads it. */
const operation = { type: 'object', maxProperties: 8 };
const approval = objectOf({
  custodian: textSchema,
  share: {
    anyOf: [{ type: 'null' }, objectOf({ sender: textSchema, sealed: textSchema })],
  },
  signature: textSchema,
});

export const custodySchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'custody-list': objectOf({}),
  'custody-propose': objectOf({ operation }),
  'custody-approve': objectOf({ hash: textSchema, approval }),
};

interface Request {
  readonly body: unknown;
  readonly operator: Operator;
}

/** The server's end. */
export function custodyHandlers(
  operations: CustodyOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  return {
    'custody-list': () => operations.list(),
    'custody-propose': ({ body, operator }) =>
      operations.propose(body as { readonly operation: unknown }, operator),
    'custody-approve': ({ body, operator }) =>
      operations.approve(body as { readonly hash: string; readonly approval: unknown }, operator),
  };
}

/** The client's end. */
export function remoteCustody(
  call: <T>(name: string, body: unknown) => Promise<T>,
): CustodyOperations {
  return {
    list: () => call('custody-list', {}),
    propose: (input) => call('custody-propose', input),
    approve: (input) => call('custody-approve', input),
  };
}
