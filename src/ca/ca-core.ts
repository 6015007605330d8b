/**
 * What the parts of the engine share: the policy made ready, where records are kept, who signs.
 * Made once by `certificate-authority.ts`.
 *
 * @module
 */

import type { AuditEvent, AuditLog } from '../audit/audit-log.ts';
import { decodeUtf8 } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { formatError, isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { RandomSource } from '../core/random.ts';
import type { AccountReading } from '../directory/accounts/account-reading.ts';
import type { ManagedEntries } from '../directory/changes/managed-entries.ts';
import type { Directory } from '../directory/directory.ts';
import type {
  KeyUsagePurpose,
  SignatureAlgorithm,
  Signer,
  SignRequest,
} from '../signing/signer.ts';
import type { ReadView, Store, Transaction } from '../store/store.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { VerifyingKey } from '../x509/verify-signature.ts';
import type { Authorities, Authority } from './authorities.ts';
import type { DeliveryVault } from './delivery/delivery-vault.ts';
import { CaError } from './errors.ts';
import type { Policy } from './policy/policy.ts';
import type { Profile } from './policy/profile.ts';
import type { IssuerReference } from './policy/profile-extensions.ts';
import type { Scopes } from './policy/scope.ts';
import type { CaTables } from './records/ca-tables.ts';
import {
  type CountersRecord,
  noneCounted,
  parseCountersRecord,
} from './records/counters-record.ts';
import { assertMaySign } from './recovery-hold.ts';
import type { ServiceState } from './service-state.ts';

/** A key that signs certificates and lists. */
export interface SigningAuthority {
  readonly keyLabel: string;
  readonly algorithm: SignatureAlgorithm;
  /** How certificates and lists refer to it. */
  readonly reference: IssuerReference;
  /** Undefined while the key's own certificate is being made. */
  readonly certificate: Certificate | undefined;
  /** The key in that certificate, or that it will have. */
  readonly verifyingKey: VerifyingKey;
}

/** What the engine works with before there is a key. */
export interface CaParts {
  readonly policy: Policy;
  /** Ids of all CAs in the store, this one's included. */
  readonly neighbours: readonly string[];
  readonly store: Store;
  /** The entries that the engine keeps in the directory. */
  readonly entries: ManagedEntries;
  /** Who acts for the CA. */
  readonly accounts: AccountReading;
  readonly directory: Directory;
  readonly signer: Signer;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly tables: CaTables;
  /** Keys and files for subscribers. */
  readonly vault: DeliveryVault;
  readonly scopes: Scopes;
  readonly profiles: ReadonlyMap<string, Profile>;
  /** This process's claim on the CA, written at opening (I13). */
  readonly ownerId: string;
}

export interface CaCore extends CaParts {
  readonly authorities: Authorities;
  readonly service: ServiceState;
  /** The generation that issues. After a renewal it is another one: an operation takes it once. */
  readonly authority: Authority;
}

/** The owner that the store knows; empty when none. */
export async function readOwner(view: ReadView, tables: CaTables): Promise<string> {
  return decodeUtf8((await view.read(tables.owner)) ?? new Uint8Array(0)) ?? '';
}

/**
 * A transaction of this process on the CA's records.
 *
 * @throws {CaError} `CA_NOT_OWNER` when another process has opened the CA since.
 */
export function transactAsOwner<T>(
  parts: CaParts,
  reason: string,
  body: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  return parts.store.transact(reason, async (transaction) => {
    if ((await readOwner(transaction, parts.tables)) !== parts.ownerId) {
      throw new CaError('CA_NOT_OWNER', 'another process has opened this CA; stop one of the two');
    }
    return await body(transaction);
  });
}

export async function readCounters(view: ReadView, tables: CaTables): Promise<CountersRecord> {
  const bytes = await view.read(tables.counters);
  return bytes === undefined ? noneCounted : parseCountersRecord(bytes);
}

/**
 * Has something signed. The signer has checked the signature against the token's key; whether that is
 * the key of the CA's certificate is checked by whoever releases what was signed.
 *
 * @param pieces What is to be signed, one after the other.
 * @throws {SigningError}
 * @throws {CaError} `CA_RECOVERY_PENDING`
 */
export async function signPieces(
  parts: Pick<CaParts, 'signer' | 'store' | 'policy'>,
  key: {
    readonly label: string;
    readonly purpose: KeyUsagePurpose;
    readonly algorithm: SignatureAlgorithm;
    /** Of all pieces together, where it is worked out anyway. */
    readonly digest?: SignRequest['digest'];
  },
  pieces: readonly Uint8Array[],
): Promise<Uint8Array> {
  await assertMaySign(parts.store, parts.policy.id);
  return await parts.signer.sign({ ...key, content: pieces });
}

/**
 * Records that an act was refused or failed, in a transaction of its own. If that fails too, the first
 * error matters more, and the second goes to the log.
 */
export async function recordFailure(
  parts: CaParts,
  event: Omit<AuditEvent, 'result'>,
  error: unknown,
): Promise<void> {
  try {
    await transactAsOwner(parts, 'ca: record a refusal', (transaction) =>
      parts.audit.append(transaction, {
        ...event,
        result: error instanceof CaError ? 'refused' : 'failed',
        details: { ...event.details, code: isCertdirError(error) ? error.code : 'UNEXPECTED' },
      }),
    );
  } catch (second) {
    parts.log.error('a refusal was not recorded', { act: event.kind, error: formatError(second) });
  }
}

/** Reads from one state of the store. */
export async function reading<T>(store: Store, read: (view: ReadView) => Promise<T>): Promise<T> {
  const snapshot = store.snapshot();
  try {
    return await read(snapshot);
  } finally {
    await snapshot.close();
  }
}
