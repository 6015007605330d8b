/**
 * Gathering the facts that the publish gate judges: what the list's own bytes say, what the store says
 * of each certificate that came in or left, and how the scope stands inside the publishing transaction.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import { equalBytes } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import { parseCertificateList } from '../../x509/certificate-list.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import { nameFromText } from '../../x509/name.ts';
import { type CaCore, readCounters, readOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { longestWaitMs, periodMs, validityMs } from '../policy/cadence.ts';
import type { Scope } from '../policy/scope.ts';
import { type PublishedList, parseScopeRecord, type ScopeRecord } from '../records/scope-record.ts';
import { readArchived } from '../records/scope-state.ts';
import type { AssembledList } from './crl-assembly.ts';
import { EntryFacts } from './entry-facts.ts';
import type { AddedEntry, DroppedEntry, ListFacts, PublicationFacts } from './gate-facts.ts';
import { compareLists } from './list-comparison.ts';
import { readBackList } from './list-facts.ts';

/** What can be known before the publishing transaction. */
export interface CandidateFacts {
  readonly list: ListFacts;
  readonly added: readonly AddedEntry[];
  readonly dropped: readonly DroppedEntry[];
}

/**
 * Reads the candidate back and compares it with the list before it.
 *
 * @param view The state from which the candidate was assembled.
 * @throws {CaError} `CA_GATE_I6`, `CA_GATE_I12` when it cannot be read; `CA_GATE_I10` when the
 *   list before it is not in the archive.
 */
export async function examineCandidate(
  core: CaCore,
  scope: Scope,
  { assembled, view }: { readonly assembled: AssembledList; readonly view: ReadView },
): Promise<CandidateFacts> {
  const { list, facts } = readBackList(assembled.der, assembled.authority);
  const { published } = assembled.state;
  let difference = compareLists(undefined, list);
  if (published !== undefined) {
    const previousDer = await view.readLarge(published.sha256);
    if (previousDer === undefined) {
      throw new CaError('CA_GATE_I10', `list number ${published.number} is not in the archive`);
    }
    difference = compareLists(parseCertificateList(previousDer), list);
  }
  const entries = new EntryFacts(core.tables, view, scope);
  const added = await inKeyOrder(
    difference.added,
    ({ serialNumber }) => serialNumber,
    (entry) => entries.added(entry),
  );
  const dropped = await inKeyOrder(
    difference.dropped,
    (serialNumber) => serialNumber,
    (serial) => entries.dropped(serial),
  );
  return { list: facts, added, dropped };
}

/** Look-ups between two turns of the event loop: some milliseconds. */
const LOOKUPS_PER_TURN = 64;

/**
 * Looks something up for each item, by serial number: what is stored side by side is read one after the
 * other, and the store takes a block apart once and not for each row in it.
 *
 * @returns What was found, in the order of the items.
 */
async function inKeyOrder<Item, Found>(
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
  let untilTurn = LOOKUPS_PER_TURN;
  for (const { item, index } of ordered) {
    found[index] = await find(item);
    untilTurn -= 1;
    if (untilTurn === 0) {
      untilTurn = LOOKUPS_PER_TURN;
      await nextTurn();
    }
  }
  return found;
}

/**
 * The facts as the publishing transaction sees them, once it has put the new list into the archive.
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
  },
): Promise<PublicationFacts> {
  const { scope, assembled, candidate, state, nowMs } = publication;
  const { policy } = core;
  const { authority, number, thisUpdateMs, entryCount } = assembled;
  const allowed = policy.revocation.reasons.map((reason) => CrlReason[reason]);
  return {
    scope: scope.id,
    nowMs,
    ...candidate,
    meant: { number, thisUpdateMs, entryCount },
    expected: {
      onlyContains: scope.onlyContains,
      distributionPointDer: state.distributionPointDer,
      issuerDer: authority.reference.name.der,
      keyIdentifier: authority.reference.keyIdentifier,
      certificateSerialNumber: policy.crl.issuerAndSerial
        ? authority.reference.serialNumber
        : undefined,
      allowedReasons: new Set(allowed),
      validityMs: validityMs(policy),
      nextPublishMs: policy.crl.nextPublish ? periodMs(policy) : undefined,
      longestWaitMs: longestWaitMs(policy),
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

async function gatherStored(
  core: CaCore,
  view: ReadView,
  {
    scope,
    assembled,
    candidate,
    state,
  }: {
    readonly scope: Scope;
    readonly assembled: AssembledList;
    readonly candidate: CandidateFacts;
    readonly state: ScopeRecord;
  },
): Promise<PublicationFacts['stored']> {
  const { tables } = core;
  let liveInAllScopes = 0;
  for await (const [, bytes] of view.range(tables.scopes)) {
    liveInAllScopes += parseScopeRecord(bytes).liveEntries;
  }
  const archived = async (number: bigint): Promise<PublishedList | undefined> =>
    await readArchived(view, tables, { scopeId: scope.id, number });
  const { published } = state;
  const kept = await archived(assembled.number);
  const keptDer = kept && (await view.readLarge(kept.sha256));
  const previous = published && (await archived(published.number));
  return {
    counter: state.lastNumber,
    acknowledgedSequence: state.acknowledgedSequence,
    liveEntries: state.liveEntries - candidate.dropped.length,
    liveInAllScopes,
    liveInTotal: (await readCounters(view, tables)).liveEntries,
    ownerId: await readOwner(view, tables),
    isNewListArchived: keptDer !== undefined && equalBytes(keptDer, assembled.der),
    isPreviousListArchived:
      published === undefined ||
      (previous !== undefined && equalBytes(previous.sha256, published.sha256)),
  };
}

/** The entry's name as the directory has it, in the form of certificates. */
async function readEntryName(
  { entries, policy }: CaCore,
  view: ReadView,
  { dn }: Scope,
): Promise<Uint8Array | undefined> {
  const written = await entries.readName(view, dn);
  const { printable } = policy.names;
  return written === undefined ? undefined : nameFromText(written, { printable }).der;
}
