/**
 * Setting a new password (RFC 3062): by the account itself, with its old password, also without a bind
 * and when the old one has expired; by others, as far as the access rules let them write userPassword.
 *
 * A wrong old password is a guess like a wrong bind: answered alike, delayed alike.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { authoriseModify } from '../access/change-access.ts';
import type { ChangeDescription, ChangeRunner } from '../changes/change-runner.ts';
import { stampModified } from '../changes/entry-stamp.ts';
import type { DirectoryCore } from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { checkEntryRules } from '../entries/entry-rules.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import type { Caller, PasswordChange } from '../service.ts';
import { stampCredentialSetters } from './credential-setters.ts';
import { type Credentials, CredentialsRefused, type ProvenAccount } from './credentials.ts';
import { stampChangedPassword } from './password-ageing.ts';
import { generatePassword } from './password-quality.ts';
import type { PasswordValues } from './password-values.ts';

export interface PasswordChangerParts {
  readonly passwords: PasswordValues;
  readonly changes: ChangeRunner;
  readonly credentials: Credentials;
}

/** Whose right it is, and the account as it was when the old password was checked. */
interface Authority {
  readonly caller: Caller;
  readonly proven?: ProvenAccount;
}

export class PasswordChanger {
  readonly #core: DirectoryCore;
  readonly #parts: PasswordChangerParts;

  constructor(core: DirectoryCore, parts: PasswordChangerParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /** See `DirectoryService.changePassword`. */
  async change(request: PasswordChange, caller: Caller): Promise<Uint8Array | undefined> {
    const { passwordsOf, random, types } = this.#core;
    const dn = targetOf(request, caller, this.#core);
    const passwords = passwordsOf(dn.key);
    const authority = await this.#authorise(dn, request, caller);
    const generated =
      request.newPassword === undefined ? generatePassword(passwords, random) : undefined;
    const by = authority.caller === caller && !isSame(caller, dn) ? 'administrator' : 'owner';
    const what: ChangeDescription = {
      kind: 'directory.password',
      dn,
      caller: authority.caller,
      details: { by, isGenerated: String(generated !== undefined) },
    };
    const place = { planned: [{ type: types.userPassword, right: 'write' }] } as const;
    // Whoever may not change it makes nobody hash.
    const account = await this.#parts.changes.rehearse(what, (view, access) =>
      authoriseModify(this.#core, dn, { ...place, view, access }),
    );
    const newPassword = generated ?? request.newPassword ?? new Uint8Array(0);
    const hash = await this.#parts.passwords.hashNew(newPassword, account);
    await this.#parts.changes.run(what, async (transaction, access) => {
      const before = await authoriseModify(this.#core, dn, { ...place, view: transaction, access });
      this.#expectUnchanged(before, authority.proven);
      const facts = await this.#parts.changes.stamp(transaction, dn, authority.caller.principal);
      const changed = this.#withPassword(before, hash, dn);
      const context = { types, policy: passwords, nowMs: facts.nowMs };
      const aged = stampChangedPassword(before, changed, context);
      const { principal } = authority.caller;
      const set = stampCredentialSetters({ before, after: aged, principal }, types);
      const stamped = stampModified(set, types, facts);
      const after = await this.#core.tree.replace(transaction, before, stamped);
      return { before, after, outcome: {} };
    });
    return generated;
  }

  async #authorise(dn: Dn, request: PasswordChange, caller: Caller): Promise<Authority> {
    const { oldPassword } = request;
    const isOwner = caller.principal.kind === 'anonymous' || isSame(caller, dn);
    if (oldPassword === undefined) {
      if (isOwner) {
        throw new DirectoryError('DIRECTORY_UNWILLING', 'give the old password as well');
      }
      return { caller };
    }
    const proven = await this.#parts.credentials.prove(dn, oldPassword, caller.session);
    const { session } = caller;
    return isOwner
      ? { caller: { principal: proven.principal, session }, proven }
      : { caller, proven };
  }

  /** The old password that was checked must still be the one that is replaced. */
  #expectUnchanged(before: Entry, proven: ProvenAccount | undefined): void {
    const { userPassword } = this.#core.types;
    const [checked] = proven?.entry.values(userPassword) ?? [];
    const [stored] = before.values(userPassword);
    const isUnchanged =
      checked !== undefined && stored !== undefined && equalBytes(checked, stored);
    if (proven !== undefined && !isUnchanged) {
      throw new CredentialsRefused('invalid credentials', { reason: 'changed meanwhile' });
    }
  }

  #withPassword(before: Entry, hash: Uint8Array, dn: Dn): Entry {
    const bundle = { type: this.#core.types.userPassword, options: [], values: [hash] };
    return checkEntryRules(before.withBundle(bundle), this.#core, { rdn: dn.rdn, before });
  }
}

function targetOf({ dn }: PasswordChange, { principal }: Caller, { schema }: DirectoryCore): Dn {
  if (dn !== undefined && dn !== '') {
    return Dn.parse(dn, schema);
  }
  if (principal.kind !== 'entry') {
    throw new DirectoryError('DIRECTORY_UNWILLING', 'bind, or say whose password is to be changed');
  }
  return principal.dn;
}

function isSame({ principal }: Caller, dn: Dn): boolean {
  return principal.kind === 'entry' && principal.dn.equals(dn);
}
