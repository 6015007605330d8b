/**
 * Whether everything that a CA has stored and published fits together, found out from one state of the
 * store alone: what holds after any sequence of operations, restarts and failures. Reads only; needs
 * neither the token nor an open CA, so that it can say what is wrong with one that does not open.
 *
 * Not here: the checksums of values (`store`), the audit tree (`audit`).
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Authority, readAuthority } from '../authorities.ts';
import { readCounters } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { openStoredScopes } from '../lists/stored-scopes.ts';
import { Scopes } from '../policy/scope.ts';
import { type AuthorityRecord, parseAuthorityRecord } from '../records/authority-record.ts';
import { CaTables } from '../records/ca-tables.ts';
import { INDEX_LAYOUT } from '../records/index-layout.ts';
import { LEDGER_LAYOUT } from '../records/list-layout.ts';
import { findCertificateFaults, type RevokedByScope } from './certificate-consistency.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  type ConsistencySubject,
  type ConsistencyTally,
  faultOf,
  inconsistent,
} from './consistency-fault.ts';
import { findCrossFaults } from './cross-consistency.ts';
import { findGenerationFaults } from './generation-consistency.ts';
import { findListFaults } from './list-consistency.ts';
import { findRequestFaults } from './request-consistency.ts';

/** Certificates or lists between two turns of other work. */
const STEPS_PER_TURN = 32;

/**
 * Looks for faults, the keys first, then the register of certificates, then list by list.
 *
 * @param onStep Told from time to time what was looked at; `tally` holds the counts at the end.
 */
export async function* findInconsistencies(
  subject: ConsistencySubject,
  { tally, onStep = () => undefined }: { readonly tally: ConsistencyTally; onStep?: () => void },
): AsyncGenerator<ConsistencyFault, void, undefined> {
  let record: AuthorityRecord;
  let authorities: readonly Authority[];
  try {
    record = await readRecord(subject);
    authorities = readAuthorities(record);
  } catch (error) {
    // Nothing can be verified without the CA's certificate.
    yield faultOf('authority', error);
    return;
  }
  tally.generations = authorities.length;
  let steps = 0;
  const context: ConsistencyContext = {
    ...subject,
    tables: new CaTables(subject.policy.id),
    scopes: new Scopes(subject.policy),
    authorities,
    hasIndexes: record.layout >= INDEX_LAYOUT,
    hasLedgers: record.layout >= LEDGER_LAYOUT,
    tally,
    step: async () => {
      steps += 1;
      if (steps % STEPS_PER_TURN === 0) {
        onStep();
        await nextTurn();
      }
    },
  };
  const alive = authorities.filter(({ state }) => state === 'current' || state === 'retiring');
  await openStoredScopes({ ...context, authorities: { alive } }, context.view);
  yield* naming('authority', findGenerationFaults(context, record));
  const revoked: RevokedByScope = new Map();
  yield* naming('certificates', findCertificateFaults(context, revoked));
  yield* naming('requests', findRequestFaults(context));
  yield* naming('cross', findCrossFaults(context));
  /** Undefined when a list could not be looked at to the end. */
  let liveEntries: number | undefined = 0;
  for (const scope of context.scopes.list) {
    let live: number | undefined;
    const found = findListFaults(context, scope, revoked.get(scope.id) ?? new Map());
    yield* naming(scope.id, found, (count) => {
      live = count;
    });
    liveEntries = live === undefined || liveEntries === undefined ? undefined : liveEntries + live;
  }
  yield* naming('counters', checkCounters(context, liveEntries));
}

/** @throws {CaError} `CA_MISSING`, `CA_RECORD_DAMAGED`. */
async function readRecord({ policy, view }: ConsistencySubject): Promise<AuthorityRecord> {
  const bytes = await view.read(new CaTables(policy.id).authority);
  if (bytes === undefined) {
    throw new CaError('CA_MISSING', `the store holds no CA of the policy ${policy.id}`);
  }
  return parseAuthorityRecord(bytes);
}

/** @throws {X509Error} for a certificate of the CA that cannot be read. */
function readAuthorities(record: AuthorityRecord): Authority[] {
  return record.generations.map(readAuthority);
}

async function* checkCounters(
  { view, tables, tally }: ConsistencyContext,
  liveEntries: number | undefined,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const counted = await readCounters(view, tables);
  const rows = [
    ['certificates issued', counted.issued, tally.certificates],
    ['certificates revoked', counted.revoked, tally.revoked],
    ['entries that lists must carry', counted.liveEntries, liveEntries ?? counted.liveEntries],
  ] as const;
  for (const [what, count, found] of rows) {
    if (count !== found) {
      yield inconsistent('counters', `${count} ${what} are counted, ${found} are on record`);
    }
  }
}

/** What a part finds; an error that ends it is one more fault. */
async function* naming<T>(
  subject: string,
  faults: AsyncGenerator<ConsistencyFault, T, undefined>,
  onResult: (result: T) => void = () => undefined,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  try {
    onResult(yield* faults);
  } catch (error) {
    yield faultOf(subject, error);
  }
}
