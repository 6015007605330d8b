/**
 * Putting the next list of a scope together and having it signed: in one buffer of its final size, hashed once,
 * signed once (RFC 5280 §5.1).
 *
 * Not here: its entries (`entry-region.ts`), and whether it may be published (`publish-gate.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { Turns } from '../../core/turns.ts';
import type { DigestName } from '../../signing/signer.ts';
import type { ReadView } from '../../store/store.ts';
import {
  buildSignedEnvelope,
  buildTbsCertificateList,
  type TbsListParts,
} from '../../x509/certificate-list.ts';
import {
  buildCrlNextPublish,
  buildCrlNumber,
  buildDeltaCrlIndicator,
} from '../../x509/crl-extensions.ts';
import { buildIssuingDistributionPoint } from '../../x509/distribution-point.ts';
import type { Extension } from '../../x509/extensions.ts';
import type { Authority } from '../authorities.ts';
import { type CaCore, signPieces } from '../ca-core.ts';
import { assertListLint } from '../lint/list-rules.ts';
import { isRegular, LAST_NEXT_UPDATE_MS, periodMs, validityMs } from '../policy/cadence.ts';
import type { Policy } from '../policy/policy.ts';
import {
  buildFreshestDistributionPoint,
  buildIssuerReference,
} from '../policy/profile-extensions.ts';
import { hasDelta, type Scope } from '../policy/scope.ts';
import type { ScopeRecord } from '../records/scope-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import { BYTES_PER_TURN, type EntryRegion, layOutEntries } from './entry-region.ts';

/** A list that nobody has seen yet. */
export interface AssembledList {
  /** Whose key signed it. */
  readonly authority: Authority;
  readonly der: Uint8Array;
  /** What was signed: a part of `der`. */
  readonly tbs: Uint8Array;
  /** Of `tbs`, by the digest of the signature algorithm. */
  readonly tbsDigest: Uint8Array;
  readonly number: bigint;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  readonly entryCount: number;
  /** By the cadence, not in between. */
  readonly isRegular: boolean;
  /** The last revocation that it carries. */
  readonly sequence: bigint;
  /** How its entries came about. */
  readonly region: EntryRegion;
  /** The scope as the view had it. */
  readonly state: ScopeRecord;
}

/** Signature algorithm and signature are shorter than this. */
export const SIGNATURE_ROOM: number = 2048;
/** The header around everything is no longer. */
export const HEADER_ROOM: number = 8;

/**
 * Assembles and signs the next list of a scope.
 *
 * @param view A snapshot, or the publishing transaction itself.
 * @param nowMs Becomes thisUpdate, in whole seconds.
 * @throws {CaError} `CA_GATE_I10` when the list before is not in the archive; `CA_RECORD_DAMAGED`, `CA_LINT`.
 * @throws {SigningError}
 */
export async function assembleList(
  core: CaCore,
  scope: Scope,
  { view, nowMs }: { readonly view: ReadView; readonly nowMs: number },
): Promise<AssembledList> {
  const { policy, authorities, tables } = core;
  const authority = authorities.forScope(scope);
  const state = await readScopeRecord(view, tables, scope.id);
  const thisUpdateMs = Math.floor(nowMs / 1000) * 1000;
  const isLast = core.service.isClosing(authority.generation);
  const nextUpdateMs = isLast ? LAST_NEXT_UPDATE_MS : thisUpdateMs + validityMs(policy);
  const number = state.lastNumber + 1n;
  const { algorithm } = authority;
  const meant = {
    issuer: authority.reference.name,
    algorithm,
    thisUpdateMs,
    nextUpdateMs,
    extensions: listExtensions(policy, scope, { authority, number, thisUpdateMs, isLast }),
  };
  assertListLint(meant, { issuer: authority.certificate, scope, policy });
  const partsFor = (entriesLength: number): TbsListParts =>
    buildTbsCertificateList({ ...meant, entriesLength });
  const region = await layOutEntries(core, view, {
    scopeId: scope.id,
    state,
    room: (entriesLength) => {
      const { head, tail } = partsFor(entriesLength);
      return { before: HEADER_ROOM + head.length, behind: tail.length + SIGNATURE_ROOM };
    },
  });
  const parts = partsFor(region.end - region.start);
  const signed = await signAround(core, { authority, region, parts });
  return {
    ...signed,
    authority,
    number,
    thisUpdateMs,
    nextUpdateMs,
    entryCount: region.carriedCount + region.addedCount,
    isRegular: isRegular(scope.id, thisUpdateMs, { scope: state, policy }),
    sequence: state.acknowledgedSequence,
    region,
    state,
  };
}

/** Writes what stands around the entries where room was left for it. */
export async function signAround(
  core: CaCore,
  {
    authority,
    region,
    parts,
  }: {
    readonly authority: Authority;
    readonly region: Pick<EntryRegion, 'buffer' | 'start' | 'end'>;
    readonly parts: TbsListParts;
  },
): Promise<Pick<AssembledList, 'der' | 'tbs' | 'tbsDigest'>> {
  const { buffer, start, end } = region;
  const { algorithm, keyLabel: label } = authority;
  const tbsStart = start - parts.head.length;
  const tbsEnd = end + parts.tail.length;
  buffer.set(parts.head, tbsStart);
  buffer.set(parts.tail, end);
  const tbs = buffer.subarray(tbsStart, tbsEnd);
  const hashing = hashInTurns(algorithm.digest, [tbs]);
  // Both processes hash at the same time; if signing fails nobody waits for this side.
  hashing.catch(() => undefined);
  const key = { label, purpose: 'crl', algorithm, digest: hashing } as const;
  const signature = await signPieces(core, key, [tbs]);
  const envelope = buildSignedEnvelope(parts.length, algorithm, signature);
  const derStart = tbsStart - envelope.head.length;
  buffer.set(envelope.head, derStart);
  buffer.set(envelope.tail, tbsEnd);
  const der = buffer.subarray(derStart, tbsEnd + envelope.tail.length);
  return { der, tbs, tbsDigest: await hashing };
}

/** Octets that are hashed at a time: a fraction of a millisecond. */
const HASH_BYTES = 256 * 1024;

/** Hashes pieces one behind the other, a little at a time. */
export async function hashInTurns(
  digestName: DigestName,
  pieces: Iterable<Uint8Array>,
): Promise<Uint8Array> {
  const turns = new Turns(BYTES_PER_TURN);
  const hash = createHash(digestName);
  for (const piece of pieces) {
    for (let start = 0; start < piece.length; start += HASH_BYTES) {
      const part = piece.subarray(start, start + HASH_BYTES);
      hash.update(part);
      await turns.spend(part.length);
    }
  }
  return new Uint8Array(hash.digest());
}

/** What a full list says of itself, or a delta list that starts from the full one `deltaOf`. */
export function listExtensions(
  policy: Policy,
  scope: Scope,
  {
    authority,
    number,
    thisUpdateMs,
    isLast,
    deltaOf,
  }: {
    readonly authority: Authority;
    readonly number: bigint;
    readonly thisUpdateMs: number;
    readonly isLast: boolean;
    readonly deltaOf?: bigint;
  },
): readonly Extension[] {
  const { distributionPoint, onlyContains, isFull, isNamed } = scope;
  return [
    buildIssuerReference(authority.reference, {
      issuerAndSerial: policy.crl.issuerAndSerial,
      critical: false,
    }),
    buildCrlNumber(number),
    ...(deltaOf === undefined ? [] : [buildDeltaCrlIndicator(deltaOf)]),
    ...(isFull
      ? []
      : [
          buildIssuingDistributionPoint({
            ...(isNamed ? { fullName: [{ kind: 'directoryName', name: distributionPoint }] } : {}),
            onlyContains,
          }),
        ]),
    ...(hasDelta(scope, policy) && !isLast && deltaOf === undefined
      ? [buildFreshestDistributionPoint(scope)]
      : []),
    ...(policy.crl.nextPublish && !isLast && deltaOf === undefined
      ? [buildCrlNextPublish(thisUpdateMs + periodMs(policy))]
      : []),
  ];
}
