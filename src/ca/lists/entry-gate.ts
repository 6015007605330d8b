/**
 * The part of the publish gate that looks at single entries: those that come into a list, those that leave it, and
 * those that are passed over. Pure, and in streaming form, since a list may bring a million: entries go in one by one,
 * and what remains is a few counts and the first fault of each kind.
 *
 * Not here: looking things up (`entry-facts.ts`), and everything about the list as a whole (`publish-gate.ts`).
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import type { AddedEntry, DroppedEntry, EntryFindings, PassedOverEntry } from './gate-facts.ts';

/** What entries are held against. */
export interface EntryExpectations {
  readonly scope: string;
  /** Lists the entries of all partitions whose certificates one key has signed. */
  readonly isFull: boolean;
  /** The name that certificates of the scope carry in CRLDP; undefined where they have no such extension. */
  readonly distributionPointDer: Uint8Array | undefined;
  /** The last revocation that the previous list carries; 0 before the first. */
  readonly previousSequence: bigint;
  /** The last list that came out by the cadence; undefined before the first. */
  readonly lastRegular: { readonly thisUpdateMs: number; readonly sequence: bigint } | undefined;
}

type FaultCode = 'CA_GATE_I3' | 'CA_GATE_I4' | 'CA_GATE_I6';

export class EntryGate {
  readonly #expected: EntryExpectations;
  readonly #faults = new Map<FaultCode, string>();
  readonly #passedOver = new Set<bigint>();
  #addedCount = 0;
  #hasHolds = false;
  #servedCount = 0;
  #oldestAddedMs: number | undefined;
  #lastSequence: bigint;

  constructor(expected: EntryExpectations) {
    this.#expected = expected;
    this.#lastSequence = expected.previousSequence;
  }

  /** An entry that the previous list had and this one has not (I3). */
  dropped(entry: DroppedEntry): void {
    if (isReleased(entry)) {
      return;
    }
    this.#servedCount += 1;
    if (!this.#hasServed(entry)) {
      const name = formatSerialNumber(entry.serialNumber);
      this.#fail('CA_GATE_I3', `the entry of ${name} would leave too early`);
    }
  }

  /** A hold that was released before any list carried it. To be told before the entries behind it. */
  passedOver({ serialNumber, sequence, recordedSequence }: PassedOverEntry): void {
    this.#passedOver.add(sequence);
    if (recordedSequence === sequence) {
      const name = formatSerialNumber(serialNumber);
      this.#fail('CA_GATE_I4', `${name} is revoked and would be in no list`);
    }
  }

  /**
   * An entry that the previous list did not have, in the order of the list: each revocation that the scope has
   * acknowledged since, once and in its order, by the records of the certificates themselves (I4, I6).
   */
  added(entry: AddedEntry): void {
    const { serialNumber, revocationMs, reason, revocation } = entry;
    this.#addedCount += 1;
    this.#oldestAddedMs = Math.min(this.#oldestAddedMs ?? revocationMs, revocationMs);
    const name = formatSerialNumber(serialNumber);
    if (!this.#isOfThisList(entry)) {
      this.#fail('CA_GATE_I4', `${name} is not of this list`);
    } else if (revocation === undefined || revocation.sequence <= this.#lastSequence) {
      this.#fail('CA_GATE_I4', `${name} is not revoked, or in the list twice`);
    } else {
      this.#moveTo(revocation.sequence);
    }
    this.#hasHolds ||= reason === CrlReason.certificateHold && revocation?.reason === reason;
    const isAsRecorded =
      revocation === undefined ||
      (revocation.sinceMs === revocationMs && revocation.reason === reason);
    if (!isAsRecorded) {
      this.#fail('CA_GATE_I6', `the entry of ${name} is not as the revocation is on record`);
    }
  }

  /** What came of it, once every entry was told. */
  findings(): EntryFindings {
    this.#skipPassedOver();
    return {
      addedCount: this.#addedCount,
      servedCount: this.#servedCount,
      oldestAddedMs: this.#oldestAddedMs,
      passedOverCount: this.#passedOver.size,
      hasHolds: this.#hasHolds,
      lastSequence: this.#lastSequence,
      faults: this.#faults,
    };
  }

  #moveTo(sequence: bigint): void {
    this.#skipPassedOver();
    const next = this.#lastSequence + 1n;
    if (sequence !== next) {
      this.#fail('CA_GATE_I4', `revocation ${next} is not in the list`);
    }
    this.#lastSequence = sequence;
  }

  #skipPassedOver(): void {
    while (this.#passedOver.has(this.#lastSequence + 1n)) {
      this.#lastSequence += 1n;
    }
  }

  #isOfThisList({ certificate }: AddedEntry): boolean {
    const { scope, isFull, distributionPointDer } = this.#expected;
    if (certificate === undefined || isFull) {
      return certificate?.isOfKey === true;
    }
    const named = certificate.distributionPointDer;
    const isNamed =
      named === undefined || distributionPointDer === undefined
        ? named === distributionPointDer
        : equalBytes(named, distributionPointDer);
    return certificate.scope === scope && isNamed;
  }

  /** A list by the cadence has carried it past its certificate's end (RFC 5280 §3.3). */
  #hasServed({ notAfterMs, sequence, recordedSequence }: DroppedEntry): boolean {
    const { lastRegular } = this.#expected;
    return (
      notAfterMs !== undefined &&
      recordedSequence === sequence &&
      lastRegular !== undefined &&
      lastRegular.thisUpdateMs > notAfterMs &&
      lastRegular.sequence >= sequence
    );
  }

  #fail(code: FaultCode, message: string): void {
    if (!this.#faults.has(code)) {
      this.#faults.set(code, message);
    }
  }
}

/** It was a hold, and the certificate is not held under that number any more. Nothing else is ever undone. */
function isReleased({ reason, sequence, notAfterMs, recordedSequence }: DroppedEntry): boolean {
  return (
    reason === CrlReason.certificateHold &&
    notAfterMs !== undefined &&
    recordedSequence !== sequence
  );
}
