/**
 * The CA's delegated OCSP responder (RFC 6960 §2.6, §4.2.2.2): a key of its own in the token, which signs answers about
 * this CA's certificates and nothing else, and a certificate that the CA has issued for it. Before the certificate
 * ends another key is made and certified. Each generation of the CA's key has one, because the delegate is certified by
 * the very key that signed what is asked about.
 *
 * Not here: what is answered (`src/ocsp`).
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { SigningError } from '../../signing/errors.ts';
import type { KeyUse } from '../../signing/key-use.ts';
import type { KeyDescription, KeyUsagePurpose, SignatureAlgorithm } from '../../signing/signer.ts';
import type { ReadView } from '../../store/store.ts';
import { encodeSignatureAlgorithm, parseSignatureAlgorithm } from '../../x509/algorithms.ts';
import { assembleSigned, type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { encodeCertificationRequestInfo } from '../../x509/csr.ts';
import { verifySignature } from '../../x509/verify-signature.ts';
import type { Authority } from '../authorities.ts';
import { type CaCore, signPieces, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { latestEndMs } from '../policy/key-life.ts';
import type { OcspPolicy } from '../policy/ocsp-policy.ts';
import { keyTypeOf, signatureAlgorithmOf } from '../policy/policy.ts';
import { encodeResponderRecord, parseResponderRecord } from '../records/responder-record.ts';
import { findByIndex } from './certificate-register.ts';
import type { Issuance } from './issuance.ts';
import { digestOfKey } from './issue-request.ts';
import { formatSerialNumber } from './serial-number.ts';

/** The responder as it signs now. */
export interface Responder {
  readonly number: number;
  /** Of the CA's key: the one that has certified it, and about whose certificates it answers. */
  readonly generation: number;
  readonly keyLabel: string;
  readonly algorithm: SignatureAlgorithm;
  readonly certificate: Certificate;
}

/** A key as it is asked of the token. */
export interface ResponderKeyRequest extends Pick<KeyDescription, 'label' | 'type' | 'purposes'> {
  readonly use: KeyUse;
}

const PURPOSES: readonly KeyUsagePurpose[] = ['ocsp', 'request'];
const DAY_MS = 86_400_000;

export class ResponderKeys {
  readonly #core: CaCore;
  readonly #issuance: Issuance;
  readonly #openedMs: number;
  /** By generation of the CA's key. */
  readonly #known: Map<number, Responder>;
  /** One is made after the other: their keys are numbered. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #renewing = new Map<number, Promise<Responder>>();

  private constructor(core: CaCore, issuance: Issuance, known: Map<number, Responder>) {
    this.#core = core;
    this.#issuance = issuance;
    this.#openedMs = core.clock.nowMs();
    this.#known = known;
  }

  /** @throws {CaError} `CA_RECORD_DAMAGED` */
  static async open(core: CaCore, issuance: Issuance, view: ReadView): Promise<ResponderKeys> {
    const known = new Map<number, Responder>();
    for (const { generation } of core.authorities.all) {
      const bytes = await view.read(core.tables.responder(generation));
      const responder = bytes && readResponder(core, generation, bytes);
      if (responder !== undefined) {
        known.set(generation, responder);
      }
    }
    return new ResponderKeys(core, issuance, known);
  }

  /** Of the generation that issues. Undefined before the first was made. */
  get current(): Responder | undefined {
    return this.of(this.#core.authority.generation);
  }

  /** Of a generation of the CA's key. Its certificate may have ended: the caller looks. */
  of(generation: number): Responder | undefined {
    return this.#known.get(generation);
  }

  /** When another is to be made, in epoch milliseconds; undefined where the policy has no OCSP. */
  get dueMs(): number | undefined {
    const dues = this.#core.authorities.alive.flatMap((one) => this.#dueOf(one) ?? []);
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  #dueOf({ generation, certificate }: Authority): number | undefined {
    const { policy, service } = this.#core;
    const isOff = policy.ocsp === undefined || policy.ocsp.access === 'off';
    if (isOff || !service.hasResponder(generation)) {
      return undefined;
    }
    const current = this.#known.get(generation)?.certificate;
    // RFC 6960 §4.2.2.2: by the very key that signs certificates.
    if (current === undefined || !isIssuedBy(current, certificate)) {
      return this.#openedMs;
    }
    if (current.notAfterMs >= this.#neededUntilMs(generation)) {
      // Another one would end no later, or would have nothing to answer about.
      return undefined;
    }
    return current.notAfterMs - policy.ocsp.renewBeforeDays * DAY_MS;
  }

  /** The end of the CA's certificate; of a key that issues no longer, that of the last that it may have issued. */
  #neededUntilMs(generation: number): number {
    const { authorities, policy } = this.#core;
    const { createdMs, state, stateSinceMs } = authorities.generation(generation);
    const endMs = authorities.of(generation).certificate.notAfterMs;
    return state === 'current' ? endMs : latestEndMs(stateSinceMs, { createdMs, endMs }, policy);
  }

  /** Makes those that are due. @throws what `renew` throws. */
  async renewDue(origin: AuditOrigin): Promise<void> {
    const { authorities, clock } = this.#core;
    for (const authority of authorities.alive) {
      if ((this.#dueOf(authority) ?? Number.POSITIVE_INFINITY) <= clock.nowMs()) {
        await this.renew(origin, authority.generation);
      }
    }
  }

  /** What will be asked of the token for the next key. @throws {CaError} `CA_OCSP_OFF` */
  get nextKeyRequest(): ResponderKeyRequest {
    const { ocsp } = this.#core.policy;
    if (ocsp === undefined) {
      throw new CaError('CA_OCSP_OFF', 'the policy has no OCSP; set ocsp.access');
    }
    return this.#requestFor(this.#labelOf(this.#nextNumber), ocsp);
  }

  #requestFor(label: string, { key }: OcspPolicy): ResponderKeyRequest {
    const issuer = this.#core.authority.reference.name.der;
    const use = { issuer, certificates: [] };
    return { label, type: keyTypeOf(key.type), purposes: PURPOSES, use };
  }

  /**
   * Makes another key and has the CA certify it; answers are signed with it from then on. Can be called again
   * after a failure: what an interrupted run has made is taken up. The key before stays in the token.
   *
   * @param generation Of the CA's key; the one that issues when left out.
   * @throws {CaError} `CA_OCSP_OFF`, and what `Issuance.issue` throws. @throws {SigningError} also
   *   `SIGNING_APPROVAL_NEEDED` where custodians have to approve of new keys.
   */
  renew(
    origin: AuditOrigin,
    generation: number = this.#core.authority.generation,
  ): Promise<Responder> {
    const underWay = this.#renewing.get(generation);
    if (underWay !== undefined) {
      return underWay;
    }
    const run = this.#last.then(() => this.#renewNow(generation, origin));
    const renewing = run.finally(() => this.#renewing.delete(generation));
    this.#last = renewing.catch(() => undefined);
    this.#renewing.set(generation, renewing);
    return renewing;
  }

  /**
   * Signs an answer with the current key.
   *
   * @param data ResponseData (RFC 6960 §4.2.1).
   * @throws {CaError} `CA_RECOVERY_PENDING`. @throws {SigningError}
   */
  sign(responder: Responder, data: Uint8Array): Promise<Uint8Array> {
    const { keyLabel: label, algorithm } = responder;
    return signPieces(this.#core, { label, purpose: 'ocsp', algorithm }, [data]);
  }

  async #renewNow(generation: number, origin: AuditOrigin): Promise<Responder> {
    const { policy, audit, tables, clock } = this.#core;
    const { ocsp } = policy;
    if (ocsp === undefined || ocsp.access === 'off') {
      throw new CaError('CA_OCSP_OFF', 'the policy has no OCSP; set ocsp.access');
    }
    const { number, key, certificate } = await this.#obtain(generation, ocsp, origin);
    const record = {
      number,
      keyLabel: key.label,
      madeMs: clock.nowMs(),
      certificate: certificate.der,
    };
    await transactAsOwner(this.#core, 'ca: responder renewed', async (transaction) => {
      transaction.put(tables.responder(generation), encodeResponderRecord(record));
      await audit.append(transaction, {
        kind: 'ocsp.responder.renew',
        result: 'done',
        origin,
        subject: formatSerialNumber(certificate.serialNumber),
        after: recordDigest(certificate.der),
        details: { keyLabel: key.label, number, generation },
      });
    });
    const algorithm = signatureAlgorithmOf(ocsp.key.signature);
    const responder = { number, generation, keyLabel: key.label, algorithm, certificate };
    this.#known.set(generation, responder);
    return responder;
  }

  get #nextNumber(): number {
    return Math.max(0, ...[...this.#known.values()].map(({ number }) => number)) + 1;
  }

  #labelOf(number: number): string {
    return `${this.#core.policy.id}-ocsp-${number}`;
  }

  /** A key with its certificate: what an interrupted run has left for this generation, or new ones. */
  async #obtain(
    generation: number,
    ocsp: OcspPolicy,
    origin: AuditOrigin,
  ): Promise<{
    readonly number: number;
    readonly key: KeyDescription;
    readonly certificate: Certificate;
  }> {
    for (let number = this.#nextNumber; ; number += 1) {
      const key = await this.#obtainKey(this.#labelOf(number), ocsp);
      const certificate = await this.#certify(key, { ocsp, generation, origin });
      if (certificate !== undefined) {
        return { number, key, certificate };
      }
    }
  }

  async #obtainKey(label: string, ocsp: OcspPolicy): Promise<KeyDescription> {
    const { signer } = this.#core;
    const wanted = this.#requestFor(label, ocsp);
    // Looked for first: a key that is there needs nobody's approval.
    const known = (await signer.list()).find((key) => key.label === label);
    if (known === undefined) {
      try {
        return await signer.generate(wanted);
      } catch (error) {
        if (!(error instanceof SigningError) || error.code !== 'SIGNING_KEY_EXISTS') {
          throw error;
        }
      }
    }
    const found = known ?? (await signer.describe(label));
    const isOurs =
      JSON.stringify(found.type) === JSON.stringify(wanted.type) &&
      PURPOSES.every((purpose) => found.purposes.includes(purpose));
    if (!isOurs) {
      throw new CaError(
        'CA_KEY_MISMATCH',
        `the token has a key ${label} of another type or for other purposes; remove it`,
      );
    }
    return found;
  }

  /**
   * The certificate that an interrupted run was given for the key, or a new one.
   *
   * @returns undefined when the key is certified by another generation of the CA's key.
   */
  async #certify(
    key: KeyDescription,
    {
      ocsp: { profile, key: wanted },
      generation,
      origin,
    }: {
      readonly ocsp: OcspPolicy;
      readonly generation: number;
      readonly origin: AuditOrigin;
    },
  ): Promise<Certificate | undefined> {
    const { store, tables, clock, authority } = this.#core;
    const at = { digest: digestOfKey(key.spki), nowMs: clock.nowMs() };
    const snapshot = store.snapshot();
    const [known] = await findByIndex(snapshot, tables, { index: 'publicKey', ...at }).finally(() =>
      snapshot.close(),
    );
    if (known !== undefined && known.generation !== generation) {
      return undefined;
    }
    if (known?.state === 'good' && known.profile === profile) {
      return parseCertificate(known.der);
    }
    const algorithm = signatureAlgorithmOf(wanted.signature);
    // The profile says what the subject will be; a request has to name some.
    const info = encodeCertificationRequestInfo({
      subject: authority.reference.name,
      spki: key.spki,
    });
    const signing = { label: key.label, purpose: 'request', algorithm } as const;
    const signature = await signPieces(this.#core, signing, [info]);
    const csr = assembleSigned(info, encodeSignatureAlgorithm(algorithm), signature);
    const { certificate } = await this.#issuance.issue({ profile, csr, origin }, generation);
    return certificate;
  }
}

function readResponder(
  { policy }: CaCore,
  generation: number,
  bytes: Uint8Array,
): Responder | undefined {
  if (policy.ocsp === undefined) {
    return undefined;
  }
  const { number, keyLabel, certificate } = parseResponderRecord(bytes);
  return {
    number,
    generation,
    keyLabel,
    algorithm: signatureAlgorithmOf(policy.ocsp.key.signature),
    certificate: parseCertificate(certificate),
  };
}

function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const { tbs, signature, signatureAlgorithm } = certificate;
  const algorithm = parseSignatureAlgorithm(signatureAlgorithm);
  return verifySignature({ spki: issuer.spki, algorithm, message: tbs, signature });
}
