/**
 * Gathering the facts that the publish gate judges: what the list's own bytes say, what the store says
 * of each certificate that came in or left, and how the scope stands inside the publishing transaction.
 *
 * @module
 */

import { asBuffer } from '../core/bytes.ts';
import type { ReadView } from '../store/store.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseCertificateList } from '../x509/certificate-list.ts';
import { RevokedEntryCursor } from '../x509/certificate-list-cursor.ts';
import { CrlReason } from '../x509/crl-extensions.ts';
import {
  buildCrlDistributionPoints,
  parseCrlDistributionPoints,
} from '../x509/distribution-point.ts';
import { encodeExtension, findExtension } from '../x509/extensions.ts';
import { nameFromText } from '../x509/name.ts';
import { Oid } from '../x509/object-identifiers.ts';
import { type CaCore, readCounters, readOwner } from './ca-core.ts';
import { periodMs } from './cadence.ts';
import { parseCertificateRecord, parseStatusRecord } from './certificate-record.ts';
import type { AssembledList } from './crl-assembly.ts';
import { CaError } from './errors.ts';
import { compareLists } from './list-comparison.ts';
import { onlyDirectoryName, readBackList } from './list-facts.ts';
import type { AddedEntry, DroppedEntry, ListFacts, PublicationFacts } from './publish-gate.ts';
import { parseStoredEntry } from './revoked-entry.ts';
import type { Scope } from './scope.ts';
import { parseScopeRecord, type ScopeRecord } from './scope-record.ts';
import { readArchived } from './scope-state.ts';

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
  const { list, facts } = readBackList(assembled.der, core.authority);
  const { published } = assembled.state;
  let difference = compareLists(undefined, list);
  if (published !== undefined) {
    const previousDer = await view.readLarge(published.sha256);
    if (previousDer === undefined) {
      throw new CaError('CA_GATE_I10', `list number ${published.number} is not in the archive`);
    }
    difference = compareLists(parseCertificateList(previousDer), list);
  }
  const added: AddedEntry[] = [];
  const pointOf = distributionPointReader(scope);
  for (const serialNumber of difference.added) {
    added.push(await describeAdded(core, view, { serialNumber, pointOf }));
  }
  const dropped: DroppedEntry[] = [];
  for (const serialNumber of difference.dropped) {
    dropped.push(await describeDropped(core, view, serialNumber));
  }
  return { list: facts, added, dropped };
}

async function describeAdded(
  { tables }: CaCore,
  view: ReadView,
  {
    serialNumber,
    pointOf,
  }: {
    readonly serialNumber: bigint;
    readonly pointOf: ReturnType<typeof distributionPointReader>;
  },
): Promise<AddedEntry> {
  const certificateBytes = await view.read(tables.certificate(serialNumber));
  const statusBytes = await view.read(tables.status(serialNumber));
  const status = statusBytes === undefined ? undefined : parseStatusRecord(statusBytes);
  return {
    serialNumber,
    distributionPointDer:
      certificateBytes === undefined
        ? undefined
        : pointOf(parseCertificateRecord(certificateBytes).der),
    isRevoked: status !== undefined && status.state !== 'not-delivered',
    sequence: status?.sequence ?? 0n,
  };
}

async function describeDropped(
  { tables }: CaCore,
  view: ReadView,
  serialNumber: bigint,
): Promise<DroppedEntry> {
  const certificateBytes = await view.read(tables.certificate(serialNumber));
  const statusBytes = await view.read(tables.status(serialNumber));
  return {
    serialNumber,
    notAfterMs:
      certificateBytes === undefined
        ? undefined
        : parseCertificateRecord(certificateBytes).notAfterMs,
    sequence: statusBytes === undefined ? undefined : parseStatusRecord(statusBytes).sequence,
  };
}

/**
 * Reads the one name in certificates' own CRLDP. A certificate that holds the very extension of the scope
 * is not taken apart for it: lists bring thousands of new entries.
 */
function distributionPointReader({
  distributionPoint,
}: Scope): (der: Uint8Array) => Uint8Array | undefined {
  const fullName = [{ kind: 'directoryName' as const, name: distributionPoint }];
  const expected = asBuffer(encodeExtension(buildCrlDistributionPoints([{ fullName }])));
  return (der) => {
    if (asBuffer(der).includes(expected)) {
      return distributionPoint.der;
    }
    const extension = findExtension(parseCertificate(der).extensions, Oid.cRLDistributionPoints);
    const points = extension === undefined ? [] : parseCrlDistributionPoints(extension.value);
    return points.length === 1 ? onlyDirectoryName(points[0]?.fullName) : undefined;
  };
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
  const { policy, authority } = core;
  const { number, thisUpdateMs, nextUpdateMs, entryCount } = assembled;
  const allowed = policy.revocation.reasons.map((reason) => CrlReason[reason]);
  return {
    scope: scope.id,
    nowMs,
    ...candidate,
    meant: { number, thisUpdateMs, nextUpdateMs, entryCount },
    expected: {
      onlyContains: scope.onlyContains,
      distributionPointDer: state.distributionPointDer,
      issuerDer: authority.reference.name.der,
      keyIdentifier: authority.reference.keyIdentifier,
      certificateSerialNumber: authority.reference.serialNumber,
      allowedReasons: new Set(allowed),
      periodMs: periodMs(policy),
    },
    stored: await gatherStored(core, view, publication),
    ownerId: core.ownerId,
    previous: state.published,
    lastRegular: state.regular,
    includedSequence: assembled.sequence,
    oldestUnlistedMs: await oldestUnlisted(core, view, publication),
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
  const archived = async (number: bigint): Promise<boolean> =>
    (await readArchived(view, tables, { scopeId: scope.id, number })) !== undefined;
  const { published } = state;
  return {
    counter: state.lastNumber,
    acknowledgedSequence: state.acknowledgedSequence,
    liveEntries: state.liveEntries - candidate.dropped.length,
    liveInAllScopes,
    liveInTotal: (await readCounters(view, tables)).liveEntries,
    ownerId: await readOwner(view, tables),
    isNewListArchived: await archived(assembled.number),
    isPreviousListArchived: published === undefined || (await archived(published.number)),
  };
}

async function oldestUnlisted(
  { tables }: CaCore,
  view: ReadView,
  {
    scope,
    assembled,
    state,
  }: { readonly scope: Scope; readonly assembled: AssembledList; readonly state: ScopeRecord },
): Promise<number | undefined> {
  if (state.acknowledgedSequence <= assembled.sequence) {
    return undefined;
  }
  const bytes = await view.read(tables.revokedEntry(scope.id, assembled.sequence + 1n));
  const cursor = bytes && new RevokedEntryCursor(parseStoredEntry(bytes).der);
  return cursor?.next() ? cursor.revocationMs : undefined;
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
