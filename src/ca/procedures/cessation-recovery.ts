/**
 * What lists in use tell of a cessation that the store has lost: a backup of before must not bring a compromised key, or a
 * service that has ended, back to life. Only the procedure of a compromise revokes the CA's own certificate, and only
 * last lists have no end.
 *
 * @module
 */

import type { CaCore } from '../ca-core.ts';
import { isLastList } from '../policy/cadence.ts';
import type { Cessation, ServiceRecord } from '../records/service-record.ts';

/** A list that was read back. */
export interface ListInUse {
  readonly serialNumbers: readonly bigint[];
  readonly nextUpdateMs: number | undefined;
}

/**
 * The service record with what the lists tell. What is found is carried out as if it had been approved, which it was.
 *
 * @returns the same record when they tell nothing new.
 */
export function recoverCessations(
  { authorities, clock, authority }: CaCore,
  record: ServiceRecord,
  lists: readonly ListInUse[],
): ServiceRecord {
  const nowMs = clock.nowMs();
  const isClosed = lists.some(({ nextUpdateMs }) =>
    isLastList(nextUpdateMs === undefined ? {} : { nextUpdateMs }),
  );
  const listed = new Set(lists.flatMap(({ serialNumbers }) => serialNumbers));
  const compromised = authorities.all.filter(({ certificate }) =>
    listed.has(certificate.serialNumber),
  );
  const common: Omit<Cessation, 'kind' | 'id' | 'generation' | 'revokes' | 'destroysKey'> = {
    phase: 'revoking',
    ...{ phaseSinceMs: nowMs, startedMs: nowMs, stopsMs: nowMs },
    ...{ explanation: { ja: '', en: '' }, cursor: '', revoked: 0, lastEndMs: 0 },
  };
  const told = compromised.map(
    ({ generation }): Cessation => ({
      ...{ ...common, kind: 'compromise', generation, revokes: true },
      id: `recovered-compromise-${generation}`,
      destroysKey: isClosed && generation === authority.generation,
    }),
  );
  if (isClosed && compromised.every(({ generation }) => generation !== authority.generation)) {
    const { generation } = authority;
    told.push({
      ...{ ...common, kind: 'end-of-service', generation, revokes: false, destroysKey: false },
      id: 'recovered-end-of-service',
    });
  }
  const isKnown = (one: Cessation): boolean =>
    record.cessations.some(
      ({ kind, generation, phase }) =>
        kind === one.kind &&
        (kind === 'end-of-service' || generation === one.generation) &&
        phase !== 'suspended' &&
        phase !== 'withdrawn',
    );
  const news = told.filter((one) => !isKnown(one));
  return news.length === 0 ? record : { ...record, cessations: [...record.cessations, ...news] };
}
