/**
 * The end of older generations of the CA's key. One is retired when nothing that it signed for others is valid any
 * more and every list that had to say so has come out; its certificate and the links to it stay in the CA's entry
 * until they end themselves (gunma 2-6-1).
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { type CaCore, reading, transactAsOwner } from '../ca-core.ts';
import { listCertificates } from '../certificates/certificate-register.ts';
import { validityMs } from '../policy/cadence.ts';
import { latestEndMs } from '../policy/key-life.ts';
import type { KeyGeneration } from '../records/authority-record.ts';
import { changeAuthorityRecord } from './authority-change.ts';
import {
  areCertificatesPublished,
  nextEndMs,
  publishCertificates,
} from './published-certificates.ts';

/** Certificates looked at between two turns of other work. */
const LOOKS_PER_TURN = 64;

export class Retirement {
  readonly #core: CaCore;
  /** Found by looking: a certificate of that generation ends so late. */
  readonly #found = new Map<number, number>();
  /** The entry is looked at once after each start, and when a link was revoked, whatever the calendar says. */
  #hasLooked = false;

  constructor(core: CaCore) {
    this.#core = core;
  }

  /** When something is to be done next, in epoch milliseconds; undefined when nothing ever is. */
  get dueMs(): number | undefined {
    if (!this.#hasLooked) {
      return 0;
    }
    const { authorities, clock } = this.#core;
    const dues = this.#retiring().map((one) => this.#dueOf(one));
    const dueMs = Math.min(nextEndMs(authorities.record, clock.nowMs()), ...dues);
    return Number.isFinite(dueMs) ? dueMs : undefined;
  }

  /** A link was revoked: the entry is looked at when the schedule comes to it. */
  lookAgain(): void {
    this.#hasLooked = false;
  }

  /** Retires what is over and takes what has ended out of the CA's entry. @throws {CaError} `CA_NOT_OWNER` */
  async run(origin: AuditOrigin): Promise<void> {
    const { clock } = this.#core;
    for (const generation of this.#retiring()) {
      if (this.#dueOf(generation) <= clock.nowMs()) {
        await this.#retire(generation, origin);
      }
    }
    await this.#publish(origin);
    this.#hasLooked = true;
  }

  #retiring(): readonly KeyGeneration[] {
    return this.#core.authorities.record.generations.filter(({ state }) => state === 'retiring');
  }

  #dueOf({ number, createdMs, stateSinceMs }: KeyGeneration): number {
    const { authorities, policy } = this.#core;
    const endMs = authorities.of(number).certificate.notAfterMs;
    const lastMs =
      this.#found.get(number) ?? latestEndMs(stateSinceMs, { createdMs, endMs }, policy);
    // By then a list has come out that was made after the end (RFC 5280 §3.3), and it is over as well.
    return lastMs + 2 * validityMs(policy);
  }

  async #retire({ number, keyLabel }: KeyGeneration, origin: AuditOrigin): Promise<void> {
    const { authorities, scopes, clock, audit, log } = this.#core;
    const lastMs = await this.#lastEndMs(number);
    this.#found.set(number, lastMs);
    const nowMs = clock.nowMs();
    if (lastMs + 2 * validityMs(this.#core.policy) > nowMs) {
      return;
    }
    await changeAuthorityRecord(this.#core, 'ca: retire key', async (transaction, before) => {
      await audit.append(transaction, {
        kind: 'ca.key.retire',
        result: 'done',
        origin,
        subject: keyLabel,
        details: { generation: number, lastEnd: new Date(lastMs).toISOString() },
      });
      const generations = before.generations.map(
        (one): KeyGeneration =>
          one.number === number ? { ...one, state: 'retired', stateSinceMs: nowMs } : one,
      );
      return { ...before, generations };
    });
    scopes.followGenerations(authorities.alive.map((one) => one.generation));
    log.info('a key of the CA is retired: nothing that it signed is valid any more', { keyLabel });
  }

  /** The end of the last certificate that a generation has issued, but for those of the CA's own keys. */
  #lastEndMs(generation: number): Promise<number> {
    const { store, tables, clock, profiles } = this.#core;
    const isOwn = (profile: string): boolean => {
      const kind = profiles.get(profile)?.definition.kind;
      return kind === 'self-signed' || kind === 'link';
    };
    return reading(store, async (view) => {
      let lastMs = 0;
      let untilTurn = LOOKS_PER_TURN;
      const filter = { generation, nowMs: clock.nowMs() };
      for await (const { profile, notAfterMs } of listCertificates(view, tables, filter)) {
        lastMs = isOwn(profile) ? lastMs : Math.max(lastMs, notAfterMs);
        untilTurn -= 1;
        if (untilTurn === 0) {
          untilTurn = LOOKS_PER_TURN;
          await nextTurn();
        }
      }
      return lastMs;
    });
  }

  async #publish(origin: AuditOrigin): Promise<void> {
    const { authorities, store, audit, policy } = this.#core;
    const isRight = await reading(store, (view) =>
      areCertificatesPublished(this.#core, view, authorities.record),
    );
    if (isRight) {
      return;
    }
    await transactAsOwner(this.#core, 'ca: publish certificates', async (transaction) => {
      await publishCertificates(this.#core, transaction, authorities.record);
      await audit.append(transaction, {
        kind: 'ca.certificates.publish',
        result: 'done',
        origin,
        subject: policy.id,
      });
    });
  }
}
