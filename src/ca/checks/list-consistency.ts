/**
 * The lists of one scope against the register of certificates: the archive without a gap, each list as the CA
 * signed it, the newest in the directory, and every revocation in it, waiting for the next, or served.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { equalBytes, formatHex } from '../../core/bytes.ts';
import type { CertificateList } from '../../x509/certificate-list.ts';
import { CrlReason } from '../../x509/crl-extensions.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import type { ListFacts } from '../lists/gate-facts.ts';
import type { ListReading } from '../lists/list-facts.ts';
import type { Scope } from '../policy/scope.ts';
import { numberOfKey } from '../records/ca-tables.ts';
import {
  type PublishedList,
  parsePublishedList,
  type ScopeRecord,
} from '../records/scope-record.ts';
import { readAllDeltas, readScopeRecord } from '../records/scope-state.ts';
import { readWithdrawals } from '../records/withdrawal.ts';
import { type NumberGap, readGaps } from '../recovery-hold.ts';
import { readArchivedList } from './archived-list.ts';
import type { RevokedCertificate } from './certificate-consistency.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  faultOf,
  inconsistent,
} from './consistency-fault.ts';
import { findDeltaFaults } from './delta-consistency.ts';
import { checkLiveEntries } from './ledger-consistency.ts';

type Revoked = ReadonlyMap<bigint, RevokedCertificate>;

/**
 * Checks the lists of a scope.
 *
 * @param revoked The scope's revoked certificates by serial number.
 * @returns how many entries the next list must carry.
 * @throws {CertdirError} of the scope's record.
 */
export async function* findListFaults(
  context: ConsistencyContext,
  scope: Scope,
  revoked: Revoked,
): AsyncGenerator<ConsistencyFault, number, undefined> {
  const record = await readScopeRecord(context.view, context.tables, scope.id);
  const of = { policyId: context.policy.id, scopeId: scope.id };
  const deltas = await readAllDeltas(context.view, context.tables, scope.id);
  const gaps = [
    ...(await readGaps(context.view, of)),
    // Delta lists have their numbers from the same sequence.
    ...deltas.map(({ number }) => ({ first: number, last: number })),
  ];
  for (const message of recordMessages(scope, record, { revoked, gaps })) {
    yield inconsistent(scope.id, message);
  }
  const absent = new Map<bigint, RevokedCertificate>();
  yield* checkNewest(context, scope, { record, revoked, absent });
  yield* checkArchive(context, scope, { record, absent, gaps });
  yield* findDeltaFaults(context, scope, { record, deltas, revoked });
  for (const serialNumber of absent.keys()) {
    const name = formatSerialNumber(serialNumber);
    yield inconsistent(scope.id, `${name} is revoked, not in the newest list and not served`);
  }
  const live = yield* checkLiveEntries(context, scope, { record, revoked });
  return scope.isFull ? 0 : live;
}

function* recordMessages(
  scope: Scope,
  record: ScopeRecord,
  { revoked, gaps }: { readonly revoked: Revoked; readonly gaps: readonly NumberGap[] },
): Iterable<string> {
  if (!equalBytes(record.distributionPointDer, scope.distributionPoint.der)) {
    yield 'its distribution point is another than the policy says';
  }
  const sequences = new Set([...revoked.values()].map(({ sequence }) => sequence));
  const highest = [...sequences].reduce((left, right) => (left > right ? left : right), 0n);
  const { acknowledgedSequence: acknowledged, published, lastNumber, withdrawn = 0 } = record;
  // The last may be one that was withdrawn.
  const isHighest = withdrawn === 0 ? highest === acknowledged : highest <= acknowledged;
  if (BigInt(sequences.size + withdrawn) !== acknowledged || !isHighest) {
    yield `${acknowledged} revocations were acknowledged, ${sequences.size} are on record`;
  }
  if ((published?.sequence ?? 0n) > acknowledged) {
    yield 'the newest list carries revocations that nobody has acknowledged';
  }
  if (behindGaps(gaps, (published?.number ?? 0n) + 1n) !== lastNumber + 1n) {
    yield `number ${lastNumber} was given out, but the newest list is ${published?.number ?? 0n}`;
  }
}

/** The newest list is in the directory and says of each certificate what the register does. */
async function* checkNewest(
  context: ConsistencyContext,
  scope: Scope,
  state: {
    readonly record: ScopeRecord;
    readonly revoked: Revoked;
    /** Gains what is in neither this list nor waiting for the next. */
    readonly absent: Map<bigint, RevokedCertificate>;
  },
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { published } = state.record;
  try {
    const values = await context.publishedValues(scope.dn, scope.attribute);
    const hashes = values.map((value) => createHash('sha256').update(value).digest('hex'));
    const expected = published === undefined ? [] : [formatHex(published.sha256)];
    // Full lists of several keys stand beside each other.
    const found = scope.isFull ? hashes.filter((hash) => expected.includes(hash)) : hashes;
    if (found.join() !== expected.join()) {
      yield inconsistent(scope.id, `${scope.dn} does not hold the newest list, and it alone`);
    }
  } catch (error) {
    yield faultOf(scope.id, error);
  }
  if (published === undefined) {
    return;
  }
  let list: CertificateList;
  try {
    ({ list } = await readArchivedList(context, published));
  } catch (error) {
    // Reported with the archive, which it is in.
    faultOf(scope.id, error);
    return;
  }
  const listed = new Set<bigint>();
  // The next list leaves these out; the register is ahead of this one.
  const withdrawals = await readWithdrawals(context.view, context.tables, scope.id);
  const withdrawn = new Set(withdrawals.values());
  for (const message of entryMessages(list, { ...state, published, listed, withdrawn })) {
    yield inconsistent(scope.id, message);
  }
  for (const [serialNumber, certificate] of state.revoked) {
    if (certificate.sequence <= published.sequence && !listed.has(serialNumber)) {
      state.absent.set(serialNumber, certificate);
    }
  }
}

function* entryMessages(
  list: CertificateList,
  {
    revoked,
    published,
    listed,
    withdrawn,
  }: {
    readonly revoked: Revoked;
    readonly published: PublishedList;
    readonly listed: Set<bigint>;
    readonly withdrawn: ReadonlySet<bigint>;
  },
): Iterable<string> {
  // Unspecified is left out of entries (RFC 5280 §5.3.1).
  for (const { serialNumber, reason = CrlReason.unspecified, revocationMs } of list.entries()) {
    const certificate = revoked.get(serialNumber);
    const name = formatSerialNumber(serialNumber);
    if (withdrawn.has(serialNumber)) {
      // Nothing to compare with.
    } else if (certificate === undefined) {
      yield `${name} is in the newest list and is not revoked there`;
    } else if (certificate.sequence > published.sequence) {
      yield `${name} is in the newest list before its revocation`;
    } else if (certificate.reason !== reason || certificate.revokedMs !== revocationMs) {
      yield `${name} is in the newest list with another reason or date than on record`;
    }
    if (listed.has(serialNumber)) {
      yield `${name} is twice in the newest list`;
    }
    listed.add(serialNumber);
  }
}

/** Every list ever published, oldest first. */
async function* checkArchive(
  context: ConsistencyContext,
  scope: Scope,
  {
    record,
    absent,
    gaps,
  }: {
    readonly record: ScopeRecord;
    readonly absent: Map<bigint, RevokedCertificate>;
    readonly gaps: readonly NumberGap[];
  },
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { view, tables, tally } = context;
  let expected = 1n;
  let lastUpdateMs = Number.NEGATIVE_INFINITY;
  for await (const key of view.keys(tables.archives(scope.id))) {
    const number = numberOfKey(key);
    if (number !== expected && number !== behindGaps(gaps, expected)) {
      yield inconsistent(scope.id, `list ${expected} is not in the archive`);
    }
    expected = number + 1n;
    tally.lists += 1;
    try {
      const archived = parsePublishedList((await view.read(key)) ?? new Uint8Array(0));
      const reading = await readArchivedList(context, archived);
      const facts = { number, archived, lastUpdateMs };
      for (const message of listMessages(context, scope, { ...facts, reading })) {
        yield inconsistent(scope.id, `list ${number}: ${message}`);
      }
      lastUpdateMs = archived.thisUpdateMs;
      forgetServed(reading.list, absent);
    } catch (error) {
      const { code, message } = faultOf(scope.id, error);
      yield { code, subject: scope.id, message: `list ${number}: ${message}` };
    }
    await context.step();
  }
  if (behindGaps(gaps, expected) !== record.lastNumber + 1n) {
    yield inconsistent(scope.id, `the archive ends before list ${record.lastNumber}`);
  }
}

/** The first number that is not in a gap that a recovery has left. */
function behindGaps(gaps: readonly NumberGap[], from: bigint): bigint {
  let number = from;
  for (const { first, last } of [...gaps].sort((left, right) =>
    left.first < right.first ? -1 : 1,
  )) {
    number = first === number ? last + 1n : number;
  }
  return number;
}

function* listMessages(
  { authorities }: ConsistencyContext,
  scope: Scope,
  {
    number,
    archived,
    reading: { facts, list },
    lastUpdateMs,
  }: {
    readonly number: bigint;
    readonly archived: PublishedList;
    readonly reading: ListReading;
    readonly lastUpdateMs: number;
  },
): Iterable<string> {
  const { distributionPoint: point } = facts;
  const rules: readonly (readonly [holds: boolean, message: string])[] = [
    [facts.isSignatureValid, "the CA's signature does not verify"],
    [
      authorities.some(({ reference }) => equalBytes(reference.name.der, facts.issuerDer)),
      "it has another issuer than the CA's name",
    ],
    [facts.number === number && archived.number === number, 'it has another number'],
    [
      facts.thisUpdateMs === archived.thisUpdateMs && facts.nextUpdateMs === archived.nextUpdateMs,
      'it has other times than on record',
    ],
    [archived.thisUpdateMs > lastUpdateMs, 'its thisUpdate is not after that of the one before'],
    [
      facts.entryCount === archived.entryCount && list.der.length === archived.byteLength,
      'it has another size than on record',
    ],
    [
      scope.isFull
        ? point === undefined
        : namesScope(scope, point) && point?.onlyContains === scope.onlyContains,
      'its issuing distribution point is that of another list',
    ],
  ];
  for (const [holds, message] of rules) {
    if (!holds) {
      yield message;
    }
  }
}

/** An entry has served when its certificate had ended before a list that still carried it. */
function forgetServed(list: CertificateList, absent: Map<bigint, RevokedCertificate>): void {
  if (absent.size === 0) {
    return;
  }
  const cursor = list.cursor();
  while (cursor.next()) {
    const certificate = absent.get(cursor.serialNumber);
    if (certificate !== undefined && list.thisUpdateMs > certificate.notAfterMs) {
      absent.delete(cursor.serialNumber);
    }
  }
}

function namesScope(
  { isNamed, distributionPoint }: Scope,
  point: ListFacts['distributionPoint'],
): boolean {
  return isNamed
    ? point?.nameDer !== undefined && equalBytes(point.nameDer, distributionPoint.der)
    : point?.hasName === false;
}
