/**
 * The entries of the directory that the engine keeps: the CA's own, and a distribution point for each
 * list that does not lie in it.
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import type { ManagedEntryDraft } from '../../directory/changes/managed-entries.ts';
import type { AttributeValues } from '../../directory/service.ts';
import type { Transaction } from '../../store/store.ts';
import type { CaParts } from '../ca-core.ts';
import type { Policy } from '../policy/policy.ts';
import type { Scope } from '../policy/scope.ts';
import { encodeScopeTerms, termsOf } from '../records/partition-record.ts';
import { encodeScopeRecord } from '../records/scope-record.ts';

/** The CA's entry: `pkiCA` on whatever the base tree made it. */
export function managedAuthorityEntry({ id, names }: Policy): ManagedEntryDraft {
  return { dn: names.issuer, manager: id, attributes: [textValues('objectClass', 'pkiCA')] };
}

/** Makes the record of a list and, where it has one of its own, its entry. */
export async function addScope(
  { entries, policy, tables }: CaParts,
  transaction: Transaction,
  scope: Scope,
): Promise<void> {
  if (scope.definition.distributionPoint !== undefined) {
    await entries.ensureEntry(transaction, distributionPointEntry(scope, policy));
  }
  transaction.put(tables.scopeTerms(scope.id), encodeScopeTerms(termsOf(scope)));
  transaction.put(
    tables.scope(scope.id),
    encodeScopeRecord({
      distributionPointDer: scope.distributionPoint.der,
      lastNumber: 0n,
      acknowledgedSequence: 0n,
      liveEntries: 0,
    }),
  );
}

/** RFC 4523 §5.2; the naming value is added by the directory. */
function distributionPointEntry(scope: Scope, { id }: Policy): ManagedEntryDraft {
  const { municipality, value } = scope;
  const code = municipality === undefined && value === undefined ? undefined : scope.id;
  return {
    dn: scope.dn,
    manager: id,
    attributes:
      code === undefined
        ? [textValues('objectClass', 'cRLDistributionPoint')]
        : [
            textValues('objectClass', 'cRLDistributionPoint', 'certdirPartition'),
            textValues('certdirPartitionCode', code),
            textValues('description', municipality?.kanji ?? value ?? code),
          ],
  };
}

function textValues(description: string, ...texts: readonly string[]): AttributeValues {
  return { description, values: texts.map(encodeUtf8) };
}
