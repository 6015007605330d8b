/**
 * Who took a step, as far as it tells people apart: an account, its certificates, the name and the staff number of
 * the person. A person who is registered twice, or whose account was renamed, is still one.
 *
 * @module
 */

import type { StoredOperator } from '../../directory/accounts/account-reading.ts';

export interface Person {
  /** entryUUID of the account. */
  readonly account: string;
  readonly dn: string;
  /** The account's name. */
  readonly name: string;
  /** The person's name, where the account says it. */
  readonly fullName: string | null;
  readonly staffNumbers: readonly string[];
  /** SHA-256 of every certificate of the account. */
  readonly certificates: readonly string[];
  /**
   * entryUUIDs of the accounts of those who had set a credential of this one: they could have acted as this person
   * then. Left out when there are none.
   */
  readonly credentialSetBy?: readonly string[] | undefined;
}

export function personOf(operator: StoredOperator): Person {
  const { entryUuid, dn, name, displayName, staffNumbers, certificates } = operator;
  const { credentialSetBy } = operator;
  return {
    ...{ account: entryUuid, dn, name, fullName: displayName ?? null },
    ...{ staffNumbers, certificates },
    ...(credentialSetBy.length === 0 ? {} : { credentialSetBy }),
  };
}

/**
 * Whether two accounts are one person's. The same account or a certificate in common says yes; the same name does unless
 * both have staff numbers, which then decide.
 */
export function isSamePerson(left: Person, right: Person): boolean {
  if (left.account === right.account || meet(left.certificates, right.certificates)) {
    return true;
  }
  if (left.staffNumbers.length > 0 && right.staffNumbers.length > 0) {
    return meet(left.staffNumbers.map(fold), right.staffNumbers.map(fold));
  }
  return meet(namesOf(left), namesOf(right));
}

/**
 * Whether one of two had set a credential of the other's account. Two whose credentials a third has set are strangers to each other.
 */
export function isSetByOther(left: Person, right: Person): boolean {
  return (
    left.credentialSetBy?.includes(right.account) === true ||
    right.credentialSetBy?.includes(left.account) === true
  );
}

function meet(left: readonly string[], right: readonly string[]): boolean {
  return left.some((one) => right.includes(one));
}

/** The account's name counts where nobody said whose it is. */
function namesOf({ name, fullName }: Person): readonly string[] {
  return [fold(fullName ?? name)];
}

/** Full-width letters, case and spaces do not make another person. */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s/gu, '');
}
