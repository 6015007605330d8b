/**
 * Gathering the facts that the publish gate judges: what the list's own bytes say, what the store says
 * of each certificate that came in or left, and how the scope stands inside the publishing transaction. Nothing here
 * holds more than a few entries at a time, however many a list has.
 *
 * @module
 */

import { Tag } from '../../asn1/tags.ts';
import { equalBytes } from '../../core/bytes.ts';
import { Turns } from '../../core/turns.ts';
import type { ReadView } from '../../store/store.ts';
import { elementLength } from '../../x509/certificate-list-frame.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import { nameFromText } from '../../x509/name.ts';
import { type CaCore, readCounters, readOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { LAST_NEXT_UPDATE_MS, longestWaitMs, periodMs, validityMs } from '../policy/cadence.ts';
import { hasDelta, type Scope } from '../policy/scope.ts';
import { reasonBit, reasonsOf } from '../records/entry-ledger.ts';
import type { PublishedList, ScopeRecord } from '../records/scope-record.ts';
import { readArchived, readScopeRecord } from '../records/scope-state.ts';
import { type AssembledList, hashInTurns } from './crl-assembly.ts';
import { EntryFacts } from './entry-facts.ts';
import { EntryGate } from './entry-gate.ts';
import { EntryLook, readingEntries } from './entry-look.ts';
import type { EntryRegion } from './entry-region.ts';
import type { EntryFindings, ListFacts, PublicationFacts } from './gate-facts.ts';
import { readBackAround } from './list-facts.ts';

/** What can be known before the publishing transaction. */
export interface CandidateFacts {
  readonly list: ListFacts;
  readonly entries: EntryFindings;
  readonly isCarriedOver: boolean;
}

/**
 * Reads the candidate back: what is around the entries, the entries that came in, and, by the hash of the list before,
 * that all others are what they were.
 *
 * @param view The state from which the candidate was assembled.
 * @throws {CaError} `CA_GATE_I6`, `CA_GATE_I12` when it cannot be read.
 */
export async function examineCandidate(
  core: CaCore,
  scope: Scope,
  { assembled, view }: { readonly assembled: AssembledList; readonly view: ReadView },
): Promise<CandidateFacts> {
  const { authority, der, region, state } = assembled;
  const gate = new EntryGate({
    scope: scope.id,
    isFull: scope.isFull,
    distributionPointDer: scope.isNamed ? state.distributionPointDer : undefined,
    previousSequence: state.published?.sequence ?? 0n,
    lastRegular: state.regular,
  });
  const look = new EntryLook(new EntryFacts(core.tables, view, scope), gate);
  await look.atLeftOut(region);
  await look.atPassedOver(region, state.published?.sequence ?? 0n);
  const added = region.buffer.subarray(region.carriedEnd, region.end);
  const reasons = await look.atAdded(added);
  const entries = gate.findings();
  const { facts, list } = readBackAround(der, authority, {
    ...assembled,
    entryCount: await countElements(region.buffer.subarray(region.start, region.end)),
    reasons: reasonsOf(region.carriedReasons | reasons),
  });
  const isPlaced =
    list.entryBytes.length === 0
      ? region.start === region.end
      : list.entryBytes.byteOffset === region.buffer.byteOffset + region.start &&
        list.entryBytes.length === region.end - region.start;
  return { list: facts, entries, isCarriedOver: isPlaced && (await isCarriedOver(region)) };
}

/** How many elements lie one behind the other, as the entries of a list do. @throws {CaError} `CA_GATE_I6` */
async function countElements(bytes: Uint8Array): Promise<number> {
  const turns = new Turns(ELEMENTS_PER_TURN);
  let count = 0;
  let at = 0;
  while (at < bytes.length) {
    const from = count;
    const until = count + ELEMENTS_PER_TURN;
    while (at < bytes.length && count < until && bytes[at] === Tag.sequence) {
      // Nearly every entry is shorter than 128 octets.
      const length = bytes[at + 1] ?? 0x80;
      at += length < 0x80 ? length + 2 : lengthOfEntry(bytes, at);
      count += 1;
    }
    if (at > bytes.length || count === from) {
      throw new CaError('CA_GATE_I6', 'the entries of the list do not follow on one another');
    }
    await turns.spend(count - from);
  }
  return count;
}

function lengthOfEntry(bytes: Uint8Array, at: number): number {
  return readingEntries(() => elementLength(bytes, at));
}

/** A fraction of a millisecond. */
const ELEMENTS_PER_TURN = 65_536;

/**
 * Whether the list before comes out, byte for byte, when the entries that left are put back in their places among
 * those that stand in the candidate now: then these are what was published and looked at before.
 */
async function isCarriedOver(region: EntryRegion): Promise<boolean> {
  const { around, buffer, start, carriedEnd } = region;
  if (around === undefined) {
    return carriedEnd === start;
  }
  return equalBytes(
    await hashInTurns('sha256', piecesOfListBefore(region, around)),
    around.list.sha256,
  );

  function* piecesOfListBefore(
    { leftOut }: EntryRegion,
    { head, tail }: NonNullable<EntryRegion['around']>,
  ): Generator<Uint8Array, void, undefined> {
    yield head;
    let at = start;
    for (const entry of leftOut) {
      yield buffer.subarray(at, start + entry.at);
      yield entry.der;
      at = start + entry.at;
    }
    yield buffer.subarray(at, carriedEnd);
    yield tail;
  }
}

/**
 * The facts as the publishing transaction sees them, once it has put the new list into the archive.
 *
 * @param publication `isCounted`: what each partition counts is summed up once more (I4).
 */
export async function gatherFacts(
  core: CaCore,
  view: ReadView,
  publication: {
    readonly scope: Scope;
    readonly assembled: AssembledList;
    readonly candidate: CandidateFacts;
    readonly state: ScopeRecord;
    readonly nowMs: number;
    readonly isCounted: boolean;
  },
): Promise<PublicationFacts> {
  const { scope, assembled, candidate, state, nowMs } = publication;
  const { policy } = core;
  const { authority, number, thisUpdateMs, entryCount } = assembled;
  const isLast = core.service.isClosing(authority.generation);
  const wasHeld = (assembled.region.carriedReasons & reasonBit(CrlReason.certificateHold)) !== 0;
  return {
    scope: scope.id,
    nowMs,
    ...candidate,
    meant: { number, thisUpdateMs, entryCount },
    expected: {
      ...expectedOfScope(core, scope, { authority, state }),
      hasFreshest: hasDelta(scope, policy) && !isLast,
      allowedReasons: allowedReasons(policy, wasHeld || candidate.entries.hasHolds),
      validityMs: isLast ? LAST_NEXT_UPDATE_MS - assembled.thisUpdateMs : validityMs(policy),
      nextPublishMs: policy.crl.nextPublish && !isLast ? periodMs(policy) : undefined,
    },
    stored: await gatherStored(core, view, publication),
    ownerId: core.ownerId,
    previous: state.published,
    lastRegular: state.regular,
    includedSequence: assembled.sequence,
    waitingSinceMs: state.oldestPendingMs,
    entryNameDer: await readEntryName(core, view, scope),
  };
}

/**
 * The reasons of entries.
 *
 * @param hasHolds Certificates are held: what is when the policy changes stays held until it is decided.
 */
export function allowedReasons(
  { revocation }: CaCore['policy'],
  hasHolds: boolean,
): ReadonlySet<number> {
  const allowed = new Set<number>(revocation.reasons.map((reason) => CrlReason[reason]));
  if (revocation.hold !== 'never' || hasHolds) {
    allowed.add(CrlReason.certificateHold);
  }
  return allowed;
}

/** What the lists of a scope have in common, full ones and delta lists. */
export function expectedOfScope(
  { policy }: Pick<CaCore, 'policy'>,
  scope: Scope,
  { authority, state }: Pick<AssembledList, 'authority' | 'state'>,
): Omit<
  PublicationFacts['expected'],
  'hasFreshest' | 'allowedReasons' | 'validityMs' | 'nextPublishMs'
> {
  const { name, keyIdentifier, serialNumber } = authority.reference;
  return {
    onlyContains: scope.onlyContains,
    isFull: scope.isFull,
    distributionPointDer: state.distributionPointDer,
    isUnnamed: !scope.isNamed,
    issuerDer: name.der,
    keyIdentifier,
    certificateSerialNumber: policy.crl.issuerAndSerial ? serialNumber : undefined,
    longestWaitMs: longestWaitMs(policy),
  };
}

async function gatherStored(
  core: CaCore,
  view: ReadView,
  {
    scope,
    assembled,
    state,
    isCounted,
  }: {
    readonly scope: Scope;
    readonly assembled: AssembledList;
    readonly state: ScopeRecord;
    readonly isCounted: boolean;
  },
): Promise<PublicationFacts['stored']> {
  const { tables } = core;
  const archived = async (number: bigint): Promise<PublishedList | undefined> =>
    await readArchived(view, tables, { scopeId: scope.id, number });
  const { published } = state;
  const kept = await archived(assembled.number);
  const previous = published && (await archived(published.number));
  return {
    counter: state.lastNumber,
    acknowledgedSequence: state.acknowledgedSequence,
    liveEntries: state.liveEntries,
    liveInTotal: (await readCounters(view, tables)).liveEntries,
    liveInAllScopes: isCounted ? await sumPartitions(core, view) : undefined,
    ownerId: await readOwner(view, tables),
    isNewListArchived: kept !== undefined && (await isKept(view, kept, assembled.der)),
    isPreviousListArchived:
      published === undefined ||
      (previous !== undefined && equalBytes(previous.sha256, published.sha256)),
  };
}

/** What the partitions count, each for itself; full lists beside them are no partitions. */
async function sumPartitions({ tables, scopes }: CaCore, view: ReadView): Promise<number> {
  let sum = 0;
  for (const { id, isFull } of scopes.list) {
    sum += isFull ? 0 : (await readScopeRecord(view, tables, id)).liveEntries;
  }
  return sum;
}

/** Whether the archive gives back the very bytes. */
export async function isKept(
  view: ReadView,
  kept: PublishedList,
  der: Uint8Array,
): Promise<boolean> {
  let at = 0;
  for await (const piece of view.largePieces(kept.sha256)) {
    if (!equalBytes(piece, der.subarray(at, at + piece.length))) {
      return false;
    }
    at += piece.length;
  }
  return at === der.length;
}

/** The entry's name as the directory has it, in the form of certificates. */
export async function readEntryName(
  { entries, policy }: CaCore,
  view: ReadView,
  { dn }: Scope,
): Promise<Uint8Array | undefined> {
  const written = await entries.readName(view, dn);
  const { printable } = policy.names;
  return written === undefined ? undefined : nameFromText(written, { printable }).der;
}
