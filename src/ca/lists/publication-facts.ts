/**
 * Gathering the facts that the publish gate judges: what the list's own bytes say, what the store says
 * of each certificate that came in or left, and how the scope stands inside the publishing transaction. Nothing here
 * holds more than a few entries at a time, however many a list has.
 *
 * @module
 */

import { Tag } from '../../asn1/tags.ts';
import { equalBytes } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import { Turns } from '../../core/turns.ts';
import type { ReadView } from '../../store/store.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
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
import { EntryFacts, type ListEntry } from './entry-facts.ts';
import { EntryGate } from './entry-gate.ts';
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
    distributionPointDer: state.distributionPointDer,
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

/** Entries that are looked up together; a list may bring a million. */
const ENTRIES_AT_A_TIME = 4096;
/** Look-ups between two turns of the event loop: some milliseconds. */
const LOOKUPS_PER_TURN = 64;

/** Looks up what the store says of entries, and tells the gate. */
export class EntryLook {
  readonly #facts: EntryFacts;
  readonly #gate: EntryGate;
  readonly #turns = new Turns(LOOKUPS_PER_TURN);

  constructor(facts: EntryFacts, gate: EntryGate) {
    this.#facts = facts;
    this.#gate = gate;
  }

  async atLeftOut({ leftOut }: EntryRegion): Promise<void> {
    for (let start = 0; start < leftOut.length; start += ENTRIES_AT_A_TIME) {
      const batch = leftOut.slice(start, start + ENTRIES_AT_A_TIME).map(({ der, sequence }) => ({
        entry: readOne(der),
        sequence,
      }));
      const found = await this.#inKeyOrder(
        batch,
        ({ entry }) => entry.serialNumber,
        ({ entry, sequence }) => this.#facts.dropped(entry, sequence),
      );
      for (const dropped of found) {
        this.#gate.dropped(dropped);
      }
    }
  }

  /** Holds that were released before a list carried them. */
  async atPassedOver(
    { withdrawals }: Pick<EntryRegion, 'withdrawals'>,
    publishedSequence: bigint,
  ): Promise<void> {
    for (const [sequence, serialNumber] of withdrawals) {
      if (sequence > publishedSequence) {
        this.#gate.passedOver(await this.#facts.passedOver(serialNumber, sequence));
      }
      await this.#turns.spend(1);
    }
  }

  /** @returns the reasons that were met (`reasonBit`). @throws {CaError} `CA_GATE_I6` for what is no entry. */
  async atAdded(bytes: Uint8Array): Promise<number> {
    const cursor = new RevokedEntryCursor(bytes);
    let reasons = 0;
    for (let batch = readBatch(cursor); batch.length > 0; batch = readBatch(cursor)) {
      const found = await this.#inKeyOrder(
        batch,
        ({ serialNumber }) => serialNumber,
        (entry) => this.#facts.added(entry),
      );
      for (const added of found) {
        this.#gate.added(added);
      }
      for (const { reason } of batch) {
        reasons |= reasonBit(reason);
      }
    }
    return reasons;
  }

  /**
   * Looks something up for each item, by serial number: what is stored side by side is read one after the
   * other, and the store takes a block apart once and not for each row in it.
   *
   * @returns What was found, in the order of the items.
   */
  async #inKeyOrder<Item, Found>(
    items: readonly Item[],
    serialNumberOf: (item: Item) => bigint,
    find: (item: Item) => Promise<Found>,
  ): Promise<readonly Found[]> {
    // Doubles are near enough to sort by, and comparing them is cheap.
    const ordered = items.map((item, index) => ({
      item,
      index,
      near: Number(serialNumberOf(item)),
    }));
    ordered.sort((left, right) => left.near - right.near);
    const found = new Array<Found>(items.length);
    for (const { item, index } of ordered) {
      found[index] = await find(item);
      await this.#turns.spend(1);
    }
    return found;
  }
}

function readBatch(cursor: RevokedEntryCursor): readonly ListEntry[] {
  return readingEntries(() => {
    const batch: ListEntry[] = [];
    while (batch.length < ENTRIES_AT_A_TIME && cursor.next()) {
      cursor.check();
      batch.push(currentEntry(cursor));
    }
    return batch;
  });
}

function readOne(der: Uint8Array): ListEntry {
  return readingEntries(() => {
    const cursor = new RevokedEntryCursor(der);
    cursor.next();
    const entry = currentEntry(cursor);
    if (cursor.next()) {
      throw new CaError('CA_GATE_I3', 'two entries would leave as one');
    }
    return entry;
  });
}

export function currentEntry({
  serialNumber,
  revocationMs,
  reason,
}: RevokedEntryCursor): ListEntry {
  return { serialNumber, revocationMs, ...(reason === undefined ? {} : { reason }) };
}

export function readingEntries<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isCertdirError(cause) || cause instanceof CaError) {
      throw cause;
    }
    throw new CaError('CA_GATE_I6', `an entry cannot be read back: ${cause.message}`, { cause });
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
  const allowed: number[] = policy.revocation.reasons.map((reason) => CrlReason[reason]);
  const wasHeld = (assembled.region.carriedReasons & reasonBit(CrlReason.certificateHold)) !== 0;
  if (policy.revocation.hold !== 'never' || wasHeld) {
    // What is held when the policy changes stays held until it is decided.
    allowed.push(CrlReason.certificateHold);
  }
  return {
    scope: scope.id,
    nowMs,
    ...candidate,
    meant: { number, thisUpdateMs, entryCount },
    expected: {
      ...expectedOfScope(core, scope, { authority, state }),
      hasFreshest: hasDelta(scope, policy) && !isLast,
      allowedReasons: new Set(allowed),
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
