/**
 * What a client was told over all lives of a data folder, and whether the folder still knows it.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import type { AuditRecord } from '../../src/audit/audit-log.ts';
import { verifyAuditLog } from '../../src/audit/audit-verification.ts';
import { readArchived } from '../../src/ca/records/scope-state.ts';
import { formatHex } from '../../src/core/bytes.ts';
import { CrlReason, type CrlReasonName } from '../../src/x509/crl-extensions.ts';
import type { KillReport } from './kill-acts.ts';
import type { StoppedInstance } from './stopped-instance.ts';

interface Issued {
  readonly sha256: string;
  /** Asked for and not answered yet, or answered. */
  revocation?: { readonly reason: string; readonly isAnswered: boolean };
}

interface Written {
  /** What the last answer said; undefined: not there. */
  answered: string | undefined;
  /** What was asked for behind it and not answered. */
  asked?: { readonly description: string | undefined };
}

export interface LedgerCounts {
  readonly issued: number;
  readonly revoked: number;
  readonly published: number;
  readonly written: number;
}

export class KillLedger {
  readonly #certificates = new Map<string, Issued>();
  /** SHA-256 of each list by scope and number, as `scope/number`. */
  readonly #lists = new Map<string, string>();
  /** The highest number that anyone has seen. */
  readonly #numbers = new Map<string, bigint>();
  readonly #entries = new Map<string, Written>();
  #writtenCount = 0;
  #lastRecord: AuditRecord | undefined;

  get counts(): LedgerCounts {
    const answered = [...this.#certificates.values()].filter((one) => one.revocation?.isAnswered);
    return {
      issued: this.#certificates.size,
      revoked: answered.length,
      published: this.#lists.size,
      written: this.#writtenCount,
    };
  }

  /** Certificates that nobody has asked to revoke. */
  get revocable(): readonly string[] {
    return [...this.#certificates]
      .filter(([, { revocation }]) => revocation === undefined)
      .map(([serialNumber]) => serialNumber);
  }

  /** Takes down what a worker says. */
  note(report: KillReport): void {
    switch (report.kind) {
      case 'issued':
        assert.ok(!this.#certificates.has(report.serialNumber), 'a serial number twice');
        this.#certificates.set(report.serialNumber, { sha256: report.sha256 });
        break;
      case 'revoking':
      case 'revoked':
        this.#certificate(report.serialNumber).revocation = {
          reason: report.reason,
          isAnswered: report.kind === 'revoked',
        };
        break;
      case 'published':
        this.#noteList(report.scope, BigInt(report.number), report.sha256);
        break;
      case 'writing': {
        const written = this.#entries.get(report.dn) ?? { answered: undefined };
        this.#entries.set(report.dn, { ...written, asked: { description: report.description } });
        break;
      }
      case 'written':
        this.#entries.set(report.dn, { answered: report.description });
        this.#writtenCount += 1;
        break;
      case 'fault':
        assert.fail(report.message);
        break;
      case 'serving':
        break;
    }
  }

  /** Compares with what the folder has after a kill; what was left open is settled by it. */
  async verify(instance: StoppedInstance): Promise<void> {
    await this.#verifyAuditLog(instance);
    for (const [serialNumber, issued] of this.#certificates) {
      await verifyCertificate(instance, serialNumber, issued);
    }
    await this.#verifyLists(instance);
    for (const [dn, written] of this.#entries) {
      await verifyEntry(instance, dn, written);
    }
  }

  #certificate(serialNumber: string): Issued {
    const issued = this.#certificates.get(serialNumber);
    assert.ok(issued !== undefined, `${serialNumber} was issued`);
    return issued;
  }

  #noteList(scope: string, number: bigint, sha256: string): void {
    const highest = this.#numbers.get(scope) ?? 0n;
    assert.ok(number > highest, `list ${number} of ${scope} after ${highest}`);
    this.#numbers.set(scope, number);
    this.#lists.set(`${scope}/${number}`, sha256);
  }

  /** The log verifies, and has grown out of the one that was there before. */
  async #verifyAuditLog({ audit, store }: StoppedInstance): Promise<void> {
    const snapshot = store.snapshot();
    try {
      const { size } = await verifyAuditLog(snapshot);
      const from = this.#lastRecord?.sequence ?? 0n;
      assert.ok(size > from, `the log has ${size} records, and had more than ${from}`);
      let isFirst = true;
      for await (const record of audit.records(snapshot, from)) {
        if (isFirst && this.#lastRecord !== undefined) {
          assert.deepEqual(record, this.#lastRecord, 'the record that was the last one');
        }
        isFirst = false;
        this.#lastRecord = record;
      }
    } finally {
      await snapshot.close();
    }
  }

  async #verifyLists(instance: StoppedInstance): Promise<void> {
    await instance.reading(async (view) => {
      for (const [name, sha256] of this.#lists) {
        const [scopeId = '', number = ''] = name.split('/');
        const place = { scopeId, number: BigInt(number) };
        const list = await readArchived(view, instance.tables, place);
        assert.equal(list && formatHex(list.sha256), sha256, `list ${name}`);
      }
    });
    for (const { scope, published } of (await instance.ca.status()).lists) {
      const highest = this.#numbers.get(scope.id) ?? 0n;
      assert.ok(published !== undefined && published.number >= highest, `${scope.id}: ${highest}`);
      if (published.number > highest) {
        // Out, though its answer was lost: it may not change or come again either.
        this.#noteList(scope.id, published.number, formatHex(published.sha256));
      }
    }
  }
}

async function verifyCertificate(
  { ca }: StoppedInstance,
  serialNumber: string,
  issued: Issued,
): Promise<void> {
  const found = await ca.findCertificate(BigInt(`0x${serialNumber}`));
  assert.ok(found !== undefined, `certificate ${serialNumber} is lost`);
  assert.equal(createHash('sha256').update(found.der).digest('hex'), issued.sha256);
  const { revocation } = issued;
  if (revocation === undefined || !revocation.isAnswered) {
    assert.ok(
      found.state === 'good' || revocation !== undefined,
      `${serialNumber}: ${found.state}`,
    );
    if (found.state === 'good') {
      delete issued.revocation;
      return;
    }
  }
  assert.equal(found.state, 'revoked', `the revocation of ${serialNumber} is lost`);
  assert.equal(found.status?.reason, CrlReason[revocation?.reason as CrlReasonName]);
  issued.revocation = { reason: revocation?.reason ?? '', isAnswered: true };
}

async function verifyEntry(instance: StoppedInstance, dn: string, written: Written): Promise<void> {
  const entry = await instance.readEntry(dn);
  const [value] =
    entry?.attributes.find(({ description }) => description === 'description')?.values ?? [];
  const found = value === undefined ? undefined : Buffer.from(value).toString('utf8');
  const allowed = [
    written.answered,
    ...(written.asked === undefined ? [] : [written.asked.description]),
  ];
  assert.ok(allowed.includes(found), `${dn}: ${found}, not ${allowed.join(' or ')}`);
  written.answered = found;
  delete written.asked;
}
