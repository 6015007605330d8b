/**
 * The publish gate: what must be true of a revocation list before anyone may see it. One pure function
 * over plain facts, the same in production, tests and simulation; each invariant is a small check
 * of its own with a code of its own. What a refusal would make worse raises an alarm instead.
 *
 * The numbers are those of docs/architecture.md. I7 (always 24 h left) is watched over time by `status`,
 * I8 (read back over LDAP) needs the server, I9 (no audit record, no release) holds because record
 * and list are one transaction; they are not here.
 *
 * Not here: looking at single entries (`entry-gate.ts`, whose findings are among the facts), and gathering the facts
 * (`publication-facts.ts`), from the encoded list and not from what it was made of.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import type { GateErrorCode } from '../errors.ts';
import type { PublicationFacts } from './gate-facts.ts';

export interface GateFinding {
  readonly code: GateErrorCode;
  /** Whether the list may not be published, or may and somebody must know. */
  readonly effect: 'stop' | 'alarm';
  readonly message: string;
}

type Check = (facts: PublicationFacts) => string | undefined;

const checks: Readonly<Record<GateErrorCode, Check>> = {
  CA_GATE_I1: numberIncreases,
  CA_GATE_I2: timeMovesOn,
  CA_GATE_I3: nothingLeavesEarly,
  CA_GATE_I4: partitionIsExact,
  CA_GATE_I5: pointsAgree,
  CA_GATE_I6: keyAndContentAgree,
  CA_GATE_I10: newBeforeOld,
  CA_GATE_I11: reasonsAreKnown,
  CA_GATE_I12: emptyListHasNoField,
  CA_GATE_I13: oneWriter,
  CA_GATE_I14: nothingAcknowledgedIsMissing,
  CA_GATE_I15: revocationsComeOut,
};

/** What the list cannot be blamed for: it is the cure. */
const alarms: Readonly<Partial<Record<GateErrorCode, Check>>> = {
  CA_GATE_I15: revocationsComeOutLate,
};

/**
 * Checks a candidate.
 *
 * @returns Every invariant that does not hold. The list may be published when none has the effect
 *   `stop`.
 */
export function checkPublication(facts: PublicationFacts): readonly GateFinding[] {
  return [...run(checks, 'stop', facts), ...run(alarms, 'alarm', facts)];
}

function run(
  these: Readonly<Partial<Record<GateErrorCode, Check>>>,
  effect: GateFinding['effect'],
  facts: PublicationFacts,
): GateFinding[] {
  return (Object.entries(these) as [GateErrorCode, Check][]).flatMap(([code, check]) => {
    const message = check(facts);
    return message === undefined ? [] : [{ code, effect, message: `${facts.scope}: ${message}` }];
  });
}

/** I1: the number strictly increases, by one, compared and set in the publishing transaction. */
function numberIncreases({ list, stored }: PublicationFacts): string | undefined {
  return list.number === stored.counter + 1n
    ? undefined
    : `the list has number ${list.number}, the next one is ${stored.counter + 1n}`;
}

/** I2: thisUpdate moves on and is not in the future. */
function timeMovesOn({ list, previous, nowMs, delta }: PublicationFacts): string | undefined {
  if (list.thisUpdateMs > nowMs) {
    return 'thisUpdate lies in the future';
  }
  if (previous !== undefined && list.thisUpdateMs <= previous.thisUpdateMs) {
    return "thisUpdate is not after the last list's";
  }
  if (delta !== undefined && list.thisUpdateMs < delta.base.thisUpdateMs) {
    return 'thisUpdate is before that of the list that it is a change of';
  }
  return list.nextUpdateMs === undefined || list.nextUpdateMs <= nowMs
    ? 'nextUpdate is missing or over'
    : undefined;
}

/** I3: an entry leaves only after a list by the cadence has carried it past its certificate's end. */
function nothingLeavesEarly({ isCarriedOver, entries }: PublicationFacts): string | undefined {
  return isCarriedOver
    ? entries.faults.get('CA_GATE_I3')
    : 'what stays of the last list is not what the last list had';
}

/** I4: each revoked certificate is in the one partition that its CRLDP names; together they are all. */
function partitionIsExact({
  list,
  stored,
  entries,
  includedSequence,
  delta,
}: PublicationFacts): string | undefined {
  const fault = entries.faults.get('CA_GATE_I4');
  if (fault !== undefined) {
    return fault;
  }
  if (entries.lastSequence !== includedSequence) {
    return `the list brings revocations up to ${entries.lastSequence}, not ${includedSequence}`;
  }
  if (delta !== undefined) {
    return list.entryCount === entries.addedCount + delta.removedCount
      ? delta.removalFault
      : 'the delta list has other entries than those that have changed';
  }
  const liveEntries = stored.liveEntries - entries.servedCount;
  if (list.entryCount !== liveEntries) {
    return `the list has ${list.entryCount} entries, ${liveEntries} certificates are revoked`;
  }
  const { liveInAllScopes = stored.liveInTotal } = stored;
  return liveInAllScopes === stored.liveInTotal
    ? undefined
    : `the partitions hold ${liveInAllScopes} entries, ${stored.liveInTotal} are revoked`;
}

/** I5: CRLDP, IDP and the entry's name are the same bytes; IDP is critical and says what is inside. */
function pointsAgree({ list, expected, entryNameDer }: PublicationFacts): string | undefined {
  const point = list.distributionPoint;
  if (expected.isFull) {
    return point === undefined ? undefined : 'a full list has an issuingDistributionPoint';
  }
  if (point === undefined || !point.isCritical || point.isLimited) {
    return 'issuingDistributionPoint is missing, not critical, or limits the list';
  }
  if (point.onlyContains !== expected.onlyContains) {
    return `issuingDistributionPoint does not say "only ${expected.onlyContains} certificates"`;
  }
  const { distributionPointDer: pointDer, isUnnamed = false } = expected;
  const isSaid = point.nameDer !== undefined && equalBytes(point.nameDer, pointDer);
  if (isUnnamed ? point.hasName : !isSaid) {
    return 'issuingDistributionPoint is not the name in CRLDP';
  }
  if (entryNameDer === undefined || !equalBytes(entryNameDer, pointDer)) {
    return 'no entry of the directory has the name of the distribution point';
  }
  const freshest = list.freshestNameDer;
  const isFreshest =
    expected.hasFreshest === true
      ? freshest !== undefined && equalBytes(freshest, expected.distributionPointDer)
      : freshest === undefined;
  return isFreshest ? undefined : 'freshestCRL is not as the policy has it';
}

/** I6: issuer, AKI and signature are the scope's key's, and the bytes say what was meant. */
function keyAndContentAgree(facts: PublicationFacts): string | undefined {
  const { list, expected, meant } = facts;
  const key = list.authorityKey;
  if (!equalBytes(list.issuerDer, expected.issuerDer)) {
    return "issuer does not have the bytes of the CA's name";
  }
  const isKey =
    key?.keyIdentifier !== undefined &&
    equalBytes(key.keyIdentifier, expected.keyIdentifier) &&
    key.serialNumber === expected.certificateSerialNumber &&
    (key.serialNumber === undefined
      ? key.issuerDer === undefined
      : key.issuerDer !== undefined && equalBytes(key.issuerDer, expected.issuerDer));
  if (!isKey) {
    return "authorityKeyIdentifier is not the CA's key";
  }
  if (!list.isSignatureValid) {
    return "the signature does not verify under the CA's key";
  }
  const isMeant =
    list.number === meant.number &&
    list.thisUpdateMs === meant.thisUpdateMs &&
    list.entryCount === meant.entryCount;
  return isMeant ? contentAgrees(facts) : 'the encoded list says something else than was meant';
}

/** Times as the policy has them, new entries as the revocations are on record. */
function contentAgrees({ list, expected, entries, delta }: PublicationFacts): string | undefined {
  const indicator = list.deltaIndicator;
  const isKind =
    delta === undefined
      ? indicator === undefined
      : indicator?.isCritical === true && indicator.baseNumber === delta.base.number;
  if (!isKind) {
    return 'deltaCRLIndicator is not critical, not that of the list on show, or in a full list';
  }
  if (list.nextUpdateMs !== list.thisUpdateMs + expected.validityMs) {
    return "the list does not have the policy's validity";
  }
  const { nextPublishMs } = expected;
  const announcedMs = nextPublishMs === undefined ? undefined : list.thisUpdateMs + nextPublishMs;
  if (list.nextPublishMs !== announcedMs) {
    return "CRL Next Publish is not what the policy's period makes it";
  }
  return entries.faults.get('CA_GATE_I6');
}

/** I10: the new list is kept before the old one is touched, and the old one stays kept. */
function newBeforeOld({ stored }: PublicationFacts): string | undefined {
  if (!stored.isNewListArchived) {
    return 'the new list is not in the archive';
  }
  return stored.isPreviousListArchived ? undefined : 'the previous list is not in the archive';
}

/** I11: only reasons of the policy; none for unspecified; removeFromCRL only in delta lists. */
function reasonsAreKnown({ list, expected }: PublicationFacts): string | undefined {
  for (const reason of list.reasons) {
    if (reason === CrlReason.unspecified) {
      return 'the reason unspecified is written out';
    }
    if (reason === CrlReason.removeFromCRL) {
      if (!list.isDelta) {
        return 'removeFromCRL stands in a full list';
      }
    } else if (!expected.allowedReasons.has(reason ?? CrlReason.unspecified)) {
      return `the reason ${reason ?? 'unspecified'} is not in the policy`;
    }
  }
  return undefined;
}

/** I12: an empty list has no revokedCertificates (RFC 5280 §5.1.2.6). */
function emptyListHasNoField({ list }: PublicationFacts): string | undefined {
  return list.hasEntriesField === list.entryCount > 0
    ? undefined
    : 'revokedCertificates is there and empty, or missing';
}

/** I13: no other process has opened the store for writing since this one did. */
function oneWriter({ ownerId, stored }: PublicationFacts): string | undefined {
  return stored.ownerId === ownerId ? undefined : 'another process has taken over the store';
}

/** I14: the list is as new as every acknowledged revocation. */
function nothingAcknowledgedIsMissing(facts: PublicationFacts): string | undefined {
  return facts.includedSequence === facts.stored.acknowledgedSequence
    ? undefined
    : 'a revocation was acknowledged while the list was made';
}

/** I15: what waits comes out now: once a list is out nobody would know that it still waits. */
function revocationsComeOut({ waitingSinceMs, entries }: PublicationFacts): string | undefined {
  const { oldestAddedMs, passedOverCount } = entries;
  const isThere =
    waitingSinceMs === undefined ||
    // What waited was a hold, perhaps, and was released.
    passedOverCount > 0 ||
    (oldestAddedMs !== undefined && oldestAddedMs <= waitingSinceMs);
  return isThere
    ? undefined
    : `a revocation has waited since ${formatTime(waitingSinceMs)} and is not in the list`;
}

/** I15: it should have come out before; to hold the list back as well would make it worse. */
function revocationsComeOutLate({
  entries,
  nowMs,
  expected,
  previous,
}: PublicationFacts): string | undefined {
  // A full list that was added later begins with what was revoked long before.
  const { oldestAddedMs = nowMs } = previous === undefined ? {} : entries;
  return nowMs - oldestAddedMs <= expected.longestWaitMs
    ? undefined
    : `a revocation has waited for its list since ${formatTime(oldestAddedMs)}`;
}

function formatTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
