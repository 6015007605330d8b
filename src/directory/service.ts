/**
 * The directory as its protocol front ends see it: the operations of RFC 4511 on values that have
 * left the wire, with the caller's identity beside each, and nothing of how entries are kept.
 *
 * Names and attribute descriptions are texts as the client wrote them (RFC 4514, RFC 4512 §2.5):
 * they are parsed, resolved to canonical OIDs and checked against the access rules here, so that no
 * spelling reaches past a rule. Every failure is a {@link DirectoryError}; its code maps to one LDAP
 * result code, its `matchedDn` is safe to send, and so is its message.
 *
 * Not here: the wire (ldap/), what the CA engine writes within its own transactions
 * (`managed-entries.ts`).
 *
 * @module
 */

import type { Audience } from './access/audience.ts';
import type { Principal } from './accounts/principal.ts';
import type { DirectoryErrorCode } from './errors.ts';
import type { Filter } from './filters/filter.ts';
import type { AnswerRecord } from './search/answer-record.ts';

/** What is known of the connection that a request came over. */
export interface Session {
  /** TLS, or a local socket that others cannot read. */
  readonly isProtected: boolean;
  /** The peer's address, for records. */
  readonly address: string;
  /** `ldap`, `cli`, `http`, `system`: where the request entered, for records. */
  readonly channel: string;
  /** DER of the certificate whose private key the peer has shown to have (TLS). */
  readonly clientCertificate?: Uint8Array;
  /** What the front end offers on this connection, for the root DSE. */
  readonly saslMechanisms?: readonly string[];
}

/** Who asks, and how. */
export interface Caller {
  readonly principal: Principal;
  readonly session: Session;
}

/** An attribute with values, on its way in or out. `description` is RFC 4512 §2.5 text. */
export interface AttributeValues {
  readonly description: string;
  readonly values: readonly Uint8Array[];
}

export type SearchScope = 'base' | 'one' | 'subtree';

/** What may go with every operation on an entry. */
export interface OperationOptions {
  /** RFC 4528: the operation is done only if this is true of its target, for the caller's eyes. */
  readonly assertion?: Filter;
  /** RFC 3296: referral objects are entries like any other. */
  readonly manageDsaIt?: boolean;
}

/** What may go with every change. */
export interface ChangeOptions extends OperationOptions {
  /** The whole request as it came over the wire, for the digest in the audit record. */
  readonly received?: Uint8Array;
  /** RFC 4527: attributes of the entry as it was that shall come back, selected as in a search. */
  readonly preRead?: readonly string[];
  /** RFC 4527: as it is afterwards. */
  readonly postRead?: readonly string[];
}

/** One key of a sorted search (RFC 2891 §1.1). */
export interface SortKey {
  /** An attribute description. */
  readonly attribute: string;
  /** Name or OID of an ordering rule; the attribute's own when undefined. */
  readonly rule?: string;
  readonly isReverse: boolean;
}

/** RFC 2891: the order in which entries shall come. */
export interface SortWish {
  readonly keys: readonly SortKey[];
  /** True: no entries at all rather than unsorted ones. */
  readonly isCritical: boolean;
}

/** RFC 2696: a part of the entries. */
export interface PageWish {
  /** Entries at most; with 0 none come, and the search is given up. */
  readonly size: number;
  /** What the last page ended with; empty for the first. */
  readonly cookie: Uint8Array;
}

/** Asked from time to time whether to go on; an `AbortSignal` is one. */
export interface StopSignal {
  readonly aborted: boolean;
}

/** RFC 4511 §4.5.1. Aliases do not exist here, so `derefAliases` has nothing to say. */
export interface SearchRequest extends OperationOptions {
  /** The base object's name; empty for the root DSE (with scope `base`). */
  readonly base: string;
  readonly scope: SearchScope;
  readonly filter: Filter;
  /**
   * The selection of RFC 4511 §4.5.1.8: descriptions, OIDs, `*`, `+` (RFC 3673), `1.1`, `@class` (RFC
   * 4529). Empty means all user attributes.
   */
  readonly attributes: readonly string[];
  readonly typesOnly: boolean;
  /**
   * RFC 3672: true for subentries alone, false for all others alone. Undefined: subentries come only as
   * the base of a search for the base.
   */
  readonly subentries?: boolean;
  readonly sort?: SortWish;
  readonly page?: PageWish;
  /**
   * RFC 3876: of what is selected, only values that one of these is true for; filters without `and`, `or`
   * and `not`.
   */
  readonly matchedValues?: readonly Filter[];
  /**
   * Entries at most, as the client wants it, on all pages together; 0 for no wish. The server's own
   * limit holds too.
   */
  readonly sizeLimit: number;
  /** Milliseconds at most, as the client wants it; 0 for no wish. */
  readonly timeLimitMs: number;
  /** Aborted by abandon, unbind or a lost connection; the search then ends with `DIRECTORY_ABANDONED`. */
  readonly signal?: StopSignal;
  /** Takes note of what the answer hangs on; of one search only. */
  readonly record?: AnswerRecord;
}

/** RFC 4511 §4.5.2 SearchResultEntry. */
export interface SearchResultEntry {
  /** The entry's name, spelt as it was when the entry was added or renamed. */
  readonly dn: string;
  /**
   * What was selected and may be read. Descriptions are ready to be sent (canonical name, options,
   * `;binary` where RFC 4522 wants it). `values` is empty when `typesOnly` was set.
   */
  readonly attributes: readonly AttributeValues[];
}

/** Why entries were not sorted; each a result code of RFC 2891 §1.2. */
export interface SortFailure {
  readonly result: 'noSuchAttribute' | 'inappropriateMatching' | 'adminLimitExceeded' | 'busy';
  /** The description at fault, as the client wrote it. */
  readonly attribute?: string;
}

/** What a search says beside its entries. */
export interface SearchOutcome {
  /** Where the search is to be continued: for each referral object in scope, its URIs (RFC 3296 §5.4). */
  readonly references?: readonly (readonly string[])[];
  readonly sort?: SortFailure | { readonly result: 'success' };
  readonly page?: {
    /** For the next page; empty when this was the last. */
    readonly cookie: Uint8Array;
  };
}

/** The entries of a search, once, as the consumer takes them. */
export interface SearchAnswers extends AsyncIterable<SearchResultEntry> {
  /** Complete when the entries have ended, whether well or not. */
  readonly outcome: SearchOutcome;
}

/** RFC 4511 §4.10. */
export interface CompareRequest extends OperationOptions {
  readonly dn: string;
  readonly attribute: string;
  readonly value: Uint8Array;
}

/** RFC 4511 §4.7. */
export interface AddRequest extends Omit<ChangeOptions, 'preRead'> {
  readonly dn: string;
  readonly attributes: readonly AttributeValues[];
}

/** One change of RFC 4511 §4.6; changes are applied in order, all or none. */
export interface Modification {
  readonly operation: 'add' | 'delete' | 'replace' | 'increment';
  /** An attribute description. */
  readonly attribute: string;
  /**
   * Empty with `delete`: the whole attribute; empty with `replace`: the attribute goes if it is there;
   * exactly one with `increment` (RFC 4525): what is added to every value.
   */
  readonly values: readonly Uint8Array[];
}

/** RFC 4511 §4.6. */
export interface ModifyRequest extends ChangeOptions {
  readonly dn: string;
  readonly changes: readonly Modification[];
}

/** RFC 4511 §4.8. */
export interface DeleteRequest extends Omit<ChangeOptions, 'postRead'> {
  readonly dn: string;
}

/** RFC 4511 §4.9. */
export interface RenameRequest extends ChangeOptions {
  readonly dn: string;
  readonly newRdn: string;
  readonly deleteOldRdn: boolean;
  /** The new parent's name; undefined to stay under the old one. */
  readonly newSuperior?: string;
}

/** What a change answers beside that it was made. */
export interface ChangeOutcome {
  /** What was asked for with `preRead` and the caller may read; undefined when that is nothing. */
  readonly preRead?: SearchResultEntry;
  readonly postRead?: SearchResultEntry;
}

/** RFC 3062. */
export interface PasswordChange {
  /** Whose; the caller's own when it is left out or empty. */
  readonly dn?: string;
  readonly oldPassword?: Uint8Array;
  /** The directory makes one up when it is left out. */
  readonly newPassword?: Uint8Array;
}

/** Counters since the directory was opened. */
export interface DirectoryStatistics {
  readonly searches: number;
  readonly entriesReturned: number;
  readonly writes: number;
  readonly refusedWrites: number;
  readonly binds: number;
  readonly refusedBinds: number;
  /** Attributes that were asked for by name, had a value and were withheld. */
  readonly withheldAttributes: number;
}

/** For a front end that keeps answers, to give them again. */
export interface ReusableAnswers {
  /** A record to be handed in with one search. */
  record(): AnswerRecord;
  /** Whose answers the caller may be given now; undefined when that cannot be told at once. */
  audienceOf(caller: Caller): Audience | undefined;
  /** To be told that a caller was given the answer again: it counts like a search. */
  repeated(record: AnswerRecord, caller: Caller): void;
}

/** Where lists of revoked certificates are published (RFC 4523 §2). */
export type RevocationAttribute =
  | 'certificateRevocationList'
  | 'authorityRevocationList'
  | 'deltaRevocationList';

/** One entry's revocation information, as one request met it. */
export interface RevocationLook {
  /** The entry's name as it is stored. */
  readonly dn: string;
  readonly attribute: RevocationAttribute;
  /** `withheld`: asked for by name, and the caller may not read it. */
  readonly outcome: 'given' | 'withheld';
  /** Of the values given; 0 where only the attribute's name was. */
  readonly bytes: number;
}

/** One search or compare that has ended. */
export interface ObservedAccess {
  readonly operation: 'search' | 'compare';
  /** Who asked, with the account as it was then; `session.channel` says by which way. */
  readonly caller: Caller;
  /** The name as the client wrote it. */
  readonly base: string;
  /** Revocation information that the request names, in its selection, filter or assertion. */
  readonly asked: readonly RevocationAttribute[];
  /** Revocation information that was met; what was given was handed to the front end. */
  readonly looks: readonly RevocationLook[];
  /** Entries returned. */
  readonly entries: number;
  /** The code of its failure; `DIRECTORY_ABANDONED` also when the answers were not all taken. */
  readonly result: 'success' | 'other' | DirectoryErrorCode;
  /** The answer was one given before, which is as much of a look as the first. */
  readonly isRepeated: boolean;
}

/**
 * Told of every search and compare, whatever came of it: an access journal, accounts of what each
 * verifier was given.
 */
export interface AccessObserver {
  /**
   * Called on the way of the answer, so it must be quick, and must neither throw nor wait. Repeated
   * answers come with the very arrays `asked` and `looks` of the first: what was made of them can be
   * kept under them.
   */
  accessed(access: ObservedAccess): void;
  /**
   * Tried first with an answer given again: what is known of the very `looks` and the caller may be enough to
   * count it.
   *
   * @returns false when it was not; then `accessed` is called.
   */
  repeated?(looks: readonly RevocationLook[], caller: Caller): boolean;
}

/**
 * The operations. Writes resolve when they are durable. Each that has an `assertion` fails with
 * `DIRECTORY_ASSERTION_FAILED` when it is not true, and each without `manageDsaIt` with
 * `DIRECTORY_REFERRAL` when another server keeps its target.
 */
export interface DirectoryService {
  /**
   * Entries in the order of their keys or that of `sort`, read from one snapshot, as the consumer takes
   * them: a slow consumer holds the snapshot, not the memory.
   *
   * Pages are searches of their own, each on the newest state: an entry that stays where it is comes
   * exactly once, one that is added or removed meanwhile at most once.
   *
   * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT` (also for a base the caller may not know
   *   of), `DIRECTORY_DN_SYNTAX`, `DIRECTORY_SIZE_LIMIT`, `DIRECTORY_TIME_LIMIT` and
   *   `DIRECTORY_LOOK_THROUGH_LIMIT` after the entries that came within the limit,
   *   `DIRECTORY_ABANDONED`, `DIRECTORY_PAGE_COOKIE`, `DIRECTORY_SORT_REFUSED`.
   */
  search(request: SearchRequest, caller: Caller): SearchAnswers;

  /**
   * @returns whether the assertion is true.
   * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT`, `DIRECTORY_NO_SUCH_ATTRIBUTE` (also for an
   *   attribute the caller may not compare), `DIRECTORY_UNDEFINED_TYPE`,
   *   `DIRECTORY_INVALID_SYNTAX`, `DIRECTORY_INAPPROPRIATE_MATCHING`.
   */
  compare(request: CompareRequest, caller: Caller): Promise<boolean>;

  /** Adds one entry under an existing parent, or a suffix. */
  add(request: AddRequest, caller: Caller): Promise<ChangeOutcome>;

  /** Changes one entry, all changes or none. */
  modify(request: ModifyRequest, caller: Caller): Promise<ChangeOutcome>;

  /** @throws {DirectoryError} `DIRECTORY_NOT_ON_NON_LEAF` when the entry has children. */
  delete(request: DeleteRequest, caller: Caller): Promise<ChangeOutcome>;

  /**
   * Renames or moves an entry with everything below it.
   *
   * @throws {DirectoryError} `DIRECTORY_SUBTREE_LIMIT` when more is below it than one change may move,
   *   `DIRECTORY_ACCESS_DENIED` also when the caller may not rename all that moves.
   */
  rename(request: RenameRequest, caller: Caller): Promise<ChangeOutcome>;

  /**
   * Simple bind (RFC 4513 §5.1). Both texts empty is the anonymous bind. Whether a password may come
   * over this session in clear is for the front end to decide before it calls.
   *
   * @param password The UTF-8 bytes as received; not kept.
   * @throws {DirectoryError} `DIRECTORY_UNWILLING` for a name with an empty password (§5.1.2),
   *   `DIRECTORY_INVALID_CREDENTIALS` for everything that is wrong with name, password or account,
   *   at the same cost, `DIRECTORY_DN_SYNTAX`, `DIRECTORY_BUSY` when too many passwords wait.
   */
  bind(dn: string, password: Uint8Array, session: Session): Promise<Principal>;

  /**
   * The account of the session's client certificate: SASL EXTERNAL (RFC 4513 §5.2.3). The account has the
   * certificate's SHA-256; what the certificate says of itself plays no part but for its validity.
   *
   * @throws {DirectoryError} `DIRECTORY_INVALID_CREDENTIALS` for everything that is wrong.
   */
  bindCertificate(session: Session): Promise<Principal>;

  /**
   * Whether who has authenticated may act as the authorisation identity (RFC 4513 §5.2.1.8): as itself
   * only, empty or `dn:` and its own name.
   *
   * @throws {DirectoryError} `DIRECTORY_INVALID_CREDENTIALS`.
   */
  checkAuthorization(authorizationId: string, caller: Caller): void;

  /**
   * Sets a new password. An account that changes its own gives the old one, and needs no bind for it:
   * that is how an expired password is renewed. Whether passwords may come over this session in clear is
   * for the front end to decide before it calls.
   *
   * @returns the new password when the directory made it up.
   * @throws {DirectoryError} `DIRECTORY_UNWILLING` without the old password where it is needed,
   *   `DIRECTORY_INVALID_CREDENTIALS` as `bind`, `DIRECTORY_CONSTRAINT` for a password against the
   *   policy's rules, and everything a modify is refused for.
   */
  changePassword(request: PasswordChange, caller: Caller): Promise<Uint8Array | undefined>;

  readonly statistics: DirectoryStatistics;

  /** Left out where no answer may be given again. */
  readonly answers?: ReusableAnswers;
}
