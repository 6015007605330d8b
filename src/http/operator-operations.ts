/**
 * Operators' accounts: the part of the operations (`operations.ts`) behind `certdir operator add`, `disable`, `enable`
 * and `enrol`, and both ends of it on the control socket. What may be registered is decided in
 * `ca/accounts/operator-registration.ts`.
 *
 * @module
 */

import type { Operator } from './operator.ts';
import { listOf, objectOf, textSchema } from './request-schema.ts';

export interface OperatorInput {
  readonly name: string;
  readonly fullName?: string;
  readonly staffNumber?: string;
  readonly roles: readonly string[];
  readonly partitions?: readonly string[];
  readonly password?: string;
  /** Base64 of the DER. */
  readonly certificate?: string;
}

export interface OperatorAccount {
  readonly dn: string;
  readonly name: string;
  readonly fullName: string | null;
  readonly staffNumber: string | null;
  readonly roles: readonly string[];
  /** Codes of the municipalities that it acts for; empty where it acts for all. */
  readonly partitions: readonly string[];
  /** SHA-256 of the certificates that it authenticates with. */
  readonly certificates: readonly string[];
  readonly isDisabled: boolean;
}

export interface EnrolmentReport {
  readonly operator: OperatorAccount;
  readonly serialNumber: string;
  readonly notAfter: string;
  /** PEM. */
  readonly certificate: string;
}

export interface OperatorOperations {
  /** @throws {CaError} `CA_OPERATOR_INVALID`, `CA_OPERATOR_EXISTS`, `CA_SEPARATION`. */
  add(input: OperatorInput, operator: Operator): Promise<OperatorAccount>;
  /** @throws {CaError} `CA_OPERATOR_UNKNOWN`. */
  disable(input: { readonly name: string }, operator: Operator): Promise<OperatorAccount>;
  /** @throws {CaError} `CA_OPERATOR_UNKNOWN`, `CA_OPERATOR_EXISTS`, `CA_OPERATOR_INVALID`, `CA_SEPARATION`. */
  enable(input: { readonly name: string }, operator: Operator): Promise<OperatorAccount>;
  /**
   * @param input `request` is a PKCS#10: PEM, or base64 of the DER.
   * @throws {CaError} `CA_OPERATOR_UNKNOWN`, `CA_OPERATOR_INVALID`, and what issuing refuses.
   */
  enrol(
    input: { readonly name: string; readonly request: string },
    operator: Operator,
  ): Promise<EnrolmentReport>;
}

const named = objectOf({ name: textSchema });

export const operatorSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'operator-add': objectOf(
    {
      ...{ name: textSchema, fullName: textSchema, staffNumber: textSchema },
      ...{ roles: listOf(textSchema, 100), partitions: listOf(textSchema) },
      ...{ password: textSchema, certificate: textSchema },
    },
    ['fullName', 'staffNumber', 'partitions', 'password', 'certificate'],
  ),
  'operator-disable': named,
  'operator-enable': named,
  'operator-enrol': objectOf({ name: textSchema, request: textSchema }),
};

interface Request {
  readonly body: unknown;
  readonly operator: Operator;
}

/** The server's end. */
export function operatorHandlers(
  operations: OperatorOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  return {
    'operator-add': ({ body, operator }) => operations.add(body as OperatorInput, operator),
    'operator-disable': ({ body, operator }) =>
      operations.disable(body as { readonly name: string }, operator),
    'operator-enable': ({ body, operator }) =>
      operations.enable(body as { readonly name: string }, operator),
    'operator-enrol': ({ body, operator }) =>
      operations.enrol(body as { readonly name: string; readonly request: string }, operator),
  };
}

/** The client's end. */
export function remoteOperators(
  call: <T>(name: string, body: unknown) => Promise<T>,
): OperatorOperations {
  return {
    add: (input) => call('operator-add', input),
    disable: (input) => call('operator-disable', input),
    enable: (input) => call('operator-enable', input),
    enrol: (input) => call('operator-enrol', input),
  };
}
