/**
 * What was copied, and where the copies are: backups and months of the archive, by the SHA-256 of their manifests.
 *
 *     auditState ‖ "backups"            the last backups, and who put one away where
 *     auditState ‖ "month" ‖ YYYY-MM    the manifests that were signed for a month, and what became of them
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import { Keyspace, keyOf } from '../store/keyspace.ts';
import type { ReadView, Transaction } from '../store/store.ts';
import { AuditError } from './errors.ts';

/** What somebody says of a copy: that it is written, lies where it belongs, or could be read again. */
export type Attestation = 'written' | 'received' | 'read';

/** A copy, by its manifest. */
export interface KeptCopy {
  /** Of the manifest, lower-case hexadecimal. */
  readonly sha256: string;
  readonly madeMs: number;
  /** Of a month: whose archive it is, but for the CA that the data folder was made with. */
  readonly ca?: string | undefined;
  /** When each was last said of it. */
  readonly attestedMs: Partial<Readonly<Record<Attestation, number>>>;
}

export interface ArchivedMonth {
  /** `YYYY-MM`. */
  readonly month: string;
  /** Oldest first. */
  readonly copies: readonly KeptCopy[];
}

/** Older ones are forgotten: a month of daily backups, and of a month more exports than anybody makes. */
const MAX_COPIES = 40;

const MONTH = encodeUtf8('month');
/** Behind every key of a month. */
const MONTH_END = encodeUtf8('monti');
const backupsKey = keyOf(Keyspace.auditState, encodeUtf8('backups'));
const monthKey = (month: string): Uint8Array =>
  keyOf(Keyspace.auditState, MONTH, encodeUtf8(month));

/** Oldest first. @throws {AuditError} `AUDIT_STATE_DAMAGED`. */
export async function readBackups(view: ReadView): Promise<readonly KeptCopy[]> {
  return parseCopies(await view.read(backupsKey));
}

/** In the order of months. @throws {AuditError} `AUDIT_STATE_DAMAGED`. */
export async function readMonths(view: ReadView): Promise<readonly ArchivedMonth[]> {
  const months: ArchivedMonth[] = [];
  const gte = keyOf(Keyspace.auditState, MONTH);
  for await (const [key, bytes] of view.range({ gte, lt: keyOf(Keyspace.auditState, MONTH_END) })) {
    months.push({ month: decodeUtf8(key.slice(gte.length)) ?? '', copies: parseCopies(bytes) });
  }
  return months;
}

export async function addBackup(
  transaction: Transaction,
  made: Pick<KeptCopy, 'sha256' | 'madeMs'>,
): Promise<void> {
  const copies = await readBackups(transaction);
  putCopies(transaction, backupsKey, withCopy(copies, made));
}

export async function addMonth(
  transaction: Transaction,
  month: string,
  made: Pick<KeptCopy, 'sha256' | 'madeMs' | 'ca'>,
): Promise<void> {
  const key = monthKey(month);
  const copies = parseCopies(await transaction.read(key));
  putCopies(transaction, key, withCopy(copies, made));
}

/**
 * Notes what is said of a copy.
 *
 * @returns what it is a copy of: a month, or `backup`.
 * @throws {AuditError} `AUDIT_COPY_UNKNOWN` when no such manifest was made here.
 */
export async function attestCopy(
  transaction: Transaction,
  { sha256, what, atMs }: AttestedCopy,
): Promise<string> {
  const attested = (copies: readonly KeptCopy[]): readonly KeptCopy[] =>
    copies.map((copy) =>
      copy.sha256 === sha256 ? { ...copy, attestedMs: { ...copy.attestedMs, [what]: atMs } } : copy,
    );
  const isIn = (copies: readonly KeptCopy[]): boolean =>
    copies.some((copy) => copy.sha256 === sha256);
  for (const { month, copies } of await readMonths(transaction)) {
    if (isIn(copies)) {
      putCopies(transaction, monthKey(month), attested(copies));
      return month;
    }
  }
  const backups = await readBackups(transaction);
  if (!isIn(backups)) {
    throw new AuditError(
      'AUDIT_COPY_UNKNOWN',
      `no export of the archive and none of the last ${MAX_COPIES} backups has a manifest with the SHA-256 ${sha256}`,
    );
  }
  putCopies(transaction, backupsKey, attested(backups));
  return 'backup';
}

export interface AttestedCopy {
  readonly sha256: string;
  readonly what: Attestation;
  readonly atMs: number;
}

/** The same manifest made once more is the same copy. */
function withCopy(
  copies: readonly KeptCopy[],
  made: Pick<KeptCopy, 'sha256' | 'madeMs'>,
): readonly KeptCopy[] {
  const known = copies.find(({ sha256 }) => sha256 === made.sha256);
  const others = copies.filter((copy) => copy !== known);
  return [...others, { attestedMs: {}, ...known, ...made }].slice(-MAX_COPIES);
}

function putCopies(transaction: Transaction, key: Uint8Array, copies: readonly KeptCopy[]): void {
  transaction.put(key, encodeUtf8(JSON.stringify(copies)));
}

function parseCopies(bytes: Uint8Array | undefined): readonly KeptCopy[] {
  if (bytes === undefined) {
    return [];
  }
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(bytes) ?? '');
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value) || !value.every(isCopy)) {
    throw new AuditError('AUDIT_STATE_DAMAGED', 'what is known of backups and exports is damaged');
  }
  return value;
}

function isCopy(value: unknown): value is KeptCopy {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { sha256, madeMs, ca, attestedMs } = value as Partial<Record<string, unknown>>;
  return (
    typeof sha256 === 'string' &&
    Number.isSafeInteger(madeMs) &&
    (ca === undefined || typeof ca === 'string') &&
    typeof attestedMs === 'object' &&
    attestedMs !== null &&
    Object.values(attestedMs).every((atMs) => Number.isSafeInteger(atMs))
  );
}
