/**
 * Who may act: read from the account at the very moment of the act, and held against the policy. Nothing that an account was
 * when somebody authenticated counts here.
 *
 * @module
 */

import type { StoredOperator } from '../../directory/accounts/account-reading.ts';
import type { ReadView } from '../../store/store.ts';
import type { OperatorIdentity } from '../accounts/operator-identity.ts';
import { type CaCore, reading } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { People } from '../policy/people.ts';
import type { Permission } from '../policy/permissions.ts';
import { isSamePerson, type Person, personOf } from './person.ts';

/** An operator on duty. */
export interface OnDuty {
  readonly person: Person;
  readonly account: StoredOperator;
}

/** What a permission is wanted for. */
export interface Wish {
  readonly permission: Permission;
  /** The municipality that it is about; null where it is about none, undefined where any will do. */
  readonly partition?: string | null | undefined;
}

type Surroundings = Pick<CaCore, 'policy' | 'store' | 'accounts'>;

export class Duty {
  readonly #core: Surroundings;
  readonly people: People;
  #colleagues: { readonly revision: number; readonly list: readonly StoredOperator[] } | undefined;

  constructor(core: Surroundings) {
    this.#core = core;
    this.people = new People(core.policy);
  }

  /**
   * The operator, if it may do what it wishes to.
   *
   * @throws {CaError} `CA_NOT_PERMITTED`, `CA_SEPARATION`, `CA_PARTITION_FOREIGN`.
   */
  async expect(view: ReadView, operator: OperatorIdentity, wish: Wish): Promise<OnDuty> {
    const account = await this.account(view, operator);
    const { permission, partition } = wish;
    if (!this.people.isAllowed(account.roles, permission)) {
      const roles = this.people.rolesWith(permission);
      const who = roles.length === 0 ? 'nobody here' : `the roles ${roles.join(', ')}`;
      throw new CaError('CA_NOT_PERMITTED', `${permission} is for ${who}, not for ${account.name}`);
    }
    if (partition !== undefined && !this.actsFor(account, permission, partition)) {
      const own = account.partitions.join(', ') || 'none';
      throw new CaError(
        'CA_PARTITION_FOREIGN',
        `${account.name} acts for the municipalities ${own}; this is another one's`,
      );
    }
    return { account, person: await this.#person(account) };
  }

  /**
   * The account as it is, if it may act at all.
   *
   * @throws {CaError} `CA_NOT_PERMITTED` for one that is closed or another CA's, `CA_SEPARATION`.
   */
  async account(view: ReadView, operator: OperatorIdentity): Promise<StoredOperator> {
    const { policy, accounts } = this.#core;
    const account = await accounts.operator(view, operator.id);
    const isOpen =
      operator.ca === policy.id &&
      account !== undefined &&
      !account.isDisabled &&
      accounts.isDirectlyBelow(account.dn, policy.directory.operators);
    if (!isOpen) {
      throw new CaError('CA_NOT_PERMITTED', `${operator.name} is no operator of ${policy.id}`);
    }
    await this.assertUndivided(account);
    return account;
  }

  /** @throws {CaError} `CA_SEPARATION` when the person's accounts together have roles that are kept apart. */
  async assertUndivided(account: StoredOperator): Promise<void> {
    const person = personOf(account);
    const others = (await this.colleagues()).filter(
      (other) =>
        !other.isDisabled &&
        other.entryUuid !== account.entryUuid &&
        isSamePerson(personOf(other), person),
    );
    const roles = [account, ...others].flatMap((one) => one.roles);
    const together = this.people.separated(roles);
    if (together !== undefined) {
      const also = others.map(({ name }) => name).join(', ');
      const where = also === '' ? account.name : `${account.name} (and ${also})`;
      throw new CaError(
        'CA_SEPARATION',
        `${where} has ${together.join(' and ')}, which are never one person's`,
      );
    }
  }

  /** Who set a credential is a person, whichever of its accounts it did that with. */
  async #person(account: StoredOperator): Promise<Person> {
    const person = personOf(account);
    const { credentialSetBy = [] } = person;
    if (credentialSetBy.length === 0) {
      return person;
    }
    const colleagues = (await this.colleagues()).map(personOf);
    const setters = colleagues.filter((one) => credentialSetBy.includes(one.account));
    const theirs = colleagues.filter((one) => setters.some((setter) => isSamePerson(one, setter)));
    const accounts = [...credentialSetBy, ...theirs.map((one) => one.account)];
    return { ...person, credentialSetBy: [...new Set(accounts)] };
  }

  /** Whether an account acts for a municipality by a permission. */
  actsFor(account: StoredOperator, permission: Permission, partition: string | null): boolean {
    const { partitions, roles } = account;
    const isBound = partitions.length > 0 || this.people.isBound(roles, permission);
    return (
      !isBound || (partition !== null && partitions.some((one) => one === partition || one === '*'))
    );
  }

  /** Every operator of this CA, as of the newest change that is durable. */
  async colleagues(): Promise<readonly StoredOperator[]> {
    const { accounts, store, policy } = this.#core;
    const { revision } = accounts;
    if (this.#colleagues?.revision !== revision) {
      const list = await reading(store, (view) =>
        accounts.operatorsBelow(view, policy.directory.operators),
      );
      this.#colleagues = { revision, list };
    }
    return this.#colleagues.list;
  }
}
