/**
 * After a restore: what is known of the lists in use is taken in, and the CA signs again (`recovery-hold.ts`). Lists
 * that were published after the backup was made have numbers that the store does not know, and may carry
 * revocations that it has lost.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import { equalBytes } from '../core/bytes.ts';
import type { ReadView, Transaction } from '../store/store.ts';
import { CrlReason } from '../x509/crl-extensions.ts';
import { type CaCore, reading } from './ca-core.ts';
import { findCertificate } from './certificates/certificate-register.ts';
import { formatSerialNumber } from './certificates/serial-number.ts';
import { CaError } from './errors.ts';
import { type ListReading, readBackList } from './lists/list-facts.ts';
import { hasDelta, type Scope } from './policy/scope.ts';
import { changeServiceRecord } from './procedures/cessation-change.ts';
import { type ListInUse, recoverCessations } from './procedures/cessation-recovery.ts';
import { encodeScopeRecord } from './records/scope-record.ts';
import { readScopeRecord } from './records/scope-state.ts';
import { readWithdrawals } from './records/withdrawal.ts';
import { noteGap, readHold, releaseSigning } from './recovery-hold.ts';

/** What was found to be in use. */
export interface PublishedMarks {
  /** Lists as they were read back, in DER. */
  readonly lists: readonly Uint8Array[];
  /** The highest numbers in use, where there is no list to read back. */
  readonly numbers: readonly { readonly scopeId: string; readonly number: bigint }[];
  /** Of every other list none is in use that the store does not know. */
  readonly coversRest: boolean;
  /** Goes on although lists carry revocations that the store does not have. */
  readonly acceptsMissing: boolean;
  /** A checkpoint of the audit log that was kept outside the store was looked at. */
  readonly hasCheckpoint: boolean;
  /** SHA-256 of the one that the log contradicts. */
  readonly contradicting?: string | undefined;
}

/** A revocation that a list in use carries, and the store does not have. */
export interface MissingRevocation {
  readonly scopeId: string;
  readonly serialNumber: string;
  /** False for a certificate issued after the backup was made. */
  readonly isKnown: boolean;
}

export interface RecoveryReport {
  /** Lists whose next number was moved. */
  readonly moved: readonly {
    readonly scopeId: string;
    readonly from: bigint;
    readonly to: bigint;
  }[];
  readonly missing: readonly MissingRevocation[];
}

/**
 * Takes note of the lists in use and lets the CA sign again: each list's next number is above all that are known.
 *
 * @throws {CaError} `CA_RECOVERY_NONE` when nothing is held back, `CA_RECOVERY_INCOMPLETE` when a list is not
 *   accounted for or carries revocations that the store does not have, `CA_RECOVERY_FOREIGN` when one is not of
 *   this CA, `CA_SCOPE_UNKNOWN`. Then nothing has changed.
 */
export async function confirmRecovery(
  core: CaCore,
  marks: PublishedMarks,
  origin: AuditOrigin,
): Promise<RecoveryReport> {
  const numbers = new Map<string, bigint>();
  const read = marks.lists.map((der) => readPublished(core, der));
  const open = marks.coversRest ? [] : await findOpen(core, marks, read);
  const note = (scope: Scope, number: bigint): void => {
    numbers.set(
      scope.id,
      number > (numbers.get(scope.id) ?? 0n) ? number : (numbers.get(scope.id) ?? 0n),
    );
  };
  for (const { scopeId, number } of marks.numbers) {
    note(core.scopes.find(scopeId), number);
  }
  for (const { scope, number } of read) {
    note(scope, number);
  }
  if (open.length > 0) {
    const names = open.slice(0, 5);
    throw new CaError(
      'CA_RECOVERY_INCOMPLETE',
      `${open.length} lists are not accounted for: ${names.join(', ')}${open.length > names.length ? ', …' : ''}. Give ` +
        'them with --list or --number, or say --none-newer',
    );
  }
  if (!marks.hasCheckpoint && !marks.coversRest) {
    throw new CaError(
      'CA_RECOVERY_INCOMPLETE',
      'the audit log is not accounted for. Give the last checkpoint that somebody has kept with --checkpoint, or say ' +
        '--none-newer',
    );
  }
  return await changeServiceRecord(core, 'ca: confirm recovery', async (transaction, before) => {
    if ((await readHold(transaction, core.policy.id)) === undefined) {
      throw new CaError('CA_RECOVERY_NONE', 'nothing is held back: the store was not restored');
    }
    const record = recoverCessations(core, before, read);
    // Whatever is valid of a compromised key is revoked without being named.
    const passed = new Set(
      record.cessations.flatMap(({ kind, phase, generation }) =>
        kind === 'compromise' && phase !== 'suspended' && phase !== 'withdrawn' ? [generation] : [],
      ),
    );
    const missing = await findMissing(core, transaction, { read, passed });
    if (missing.length > 0 && !marks.acceptsMissing) {
      const shown = missing
        .slice(0, 20)
        .map(({ serialNumber, isKnown }) =>
          isKnown ? serialNumber : `${serialNumber} (unknown certificate)`,
        );
      throw new CaError(
        'CA_RECOVERY_INCOMPLETE',
        `${missing.length} revocations of lists in use are not in the store: ${shown.join(', ')}. Revoke them ` +
          '(certdir ca revoke), then confirm again; --accept-missing goes on without those that are left',
      );
    }
    const moved = await moveNumbers(core, transaction, numbers);
    const { policy, neighbours } = core;
    const release = { policyId: policy.id, all: neighbours };
    await releaseSigning(transaction, release, marks.contradicting);
    await core.audit.append(transaction, {
      kind: 'recovery.confirm',
      result: 'done',
      origin,
      subject: core.policy.id,
      ...(marks.contradicting === undefined ? {} : { before: marks.contradicting }),
      details: {
        moved: moved.length,
        lists: read.length,
        missing: missing.length,
        hasCheckpoint: marks.hasCheckpoint,
        ...(record === before
          ? {}
          : { cessations: record.cessations.map(({ id }) => id).join(' ') }),
      },
    });
    return { record, result: { moved, missing } };
  });
}

interface ReadList extends ListInUse {
  readonly scope: Scope;
  readonly number: bigint;
  readonly isDelta: boolean;
  /** Those of `serialNumbers` that are held. */
  readonly held: ReadonlySet<bigint>;
  /** What a delta list says was held and is not any more. */
  readonly released: ReadonlySet<bigint>;
}

/**
 * Lists of which it is not known whether newer ones are in use, for people. Delta lists have their numbers from the same
 * sequence as full ones (RFC 5280 §5.2.3), and each kind tells nothing of the other's last.
 */
async function findOpen(
  core: CaCore,
  { numbers }: PublishedMarks,
  read: readonly ReadList[],
): Promise<readonly string[]> {
  const named = new Set(numbers.map(({ scopeId }) => core.scopes.find(scopeId).id));
  const isRead = (id: string, isDelta: boolean): boolean =>
    read.some((list) => list.scope.id === id && list.isDelta === isDelta);
  const open: string[] = [];
  await reading(core.store, async (view) => {
    for (const scope of core.scopes.list.filter(({ id }) => !named.has(id))) {
      const { delta } = await readScopeRecord(view, core.tables, scope.id);
      if (!isRead(scope.id, false)) {
        open.push(scope.id);
      } else if ((hasDelta(scope, core.policy) || delta !== undefined) && !isRead(scope.id, true)) {
        open.push(`the delta list of ${scope.id}`);
      }
    }
  });
  return open;
}

function readPublished(core: CaCore, der: Uint8Array): ReadList {
  const { list, facts, generation } = readSigned(core, der);
  const point = facts.distributionPoint;
  const name = point?.nameDer;
  // One without a distribution point is about everything that its key has signed.
  const scope = core.scopes.list.find((one) => {
    if (point === undefined) {
      return one.isFull && one.generation === generation;
    }
    const isSaid = name !== undefined && equalBytes(one.distributionPoint.der, name);
    const isIt = one.isNamed ? isSaid : !point.hasName;
    return !one.isFull && isIt && one.onlyContains === point.onlyContains;
  });
  const isOurs =
    facts.isSignatureValid && equalBytes(facts.issuerDer, core.authority.certificate.subject.der);
  if (scope === undefined || facts.number === undefined || !isOurs) {
    throw new CaError(
      'CA_RECOVERY_FOREIGN',
      'a list that was given is not one that this CA has signed',
    );
  }
  const serialNumbers: bigint[] = [];
  const held = new Set<bigint>();
  const released = new Set<bigint>();
  for (const { serialNumber, reason } of list.entries()) {
    if (reason === CrlReason.removeFromCRL) {
      released.add(serialNumber);
      continue;
    }
    serialNumbers.push(serialNumber);
    if (reason === CrlReason.certificateHold) {
      held.add(serialNumber);
    }
  }
  const { number, nextUpdateMs, isDelta } = facts;
  return { scope, number, serialNumbers, held, released, nextUpdateMs, isDelta };
}

/** Under the key that signed it; under the newest when none did. */
function readSigned(
  { authorities, authority }: CaCore,
  der: Uint8Array,
): ListReading & { readonly generation: number } {
  for (const one of authorities.all) {
    const found = readBackList(der, one);
    if (found.facts.isSignatureValid) {
      return { ...found, generation: one.generation };
    }
  }
  return { ...readBackList(der, authority), generation: authority.generation };
}

/** A hold that the store has released since, or a delta list that is in use, is not missed. */
async function findMissing(
  core: CaCore,
  view: ReadView,
  { read, passed }: { readonly read: readonly ReadList[]; readonly passed: ReadonlySet<number> },
): Promise<readonly MissingRevocation[]> {
  const missing = new Map<bigint, MissingRevocation>();
  const nowMs = core.clock.nowMs();
  const lifted = read.flatMap((list) => [...list.released]);
  for (const { scope, serialNumbers, held } of read) {
    const withdrawn = held.size === 0 ? [] : await readWithdrawals(view, core.tables, scope.id);
    const released = new Set(lifted);
    for (const [, serialNumber] of withdrawn) {
      released.add(serialNumber);
    }
    for (const serialNumber of serialNumbers) {
      const isReleased = held.has(serialNumber) && released.has(serialNumber);
      const found = await findCertificate(view, core.tables, { serialNumber, nowMs });
      const isPassed = found !== undefined && passed.has(found.generation);
      if (!isReleased && found?.status === undefined && !isPassed) {
        const name = formatSerialNumber(serialNumber);
        const isKnown = found !== undefined;
        missing.set(serialNumber, { scopeId: scope.id, serialNumber: name, isKnown });
      }
    }
  }
  return [...missing.values()];
}

async function moveNumbers(
  { policy, tables }: CaCore,
  transaction: Transaction,
  numbers: ReadonlyMap<string, bigint>,
): Promise<RecoveryReport['moved']> {
  const moved: { scopeId: string; from: bigint; to: bigint }[] = [];
  for (const [scopeId, number] of numbers) {
    const record = await readScopeRecord(transaction, tables, scopeId);
    if (number > record.lastNumber) {
      transaction.put(tables.scope(scopeId), encodeScopeRecord({ ...record, lastNumber: number }));
      const gap = { first: record.lastNumber + 1n, last: number };
      noteGap(transaction, { policyId: policy.id, scopeId }, gap);
      moved.push({ scopeId, from: record.lastNumber, to: number });
    }
  }
  return moved;
}
