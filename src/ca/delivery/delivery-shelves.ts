/**
 * What lies ready for subscribers: finished as it is asked for, and erased when its time has come. What is due follows
 * from the records, so that it may be interrupted anywhere and goes on at the next start.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { CaError } from '../errors.ts';
import { type DeliveryChanges, gone } from './delivery-changes.ts';
import { type DeliveryRecord, isOpen } from './delivery-record.ts';
import { listDeliveries } from './delivery-store.ts';
import { assembleFile } from './key-making.ts';

const DAY_MS = 86_400_000;

export class DeliveryShelves {
  readonly #changes: DeliveryChanges;
  readonly #isUnderWay: (shelf: string) => boolean;
  /** At the start everything is looked at: what a crash has left, and what has become due since. */
  #dueMs = 0;

  /** @param isUnderWay Whether something is just being made for this shelf. */
  constructor(changes: DeliveryChanges, isUnderWay: (shelf: string) => boolean) {
    this.#changes = changes;
    this.#isUnderWay = isUnderWay;
  }

  /** Those of which something is to be done, or all. */
  async *list({ open }: { readonly open: boolean }): AsyncIterable<DeliveryRecord> {
    const { store, tables } = this.#changes.core;
    const snapshot = store.snapshot();
    try {
      yield* listDeliveries(snapshot, tables, { open });
    } finally {
      await snapshot.close();
    }
  }

  /** When `eraseDue` has something to do next, in epoch milliseconds; undefined while nothing is open. */
  get dueMs(): number | undefined {
    return this.#dueMs === Number.POSITIVE_INFINITY ? undefined : this.#dueMs;
  }

  /** The file out of key, certificate and password, as often as it is asked for. */
  async finishFile(record: DeliveryRecord): Promise<DeliveryRecord> {
    const { shelf = '', profile } = record;
    const { vault } = this.#changes.core;
    const terms = this.#changes.termsOf(profile);
    if ((await vault.read(`${shelf}.p12`)) === undefined) {
      const encryptedKey = await vault.read(`${shelf}.key`);
      const password = await vault.read(`${shelf}.pin`);
      if (encryptedKey === undefined || password === undefined || terms === undefined) {
        throw gone(record, 'the file was not finished');
      }
      const { der: certificate, generation } = await this.#changes.certificateOf(record);
      const rounds = terms.rounds;
      const of = { encryptedKey, password, rounds, certificate, generation };
      await vault.put(`${shelf}.p12`, await assembleFile(this.#changes.core, of));
      password.fill(0);
    }
    await vault.erase(`${shelf}.key`);
    // Whoever gave it has it.
    return terms?.password === 'given' && record.password === 'held'
      ? await this.#erasePassword(record)
      : record;
  }

  async #erasePassword(record: DeliveryRecord): Promise<DeliveryRecord> {
    const { vault } = this.#changes.core;
    await vault.erase(`${record.shelf}.pin`);
    return await this.#changes.change(record.serialNumber, async (_transaction, now) => ({
      ...now,
      password: 'erased',
    }));
  }

  async packageOf(record: DeliveryRecord): Promise<Uint8Array> {
    const { clock, vault } = this.#changes.core;
    const isOver = record.eraseMs !== undefined && record.eraseMs <= clock.nowMs();
    if (record.key !== 'held' || isOver) {
      throw gone(record, record.key === 'none' ? 'no key was made with it' : 'it was erased');
    }
    if (record.form === 'pkcs12') {
      await this.finishFile(record);
    }
    const bytes = await vault.read(`${record.shelf}.${record.form === 'card' ? 'key' : 'p12'}`);
    if (bytes === undefined) {
      throw gone(record, 'it is not in the folder for deliveries (restored from a backup?)');
    }
    return bytes;
  }

  /**
   * Erases what is due: what was fetched, received or discarded, what nobody came for, what belongs to a certificate that
   * was revoked or has ended, and what no delivery knows of. Finishes files that an interruption has left. Ends the deliveries of certificates that are no more.
   *
   * @returns how many shelves were emptied.
   */
  async eraseDue(): Promise<number> {
    let erased = 0;
    const kept = new Set<string>();
    // What is noted meanwhile is sooner or later than this, and counts as well.
    this.#dueMs = Number.POSITIVE_INFINITY;
    for await (const record of this.list({ open: true })) {
      const live = await this.#finishIfCutOff(await this.#endIfDead(record));
      const after = await this.eraseIfDue(live);
      const isEmptied = record.key === 'held' && after.key !== 'held';
      erased += isEmptied ? 1 : 0;
      this.noteDue(after);
      if (after.shelf !== undefined && isHeld(after)) {
        kept.add(after.shelf);
      }
    }
    const left = new Set<string>();
    for (const name of await this.#changes.core.vault.names()) {
      const [shelf = ''] = name.split('.');
      if (!kept.has(shelf) && !this.#isUnderWay(shelf) && !(await this.#isKept(shelf))) {
        left.add(shelf);
      }
    }
    for (const shelf of left) {
      await this.eraseShelf(shelf);
    }
    return erased + left.size;
  }

  /** What was laid down since the list was read. */
  async #isKept(shelf: string): Promise<boolean> {
    for await (const record of this.list({ open: true })) {
      if (record.shelf === shelf && isHeld(record)) {
        return true;
      }
    }
    return false;
  }

  /** The password that somebody gave lies there only until the file is made: an interruption in between changes nothing. */
  async #finishIfCutOff(record: DeliveryRecord): Promise<DeliveryRecord> {
    const { shelf, form, key, password, profile } = record;
    const isCutOff =
      form === 'pkcs12' &&
      key === 'held' &&
      password === 'held' &&
      this.#changes.termsOf(profile)?.password === 'given' &&
      this.#eraseMsOf(record) > this.#changes.core.clock.nowMs();
    if (!isCutOff || shelf === undefined || this.#isUnderWay(shelf)) {
      return record;
    }
    try {
      return await this.finishFile(record);
    } catch (error) {
      if (error instanceof CaError && error.code === 'CA_DELIVERY_GONE') {
        // A restored backup has the record without what lay on the shelf.
        return record;
      }
      throw error;
    }
  }

  /** A certificate that was revoked before it was delivered, or has ended, is delivered to nobody. */
  async #endIfDead(record: DeliveryRecord): Promise<DeliveryRecord> {
    const { state } = await this.#changes.certificateOf(record);
    if (record.state !== 'prepared' || (state !== 'revoked' && state !== 'expired')) {
      return record;
    }
    const endedMs = this.#changes.core.clock.nowMs();
    return await this.#changes.change(record.serialNumber, async (_transaction, now) => ({
      ...now,
      ...{ state: 'discarded', endedMs, eraseMs: endedMs },
    }));
  }

  async eraseIfDue(record: DeliveryRecord): Promise<DeliveryRecord> {
    const nowMs = this.#changes.core.clock.nowMs();
    if (record.shelf === undefined || !isHeld(record) || this.#eraseMsOf(record) > nowMs) {
      return record;
    }
    await this.eraseShelf(record.shelf);
    const erased = (kept: DeliveryRecord['key']): DeliveryRecord['key'] =>
      kept === 'held' ? 'erased' : kept;
    return await this.#changes.change(record.serialNumber, async (transaction, now) => {
      const origin: AuditOrigin = { channel: 'system', actor: 'certdir' };
      await this.#changes.audit(transaction, 'delivery.erase', { record: now, origin });
      return { ...now, key: erased(now.key), password: erased(now.password), erasedMs: nowMs };
    });
  }

  #eraseMsOf({ eraseMs, preparedMs, profile }: DeliveryRecord): number {
    const { keepDays = 0 } = this.#changes.termsOf(profile) ?? {};
    return eraseMs ?? preparedMs + keepDays * DAY_MS;
  }

  /** Once a day those are looked at whose certificates may have been revoked. */
  noteDue(record: DeliveryRecord): void {
    if (isOpen(record)) {
      const dayMs = this.#changes.core.clock.nowMs() + DAY_MS;
      const ownMs = isHeld(record) ? this.#eraseMsOf(record) : dayMs;
      this.#dueMs = Math.min(this.#dueMs, ownMs, dayMs);
    }
  }

  async eraseShelf(shelf: string): Promise<void> {
    for (const ending of ['key', 'pin', 'p12']) {
      await this.#changes.core.vault.erase(`${shelf}.${ending}`);
    }
  }
}

function isHeld({ key, password }: DeliveryRecord): boolean {
  return key === 'held' || password === 'held';
}
