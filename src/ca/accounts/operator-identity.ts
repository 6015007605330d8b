/**
 * An operator who has authenticated: whom a CA knows it as, and what it may do there by the policy.
 *
 * Not here: how it authenticated (`directory/accounts/credentials.ts`). Whoever acts is read anew when it acts
 * (`src/ca/requests/requests.ts`): an identity says who it was.
 *
 * @module
 */

import type { EntryPrincipal } from '../../directory/accounts/principal.ts';
import type { Directory } from '../../directory/directory.ts';
import type { Store } from '../../store/store.ts';
import { reading } from '../ca-core.ts';
import { People } from '../policy/people.ts';
import type { Permission } from '../policy/permissions.ts';
import type { Policy } from '../policy/policy.ts';

export interface OperatorIdentity {
  /** The CA's id: operators of one are nobody at another. */
  readonly ca: string;
  /** entryUUID of the account: stays when the entry is renamed. */
  readonly id: string;
  /** The account's name below the policy's entry of operators. */
  readonly name: string;
  readonly dn: string;
  readonly roles: readonly string[];
  /** Codes of the municipalities that it acts for; none where it acts for all. */
  readonly partitions: readonly string[];
  readonly method: 'certificate' | 'password';
}

/**
 * The operator that a principal is at this CA; undefined for whoever has no account below the policy's entry of
 * operators, or a disabled one.
 */
export async function identifyOperator(
  {
    policy,
    directory,
    store,
  }: {
    readonly policy: Policy;
    readonly directory: Pick<Directory, 'accounts'>;
    readonly store: Store;
  },
  principal: EntryPrincipal,
): Promise<OperatorIdentity | undefined> {
  const account = await reading(store, (view) =>
    directory.accounts.operator(view, principal.entryUuid),
  );
  const isOurs =
    account !== undefined &&
    !account.isDisabled &&
    directory.accounts.isDirectlyBelow(account.dn, policy.directory.operators);
  if (!isOurs) {
    return undefined;
  }
  const { entryUuid: id, name, dn, roles, partitions } = account;
  const method = principal.certificate === undefined ? 'password' : 'certificate';
  return { ca: policy.id, id, name, dn, roles, partitions, method };
}

/** Whether an operator may do something that is no step of a request, where no partition is concerned. */
export function mayDo(
  policy: Pick<Policy, 'people' | 'id'>,
  identity: OperatorIdentity,
  permission: Permission,
): boolean {
  const people = new People(policy);
  return (
    identity.ca === policy.id &&
    people.separated(identity.roles) === undefined &&
    people.isAllowed(identity.roles, permission)
  );
}
