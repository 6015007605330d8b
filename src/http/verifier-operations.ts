/**
 * Verifiers and their agreements: the part of the operations (`operations.ts`) behind `certdir verifier`, and both ends
 * of it on the control socket. What is checked is in `ca/accounts/verifier-register.ts`.
 *
 * @module
 */

import type { Operator } from './operator.ts';
import { listOf, objectOf, textSchema } from './request-schema.ts';

export interface VerifierInput {
  /** The RDN value under `ou=Verifiers`. */
  readonly name: string;
  readonly kind: string;
  readonly agreementNumber: string;
  /** `YYYY-MM-DD`, first and last day (Japan time) on which access is granted. */
  readonly agreementFrom: string;
  readonly agreementUntil: string;
  /** Partition codes, or `*` for all. */
  readonly partitions: readonly string[];
  /** A password, a certificate (base64 of its DER), or both. */
  readonly password?: string | undefined;
  readonly certificate?: string | undefined;
}

/** What becomes another; what is left out stays. */
export interface VerifierChangeInput {
  readonly name: string;
  readonly kind?: string | undefined;
  readonly agreementNumber?: string | undefined;
  readonly agreementFrom?: string | undefined;
  readonly agreementUntil?: string | undefined;
  readonly partitions?: readonly string[] | undefined;
  readonly isEnabledAgain?: boolean | undefined;
}

/** One of the two: a certificate (base64 of its DER) that is taken, or the SHA-256 of one that is taken away. */
export interface VerifierCertificateInput {
  readonly name: string;
  readonly certificate?: string | undefined;
  /** Those there are stay beside it. */
  readonly isAnother?: boolean | undefined;
  readonly removed?: string | undefined;
}

interface VerifierName {
  readonly name: string;
}

interface VerifierPassword extends VerifierName {
  readonly password: string;
}

export interface VerifierReport {
  readonly dn: string;
  readonly kind: string;
  readonly agreementNumber: string;
  /** First and last instant of access; null where the entry leaves that side open. */
  readonly agreementFrom: string | null;
  readonly agreementUntil: string | null;
  readonly partitions: readonly string[];
  /** SHA-256 of the certificates it authenticates with, lower-case hexadecimal. */
  readonly certificates: readonly string[];
  readonly isDisabled: boolean;
}

/** @throws {CaError} All of them `CA_VERIFIER_UNKNOWN` and `CA_VERIFIER_INVALID`. */
export interface VerifierOperations {
  /** @throws {CaError} `CA_VERIFIER_EXISTS`, `CA_MUNICIPALITY_UNKNOWN`. */
  add(input: VerifierInput, operator: Operator): Promise<VerifierReport>;
  list(): Promise<readonly VerifierReport[]>;
  /** @throws {CaError} `CA_MUNICIPALITY_UNKNOWN`. */
  change(input: VerifierChangeInput, operator: Operator): Promise<VerifierReport>;
  password(input: VerifierPassword, operator: Operator): Promise<VerifierReport>;
  certificate(input: VerifierCertificateInput, operator: Operator): Promise<VerifierReport>;
  disable(input: VerifierName, operator: Operator): Promise<VerifierReport>;
  /** @throws {CaError} `CA_VERIFIER_ACTIVE`. */
  remove(input: VerifierName, operator: Operator): Promise<VerifierReport>;
}

const text = textSchema;
const flag = { type: 'boolean' };
const days = { agreementNumber: text, agreementFrom: text, agreementUntil: text };
const granted = { kind: text, ...days, partitions: listOf(text) };

export const verifierSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'verifier-add': objectOf({ name: text, ...granted, password: text, certificate: text }, [
    'password',
    'certificate',
  ]),
  'verifier-list': objectOf({}),
  'verifier-change': objectOf({ name: text, ...granted, isEnabledAgain: flag }, [
    ...Object.keys(granted),
    'isEnabledAgain',
  ]),
  'verifier-password': objectOf({ name: text, password: text }),
  'verifier-certificate': objectOf(
    { name: text, certificate: text, isAnother: flag, removed: text },
    ['certificate', 'isAnother', 'removed'],
  ),
  'verifier-disable': objectOf({ name: text }),
  'verifier-remove': objectOf({ name: text }),
};

interface Request {
  readonly body: unknown;
  readonly operator: Operator;
}

/** The server's end. */
export function verifierHandlers(
  operations: VerifierOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  return {
    'verifier-add': ({ body, operator }) => operations.add(body as VerifierInput, operator),
    'verifier-list': () => operations.list(),
    'verifier-change': ({ body, operator }) =>
      operations.change(body as VerifierChangeInput, operator),
    'verifier-password': ({ body, operator }) =>
      operations.password(body as VerifierPassword, operator),
    'verifier-certificate': ({ body, operator }) =>
      operations.certificate(body as VerifierCertificateInput, operator),
    'verifier-disable': ({ body, operator }) => operations.disable(body as VerifierName, operator),
    'verifier-remove': ({ body, operator }) => operations.remove(body as VerifierName, operator),
  };
}

/** The client's end. */
export function remoteVerifiers(
  call: <T>(name: string, body: unknown) => Promise<T>,
): VerifierOperations {
  return {
    add: (input) => call('verifier-add', input),
    list: () => call('verifier-list', {}),
    change: (input) => call('verifier-change', input),
    password: (input) => call('verifier-password', input),
    certificate: (input) => call('verifier-certificate', input),
    disable: (input) => call('verifier-disable', input),
    remove: (input) => call('verifier-remove', input),
  };
}
