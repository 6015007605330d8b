/**
 * Certificates on their way to whom they are for: keys made by the CA and laid down encrypted, fetched, handed over,
 * received or discarded, and erased.
 *
 * Made in this order, so that it may end anywhere: the key, which nobody has heard of; the vault; one transaction with the
 * certificate and the delivery. What lies in the vault without a delivery is erased (`eraseDue`). An order that comes
 * again gets what it has got.
 *
 * jlis 4.3, 4.4, 6.1.1.2, 6.2.6; secom 4.4, 6.1.1 (2); mic-ops 4.3.3, 6.1.2.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { AuditEvent, AuditOrigin } from '../../audit/audit-log.ts';
import { formatHex } from '../../core/bytes.ts';
import { digestOfTransportKey } from '../../signing/subject-key.ts';
import type { Transaction } from '../../store/store.ts';
import { type CaCore, reading, recordFailure, transactAsOwner } from '../ca-core.ts';
import {
  findCertificate,
  type RegisteredCertificate,
} from '../certificates/certificate-register.ts';
import type { Issuance, IssuedCertificate } from '../certificates/issuance.ts';
import type { IssueRequest } from '../certificates/issue-request.ts';
import { type GroupOutcome, revokeGroup } from '../certificates/revocation-group.ts';
import { formatSerialNumber, parseSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { DeliveryTerms } from '../policy/delivery-policy.ts';
import {
  type DeliveryReceipt,
  type DeliveryRecord,
  type HandOver,
  isOpen,
} from './delivery-record.ts';
import { supersede } from './delivery-start.ts';
import {
  findByOrder,
  findByReference,
  findDelivery,
  indexDelivery,
  listDeliveries,
  readDelivery,
  writeDelivery,
} from './delivery-store.ts';
import { assembleFile, assertWishes, type KeyWishes, makeKey } from './key-making.ts';

export interface DeliveryOrder extends KeyWishes {
  /** Of whoever orders: the same when it orders the same again. */
  readonly order: string;
  /** As for any certificate, but for the key. */
  readonly issue: Omit<IssueRequest, 'csr' | 'within'>;
  /** What else becomes durable with it. */
  readonly within?:
    | ((transaction: Transaction, record: DeliveryRecord) => Promise<void>)
    | undefined;
}

/** What is asked of one delivery. */
export interface DeliveryAct {
  readonly serialNumber: bigint;
  readonly origin: AuditOrigin;
  readonly within?:
    | ((transaction: Transaction, record: DeliveryRecord) => Promise<void>)
    | undefined;
}

/** What is fetched. */
export interface DeliveryPackage {
  readonly record: DeliveryRecord;
  readonly certificate: RegisteredCertificate;
  /** The key as the card takes it, or a PKCS#12 file. */
  readonly bytes: Uint8Array;
}

/** What the engine is told of. */
export interface DeliveryListener {
  /** A certificate counts from now on. */
  readonly onDelivered: (serialNumber: bigint) => void;
  readonly onRevoked: (outcome: GroupOutcome) => Promise<void>;
  readonly announce: () => void;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const REFERENCE_OCTETS = 20;
const MAX_TEXT = 200;

export class Deliveries {
  readonly #core: CaCore;
  readonly #issuance: Issuance;
  readonly #listener: DeliveryListener;
  /** By the shelf: what is being made is no leftover, and is made once. */
  readonly #underWay = new Map<string, Promise<DeliveryRecord>>();
  /** At the start everything is looked at: what a crash has left, and what has become due since. */
  #dueMs = 0;

  constructor(core: CaCore, issuance: Issuance, listener: DeliveryListener) {
    this.#core = core;
    this.#issuance = issuance;
    this.#listener = listener;
  }

  /**
   * Makes a key, has it certified and lays it down for whom it is for. Resolves when all is durable.
   *
   * @throws {CaError} `CA_DELIVERY_OFF`, `CA_DELIVERY_INVALID`, and what `Issuance.issue` refuses; {SigningError}. Then
   *   nothing is left.
   */
  prepare(order: DeliveryOrder): Promise<DeliveryRecord> {
    const shelf = createHash('sha256').update(order.order).digest('hex').slice(0, 40);
    const underWay = this.#underWay.get(shelf);
    if (underWay !== undefined) {
      return underWay;
    }
    const made = this.#prepareOnce(order, shelf).finally(() => this.#underWay.delete(shelf));
    this.#underWay.set(shelf, made);
    return made;
  }

  async #prepareOnce(order: DeliveryOrder, shelf: string): Promise<DeliveryRecord> {
    const { store, tables, vault } = this.#core;
    const before = await reading(store, (view) => findByOrder(view, tables, order.order));
    if (before !== undefined) {
      return before;
    }
    const terms = this.assertOrder(order);
    const key = await makeKey(this.#core, terms, order);
    try {
      for (const [ending, bytes] of Object.entries(key.shelved)) {
        await vault.put(`${shelf}.${ending}`, bytes);
      }
      const record = await this.#issue(order, { terms, shelf, key });
      this.#noteDue(record);
      return terms.keys === 'pkcs12' ? await this.#finishFile(record) : record;
    } catch (error) {
      await this.#clearAfterFailure(order.order, shelf);
      throw error;
    } finally {
      key.shelved.pin?.fill(0);
    }
  }

  /**
   * What would be refused about an order whatever becomes of the certificate.
   *
   * @throws {CaError} `CA_DELIVERY_OFF`, `CA_DELIVERY_INVALID`
   */
  assertOrder({ issue, ...wishes }: Pick<DeliveryOrder, 'issue' | keyof KeyWishes>): DeliveryTerms {
    const terms = this.#termsOf(issue.profile);
    if (terms === undefined || terms.keys === 'none') {
      throw new CaError(
        'CA_DELIVERY_OFF',
        `no keys are made for certificates of ${issue.profile.slice(0, 40)}: the request brings its own (PKCS#10)`,
      );
    }
    assertWishes(terms, wishes);
    return terms;
  }

  #termsOf(profile: string): DeliveryTerms | undefined {
    const { deliveries = {} } = this.#core.policy;
    return Object.hasOwn(deliveries, profile) ? deliveries[profile] : undefined;
  }

  async #issue(
    { order, issue, within }: DeliveryOrder,
    {
      terms,
      shelf,
      key,
    }: {
      readonly terms: DeliveryTerms;
      readonly shelf: string;
      readonly key: Awaited<ReturnType<typeof makeKey>>;
    },
  ): Promise<DeliveryRecord> {
    const { tables, random, clock } = this.#core;
    const reference = formatHex(random.bytes(REFERENCE_OCTETS));
    const recordOf = (serialNumber: bigint): DeliveryRecord => ({
      version: 1,
      serialNumber: formatSerialNumber(serialNumber),
      ...{ profile: issue.profile, state: 'prepared', preparedMs: clock.nowMs() },
      form: terms.keys === 'card' ? 'card' : 'pkcs12',
      ...(issue.renews === undefined ? {} : { renews: formatSerialNumber(issue.renews) }),
      ...{ shelf, reference, key: 'held' },
      password: key.shelved.pin === undefined ? 'none' : 'held',
      ...(key.transportKey === undefined
        ? {}
        : { transportKeySha256: formatHex(digestOfTransportKey(key.transportKey)) }),
    });
    let record: DeliveryRecord | undefined;
    const issued = await this.#issuance.issue({
      ...issue,
      csr: key.csr,
      within: async (transaction, { serialNumber }) => {
        record = recordOf(serialNumber);
        writeDelivery(tables, transaction, record);
        indexDelivery(tables, transaction, { serialNumber, order, reference });
        await within?.(transaction, record);
      },
    });
    await this.#noteIssued(issued);
    return record ?? recordOf(issued.serialNumber);
  }

  async #noteIssued({ superseded }: IssuedCertificate): Promise<void> {
    if (superseded !== undefined) {
      await this.#listener.onRevoked(superseded);
      this.#listener.announce();
    }
  }

  /** A commit of which no more is known than that it failed may have come through: then the key belongs to it. */
  async #clearAfterFailure(order: string, shelf: string): Promise<void> {
    const { store, tables, log } = this.#core;
    try {
      const record = await reading(store, (view) => findByOrder(view, tables, order));
      if (record === undefined) {
        await this.#eraseShelf(shelf);
      }
    } catch {
      // The sweep finds it.
      log.warn('what was made for a delivery is erased later', { shelf });
    }
  }

  /** The file out of key, certificate and password, as often as it is asked for. */
  async #finishFile(record: DeliveryRecord): Promise<DeliveryRecord> {
    const { shelf = '', profile } = record;
    const { vault } = this.#core;
    const terms = this.#termsOf(profile);
    if ((await vault.read(`${shelf}.p12`)) === undefined) {
      const encryptedKey = await vault.read(`${shelf}.key`);
      const password = await vault.read(`${shelf}.pin`);
      if (encryptedKey === undefined || password === undefined || terms === undefined) {
        throw gone(record, 'the file was not finished');
      }
      const { der: certificate, generation } = await this.#certificateOf(record);
      const rounds = terms.rounds;
      const of = { encryptedKey, password, rounds, certificate, generation };
      await vault.put(`${shelf}.p12`, await assembleFile(this.#core, of));
      password.fill(0);
    }
    await vault.erase(`${shelf}.key`);
    // Whoever gave it has it.
    return terms?.password === 'given' && record.password === 'held'
      ? await this.#erasePassword(record)
      : record;
  }

  async #erasePassword(record: DeliveryRecord): Promise<DeliveryRecord> {
    const { vault } = this.#core;
    await vault.erase(`${record.shelf}.pin`);
    return await this.#change(record.serialNumber, async (_transaction, now) => ({
      ...now,
      password: 'erased',
    }));
  }

  async #certificateOf(record: DeliveryRecord): Promise<RegisteredCertificate> {
    const { store } = this.#core;
    return await reading(store, (view) => this.#readCertificate(view, record));
  }

  async #readCertificate(
    view: Parameters<typeof findCertificate>[0],
    record: DeliveryRecord,
  ): Promise<RegisteredCertificate> {
    const { tables, clock } = this.#core;
    const at = { serialNumber: parseSerialNumber(record.serialNumber), nowMs: clock.nowMs() };
    const certificate = await findCertificate(view, tables, at);
    if (certificate === undefined) {
      throw new CaError('CA_RECORD_DAMAGED', `there is no certificate ${record.serialNumber}`);
    }
    return certificate;
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
    const bytes = await this.#packageOf(found);
    const record = await this.#change(found.serialNumber, async (transaction, now) => {
      if (now.key !== 'held') {
        throw gone(now, 'key and file were erased');
      }
      const nowMs = clock.nowMs();
      const { eraseMinutes = 0 } = this.#termsOf(now.profile) ?? {};
      await this.#audit(transaction, 'delivery.fetch', { record: now, origin });
      return {
        ...now,
        fetchedMs: now.fetchedMs ?? nowMs,
        eraseMs: now.eraseMs ?? nowMs + eraseMinutes * MINUTE_MS,
      };
    });
    this.#noteDue(record);
    return { record, bytes, certificate: await this.#certificateOf(record) };
  }

  async #packageOf(record: DeliveryRecord): Promise<Uint8Array> {
    const { clock, vault } = this.#core;
    const isOver = record.eraseMs !== undefined && record.eraseMs <= clock.nowMs();
    if (record.key !== 'held' || isOver) {
      throw gone(record, record.key === 'none' ? 'no key was made with it' : 'it was erased');
    }
    if (record.form === 'pkcs12') {
      await this.#finishFile(record);
    }
    const bytes = await vault.read(`${record.shelf}.${record.form === 'card' ? 'key' : 'p12'}`);
    if (bytes === undefined) {
      throw gone(record, 'it is not in the folder for deliveries (restored from a backup?)');
    }
    return bytes;
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
    await this.#change(record.serialNumber, async (transaction, now) => {
      await this.#audit(transaction, 'delivery.password', { record: now, origin });
      return now;
    });
    return password;
  }

  /** The password is on its way on paper: it is erased here. */
  async passwordSent({ serialNumber, origin }: DeliveryAct): Promise<DeliveryRecord> {
    const { store, tables, vault } = this.#core;
    const record = await reading(store, (view) => readDelivery(view, tables, serialNumber));
    if (record.password === 'held' && record.key === 'held') {
      await this.#finishFile(record);
    }
    await vault.erase(`${record.shelf}.pin`);
    return await this.#change(record.serialNumber, async (transaction, now) => {
      if (now.password === 'none') {
        throw new CaError('CA_DELIVERY_STATE', 'the delivery has no password');
      }
      await this.#audit(transaction, 'delivery.password-sent', { record: now, origin });
      return { ...now, password: 'erased' };
    });
  }

  /** Puts on record how it left the house. @throws {CaError} `CA_DELIVERY_STATE`, `CA_DELIVERY_INVALID` */
  async handOver(act: DeliveryAct & Pick<HandOver, 'to' | 'by'>): Promise<DeliveryRecord> {
    const { clock } = this.#core;
    const to = shortText('to', act.to);
    const by = shortText('by', act.by);
    return await this.#recorded('delivery.hand-over', act, async (transaction, record) => {
      assertPrepared(record);
      await this.#audit(transaction, 'delivery.hand-over', { record, origin: act.origin });
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
    const record = await this.#recorded('delivery.deliver', act, async (transaction, before) => {
      assertPrepared(before);
      const certificate = await this.#readCertificate(transaction, before);
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
      await this.#audit(transaction, 'delivery.deliver', { record: before, origin });
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
    });
    this.#listener.onDelivered(serialNumber);
    if (superseded !== undefined) {
      await this.#listener.onRevoked(superseded);
      this.#listener.announce();
    }
    return await this.#eraseIfDue(record);
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
    const record = await this.#recorded('delivery.discard', act, async (transaction, before) => {
      assertPrepared(before);
      const reason = this.#termsOf(before.profile)?.discardReason ?? 'cessationOfOperation';
      const orders = [{ serialNumber, reason }];
      outcome = await revokeGroup(this.#core, transaction, { orders, origin });
      const refused = outcome.refused.find(({ error }) => error.code === 'CA_SERIAL_UNKNOWN');
      if (refused !== undefined) {
        throw refused.error;
      }
      const nowMs = clock.nowMs();
      await this.#audit(transaction, 'delivery.discard', { record: before, origin });
      const after: DeliveryRecord = {
        ...before,
        ...{ state: 'discarded', endedMs: nowMs, eraseMs: nowMs },
      };
      await within?.(transaction, after);
      return after;
    });
    if (outcome !== undefined) {
      await this.#listener.onRevoked(outcome);
      this.#listener.announce();
    }
    return await this.#eraseIfDue(record);
  }

  /** When `eraseDue` has something to do next, in epoch milliseconds; undefined while nothing is open. */
  get dueMs(): number | undefined {
    return this.#dueMs === Number.POSITIVE_INFINITY ? undefined : this.#dueMs;
  }

  /** @returns undefined when there is none. */
  find(serialNumber: bigint): Promise<DeliveryRecord | undefined> {
    const { store, tables } = this.#core;
    return reading(store, (view) => findDelivery(view, tables, serialNumber));
  }

  /** Those of which something is to be done, or all. */
  async *list({ open }: { readonly open: boolean }): AsyncIterable<DeliveryRecord> {
    const { store, tables } = this.#core;
    const snapshot = store.snapshot();
    try {
      yield* listDeliveries(snapshot, tables, { open });
    } finally {
      await snapshot.close();
    }
  }

  /** True when the receipt should be there. */
  isOverdue({ state, preparedMs, handedOver, profile }: DeliveryRecord): boolean {
    const { receiptDays } = this.#termsOf(profile) ?? {};
    const sinceMs = handedOver?.atMs ?? preparedMs;
    return (
      state === 'prepared' &&
      receiptDays !== undefined &&
      sinceMs + receiptDays * DAY_MS <= this.#core.clock.nowMs()
    );
  }

  /**
   * Erases what is due: what was fetched, received or discarded, what nobody came for, what belongs to a certificate that
   * was revoked or has ended, and what no delivery knows of. Ends the deliveries of certificates that are no more.
   *
   * @returns how many shelves were emptied.
   */
  async eraseDue(): Promise<number> {
    let erased = 0;
    const kept = new Set<string>();
    // What is noted meanwhile is sooner or later than this, and counts as well.
    this.#dueMs = Number.POSITIVE_INFINITY;
    for await (const record of this.list({ open: true })) {
      const after = await this.#eraseIfDue(await this.#endIfDead(record));
      const isEmptied = record.key === 'held' && after.key !== 'held';
      erased += isEmptied ? 1 : 0;
      this.#noteDue(after);
      if (after.shelf !== undefined && isHeld(after)) {
        kept.add(after.shelf);
      }
    }
    const left = new Set<string>();
    for (const name of await this.#core.vault.names()) {
      const [shelf = ''] = name.split('.');
      if (!kept.has(shelf) && !this.#underWay.has(shelf) && !(await this.#isKept(shelf))) {
        left.add(shelf);
      }
    }
    for (const shelf of left) {
      await this.#eraseShelf(shelf);
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

  /** A certificate that was revoked before it was delivered, or has ended, is delivered to nobody. */
  async #endIfDead(record: DeliveryRecord): Promise<DeliveryRecord> {
    const { state } = await this.#certificateOf(record);
    if (record.state !== 'prepared' || (state !== 'revoked' && state !== 'expired')) {
      return record;
    }
    const endedMs = this.#core.clock.nowMs();
    return await this.#change(record.serialNumber, async (_transaction, now) => ({
      ...now,
      ...{ state: 'discarded', endedMs, eraseMs: endedMs },
    }));
  }

  async #eraseIfDue(record: DeliveryRecord): Promise<DeliveryRecord> {
    const nowMs = this.#core.clock.nowMs();
    if (record.shelf === undefined || !isHeld(record) || this.#eraseMsOf(record) > nowMs) {
      return record;
    }
    await this.#eraseShelf(record.shelf);
    const erased = (kept: DeliveryRecord['key']): DeliveryRecord['key'] =>
      kept === 'held' ? 'erased' : kept;
    return await this.#change(record.serialNumber, async (transaction, now) => {
      const origin: AuditOrigin = { channel: 'system', actor: 'certdir' };
      await this.#audit(transaction, 'delivery.erase', { record: now, origin });
      return { ...now, key: erased(now.key), password: erased(now.password), erasedMs: nowMs };
    });
  }

  #eraseMsOf({ eraseMs, preparedMs, profile }: DeliveryRecord): number {
    const { keepDays = 0 } = this.#termsOf(profile) ?? {};
    return eraseMs ?? preparedMs + keepDays * DAY_MS;
  }

  /** Once a day those are looked at whose certificates may have been revoked. */
  #noteDue(record: DeliveryRecord): void {
    if (isOpen(record)) {
      const dayMs = this.#core.clock.nowMs() + DAY_MS;
      const ownMs = isHeld(record) ? this.#eraseMsOf(record) : dayMs;
      this.#dueMs = Math.min(this.#dueMs, ownMs, dayMs);
    }
  }

  async #eraseShelf(shelf: string): Promise<void> {
    for (const ending of ['key', 'pin', 'p12']) {
      await this.#core.vault.erase(`${shelf}.${ending}`);
    }
  }

  async #recorded(
    kind: string,
    { serialNumber, origin }: DeliveryAct,
    change: (transaction: Transaction, record: DeliveryRecord) => Promise<DeliveryRecord>,
  ): Promise<DeliveryRecord> {
    const subject = formatSerialNumber(serialNumber);
    try {
      return await this.#change(subject, change);
    } catch (error) {
      await recordFailure(this.#core, { kind, origin, subject }, error);
      throw error;
    }
  }

  #change(
    serialNumber: string,
    change: (transaction: Transaction, record: DeliveryRecord) => Promise<DeliveryRecord>,
  ): Promise<DeliveryRecord> {
    const { tables } = this.#core;
    return transactAsOwner(this.#core, 'ca: delivery', async (transaction) => {
      const before = await readDelivery(transaction, tables, parseSerialNumber(serialNumber));
      const after = await change(transaction, before);
      writeDelivery(tables, transaction, after);
      return after;
    });
  }

  async #audit(
    transaction: Transaction,
    kind: AuditEvent['kind'],
    { record, origin }: { readonly record: DeliveryRecord; readonly origin: AuditOrigin },
  ): Promise<void> {
    await this.#core.audit.append(transaction, {
      ...{ kind, result: 'done', origin, subject: record.serialNumber },
      details: { form: record.form, profile: record.profile },
    });
  }
}

function isHeld({ key, password }: DeliveryRecord): boolean {
  return key === 'held' || password === 'held';
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

function gone({ serialNumber }: DeliveryRecord, why: string): CaError {
  return new CaError(
    'CA_DELIVERY_GONE',
    `nothing of ${serialNumber} can be had: ${why}. Where the subscriber is left without it, discard it and order anew`,
  );
}

function shortText(name: string, text: string): string {
  if (text.trim() === '' || text.length > MAX_TEXT || /\p{Cc}/u.test(text)) {
    throw new CaError('CA_DELIVERY_INVALID', `${name} is a line of 1 to ${MAX_TEXT} characters`);
  }
  return text;
}
