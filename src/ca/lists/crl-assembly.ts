/**
 * Putting a list together from the entries that revocations left: streamed from one consistent view of
 * the store, without an object per entry, hashed once and signed once.
 *
 * Not here: whether it may be published (`publish-gate.ts`).
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import { buildSignedEnvelope, buildTbsCertificateList } from '../../x509/certificate-list.ts';
import { buildCrlNextPublish, buildCrlNumber } from '../../x509/crl-extensions.ts';
import { buildIssuingDistributionPoint } from '../../x509/distribution-point.ts';
import type { Extension } from '../../x509/extensions.ts';
import type { Authority } from '../authorities.ts';
import { type CaCore, signPieces } from '../ca-core.ts';
import { isRegular, periodMs, validityMs } from '../policy/cadence.ts';
import type { Policy } from '../policy/policy.ts';
import { buildIssuerReference } from '../policy/profile.ts';
import type { Scope } from '../policy/scope.ts';
import { numberOfKey } from '../records/ca-tables.ts';
import { parseStoredEntry } from '../records/revoked-entry.ts';
import type { ScopeRecord } from '../records/scope-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';

/** A list that nobody has seen yet. */
export interface AssembledList {
  /** Who signed it. */
  readonly authority: Authority;
  readonly der: Uint8Array;
  readonly number: bigint;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  readonly entryCount: number;
  /** By the cadence, not in between. */
  readonly isRegular: boolean;
  /** The last revocation that it carries. */
  readonly sequence: bigint;
  /** Entries that have served: their certificates ended, and a regular list has said so. */
  readonly servedSequences: readonly bigint[];
  /** The scope as the view had it. */
  readonly state: ScopeRecord;
}

/** Entries are gathered in pieces of this size. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Assembles and signs the next list of a scope.
 *
 * @param view A snapshot, or the publishing transaction itself.
 * @param nowMs Becomes thisUpdate, in whole seconds.
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
  const entries = new EntryChunks();
  const servedSequences: bigint[] = [];
  for await (const [key, bytes] of view.range(tables.revokedEntries(scope.id))) {
    const sequence = numberOfKey(key);
    const { notAfterMs, der } = parseStoredEntry(bytes);
    if (hasServed({ sequence, notAfterMs }, state)) {
      servedSequences.push(sequence);
    } else {
      entries.append(der);
    }
  }
  const thisUpdateMs = Math.floor(nowMs / 1000) * 1000;
  const number = state.lastNumber + 1n;
  const nextUpdateMs = thisUpdateMs + validityMs(policy);
  const { algorithm } = authority;
  const parts = buildTbsCertificateList({
    issuer: authority.reference.name,
    algorithm,
    thisUpdateMs,
    nextUpdateMs,
    extensions: listExtensions(policy, scope, { authority, number, thisUpdateMs }),
    entriesLength: entries.length,
  });
  const tbs = [parts.head, ...entries.chunks(), parts.tail];
  const signature = await signPieces(
    core,
    { label: authority.keyLabel, purpose: 'crl', algorithm },
    tbs,
  );
  const envelope = buildSignedEnvelope(parts.length, algorithm, signature);
  return {
    authority,
    der: Buffer.concat([envelope.head, ...tbs, envelope.tail]),
    number,
    thisUpdateMs,
    nextUpdateMs,
    entryCount: entries.count,
    isRegular: isRegular(scope.id, thisUpdateMs, { scope: state, policy }),
    sequence: state.acknowledgedSequence,
    servedSequences,
    state,
  };
}

/**
 * RFC 5280 §3.3: an entry stays until it has appeared on a regularly scheduled list issued beyond the
 * end of its certificate.
 */
function hasServed(
  { sequence, notAfterMs }: { readonly sequence: bigint; readonly notAfterMs: number },
  { regular }: ScopeRecord,
): boolean {
  return regular !== undefined && sequence <= regular.sequence && notAfterMs < regular.thisUpdateMs;
}

function listExtensions(
  policy: Policy,
  scope: Scope,
  {
    authority,
    number,
    thisUpdateMs,
  }: {
    readonly authority: Authority;
    readonly number: bigint;
    readonly thisUpdateMs: number;
  },
): readonly Extension[] {
  const { distributionPoint, onlyContains } = scope;
  return [
    buildIssuerReference(authority.reference, {
      issuerAndSerial: policy.crl.issuerAndSerial,
      critical: false,
    }),
    buildCrlNumber(number),
    buildIssuingDistributionPoint({
      fullName: [{ kind: 'directoryName', name: distributionPoint }],
      onlyContains,
    }),
    ...(policy.crl.nextPublish ? [buildCrlNextPublish(thisUpdateMs + periodMs(policy))] : []),
  ];
}

/** Entries one behind the other in large pieces. */
class EntryChunks {
  readonly #full: Uint8Array[] = [];
  #open = new Uint8Array(CHUNK_BYTES);
  #used = 0;
  length = 0;
  count = 0;

  append(entry: Uint8Array): void {
    if (this.#used + entry.length > this.#open.length) {
      this.#full.push(this.#open.subarray(0, this.#used));
      this.#open = new Uint8Array(Math.max(CHUNK_BYTES, entry.length));
      this.#used = 0;
    }
    this.#open.set(entry, this.#used);
    this.#used += entry.length;
    this.length += entry.length;
    this.count += 1;
  }

  chunks(): readonly Uint8Array[] {
    return [...this.#full, this.#open.subarray(0, this.#used)];
  }
}
