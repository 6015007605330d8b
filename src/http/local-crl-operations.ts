/**
 * `CrlOperations` on an open instance.
 *
 * @module
 */

import { recordDigest } from '../audit/record-digest.ts';
import type { ListStatus } from '../ca/authority-status.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import { reasonName } from '../ca/certificates/certificate-register.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import { CaError } from '../ca/errors.ts';
import type { WhichList } from '../ca/lists/list-archive.ts';
import { forecast, type Growth, growthOf } from '../ca/lists/list-growth.ts';
import {
  compareEntries,
  type EntryChange,
  type ReadEntry,
  readEntries,
  summariseEntries,
} from '../ca/lists/list-reading.ts';
import { allowedReasons } from '../ca/lists/publication-facts.ts';
import { leastDeltaRemainingMs, leastRemainingMs } from '../ca/policy/cadence.ts';
import type { PublishedDelta, PublishedList } from '../ca/records/scope-record.ts';
import { formatHex } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { type CertificateListHead, parseCertificateListHead } from '../x509/certificate-list.ts';
import { parseCrlNextPublish, parseCrlNumber } from '../x509/crl-extensions.ts';
import { parseIssuingDistributionPoint } from '../x509/distribution-point.ts';
import { findExtension } from '../x509/extensions.ts';
import { parseAuthorityKeyIdentifier } from '../x509/key-identifier.ts';
import { formatName } from '../x509/name.ts';
import { Oid } from '../x509/object-identifiers.ts';
import type {
  CrlChange,
  CrlDiffInput,
  CrlDiffPage,
  CrlEntry,
  CrlFacts,
  CrlForecast,
  CrlGrowth,
  CrlListInput,
  CrlOperations,
  CrlQuery,
  CrlReport,
  CrlTerms,
} from './crl-operations.ts';
import { HttpError } from './errors.ts';
import { formatTime } from './report-time.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const ENTRIES_PER_PAGE = 1_000;
const BYTES_PER_PIECE = 192 * 1024;

type FoundList = PublishedList & { readonly der: Uint8Array };

export class LocalCrlOperations implements CrlOperations {
  readonly #authority: CertificateAuthority;
  readonly #clock: Clock;

  constructor(options: { readonly authority: CertificateAuthority; readonly clock: Clock }) {
    this.#authority = options.authority;
    this.#clock = options.clock;
  }

  async terms(): Promise<CrlTerms> {
    const { authorities, policy } = this.#authority;
    const { lists } = await this.#authority.status();
    return {
      issuers: authorities.all.map(({ certificate: { der } }) =>
        Buffer.from(der).toString('base64'),
      ),
      lists: lists.map(({ scope, published, delta }) => ({
        scope: scope.id,
        dn: scope.dn,
        onlyContains: scope.onlyContains,
        isFull: scope.isFull,
        isUnnamed: !scope.isNamed,
        issuer:
          scope.generation === undefined
            ? null
            : recordDigest(authorities.of(scope.generation).certificate.der),
        newest: published === undefined ? null : factsOf(published),
        delta: delta === undefined ? null : factsOf(delta),
      })),
      reasons: [...allowedReasons(policy, false)],
      leastRemainingHours: leastRemainingMs(policy) / HOUR_MS,
      leastDeltaRemainingHours: leastDeltaRemainingMs(policy) / HOUR_MS,
    };
  }

  async list(input: CrlListInput): Promise<readonly CrlGrowth[]> {
    const { scope } = input;
    const wanted = scope === undefined ? undefined : this.#authority.scopes.find(scope).id;
    const { lists } = await this.#authority.status();
    const reports: CrlGrowth[] = [];
    for (const status of lists) {
      if (wanted === undefined || status.scope.id === wanted) {
        reports.push(await this.#growth(status, input));
      }
    }
    return reports;
  }

  async #growth(status: ListStatus, input: CrlListInput): Promise<CrlGrowth> {
    const { scope, published, dueMs, pendingCount, lateness } = status;
    const nowMs = this.#clock.nowMs();
    const past = await this.#authority.listArchivedSince(scope.id, nowMs - input.days * DAY_MS);
    const growth = growthOf(past);
    const reached = (perDay: keyof Growth, size: number, goal?: number): CrlForecast | null =>
      growth === undefined || goal === undefined
        ? null
        : formatForecast(forecast(nowMs, { size, perDay: growth[perDay], goal }));
    const { entryCount = 0, byteLength = 0 } = published ?? {};
    return {
      scope: scope.id,
      dn: scope.dn,
      newest: published === undefined ? null : factsOf(published),
      nextPublication: dueMs === 0 ? null : formatTime(dueMs),
      pending: pendingCount,
      lateness,
      entriesPerDay: rounded(growth?.entriesPerDay),
      bytesPerDay: rounded(growth?.bytesPerDay),
      entriesReached: reached('entriesPerDay', entryCount, input.entries),
      bytesReached: reached('bytesPerDay', byteLength, input.bytes),
    };
  }

  async history({
    scope,
    since,
  }: {
    readonly scope: string;
    readonly since?: string | undefined;
  }): Promise<readonly CrlFacts[]> {
    const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : parseTime(since);
    const full =
      since === undefined
        ? await this.#authority.listArchived(scope)
        : await this.#authority.listArchivedSince(scope, sinceMs);
    return [...full, ...(await this.#authority.deltas.listArchived(scope))]
      .filter(({ thisUpdateMs }) => thisUpdateMs >= sinceMs)
      .sort((left, right) => (left.number < right.number ? -1 : 1))
      .map(factsOf);
  }

  async show(query: CrlQuery): Promise<CrlReport> {
    const scope = this.#authority.scopes.find(query.scope);
    const found = await this.#find(query);
    const head = parseCertificateListHead(found.der);
    const summary = await summariseEntries(head);
    const isDelta = findExtension(head.extensions, Oid.deltaCrlIndicator) !== undefined;
    const [newest] = isDelta
      ? (await this.#authority.deltas.listArchived(scope.id)).slice(-1)
      : (await this.#authority.listArchivedSince(scope.id, Infinity)).slice(-1);
    const reasons: Record<string, number> = {};
    for (const [reason = 0, count] of summary.reasons) {
      const name = reasonName(reason);
      reasons[name] = (reasons[name] ?? 0) + count;
    }
    return {
      ...factsOf(found),
      scope: scope.id,
      dn: scope.dn,
      attribute: isDelta ? 'deltaRevocationList' : scope.attribute,
      isNewest: newest?.number === found.number,
      issuer: formatName(head.issuer),
      ...readExtensions(head),
      reasons,
      firstRevocation: optionalTime(summary.firstRevocationMs),
      lastRevocation: optionalTime(summary.lastRevocationMs),
    };
  }

  async *entries(query: CrlQuery): AsyncGenerator<readonly CrlEntry[], void, undefined> {
    const head = parseCertificateListHead((await this.#find(query)).der);
    for await (const page of readEntries(head, ENTRIES_PER_PAGE)) {
      yield page.map(entryReport);
    }
  }

  async *diff({ scope, from, to }: CrlDiffInput): AsyncGenerator<CrlDiffPage, void, undefined> {
    const newer = await this.#find({ scope, ...whichOf(to) });
    const older = await this.#find({
      scope,
      ...(from === undefined ? await this.#before(scope, newer) : whichOf(from)),
    });
    yield { from: factsOf(older), to: factsOf(newer), changes: [] };
    // Lists are walked in the order in which they came out, whichever way they are asked about.
    const isForward = older.number <= newer.number;
    const heads = [older, newer].map(({ der }) => parseCertificateListHead(der));
    const [first, second] = isForward ? heads : heads.reverse();
    if (first !== undefined && second !== undefined) {
      for await (const page of compareEntries(first, second, ENTRIES_PER_PAGE)) {
        yield { changes: page.map((change) => changeReport(change, isForward)) };
      }
    }
  }

  /** The list of the same kind before one; numbers go on with lists of the other kind, and after a restore with none. */
  async #before(scope: string, { number, thisUpdateMs, ...list }: FoundList): Promise<WhichText> {
    const lists =
      'baseNumber' in list
        ? await this.#authority.deltas.listArchived(scope)
        : await this.#authority.listArchivedSince(scope, thisUpdateMs);
    const before = lists.filter((one) => one.number < number).at(-1);
    return { number: String(before?.number ?? 0n) };
  }

  async *export(query: CrlQuery): AsyncGenerator<Uint8Array, void, undefined> {
    const { der } = await this.#find(query);
    for (let offset = 0; offset < der.length; offset += BYTES_PER_PIECE) {
      yield der.subarray(offset, offset + BYTES_PER_PIECE);
    }
  }

  #find({ scope, number, at }: CrlQuery): Promise<FoundList> {
    if (number !== undefined && at !== undefined) {
      throw new HttpError('HTTP_REQUEST_INVALID', 'name a list by its number or by a time');
    }
    const which: WhichList = {
      ...(number === undefined ? {} : { number: parseNumber(number) }),
      ...(at === undefined ? {} : { atMs: parseTime(at) }),
    };
    return this.#authority.findList(scope, which);
  }
}

type WhichText = Pick<CrlQuery, 'number' | 'at'>;

/** A text that is a number or a time. */
function whichOf(text: string | undefined): WhichText {
  if (text === undefined) {
    return {};
  }
  return /^\d+$/.test(text) ? { number: text } : { at: text };
}

function parseNumber(text: string): bigint {
  if (!/^-?\d{1,40}$/.test(text)) {
    throw new HttpError('HTTP_REQUEST_INVALID', 'a CRL number is written as 17');
  }
  const number = BigInt(text);
  if (number < 1n || number >= 2n ** 63n) {
    throw new CaError('CA_LIST_UNKNOWN', `no list has the number ${number}`);
  }
  return number;
}

function parseTime(text: string): number {
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) {
    throw new HttpError(
      'HTTP_REQUEST_INVALID',
      'a time is written as 2026-01-05T09:00:00+09:00, a day as 2026-01-05',
    );
  }
  return atMs;
}

function factsOf(list: PublishedList & Partial<PublishedDelta>): CrlFacts {
  return {
    crlNumber: list.number.toString(),
    thisUpdate: formatTime(list.thisUpdateMs),
    nextUpdate: formatTime(list.nextUpdateMs),
    entries: list.entryCount,
    bytes: list.byteLength,
    sha256: formatHex(list.sha256),
    deltaOf: list.baseNumber?.toString() ?? null,
  };
}

function readExtensions(
  head: CertificateListHead,
): Pick<
  CrlReport,
  'authorityKey' | 'distributionPoint' | 'onlyContains' | 'nextPublish' | 'deltaOf'
> {
  const read = <T>(oid: string, parse: (value: Uint8Array) => T): T | undefined => {
    const extension = findExtension(head.extensions, oid);
    return extension === undefined ? undefined : parse(extension.value);
  };
  const key = read(Oid.authorityKeyIdentifier, parseAuthorityKeyIdentifier)?.keyIdentifier;
  const point = read(Oid.issuingDistributionPoint, parseIssuingDistributionPoint);
  const [name] = point?.fullName ?? [];
  return {
    authorityKey: key === undefined ? null : formatHex(key),
    distributionPoint: name?.kind === 'directoryName' ? formatName(name.name) : null,
    onlyContains: point?.onlyContains ?? null,
    nextPublish: optionalTime(read(Oid.crlNextPublish, parseCrlNextPublish)),
    deltaOf: read(Oid.deltaCrlIndicator, parseCrlNumber)?.toString() ?? null,
  };
}

function entryReport({ serialNumber, revocationMs, reason }: ReadEntry): CrlEntry {
  return {
    serialNumber: formatSerialNumber(serialNumber),
    revokedAt: formatTime(revocationMs),
    reason: reasonName(reason ?? 0),
  };
}

function changeReport(change: EntryChange, isForward: boolean): CrlChange {
  const other = change.change === 'added' ? 'removed' : 'added';
  return { change: isForward ? change.change : other, ...entryReport(change) };
}

function formatForecast(reached: ReturnType<typeof forecast>): CrlForecast {
  return reached.kind === 'at' ? formatTime(reached.atMs) : reached.kind;
}

function optionalTime(atMs: number | undefined): string | null {
  return atMs === undefined ? null : formatTime(atMs);
}

/** Two digits behind the point are as much as a forecast is worth. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 100) / 100;
}
