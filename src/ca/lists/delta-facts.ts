/**
 * The facts of a delta list for the publish gate: from its own bytes, entry by entry, and from the register.
 *
 * Not here: full lists (`publication-facts.ts`), and judging (`publish-gate.ts`).
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { Turns } from '../../core/turns.ts';
import type { ReadView } from '../../store/store.ts';
import { parseCertificateListHead } from '../../x509/certificate-list.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import { type CaCore, readCounters, readOwner } from '../ca-core.ts';
import { deltaValidityMs } from '../policy/cadence.ts';
import type { Scope } from '../policy/scope.ts';
import { reasonBit, reasonsOf } from '../records/entry-ledger.ts';
import type { PublishedDelta, PublishedList, ScopeRecord } from '../records/scope-record.ts';
import { readArchived, readDelta } from '../records/scope-state.ts';
import { type AssembledDelta, readHeldInDelta, releasedSince } from './delta-assembly.ts';
import { EntryFacts } from './entry-facts.ts';
import { EntryGate } from './entry-gate.ts';
import { EntryLook, readingEntries } from './entry-look.ts';
import type { DeltaFacts, PublicationFacts } from './gate-facts.ts';
import { readBackAround } from './list-facts.ts';
import { readEntries } from './list-reading.ts';
import {
  allowedReasons,
  type CandidateFacts,
  expectedOfScope,
  isKept,
  readEntryName,
} from './publication-facts.ts';

/** What can be known of a delta list before the publishing transaction. */
export type DeltaCandidate = Omit<CandidateFacts, 'isCarriedOver'> & { readonly delta: DeltaFacts };

const ENTRIES_PER_TURN = 256;
const ENTRIES_PER_PAGE = 4096;

/** @throws {CaError} `CA_GATE_I6`, `CA_GATE_I12` when it cannot be read. */
export async function examineDelta(
  core: CaCore,
  scope: Scope,
  { assembled, view }: { readonly assembled: AssembledDelta; readonly view: ReadView },
): Promise<DeltaCandidate> {
  const { authority, base, der, state, withdrawals } = assembled;
  const { entryBytes } = readingEntries(() => parseCertificateListHead(der));
  const removals = await readRemovals(entryBytes);
  const gate = new EntryGate({
    scope: scope.id,
    isFull: scope.isFull,
    distributionPointDer: scope.isNamed ? state.distributionPointDer : undefined,
    previousSequence: base.sequence,
    lastRegular: state.regular,
  });
  const look = new EntryLook(new EntryFacts(core.tables, view, scope), gate);
  await look.atPassedOver({ withdrawals }, base.sequence);
  let reasons = await look.atAdded(entryBytes.subarray(removals.byteLength));
  if (removals.serialNumbers.length > 0) {
    reasons |= reasonBit(CrlReason.removeFromCRL);
  }
  const entries = gate.findings();
  const removedCount = removals.serialNumbers.length;
  const { facts } = readBackAround(der, authority, {
    ...assembled,
    entryCount: removedCount + entries.addedCount,
    reasons: reasonsOf(reasons),
  });
  const { delta } = state;
  const released = await releasedSince(core, view, { scope, base, withdrawals, delta });
  const areThose =
    removedCount === released.length &&
    released.every((serialNumber, index) => removals.serialNumbers[index] === serialNumber) &&
    (await areHeldIn(view, { base, delta }, removals.serialNumbers));
  const removalFault = areThose
    ? undefined
    : 'removeFromCRL is not of the holds that were released';
  return { list: facts, entries, delta: { base, removedCount, removalFault } };
}

/** Whether the full list or the delta list before says of all these that they are held. They are read where there are any. */
async function areHeldIn(
  view: ReadView,
  { base, delta }: { readonly base: PublishedList; readonly delta: PublishedDelta | undefined },
  serialNumbers: readonly bigint[],
): Promise<boolean> {
  const der = serialNumbers.length === 0 ? undefined : await view.readLarge(base.sha256);
  if (der === undefined) {
    return serialNumbers.length === 0;
  }
  const missing = new Set(serialNumbers);
  const head = readingEntries(() => parseCertificateListHead(der));
  for await (const page of readEntries(head, ENTRIES_PER_PAGE)) {
    for (const { serialNumber, reason } of page) {
      if (reason === CrlReason.certificateHold) {
        missing.delete(serialNumber);
      }
    }
  }
  const told = missing.size === 0 ? missing : await readHeldInDelta(view, base, delta);
  return [...missing].every((serialNumber) => told.has(serialNumber));
}

/** The entries in front that say removeFromCRL. */
async function readRemovals(
  entryBytes: Uint8Array,
): Promise<{ readonly serialNumbers: readonly bigint[]; readonly byteLength: number }> {
  const cursor = new RevokedEntryCursor(entryBytes);
  const turns = new Turns(ENTRIES_PER_TURN);
  const serialNumbers: bigint[] = [];
  let byteLength = 0;
  while (readingEntries(() => cursor.next() && cursor.reason === CrlReason.removeFromCRL)) {
    serialNumbers.push(cursor.serialNumber);
    byteLength += cursor.raw.length;
    await turns.spend(1);
  }
  return { serialNumbers, byteLength };
}

/** The facts as the publishing transaction sees them, once it has put the delta list into the archive. */
export async function gatherDeltaFacts(
  core: CaCore,
  view: ReadView,
  {
    scope,
    assembled,
    candidate,
    state,
  }: {
    readonly scope: Scope;
    readonly assembled: AssembledDelta;
    readonly candidate: DeltaCandidate;
    readonly state: ScopeRecord;
  },
): Promise<PublicationFacts> {
  const { policy, tables, clock } = core;
  const { authority, base, number, thisUpdateMs, entryCount, sequence } = assembled;
  const kept = await readDelta(view, tables, { scopeId: scope.id, number });
  const archivedBase = await readArchived(view, tables, {
    scopeId: scope.id,
    number: base.number,
  });
  return {
    scope: scope.id,
    nowMs: clock.nowMs(),
    ...candidate,
    isCarriedOver: true,
    meant: { number, thisUpdateMs, entryCount },
    expected: {
      ...expectedOfScope(core, scope, { authority, state }),
      allowedReasons: allowedReasons(policy, candidate.entries.hasHolds),
      validityMs: deltaValidityMs(policy) ?? 0,
      nextPublishMs: undefined,
    },
    stored: {
      counter: state.lastNumber,
      acknowledgedSequence: state.acknowledgedSequence,
      liveEntries: state.liveEntries,
      liveInTotal: (await readCounters(view, tables)).liveEntries,
      liveInAllScopes: undefined,
      ownerId: await readOwner(view, tables),
      isNewListArchived: kept !== undefined && (await isKept(view, kept, assembled.der)),
      isPreviousListArchived:
        archivedBase !== undefined && equalBytes(archivedBase.sha256, base.sha256),
    },
    ownerId: core.ownerId,
    previous: state.delta,
    lastRegular: state.regular,
    includedSequence: sequence,
    waitingSinceMs: state.oldestPendingMs,
    entryNameDer: await readEntryName(core, view, scope),
  };
}
