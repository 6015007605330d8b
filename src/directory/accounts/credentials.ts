/**
 * Binds: from a name and a password, or a certificate, to a principal, and from a principal of some time ago to what it
 * is now, because an account that is changed, disabled, deleted or past its agreement ends the rights
 * of connections that bound as it.
 *
 * Whatever is wrong with name, password or account, the answer is the same, and so is its cost. A right
 * password costs less when it was given shortly before (`verified-passwords.ts`). Two
 * exceptions: a guess that comes too early (`guess-throttle.ts`) is answered without being checked,
 * whether or not the account exists; and who gives the right password of an account in force is told
 * when it has expired.
 *
 * Not here: hashing (`password-hasher.ts`), what a principal may do (`access.ts`).
 *
 * @module
 */

import type { Awaitable } from '../../core/awaitable.ts';
import type { ReadView } from '../../store/store.ts';
import type { DirectoryCore } from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import { formatGeneralizedTime } from '../schema/generalized-time.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { Caller, Session } from '../service.ts';
import {
  isAccount,
  isDisabled,
  isInForce as isGrantInForce,
  isUsable,
  readPrincipal,
} from './account.ts';
import {
  findCertificateAccount,
  hasCertificate,
  isInForce,
  readCredential,
} from './certificate-credential.ts';
import { GroupMembers } from './group-members.ts';
import { type AdmittedGuess, GuessThrottle } from './guess-throttle.ts';
import { passwordEndMs } from './password-ageing.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { anonymous, type EntryPrincipal, type Principal } from './principal.ts';
import { VerifiedPasswords } from './verified-passwords.ts';

/** `invalidCredentials`, with what the audit log shall say of it. */
export class CredentialsRefused extends DirectoryError {
  /** Undefined when a record of the same says it already. */
  readonly record: Readonly<Record<string, string | number>> | undefined;

  constructor(
    message: string,
    record: Readonly<Record<string, string | number>> | undefined = undefined,
  ) {
    super('DIRECTORY_INVALID_CREDENTIALS', message);
    this.record = record;
  }
}

/** An account whose password was given. */
export interface ProvenAccount {
  readonly entry: Entry;
  readonly principal: EntryPrincipal;
  /** When the password ends or ended; undefined when it does not. */
  readonly passwordEndMs: number | undefined;
  /** The revision of accounts that `entry` is at least of. */
  readonly revision: number;
}

/** An account as it is, whether or not it may be used. */
export interface KnownAccount {
  readonly entry: Entry;
  readonly principal: EntryPrincipal;
}

interface KnownPrincipal {
  /** The revision of accounts at which `principal` was read. */
  readonly revision: number;
  /** Undefined when the account has gone, is disabled, or has lost what authenticated it. */
  readonly principal: EntryPrincipal | undefined;
}

const DAY_MS = 86_400_000;
/** Accounts whose warning of today is remembered. */
const MAX_WARNED = 10_000;

/** What checking passwords takes now. */
export interface CredentialStatistics {
  /** Passwords that are being hashed. */
  readonly runningHashes: number;
  /** Passwords that wait to be. */
  readonly waitingHashes: number;
  /** Passwords that were right and need not be hashed again for a while. */
  readonly rememberedPasswords: number;
  /** Pairs of account and address with wrong passwords. */
  readonly trackedGuessers: number;
}

export class Credentials {
  readonly #core: DirectoryCore;
  readonly #hasher: PasswordHasher;
  readonly #throttle: GuessThrottle;
  readonly #verified: VerifiedPasswords;
  readonly #groups: GroupMembers;
  /** What a principal handed out earlier has become. */
  readonly #known = new WeakMap<EntryPrincipal, KnownPrincipal>();
  /** Of entries that are decoded once for many binds (`Tree.readOften`). */
  readonly #principals = new WeakMap<Entry, EntryPrincipal>();
  /** Until when an account's next warning waits, by entryUUID. */
  readonly #warned = new Map<string, number>();
  /** Counts committed changes of accounts, and of the groups that access rules name. */
  #revision = 0;

  constructor(core: DirectoryCore, hasher: PasswordHasher) {
    const { clock, random, passwordsOf, types, limits } = core;
    this.#core = core;
    this.#hasher = hasher;
    this.#verified = new VerifiedPasswords({ clock, random, types });
    this.#throttle = new GuessThrottle({
      ...{ clock, random, delaysOf: (account) => passwordsOf(account).delays },
      maxTracked: limits.maxTrackedGuessers,
    });
    this.#groups = new GroupMembers({ ...core, groups: core.policy.groups });
    this.#groups.onChanged(() => {
      this.#revision += 1;
    });
  }

  /** Another number after every committed change of an account. */
  get revision(): number {
    return this.#revision;
  }

  /** Figures of the moment. */
  get statistics(): CredentialStatistics {
    return {
      runningHashes: this.#hasher.running,
      waitingHashes: this.#hasher.waiting,
      rememberedPasswords: this.#verified.remembered,
      trackedGuessers: this.#throttle.tracked,
    };
  }

  /** To be told of every committed change of an entry. */
  entryChanged(before: Entry | undefined, after: Entry | undefined): void {
    const { types } = this.#core;
    if ([before, after].some((entry) => entry !== undefined && isAccount(entry, types))) {
      this.#revision += 1;
    }
  }

  /** To be told when so many entries may have changed that nobody looks at each. */
  manyChanged(): void {
    this.#revision += 1;
  }

  /** Simple bind; see `DirectoryService.bind`. */
  async bind(text: string, password: Uint8Array, session: Session): Promise<Principal> {
    const dn = Dn.parse(text, this.#core.schema);
    if (dn.depth === 0 && password.length === 0) {
      return anonymous;
    }
    if (password.length === 0) {
      throw new DirectoryError(
        'DIRECTORY_UNWILLING',
        'a name without a password is no authentication (RFC 4513 §5.1.2)',
      );
    }
    const proven = await this.prove(dn, password, session);
    const { principal, revision } = proven;
    const nowMs = this.#core.clock.nowMs();
    if (proven.passwordEndMs !== undefined) {
      if (nowMs >= proven.passwordEndMs) {
        throw new CredentialsRefused('the password has expired; change it with Password Modify', {
          reason: 'expired',
        });
      }
      this.#warn(proven, proven.passwordEndMs - nowMs);
    }
    this.#known.set(principal, { revision, principal });
    return principal;
  }

  /**
   * Checks a password that may have expired.
   *
   * Every password that is checked is hashed, whether or not there is something to check it against.
   *
   * @throws {CredentialsRefused} for whatever is wrong.
   */
  async prove(dn: Dn, password: Uint8Array, session: Session): Promise<ProvenAccount> {
    const guess = this.#throttle.admit(dn.key, session.address, password);
    if (guess.kind === 'delayed') {
      const { isFirst, failures } = guess;
      throw refusal(isFirst ? { reason: 'delayed', failures } : undefined);
    }
    let proven: ProvenAccount | undefined;
    try {
      proven = await this.#check(dn, password, session);
    } catch (error) {
      guess.withdrawn();
      throw error;
    }
    return settle(guess, proven);
  }

  /** See `DirectoryService.bindCertificate`. */
  async bindCertificate(session: Session): Promise<EntryPrincipal> {
    const { types, clock, schema } = this.#core;
    const { clientCertificate } = session;
    const certificate = clientCertificate && readCredential(clientCertificate);
    if (certificate === undefined) {
      throw refusal({ reason: 'no certificate' });
    }
    const revision = this.#revision;
    const nowMs = clock.nowMs();
    const entry = await this.#reading(async (view) => {
      const found = await findCertificateAccount(this.#core, view, certificate);
      return this.#ifBindable(found, types.certificateSha256, session);
    });
    if (!isInForce(certificate, nowMs) || entry === undefined || !isUsable(entry, types, nowMs)) {
      throw refusal({ reason: 'certificate', certificateSha256: certificate.sha256 });
    }
    const dn = Dn.parse(entry.dn, schema);
    const principal = { ...(await this.#readPrincipal(entry, dn)), certificate };
    this.#known.set(principal, { revision, principal });
    return principal;
  }

  /** See `DirectoryService.checkAuthorization`. */
  checkAuthorization(authorizationId: string, principal: Principal): void {
    const isOwn =
      authorizationId === '' ||
      (/^dn:/i.test(authorizationId) &&
        principal.kind === 'entry' &&
        parsesTo(authorizationId.slice('dn:'.length), principal.dn, this.#core));
    if (!isOwn) {
      throw refusal({ reason: 'authorization' });
    }
  }

  /**
   * The caller with its account as it is now; anonymous where the account may no longer be used.
   * Costs a look-up, and a read after some account has changed.
   */
  refresh(caller: Caller): Caller | Promise<Caller> {
    if (caller.principal.kind !== 'entry') {
      return caller;
    }
    const known = this.#known.get(caller.principal);
    return known === undefined || known.revision !== this.#revision
      ? this.#reload(caller.principal).then((reloaded) => this.#asKnown(caller, reloaded))
      : this.#asKnown(caller, known);
  }

  /** The account under a name, for those who want to know about it; undefined when there is no entry. */
  async account(dn: Dn): Promise<KnownAccount | undefined> {
    const entry = await this.#reading((view) => this.#core.tree.read(view, dn.key));
    return entry && { entry, principal: await this.#readPrincipal(entry, dn) };
  }

  async #check(dn: Dn, password: Uint8Array, session: Session): Promise<ProvenAccount | undefined> {
    const { types, clock, passwordsOf } = this.#core;
    const revision = this.#revision;
    const entry = dn.depth === 0 ? undefined : await this.#readBindable(dn, session);
    const stored = entry?.values(types.userPassword)[0];
    const verify = (): Promise<boolean> => this.#hasher.verify(password, stored);
    const isRight = await (entry === undefined
      ? verify()
      : this.#verified.check(entry, password, verify));
    if (!isRight || entry === undefined || !isUsable(entry, types, clock.nowMs())) {
      return undefined;
    }
    const principal = await this.#readPrincipal(entry, dn);
    return {
      entry,
      principal,
      revision,
      passwordEndMs: passwordEndMs(entry, types, passwordsOf(dn.key)),
    };
  }

  /** Once a day for each account, while its password is about to end. */
  #warn({ principal, passwordEndMs: endMs = 0 }: ProvenAccount, restMs: number): void {
    const { passwordsOf, clock, log } = this.#core;
    const warningMs = (passwordsOf(principal.dn.key).ageing?.warningDays ?? 0) * DAY_MS;
    const nowMs = clock.monotonicMs();
    const { entryUuid, dn } = principal;
    if (restMs >= warningMs || nowMs < (this.#warned.get(entryUuid) ?? 0)) {
      return;
    }
    if (this.#warned.size >= MAX_WARNED) {
      this.#warned.clear();
    }
    this.#warned.set(entryUuid, nowMs + DAY_MS);
    log.warn('a password is about to expire', {
      account: dn.format(),
      expires: formatGeneralizedTime(endMs),
    });
  }

  /** Costs no more than looking at the clock: it is asked for every request. */
  #asKnown(caller: Caller, { principal }: KnownPrincipal): Caller {
    const nowMs = this.#core.clock.nowMs();
    const isStillUsable =
      principal !== undefined &&
      (principal.verifier === undefined || isGrantInForce(principal.verifier, nowMs)) &&
      (principal.certificate === undefined || isInForce(principal.certificate, nowMs));
    return { principal: isStillUsable ? principal : anonymous, session: caller.session };
  }

  /** The account under the same name, unless it is another one by now. */
  async #reload(principal: EntryPrincipal): Promise<KnownPrincipal> {
    const revision = this.#revision;
    const { tree, types } = this.#core;
    const { dn, certificate } = principal;
    const entry = await this.#reading((view) => tree.read(view, dn.key));
    const isSame =
      entry !== undefined &&
      tree.uuidOf(entry) === principal.entryUuid &&
      !isDisabled(entry, types) &&
      (certificate === undefined || hasCertificate(entry, certificate, types));
    const proof = certificate === undefined ? {} : { certificate };
    const known = {
      revision,
      principal: isSame ? { ...(await this.#readPrincipal(entry, dn)), ...proof } : undefined,
    };
    this.#known.set(principal, known);
    return known;
  }

  async #readPrincipal(entry: Entry, dn: Dn): Promise<EntryPrincipal> {
    const principal = this.#ownPrincipal(entry, dn);
    const groups = await this.#groups.groupsOf(dn.key);
    return groups.size === 0 ? principal : { ...principal, groups };
  }

  /** Without groups. */
  #ownPrincipal(entry: Entry, dn: Dn): EntryPrincipal {
    const before = this.#principals.get(entry);
    if (before?.dn === dn) {
      return before;
    }
    const principal = readPrincipal(entry, dn, this.#core.types);
    this.#principals.set(entry, principal);
    return principal;
  }

  /** The entry, if there is one whose userPassword the nobody who binds may be checked against. */
  async #readBindable(dn: Dn, session: Session): Promise<Entry | undefined> {
    const { tree, types } = this.#core;
    return await this.#reading(async (view) =>
      this.#ifBindable(await tree.readOften(view, dn.key), types.userPassword, session),
    );
  }

  #ifBindable(
    entry: Entry | undefined,
    credential: AttributeType,
    session: Session,
  ): Entry | undefined {
    const { policy, clock } = this.#core;
    const access = policy.forCaller({ principal: anonymous, session }, clock.nowMs());
    const mayBind = entry !== undefined && access.on(entry).allows('auth', credential);
    return mayBind ? entry : undefined;
  }

  async #reading<T>(body: (view: ReadView) => Awaitable<T>): Promise<T> {
    const snapshot = this.#core.store.snapshot();
    try {
      return await body(snapshot);
    } finally {
      await snapshot.close();
    }
  }
}

/** An account that may not be used counts like a wrong password, or the delay would tell of it. */
function settle(guess: AdmittedGuess, proven: ProvenAccount | undefined): ProvenAccount {
  if (proven === undefined) {
    throw refusal({ reason: 'credentials', failures: guess.failed() });
  }
  guess.succeeded();
  return proven;
}

function parsesTo(text: string, own: Dn, { schema }: DirectoryCore): boolean {
  try {
    return Dn.parse(text, schema).equals(own);
  } catch (error) {
    if (error instanceof DirectoryError) {
      return false;
    }
    throw error;
  }
}

function refusal(record: CredentialsRefused['record']): CredentialsRefused {
  return new CredentialsRefused('invalid credentials', record);
}
