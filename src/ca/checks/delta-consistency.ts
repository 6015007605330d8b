/**
 * The delta lists of one scope: each in the archive as the CA signed it, about a full list of the archive, and the one on
 * show in the directory.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { equalBytes, formatHex } from '../../core/bytes.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import type { ListReading } from '../lists/list-facts.ts';
import { hasDelta, type Scope } from '../policy/scope.ts';
import type { PublishedDelta, ScopeRecord } from '../records/scope-record.ts';
import { readArchived } from '../records/scope-state.ts';
import { readArchivedList } from './archived-list.ts';
import type { RevokedCertificate } from './certificate-consistency.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  faultOf,
  inconsistent,
} from './consistency-fault.ts';

/** @param state `deltas`: every delta list of the archive, by number. */
export async function* findDeltaFaults(
  context: ConsistencyContext,
  scope: Scope,
  state: {
    readonly record: ScopeRecord;
    readonly deltas: readonly PublishedDelta[];
    readonly revoked: ReadonlyMap<bigint, RevokedCertificate>;
  },
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { record, deltas, revoked } = state;
  if (deltas.length === 0 && record.delta === undefined && !hasDelta(scope, context.policy)) {
    return;
  }
  yield* checkOnShow(context, scope, state);
  let lastUpdateMs = Number.NEGATIVE_INFINITY;
  for (const delta of deltas) {
    context.tally.lists += 1;
    try {
      const base = await readArchived(context.view, context.tables, {
        scopeId: scope.id,
        number: delta.baseNumber,
      });
      const reading = await readArchivedList(context, delta);
      const facts = { delta, lastUpdateMs, baseUpdateMs: base?.thisUpdateMs };
      for (const message of deltaMessages(scope, reading, facts)) {
        yield inconsistent(scope.id, `delta list ${delta.number}: ${message}`);
      }
      if (record.delta?.number === delta.number) {
        yield* checkEntries(scope, reading, { record, delta, revoked });
      }
    } catch (error) {
      const { code, message } = faultOf(scope.id, error);
      yield { code, subject: scope.id, message: `delta list ${delta.number}: ${message}` };
    }
    lastUpdateMs = delta.thisUpdateMs;
    await context.step();
  }
}

async function* checkOnShow(
  context: ConsistencyContext,
  scope: Scope,
  { record, deltas }: { readonly record: ScopeRecord; readonly deltas: readonly PublishedDelta[] },
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { delta } = record;
  const kept = deltas.find(({ number }) => number === delta?.number);
  if (delta !== undefined && (kept === undefined || !equalBytes(kept.sha256, delta.sha256))) {
    yield inconsistent(scope.id, `delta list ${delta.number} is on show and not in the archive`);
  }
  try {
    const values = await context.publishedValues(scope.dn, 'deltaRevocationList');
    const found = values.map((value) => createHash('sha256').update(value).digest('hex'));
    if (found.join() !== (delta === undefined ? '' : formatHex(delta.sha256))) {
      yield inconsistent(scope.id, `${scope.dn} does not hold the newest delta list, and it alone`);
    }
  } catch (error) {
    yield faultOf(scope.id, error);
  }
}

function* deltaMessages(
  scope: Scope,
  { facts, list }: ListReading,
  {
    delta,
    lastUpdateMs,
    baseUpdateMs,
  }: {
    readonly delta: PublishedDelta;
    readonly lastUpdateMs: number;
    readonly baseUpdateMs: number | undefined;
  },
): Iterable<string> {
  const { distributionPoint: point, deltaIndicator: indicator } = facts;
  const rules: readonly (readonly [holds: boolean, message: string])[] = [
    [facts.isSignatureValid, "the CA's signature does not verify"],
    [facts.number === delta.number, 'it has another number'],
    [
      facts.thisUpdateMs === delta.thisUpdateMs && facts.nextUpdateMs === delta.nextUpdateMs,
      'it has other times than on record',
    ],
    [delta.thisUpdateMs > lastUpdateMs, 'its thisUpdate is not after that of the one before'],
    [
      baseUpdateMs !== undefined && delta.thisUpdateMs >= baseUpdateMs,
      'the list that it is a change of is not in the archive, or is younger',
    ],
    [
      indicator?.isCritical === true && indicator.baseNumber === delta.baseNumber,
      'its deltaCRLIndicator is another than on record',
    ],
    [
      facts.entryCount === delta.entryCount && list.der.length === delta.byteLength,
      'it has another size than on record',
    ],
    [
      point?.nameDer !== undefined &&
        equalBytes(point.nameDer, scope.distributionPoint.der) &&
        point.onlyContains === scope.onlyContains,
      'its issuing distribution point is that of another list',
    ],
  ];
  for (const [holds, message] of rules) {
    if (!holds) {
      yield message;
    }
  }
}

/** Every revocation between the full list and the delta list on show is in it, unless it became another since. */
function* checkEntries(
  scope: Scope,
  { list }: ListReading,
  {
    record,
    delta,
    revoked,
  }: {
    readonly record: ScopeRecord;
    readonly delta: PublishedDelta;
    readonly revoked: ReadonlyMap<bigint, RevokedCertificate>;
  },
): Iterable<ConsistencyFault> {
  const { published } = record;
  if (published?.number !== delta.baseNumber) {
    return;
  }
  const listed = new Map<bigint, number>();
  // Unspecified is left out of entries (RFC 5280 §5.3.1).
  for (const { serialNumber, reason = CrlReason.unspecified } of list.entries()) {
    listed.set(serialNumber, reason);
  }
  for (const [serialNumber, { sequence, reason }] of revoked) {
    const isChange = sequence > published.sequence && sequence <= delta.sequence;
    const isListed = listed.get(serialNumber) === reason;
    if (isChange && !isListed) {
      const name = formatSerialNumber(serialNumber);
      yield inconsistent(scope.id, `${name} is revoked and not in the newest delta list`);
    }
    if (sequence <= delta.sequence && listed.get(serialNumber) === CrlReason.removeFromCRL) {
      const name = formatSerialNumber(serialNumber);
      yield inconsistent(scope.id, `${name} is revoked and removed by the newest delta list`);
    }
  }
}
