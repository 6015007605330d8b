/**
 * Which passwords end, and when: for those who must see to it before somebody stands at a closed door.
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import type { DirectoryCore } from '../directory-core.ts';
import { Entry } from '../entries/entry.ts';
import type { Filter } from '../filters/filter.ts';
import { Dn } from '../names/dn.ts';
import type { SearchRequest, SearchResultEntry } from '../service.ts';
import { isUsable } from './account.ts';
import { passwordEndMs } from './password-ageing.ts';

/** An account whose password holds for a time. */
export interface PasswordEnd {
  /** The entry's name as it was given. */
  readonly dn: string;
  readonly account: 'operator' | 'verifier';
  readonly endMs: number;
}

const hasClass = (name: string): Filter => ({
  kind: 'equality',
  attribute: 'objectClass',
  value: encodeUtf8(name),
});

const isAccount: Filter = {
  kind: 'or',
  filters: [hasClass('certdirOperator'), hasClass('certdirVerifier')],
};

/**
 * Accounts that may bind now and whose passwords age under the policy, in the order of names.
 *
 * @param search A search as the program itself.
 */
export async function readPasswordEnds(
  core: DirectoryCore,
  search: (request: SearchRequest) => AsyncIterable<SearchResultEntry>,
): Promise<readonly PasswordEnd[]> {
  const { types, passwordsOf, policy, suffixes, clock } = core;
  if (policy.realms.all.every(({ passwords }) => passwords.ageing === undefined)) {
    return [];
  }
  const wanted = [
    types.userPassword,
    types.passwordChanged,
    types.createTimestamp,
    types.operatorRole,
    types.verifierKind,
    types.accountDisabled,
    types.agreementNotBefore,
    types.agreementNotAfter,
  ];
  const ends: PasswordEnd[] = [];
  for (const suffix of suffixes) {
    const found = search({
      base: suffix.format(),
      scope: 'subtree',
      filter: isAccount,
      attributes: wanted.map(({ name }) => name),
      typesOnly: false,
      sizeLimit: 0,
      timeLimitMs: 0,
      manageDsaIt: true,
    });
    for await (const result of found) {
      const entry = entryOf(result, core);
      const endMs = passwordEndMs(entry, types, passwordsOf(entry.key));
      if (endMs !== undefined && isUsable(entry, types, clock.nowMs())) {
        const isOperator = entry.attribute(types.operatorRole) !== undefined;
        ends.push({ dn: result.dn, account: isOperator ? 'operator' : 'verifier', endMs });
      }
    }
  }
  return ends;
}

function entryOf({ dn, attributes }: SearchResultEntry, { schema }: DirectoryCore): Entry {
  return new Entry(
    dn,
    Dn.parse(dn, schema).key,
    attributes.flatMap(({ description, values }) => {
      const type = schema.attributeType(description);
      return type === undefined ? [] : [{ type, options: [], values }];
    }),
  );
}
