/**
 * Opening the CA of a policy: its record, its key and its lists. What does not fit what the CA was made with
 * is refused before anything is signed.
 *
 * @module
 */

import type { AuditLog } from '../audit/audit-log.ts';
import { encodeUtf8, equalBytes, formatHex } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { formatError, isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { RandomSource } from '../core/random.ts';
import type { Directory } from '../directory/directory.ts';
import { isPassing } from '../signing/errors.ts';
import type { Signer } from '../signing/signer.ts';
import type { ReadView, Store } from '../store/store.ts';
import { nameFromText } from '../x509/name.ts';
import { Authorities, type Authority } from './authorities.ts';
import { type CaCore, type CaParts, reading } from './ca-core.ts';
import { absentVault, type DeliveryVault } from './delivery/delivery-vault.ts';
import { CaError } from './errors.ts';
import { assertKeyInToken } from './generations/authority-key.ts';
import { fillFullLists } from './lists/full-list-filling.ts';
import { settleScopes } from './lists/scope-settling.ts';
import { legacyWarnings } from './policy/legacy-algorithms.ts';
import type { Policy } from './policy/policy.ts';
import { compileProfiles } from './policy/profile.ts';
import { Scopes } from './policy/scope.ts';
import { type AuthorityRecord, parseAuthorityRecord } from './records/authority-record.ts';
import { CaTables } from './records/ca-tables.ts';
import { settleIndexes } from './records/index-layout.ts';
import { settleLedgers } from './records/list-layout.ts';
import { ServiceState } from './service-state.ts';

export interface CertificateAuthorityOptions {
  readonly policy: Policy;
  /** Of all CAs in the store, this one's included; it is alone when they are left out. */
  readonly policies?: readonly Pick<Policy, 'id'>[];
  readonly store: Store;
  readonly directory: Directory;
  /** Active while certificates are issued and lists are published. */
  readonly signer: Signer;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  /** Where keys and files for subscribers lie; none are made where it is left out. */
  readonly vault?: DeliveryVault;
}

const OWNER_OCTETS = 16;

/** What the engine works with, from a policy and what it rests on. */
export function prepare(options: CertificateAuthorityOptions): CaParts {
  const { policy, directory, random } = options;
  return {
    ...options,
    entries: directory.managed,
    neighbours: (options.policies ?? [policy]).map(({ id }) => id),
    accounts: directory.accounts,
    log: options.log.with({ component: 'ca' }),
    vault: options.vault ?? absentVault,
    tables: new CaTables(policy.id),
    scopes: new Scopes(policy),
    profiles: compileProfiles(policy),
    ownerId: formatHex(random.bytes(OWNER_OCTETS)),
  };
}

/** Other processes that had opened this CA are refused from now on. */
export async function claimOwnership({ store, tables, ownerId }: CaParts): Promise<void> {
  await store.transact('ca: claim ownership', (transaction) => {
    transaction.put(tables.owner, encodeUtf8(ownerId));
    return Promise.resolve();
  });
}

/**
 * The CA as the store has it, with lists that are new in the policy made.
 *
 * @throws {CaError} `CA_MISSING`, `CA_POLICY_CHANGED`, `CA_KEY_MISMATCH`, `CA_RECORD_DAMAGED`.
 */
export async function openCore(parts: CaParts): Promise<CaCore> {
  const record = await reading(parts.store, (view) => readAuthorityRecord(view, parts));
  const authorities = new Authorities(record);
  const service = await reading(parts.store, (view) => ServiceState.open(view, parts.tables));
  const core: CaCore = {
    ...parts,
    authorities,
    service,
    get authority() {
      return authorities.current;
    },
  };
  assertSameName(core);
  assertLegacyMeant(core);
  for (const authority of authorities.alive) {
    await assertSameKey(core, authority);
  }
  await settleIndexes(core);
  await settleScopes(core);
  await settleLedgers(
    core,
    core.scopes.list.map(({ id }) => id),
  );
  await fillFullLists(core);
  return core;
}

async function readAuthorityRecord(
  view: ReadView,
  { tables, policy }: CaParts,
): Promise<AuthorityRecord> {
  const bytes = await view.read(tables.authority);
  if (bytes === undefined) {
    throw new CaError('CA_MISSING', `the store holds no CA of the policy ${policy.id}`);
  }
  return parseAuthorityRecord(bytes);
}

function assertSameName({ authority, policy }: CaCore): void {
  const { issuer, printable } = policy.names;
  if (!equalBytes(nameFromText(issuer, { printable }).der, authority.reference.name.der)) {
    throw new CaError(
      'CA_POLICY_CHANGED',
      'names.issuer is not the name in the CA certificate; a CA keeps its name',
    );
  }
}

/** SHA-1 is said out loud in the policy for as long as a key signs with it. */
function assertLegacyMeant({ authorities, policy, log }: CaCore): void {
  const legacy = authorities.alive.find(({ algorithm }) => algorithm.digest === 'sha1');
  if (legacy !== undefined && !policy.allowLegacyAlgorithms) {
    throw new CaError(
      'CA_POLICY_CHANGED',
      `key ${legacy.generation} signs with SHA-1: allowLegacyAlgorithms stays true in the policy until the key is gone`,
    );
  }
  for (const warning of legacyWarnings(policy)) {
    log.warn('the policy allows legacy algorithms', { policy: policy.id, warning });
  }
}

/** An older key that the token has lost, or one that was destroyed after its last lists, is no reason to stop the one that issues. */
async function assertSameKey(
  { signer, log, service }: CaCore,
  authority: Authority,
): Promise<void> {
  const { keyLabel, state, generation } = authority;
  try {
    await assertKeyInToken(signer, authority);
  } catch (error) {
    if (!isTokenAway(error)) {
      if (state === 'current' && !service.isClosing(generation)) {
        throw error;
      }
      log.error('an older key of the CA cannot sign', { keyLabel, error: formatError(error) });
      return;
    }
    log.warn('the token is away: nothing can be signed until it is back', { keyLabel });
  }
}

/** True for errors that say the token is away for now, not that something is wrong. */
function isTokenAway(error: unknown): boolean {
  return isPassing(error) || (isCertdirError(error) && error.code === 'SIGNING_NOT_ACTIVE');
}
