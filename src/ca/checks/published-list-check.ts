/**
 * The invariants of the publish gate on lists that are out, wherever they were found: in our own store, in a directory or
 * behind a web address, ours or another CA's. What can be told from the bytes, from the CA's certificates and, where they are
 * there, from the policy and the archive.
 *
 * Not here: fetching the lists (`src/readback`), and the gate itself, which asks before anything is out.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { formatHex } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import { parseForeignSignatureAlgorithm } from '../../x509/algorithms.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type CertificateListHead, parseCertificateListHead } from '../../x509/certificate-list.ts';
import { CrlReason, parseCrlNumber } from '../../x509/crl-extensions.ts';
import { parseIssuingDistributionPoint } from '../../x509/distribution-point.ts';
import { findExtension } from '../../x509/extensions.ts';
import { computeKeyIdentifier, parseAuthorityKeyIdentifier } from '../../x509/key-identifier.ts';
import { formatName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { importVerifyingKey, verifyBeside } from '../../x509/verify-signature.ts';
import { readEntries, summariseEntries } from '../lists/list-reading.ts';

/** The numbers of docs/architecture.md. */
export type CheckedInvariant = 'I1' | 'I2' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I11' | 'I12';

export interface ListFinding {
  readonly invariant: CheckedInvariant;
  /** Where the list was found. */
  readonly source: string;
  readonly message: string;
}

/** A list and where it was found. */
export interface FoundList {
  readonly source: string;
  readonly der: Uint8Array;
  /** The name that a directory was asked for. */
  readonly entryDn?: string | undefined;
}

/** A list that should be there. */
export interface ExpectedList {
  readonly id: string;
  /** RFC 4514 text of its distribution point. */
  readonly dn: string;
  readonly onlyContains: 'user' | 'ca';
  readonly isFull: boolean;
  /** It does not say its point (`ScopeDefinition.namesPoint`). */
  readonly isUnnamed?: boolean | undefined;
  /** Of a full one: SubjectPublicKeyInfo of its key, hexadecimal. */
  readonly issuerKey?: string | undefined;
  /** The newest of the archive; undefined before the first. */
  readonly newest?: { readonly number: bigint; readonly sha256: string } | undefined;
  /** The delta list that is on show; undefined when there is none. */
  readonly delta?: { readonly number: bigint; readonly sha256: string } | undefined;
}

export interface CheckTerms {
  /** The CA's certificates, those of older keys included. */
  readonly issuers: readonly Certificate[];
  /** Undefined for a CA of which nothing else is known. */
  readonly expected: readonly ExpectedList[] | undefined;
  /** CRLReason numbers that the policy knows; undefined for all. */
  readonly allowedReasons: ReadonlySet<number> | undefined;
  readonly leastRemainingMs: number;
  /** Of delta lists. */
  readonly leastDeltaRemainingMs: number;
  /** SHA-256 of an older list of the archive; undefined when there is none of that number. */
  readonly archived: (id: string, number: bigint) => Promise<string | undefined>;
  /** Whether a certificate has ended, so that its entry may have left one list before another. */
  readonly hasEnded: (serialNumber: bigint) => Promise<boolean>;
}

/** What was looked at. */
export interface CheckedList {
  readonly source: string;
  /** The list of ours that it is; undefined when it is none, or nothing is known of ours. */
  readonly id: string | undefined;
  readonly isDelta: boolean;
  readonly number: bigint | undefined;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | undefined;
  readonly entries: number;
  readonly bytes: number;
}

/** A clock that is off by so much is nobody's fault here. */
const CLOCK_TOLERANCE_MS = 60_000;
const ENTRIES_PER_PAGE = 8_192;
const MAX_LOOKUPS = 1_000;

/** Checks lists one by one, and at the end all that were seen together. */
export class PublishedListCheck {
  readonly terms: CheckTerms;
  readonly #nowMs: number;
  readonly findings: ListFinding[] = [];
  readonly lists: CheckedList[] = [];
  /** Serial numbers and revocation times, of partitions and of full lists, where there is a full list. */
  readonly #partitions = new Map<bigint, number>();
  readonly #full = new Map<bigint, number>();
  readonly #updates: { isFull: boolean; thisUpdateMs: number; id: string }[] = [];

  constructor(terms: CheckTerms, nowMs: number) {
    this.terms = terms;
    this.#nowMs = nowMs;
  }

  /** Something that should be there is not, or the other way round. */
  note(finding: ListFinding): void {
    this.findings.push(finding);
  }

  async add(found: FoundList): Promise<void> {
    const { source, der } = found;
    let head: CertificateListHead;
    try {
      head = parseCertificateListHead(der);
    } catch (error) {
      if (!isCertdirError(error)) {
        throw error;
      }
      const isEmptyField = error.message.includes('there but empty');
      const invariant = isEmptyField ? 'I12' : 'I6';
      this.note({ invariant, source, message: `cannot be read: ${error.message}` });
      return;
    }
    const expected = this.#expectedOf(head);
    const summary = await summariseEntries(head);
    this.lists.push({
      ...{ source, id: expected?.id, isDelta: isDelta(head) },
      ...{ number: head.number, thisUpdateMs: head.thisUpdateMs },
      ...{ nextUpdateMs: head.nextUpdateMs, entries: summary.count, bytes: der.length },
    });
    const messages: readonly (readonly [CheckedInvariant, string | undefined])[] = [
      ['I6', (await this.#signatureFault(head)) ?? indicatorFault(head)],
      ['I2', head.thisUpdateMs > this.#nowMs + CLOCK_TOLERANCE_MS ? 'is of the future' : undefined],
      ['I7', this.#timeFault(head)],
      ['I5', this.#pointFault(found, head, expected)],
      ['I11', this.#reasonFault([...summary.reasons.keys()], head)],
    ];
    for (const [invariant, message] of messages) {
      if (message !== undefined) {
        this.note({ invariant, source, message });
      }
    }
    await this.#compareWithArchive(found, head, expected);
    await this.#remember(head, expected);
  }

  /** Once all are there: full lists against the partitions (I4). */
  async finish(): Promise<void> {
    const full = this.#updates.filter(({ isFull }) => isFull);
    const wanted = this.terms.expected ?? [];
    const seen = new Set(this.#updates.map(({ id }) => id));
    if (full.length === 0 || !wanted.every(({ id }) => seen.has(id))) {
      return;
    }
    const few = await this.#missing(this.#partitions, this.#full);
    const many = await this.#missing(this.#full, this.#partitions);
    if (few + many > 0) {
      const source = full.map(({ id }) => id).join(', ');
      const message = `${few} entries of partitions are not in the full lists, ${many} the other way round`;
      this.note({ invariant: 'I4', source, message });
    }
  }

  /** Lists come out one after the other: what was revoked between the first and the last may be in some alone. */
  async #missing(
    from: ReadonlyMap<bigint, number>,
    where: ReadonlyMap<bigint, number>,
  ): Promise<number> {
    const settledMs = Math.min(...this.#updates.map(({ thisUpdateMs }) => thisUpdateMs));
    let missing = 0;
    for (const [serial, revokedMs] of from) {
      if (revokedMs < settledMs && !where.has(serial)) {
        const isLookedUp = missing < MAX_LOOKUPS;
        missing += isLookedUp && (await this.terms.hasEnded(serial)) ? 0 : 1;
      }
    }
    return missing;
  }

  #expectedOf(head: CertificateListHead): ExpectedList | undefined {
    const { expected, issuers } = this.terms;
    const point = pointOf(head);
    if (point === undefined) {
      const key = issuers.find(({ spki }) => signedWith(head, spki));
      const serial = key && formatHex(key.spki);
      const full = expected?.filter(({ isFull }) => isFull) ?? [];
      return full.find(({ issuerKey }) => issuerKey === serial) ?? full.at(-1);
    }
    return expected?.find(
      ({ dn, onlyContains, isFull, isUnnamed = false }) =>
        !isFull &&
        (isUnnamed ? point.dn === undefined : sameName(dn, point.dn)) &&
        onlyContains === point.onlyContains,
    );
  }

  async #signatureFault(head: CertificateListHead): Promise<string | undefined> {
    const issuers = this.terms.issuers.filter(
      ({ subject }) => Buffer.compare(subject.der, head.issuer.der) === 0,
    );
    if (issuers.length === 0) {
      return `is of another issuer: ${formatName(head.issuer)}`;
    }
    for (const { spki } of issuers) {
      if (await verifies(head, spki)) {
        return undefined;
      }
    }
    return "its signature verifies under none of the CA's keys";
  }

  #timeFault(head: CertificateListHead): string | undefined {
    const { nextUpdateMs } = head;
    const { leastRemainingMs, leastDeltaRemainingMs } = this.terms;
    const leastMs = isDelta(head) ? leastDeltaRemainingMs : leastRemainingMs;
    if (nextUpdateMs === undefined) {
      return 'has no nextUpdate';
    }
    const leftMs = nextUpdateMs - this.#nowMs;
    if (leftMs < 0) {
      return `has ended at ${new Date(nextUpdateMs).toISOString()}`;
    }
    return leftMs < leastMs
      ? `has ${(leftMs / 3_600_000).toFixed(1)} h left, which is less than ${leastMs / 3_600_000} h`
      : undefined;
  }

  #pointFault(
    { entryDn }: FoundList,
    head: CertificateListHead,
    expected: ExpectedList | undefined,
  ): string | undefined {
    const point = pointOf(head);
    if (point === undefined) {
      return expected === undefined && this.terms.expected !== undefined
        ? 'has no issuingDistributionPoint, and the CA has no full list'
        : undefined;
    }
    if (!point.isCritical) {
      return 'its issuingDistributionPoint is not critical';
    }
    if (entryDn !== undefined && point.dn !== undefined && !sameName(entryDn, point.dn)) {
      return `stands in ${entryDn} and says ${point.dn}`;
    }
    return expected === undefined && this.terms.expected !== undefined
      ? `no certificate of this CA names the point ${point.dn ?? ''} (${point.onlyContains ?? 'all'})`
      : undefined;
  }

  #reasonFault(
    reasons: readonly (number | undefined)[],
    head: CertificateListHead,
  ): string | undefined {
    const { allowedReasons } = this.terms;
    for (const reason of reasons) {
      if (reason === CrlReason.unspecified) {
        return 'the reason unspecified is written out';
      }
      if (reason === CrlReason.removeFromCRL && !isDelta(head)) {
        return 'removeFromCRL stands in a full list';
      }
      const isKnown = allowedReasons?.has(reason ?? CrlReason.unspecified) ?? true;
      if (!isKnown && reason !== CrlReason.removeFromCRL) {
        return `the reason ${reason ?? 'unspecified'} is not in the policy`;
      }
    }
    return undefined;
  }

  /** I1, I8: the newest number with its very bytes. */
  async #compareWithArchive(
    { source, der }: FoundList,
    head: CertificateListHead,
    expected: ExpectedList | undefined,
  ): Promise<void> {
    const { number } = head;
    if (number === undefined) {
      this.note({ invariant: 'I1', source, message: 'has no number' });
      return;
    }
    const { id } = expected ?? {};
    const newest = isDelta(head) ? expected?.delta : expected?.newest;
    if (id === undefined || newest === undefined) {
      if (id !== undefined && isDelta(head)) {
        const message = 'is a delta list, and this CA has none of these on show';
        this.note({ invariant: 'I8', source, message });
      }
      return;
    }
    if (number > newest.number) {
      const message = `has number ${number}, and this CA has given out ${newest.number} at the most`;
      this.note({ invariant: 'I1', source, message });
      return;
    }
    const kept = number === newest.number ? newest.sha256 : await this.terms.archived(id, number);
    if (kept !== createHash('sha256').update(der).digest('hex')) {
      const message = `is not the list ${number} of the archive, byte for byte`;
      this.note({ invariant: 'I8', source, message });
    } else if (number < newest.number) {
      const message = `is number ${number}, the newest is ${newest.number}`;
      this.note({ invariant: 'I8', source, message });
    }
  }

  async #remember(head: CertificateListHead, expected: ExpectedList | undefined): Promise<void> {
    const hasFull = this.terms.expected?.some(({ isFull }) => isFull) ?? false;
    if (expected === undefined || !hasFull || isDelta(head)) {
      return;
    }
    const { isFull, id } = expected;
    this.#updates.push({ isFull, id, thisUpdateMs: head.thisUpdateMs });
    const into = isFull ? this.#full : this.#partitions;
    for await (const page of readEntries(head, ENTRIES_PER_PAGE)) {
      for (const { serialNumber, revocationMs } of page) {
        into.set(serialNumber, revocationMs);
      }
    }
  }
}

function isDelta({ extensions }: Pick<CertificateListHead, 'extensions'>): boolean {
  return findExtension(extensions, Oid.deltaCrlIndicator) !== undefined;
}

/** RFC 5280 §5.2.4. */
function indicatorFault({ extensions, number }: CertificateListHead): string | undefined {
  const indicator = findExtension(extensions, Oid.deltaCrlIndicator);
  if (indicator === undefined) {
    return undefined;
  }
  if (!indicator.critical) {
    return 'its deltaCRLIndicator is not critical';
  }
  return parseCrlNumber(indicator.value) >= (number ?? 0n)
    ? 'its deltaCRLIndicator names no list before it'
    : undefined;
}

interface ReadPoint {
  readonly dn: string | undefined;
  readonly onlyContains: 'user' | 'ca' | 'attribute' | undefined;
  readonly isCritical: boolean;
}

function pointOf(head: CertificateListHead): ReadPoint | undefined {
  const extension = findExtension(head.extensions, Oid.issuingDistributionPoint);
  if (extension === undefined) {
    return undefined;
  }
  const { fullName = [], onlyContains } = parseIssuingDistributionPoint(extension.value);
  const name = fullName.find((one) => one.kind === 'directoryName');
  const dn = name === undefined ? undefined : formatName(name.name);
  return { dn, onlyContains, isCritical: extension.critical };
}

/** As text: what a person typed, a directory answered and a certificate says are spelled by different rules. */
function sameName(left: string, right: string | undefined): boolean {
  const plain = (text: string): string => text.replaceAll(/\s*([,=+])\s*/g, '$1').toLowerCase();
  return right !== undefined && plain(left) === plain(right);
}

function signedWith(head: CertificateListHead, spki: Uint8Array): boolean {
  const extension = findExtension(head.extensions, Oid.authorityKeyIdentifier);
  const keyIdentifier =
    extension === undefined
      ? undefined
      : parseAuthorityKeyIdentifier(extension.value).keyIdentifier;
  return (
    keyIdentifier !== undefined && Buffer.compare(keyIdentifier, computeKeyIdentifier(spki)) === 0
  );
}

async function verifies(head: CertificateListHead, spki: Uint8Array): Promise<boolean> {
  try {
    const algorithm = parseForeignSignatureAlgorithm(head.signatureAlgorithm);
    const { tbs: message, signature } = head;
    return await verifyBeside(importVerifyingKey(spki), { algorithm, message, signature });
  } catch (error) {
    if (isCertdirError(error)) {
      return false;
    }
    throw error;
  }
}
