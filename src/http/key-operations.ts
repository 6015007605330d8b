/**
 * The generations of the CA's key through a running server: how they stand, and a renewal where no custodians are asked.
 * Here are both ends of it on the control socket; what is done is in `src/app/key-generations.ts`.
 *
 * @module
 */

import type { Operator } from './operator.ts';
import { listOf, objectOf, textSchema } from './request-schema.ts';

/** A certificate that one generation of the key has made for another. */
export interface LinkReport {
  readonly kind: 'OldWithNew' | 'NewWithOld';
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

export interface GenerationReport {
  readonly generation: number;
  /** `made`, `current`, `retiring`, `retired`, … */
  readonly state: string;
  /** Since when it is that, RFC 3339. */
  readonly since: string;
  readonly keyLabel: string;
  /** `EC P-256 (ecdsa with sha256)` */
  readonly key: string;
  readonly created: string;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Of the self-signed certificate, and of its SubjectPublicKeyInfo; lower-case hexadecimal. */
  readonly sha256: string;
  readonly publicKeySha256: string;
  /** Between it and the generation before. */
  readonly links: readonly LinkReport[];
  /** What it has issued; the CA's own certificates are not counted. */
  readonly certificates: {
    readonly issued: number;
    /** Neither expired nor revoked. */
    readonly valid: number;
    /** The end of the last; null when there is none. */
    readonly lastEnd: string | null;
  };
}

export interface KeysReport {
  /** Oldest first. */
  readonly generations: readonly GenerationReport[];
  /** By when another key is to issue, by the policy. */
  readonly renewalDue: string;
  /** How near that is: in months, `overdue`, or null while it is further away than a year. */
  readonly renewalWarning: number | 'overdue' | null;
}

export interface KeyOperations {
  list(): Promise<KeysReport>;
  /**
   * Makes another key, publishes its certificates and lets it issue; its lists follow.
   *
   * @param input isEarly: also when no renewal is near.
   */
  renew(input: { readonly isEarly: boolean }, operator: Operator): Promise<KeysReport>;
  /** Makes a key in the CA's token, for something else than its generations. */
  make(input: MakeKeyInput, operator: Operator): Promise<MadeKeyReport>;
}

export interface MakeKeyInput {
  readonly label: string;
  /** As `certdir hsm keygen --type` names it. */
  readonly type: 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'p-256' | 'p-384' | 'ed25519';
  readonly purposes: readonly string[];
}

export interface MadeKeyReport extends MakeKeyInput {
  /** DER SubjectPublicKeyInfo, base64. */
  readonly spki: string;
}

export const keySchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'keys-list': objectOf({}),
  'keys-renew': objectOf({ isEarly: { type: 'boolean' } }),
  'keys-make': objectOf({
    label: textSchema,
    type: { enum: ['rsa-2048', 'rsa-3072', 'rsa-4096', 'p-256', 'p-384', 'ed25519'] },
    purposes: listOf(textSchema, 16),
  }),
};

interface Request {
  readonly body: unknown;
  readonly operator: Operator;
}

/** The server's end. */
export function keyHandlers(
  operations: KeyOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  return {
    'keys-list': () => operations.list(),
    'keys-renew': ({ body, operator }) =>
      operations.renew(body as { readonly isEarly: boolean }, operator),
    'keys-make': ({ body, operator }) => operations.make(body as MakeKeyInput, operator),
  };
}

/** The client's end. */
export function remoteKeys(call: <T>(name: string, body: unknown) => Promise<T>): KeyOperations {
  return {
    list: () => call('keys-list', {}),
    renew: (input) => call('keys-renew', input),
    make: (input) => call('keys-make', input),
  };
}
