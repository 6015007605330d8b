/**
 * The facts that the publish gate (`publish-gate.ts`) judges: plain values, so that a test can state them.
 * `publication-facts.ts` gathers them.
 *
 * @module
 */

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
        /** It names a point, whatever the kind of name. */
        readonly hasName: boolean;
        readonly onlyContains: 'user' | 'ca' | 'attribute' | undefined;
        /** Indirect, or limited to some reasons: none of ours is. */
        readonly isLimited: boolean;
      }
    | undefined;
  readonly isDelta: boolean;
  /** deltaCRLIndicator; undefined when absent. */
  readonly deltaIndicator?: { readonly baseNumber: bigint; readonly isCritical: boolean };
  /** The one name in freshestCRL; undefined when absent, and for anything else. */
  readonly freshestNameDer?: Uint8Array;
  readonly entryCount: number;
  /** The field revokedCertificates is there, empty or not. */
  readonly hasEntriesField: boolean;
  /** Every reasonCode that an entry has, or once had; undefined for an entry without one. */
  readonly reasons: ReadonlySet<number | undefined>;
}

/** An entry that the previous list did not have: as the list says it, and what is on record. */
export interface AddedEntry {
  readonly serialNumber: bigint;
  readonly revocationMs: number;
  /** CRLReason; unspecified for an entry without one. */
  readonly reason: number;
  /** Undefined when the CA has no such certificate. */
  readonly certificate:
    | {
        /** The scope it was issued into. */
        readonly scope: string;
        /** The one name in its own CRLDP. */
        readonly distributionPointDer: Uint8Array | undefined;
        /** For a full list: the key that it is about has signed the certificate. True for partitions, which outlive keys. */
        readonly isOfKey: boolean;
      }
    | undefined;
  /** Undefined when the certificate is not revoked. */
  readonly revocation:
    | {
        readonly sinceMs: number;
        readonly reason: number;
        /** Its number in the scope, counted from 1 in the order of acknowledgement. */
        readonly sequence: bigint;
      }
    | undefined;
}

/** An entry that the previous list had and the candidate has not. */
export interface DroppedEntry {
  readonly serialNumber: bigint;
  /** As the previous list said it; unspecified for an entry without one. */
  readonly reason: number;
  /** The number of the revocation or hold that it stood for, by the ledger. */
  readonly sequence: bigint;
  /** Undefined when the CA has no such certificate. */
  readonly notAfterMs: number | undefined;
  /** Of the revocation or hold that is on record now; undefined when there is none. */
  readonly recordedSequence: bigint | undefined;
}

/** A revocation or hold that no list ever carried and that is not to be carried any more: a hold that was released. */
export interface PassedOverEntry {
  readonly serialNumber: bigint;
  readonly sequence: bigint;
  /** Of the revocation or hold that is on record now; undefined when there is none. */
  readonly recordedSequence: bigint | undefined;
}

/** What came of looking at every entry that came in or left (`entry-gate.ts`). */
export interface EntryFindings {
  readonly addedCount: number;
  /** Entries that left and are not those of released holds: they have served, or would leave too early. */
  readonly servedCount: number;
  /** When the oldest of the added entries was revoked; undefined without any. */
  readonly oldestAddedMs: number | undefined;
  readonly passedOverCount: number;
  /** An added entry is of a hold, and the certificate is held by its own record. */
  readonly hasHolds: boolean;
  /** The last revocation that the candidate accounts for. */
  readonly lastSequence: bigint;
  /** The first fault by invariant. */
  readonly faults: ReadonlyMap<'CA_GATE_I3' | 'CA_GATE_I4' | 'CA_GATE_I6', string>;
}

/** What is true of delta lists alone. */
export interface DeltaFacts {
  /** The full list on show. */
  readonly base: { readonly number: bigint; readonly thisUpdateMs: number };
  /** Entries that say removeFromCRL. */
  readonly removedCount: number;
  /** What is wrong with those: each is of a hold that the base lists and the register no longer has, and all such are there. */
  readonly removalFault: string | undefined;
}

export interface PublicationFacts {
  /** Undefined for a full list. Of a delta list, `previous` is the one before it, and nothing is carried over. */
  readonly delta?: DeltaFacts;
  readonly scope: string;
  /** The clock, when the gate is asked. */
  readonly nowMs: number;
  readonly list: ListFacts;
  /** What the assembly set out to write. */
  readonly meant: {
    readonly number: bigint;
    readonly thisUpdateMs: number;
    readonly entryCount: number;
  };
  /** What the scope is, from the policy and the CA's certificate. */
  readonly expected: {
    readonly onlyContains: 'user' | 'ca';
    /** Lists everything that the partitions do, and has no issuing distribution point. */
    readonly isFull: boolean;
    /** The name that certificates of the scope carry in CRLDP. */
    readonly distributionPointDer: Uint8Array;
    /** Neither certificates nor the list name it. */
    readonly isUnnamed?: boolean;
    readonly issuerDer: Uint8Array;
    readonly keyIdentifier: Uint8Array;
    /** Undefined where lists do not say it. */
    readonly certificateSerialNumber: bigint | undefined;
    /** freshestCRL is there, and names the distribution point. */
    readonly hasFreshest?: boolean;
    readonly allowedReasons: ReadonlySet<number>;
    /** From thisUpdate to nextUpdate. */
    readonly validityMs: number;
    /** From thisUpdate to CRL Next Publish; undefined when lists have none. */
    readonly nextPublishMs: number | undefined;
    /** From a revocation's acknowledgement to its list. */
    readonly longestWaitMs: number;
  };
  /** The store, as the publishing transaction sees it. */
  readonly stored: {
    /** The last number given out; 0 before the first list. */
    readonly counter: bigint;
    /** The last revocation acknowledged in the scope. */
    readonly acknowledgedSequence: bigint;
    /** Revoked certificates of the scope that a list must carry. */
    readonly liveEntries: number;
    /** The same over all partitions, counted at each revocation. */
    readonly liveInTotal: number;
    /** The sum of what each partition counts; undefined where that was looked at a moment ago. */
    readonly liveInAllScopes: number | undefined;
    readonly ownerId: string;
    /** The archive gives back the candidate's very bytes. */
    readonly isNewListArchived: boolean;
    /** The archive still has the list that is published. True too when there is none. */
    readonly isPreviousListArchived: boolean;
  };
  readonly ownerId: string;
  readonly previous: { readonly thisUpdateMs: number; readonly sequence: bigint } | undefined;
  /** The last list that came out by the cadence; undefined before the first. */
  readonly lastRegular: { readonly thisUpdateMs: number; readonly sequence: bigint } | undefined;
  /** The last revocation that the candidate carries. */
  readonly includedSequence: bigint;
  /** When the oldest revocation that no list carried before the candidate was acknowledged. */
  readonly waitingSinceMs: number | undefined;
  readonly entries: EntryFindings;
  /**
   * What the list has between its head and the first added entry, with the dropped entries put back in their places,
   * is byte for byte what the previous list had: proven by the previous list's SHA-256.
   */
  readonly isCarriedOver: boolean;
  /** The entry in the directory that holds the list; undefined when there is none. */
  readonly entryNameDer: Uint8Array | undefined;
}
