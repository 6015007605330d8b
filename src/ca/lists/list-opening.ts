/**
 * Into which of a family of numbered lists a certificate goes (secom 2.6.1: CRL1, CRL2, … CRLn), and opening the next
 * one. That happens ahead of need, so that its first list is out before a certificate names it: a list too long for a
 * while is better than a certificate whose list nobody finds.
 *
 * @module
 */

import { formatError } from '../../core/errors.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import type { CaCore } from '../ca-core.ts';
import type { ListCapacity } from '../policy/policy.ts';
import type { Scope } from '../policy/scope.ts';
import {
  encodeNumberedState,
  type NumberedState,
  parseNumberedState,
} from '../records/partition-record.ts';
import { readScopeRecord } from '../records/scope-state.ts';
import { addScope } from './scope-entries.ts';

/** A list that is so full has the next one opened. */
const OPENS_NEXT_AT = 0.9;

const atFirst: NumberedState = { open: 1, certificates: 0 };

/**
 * The list that a certificate goes into, in the transaction that reserves its serial number: of numbered lists the one
 * that is open, which counts it; any other as it is.
 *
 * @param scope What `Scopes.of` says.
 */
export async function assignScope(
  core: CaCore,
  transaction: Transaction,
  scope: Scope,
): Promise<Scope> {
  const { definition } = scope;
  const { tables, scopes } = core;
  if (definition.partition !== 'count') {
    return scope;
  }
  let state = await readNumbered(core, transaction, definition.id);
  let current = scopes.numbered(definition, state.open);
  const next = scopes.numbered(definition, state.open + 1);
  const fill = await fillOf(core, transaction, { scope: current, state });
  const nextBytes = await transaction.read(tables.scope(next.id));
  const withThis = { ...state, certificates: state.certificates + 1 };
  const nextFill = await fillOf(core, transaction, { scope: current, state: withThis });
  if (nextFill >= OPENS_NEXT_AT && nextBytes === undefined) {
    await openScope(core, transaction, next);
  }
  if (fill >= 1 && nextBytes !== undefined && (await isOut(core, transaction, next))) {
    state = { open: state.open + 1, certificates: 0 };
    current = next;
  }
  const counted = { ...state, certificates: state.certificates + 1 };
  transaction.put(tables.numbered(definition.id), encodeNumberedState(counted));
  return current;
}

/** Makes a list and, once that is durable, has everyone know it. */
export async function openScope(
  core: CaCore,
  transaction: Transaction,
  scope: Scope,
): Promise<void> {
  const { store, tables, scopes } = core;
  await addScope(core, transaction, scope);
  transaction.onSettled(() => {
    const snapshot = store.snapshot();
    // Refused or lost, it is not there.
    Promise.resolve(snapshot.read(tables.scope(scope.id)))
      .then((bytes) => (bytes === undefined ? undefined : scopes.open(scope)))
      .catch((error: unknown) =>
        core.log.error('a list was not opened', { scope: scope.id, error: formatError(error) }),
      )
      .finally(() => snapshot.close());
  });
}

async function readNumbered(
  { tables }: Pick<CaCore, 'tables'>,
  view: ReadView,
  definitionId: string,
): Promise<NumberedState> {
  const bytes = await view.read(tables.numbered(definitionId));
  return bytes === undefined ? atFirst : parseNumberedState(bytes);
}

/** How full a list is: 1 and more when certificates go to the next one. */
async function fillOf(
  { tables }: CaCore,
  view: ReadView,
  { scope, state }: { readonly scope: Scope; readonly state: NumberedState },
): Promise<number> {
  const { certificates, entries }: ListCapacity = scope.definition.opens ?? {};
  const { acknowledgedSequence } = await readScopeRecord(view, tables, scope.id);
  return Math.max(
    certificates === undefined ? 0 : state.certificates / certificates,
    entries === undefined ? 0 : Number(acknowledgedSequence) / entries,
  );
}

async function isOut({ tables }: CaCore, view: ReadView, scope: Scope): Promise<boolean> {
  return (await readScopeRecord(view, tables, scope.id)).published !== undefined;
}
