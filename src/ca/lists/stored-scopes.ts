/**
 * Lists that the policy alone does not tell of, because they were opened as certificates were issued and keys renewed.
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import type { Authority } from '../authorities.ts';
import type { Policy } from '../policy/policy.ts';
import type { Scopes } from '../policy/scope.ts';
import type { CaTables } from '../records/ca-tables.ts';

/** Opens those that the store has, numbered ones in their order, and the full ones of keys in use. */
export async function openStoredScopes(
  {
    scopes,
    tables,
    policy,
    authorities,
  }: {
    readonly scopes: Scopes;
    readonly tables: CaTables;
    readonly policy: Pick<Policy, 'crl'>;
    readonly authorities: { readonly alive: readonly Pick<Authority, 'generation'>[] };
  },
  view: ReadView,
): Promise<void> {
  for (const definition of policy.crl.scopes.filter(({ partition }) => partition === 'count')) {
    for (let number = 2; ; number += 1) {
      const scope = scopes.numbered(definition, number);
      if ((await view.read(tables.scope(scope.id))) === undefined) {
        break;
      }
      scopes.open(scope);
    }
  }
  scopes.followGenerations(authorities.alive.map(({ generation }) => generation));
}
