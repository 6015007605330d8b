/**
 * Revoking a stream of certificates, in groups of one transaction each. What is durable of it stays so when the run is
 * interrupted; given the same certificates again, it goes on behind them, since what is revoked already is passed over.
 *
 * Memory is that of one group, however long the stream.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { CaError } from '../errors.ts';
import type { GroupOutcome, RevocationGroup, RevocationOrder } from './revocation-group.ts';

/**
 * Certificates in one transaction. The writer is held for so long as a group takes, some 25 ms; a group of twice the
 * size saves a twentieth of the time.
 */
export const GROUP_SIZE = 256;

/** What became of a run, so far or in the end. */
export interface BulkTally {
  /** Certificates that were named. */
  readonly read: number;
  readonly revoked: number;
  readonly alreadyRevoked: number;
  readonly refused: number;
}

export const nothingRevoked: BulkTally = { read: 0, revoked: 0, alreadyRevoked: 0, refused: 0 };

/** After each group, when it is durable. */
export interface BulkStep {
  readonly tally: BulkTally;
  /** Of this group, without those that are revoked already. */
  readonly refused: readonly { readonly order: RevocationOrder; readonly error: CaError }[];
}

export interface BulkRevocation {
  readonly orders: AsyncIterable<RevocationOrder> | Iterable<RevocationOrder>;
  readonly origin: AuditOrigin;
  /** As `RevocationGroup` has it. */
  readonly procedure?: string;
}

/**
 * Revokes them all, in order.
 *
 * @param revokeGroup Revokes one group durably.
 * @yields after each group. Whoever stops listening stops the run.
 * @throws what `revokeGroup` and the stream throw; the groups before are durable.
 */
export async function* revokeInGroups(
  { orders, origin, procedure }: BulkRevocation,
  revokeGroup: (group: RevocationGroup) => Promise<GroupOutcome>,
): AsyncGenerator<BulkStep, BulkTally, undefined> {
  const common = { origin, ...(procedure === undefined ? {} : { procedure }) };
  let tally = nothingRevoked;
  /** Being made durable while the next one is put together; its failure is met when it is waited for. */
  let underWay: Promise<GroupOutcome> | undefined;
  let waiting: RevocationOrder[] = [];
  const settle = async (group: Promise<GroupOutcome>): Promise<BulkStep> => {
    const outcome = await group;
    tally = added(tally, outcome);
    const refused = outcome.refused.filter(({ error }) => error.code !== 'CA_ALREADY_REVOKED');
    return { tally, refused };
  };
  const begin = (): Promise<GroupOutcome> => {
    const group = revokeGroup({ ...common, orders: waiting });
    group.catch(() => undefined);
    underWay = group;
    waiting = [];
    return group;
  };
  try {
    for await (const order of orders) {
      waiting.push(order);
      if (waiting.length >= GROUP_SIZE) {
        const before = underWay;
        void begin();
        if (before !== undefined) {
          yield await settle(before);
        }
      }
    }
    const last = [underWay, waiting.length > 0 ? begin() : undefined];
    for (const group of last) {
      if (group !== undefined) {
        yield await settle(group);
      }
    }
    return tally;
  } finally {
    await Promise.allSettled([underWay]);
  }
}

function added(tally: BulkTally, { revoked, refused }: GroupOutcome): BulkTally {
  const already = refused.filter(({ error }) => error.code === 'CA_ALREADY_REVOKED').length;
  return {
    read: tally.read + revoked.length + refused.length,
    revoked: tally.revoked + revoked.length,
    alreadyRevoked: tally.alreadyRevoked + already,
    refused: tally.refused + refused.length - already,
  };
}
