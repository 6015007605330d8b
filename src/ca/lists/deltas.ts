/**
 * The delta lists of a CA (RFC 5280 §5.2.4) as the rest of the program uses them: publish, look up, say what is due.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { PublicationCalendar } from '../authority-status.ts';
import { type CaCore, reading } from '../ca-core.ts';
import type { PublishedDelta } from '../records/scope-record.ts';
import { readAllDeltas, readScopeRecord } from '../records/scope-state.ts';
import type { CrlPublication } from './crl-publication.ts';
import type { DeltaPublication } from './delta-publication.ts';

export interface DeltasParts {
  readonly publication: CrlPublication;
  readonly calendar: PublicationCalendar;
  /** Of operations that whoever closes the CA waits for. */
  readonly track: <T>(operation: Promise<T>) => Promise<T>;
  readonly onPublished: (scopeId: string) => void;
}

export class Deltas {
  readonly #core: CaCore;
  readonly #parts: DeltasParts;

  constructor(core: CaCore, parts: DeltasParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /**
   * Publishes the next delta list of a scope, due or not; its full list is not touched.
   *
   * @returns undefined for a scope that has none.
   * @throws {CaError} `CA_SCOPE_UNKNOWN`, and what `CrlPublication.publishDelta` throws.
   */
  publish(scopeId: string, origin: AuditOrigin): Promise<DeltaPublication | undefined> {
    return this.#parts.track(this.#publishNow(scopeId, origin));
  }

  async #publishNow(scopeId: string, origin: AuditOrigin): Promise<DeltaPublication | undefined> {
    const { publication, calendar, onPublished } = this.#parts;
    const scope = this.#core.scopes.find(scopeId);
    const delta = await publication.publishDelta(scope, origin);
    if (delta !== undefined) {
      calendar.note(scope.id, { delta });
      onPublished(scope.id);
    }
    return delta;
  }

  /** Scopes whose delta list is due, the longest overdue first. */
  dueScopes(nowMs: number): readonly string[] {
    return this.#parts.calendar.dueDeltas(nowMs);
  }

  /** When the next delta list is due; Infinity where there are none. */
  nextDueMs(): number {
    return this.#parts.calendar.nextDeltaDueMs();
  }

  /** Every delta list of a scope that was published, by number, without its bytes. @throws {CaError} `CA_SCOPE_UNKNOWN`. */
  listArchived(scopeId: string): Promise<readonly PublishedDelta[]> {
    const { store, tables, scopes } = this.#core;
    const { id } = scopes.find(scopeId);
    return reading(store, (view) => readAllDeltas(view, tables, id));
  }

  /** The one that is in the directory now; undefined when there is none. @throws {CaError} `CA_SCOPE_UNKNOWN`. */
  async onShow(scopeId: string): Promise<PublishedDelta | undefined> {
    const { store, tables, scopes } = this.#core;
    const { id } = scopes.find(scopeId);
    return (await reading(store, (view) => readScopeRecord(view, tables, id))).delta;
  }
}
