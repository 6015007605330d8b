/**
 * Verifiers of the CA of this process.
 *
 * @module
 */

import type { CertificateChange } from '../ca/accounts/verifier-entry.ts';
import { VerifierRegister } from '../ca/accounts/verifier-register.ts';
import { CaError } from '../ca/errors.ts';
import type { Policy } from '../ca/policy/policy.ts';
import type { Clock } from '../core/clock.ts';
import type { DirectoryService } from '../directory/service.ts';
import { verifierReport } from './account-reports.ts';
import { callerOf, type Operator } from './operator.ts';
import type {
  VerifierCertificateInput,
  VerifierChangeInput,
  VerifierInput,
  VerifierOperations,
  VerifierReport,
} from './verifier-operations.ts';

export interface LocalVerifiersOptions {
  readonly directory: DirectoryService;
  readonly policy: Policy;
  readonly clock: Clock;
}

/** Whoever lists verifiers: the names of those who only look are not recorded. */
const reader: Operator = { name: 'administrator' };

export class LocalVerifiers implements VerifierOperations {
  readonly #register: VerifierRegister;
  readonly #clock: Clock;

  constructor({ directory, policy, clock }: LocalVerifiersOptions) {
    this.#register = new VerifierRegister(directory, policy);
    this.#clock = clock;
  }

  async add(input: VerifierInput, operator: Operator): Promise<VerifierReport> {
    const { certificate, ...rest } = input;
    const registration = { ...rest, certificate: derOf(certificate) };
    return verifierReport(await this.#register.add(registration, callerOf(operator)));
  }

  async list(): Promise<readonly VerifierReport[]> {
    return (await this.#register.list(callerOf(reader))).map(verifierReport);
  }

  async change(input: VerifierChangeInput, operator: Operator): Promise<VerifierReport> {
    const { name, ...change } = input;
    return verifierReport(await this.#register.change(name, change, callerOf(operator)));
  }

  async password(
    { name, password }: { readonly name: string; readonly password: string },
    operator: Operator,
  ): Promise<VerifierReport> {
    return verifierReport(await this.#register.setPassword(name, password, callerOf(operator)));
  }

  async certificate(input: VerifierCertificateInput, operator: Operator): Promise<VerifierReport> {
    const change = certificateChangeOf(input);
    const caller = callerOf(operator);
    return verifierReport(await this.#register.changeCertificate(input.name, change, caller));
  }

  async disable({ name }: { readonly name: string }, operator: Operator): Promise<VerifierReport> {
    return verifierReport(await this.#register.disable(name, callerOf(operator)));
  }

  async remove({ name }: { readonly name: string }, operator: Operator): Promise<VerifierReport> {
    const nowMs = this.#clock.nowMs();
    return verifierReport(await this.#register.remove(name, nowMs, callerOf(operator)));
  }
}

function certificateChangeOf(input: VerifierCertificateInput): CertificateChange {
  const { certificate, isAnother = false, removed } = input;
  const der = derOf(certificate);
  if (der !== undefined && removed === undefined) {
    return { kind: isAnother ? 'add' : 'replace', certificate: der };
  }
  if (removed !== undefined && der === undefined && !isAnother) {
    return { kind: 'remove', sha256: removed };
  }
  throw new CaError(
    'CA_VERIFIER_INVALID',
    'name a certificate that is taken, or the SHA-256 of one that is taken away',
  );
}

function derOf(base64: string | undefined): Uint8Array | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
