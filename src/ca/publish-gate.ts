/**
 * The publish gate: what must be true of a revocation list before anyone may see it. One pure function
 * over plain facts, the same in production, tests and simulation; each invariant is a small check
 * of its own with a code of its own.
 *
 * The numbers are those of docs/architecture.md. I7 (always 24 h left) is watched over time by `status`,
 * I8 (read back over LDAP) needs the server, I9 (no audit record, no release) holds because record
 * and list are one transaction; they are not here.
 *
 * Not here: gathering the facts (`publication-facts.ts`), which happens inside the publishing
 * transaction and from the encoded list, not from what it was made of.
 *
 * @module
 */

import { equalBytes } from '../core/bytes.ts';
import { CrlReason } from '../x509/crl-extensions.ts';
import type { GateErrorCode } from './errors.ts';
import { formatSerialNumber } from './serial-number.ts';

/** The candidate as its own bytes say. */
export interface ListFacts {
  readonly number: bigint | undefined;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | undefined;
  /** CRL Next Publish; undefined when absent. */
  readonly nextPublishMs: number | undefined;
  readonly issuerDer: Uint8Array;
  readonly authorityKey:
    | {
        readonly keyIdentifier: Uint8Array | undefined;
        readonly issuerDer: Uint8Array | undefined;
        readonly serialNumber: bigint | undefined;
      }
    | undefined;
  /** `node:crypto`'s word on the signature under the scope's certificate. */
  readonly isSignatureValid: boolean;
  readonly distributionPoint:
    | {
        readonly isCritical: boolean;
        readonly nameDer: Uint8Array | undefined;
        readonly onlyContains: 'user' | 'ca' | 'attribute' | undefined;
        /** Indirect, or limited to some reasons: none of ours is. */
        readonly isLimited: boolean;
      }
    | undefined;
  readonly isDelta: boolean;
  readonly entryCount: number;
  /** The field revokedCertificates is there, empty or not. */
  readonly hasEntriesField: boolean;
  /** Every reasonCode met; undefined for an entry without one. */
  readonly reasons: ReadonlySet<number | undefined>;
}

/** An entry that the previous list did not have. */
export interface AddedEntry {
  readonly serialNumber: bigint;
  /** Of the certificate's own CRLDP; undefined when the CA has no such certificate. */
  readonly distributionPointDer: Uint8Array | undefined;
  readonly isRevoked: boolean;
  /** The revocation's number in the scope, counted from 1 in the order of acknowledgement. */
  readonly sequence: bigint;
}

/** An entry that the previous list had and the candidate has not. */
export interface DroppedEntry {
  readonly serialNumber: bigint;
  /** Undefined when the CA has no such certificate. */
  readonly notAfterMs: number | undefined;
  /** Of its revocation; undefined when it is not revoked. */
  readonly sequence: bigint | undefined;
}

export interface PublicationFacts {
  readonly scope: string;
  /** The clock, when the gate is asked. */
  readonly nowMs: number;
  readonly list: ListFacts;
  /** What the assembly set out to write. */
  readonly meant: {
    readonly number: bigint;
    readonly thisUpdateMs: number;
    readonly nextUpdateMs: number;
    readonly entryCount: number;
  };
  /** What the scope is, from the policy and the CA's certificate. */
  readonly expected: {
    readonly onlyContains: 'user' | 'ca';
    /** The name that certificates of the scope carry in CRLDP. */
    readonly distributionPointDer: Uint8Array;
    readonly issuerDer: Uint8Array;
    readonly keyIdentifier: Uint8Array;
    readonly certificateSerialNumber: bigint;
    readonly allowedReasons: ReadonlySet<number>;
    readonly periodMs: number;
  };
  /** The store, as the publishing transaction sees it. */
  readonly stored: {
    /** The last number given out; 0 before the first list. */
    readonly counter: bigint;
    /** The last revocation acknowledged in the scope. */
    readonly acknowledgedSequence: bigint;
    /** Revoked certificates of the scope that a list must carry. */
    readonly liveEntries: number;
    /** The same over all scopes, counted per scope and counted at each revocation. */
    readonly liveInAllScopes: number;
    readonly liveInTotal: number;
    readonly ownerId: string;
    readonly isNewListArchived: boolean;
    /** True too when there is no previous list. */
    readonly isPreviousListArchived: boolean;
  };
  readonly ownerId: string;
  readonly previous: { readonly thisUpdateMs: number; readonly sequence: bigint } | undefined;
  /** The last list that came out by the cadence; undefined before the first. */
  readonly lastRegular: { readonly thisUpdateMs: number; readonly sequence: bigint } | undefined;
  /** The last revocation that the candidate carries. */
  readonly includedSequence: bigint;
  /** When the oldest acknowledged revocation that no list carries, the candidate included, was made. */
  readonly oldestUnlistedMs: number | undefined;
  readonly added: readonly AddedEntry[];
  readonly dropped: readonly DroppedEntry[];
  /** The entry in the directory that holds the list; undefined when there is none. */
  readonly entryNameDer: Uint8Array | undefined;
}

export interface GateFinding {
  readonly code: GateErrorCode;
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
  CA_GATE_I15: revocationsComeOutInTime,
};

/**
 * Checks a candidate.
 *
 * @returns Every invariant that does not hold; empty when the list may be published.
 */
export function checkPublication(facts: PublicationFacts): readonly GateFinding[] {
  return (Object.entries(checks) as [GateErrorCode, Check][]).flatMap(([code, check]) => {
    const message = check(facts);
    return message === undefined ? [] : [{ code, message: `${facts.scope}: ${message}` }];
  });
}

/** I1: the number strictly increases, by one, compared and set in the publishing transaction. */
function numberIncreases({ list, stored }: PublicationFacts): string | undefined {
  return list.number === stored.counter + 1n
    ? undefined
    : `the list has number ${list.number}, the next one is ${stored.counter + 1n}`;
}

/** I2: thisUpdate moves on and is not in the future. */
function timeMovesOn({ list, previous, nowMs }: PublicationFacts): string | undefined {
  if (list.thisUpdateMs > nowMs) {
    return 'thisUpdate lies in the future';
  }
  if (previous !== undefined && list.thisUpdateMs <= previous.thisUpdateMs) {
    return "thisUpdate is not after the last list's";
  }
  return list.nextUpdateMs === undefined || list.nextUpdateMs <= nowMs
    ? 'nextUpdate is missing or over'
    : undefined;
}

/** I3: an entry leaves only after a list by the cadence has carried it past its certificate's end. */
function nothingLeavesEarly({ dropped, lastRegular }: PublicationFacts): string | undefined {
  const early = dropped.find(
    ({ notAfterMs, sequence }) =>
      notAfterMs === undefined ||
      sequence === undefined ||
      lastRegular === undefined ||
      lastRegular.thisUpdateMs <= notAfterMs ||
      lastRegular.sequence < sequence,
  );
  return early === undefined
    ? undefined
    : `the entry of ${formatSerialNumber(early.serialNumber)} would leave too early`;
}

/** I4: each revoked certificate is in the one partition that its CRLDP names; together they are all. */
function partitionIsExact(facts: PublicationFacts): string | undefined {
  const { added, list, expected, stored, previous } = facts;
  let last = previous?.sequence ?? 0n;
  for (const { serialNumber, distributionPointDer, isRevoked, sequence } of added) {
    const name = formatSerialNumber(serialNumber);
    if (
      distributionPointDer === undefined ||
      !equalBytes(distributionPointDer, expected.distributionPointDer)
    ) {
      return `${name} is not of this partition`;
    }
    if (!isRevoked || sequence <= last) {
      return `${name} is not revoked, or in the list twice`;
    }
    last = sequence;
  }
  if (list.entryCount !== stored.liveEntries) {
    return `the list has ${list.entryCount} entries, ${stored.liveEntries} certificates are revoked`;
  }
  return stored.liveInAllScopes === stored.liveInTotal
    ? undefined
    : `the partitions hold ${stored.liveInAllScopes} entries, ${stored.liveInTotal} are revoked`;
}

/** I5: CRLDP, IDP and the entry's name are the same bytes; IDP is critical and says what is inside. */
function pointsAgree({ list, expected, entryNameDer }: PublicationFacts): string | undefined {
  const point = list.distributionPoint;
  if (point === undefined || !point.isCritical || point.isLimited) {
    return 'issuingDistributionPoint is missing, not critical, or limits the list';
  }
  if (point.onlyContains !== expected.onlyContains) {
    return `issuingDistributionPoint does not say "only ${expected.onlyContains} certificates"`;
  }
  if (point.nameDer === undefined || !equalBytes(point.nameDer, expected.distributionPointDer)) {
    return 'issuingDistributionPoint is not the name in CRLDP';
  }
  return entryNameDer !== undefined && equalBytes(entryNameDer, point.nameDer)
    ? undefined
    : 'no entry of the directory has the name of the distribution point';
}

/** I6: issuer, AKI and signature are the scope's key's, and the bytes say what was meant. */
function keyAndContentAgree({ list, expected, meant }: PublicationFacts): string | undefined {
  const key = list.authorityKey;
  if (!equalBytes(list.issuerDer, expected.issuerDer)) {
    return "issuer does not have the bytes of the CA's name";
  }
  const isKey =
    key?.keyIdentifier !== undefined &&
    equalBytes(key.keyIdentifier, expected.keyIdentifier) &&
    key.issuerDer !== undefined &&
    equalBytes(key.issuerDer, expected.issuerDer) &&
    key.serialNumber === expected.certificateSerialNumber;
  if (!isKey) {
    return "authorityKeyIdentifier is not the CA's key";
  }
  if (!list.isSignatureValid) {
    return "the signature does not verify under the CA's key";
  }
  const isMeant =
    list.number === meant.number &&
    list.thisUpdateMs === meant.thisUpdateMs &&
    list.nextUpdateMs === meant.nextUpdateMs &&
    list.entryCount === meant.entryCount;
  return isMeant ? undefined : 'the encoded list says something else than was meant';
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

/** I15: what has been acknowledged for a whole period is listed, and the next list is due in time. */
function revocationsComeOutInTime(facts: PublicationFacts): string | undefined {
  const { oldestUnlistedMs, nowMs, expected, list } = facts;
  if (oldestUnlistedMs !== undefined && nowMs - oldestUnlistedMs >= expected.periodMs) {
    return 'a revocation has waited for longer than the period and is not in the list';
  }
  return list.nextPublishMs !== undefined &&
    list.nextPublishMs > list.thisUpdateMs + expected.periodMs
    ? 'the next list is announced later than the period'
    : undefined;
}
