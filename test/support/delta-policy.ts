/**
 * A policy with delta lists: every four hours, valid for twelve, and holds.
 *
 * @module
 */

import type { Policy } from '../../src/ca/policy/policy.ts';
import { smallGunma } from './ca-test-bed.ts';

const { crl, profiles, revocation } = smallGunma;

export const withDeltas: Policy = {
  ...smallGunma,
  revocation: { ...revocation, hold: 'until-expiry' },
  crl: { ...crl, atOnceReasons: [], delta: { periodHours: 4, validityHours: 12 } },
};

/** The same, whose users' certificates say where delta lists are. */
export const withFreshest: Policy = {
  ...withDeltas,
  profiles: Object.fromEntries(
    Object.entries(profiles).map(([name, profile]) => [
      name,
      profile.kind === 'subscriber'
        ? {
            ...profile,
            extensions: [...profile.extensions, { type: 'freshestCRL', critical: false }],
          }
        : profile,
    ]),
  ),
};
