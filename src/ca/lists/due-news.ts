/**
 * What revocations, holds and releases make of the lists that are due, and who is told: the calendar, the schedule
 * (lists that do not wait for the cadence), and whoever answers about single certificates.
 *
 * Not here: when a list is due (`policy/cadence.ts`, `authority-status.ts`), and publishing it.
 *
 * @module
 */

import type { PublicationCalendar } from '../authority-status.ts';
import { type CaCore, reading } from '../ca-core.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import type { HoldReceipt } from '../certificates/holding.ts';
import type { RevocationReceipt } from '../certificates/revocation.ts';
import type { GroupOutcome } from '../certificates/revocation-group.ts';
import { readScopeRecord } from '../records/scope-state.ts';

export interface DueNewsParts {
  readonly calendar: PublicationCalendar;
  /** A link that is revoked leaves the CA's entry. */
  readonly onLinkRevoked: () => void;
}

export class DueNews {
  readonly #core: CaCore;
  readonly #parts: DueNewsParts;
  /** Lists that groups have made due. */
  readonly #announceable = new Set<string>();
  #onUrgent: (scopeId: string, dueMs: number) => void = () => undefined;
  #onRevoked: (serialNumber: bigint) => void = () => undefined;
  #onPublished: (scopeId: string) => void = () => undefined;

  constructor(core: CaCore, parts: DueNewsParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /** Each replaces the listener before; `CertificateAuthority` says when they are called. */
  listen({
    urgent,
    revoked,
    published,
  }: {
    readonly urgent?: (scopeId: string, dueMs: number) => void;
    readonly revoked?: (serialNumber: bigint) => void;
    readonly published?: (scopeId: string) => void;
  }): void {
    this.#onUrgent = urgent ?? this.#onUrgent;
    this.#onRevoked = revoked ?? this.#onRevoked;
    this.#onPublished = published ?? this.#onPublished;
  }

  /** One certificate was revoked, held or released, durably: told before whoever asked for it is. */
  async one(receipt: RevocationReceipt | HoldReceipt): Promise<void> {
    const { scope, urgent, serialNumber, certificate } = receipt;
    this.#onRevoked(serialNumber);
    this.#noteLink(certificate);
    if (urgent !== undefined) {
      this.#parts.calendar.note(scope.id, { urgent });
      this.urgent(scope.id);
      for (const scopeId of await this.#noteFullLists([certificate])) {
        this.urgent(scopeId);
      }
    }
  }

  /** A group was revoked; its lists are made when `announce` is called, once for a run of many groups. */
  async group(outcome: GroupOutcome): Promise<void> {
    for (const { order, scope, state, certificate } of outcome.revoked) {
      this.#onRevoked(order.serialNumber);
      this.#noteLink(certificate);
      if (state.urgent !== undefined) {
        this.#parts.calendar.note(scope.id, { urgent: state.urgent });
        this.#announceable.add(scope.id);
      }
    }
    const urgent = outcome.revoked.filter(({ isUrgent }) => isUrgent);
    for (const scopeId of await this.#noteFullLists(urgent.map((one) => one.certificate))) {
      this.#announceable.add(scopeId);
    }
  }

  announce(): void {
    for (const scopeId of this.#announceable) {
      this.urgent(scopeId);
    }
    this.#announceable.clear();
  }

  /** A list does not wait for the cadence. */
  urgent(scopeId: string): void {
    this.#onUrgent(scopeId, this.#parts.calendar.dueMs(scopeId));
  }

  /** What is told about a certificate has changed otherwise than by a revocation: it was delivered. */
  changed(serialNumber: bigint): void {
    this.#onRevoked(serialNumber);
  }

  published(scopeId: string): void {
    this.#onPublished(scopeId);
  }

  #noteLink({ profile }: Pick<RegisteredCertificate, 'profile'>): void {
    if (this.#core.policy.profiles[profile]?.kind === 'link') {
      this.#parts.onLinkRevoked();
    }
  }

  /** What is due of full lists that carry these certificates too. @returns their ids. */
  async #noteFullLists(
    certificates: readonly Pick<RegisteredCertificate, 'generation'>[],
  ): Promise<readonly string[]> {
    const { scopes, store, tables } = this.#core;
    const generations = new Set(certificates.map(({ generation }) => generation));
    const ids = [...generations].flatMap((generation) =>
      scopes.fullOf(generation).map(({ id }) => id),
    );
    if (ids.length > 0) {
      await reading(store, async (view) => {
        for (const id of ids) {
          const { urgent } = await readScopeRecord(view, tables, id);
          this.#parts.calendar.note(id, urgent === undefined ? {} : { urgent });
        }
      });
    }
    return ids;
  }
}
