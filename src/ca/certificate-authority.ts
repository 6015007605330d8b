/**
 * The certification authority as the rest of the program uses it: issue, revoke, publish, look up, say
 * what is due. Every operation is durable, with its audit record, when its promise resolves.
 *
 * @module
 */

import type { AuditLog, AuditOrigin } from '../audit/audit-log.ts';
import { encodeUtf8, equalBytes, formatHex } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { RandomSource } from '../core/random.ts';
import type { Directory } from '../directory/directory.ts';
import { isPassing } from '../signing/errors.ts';
import type { Signer } from '../signing/signer.ts';
import type { ReadView, Store } from '../store/store.ts';
import type { Certificate } from '../x509/certificate.ts';
import { nameFromText } from '../x509/name.ts';
import { type AuthorityRecord, parseAuthorityRecord } from './authority-record.ts';
import { type AuthorityStatus, PublicationCalendar, readStatus } from './authority-status.ts';
import { type CaCore, type CaParts, readAuthority, transactAsOwner } from './ca-core.ts';
import { CaTables } from './ca-tables.ts';
import {
  type CertificateFilter,
  findByIndex,
  findBySubject,
  findCertificate,
  listCertificates,
  type RegisteredCertificate,
} from './certificate-register.ts';
import { createAuthority } from './creation.ts';
import { CrlPublication, type Publication } from './crl-publication.ts';
import { CaError } from './errors.ts';
import { Issuance, type IssuedCertificate } from './issuance.ts';
import { digestOfKey, digestOfSubscriber, type IssueRequest } from './issue-request.ts';
import { type Policy, signatureAlgorithmOf } from './policy.ts';
import { compileProfiles } from './profile.ts';
import { confirmRecovery, type PublishedMarks, type RecoveryReport } from './recovery.ts';
import { type RecoveryHold, readHold } from './recovery-hold.ts';
import { Revocation, type RevocationReceipt, type RevokeRequest } from './revocation.ts';
import { Scopes } from './scope.ts';
import { addScope } from './scope-entries.ts';
import type { PublishedList } from './scope-record.ts';
import { parseScopeRecord } from './scope-record.ts';
import { readAllArchived, readArchived, readArchivedAt, readScopeRecord } from './scope-state.ts';
import { SubjectAttributeRules, type SubjectAttributes } from './subject-attributes.ts';

export interface CertificateAuthorityOptions {
  readonly policy: Policy;
  readonly store: Store;
  readonly directory: Directory;
  /** Active while certificates are issued and lists are published. */
  readonly signer: Signer;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
}

/** How many lists of a longer publication are out. */
export type OnPublished = (progress: { readonly done: number; readonly total: number }) => void;

const OWNER_OCTETS = 16;

export class CertificateAuthority {
  readonly #core: CaCore;
  readonly #issuance: Issuance;
  readonly #revocation: Revocation;
  readonly #publication: CrlPublication;
  readonly #calendar: PublicationCalendar;
  #onUrgent: (scopeId: string) => void = () => undefined;
  /** Operations under way, which `close` waits for. */
  readonly #pending = new Set<Promise<unknown>>();

  private constructor(core: CaCore, calendar: PublicationCalendar) {
    this.#core = core;
    this.#issuance = new Issuance(core);
    this.#revocation = new Revocation(core);
    this.#publication = new CrlPublication(core);
    this.#calendar = calendar;
  }

  /**
   * Makes the CA of the policy: first key, self-signed certificate, base tree, distribution points and
   * a first list for each. Can be called again after a failure.
   *
   * @throws {CaError} `CA_EXISTS`, `CA_KEY_MISMATCH`, and what publishing throws; then the CA exists
   *   and `open` and the schedule bring out what is missing.
   */
  static async create(
    options: CertificateAuthorityOptions,
    { origin, onPublished }: { readonly origin: AuditOrigin; readonly onPublished?: OnPublished },
  ): Promise<CertificateAuthority> {
    const parts = prepare(options);
    await claimOwnership(parts);
    await createAuthority(parts, options.directory, origin);
    const authority = await CertificateAuthority.#openWith(parts);
    await authority.publishAll(origin, onPublished);
    return authority;
  }

  /**
   * Opens the CA of the policy. From now on this process is the one that writes (I13).
   *
   * @throws {CaError} `CA_MISSING`, `CA_POLICY_CHANGED`, `CA_KEY_MISMATCH`, `CA_RECORD_DAMAGED`.
   */
  static async open(options: CertificateAuthorityOptions): Promise<CertificateAuthority> {
    const parts = prepare(options);
    await claimOwnership(parts);
    return await CertificateAuthority.#openWith(parts);
  }

  static async #openWith(parts: CaParts): Promise<CertificateAuthority> {
    const record = await reading(parts.store, (view) => readAuthorityRecord(view, parts));
    const generation = record.generations.at(-1);
    if (generation === undefined) {
      throw new CaError('CA_RECORD_DAMAGED', 'the authority record has no key');
    }
    const algorithm = signatureAlgorithmOf(parts.policy.keys.authority.signature);
    const core = { ...parts, authority: readAuthority(generation, algorithm) };
    assertSameName(core);
    await assertSameKey(core);
    await settleScopes(core);
    const calendar = new PublicationCalendar(core.policy);
    await reading(parts.store, async (view) => {
      for (const scope of core.scopes.list) {
        calendar.note(scope.id, await readScopeRecord(view, core.tables, scope.id));
      }
    });
    return new CertificateAuthority(core, calendar);
  }

  get policy(): Policy {
    return this.#core.policy;
  }

  /** The lists of this CA. */
  get scopes(): Scopes {
    return this.#core.scopes;
  }

  /** The self-signed certificate of the key that signs. */
  get certificate(): Certificate {
    return this.#core.authority.certificate;
  }

  /** Issues a certificate; see `Issuance.issue` for what is refused. */
  issue(request: IssueRequest): Promise<IssuedCertificate> {
    return this.#track(this.#issuance.issue(request));
  }

  /** Revokes a certificate; see `Revocation.revoke` for what is refused. */
  revoke(request: RevokeRequest): Promise<RevocationReceipt> {
    return this.#track(this.#revokeNow(request));
  }

  async #revokeNow(request: RevokeRequest): Promise<RevocationReceipt> {
    const receipt = await this.#revocation.revoke(request);
    const { scope, urgent } = receipt;
    if (urgent !== undefined) {
      this.#calendar.note(scope.id, { urgent });
      this.#onUrgent(scope.id);
    }
    return receipt;
  }

  /**
   * Has `listener` called whenever a revocation makes a list due at once; `dueScopes` knows it then, also
   * after a restart. Replaces the listener before.
   */
  onUrgentRevocation(listener: (scopeId: string) => void): void {
    this.#onUrgent = listener;
  }

  /**
   * Publishes the next list of a scope, due or not.
   *
   * @param scopeId A scope's id, or a municipality's code of five or six digits.
   * @throws {CaError} `CA_SCOPE_UNKNOWN`, and what `CrlPublication.publish` throws.
   */
  publish(scopeId: string, origin: AuditOrigin): Promise<Publication> {
    return this.#track(this.#publishNow(scopeId, origin));
  }

  async #publishNow(scopeId: string, origin: AuditOrigin): Promise<Publication> {
    const publication = await this.#publication.publish(this.#core.scopes.find(scopeId), origin);
    this.#calendar.note(publication.scope.id, { published: publication });
    return publication;
  }

  /** Publishes every list, one after the other, in the policy's order. */
  async publishAll(
    origin: AuditOrigin,
    onPublished?: OnPublished,
  ): Promise<readonly Publication[]> {
    const publications: Publication[] = [];
    const { list } = this.#core.scopes;
    for (const { id } of list) {
      publications.push(await this.publish(id, origin));
      onPublished?.({ done: publications.length, total: list.length });
    }
    return publications;
  }

  /** The lists that are due at `nowMs`, the longest overdue first. */
  dueScopes(nowMs: number): readonly string[] {
    return this.#calendar.dueScopes(nowMs);
  }

  /** When the next list is due, in epoch milliseconds; 0 when one never came out. */
  nextDueMs(): number {
    return this.#calendar.nextDueMs();
  }

  /** Where everything stands. */
  status(): Promise<AuthorityStatus> {
    return reading(this.#core.store, (view) => readStatus(this.#core, view));
  }

  /** @returns undefined when this CA never issued the number. */
  findCertificate(serialNumber: bigint): Promise<RegisteredCertificate | undefined> {
    const { store, tables, clock } = this.#core;
    const at = { serialNumber, nowMs: clock.nowMs() };
    return reading(store, (view) => findCertificate(view, tables, at));
  }

  /**
   * Certificates of a subject.
   *
   * @param subject RFC 4514 text.
   * @throws {X509Error} `X509_NAME_TEXT`, `X509_NAME`
   */
  findBySubject(subject: string): Promise<readonly RegisteredCertificate[]> {
    const { store, tables, clock, policy } = this.#core;
    const name = nameFromText(subject, { printable: policy.names.printable });
    const at = { subject: name, nowMs: clock.nowMs() };
    return reading(store, (view) => findBySubject(view, tables, at));
  }

  /**
   * The certificate of a key; a key is in one at most.
   *
   * @param spki SubjectPublicKeyInfo in DER.
   * @throws {X509Error} `X509_PUBLIC_KEY`
   */
  async findByKey(spki: Uint8Array): Promise<readonly RegisteredCertificate[]> {
    return await this.#findByIndex('publicKey', digestOfKey(spki));
  }

  /**
   * Certificates of a subscriber, of every state, under profiles that give each person one.
   *
   * @throws {CaError} `CA_CHARACTER_NOT_ALLOWED`, `CA_ATTRIBUTE_INVALID`
   */
  async findBySubscriber(attributes: SubjectAttributes): Promise<readonly RegisteredCertificate[]> {
    const { policy, clock } = this.#core;
    const subject = new SubjectAttributeRules(policy).check(attributes, clock.nowMs());
    return await this.#findByIndex('subscriber', digestOfSubscriber(subject));
  }

  #findByIndex(
    index: 'subscriber' | 'publicKey',
    digest: Uint8Array,
  ): Promise<readonly RegisteredCertificate[]> {
    const { store, tables, clock } = this.#core;
    const at = { index, digest, nowMs: clock.nowMs() };
    return reading(store, (view) => findByIndex(view, tables, at));
  }

  /** Certificates in the order of serial numbers, from one consistent state. */
  async *listCertificates(filter: CertificateFilter = {}): AsyncIterable<RegisteredCertificate> {
    const { store, tables, clock } = this.#core;
    const snapshot = store.snapshot();
    try {
      yield* listCertificates(snapshot, tables, { ...filter, nowMs: clock.nowMs() });
    } finally {
      await snapshot.close();
    }
  }

  /**
   * A published list in DER: the newest, or one of the archive.
   *
   * @returns undefined when there is none of this number, or none at all yet.
   * @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_RECORD_DAMAGED`
   */
  readList(scopeId: string, number?: bigint): Promise<Uint8Array | undefined> {
    const { store, tables, scopes } = this.#core;
    const { id } = scopes.find(scopeId);
    return reading(store, async (view) => {
      const { published } = await readScopeRecord(view, tables, id);
      const list =
        number === undefined
          ? published
          : await readArchived(view, tables, { scopeId: id, number });
      if (list === undefined) {
        return undefined;
      }
      const der = await view.readLarge(list.sha256);
      if (der === undefined) {
        throw new CaError('CA_RECORD_DAMAGED', `list ${list.number} of ${id} is not in the store`);
      }
      return der;
    });
  }

  /**
   * Any list that was ever published, by its number or by a time at which it was the newest; the newest of
   * all when neither is named.
   *
   * @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`, `CA_RECORD_DAMAGED`.
   */
  findList(
    scopeId: string,
    which: { readonly number?: bigint; readonly atMs?: number },
  ): Promise<PublishedList & { readonly der: Uint8Array }> {
    const { store, tables, scopes } = this.#core;
    const { id } = scopes.find(scopeId);
    const { number, atMs = Number.POSITIVE_INFINITY } = which;
    return reading(store, async (view) => {
      const list =
        number === undefined
          ? await readArchivedAt(view, tables, { scopeId: id, atMs })
          : await readArchived(view, tables, { scopeId: id, number });
      if (list === undefined) {
        throw new CaError('CA_LIST_UNKNOWN', `no such list of ${id} was published`);
      }
      const der = await view.readLarge(list.sha256);
      if (der === undefined) {
        throw new CaError('CA_RECORD_DAMAGED', `list ${list.number} of ${id} is not in the store`);
      }
      return { ...list, der };
    });
  }

  /** Takes note of the lists in use after a restore; see `confirmRecovery`. */
  confirmRecovery(marks: PublishedMarks, origin: AuditOrigin): Promise<RecoveryReport> {
    return this.#track(confirmRecovery(this.#core, marks, origin));
  }

  /** Why nothing is signed; undefined when nothing is held back. */
  recoveryHold(): Promise<RecoveryHold | undefined> {
    return reading(this.#core.store, readHold);
  }

  /** Every list of a scope that was published, by number, without its bytes. @throws {CaError} `CA_SCOPE_UNKNOWN`. */
  listArchived(scopeId: string): Promise<readonly PublishedList[]> {
    const { store, tables, scopes } = this.#core;
    const { id } = scopes.find(scopeId);
    return reading(store, (view) => readAllArchived(view, tables, id));
  }

  /** Waits for operations under way. Store, signer and directory are closed by whoever opened them. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  #track<T>(operation: Promise<T>): Promise<T> {
    this.#pending.add(operation);
    const forget = (): void => {
      this.#pending.delete(operation);
    };
    operation.then(forget, forget);
    return operation;
  }
}

function prepare(options: CertificateAuthorityOptions): CaParts {
  const { policy, directory, random } = options;
  return {
    ...options,
    entries: directory.managed,
    log: options.log.with({ component: 'ca' }),
    tables: new CaTables(policy.id),
    scopes: new Scopes(policy),
    profiles: compileProfiles(policy),
    ownerId: formatHex(random.bytes(OWNER_OCTETS)),
  };
}

/** Other processes that had opened this CA are refused from now on. */
async function claimOwnership({ store, tables, ownerId }: CaParts): Promise<void> {
  await store.transact('ca: claim ownership', (transaction) => {
    transaction.put(tables.owner, encodeUtf8(ownerId));
    return Promise.resolve();
  });
}

async function readAuthorityRecord(
  view: ReadView,
  { tables, policy }: CaParts,
): Promise<AuthorityRecord> {
  const bytes = await view.read(tables.authority);
  if (bytes === undefined) {
    throw new CaError('CA_MISSING', `the store holds no CA of the policy ${policy.id}`);
  }
  return parseAuthorityRecord(bytes);
}

function assertSameName({ authority, policy }: CaCore): void {
  const { issuer, printable } = policy.names;
  if (!equalBytes(nameFromText(issuer, { printable }).der, authority.reference.name.der)) {
    throw new CaError(
      'CA_POLICY_CHANGED',
      'names.issuer is not the name in the CA certificate; a CA keeps its name',
    );
  }
}

async function assertSameKey({ authority, signer, log }: CaCore): Promise<void> {
  const { keyLabel, certificate } = authority;
  try {
    const { spki } = await signer.describe(keyLabel);
    if (!equalBytes(spki, certificate.spki)) {
      throw new CaError('CA_KEY_MISMATCH', `the token's key ${keyLabel} is not the CA's key`);
    }
  } catch (error) {
    if (!isTokenAway(error)) {
      throw error;
    }
    log.warn('the token is away: nothing can be signed until it is back', { keyLabel });
  }
}

/** True for errors that say the token is away for now, not that something is wrong. */
function isTokenAway(error: unknown): boolean {
  return isPassing(error) || (isCertdirError(error) && error.code === 'SIGNING_NOT_ACTIVE');
}

/** Lists that are new in the policy are made; lists that have been may not change or vanish. */
async function settleScopes(core: CaCore): Promise<void> {
  await transactAsOwner(core, 'ca: settle lists', async (transaction) => {
    const stored = new Set<string>();
    for (const scope of core.scopes.list) {
      const bytes = await transaction.read(core.tables.scope(scope.id));
      if (bytes === undefined) {
        await addScope(core, transaction, scope);
      } else {
        const { distributionPointDer } = parseScopeRecord(bytes);
        if (!equalBytes(distributionPointDer, scope.distributionPoint.der)) {
          throw new CaError(
            'CA_POLICY_CHANGED',
            `the distribution point of ${scope.id} is another than certificates carry`,
          );
        }
      }
      stored.add(scope.id);
    }
    // With their values: the checksum that binds a value to its key tells a damaged name from another one.
    for await (const [key] of transaction.range(core.tables.scopes)) {
      const id = core.tables.scopeIdOf(key);
      if (!stored.has(id)) {
        throw new CaError('CA_POLICY_CHANGED', `the policy no longer has the list ${id}`);
      }
    }
  });
}

async function reading<T>(store: Store, read: (view: ReadView) => Promise<T>): Promise<T> {
  const snapshot = store.snapshot();
  try {
    return await read(snapshot);
  } finally {
    await snapshot.close();
  }
}
