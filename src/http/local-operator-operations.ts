/**
 * Registering operators, on the CA of this process, for whoever owns the machine.
 *
 * @module
 */

import type { OperatorRegistration, Registrar } from '../ca/accounts/operator-registration.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import type { StoredOperator } from '../directory/accounts/account-reading.ts';
import { encodePem } from '../x509/pem.ts';
import type { Operator } from './operator.ts';
import type {
  EnrolmentReport,
  OperatorAccount,
  OperatorInput,
  OperatorOperations,
} from './operator-operations.ts';
import { formatTime } from './report-time.ts';

export class LocalOperators implements OperatorOperations {
  readonly #registration: OperatorRegistration;

  constructor(registration: OperatorRegistration) {
    this.#registration = registration;
  }

  async add({ certificate, ...rest }: OperatorInput, operator: Operator): Promise<OperatorAccount> {
    const der = certificate === undefined ? undefined : Buffer.from(certificate, 'base64');
    const input = { ...rest, certificate: der };
    return accountReport(await this.#registration.add(input, machineOf(operator)));
  }

  async disable({ name }: { readonly name: string }, operator: Operator): Promise<OperatorAccount> {
    return accountReport(await this.#registration.disable(name, machineOf(operator)));
  }

  async enable({ name }: { readonly name: string }, operator: Operator): Promise<OperatorAccount> {
    return accountReport(await this.#registration.enable(name, machineOf(operator)));
  }

  async enrol(
    { name, request }: { readonly name: string; readonly request: string },
    operator: Operator,
  ): Promise<EnrolmentReport> {
    const csr = request.includes('-----BEGIN') ? request : Buffer.from(request, 'base64');
    const enrolled = await this.#registration.enrol({ name, request: csr }, machineOf(operator));
    const { certificate } = enrolled;
    return {
      operator: accountReport(enrolled.operator),
      serialNumber: formatSerialNumber(enrolled.serialNumber),
      notAfter: formatTime(certificate.notAfterMs),
      certificate: encodePem('CERTIFICATE', certificate.der),
    };
  }
}

function machineOf(operator: Operator): Registrar {
  return {
    machine: {
      principal: { kind: 'system', name: operator.name },
      session: { isProtected: true, address: '', channel: 'cli' },
    },
  };
}

export function accountReport(operator: StoredOperator): OperatorAccount {
  const { dn, name, displayName, staffNumbers, roles, partitions, certificates } = operator;
  return {
    ...{ dn, name, fullName: displayName ?? null, staffNumber: staffNumbers[0] ?? null },
    ...{ roles, partitions, certificates, isDisabled: operator.isDisabled },
  };
}
