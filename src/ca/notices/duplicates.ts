/**
 * Subscribers who hold two certificates where the statement gives each one (gunma 4-2-3): issuing refuses the second,
 * so that there are none but by an accident, and then the newer one is revoked. A certificate that waits for delivery
 * beside the one that it will replace is no such accident.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { Turns } from '../../core/turns.ts';
import { eachMember } from '../../store/key-sets.ts';
import { type CaCore, transactAsOwner } from '../ca-core.ts';
import {
  findCertificate,
  type RegisteredCertificate,
} from '../certificates/certificate-register.ts';
import { type GroupOutcome, revokeGroup } from '../certificates/revocation-group.ts';
import { CaError } from '../errors.ts';
import { serialNumberOfKey } from '../records/ca-tables.ts';
import type { RevocationListener } from './revocation-listener.ts';

export interface Duplicate {
  /** The one that stays. */
  readonly older: RegisteredCertificate;
  readonly newer: readonly RegisteredCertificate[];
}

const PER_TURN = 64;

export class Duplicates {
  readonly #core: CaCore;
  readonly #listener: RevocationListener;

  constructor(core: CaCore, listener: RevocationListener) {
    this.#core = core;
    this.#listener = listener;
  }

  /** Looks through all subscribers, in turns. */
  async *find(): AsyncIterable<Duplicate> {
    const { store, tables } = this.#core;
    const snapshot = store.snapshot();
    const turns = new Turns(PER_TURN);
    try {
      for await (const key of snapshot.keys(tables.indexes('subscriber'))) {
        const held: RegisteredCertificate[] = [];
        for await (const member of eachMember(snapshot, key)) {
          const serialNumber = serialNumberOfKey(member);
          const nowMs = this.#core.clock.nowMs();
          const found = await findCertificate(snapshot, tables, { serialNumber, nowMs });
          if (found !== undefined && (found.state === 'good' || found.state === 'held')) {
            held.push(found);
          }
        }
        yield* duplicateOf(held);
        await turns.spend(1);
      }
    } finally {
      await snapshot.close();
    }
  }

  /**
   * Revokes the newer ones. @returns how many.
   *
   * @throws {CaError} `CA_NOTICE_OFF`
   */
  async revokeNewer(origin: AuditOrigin): Promise<number> {
    const reason = this.#core.policy.notices?.duplicate;
    if (reason === undefined) {
      throw new CaError(
        'CA_NOTICE_OFF',
        'the policy has no reason for duplicates (notices.duplicate)',
      );
    }
    let count = 0;
    for await (const { newer } of this.find()) {
      const orders = newer.map(({ serialNumber }) => ({ serialNumber, reason }));
      const outcome: GroupOutcome = await transactAsOwner(
        this.#core,
        'ca: duplicates',
        async (transaction) => await revokeGroup(this.#core, transaction, { orders, origin }),
      );
      count += outcome.revoked.length;
      await this.#listener.onRevoked(outcome);
    }
    this.#listener.announce();
    return count;
  }
}

function* duplicateOf(held: readonly RegisteredCertificate[]): Iterable<Duplicate> {
  const profiles = new Set(held.map(({ profile }) => profile));
  for (const profile of profiles) {
    const [older, ...newer] = held
      .filter((one) => one.profile === profile)
      .sort((left, right) => left.issuedMs - right.issuedMs);
    if (older !== undefined && newer.length > 0) {
      yield { older, newer };
    }
  }
}
