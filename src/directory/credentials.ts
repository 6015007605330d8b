/**
 * Binds: from a name and a password to a principal, and from a principal of some time ago to what it
 * is now, because an account that is changed, disabled, deleted or past its agreement ends the rights
 * of connections that bound as it.
 *
 * Not here: hashing (`password-hasher.ts`), what a principal may do (`access.ts`).
 *
 * @module
 */

import { isAccount, isUsable, readPrincipal } from './account.ts';
import type { DirectoryCore } from './directory-core.ts';
import { Dn } from './dn.ts';
import type { Entry } from './entry.ts';
import { DirectoryError } from './errors.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { anonymous, type EntryPrincipal, type Principal } from './principal.ts';
import type { Caller, Session } from './service.ts';

interface KnownPrincipal {
  /** The revision of accounts at which `principal` was read. */
  readonly revision: number;
  /** Undefined when the account has gone. */
  readonly principal: EntryPrincipal | undefined;
  readonly entry: Entry | undefined;
}

export class Credentials {
  readonly #core: DirectoryCore;
  readonly #hasher: PasswordHasher;
  /** What a principal handed out earlier has become. */
  readonly #known = new WeakMap<EntryPrincipal, KnownPrincipal>();
  /** Counts committed changes of accounts. */
  #revision = 0;

  constructor(core: DirectoryCore, hasher: PasswordHasher) {
    this.#core = core;
    this.#hasher = hasher;
  }

  /** To be told of every committed change of an entry. */
  entryChanged(before: Entry | undefined, after: Entry | undefined): void {
    const { types } = this.#core;
    if ([before, after].some((entry) => entry !== undefined && isAccount(entry, types))) {
      this.#revision += 1;
    }
  }

  /**
   * Simple bind; see `DirectoryService.bind`.
   *
   * Every password that is given is hashed, whether or not there is something to check it against.
   */
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
    const revision = this.#revision;
    const entry = dn.depth === 0 ? undefined : await this.#readBindable(dn, session);
    const stored = entry?.values(this.#core.types.userPassword)[0];
    const isRight = await this.#hasher.verify(password, stored);
    const { types, clock } = this.#core;
    if (!isRight || entry === undefined || !isUsable(entry, types, clock.nowMs())) {
      throw new DirectoryError('DIRECTORY_INVALID_CREDENTIALS', 'invalid credentials');
    }
    const principal = readPrincipal(entry, dn, types);
    this.#known.set(principal, { revision, principal, entry });
    return principal;
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

  #asKnown(caller: Caller, known: KnownPrincipal): Caller {
    const { types, clock } = this.#core;
    const isStillUsable = known.entry !== undefined && isUsable(known.entry, types, clock.nowMs());
    const principal = isStillUsable ? (known.principal ?? anonymous) : anonymous;
    return { principal, session: caller.session };
  }

  /** The account under the same name, unless it is another one by now. */
  async #reload(principal: EntryPrincipal): Promise<KnownPrincipal> {
    const revision = this.#revision;
    const { store, tree, types } = this.#core;
    const snapshot = store.snapshot();
    try {
      const entry = await tree.read(snapshot, principal.dn.key);
      const isSame = entry !== undefined && tree.uuidOf(entry) === principal.entryUuid;
      const known = isSame
        ? { revision, principal: readPrincipal(entry, principal.dn, types), entry }
        : { revision, principal: undefined, entry: undefined };
      this.#known.set(principal, known);
      return known;
    } finally {
      await snapshot.close();
    }
  }

  /** The entry, if there is one whose userPassword the nobody who binds may be checked against. */
  async #readBindable(dn: Dn, session: Session): Promise<Entry | undefined> {
    const { store, tree, policy, clock, types } = this.#core;
    const snapshot = store.snapshot();
    try {
      const entry = await tree.read(snapshot, dn.key);
      const access = policy.forCaller({ principal: anonymous, session }, clock.nowMs());
      const mayBind = entry !== undefined && access.on(entry).allows('auth', types.userPassword);
      return mayBind ? entry : undefined;
    } finally {
      await snapshot.close();
    }
  }
}
