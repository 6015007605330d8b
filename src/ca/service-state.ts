/**
 * Whether the CA issues, and whether its lists go on: follows the service record (`records/service-record.ts`), and
 * changes in the transaction that changes it, so that nothing behind a stop in the store's order is issued.
 *
 * Not here: carrying a cessation out (`procedures/cessation-run.ts`).
 *
 * @module
 */

import type { ReadView, Transaction } from '../store/store.ts';
import { CaError } from './errors.ts';
import type { CaTables } from './records/ca-tables.ts';
import {
  type Cessation,
  encodeServiceRecord,
  parseServiceRecord,
  type ServiceRecord,
  unendingService,
} from './records/service-record.ts';

export class ServiceState {
  #record: ServiceRecord;

  constructor(record: ServiceRecord) {
    this.#record = record;
  }

  /** @throws {CaError} `CA_RECORD_DAMAGED` */
  static async open(view: ReadView, tables: CaTables): Promise<ServiceState> {
    const bytes = await view.read(tables.service);
    return new ServiceState(bytes === undefined ? unendingService : parseServiceRecord(bytes));
  }

  get record(): ServiceRecord {
    return this.#record;
  }

  /** All that count, oldest first; what was withdrawn does not. */
  get cessations(): readonly Cessation[] {
    return this.#record.cessations.filter(({ phase }) => phase !== 'withdrawn');
  }

  /** @throws {CaError} `CA_CESSATION_UNKNOWN` */
  of(id: string): Cessation {
    const found = this.#record.cessations.find((one) => one.id === id);
    if (found === undefined) {
      throw new CaError('CA_CESSATION_UNKNOWN', `there is no cessation ${id}`);
    }
    return found;
  }

  /** True for a key that others have, or may have. */
  isCompromised(generation: number): boolean {
    return this.cessations.some(
      (one) => one.kind === 'compromise' && one.generation === generation,
    );
  }

  /** What keeps a key from issuing at an instant. */
  stopOf(generation: number, nowMs: number): Cessation | undefined {
    return this.cessations.find(
      (one) =>
        // Also when the clock was set back since.
        (nowMs >= one.stopsMs || one.phase !== 'announced') &&
        (one.kind === 'end-of-service' || one.generation === generation),
    );
  }

  /** False when a key certifies no OCSP responder any more: it is compromised, or its last lists are out. */
  hasResponder(generation: number): boolean {
    return !this.isCompromised(generation) && !this.isClosing(generation);
  }

  /**
   * @param generation Of the key that would sign.
   * @param what `isResponder`: the OCSP responder's certificate, which is needed for as long as lists go on.
   * @throws {CaError} `CA_ISSUING_STOPPED`
   */
  assertIssues(
    generation: number,
    nowMs: number,
    { isResponder }: { readonly isResponder: boolean },
  ): void {
    const stop =
      isResponder && this.hasResponder(generation) ? undefined : this.stopOf(generation, nowMs);
    if (stop !== undefined) {
      const since = new Date(stop.stopsMs).toISOString();
      const why =
        stop.kind === 'compromise'
          ? `the CA's key ${stop.generation} was reported compromised`
          : 'the service has ended';
      throw new CaError(
        'CA_ISSUING_STOPPED',
        `nothing is issued since ${since}: ${why} (certdir ceremony show ${stop.id})`,
      );
    }
  }

  /** True when the lists that this key signs are the last ones. */
  isClosing(generation: number): boolean {
    return this.cessations.some(
      ({ kind, phase, generation: of }) =>
        (phase === 'closing' || phase === 'closed') &&
        (kind === 'end-of-service' || of === generation),
    );
  }

  /** Follows the record: called at the end of the body that writes it; taken back by the same when it fails. */
  update(record: ServiceRecord): void {
    this.#record = record;
  }
}

/** Writes the row. */
export function putServiceRecord(
  transaction: Transaction,
  tables: CaTables,
  record: ServiceRecord,
): void {
  transaction.put(tables.service, encodeServiceRecord(record));
}
