/**
 * The CA's delegated OCSP responder (RFC 6960 §2.6, §4.2.2.2): a key of its own in the token, which signs answers about
 * this CA's certificates and nothing else, and a certificate that the CA has issued for it. Before the certificate
 * ends another key is made and certified.
 *
 * Not here: what is answered (`src/ocsp`).
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { SigningError } from '../../signing/errors.ts';
import type { KeyDescription, KeyUsagePurpose, SignatureAlgorithm } from '../../signing/signer.ts';
import type { ReadView } from '../../store/store.ts';
import { encodeSignatureAlgorithm, parseSignatureAlgorithm } from '../../x509/algorithms.ts';
import { assembleSigned, type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { encodeCertificationRequestInfo } from '../../x509/csr.ts';
import { verifySignature } from '../../x509/verify-signature.ts';
import { type CaCore, signPieces, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
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
  readonly keyLabel: string;
  readonly algorithm: SignatureAlgorithm;
  readonly certificate: Certificate;
}

const PURPOSES: readonly KeyUsagePurpose[] = ['ocsp', 'request'];
const DAY_MS = 86_400_000;

export class ResponderKeys {
  readonly #core: CaCore;
  readonly #issuance: Issuance;
  readonly #openedMs: number;
  #current: Responder | undefined;
  #renewing: Promise<Responder> | undefined;

  private constructor(core: CaCore, issuance: Issuance, current: Responder | undefined) {
    this.#core = core;
    this.#issuance = issuance;
    this.#openedMs = core.clock.nowMs();
    this.#current = current;
  }

  /** @throws {CaError} `CA_RECORD_DAMAGED` */
  static async open(core: CaCore, issuance: Issuance, view: ReadView): Promise<ResponderKeys> {
    const bytes = await view.read(core.tables.responder);
    return new ResponderKeys(
      core,
      issuance,
      bytes === undefined ? undefined : readResponder(core, bytes),
    );
  }

  /** Undefined before the first was made. Its certificate may have ended: the caller looks. */
  get current(): Responder | undefined {
    return this.#current;
  }

  /** When another is to be made, in epoch milliseconds; undefined where the policy has no OCSP. */
  get dueMs(): number | undefined {
    const { policy, authority } = this.#core;
    if (policy.ocsp === undefined || policy.ocsp.access === 'off') {
      return undefined;
    }
    const current = this.#current?.certificate;
    // RFC 6960 §4.2.2.2: by the very key that signs certificates now.
    if (current === undefined || !isIssuedBy(current, authority.certificate)) {
      return this.#openedMs;
    }
    if (current.notAfterMs >= authority.certificate.notAfterMs) {
      // Another one would end no later.
      return undefined;
    }
    return current.notAfterMs - policy.ocsp.renewBeforeDays * DAY_MS;
  }

  /**
   * Makes another key and has the CA certify it; answers are signed with it from then on. Can be called again
   * after a failure: what an interrupted run has made is taken up. The key before stays in the token.
   *
   * @throws {CaError} `CA_OCSP_OFF`, and what `Issuance.issue` throws. @throws {SigningError} also
   *   `SIGNING_APPROVAL_NEEDED` where custodians have to approve of new keys.
   */
  renew(origin: AuditOrigin): Promise<Responder> {
    this.#renewing ??= this.#renewNow(origin).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
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

  async #renewNow(origin: AuditOrigin): Promise<Responder> {
    const { policy, audit, tables, clock } = this.#core;
    const { ocsp } = policy;
    if (ocsp === undefined || ocsp.access === 'off') {
      throw new CaError('CA_OCSP_OFF', 'the policy has no OCSP; set ocsp.access');
    }
    const number = (this.#current?.number ?? 0) + 1;
    const key = await this.#obtainKey(`${policy.id}-ocsp-${number}`, ocsp);
    const certificate = await this.#certify(key, ocsp, origin);
    const record = {
      number,
      keyLabel: key.label,
      madeMs: clock.nowMs(),
      certificate: certificate.der,
    };
    await transactAsOwner(this.#core, 'ca: responder renewed', async (transaction) => {
      transaction.put(tables.responder, encodeResponderRecord(record));
      await audit.append(transaction, {
        kind: 'ocsp.responder.renew',
        result: 'done',
        origin,
        subject: formatSerialNumber(certificate.serialNumber),
        after: recordDigest(certificate.der),
        details: { keyLabel: key.label, number },
      });
    });
    const algorithm = signatureAlgorithmOf(ocsp.key.signature);
    this.#current = { number, keyLabel: key.label, algorithm, certificate };
    return this.#current;
  }

  async #obtainKey(label: string, { key }: OcspPolicy): Promise<KeyDescription> {
    const { signer, authority } = this.#core;
    const use = { issuer: authority.reference.name.der, certificates: [] };
    try {
      return await signer.generate({ label, type: keyTypeOf(key.type), purposes: PURPOSES, use });
    } catch (error) {
      if (!(error instanceof SigningError) || error.code !== 'SIGNING_KEY_EXISTS') {
        throw error;
      }
    }
    const found = await signer.describe(label);
    const isOurs =
      JSON.stringify(found.type) === JSON.stringify(keyTypeOf(key.type)) &&
      PURPOSES.every((purpose) => found.purposes.includes(purpose));
    if (!isOurs) {
      throw new CaError(
        'CA_KEY_MISMATCH',
        `the token has a key ${label} of another type or for other purposes; remove it`,
      );
    }
    return found;
  }

  /** The certificate that an interrupted run was given for the key, or a new one. */
  async #certify(
    key: KeyDescription,
    { profile, key: wanted }: OcspPolicy,
    origin: AuditOrigin,
  ): Promise<Certificate> {
    const { store, tables, clock, authority } = this.#core;
    const at = { digest: digestOfKey(key.spki), nowMs: clock.nowMs() };
    const snapshot = store.snapshot();
    const [known] = await findByIndex(snapshot, tables, { index: 'publicKey', ...at }).finally(() =>
      snapshot.close(),
    );
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
    const { certificate } = await this.#issuance.issue({ profile, csr, origin });
    return certificate;
  }
}

function readResponder({ policy }: CaCore, bytes: Uint8Array): Responder | undefined {
  if (policy.ocsp === undefined) {
    return undefined;
  }
  const { number, keyLabel, certificate } = parseResponderRecord(bytes);
  return {
    number,
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
