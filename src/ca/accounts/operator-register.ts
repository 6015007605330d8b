/**
 * The operators of one CA, as entries of the directory below the policy's entry of operators. They are made and
 * given their roles over LDAP, by operators with the right to; here they are listed, and given another
 * password when they have lost their own.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { Filter } from '../../directory/filters/filter.ts';
import type { Caller, DirectoryService, SearchResultEntry } from '../../directory/service.ts';
import { CaError } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import { escapeValue, translating } from './account-entries.ts';

export interface RegisteredOperator {
  readonly dn: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly isDisabled: boolean;
}

const operators: Filter = {
  kind: 'equality',
  attribute: 'objectClass',
  value: encodeUtf8('certdirOperator'),
};

export class OperatorRegister {
  readonly #directory: DirectoryService;
  readonly #policy: Policy;

  constructor(directory: DirectoryService, policy: Policy) {
    this.#directory = directory;
    this.#policy = policy;
  }

  /** Every operator, disabled ones included. */
  async list(caller: Caller): Promise<readonly RegisteredOperator[]> {
    return await this.#search(this.#policy.directory.operators, 'one', caller);
  }

  /** @throws {CaError} `CA_OPERATOR_UNKNOWN`. */
  async find(name: string, caller: Caller): Promise<RegisteredOperator> {
    const found = await translating(() => this.#search(this.#dnOf(name), 'base', caller), {
      DIRECTORY_NO_SUCH_OBJECT: () => unknownOperator(name),
    });
    const [operator] = found;
    if (operator === undefined) {
      throw unknownOperator(name);
    }
    return operator;
  }

  /**
   * Gives an operator another password; recorded. Sessions that there are go on.
   *
   * @throws {CaError} `CA_OPERATOR_UNKNOWN`; `CA_OPERATOR_INVALID` for a password that the policy's rules
   *   refuse, or that was in use before.
   */
  async setPassword(name: string, password: string, caller: Caller): Promise<RegisteredOperator> {
    const operator = await this.find(name, caller);
    const change = {
      operation: 'replace',
      attribute: 'userPassword',
      values: [encodeUtf8(password)],
    } as const;
    await translating(
      () => this.#directory.modify({ dn: operator.dn, changes: [change] }, caller),
      {
        DIRECTORY_CONSTRAINT: ({ message }) => new CaError('CA_OPERATOR_INVALID', message),
      },
    );
    return operator;
  }

  #dnOf(name: string): string {
    return `cn=${escapeValue(name)},${this.#policy.directory.operators}`;
  }

  async #search(
    base: string,
    scope: 'base' | 'one',
    caller: Caller,
  ): Promise<readonly RegisteredOperator[]> {
    const found: RegisteredOperator[] = [];
    const request = {
      base,
      scope,
      filter: operators,
      attributes: ['cn', 'certdirOperatorRole', 'certdirAccountDisabled'],
      typesOnly: false,
      sizeLimit: 0,
      timeLimitMs: 0,
    };
    for await (const entry of this.#directory.search(request, caller)) {
      found.push(readOperator(entry));
    }
    return found;
  }
}

function readOperator({ dn, attributes }: SearchResultEntry): RegisteredOperator {
  const texts = (name: string): readonly string[] =>
    (attributes.find(({ description }) => description === name)?.values ?? []).map(
      (value) => decodeUtf8(value) ?? '',
    );
  return {
    dn,
    name: texts('cn')[0] ?? '',
    roles: texts('certdirOperatorRole'),
    // What is neither true nor false closes an account.
    isDisabled: texts('certdirAccountDisabled').some((text) => text !== 'FALSE'),
  };
}

function unknownOperator(name: string): CaError {
  return new CaError(
    'CA_OPERATOR_UNKNOWN',
    `there is no operator ${name.slice(0, 64)}; certdir operator list shows those that there are`,
  );
}
