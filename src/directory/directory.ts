/**
 * The directory: opens its parts over a store and is what front ends (as `DirectoryService`), the CA
 * engine (`managed`) and the program itself use.
 *
 * @module
 */

import type { AuditLog } from '../audit/audit-log.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { RandomSource } from '../core/random.ts';
import type { Store } from '../store/store.ts';
import { AccessPolicy } from './access/access.ts';
import {
  type AccessExplanation,
  type AccessQuestion,
  explainAccess,
} from './access/access-explanation.ts';
import type { AccessRule } from './access/access-rule.ts';
import { type ReadPermissions, readPermissionsOf } from './access/read-permissions.ts';
import { AccountReading } from './accounts/account-reading.ts';
import {
  type CredentialStatistics,
  Credentials,
  CredentialsRefused,
} from './accounts/credentials.ts';
import { PasswordChanger } from './accounts/password-change.ts';
import { type PasswordEnd, readPasswordEnds } from './accounts/password-ends.ts';
import type { ScryptCost } from './accounts/password-hash.ts';
import { PasswordHasher } from './accounts/password-hasher.ts';
import { lenientPasswordPolicy, type PasswordPolicy } from './accounts/password-policy.ts';
import { PasswordValues } from './accounts/password-values.ts';
import { actorOf, anonymous, type Principal } from './accounts/principal.ts';
import { ChangeRunner } from './changes/change-runner.ts';
import { DirectoryWriter } from './changes/directory-writer.ts';
import { ManagedEntries } from './changes/managed-entries.ts';
import { DirectoryAnswers } from './directory-answers.ts';
import type { DirectoryCore } from './directory-core.ts';
import { type DirectoryLimits, defaultDirectoryLimits } from './directory-limits.ts';
import { directoryTypes } from './directory-types.ts';
import { ComputedAttributes } from './entries/computed-attributes.ts';
import { EntryKinds } from './entries/entry-kinds.ts';
import { EqualityIndex } from './entries/equality-index.ts';
import { mayHoldReferrals, settleIndexes } from './entries/index-builder.ts';
import { Tree } from './entries/tree.ts';
import { DirectoryError } from './errors.ts';
import { type ChangesOptions, type ChangesOutcome, LdifChanges } from './ldif/ldif-changes.ts';
import { type ExportOptions, exportLdif } from './ldif/ldif-export.ts';
import { type ImportOptions, LdifImport } from './ldif/ldif-import.ts';
import { type MonitorSource, MonitorTree } from './monitor-tree.ts';
import { Dn } from './names/dn.ts';
import { PublicEntryCache, type RootDseFacts, subschemaName } from './public-entries.ts';
import { type RealmDefinition, Realms } from './realms.ts';
import type { Schema } from './schema/schema.ts';
import { compareValue } from './search/compare.ts';
import { PageCookies } from './search/page-cookies.ts';
import { EntrySearch } from './search/search.ts';
import { SortRoom } from './search/search-order.ts';
import type {
  AccessObserver,
  AddRequest,
  Caller,
  ChangeOutcome,
  CompareRequest,
  DeleteRequest,
  DirectoryService,
  DirectoryStatistics,
  ModifyRequest,
  PasswordChange,
  RenameRequest,
  ReusableAnswers,
  SearchAnswers,
  SearchRequest,
  Session,
} from './service.ts';

export interface DirectoryOptions {
  readonly store: Store;
  readonly schema: Schema;
  /** Naming contexts, e.g. `o=JPKI,c=JP`. Their entries are added like any other. */
  readonly suffixes: readonly string[];
  /** Rules of a tree that is one realm. */
  readonly access?: readonly AccessRule[];
  /** Instead, parts of the tree with rules of their own; see `realms.ts`. */
  readonly realms?: readonly RealmDefinition[];
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly audit: AuditLog;
  readonly log: Log;
  readonly limits?: Partial<DirectoryLimits>;
  /** Attribute types with an equality index. Default {@link defaultIndexes}. */
  readonly indexes?: readonly string[];
  readonly rootDse?: RootDseFacts;
  /** Rules for passwords, of a tree that is one realm. Default {@link lenientPasswordPolicy}. */
  readonly passwords?: PasswordPolicy;
  /** Told of every search and compare, also of answers that are given again. */
  readonly observer?: AccessObserver;
  /** What a password hash costs; tests make it cheap. */
  readonly scrypt?: ScryptCost;
}

/** Indexed unless the options say otherwise. */
export const defaultIndexes: readonly string[] = [
  'objectClass',
  'entryUUID',
  'cn',
  'uid',
  'certdirPartitionCode',
  'certdirAgreementNumber',
  'certdirCertificateSha256',
  'userCertificate',
  'cACertificate',
  'crossCertificatePair',
  'certificateRevocationList',
  'authorityRevocationList',
  'deltaRevocationList',
];

/** Who looks at the directory for the program's own purposes. */
const program: Caller = {
  principal: { kind: 'system', name: 'certdir' },
  session: { isProtected: true, address: '', channel: 'system' },
};

export class Directory implements DirectoryService {
  readonly #core: DirectoryCore;
  readonly #publicEntries: PublicEntryCache;
  readonly #credentials: Credentials;
  readonly #changes: ChangeRunner;
  readonly #writer: DirectoryWriter;
  readonly #passwordChanger: PasswordChanger;
  readonly #import: LdifImport;
  readonly #ldifChanges: LdifChanges;
  /** For the CA engine, within its own transactions. */
  readonly managed: ManagedEntries;
  /** For decisions by what an account is. */
  readonly accounts: AccountReading;
  readonly answers: ReusableAnswers;

  private constructor(core: DirectoryCore, options: DirectoryOptions) {
    const { schema, random, scrypt } = options;
    const hasher = new PasswordHasher({
      random,
      maxConcurrent: core.limits.maxRunningHashes,
      maxWaiting: core.limits.maxWaitingHashes,
      ...(scrypt === undefined ? {} : { cost: scrypt }),
    });
    const passwords = new PasswordValues({ hasher, types: core.types, policyOf: core.passwordsOf });
    this.#core = core;
    this.#publicEntries = new PublicEntryCache(options.rootDse ?? {}, {
      ...{ suffixes: options.suffixes, schema, loadedMs: core.clock.nowMs() },
    });
    this.#credentials = new Credentials(core, hasher);
    this.#changes = new ChangeRunner(core, this.#credentials);
    this.#writer = new DirectoryWriter(core, passwords, this.#changes);
    this.#passwordChanger = new PasswordChanger(core, {
      passwords,
      changes: this.#changes,
      credentials: this.#credentials,
    });
    this.#import = new LdifImport(core, passwords, this.#credentials);
    this.#ldifChanges = new LdifChanges(core, passwords, this.#changes);
    this.managed = new ManagedEntries(core);
    this.accounts = new AccountReading(core, () => this.#credentials.revision);
    this.answers = new DirectoryAnswers(core, this.#credentials);
  }

  /**
   * Opens the directory in a store, building indexes where the list has changed.
   *
   * @throws {DirectoryError} `DIRECTORY_ACCESS_RULE`, `DIRECTORY_DN_SYNTAX` for a suffix,
   *   `DIRECTORY_UNDEFINED_TYPE` and `DIRECTORY_INAPPROPRIATE_MATCHING` for an index,
   *   `DIRECTORY_SCHEMA_REFERENCE`.
   */
  static async open(options: DirectoryOptions): Promise<Directory> {
    const { store, schema, clock, random, audit, log } = options;
    const limits = { ...defaultDirectoryLimits, ...options.limits };
    const types = directoryTypes(schema);
    const index = new EqualityIndex(
      resolveIndexes(options.indexes ?? defaultIndexes, schema),
      schema,
    );
    const kinds = new EntryKinds(schema, types.structuralObjectClass);
    const tree = new Tree(schema, index, { entryUuid: types.entryUuid, kinds });
    await settleIndexes({ store, tree, index, log });
    if (await mayHoldReferrals(store, index, schema)) {
      kinds.expectReferrals();
    }
    const policy = AccessPolicy.ofRealms(realmsOf(options), schema);
    const core: DirectoryCore = {
      ...{ store, schema, types, tree, index, kinds, clock, random, audit, log },
      computed: new ComputedAttributes(tree, types, subschemaName),
      policy,
      passwordsOf: (account) => policy.realms.passwordsOf(account),
      suffixes: options.suffixes.map((suffix) => Dn.parse(suffix, schema)),
      limits,
      monitor: new MonitorTree(schema),
      pageCookies: new PageCookies(random.bytes(32)),
      sortRoom: new SortRoom(limits.maxSortedEntriesInAll),
      observer: options.observer,
      counters: {
        searches: 0,
        entriesReturned: 0,
        writes: 0,
        refusedWrites: 0,
        binds: 0,
        refusedBinds: 0,
        withheldAttributes: 0,
      },
    };
    return new Directory(core, options);
  }

  get schema(): Schema {
    return this.#core.schema;
  }

  get statistics(): DirectoryStatistics {
    return { ...this.#core.counters };
  }

  get credentialStatistics(): CredentialStatistics {
    return this.#credentials.statistics;
  }

  /** When the passwords of accounts end, where the policy lets them age. */
  async passwordEnds(): Promise<readonly PasswordEnd[]> {
    return await readPasswordEnds(this.#core, (request) => this.search(request, program));
  }

  /** Shows `source` as the subtree `cn=Monitor` from now on. */
  publishMonitor(source: MonitorSource): void {
    this.#core.monitor.publish(source);
  }

  search(request: SearchRequest, caller: Caller): SearchAnswers {
    return new EntrySearch(this.#core, this.#publicEntries.for(caller.session), {
      request,
      caller: () => this.#credentials.refresh(caller),
    });
  }

  async compare(request: CompareRequest, caller: Caller): Promise<boolean> {
    const current = await this.#credentials.refresh(caller);
    const publicEntries = this.#publicEntries.for(caller.session);
    return await compareValue(this.#core, publicEntries, { request, caller: current });
  }

  async add(request: AddRequest, caller: Caller): Promise<ChangeOutcome> {
    return await this.#writer.add(request, await this.#credentials.refresh(caller));
  }

  async modify(request: ModifyRequest, caller: Caller): Promise<ChangeOutcome> {
    return await this.#writer.modify(request, await this.#credentials.refresh(caller));
  }

  async delete(request: DeleteRequest, caller: Caller): Promise<ChangeOutcome> {
    return await this.#writer.delete(request, await this.#credentials.refresh(caller));
  }

  async rename(request: RenameRequest, caller: Caller): Promise<ChangeOutcome> {
    return await this.#writer.rename(request, await this.#credentials.refresh(caller));
  }

  async bind(dn: string, password: Uint8Array, session: Session): Promise<Principal> {
    this.#core.counters.binds += 1;
    try {
      return await this.#credentials.bind(dn, password, session);
    } catch (error) {
      this.#onRefusedBind(error, { principal: anonymous, session }, dn);
      throw error;
    }
  }

  async bindCertificate(session: Session): Promise<Principal> {
    this.#core.counters.binds += 1;
    try {
      return await this.#credentials.bindCertificate(session);
    } catch (error) {
      this.#onRefusedBind(error, { principal: anonymous, session });
      throw error;
    }
  }

  /** Whoever authenticated some time ago, with the account as it is now; anonymous where it may no longer be used. */
  async refreshed(caller: Caller): Promise<Caller> {
    return await this.#credentials.refresh(caller);
  }

  checkAuthorization(authorizationId: string, caller: Caller): void {
    try {
      this.#credentials.checkAuthorization(authorizationId, caller.principal);
    } catch (error) {
      this.#onRefusedBind(error, caller);
      throw error;
    }
  }

  async changePassword(request: PasswordChange, caller: Caller): Promise<Uint8Array | undefined> {
    const current = await this.#credentials.refresh(caller);
    try {
      return await this.#passwordChanger.change(request, current);
    } catch (error) {
      if (error instanceof CredentialsRefused) {
        const dn = request.dn ?? '';
        this.#recordGuess(error, { kind: 'directory.password', dn, caller: current });
      }
      throw error;
    }
  }

  #onRefusedBind(error: unknown, caller: Caller, dn = ''): void {
    if (error instanceof CredentialsRefused) {
      this.#core.counters.refusedBinds += 1;
      this.#recordGuess(error, { kind: 'directory.bind', dn, caller });
    }
  }

  #recordGuess(
    { record }: CredentialsRefused,
    { kind, dn, caller }: { readonly kind: string; readonly dn: string; readonly caller: Caller },
  ): void {
    const { channel, address } = caller.session;
    const actor = actorOf(caller.principal);
    if (record !== undefined) {
      this.#changes.recordRefusal({
        kind,
        result: 'refused',
        origin: { channel, actor, address },
        subject: dn === '' ? actor : Dn.parse(dn, this.#core.schema).format(),
        details: record,
      });
    }
  }

  /**
   * Adds the entries of an LDIF file (content records), all or none. From the program itself (`system`) a file
   * of any size, in bounded memory; parents may then stand behind their children.
   *
   * @param source The file's bytes.
   * @returns how many entries were added.
   * @throws {DirectoryError} `DIRECTORY_LDIF_…` and everything an entry is refused for; the message
   *   starts with `line N`, the first line of the record (or the very line) at fault.
   */
  async importLdif(
    source: AsyncIterable<Uint8Array>,
    caller: Caller,
    options?: ImportOptions,
  ): Promise<number> {
    return await this.#import.run(source, caller, options);
  }

  /**
   * Carries out the changes of an LDIF file (change records), as whoever the caller is could over LDAP.
   *
   * @throws {DirectoryError} `DIRECTORY_LDIF_…`, and, when all are carried out or none, everything that a
   *   change is refused for; the message starts with `line N`.
   */
  async changeByLdif(
    source: AsyncIterable<Uint8Array>,
    caller: Caller,
    options: ChangesOptions,
  ): Promise<ChangesOutcome> {
    return await this.#ldifChanges.run(source, await this.#credentials.refresh(caller), options);
  }

  /**
   * The entry `base` and everything below as LDIF text, or what the options leave of it, from one
   * snapshot; the empty name exports every suffix.
   *
   * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT`.
   */
  exportLdif(base: string, options?: ExportOptions): AsyncIterable<string> {
    return exportLdif(this.#core, base, options);
  }

  /** See `ReadPermissions`. */
  async readPermissions(caller: Caller): Promise<ReadPermissions> {
    return readPermissionsOf(this.#core, await this.#credentials.refresh(caller));
  }

  /** See `explainAccess`. For administrators: nothing is hidden from who asks. */
  explainAccess(question: AccessQuestion): Promise<AccessExplanation> {
    return explainAccess(this.#core, this.#credentials, question);
  }

  /** Waits for records under way. The store is closed by whoever opened it. */
  async close(): Promise<void> {
    await this.#changes.settle();
  }
}

function realmsOf({ realms, access = [], passwords, schema }: DirectoryOptions): Realms {
  const whole = {
    ...{ name: '', subtrees: [''], access },
    passwords: passwords ?? lenientPasswordPolicy,
  };
  return new Realms(realms ?? [whole], schema);
}

function resolveIndexes(
  names: readonly string[],
  schema: Schema,
): readonly NonNullable<ReturnType<Schema['attributeType']>>[] {
  return names.map((name) => {
    const type = schema.attributeType(name);
    if (type === undefined) {
      throw new DirectoryError('DIRECTORY_UNDEFINED_TYPE', `no attribute type ${name} to index`);
    }
    return type;
  });
}
