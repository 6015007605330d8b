/**
 * What goes with a certificate when it is issued, in the same transaction: that it counts for nothing until it was
 * received, that it is on its way, and the end of the one that it replaces.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { Transaction } from '../../store/store.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import type { CaCore } from '../ca-core.ts';
import { type GroupOutcome, revokeGroup } from '../certificates/revocation-group.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import type { Profile } from '../policy/profile.ts';
import { encodeStatusRecord } from '../records/certificate-record.ts';
import { writeDelivery } from './delivery-store.ts';

interface Started {
  readonly profile: Profile;
  readonly serialNumber: bigint;
  readonly renews: bigint | undefined;
  readonly origin: AuditOrigin;
}

/** @returns what was revoked since the new one takes its place at once. */
export async function startDelivery(
  core: CaCore,
  transaction: Transaction,
  { profile, serialNumber, renews, origin }: Started,
): Promise<GroupOutcome | undefined> {
  const { tables, clock, policy } = core;
  const nowMs = clock.nowMs();
  const { delivery } = profile.definition;
  if (delivery === 'on-receipt') {
    // In no list, so it has no number in one.
    const status = { state: 'not-delivered', reason: CrlReason.unspecified, sequence: 0n } as const;
    const sinceMs = Math.floor(nowMs / 1000) * 1000;
    transaction.put(tables.status(serialNumber), encodeStatusRecord({ ...status, sinceMs }));
  }
  if (policy.deliveries?.[profile.name] !== undefined) {
    writeDelivery(tables, transaction, {
      version: 1,
      serialNumber: formatSerialNumber(serialNumber),
      profile: profile.name,
      form: 'certificate',
      state: 'prepared',
      preparedMs: nowMs,
      ...{ key: 'none', password: 'none' },
      ...(renews === undefined ? {} : { renews: formatSerialNumber(renews) }),
    });
  }
  return delivery === 'on-receipt' || renews === undefined
    ? undefined
    : await supersede(core, transaction, { profile, renews, origin });
}

/**
 * Revokes the certificate that another has taken the place of, where a subscriber has one (gunma 3-2, 4-2-3). One that has
 * ended meanwhile, or was revoked, is left as it is.
 */
export async function supersede(
  core: CaCore,
  transaction: Transaction,
  { profile, renews, origin }: Pick<Started, 'profile' | 'origin'> & { readonly renews: bigint },
): Promise<GroupOutcome | undefined> {
  return profile.definition.onePerSubscriber
    ? await revokeGroup(core, transaction, {
        orders: [{ serialNumber: renews, reason: 'superseded' }],
        origin,
      })
    : undefined;
}
