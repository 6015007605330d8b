/**
 * Certificates on their way to whom they are for, and keys that the CA makes for them: made (`delivery-making.ts`),
 * fetched, handed over, received or discarded, and erased (`delivery-shelves.ts`).
 *
 * jlis 4.3, 4.4, 6.1.1.2, 6.2.6; secom 4.4, 6.1.1 (2); mic-ops 4.3.3, 6.1.2.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { type CaCore, reading } from '../ca-core.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import type { Issuance } from '../certificates/issuance.ts';
import { type GroupOutcome, revokeGroup } from '../certificates/revocation-group.ts';
import { parseSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { DeliveryTerms } from '../policy/delivery-policy.ts';
import { type DeliveryAct, DeliveryChanges, gone } from './delivery-changes.ts';
import { type DeliveryListener, DeliveryMaking, type DeliveryOrder } from './delivery-making.ts';
import type { DeliveryReceipt, DeliveryRecord, HandOver } from './delivery-record.ts';
import { DeliveryShelves } from './delivery-shelves.ts';
import { supersede } from './delivery-start.ts';
import { findByReference, findDelivery, readDelivery } from './delivery-store.ts';

/** What is fetched. */
export interface DeliveryPackage {
  readonly record: DeliveryRecord;
  readonly certificate: RegisteredCertificate;
  /** The key as the card takes it, or a PKCS#12 file. */
  readonly bytes: Uint8Array;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAX_TEXT = 200;

export class Deliveries {
  readonly #core: CaCore;
  readonly #changes: DeliveryChanges;
  readonly #shelves: DeliveryShelves;
  readonly #making: DeliveryMaking;
  readonly #listener: DeliveryListener;

  constructor(core: CaCore, issuance: Issuance, listener: DeliveryListener) {
    const underWay = new Map<string, Promise<DeliveryRecord>>();
    this.#core = core;
    this.#listener = listener;
    this.#changes = new DeliveryChanges(core);
    this.#shelves = new DeliveryShelves(this.#changes, (shelf) => underWay.has(shelf));
    const { changes, shelves } = { changes: this.#changes, shelves: this.#shelves };
    this.#making = new DeliveryMaking({ changes, shelves, issuance, listener, underWay });
  }

  /** As `DeliveryMaking.prepare`. */
  prepare(order: DeliveryOrder): Promise<DeliveryRecord> {
    return this.#listener.track(this.#making.prepare(order));
  }

  /** As `DeliveryMaking.assertOrder`. */
  assertOrder(order: Parameters<DeliveryMaking['assertOrder']>[0]): DeliveryTerms {
    return this.#making.assertOrder(order);
  }

  /**
   * The key or file. From the first time on, it is erased after what the policy says.
   *
   * @param by Serial number, for offices; the reference, for the subscriber.
   * @throws {CaError} `CA_DELIVERY_UNKNOWN`, `CA_DELIVERY_GONE`, `CA_DELIVERY_STATE`
   */
  async fetch(
    by: { readonly serialNumber: bigint } | { readonly reference: string },
    origin: AuditOrigin,
  ): Promise<DeliveryPackage> {
    const { store, tables, clock } = this.#core;
    const found = await reading(store, async (view) =>
      'reference' in by
        ? await findByReference(view, tables, by.reference)
        : await readDelivery(view, tables, by.serialNumber),
    );
    if (found === undefined) {
      throw new CaError('CA_DELIVERY_UNKNOWN', 'there is nothing to be fetched by this reference');
    }
    const bytes = await this.#shelves.packageOf(found);
    const record = await this.#changes.change(found.serialNumber, async (transaction, now) => {
      if (now.key !== 'held') {
        throw gone(now, 'key and file were erased');
      }
      const nowMs = clock.nowMs();
      const { eraseMinutes = 0 } = this.#changes.termsOf(now.profile) ?? {};
      await this.#changes.audit(transaction, 'delivery.fetch', { record: now, origin });
      return {
        ...now,
        fetchedMs: now.fetchedMs ?? nowMs,
        eraseMs: now.eraseMs ?? nowMs + eraseMinutes * MINUTE_MS,
      };
    });
    this.#shelves.noteDue(record);
    return { record, bytes, certificate: await this.#changes.certificateOf(record) };
  }

  /**
   * The password of a file, to be printed and sent apart; until `passwordSent` says that it was.
   *
   * @returns ASCII, for the caller to overwrite.
   * @throws {CaError} `CA_DELIVERY_UNKNOWN`, `CA_DELIVERY_GONE`
   */
  async password({ serialNumber, origin }: DeliveryAct): Promise<Uint8Array> {
    const { store, tables, vault } = this.#core;
    const record = await reading(store, (view) => readDelivery(view, tables, serialNumber));
    const password =
      record.password === 'held' ? await vault.read(`${record.shelf}.pin`) : undefined;
    if (password === undefined) {
      throw gone(record, 'its password was erased, or there is none');
    }
    await this.#changes.change(record.serialNumber, async (transaction, now) => {
      await this.#changes.audit(transaction, 'delivery.password', { record: now, origin });
      return now;
    });
    return password;
  }

  /** The password is on its way on paper: it is erased here. */
  async passwordSent({ serialNumber, origin }: DeliveryAct): Promise<DeliveryRecord> {
    const { store, tables, vault } = this.#core;
    const record = await reading(store, (view) => readDelivery(view, tables, serialNumber));
    if (record.password === 'held' && record.key === 'held') {
      await this.#shelves.finishFile(record);
    }
    await vault.erase(`${record.shelf}.pin`);
    return await this.#changes.change(record.serialNumber, async (transaction, now) => {
      if (now.password === 'none') {
        throw new CaError('CA_DELIVERY_STATE', 'the delivery has no password');
      }
      await this.#changes.audit(transaction, 'delivery.password-sent', { record: now, origin });
      return { ...now, password: 'erased' };
    });
  }

  /** Puts on record how it left the house. @throws {CaError} `CA_DELIVERY_STATE`, `CA_DELIVERY_INVALID` */
  async handOver(act: DeliveryAct & Pick<HandOver, 'to' | 'by'>): Promise<DeliveryRecord> {
    const { clock } = this.#core;
    const to = shortText('to', act.to);
    const by = shortText('by', act.by);
    return await this.#changes.recorded('delivery.hand-over', act, async (transaction, record) => {
      assertPrepared(record);
      await this.#changes.audit(transaction, 'delivery.hand-over', {
        record,
        origin: act.origin,
      });
      return { ...record, handedOver: { atMs: clock.nowMs(), to, by } };
    });
  }

  /**
   * It was received: the certificate counts from now on where it did not yet, and the one that it replaces is revoked.
   * What was made for it is erased.
   *
   * @throws {CaError} `CA_DELIVERY_UNKNOWN`, `CA_DELIVERY_STATE`, `CA_ALREADY_REVOKED`, `CA_CERTIFICATE_EXPIRED`
   */
  async deliver(
    act: DeliveryAct & { readonly receipt?: Omit<DeliveryReceipt, 'atMs'> },
  ): Promise<DeliveryRecord> {
    const { clock, tables, profiles } = this.#core;
    const { serialNumber, origin, receipt = {}, within } = act;
    const texts = Object.fromEntries(
      Object.entries(receipt).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, shortText(name, value)]],
      ),
    );
    let superseded: GroupOutcome | undefined;
    const record = await this.#changes.recorded(
      'delivery.deliver',
      act,
      async (transaction, before) => {
        assertPrepared(before);
        const certificate = await this.#changes.readCertificate(transaction, before);
        assertAlive(certificate);
        if (certificate.state === 'not-delivered') {
          transaction.delete(tables.status(serialNumber));
        }
        const profile = profiles.get(before.profile);
        const isLate = profile?.definition.delivery === 'on-receipt';
        superseded =
          isLate && profile !== undefined && before.renews !== undefined
            ? await supersede(this.#core, transaction, {
                ...{ profile, origin },
                renews: parseSerialNumber(before.renews),
              })
            : undefined;
        const nowMs = clock.nowMs();
        await this.#changes.audit(transaction, 'delivery.deliver', { record: before, origin });
        const after: DeliveryRecord = {
          ...before,
          ...{ state: 'delivered', endedMs: nowMs, receipt: { atMs: nowMs, ...texts } },
          // A file may be fetched for as long as was promised.
          ...(before.key === 'held'
            ? { eraseMs: before.form === 'card' ? nowMs : (before.eraseMs ?? nowMs) }
            : {}),
        };
        await within?.(transaction, after);
        return after;
      },
    );
    this.#listener.onDelivered(serialNumber);
    if (superseded !== undefined) {
      await this.#listener.onRevoked(superseded);
      this.#listener.announce();
    }
    return await this.#shelves.eraseIfDue(record);
  }

  /**
   * It was never handed over: the certificate is revoked for the policy's reason, and what was made for it is erased.
   *
   * @throws {CaError} `CA_DELIVERY_UNKNOWN`, `CA_DELIVERY_STATE`
   */
  async discard(act: DeliveryAct): Promise<DeliveryRecord> {
    const { clock } = this.#core;
    const { serialNumber, origin, within } = act;
    let outcome: GroupOutcome | undefined;
    const record = await this.#changes.recorded(
      'delivery.discard',
      act,
      async (transaction, before) => {
        assertPrepared(before);
        const reason =
          this.#changes.termsOf(before.profile)?.discardReason ?? 'cessationOfOperation';
        const orders = [{ serialNumber, reason }];
        outcome = await revokeGroup(this.#core, transaction, { orders, origin });
        const refused = outcome.refused.find(({ error }) => error.code === 'CA_SERIAL_UNKNOWN');
        if (refused !== undefined) {
          throw refused.error;
        }
        const nowMs = clock.nowMs();
        await this.#changes.audit(transaction, 'delivery.discard', { record: before, origin });
        const after: DeliveryRecord = {
          ...before,
          ...{ state: 'discarded', endedMs: nowMs, eraseMs: nowMs },
        };
        await within?.(transaction, after);
        return after;
      },
    );
    if (outcome !== undefined) {
      await this.#listener.onRevoked(outcome);
      this.#listener.announce();
    }
    return await this.#shelves.eraseIfDue(record);
  }

  /** @returns undefined when there is none. */
  find(serialNumber: bigint): Promise<DeliveryRecord | undefined> {
    const { store, tables } = this.#core;
    return reading(store, (view) => findDelivery(view, tables, serialNumber));
  }

  /** True when the receipt should be there. */
  isOverdue({ state, preparedMs, handedOver, profile }: DeliveryRecord): boolean {
    const { receiptDays } = this.#changes.termsOf(profile) ?? {};
    const sinceMs = handedOver?.atMs ?? preparedMs;
    return (
      state === 'prepared' &&
      receiptDays !== undefined &&
      sinceMs + receiptDays * DAY_MS <= this.#core.clock.nowMs()
    );
  }

  /** Those of which something is to be done, or all. */
  list(which: { readonly open: boolean }): AsyncIterable<DeliveryRecord> {
    return this.#shelves.list(which);
  }

  /** As `DeliveryShelves.eraseDue`. */
  eraseDue(): Promise<number> {
    return this.#listener.track(this.#shelves.eraseDue());
  }

  /** As `DeliveryShelves.dueMs`. */
  get dueMs(): number | undefined {
    return this.#shelves.dueMs;
  }
}

function assertPrepared({ state }: DeliveryRecord): void {
  if (state !== 'prepared') {
    throw new CaError('CA_DELIVERY_STATE', `it was ${state} already`);
  }
}

function assertAlive({ state }: RegisteredCertificate): void {
  if (state === 'revoked') {
    throw new CaError('CA_ALREADY_REVOKED', 'the certificate was revoked before it was delivered');
  }
  if (state === 'expired') {
    throw new CaError('CA_CERTIFICATE_EXPIRED', 'the certificate has ended; nobody is given it');
  }
}

function shortText(name: string, text: string): string {
  if (text.trim() === '' || text.length > MAX_TEXT || /\p{Cc}/u.test(text)) {
    throw new CaError('CA_DELIVERY_INVALID', `${name} is a line of 1 to ${MAX_TEXT} characters`);
  }
  return text;
}
