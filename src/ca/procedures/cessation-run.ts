/**
 * Carrying out a cessation, phase by phase: revoke what is valid, bring out the lists that say so, and in the end the
 * last ones. What each phase has done is durable with the mark that it did it, so that a run that ends at any moment
 * goes on where it was. Whoever calls it again, and whoever is asked twice, comes to the same.
 *
 * Not here: who decides that (`cessations.ts`).
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { equalBytes } from '../../core/bytes.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import { type CaCore, reading } from '../ca-core.ts';
import { listCertificates } from '../certificates/certificate-register.ts';
import {
  type GroupOutcome,
  type RevocationOrder,
  revokeGroup,
} from '../certificates/revocation-group.ts';
import { isLastList, validityMs } from '../policy/cadence.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import type { Cessation, CessationKind, CessationPhase } from '../records/service-record.ts';
import { changeServiceRecord, withCessation } from './cessation-change.ts';

/** What a run needs of those around it. */
export interface CessationSurroundings {
  readonly origin: AuditOrigin;
  /** Publishes these lists, now and before others, and resolves when all are out. */
  readonly publish: (scopeIds: readonly string[], origin: AuditOrigin) => Promise<void>;
  /** Told after each step, when it is durable. */
  readonly onStep?: (cessation: Cessation) => void;
  /** Stops at the next place where nothing is half done. */
  readonly signal?: AbortSignal;
}

/** Certificates looked at before the mark is moved on. */
const GROUP_SIZE = 256;
const MAX_SERIAL_HEX = 40;

/** The first of these that the policy knows. */
const reasons: Readonly<Record<CessationKind, readonly CrlReasonName[]>> = {
  compromise: ['cACompromise', 'keyCompromise', 'unspecified'],
  'end-of-service': ['cessationOfOperation', 'superseded', 'unspecified'],
};

/**
 * Does the next piece of work of a cessation.
 *
 * @param onRevoked Told what was revoked, when it is durable.
 * @returns false when nothing is to be done now.
 */
export async function stepCessation(
  core: CaCore,
  cessation: Cessation,
  {
    onRevoked,
    ...surroundings
  }: CessationSurroundings & { readonly onRevoked: (outcome: GroupOutcome) => Promise<void> },
): Promise<boolean> {
  const nowMs = core.clock.nowMs();
  switch (cessation.phase) {
    case 'announced': {
      if (nowMs < cessation.stopsMs) {
        return false;
      }
      await enter(core, cessation, { phase: 'revoking', origin: surroundings.origin });
      return true;
    }
    case 'revoking':
      await onRevoked(await revokeNext(core, cessation, surroundings.origin));
      return true;
    case 'publishing':
      await publishPending(core, surroundings);
      await enter(core, cessation, { phase: 'in-force', origin: surroundings.origin });
      return true;
    case 'in-force': {
      if (nowMs < closesMs(core, cessation)) {
        return false;
      }
      const phase = signsLists(core, cessation) ? 'closing' : 'closed';
      await enter(core, cessation, { phase, origin: surroundings.origin });
      return true;
    }
    case 'closing':
      await publishLast(core, surroundings);
      await enter(core, cessation, { phase: 'closed', origin: surroundings.origin });
      return true;
    case 'suspended':
    case 'withdrawn':
    case 'closed':
      return false;
  }
}

/** When a cessation has work next, in epoch milliseconds; undefined when none is to come by itself. */
export function cessationDueMs(core: CaCore, cessation: Cessation): number | undefined {
  switch (cessation.phase) {
    case 'announced':
      return cessation.stopsMs;
    case 'revoking':
    case 'publishing':
    case 'closing':
      return 0;
    case 'in-force':
      return closesMs(core, cessation);
    case 'suspended':
    case 'withdrawn':
    case 'closed':
      return undefined;
  }
}

/**
 * When the last lists are made: of a key that is to be destroyed at once, otherwise when everything has ended and the
 * lists that still had it have come out (secom 4.12).
 */
function closesMs({ policy }: CaCore, { destroysKey, kind, lastEndMs }: Cessation): number {
  return destroysKey && kind === 'compromise' ? 0 : lastEndMs + 2 * validityMs(policy);
}

/** A key that another one has followed has no lists of its own. */
function signsLists({ authorities }: CaCore, { kind, generation }: Cessation): boolean {
  return kind === 'end-of-service' || generation === authorities.current.generation;
}

/** Moves a cessation into its next phase. */
export async function enter(
  core: CaCore,
  { id }: Pick<Cessation, 'id'>,
  {
    phase,
    origin,
    details = {},
  }: {
    readonly phase: CessationPhase;
    readonly origin: AuditOrigin;
    readonly details?: Readonly<Record<string, string | number>>;
  },
): Promise<Cessation> {
  return await changeServiceRecord(core, `ca: ${phase}`, async (transaction, record) => {
    const before = core.service.of(id);
    const changed = { ...before, phase, phaseSinceMs: core.clock.nowMs() };
    await core.audit.append(transaction, {
      kind: `ca.${before.kind}`,
      result: 'done',
      origin,
      subject: id,
      details: {
        ...{ phase, before: before.phase, generation: before.generation },
        ...{ revoked: before.revoked, ...details },
      },
    });
    return { record: withCessation(record, changed), result: changed };
  });
}

/** Looks at the next certificates, and revokes those of the key that are valid; with the mark in one transaction. */
async function revokeNext(
  core: CaCore,
  { id }: Cessation,
  origin: AuditOrigin,
): Promise<GroupOutcome> {
  const found = await findNext(core, core.service.of(id));
  return await changeServiceRecord(core, 'ca: revoke all', async (transaction, record) => {
    const before = core.service.of(id);
    const group = { orders: found.orders, origin, procedure: before.kind };
    const result = await revokeGroup(core, transaction, group);
    const isOver = found.cursor === undefined;
    const changed: Cessation = {
      ...before,
      cursor: found.cursor ?? before.cursor,
      revoked: before.revoked + result.revoked.length,
      lastEndMs: Math.max(before.lastEndMs, found.lastEndMs),
      ...(isOver ? { phase: 'publishing', phaseSinceMs: core.clock.nowMs() } : {}),
    };
    if (isOver) {
      await core.audit.append(transaction, {
        kind: `ca.${before.kind}`,
        result: 'done',
        origin,
        subject: id,
        details: {
          ...{ phase: changed.phase, before: before.phase },
          ...{ generation: before.generation, revoked: changed.revoked },
        },
      });
    }
    return { record: withCessation(record, changed), result };
  });
}

/**
 * From a durable state: whatever was issued before issuing stopped is in it, because the stop is behind it in the store's
 * order and durable.
 *
 * @returns no cursor when there are no more.
 */
function findNext(
  core: CaCore,
  { kind, cursor, generation, revokes }: Cessation,
): Promise<{
  readonly orders: readonly RevocationOrder[];
  readonly cursor: string | undefined;
  readonly lastEndMs: number;
}> {
  const { store, tables, clock, policy, authorities } = core;
  const reason = reasons[kind].find((one) => policy.revocation.reasons.includes(one));
  const { spki } = authorities.of(generation).certificate;
  return reading(store, async (view) => {
    const nowMs = clock.nowMs();
    const orders: RevocationOrder[] = [];
    let looked = 0;
    let lastEndMs = 0;
    const after = cursor === '' ? {} : { after: BigInt(`0x${cursor}`) };
    for await (const one of listCertificates(view, tables, { ...after, nowMs })) {
      const isAuthority = isAuthorityCertificate(core, one.profile);
      const isOwn = isAuthority || one.profile === policy.ocsp?.profile;
      // Also what another key of the CA has signed for this one: who has the key gets in by the link.
      const isOf =
        kind === 'end-of-service' ||
        one.generation === generation ||
        (isAuthority && equalBytes(parseCertificate(one.der).spki, spki));
      if (isOf && one.state !== 'expired') {
        lastEndMs = isOwn ? lastEndMs : Math.max(lastEndMs, one.notAfterMs);
        // At the end of the service its own certificates stay good: lists and answers are verified with them.
        const isWanted = kind === 'compromise' || (revokes && !isOwn);
        if (isWanted && one.state !== 'revoked') {
          orders.push({ serialNumber: one.serialNumber, reason: reason ?? 'unspecified' });
        }
      }
      looked += 1;
      if (looked === GROUP_SIZE) {
        const last = one.serialNumber.toString(16).padStart(MAX_SERIAL_HEX, '0');
        return { orders, cursor: last, lastEndMs };
      }
      if (looked % 64 === 0) {
        await nextTurn();
      }
    }
    return { orders, cursor: undefined, lastEndMs };
  });
}

function isAuthorityCertificate({ profiles }: CaCore, profile: string): boolean {
  const kind = profiles.get(profile)?.definition.kind;
  return kind === 'self-signed' || kind === 'link';
}

/** Every list that lacks a revocation comes out, whatever the cadence says. */
async function publishPending(
  core: CaCore,
  { publish, origin }: CessationSurroundings,
): Promise<void> {
  const scopeIds = await scopesWhere(
    core,
    (record) => record.acknowledgedSequence > (record.published?.sequence ?? 0n),
  );
  await publish(scopeIds, origin);
}

/** The last list of each scope that has none yet. */
async function publishLast(
  core: CaCore,
  { publish, origin }: CessationSurroundings,
): Promise<void> {
  const scopeIds = await scopesWhere(core, ({ published }) => !isLastList(published ?? {}));
  await publish(scopeIds, origin);
}

function scopesWhere(
  { store, tables, scopes }: CaCore,
  isWanted: (record: Awaited<ReturnType<typeof readScopeRecord>>) => boolean,
): Promise<readonly string[]> {
  return reading(store, async (view) => {
    // The list of the CA's own certificates first: it says that nothing else is to be trusted.
    const first = scopes.list.filter(({ onlyContains }) => onlyContains === 'ca');
    const wanted: string[] = [];
    for (const { id } of new Set([...first, ...scopes.list])) {
      if (isWanted(await readScopeRecord(view, tables, id))) {
        wanted.push(id);
      }
    }
    return wanted;
  });
}
