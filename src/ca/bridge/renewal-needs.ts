/**
 * Whether a cross certificate has to be replaced: the four cases of gunma 4-9. Each side's certificate may be near its
 * end, or may say something else than it would if it were issued today.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { findExtension } from '../../x509/extensions.ts';
import { parseSubjectKeyIdentifier } from '../../x509/key-identifier.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { CaCore } from '../ca-core.ts';
import { type CrossRecord, fromBase64 } from '../records/cross-record.ts';
import { examineCertificate } from './certificate-examination.ts';
import { peerNames, peerOf, termsOf } from './peers.ts';

/**
 * `theirs-ends` (1): the peer's certificate for this CA nears its end; `ours-ends` (2): this CA's for the peer does.
 * `theirs-changes` (3), `ours-changes` (4): what it says is to change.
 */
export type RenewalCase = 'theirs-ends' | 'ours-ends' | 'theirs-changes' | 'ours-changes';

export const renewalCases: readonly RenewalCase[] = [
  'theirs-ends',
  'ours-ends',
  'theirs-changes',
  'ours-changes',
];

export interface RenewalNeed {
  readonly case: RenewalCase;
  /** For people. */
  readonly why: string;
  /** When the certificate ends; epoch milliseconds. */
  readonly endMs: number;
  /** Of the policy's warnings the one that is passed: so many days or fewer are left; undefined for changes. */
  readonly withinDays: number | undefined;
}

const DAY_MS = 86_400_000;

/** What of a published pair is to be replaced; nothing without a pair. */
export function findRenewalNeeds(core: CaCore, record: CrossRecord): readonly RenewalNeed[] {
  const { pair } = record;
  const ours = pair && record.issued[pair.issued];
  const theirs = pair && record.received[pair.received];
  if (ours === undefined || theirs === undefined || !isPeer(core, record)) {
    return [];
  }
  const changes = findChanges(core, record, parse(ours.der));
  const sides = [
    { ends: 'theirs-ends', changes: 'theirs-changes', der: theirs.der, why: changes.theirs },
    { ends: 'ours-ends', changes: 'ours-changes', der: ours.der, why: changes.ours },
  ] as const;
  const needs = sides.flatMap(({ ends, changes: change, der, why }): RenewalNeed[] => {
    const endMs = parse(der).notAfterMs;
    const withinDays = daysWarned(core, endMs);
    return [
      ...(withinDays === undefined
        ? []
        : [{ case: ends, endMs, withinDays, why: `it ends ${new Date(endMs).toISOString()}` }]),
      ...(why === undefined ? [] : [{ case: change, endMs, withinDays: undefined, why }]),
    ];
  });
  return needs.toSorted(
    (left, right) => renewalCases.indexOf(left.case) - renewalCases.indexOf(right.case),
  );
}

function daysWarned({ clock, policy }: CaCore, endMs: number): number | undefined {
  const leftMs = endMs - clock.nowMs();
  const passed = (policy.cross?.warningDays ?? []).filter((days) => leftMs <= days * DAY_MS);
  return passed.length === 0 ? undefined : Math.min(...passed);
}

/**
 * Why each side's certificate would say something else today; undefined where it would not.
 *
 * @param ours What is compared; the newest that was issued when left out.
 */
export function findChanges(
  core: CaCore,
  record: CrossRecord,
  ours?: Certificate,
): { readonly ours: string | undefined; readonly theirs: string | undefined } {
  const newest = record.issued.findLast(({ revokedMs }) => revokedMs === undefined);
  const issued = ours ?? (newest && parse(newest.der));
  const received = record.received.findLast(({ endedMs }) => endedMs === undefined);
  return {
    ours: issued && findOwnChange(core, record, issued),
    theirs: received && findTheirChange(core, record, parse(received.der)),
  };
}

function findOwnChange(
  core: CaCore,
  { trusted, peer }: CrossRecord,
  issued: Certificate,
): string | undefined {
  if (trusted === undefined) {
    return undefined;
  }
  const peerCertificate = parse(trusted.der);
  if (!equalBytes(peerCertificate.spki, issued.spki)) {
    return 'the peer has another key';
  }
  if (!equalBytes(peerCertificate.subject.der, issued.subject.der)) {
    return "the peer's name is written otherwise";
  }
  const { current } = core.authorities;
  const ownKey = findExtension(issued.extensions, Oid.authorityKeyIdentifier);
  const profile = core.profiles.get(peerOf(core.policy, peer).profile);
  if (profile === undefined) {
    return undefined;
  }
  const identifier = findExtension(peerCertificate.extensions, Oid.subjectKeyIdentifier);
  const extensions = profile.extensions({
    spki: issued.spki,
    notBeforeMs: issued.notBeforeMs,
    scope: core.scopes.of(profile.definition.scope),
    issuer: current.reference,
    ...(identifier === undefined
      ? {}
      : { subjectKeyIdentifier: parseSubjectKeyIdentifier(identifier.value) }),
  });
  const now = findExtension(extensions, Oid.authorityKeyIdentifier);
  if (ownKey !== undefined && now !== undefined && !equalBytes(ownKey.value, now.value)) {
    return "this CA's key was renewed";
  }
  const isSame =
    extensions.length === issued.extensions.length &&
    extensions.every((one, index) => {
      const other = issued.extensions[index];
      return (
        other?.oid === one.oid &&
        other.critical === one.critical &&
        equalBytes(other.value, one.value)
      );
    });
  return isSame ? undefined : 'the policy has other extensions for it';
}

/** The rules that a certificate may have come to break after it was accepted. */
const lasting: ReadonlySet<string> = new Set([
  'key-mismatch',
  'signature',
  'policies',
  'mappings',
  'name-constraints',
  'path-length',
]);

function findTheirChange(
  core: CaCore,
  { trusted, peer }: CrossRecord,
  received: Certificate,
): string | undefined {
  if (trusted === undefined) {
    return undefined;
  }
  const { current, all } = core.authorities;
  const { findings } = examineCertificate(received.der, {
    peer: parse(trusted.der),
    own: current.certificate,
    formerKeys: all.map(({ certificate }) => certificate.spki),
    askedFor: received.spki,
    terms: termsOf(core.policy, peerOf(core.policy, peer)),
    nowMs: core.clock.nowMs(),
    utcOffsetMs: core.policy.utcOffsetMs,
  });
  return findings.find(({ code }) => lasting.has(code))?.message;
}

function isPeer({ policy }: CaCore, { peer }: CrossRecord): boolean {
  return peerNames(policy).includes(peer);
}

function parse(der: string): Certificate {
  return parseCertificate(fromBase64(der));
}
