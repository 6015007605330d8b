/**
 * What ends the CA's service, or a key's: a compromise that was reported (gunma 4-14-2, mic 4.8.3, secom 4.11) and the
 * end of the service (secom 4.12, mic 4.9). Each decision is one durable transaction with its audit record; the rest
 * follows by itself (`cessation-run.ts`).
 *
 * A report stops issuing at once, whoever makes it: that is the safe side, and can be taken back. What cannot, the
 * revocations and the last lists, waits for an approval.
 *
 * Not here: who approves (`app/ceremonies.ts`), the notices (`app/cessation-notice.ts`).
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { CaCore } from '../ca-core.ts';
import type { GroupOutcome } from '../certificates/revocation-group.ts';
import { CaError } from '../errors.ts';
import type { Cessation, NoticeText } from '../records/service-record.ts';
import { changeServiceRecord } from './cessation-change.ts';
import {
  type CessationSurroundings,
  cessationDueMs,
  enter,
  stepCessation,
} from './cessation-run.ts';

/** What is reported or announced. */
export interface CessationOrder {
  /** Of the ceremony that it belongs to. */
  readonly id: string;
  readonly explanation: NoticeText;
  readonly origin: AuditOrigin;
}

export class Cessations {
  readonly #core: CaCore;
  readonly #onRevoked: (outcome: GroupOutcome) => Promise<void>;
  /** One at a time; whoever asks meanwhile waits and then looks again. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param onRevoked Told what was revoked, when it is durable. */
  constructor(core: CaCore, onRevoked: (outcome: GroupOutcome) => Promise<void>) {
    this.#core = core;
    this.#onRevoked = onRevoked;
  }

  /** All that count, oldest first. */
  get list(): readonly Cessation[] {
    return this.#core.service.cessations;
  }

  /** @throws {CaError} `CA_CESSATION_UNKNOWN` */
  find(id: string): Cessation {
    return this.#core.service.of(id);
  }

  /** What keeps the CA from issuing now. */
  get stop(): Cessation | undefined {
    const { service, authorities, clock } = this.#core;
    return service.stopOf(authorities.current.generation, clock.nowMs());
  }

  /** When something is to be done next, in epoch milliseconds; undefined when nothing is. */
  get dueMs(): number | undefined {
    const dues = this.list.flatMap((one) => cessationDueMs(this.#core, one) ?? []);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  /**
   * Reports a key as compromised: from now on it issues nothing. Nothing else happens before `approve`. A report takes
   * the place of one that waits for approval.
   *
   * @throws {CaError} `CA_CESSATION_STATE` when one was approved already, or there is no such key.
   */
  async report(
    order: CessationOrder & { readonly generation?: number; readonly destroysKey: boolean },
  ): Promise<Cessation> {
    const { authorities, service } = this.#core;
    const generation = order.generation ?? authorities.current.generation;
    if (!authorities.all.some((one) => one.generation === generation)) {
      throw new CaError('CA_CESSATION_STATE', `the CA never had a key ${generation}`);
    }
    const { destroysKey } = order;
    const isSameReport = (one: Cessation): boolean =>
      one.kind === 'compromise' && one.generation === generation && one.phase !== 'withdrawn';
    return await this.#begin(order, {
      ...{ kind: 'compromise', phase: 'suspended', generation, destroysKey, revokes: true },
      refuse: () =>
        service.cessations.some((one) => isSameReport(one) && one.phase !== 'suspended')
          ? 'that was reported and approved already (certdir status)'
          : undefined,
      replaces: isSameReport,
    });
  }

  /**
   * Announces the end of the service. To be called once that is approved: everything else follows by itself.
   *
   * @param stopsMs When issuing stops; what is valid then is revoked, if `revokes`.
   * @throws {CaError} `CA_CESSATION_STATE` when the service ends already.
   */
  announce(
    order: CessationOrder & { readonly stopsMs: number; readonly revokes: boolean },
  ): Promise<Cessation> {
    const { authorities, service } = this.#core;
    const { generation } = authorities.current;
    const { stopsMs, revokes } = order;
    return this.#begin(order, {
      ...{ kind: 'end-of-service', phase: 'announced', generation, stopsMs, revokes },
      destroysKey: false,
      refuse: () =>
        service.cessations.some(({ kind }) => kind === 'end-of-service')
          ? 'the end of the service was announced already'
          : undefined,
    });
  }

  /**
   * A report was approved: every valid certificate of the key is revoked, for good.
   *
   * @throws {CaError} `CA_CESSATION_UNKNOWN`, `CA_CESSATION_STATE`
   */
  approve(id: string, origin: AuditOrigin): Promise<Cessation> {
    return this.#from(id, 'suspended', () =>
      enter(this.#core, { id }, { phase: 'revoking', origin }),
    );
  }

  /**
   * A report was none: the key issues again.
   *
   * @throws {CaError} `CA_CESSATION_UNKNOWN`, `CA_CESSATION_STATE` once it was approved.
   */
  withdraw(id: string, origin: AuditOrigin): Promise<Cessation> {
    return this.#from(id, 'suspended', () =>
      enter(this.#core, { id }, { phase: 'withdrawn', origin }),
    );
  }

  /**
   * Does everything that is to be done now. Ends early when its signal says so; asked again it goes on.
   *
   * @throws whatever publishing throws; what is durable stays.
   */
  run(surroundings: CessationSurroundings): Promise<void> {
    return this.#inTurn(() => this.#runNow(surroundings));
  }

  async #runNow(surroundings: CessationSurroundings): Promise<void> {
    const around = { ...surroundings, onRevoked: this.#onRevoked };
    for (const { id } of this.list) {
      while (surroundings.signal?.aborted !== true) {
        const hasStepped = await stepCessation(this.#core, this.find(id), around);
        if (!hasStepped) {
          break;
        }
        surroundings.onStep?.(this.find(id));
      }
    }
  }

  #begin(
    { id, explanation, origin }: CessationOrder,
    {
      refuse,
      replaces = () => false,
      stopsMs,
      ...rest
    }: Pick<Cessation, 'kind' | 'phase' | 'generation' | 'destroysKey' | 'revokes'> & {
      readonly stopsMs?: number;
      readonly refuse: () => string | undefined;
      readonly replaces?: (one: Cessation) => boolean;
    },
  ): Promise<Cessation> {
    return changeServiceRecord(this.#core, `ca: ${rest.kind}`, async (transaction, record) => {
      const why = refuse();
      if (why !== undefined || record.cessations.some((one) => one.id === id)) {
        throw new CaError('CA_CESSATION_STATE', why ?? `there is a cessation ${id} already`);
      }
      const nowMs = this.#core.clock.nowMs();
      const replaced = record.cessations.find(replaces);
      const begun: Cessation = {
        // It has stopped then, and not begun again.
        ...{ ...rest, id, explanation, stopsMs: stopsMs ?? replaced?.stopsMs ?? nowMs },
        ...{ phaseSinceMs: nowMs, startedMs: nowMs, cursor: '', revoked: 0, lastEndMs: 0 },
      };
      await this.#core.audit.append(transaction, {
        kind: `ca.${begun.kind}`,
        result: 'done',
        origin,
        subject: id,
        details: {
          ...{ phase: begun.phase, generation: begun.generation },
          ...{ stops: new Date(begun.stopsMs).toISOString(), destroysKey: begun.destroysKey },
          revokes: begun.revokes,
          ...(replaced === undefined ? {} : { replaces: replaced.id }),
        },
      });
      const cessations = [...record.cessations.filter((one) => !replaces(one)), begun];
      return { record: { ...record, cessations }, result: begun };
    });
  }

  async #from(
    id: string,
    phase: Cessation['phase'],
    act: () => Promise<Cessation>,
  ): Promise<Cessation> {
    return await this.#inTurn(async () => {
      const now = this.find(id).phase;
      if (now !== phase) {
        throw new CaError('CA_CESSATION_STATE', `${id} is not ${phase} but ${now}`);
      }
      return await act();
    });
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
