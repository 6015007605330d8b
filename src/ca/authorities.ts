/**
 * The generations of the CA's key as they stand: which one issues, which ones still sign lists and answers, which
 * ones verifiers may meet. Follows the authority record, and changes in the transaction that changes it.
 *
 * Not here: making a generation and switching to it (`generations/`).
 *
 * @module
 */

import { parseForeignSignatureAlgorithm } from '../x509/algorithms.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { computeKeyIdentifier } from '../x509/key-identifier.ts';
import { importVerifyingKey } from '../x509/verify-signature.ts';
import type { SigningAuthority } from './ca-core.ts';
import { CaError } from './errors.ts';
import type { Scope } from './policy/scope.ts';
import type {
  AuthorityRecord,
  GenerationState,
  KeyGeneration,
} from './records/authority-record.ts';

/** A generation of the CA's key. */
export interface Authority extends SigningAuthority {
  readonly generation: number;
  readonly certificate: Certificate;
  readonly state: GenerationState;
}

/** What a generation may still sign. */
interface Duties {
  readonly issues: boolean;
  /** Its own lists, where it has some, and its OCSP responder's certificate. */
  readonly servesItsCertificates: boolean;
}

const duties: Readonly<Record<GenerationState, Duties>> = {
  made: { issues: false, servesItsCertificates: false },
  current: { issues: true, servesItsCertificates: true },
  retiring: { issues: false, servesItsCertificates: true },
  retired: { issues: false, servesItsCertificates: false },
};

export class Authorities {
  #record: AuthorityRecord;
  #all: readonly Authority[];

  /** @throws {X509Error} for a certificate of the CA that cannot be read. */
  constructor(record: AuthorityRecord) {
    this.#record = record;
    this.#all = record.generations.map(readAuthority);
  }

  /** As the head of the store's transactions has it. */
  get record(): AuthorityRecord {
    return this.#record;
  }

  /** Every generation that there ever was, oldest first. */
  get all(): readonly Authority[] {
    return this.#all;
  }

  /** Those that still sign something, oldest first. */
  get alive(): readonly Authority[] {
    return this.#all.filter(({ state }) => duties[state].servesItsCertificates);
  }

  /**
   * The one that issues.
   *
   * @throws {CaError} `CA_RECORD_DAMAGED` when there is none.
   */
  get current(): Authority {
    const found = this.#all.find(({ state }) => duties[state].issues);
    if (found === undefined) {
      throw new CaError('CA_RECORD_DAMAGED', 'the authority record has no key that issues');
    }
    return found;
  }

  /** @throws {CaError} `CA_RECORD_DAMAGED` when there never was one of that number. */
  of(generation: number): Authority {
    const found = this.#all.find((one) => one.generation === generation);
    if (found === undefined) {
      throw unknownGeneration(generation);
    }
    return found;
  }

  /** The one whose key has that name in the token; undefined when it is none of the CA's. */
  withKey(keyLabel: string): Authority | undefined {
    return this.#all.find((one) => one.keyLabel === keyLabel);
  }

  /** What is on record of one. @throws {CaError} `CA_RECORD_DAMAGED` when there never was one of that number. */
  generation(number: number): KeyGeneration {
    const found = this.#record.generations.find((one) => one.number === number);
    if (found === undefined) {
      throw unknownGeneration(number);
    }
    return found;
  }

  /**
   * Who signs a scope's list: the generation that it is about, or the one that issues now, whose list then serves
   * the certificates of older generations as well (docs/decisions/0010).
   */
  forScope({ generation }: Pick<Scope, 'generation'>): Authority {
    return generation === undefined ? this.current : this.of(generation);
  }

  /**
   * Follows a change of the record: called at the end of the body of the transaction that writes it, so that whatever
   * comes after it in the store's order goes by it too. If the transaction fails, `update` takes it back.
   */
  update(record: AuthorityRecord): void {
    this.#all = record.generations.map(readAuthority);
    this.#record = record;
  }
}

function unknownGeneration(number: number): CaError {
  return new CaError('CA_RECORD_DAMAGED', `the CA never had a key ${number}`);
}

/** The authority of a stored generation. It signs as its certificate is signed, whatever the policy says of the next. */
export function readAuthority(generation: KeyGeneration): Authority {
  const certificate = parseCertificate(generation.certificate);
  return {
    generation: generation.number,
    keyLabel: generation.keyLabel,
    // With SHA-1 too: whether the policy lets such a key go on is asked when the CA is opened.
    algorithm: parseForeignSignatureAlgorithm(certificate.signatureAlgorithm),
    reference: {
      name: certificate.subject,
      keyIdentifier: computeKeyIdentifier(certificate.spki),
      serialNumber: certificate.serialNumber,
    },
    certificate,
    state: generation.state,
    verifyingKey: importVerifyingKey(certificate.spki),
  };
}
