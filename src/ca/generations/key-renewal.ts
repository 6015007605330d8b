/**
 * The renewal of the CA's key (gunma 4-13, jlis 5.6, secom 4.10; RFC 9810 §4.4), in two steps between which people can
 * look at what was made. `prepare`: a new key in the token, its self-signed certificate, and the two link certificates
 * between it and the one before; durable, and seen by nobody. `switchOver`: in one transaction all of them are
 * published and the new key issues.
 *
 * Each step can be done again after a failure at any point: what an interrupted run has made is taken up. Until the
 * second is durable the older key issues, from then on the newer one.
 *
 * Not here: who approves (`app/ceremonies.ts`), the end of the older generation (`retirement.ts`).
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { formatHex } from '../../core/bytes.ts';
import { computeKeyIdentifier } from '../../x509/key-identifier.ts';
import { type CaCore, recordFailure } from '../ca-core.ts';
import { recordCertificate } from '../certificates/certificate-making.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import { openScope } from '../lists/list-opening.ts';
import { type RenewalWarning, renewalDueMs, renewalWarningAt } from '../policy/key-life.ts';
import type { KeyGeneration } from '../records/authority-record.ts';
import { changeAuthorityRecord } from './authority-change.ts';
import { assertKeyInToken, keyLabelOf, obtainKey } from './authority-key.ts';
import {
  assertLinksAreProfiled,
  type GenerationCertificates,
  makeCertificates,
  type NextGeneration,
} from './generation-making.ts';
import { publishCertificates } from './published-certificates.ts';

/** Where the renewal stands. */
export interface KeyRenewalStatus {
  /** By when another key is to issue, in epoch milliseconds. */
  readonly dueMs: number;
  /** How near that is; undefined while it is further away than a year. */
  readonly warning: RenewalWarning | undefined;
  /** Since when another generation has waited to take over; undefined when none does. */
  readonly preparedMs: number | undefined;
}

export class KeyRenewal {
  readonly #core: CaCore;
  /** One thing at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(core: CaCore) {
    this.#core = core;
  }

  /** By when another key is to issue, in epoch milliseconds. */
  get dueMs(): number {
    const { authorities, policy } = this.#core;
    const { generation, certificate } = authorities.current;
    const { createdMs } = authorities.generation(generation);
    return renewalDueMs({ createdMs, endMs: certificate.notAfterMs }, policy);
  }

  /** How near that is; undefined while it is further away than a year. */
  get warning(): RenewalWarning | undefined {
    const { clock, policy } = this.#core;
    return renewalWarningAt(clock.nowMs(), this.dueMs, policy);
  }

  get status(): KeyRenewalStatus {
    return { dueMs: this.dueMs, warning: this.warning, preparedMs: this.prepared?.stateSinceMs };
  }

  /** The generation that waits to take over; undefined when none does. */
  get prepared(): KeyGeneration | undefined {
    return this.#core.authorities.record.generations.find(({ state }) => state === 'made');
  }

  /** The number of the generation that waits to take over, or that the next one will have. */
  get nextNumber(): number {
    const last = this.#core.authorities.record.generations.at(-1)?.number ?? 0;
    return this.prepared?.number ?? last + 1;
  }

  /** The name in the token that the next generation's key has, or will have. */
  get nextKeyLabel(): string {
    return keyLabelOf(this.#core.policy.id, this.nextNumber);
  }

  /**
   * Makes the next generation, or returns the one that waits to take over.
   *
   * @throws {CaError} `CA_KEY_MISMATCH`, `CA_LINT`, `CA_SIGNATURE_WRONG`, `CA_RECOVERY_PENDING`, `CA_NOT_OWNER`.
   * @throws {SigningError} also `SIGNING_APPROVAL_NEEDED` where custodians have to approve of new keys.
   */
  prepare(origin: AuditOrigin): Promise<KeyGeneration> {
    return this.#inTurn('ca.key.make', origin, () => this.#prepareNow(origin));
  }

  /**
   * Publishes what was prepared; the new key issues from now on. Lists of the older key stay valid until the next ones.
   *
   * @throws {CaError} `CA_RENEWAL_NONE` when nothing was prepared, `CA_KEY_MISMATCH` when the token does not have its
   *   key, `CA_NOT_OWNER`. @throws {SigningError} when the token is away.
   */
  switchOver(origin: AuditOrigin): Promise<KeyGeneration> {
    return this.#inTurn('ca.key.switch', origin, () => this.#switchNow(origin));
  }

  async #prepareNow(origin: AuditOrigin): Promise<KeyGeneration> {
    const waiting = this.prepared;
    if (waiting !== undefined) {
      return waiting;
    }
    assertLinksAreProfiled(this.#core);
    const { nextNumber: number } = this;
    const older = this.#core.authorities.current;
    const key = await obtainKey(this.#core, number);
    const next = { number, key, older };
    const certificates = await makeCertificates(this.#core, next, origin);
    return await this.#record(next, certificates, origin);
  }

  /** One transaction: the certificates into the register, the generation into the record, as made and no more. */
  async #record(
    { number, key, older }: NextGeneration,
    { own, links }: GenerationCertificates,
    origin: AuditOrigin,
  ): Promise<KeyGeneration> {
    const signed = [own, ...(links === undefined ? [] : [links.oldWithNew, links.newWithOld])];
    const generation: KeyGeneration = {
      number,
      keyLabel: key.label,
      createdMs: key.createdMs,
      certificate: own.certificate.der,
      state: 'made',
      stateSinceMs: this.#core.clock.nowMs(),
      ...(links === undefined
        ? {}
        : {
            links: {
              oldWithNew: links.oldWithNew.certificate.der,
              newWithOld: links.newWithOld.certificate.der,
            },
          }),
    };
    await changeAuthorityRecord(this.#core, 'ca: make generation', async (transaction, record) => {
      for (const one of signed) {
        await recordCertificate(this.#core, transaction, one);
      }
      await this.#core.audit.append(transaction, {
        kind: 'ca.key.make',
        result: 'done',
        origin,
        subject: key.label,
        after: recordDigest(own.certificate.der),
        details: {
          generation: number,
          older: older.keyLabel,
          keyIdentifier: formatHex(computeKeyIdentifier(key.spki)),
          serialNumbers: signed
            .map(({ draft }) => formatSerialNumber(draft.serialNumber))
            .join(' '),
        },
      });
      return { ...record, generations: [...record.generations, generation] };
    });
    return generation;
  }

  async #switchNow(origin: AuditOrigin): Promise<KeyGeneration> {
    const { authorities, scopes, service, signer, audit, clock } = this.#core;
    const { prepared } = this;
    if (prepared === undefined) {
      throw new CaError('CA_RENEWAL_NONE', 'no key waits to take over; make one first');
    }
    const older = authorities.current;
    const newer = authorities.of(prepared.number);
    await assertKeyInToken(signer, newer);
    const stateSinceMs = clock.nowMs();
    await changeAuthorityRecord(this.#core, 'ca: switch key', async (transaction, before) => {
      const generations = before.generations.map((one): KeyGeneration => {
        if (one.number === newer.generation) {
          const { links, ...bare } = one;
          const isTrusted = links !== undefined && !service.isCompromised(older.generation);
          // A key that others have is vouched for by nobody, and vouches for nothing.
          return { ...bare, state: 'current', stateSinceMs, ...(isTrusted ? { links } : {}) };
        }
        return one.state === 'current' ? { ...one, state: 'retiring', stateSinceMs } : one;
      });
      const record = { ...before, generations };
      await publishCertificates(this.#core, transaction, record);
      for (const scope of scopes.fullOf(newer.generation)) {
        await openScope(this.#core, transaction, scope);
      }
      await audit.append(transaction, {
        kind: 'ca.key.switch',
        result: 'done',
        origin,
        subject: newer.keyLabel,
        before: recordDigest(older.certificate.der),
        after: recordDigest(newer.certificate.der),
        details: { generation: newer.generation, older: older.keyLabel },
      });
      return record;
    });
    return authorities.generation(newer.generation);
  }

  #inTurn<T>(kind: string, origin: AuditOrigin, action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action).catch(async (error: unknown) => {
      const event = { kind, origin, subject: this.nextKeyLabel };
      await recordFailure(this.#core, event, error);
      throw error;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
