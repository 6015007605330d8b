/**
 * Making a key for a subscriber and having it certified.
 *
 * In this order, so that it may end anywhere: the key, which nobody has heard of; the vault; one transaction with the
 * certificate and the delivery. What lies in the vault without a delivery is erased (`delivery-shelves.ts`). An order
 * that comes again gets what it has got.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { formatHex } from '../../core/bytes.ts';
import { digestOfTransportKey } from '../../signing/subject-key.ts';
import type { Transaction } from '../../store/store.ts';
import { reading } from '../ca-core.ts';
import type { Issuance, IssuedCertificate } from '../certificates/issuance.ts';
import type { IssueRequest } from '../certificates/issue-request.ts';
import type { GroupOutcome } from '../certificates/revocation-group.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { DeliveryTerms } from '../policy/delivery-policy.ts';
import type { DeliveryChanges } from './delivery-changes.ts';
import type { DeliveryRecord } from './delivery-record.ts';
import type { DeliveryShelves } from './delivery-shelves.ts';
import { findByOrder, indexDelivery, writeDelivery } from './delivery-store.ts';
import { assertWishes, type KeyWishes, makeKey } from './key-making.ts';

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

/** What the engine is told of. */
export interface DeliveryListener {
  /** A certificate counts from now on. */
  readonly onDelivered: (serialNumber: bigint) => void;
  readonly onRevoked: (outcome: GroupOutcome) => Promise<void>;
  readonly announce: () => void;
  /** Has the CA wait for what is under way before it closes. */
  readonly track: <T>(operation: Promise<T>) => Promise<T>;
}

const REFERENCE_OCTETS = 20;

export class DeliveryMaking {
  readonly #changes: DeliveryChanges;
  readonly #shelves: DeliveryShelves;
  readonly #issuance: Issuance;
  readonly #listener: DeliveryListener;
  readonly #underWay: Map<string, Promise<DeliveryRecord>>;

  /** @param parts `underWay` by the shelf: what is being made is no leftover, and is made once. */
  constructor(parts: {
    readonly changes: DeliveryChanges;
    readonly shelves: DeliveryShelves;
    readonly issuance: Issuance;
    readonly listener: DeliveryListener;
    readonly underWay: Map<string, Promise<DeliveryRecord>>;
  }) {
    this.#changes = parts.changes;
    this.#shelves = parts.shelves;
    this.#issuance = parts.issuance;
    this.#listener = parts.listener;
    this.#underWay = parts.underWay;
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
    const { store, tables, vault } = this.#changes.core;
    const before = await reading(store, (view) => findByOrder(view, tables, order.order));
    if (before !== undefined) {
      return before;
    }
    const terms = this.assertOrder(order);
    const key = await makeKey(this.#changes.core, terms, order);
    try {
      for (const [ending, bytes] of Object.entries(key.shelved)) {
        await vault.put(`${shelf}.${ending}`, bytes);
      }
      const record = await this.#issue(order, { terms, shelf, key });
      this.#shelves.noteDue(record);
      return terms.keys === 'pkcs12' ? await this.#shelves.finishFile(record) : record;
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
   * @param order `isPasswordLater` where a password that somebody gives need not be there yet.
   * @throws {CaError} `CA_DELIVERY_OFF`, `CA_DELIVERY_INVALID`
   */
  assertOrder({
    issue,
    ...wishes
  }: Pick<DeliveryOrder, 'issue' | keyof KeyWishes> & {
    readonly isPasswordLater?: boolean;
  }): DeliveryTerms {
    const terms = this.#changes.termsOf(issue.profile);
    if (terms === undefined || terms.keys === 'none') {
      throw new CaError(
        'CA_DELIVERY_OFF',
        `no keys are made for certificates of ${issue.profile.slice(0, 40)}: the request brings its own (PKCS#10)`,
      );
    }
    assertWishes(terms, wishes);
    return terms;
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
    const { tables, random, clock } = this.#changes.core;
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
    const { store, tables, log } = this.#changes.core;
    try {
      const record = await reading(store, (view) => findByOrder(view, tables, order));
      if (record === undefined) {
        await this.#shelves.eraseShelf(shelf);
      }
    } catch {
      // The sweep finds it.
      log.warn('what was made for a delivery is erased later', { shelf });
    }
  }
}
