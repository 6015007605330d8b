/**
 * Putting a delta list together: what has changed since the full list on show (RFC 5280 §5.2.4). That is what waits for
 * the next full list, and a removeFromCRL for each hold that the full list has, or a delta list since, and that was
 * released.
 *
 * Not here: full lists (`crl-assembly.ts`), and whether it may be published (`delta-facts.ts`, `publish-gate.ts`).
 *
 * @module
 */

import { Turns } from '../../core/turns.ts';
import type { ReadView } from '../../store/store.ts';
import {
  buildTbsCertificateList,
  encodeRevokedEntry,
  parseCertificateListHead,
  type TbsListParts,
} from '../../x509/certificate-list.ts';
import { RevokedEntryCursor } from '../../x509/certificate-list-cursor.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import type { CaCore } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { assertListLint } from '../lint/list-rules.ts';
import { deltaValidityMs, isLastList } from '../policy/cadence.ts';
import type { Scope } from '../policy/scope.ts';
import type { PublishedDelta, PublishedList } from '../records/scope-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import { readWaiting, type WaitingEntries } from '../records/waiting-entries.ts';
import { readWithdrawals, type Withdrawals } from '../records/withdrawal.ts';
import {
  type AssembledList,
  HEADER_ROOM,
  listExtensions,
  SIGNATURE_ROOM,
  signAround,
} from './crl-assembly.ts';
import { EntryFacts } from './entry-facts.ts';
import { readingEntries } from './entry-look.ts';
import { BYTES_PER_TURN } from './entry-region.ts';
import { readEntries } from './list-reading.ts';

/** A delta list that nobody has seen yet. */
export interface AssembledDelta extends Omit<AssembledList, 'region' | 'isRegular'> {
  /** The full list that it starts from: the one on show. */
  readonly base: PublishedList;
  readonly withdrawals: Withdrawals;
  /** Entries that say removeFromCRL; they come first. */
  readonly removedCount: number;
}

/** Certificates that are looked up in one turn of the event loop. */
const LOOKUPS_PER_TURN = 64;
/** Taking entries apart takes as long as copying some twenty times their octets. */
const TAKING_APART_COST = 20;
const ENTRIES_PER_PAGE = 4096;

/**
 * Assembles and signs the next delta list of a scope.
 *
 * @returns undefined where there is nothing to start from: no full list yet, or one that none comes after.
 * @throws {CaError} `CA_RECORD_DAMAGED`, `CA_LINT` @throws {SigningError}
 */
export async function assembleDelta(
  core: CaCore,
  scope: Scope,
  { view, nowMs }: { readonly view: ReadView; readonly nowMs: number },
): Promise<AssembledDelta | undefined> {
  const { policy, tables } = core;
  const authority = core.authorities.forScope(scope);
  const state = await readScopeRecord(view, tables, scope.id);
  const base = state.published;
  const forMs = deltaValidityMs(policy);
  if (base === undefined || forMs === undefined || isLastList(base)) {
    return undefined;
  }
  const withdrawals = await readWithdrawals(view, tables, scope.id);
  const thisUpdateMs = Math.floor(nowMs / 1000) * 1000;
  const nextUpdateMs = thisUpdateMs + forMs;
  const number = state.lastNumber + 1n;
  const removed = await releasedSince(core, view, { scope, base, withdrawals, delta: state.delta });
  const removals = removed.map((serialNumber) =>
    encodeRevokedEntry({ serialNumber, revokedMs: thisUpdateMs, reason: CrlReason.removeFromCRL }),
  );
  // Twice over what waits: once to know how long the list will be, once into its buffer.
  let entriesLength = removals.reduce((sum, { length }) => sum + length, 0);
  let entryCount = removals.length;
  for await (const { der, count } of changedSince(core, view, { scope, withdrawals })) {
    entriesLength += der.length;
    entryCount += count;
  }
  const terms = { authority, number, thisUpdateMs, isLast: false, deltaOf: base.number };
  const meant = {
    issuer: authority.reference.name,
    algorithm: authority.algorithm,
    thisUpdateMs,
    nextUpdateMs,
    extensions: listExtensions(policy, scope, terms),
  };
  assertListLint(meant, { issuer: authority.certificate, scope, policy });
  const parts: TbsListParts = buildTbsCertificateList({ ...meant, entriesLength });
  const region = roomFor(parts, entriesLength);
  let at = region.start;
  const write = (der: Uint8Array): void => {
    region.buffer.set(der, at);
    at += der.length;
  };
  removals.forEach(write);
  for await (const { der } of changedSince(core, view, { scope, withdrawals })) {
    write(der);
  }
  const signed = await signAround(core, { authority, region, parts });
  return {
    ...signed,
    authority,
    number,
    base,
    thisUpdateMs,
    nextUpdateMs,
    entryCount,
    removedCount: removed.length,
    sequence: state.acknowledgedSequence,
    withdrawals,
    state,
  };
}

interface Changes {
  readonly scope: Scope;
  readonly withdrawals: Withdrawals;
}

/**
 * Certificates that are neither held nor revoked now, and whose hold the base lists or a delta list since: whoever has
 * applied that one to the base is told, too (RFC 5280 §5.2.4). In the order of their first hold.
 *
 * @param changes `delta`: the delta list before.
 */
export async function releasedSince(
  { tables }: Pick<CaCore, 'tables'>,
  view: ReadView,
  {
    scope,
    base,
    delta,
    withdrawals,
  }: Changes & { readonly base: PublishedList; readonly delta: PublishedDelta | undefined },
): Promise<readonly bigint[]> {
  const facts = new EntryFacts(tables, view, scope);
  const turns = new Turns(LOOKUPS_PER_TURN);
  const released = new Set<bigint>();
  let told: ReadonlySet<bigint> | undefined;
  for (const [sequence, serialNumber] of withdrawals) {
    let isTold = sequence <= base.sequence;
    if (!isTold && delta !== undefined && sequence <= delta.sequence) {
      told ??= await readHeldInDelta(view, base, delta);
      isTold = told.has(serialNumber);
    }
    if (isTold) {
      const { recordedSequence } = await facts.passedOver(serialNumber, sequence);
      if (recordedSequence === undefined) {
        released.add(serialNumber);
      }
    }
    await turns.spend(1);
  }
  return [...released];
}

/**
 * Certificates of which a delta list that starts from the same base says that they are held, or were and are not any
 * more; the latter stay in every delta list of that base. None of one with another base.
 *
 * @throws {CaError} `CA_RECORD_DAMAGED` @throws what `readingEntries` throws.
 */
export async function readHeldInDelta(
  view: ReadView,
  base: PublishedList,
  delta: PublishedDelta | undefined,
): Promise<ReadonlySet<bigint>> {
  const held = new Set<bigint>();
  if (delta === undefined || delta.baseNumber !== base.number) {
    return held;
  }
  const der = await view.readLarge(delta.sha256);
  if (der === undefined) {
    throw new CaError('CA_RECORD_DAMAGED', `the bytes of delta list ${delta.number} are missing`);
  }
  const head = readingEntries(() => parseCertificateListHead(der));
  for await (const page of readEntries(head, ENTRIES_PER_PAGE)) {
    for (const { serialNumber, reason } of page) {
      if (reason === CrlReason.certificateHold || reason === CrlReason.removeFromCRL) {
        held.add(serialNumber);
      }
    }
  }
  return held;
}

/** Entries that stand one behind the other. */
interface Run {
  readonly der: Uint8Array;
  readonly count: number;
}

/** Entries that wait for the next full list, but for those that were withdrawn. Views of the rows, no copies. */
async function* changedSince(
  { tables }: Pick<CaCore, 'tables'>,
  view: ReadView,
  { scope, withdrawals }: Changes,
): AsyncGenerator<Run, void, undefined> {
  const turns = new Turns(BYTES_PER_TURN);
  // Both come in the order of their sequence.
  const left = withdrawals.keys();
  let withdrawn = left.next();
  for await (const row of readWaiting(view, tables, scope.id)) {
    while (withdrawn.done !== true && withdrawn.value < row.firstSequence) {
      withdrawn = left.next();
    }
    const isWhole =
      withdrawn.done === true || withdrawn.value >= row.firstSequence + BigInt(row.count);
    yield* isWhole ? [{ der: row.der, count: row.count }] : keptOf(row, withdrawals);
    await turns.spend(isWhole ? row.der.length : row.der.length * TAKING_APART_COST);
  }
}

function* keptOf(row: WaitingEntries, withdrawals: Withdrawals): Iterable<Run> {
  const cursor = new RevokedEntryCursor(row.der);
  for (let index = 0; index < row.count; index += 1) {
    if (!cursor.next()) {
      throw new CaError('CA_RECORD_DAMAGED', 'entries that wait for a list are incomplete');
    }
    if (!withdrawals.has(row.firstSequence + BigInt(index))) {
      yield { der: cursor.raw, count: 1 };
    }
  }
}

function roomFor(
  { head, tail }: TbsListParts,
  entriesLength: number,
): { readonly buffer: Uint8Array; readonly start: number; readonly end: number } {
  const start = HEADER_ROOM + head.length;
  const end = start + entriesLength;
  return { buffer: new Uint8Array(end + tail.length + SIGNATURE_ROOM), start, end };
}
