/**
 * A CA's lists when it is opened: those that are new in the policy are made, those that were opened since are opened
 * again, and a policy under which a list would change or vanish is refused. Certificates that were issued name their
 * list; it can be closed for new ones, and nothing else.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { Transaction } from '../../store/store.ts';
import { type CaCore, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import type { Scope } from '../policy/scope.ts';
import {
  encodeScopeTerms,
  parseScopeTerms,
  type ScopeTerms,
  termsOf,
} from '../records/partition-record.ts';
import { parseScopeRecord } from '../records/scope-record.ts';
import { markForFilling } from './full-list-filling.ts';
import { addScope } from './scope-entries.ts';
import { openStoredScopes } from './stored-scopes.ts';

const advice =
  'certificates that were issued name it as it was. To have new ones elsewhere, keep it with ' +
  '"closed: true", add another list beside it and let the profiles name that';

/** @throws {CaError} `CA_POLICY_CHANGED`, `CA_RECORD_DAMAGED`. */
export async function settleScopes(core: CaCore): Promise<void> {
  const { scopes, tables, authorities } = core;
  await transactAsOwner(core, 'ca: settle lists', async (transaction) => {
    await openStoredScopes(core, transaction);
    const known = new Set<string>();
    for (const scope of scopes.list) {
      await settleScope(core, transaction, scope);
      known.add(scope.id);
    }
    // Full lists of keys that are retired stay as they are.
    for (const { generation } of authorities.all) {
      for (const { id } of scopes.fullOf(generation)) {
        known.add(id);
      }
    }
    // With their values: the checksum that binds a value to its key tells a damaged name from another one.
    for await (const [key] of transaction.range(tables.scopes)) {
      const id = tables.scopeIdOf(key);
      if (!known.has(id)) {
        throw new CaError(
          'CA_POLICY_CHANGED',
          `the policy no longer has the list ${id}; ${advice}`,
        );
      }
    }
  });
}

async function settleScope(core: CaCore, transaction: Transaction, scope: Scope): Promise<void> {
  const { tables } = core;
  const record = await transaction.read(tables.scope(scope.id));
  if (record === undefined) {
    await addScope(core, transaction, scope);
    if (scope.isFull) {
      markForFilling(core, transaction, scope.id);
    }
    return;
  }
  const { distributionPointDer } = parseScopeRecord(record);
  if (!equalBytes(distributionPointDer, scope.distributionPoint.der)) {
    throw new CaError(
      'CA_POLICY_CHANGED',
      `the distribution point of ${scope.id} would be another; ${advice}`,
    );
  }
  const bytes = await transaction.read(tables.scopeTerms(scope.id));
  const now = termsOf(scope);
  if (bytes === undefined) {
    // Lists from before terms were kept: the policy of their last start is theirs.
    transaction.put(tables.scopeTerms(scope.id), encodeScopeTerms(now));
    return;
  }
  const before = parseScopeTerms(bytes);
  const changed = (Object.keys(before) as (keyof ScopeTerms)[]).filter(
    (name) => before[name] !== now[name],
  );
  if (changed.length > 0) {
    const [name = 'partition'] = changed;
    throw new CaError(
      'CA_POLICY_CHANGED',
      `${name} of the list ${scope.id} was "${before[name]}" and would be "${now[name]}"; ${advice}`,
    );
  }
}
