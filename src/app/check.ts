/**
 * Checks everything that is stored, from one state: each value against its checksum, the journal against its
 * chain, the audit log against
 * its tree, the directory's entries, the CA's records and lists against each other and against the audit log.
 * Works on a store that is being written, and on one whose CA does not open any more.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuditRecord } from '../audit/audit-log.ts';
import { readMarks } from '../audit/audit-state.ts';
import { verifyAuditLog } from '../audit/audit-verification.ts';
import { findContradiction } from '../audit/kept-checkpoint.ts';
import { findInconsistencies } from '../ca/checks/consistency.ts';
import type { ConsistencyTally } from '../ca/checks/consistency-fault.ts';
import type { Policy } from '../ca/policy/policy.ts';
import { formatHex } from '../core/bytes.ts';
import { isCertdirError } from '../core/errors.ts';
import { StoredEntries } from '../directory/entries/stored-entries.ts';
import type { Schema } from '../directory/schema/schema.ts';
import type { CheckFinding, CheckInput, CheckReport, OnProgress } from '../http/operations.ts';
import type { Snapshot, Store } from '../store/store.ts';

export interface CheckSubject {
  readonly store: Store;
  /** Of every CA. */
  readonly policies: readonly Policy[];
  readonly schema: Schema;
  /** Where the last checkpoint of the audit log is kept outside the store. */
  readonly checkpointFile: string;
  readonly nowMs: number;
}

interface AuditHead {
  readonly size: bigint;
  readonly rootHash: Uint8Array;
}

/** More are counted only. */
const MAX_FINDINGS = 1_000;
const KEY_CHARACTERS = 200;
const ENTRIES_PER_TURN = 64;

/** Looks at everything; rejects only when there is nothing that could be looked at. */
export async function checkStore(
  subject: CheckSubject,
  input: CheckInput,
  onProgress: OnProgress,
): Promise<CheckReport> {
  const snapshot = subject.store.snapshot();
  try {
    const check = new Check(subject, snapshot, onProgress);
    return await check.run(input);
  } finally {
    await snapshot.close();
  }
}

const tallied = ['certificates', 'revoked', 'lists', 'generations', 'ownCertificates'] as const;

function nothingCounted(): ConsistencyTally {
  return {
    certificates: 0,
    revoked: 0,
    lists: 0,
    generations: 0,
    ownCertificates: 0,
  };
}

class Check {
  readonly #subject: CheckSubject;
  readonly #snapshot: Snapshot;
  readonly #onProgress: OnProgress;
  readonly #entries: StoredEntries;
  readonly #findings: CheckFinding[] = [];
  /** Of all CAs. */
  readonly #tally: ConsistencyTally = nothingCounted();
  /** Audit records by kind and result. */
  readonly #records = new Map<string, number>();
  #findingCount = 0;
  #rows = 0;
  #entryCount = 0;

  constructor(subject: CheckSubject, snapshot: Snapshot, onProgress: OnProgress) {
    this.#subject = subject;
    this.#snapshot = snapshot;
    this.#onProgress = onProgress;
    this.#entries = new StoredEntries(subject.schema);
  }

  async run({ isDeep, parts }: CheckInput): Promise<CheckReport> {
    await this.#checkValues();
    await this.#checkJournal(isDeep);
    const head = parts === 'all' ? await this.#checkMeaning() : undefined;
    const { certificates, lists } = this.#tally;
    return {
      isSound: this.#findingCount === 0,
      rows: this.#rows,
      auditRecords: head === undefined ? null : head.size.toString(),
      auditRootHash: head === undefined ? null : formatHex(head.rootHash),
      entries: this.#entryCount,
      certificates,
      lists,
      findingCount: this.#findingCount,
      findings: this.#findings,
    };
  }

  async #checkMeaning(): Promise<AuditHead | undefined> {
    const head = await this.#checkAudit();
    await this.#checkEntries();
    for (const policy of this.#subject.policies) {
      await this.#checkAuthority(policy);
    }
    // What is missing from damaged records is no fault of the log.
    if (head !== undefined && !this.#findings.some(({ part }) => part === 'ca')) {
      this.#checkActs();
    }
    return head;
  }

  async #checkJournal(isDeep: boolean): Promise<void> {
    const onProgress = (what: string, done: number): void => this.#tell(what, done);
    const found = this.#snapshot.findJournalDamage({ isDeep, onProgress });
    for await (const { code, key, message } of found) {
      const subject = key.length === 0 ? 'journal' : `0x${formatHex(key).slice(0, KEY_CHARACTERS)}`;
      this.#note({ part: 'store', code, subject, message });
    }
  }

  async #checkValues(): Promise<void> {
    const found = this.#snapshot.findDamage((rows) => {
      this.#rows = rows;
      this.#tell('stored values', rows);
    });
    for await (const { code, key, message } of found) {
      this.#note({
        part: 'store',
        code,
        subject: `0x${formatHex(key).slice(0, KEY_CHARACTERS)}`,
        message,
      });
    }
  }

  /** @returns undefined when the log does not stand. */
  async #checkAudit(): Promise<AuditHead | undefined> {
    try {
      const head = await verifyAuditLog(this.#snapshot, (record) => this.#countRecord(record));
      // Records that were removed after their time are still counted.
      const { prunedKinds } = await readMarks(this.#snapshot);
      for (const [name, count] of Object.entries(prunedKinds)) {
        this.#records.set(name, (this.#records.get(name) ?? 0) + count);
      }
      const set = await findContradiction(this.#snapshot, this.#subject.checkpointFile);
      if (set !== undefined) {
        this.#noteError('audit', 'checkpoint', set.error);
      }
      return head;
    } catch (error) {
      this.#noteError('audit', 'audit log', error);
      return undefined;
    }
  }

  #countRecord({ sequence, kind, result }: AuditRecord): void {
    const name = `${kind} ${result}`;
    this.#records.set(name, (this.#records.get(name) ?? 0) + 1);
    if (sequence % 1_000n === 0n) {
      this.#tell('audit records', Number(sequence));
    }
  }

  async #checkEntries(): Promise<void> {
    const onEntry = async (): Promise<void> => {
      this.#entryCount += 1;
      if (this.#entryCount % ENTRIES_PER_TURN === 0) {
        this.#tell('entries', this.#entryCount);
        await nextTurn();
      }
    };
    try {
      for await (const fault of this.#entries.findFaults(this.#snapshot, onEntry)) {
        this.#note({ part: 'directory', ...fault });
      }
    } catch (error) {
      this.#noteError('directory', 'entries', error);
    }
  }

  async #checkAuthority(policy: Policy): Promise<void> {
    const { nowMs } = this.#subject;
    const subject = {
      policy,
      nowMs,
      view: this.#snapshot,
      publishedValues: (dn: string, attribute: string) =>
        this.#entries.readValues(this.#snapshot, dn, attribute),
    };
    const tally = nothingCounted();
    const onStep = (): void =>
      this.#tell('certificates and lists', tally.certificates + tally.lists);
    try {
      for await (const fault of findInconsistencies(subject, { tally, onStep })) {
        this.#note({ part: 'ca', ...fault });
      }
    } catch (error) {
      this.#noteError('ca', policy.id, error);
    }
    for (const name of tallied) {
      this.#tally[name] += tally[name];
    }
  }

  /** Each certificate, revocation and list is on record in the audit log, once. */
  #checkActs(): void {
    const { certificates, revoked, lists, ownCertificates } = this.#tally;
    const acts = [
      // The CA's own were made with its keys.
      ['certificate.issue', certificates - ownCertificates],
      ['certificate.revoke', revoked],
      ['crl.publish', lists],
    ] as const;
    for (const [kind, count] of acts) {
      const recorded = this.#records.get(`${kind} done`) ?? 0;
      if (recorded !== count) {
        const message = `${recorded} acts are recorded, ${count} have left a trace`;
        this.#note({ part: 'audit', code: 'AUDIT_ACTS_DIFFER', subject: kind, message });
      }
    }
  }

  #tell(what: string, done: number): void {
    this.#onProgress({ done, total: 0, what });
  }

  #noteError(part: CheckFinding['part'], subject: string, error: unknown): void {
    if (!isCertdirError(error)) {
      throw error;
    }
    this.#note({ part, code: error.code, subject, message: error.message });
  }

  #note(finding: CheckFinding): void {
    this.#findingCount += 1;
    if (this.#findings.length < MAX_FINDINGS) {
      this.#findings.push(finding);
    }
  }
}
