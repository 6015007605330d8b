/**
 * The certification authority as the rest of the program uses it: issue, revoke, publish, look up, say
 * what is due. Every operation is durable, with its audit record, when its promise resolves.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import type { Certificate } from '../x509/certificate.ts';
import { nameFromText } from '../x509/name.ts';
import { OperatorRegistration } from './accounts/operator-registration.ts';
import type { Authorities } from './authorities.ts';
import {
  type CertificateAuthorityOptions,
  claimOwnership,
  openCore,
  prepare,
} from './authority-opening.ts';
import { type AuthorityStatus, PublicationCalendar, readStatus } from './authority-status.ts';
import { Bridge } from './bridge/bridge.ts';
import { type CaCore, type CaParts, reading } from './ca-core.ts';
import {
  type CertificateFilter,
  findByIndex,
  findBySubject,
  findCertificate,
  listCertificates,
  type RegisteredCertificate,
} from './certificates/certificate-register.ts';
import { Holding, type HoldReceipt, type HoldRequest } from './certificates/holding.ts';
import { Issuance, type IssuedCertificate } from './certificates/issuance.ts';
import {
  digestOfKey,
  digestOfSubscriber,
  type IssueRequest,
  type RequestFault,
} from './certificates/issue-request.ts';
import { PublishedNames } from './certificates/published-names.ts';
import { ResponderKeys } from './certificates/responder.ts';
import {
  Revocation,
  type RevocationReceipt,
  type RevokeRequest,
} from './certificates/revocation.ts';
import type { GroupOutcome, RevocationGroup } from './certificates/revocation-group.ts';
import {
  SubjectAttributeRules,
  type SubjectAttributes,
} from './certificates/subject-attributes.ts';
import { createAuthority } from './creation.ts';
import { Deliveries } from './delivery/deliveries.ts';
import { KeyRenewal } from './generations/key-renewal.ts';
import { Retirement } from './generations/retirement.ts';
import { CrlPublication, type Publication } from './lists/crl-publication.ts';
import { Deltas } from './lists/deltas.ts';
import { DueNews } from './lists/due-news.ts';
import {
  findList,
  listArchived,
  listArchivedSince,
  readList,
  type WhichList,
} from './lists/list-archive.ts';
import { runInLanes } from './lists/publication-run.ts';
import { ChangeNotices } from './notices/change-notices.ts';
import { Duplicates } from './notices/duplicates.ts';
import { OnlineRevocation } from './notices/online-revocation.ts';
import type { RevocationListener } from './notices/revocation-listener.ts';
import type { Policy } from './policy/policy.ts';
import { hasDelta, type Scopes } from './policy/scope.ts';
import { Cessations } from './procedures/cessations.ts';
import type { PublishedList } from './records/scope-record.ts';
import { readScopeRecord } from './records/scope-state.ts';
import { confirmRecovery, type PublishedMarks, type RecoveryReport } from './recovery.ts';
import { type RecoveryHold, readHold } from './recovery-hold.ts';
import { registerEveryKind } from './requests/every-kind.ts';
import { Requests } from './requests/requests.ts';

/** How many lists of a longer publication are out. */
export type OnPublished = (progress: { readonly done: number; readonly total: number }) => void;

export class CertificateAuthority {
  readonly #core: CaCore;
  readonly #issuance: Issuance;
  readonly #revocation: Revocation;
  readonly #holding: Holding;
  readonly #publication: CrlPublication;
  readonly #calendar: PublicationCalendar;
  /** Who answers about single certificates in the CA's name. */
  readonly responder: ResponderKeys;
  /** The end of older keys. */
  readonly retirement: Retirement;
  /** Another key in the place of the one that issues. */
  readonly renewal: KeyRenewal;
  /** What ends the service, or a key's. */
  readonly cessations: Cessations;
  /** Lists of changes between the full ones. */
  readonly deltas: Deltas;
  /** What is asked for in writing, and the people it passes. */
  readonly requests: Requests;
  /** Certificates, and keys made for subscribers, on their way to whom they are for. */
  readonly delivery: Deliveries;
  /** Changes that municipalities give notice of. */
  readonly notices: ChangeNotices;
  /** Subscribers with two certificates. */
  readonly duplicates: Duplicates;
  /** What subscribers sign. */
  readonly online: OnlineRevocation;
  /** Certificates exchanged with other CAs. */
  readonly bridge: Bridge;
  /** Who acts for the CA: registering them. */
  readonly operators: OperatorRegistration;
  /** Whose certificates are known to everybody by name. */
  readonly publishedNames: PublishedNames;
  readonly #news: DueNews;
  /** Operations under way, which `close` waits for. */
  readonly #pending = new Set<Promise<unknown>>();

  private constructor(
    core: CaCore,
    parts: {
      readonly calendar: PublicationCalendar;
      readonly issuance: Issuance;
      readonly responder: ResponderKeys;
    },
  ) {
    this.#core = core;
    this.#issuance = parts.issuance;
    this.responder = parts.responder;
    this.renewal = new KeyRenewal(core);
    this.retirement = new Retirement(core);
    this.#revocation = new Revocation(core);
    this.#holding = new Holding(core);
    this.#publication = new CrlPublication(core);
    const { calendar } = parts;
    const onLinkRevoked = (): void => this.retirement.lookAgain();
    const news = new DueNews(core, { calendar, onLinkRevoked });
    this.#news = news;
    this.cessations = new Cessations(core, (outcome) => news.group(outcome));
    this.publishedNames = new PublishedNames(core);
    const listener: RevocationListener = {
      onRevoked: (outcome) => news.group(outcome),
      announce: () => news.announce(),
    };
    this.bridge = new Bridge(core, listener);
    this.delivery = new Deliveries(core, parts.issuance, {
      ...listener,
      onDelivered: (serialNumber) => news.changed(serialNumber),
      track: (operation) => this.#track(operation),
    });
    this.notices = new ChangeNotices(core, listener);
    this.duplicates = new Duplicates(core, listener);
    this.online = new OnlineRevocation(core, (request) => this.revoke(request));
    this.#calendar = calendar;
    this.deltas = new Deltas(core, {
      publication: this.#publication,
      calendar,
      track: (operation) => this.#track(operation),
      onPublished: (scopeId) => news.published(scopeId),
    });
    this.requests = new Requests(core);
    this.operators = new OperatorRegistration({ ...core, authority: this });
    registerEveryKind(this.requests, this);
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
    const core = await openCore(parts);
    const calendar = new PublicationCalendar(core.policy, (scopeId) =>
      hasDelta(core.scopes.find(scopeId), core.policy),
    );
    const issuance = new Issuance(core);
    const responder = await reading(parts.store, async (view) => {
      for (const scope of core.scopes.list) {
        calendar.note(scope.id, await readScopeRecord(view, core.tables, scope.id));
      }
      return await ResponderKeys.open(core, issuance, view);
    });
    const authority = new CertificateAuthority(core, { calendar, issuance, responder });
    await authority.requests.open();
    core.scopes.listen({
      opened: ({ id }) => {
        calendar.note(id, {});
        authority.#news.urgent(id);
      },
      closed: ({ id }) => calendar.forget(id),
    });
    return authority;
  }

  get policy(): Policy {
    return this.#core.policy;
  }

  /** The lists of this CA. */
  get scopes(): Scopes {
    return this.#core.scopes;
  }

  /** The generations of the key, and which one issues. */
  get authorities(): Authorities {
    return this.#core.authorities;
  }

  /** The self-signed certificate of the key that issues. */
  get certificate(): Certificate {
    return this.#core.authority.certificate;
  }

  /** Issues a certificate; see `Issuance.issue` for what is refused. */
  issue(request: IssueRequest): Promise<IssuedCertificate> {
    return this.#track(this.#issueNow(request));
  }

  async #issueNow(request: IssueRequest): Promise<IssuedCertificate> {
    const issued = await this.#issuance.issue(request);
    if (issued.superseded !== undefined) {
      await this.#news.group(issued.superseded);
      this.announceGroups();
    }
    return issued;
  }

  /** What `issue` would refuse about a request by itself, all at once and without effect. */
  examine(request: IssueRequest): Promise<readonly RequestFault[]> {
    return this.#track(this.#issuance.examine(request));
  }

  /** Revokes a certificate; see `Revocation.revoke` for what is refused. */
  revoke(request: RevokeRequest): Promise<RevocationReceipt> {
    return this.#track(this.#revokeNow(request));
  }

  async #revokeNow(request: RevokeRequest): Promise<RevocationReceipt> {
    const receipt = await this.#revocation.revoke(request);
    await this.#news.one(receipt);
    return receipt;
  }

  /**
   * Revokes many certificates in one transaction; what cannot be revoked is in the outcome and holds up no other. A
   * group waits in memory and holds the writer: a few hundred at most (`revokeInGroups`), and
   * `announceGroups` when there are no more.
   *
   * @throws {CaError} `CA_NOT_OWNER`, `CA_RECORD_DAMAGED`; then nothing of the group is revoked.
   */
  revokeGroup(group: RevocationGroup): Promise<GroupOutcome> {
    return this.#track(this.#revokeGroupNow(group));
  }

  async #revokeGroupNow(group: RevocationGroup): Promise<GroupOutcome> {
    const outcome = await this.#revocation.revokeGroup(group);
    await this.#news.group(outcome);
    return outcome;
  }

  /**
   * Has the lists published that groups have made due and that do not wait for the cadence. Apart from the groups, so
   * that a run of many has each list made once.
   */
  announceGroups(): void {
    this.#news.announce();
  }

  /** Holds a certificate; see `Holding.hold` for what is refused. */
  hold(request: HoldRequest): Promise<HoldReceipt> {
    return this.#track(this.#noteHold(this.#holding.hold(request)));
  }

  /** Releases a held certificate; see `Holding.release` for what is refused. */
  release(request: HoldRequest): Promise<HoldReceipt> {
    return this.#track(this.#noteHold(this.#holding.release(request)));
  }

  async #noteHold(holding: Promise<HoldReceipt>): Promise<HoldReceipt> {
    const receipt = await holding;
    await this.#news.one(receipt);
    return receipt;
  }

  /**
   * Has `listener` called whenever a revocation makes a list due that does not wait for the cadence, with the
   * time when it is; `dueScopes` knows it then, also after a restart. Replaces the listener before.
   */
  onUrgentRevocation(listener: (scopeId: string, dueMs: number) => void): void {
    this.#news.listen({ urgent: listener });
  }

  /**
   * Has `listener` called when a certificate was revoked, held or released, durably and before whoever asked for it is told.
   * Replaces the listener before.
   */
  onRevocation(listener: (serialNumber: bigint) => void): void {
    this.#news.listen({ revoked: listener });
  }

  /** Has `listener` called when a list came out. Replaces the listener before. */
  onPublication(listener: (scopeId: string) => void): void {
    this.#news.listen({ published: listener });
  }

  /** How often the publish gate has found an invariant broken, by its number, since the CA was opened. */
  get gateFindings(): ReadonlyMap<string, number> {
    return this.#publication.findings;
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
    const { delta } = publication;
    this.#calendar.note(publication.scope.id, {
      published: publication,
      servedWithdrawn: publication.servedWithdrawn,
      ...(delta === undefined ? {} : { delta }),
    });
    this.#news.published(publication.scope.id);
    return publication;
  }

  /**
   * Publishes every list, a few at a time.
   *
   * @returns the publications in the policy's order.
   * @throws what the first one that failed throws; some of the others are out then.
   */
  async publishAll(
    origin: AuditOrigin,
    onPublished?: OnPublished,
  ): Promise<readonly Publication[]> {
    const scopes = [...this.#core.scopes.list];
    const publications = new Map<string, Publication>();
    const open = scopes.values();
    await runInLanes(
      () => open.next().value,
      async ({ id }) => {
        publications.set(id, await this.publish(id, origin));
        onPublished?.({ done: publications.size, total: scopes.length });
      },
    );
    return scopes.flatMap(({ id }) => publications.get(id) ?? []);
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
  async status(): Promise<AuthorityStatus> {
    const status = await reading(this.#core.store, (view) => readStatus(this.#core, view));
    return { ...status, renewal: this.renewal.status };
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
    if (policy.subjectAttributes === undefined) {
      return [];
    }
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
    return readList(this.#core, scopeId, number);
  }

  /**
   * Any list that was ever published, by its number or by a time at which it was the newest; the newest of
   * all when neither is named.
   *
   * @throws {CaError} `CA_SCOPE_UNKNOWN`, `CA_LIST_UNKNOWN`, `CA_RECORD_DAMAGED`.
   */
  findList(
    scopeId: string,
    which: WhichList,
  ): Promise<PublishedList & { readonly der: Uint8Array }> {
    return findList(this.#core, scopeId, which);
  }

  /** Takes note of the lists in use after a restore; see `confirmRecovery`. */
  confirmRecovery(marks: PublishedMarks, origin: AuditOrigin): Promise<RecoveryReport> {
    return this.#track(confirmRecovery(this.#core, marks, origin));
  }

  /** Why nothing is signed; undefined when nothing is held back. */
  recoveryHold(): Promise<RecoveryHold | undefined> {
    const { store, policy } = this.#core;
    return reading(store, (view) => readHold(view, policy.id));
  }

  /** Every list of a scope that was published, by number, without its bytes. @throws {CaError} `CA_SCOPE_UNKNOWN`. */
  listArchived(scopeId: string): Promise<readonly PublishedList[]> {
    return listArchived(this.#core, scopeId);
  }

  /**
   * Those of them from `sinceMs` on, and the one that was the newest then, without a look at those before.
   *
   * @throws {CaError} `CA_SCOPE_UNKNOWN`.
   */
  listArchivedSince(scopeId: string, sinceMs: number): Promise<readonly PublishedList[]> {
    return listArchivedSince(this.#core, scopeId, sinceMs);
  }

  /** Waits for operations under way. Store, signer and directory are closed by whoever opened them. */
  async close(): Promise<void> {
    await this.requests.close();
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
