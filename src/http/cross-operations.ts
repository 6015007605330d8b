/**
 * Exchanging certificates with other CAs: the part of the operations (`operations.ts`) behind `certdir cross`, and both ends
 * of it on the control socket. The exchange itself is `ca/bridge`.
 *
 * @module
 */

import type { Operator } from './operator.ts';
import { objectOf, textSchema } from './request-schema.ts';

/** One thing that is wrong with what a peer has handed over. */
export interface CrossFinding {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface CrossCertificateReport {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly sha256: string;
  /** `pair`: in the pair that is published. `waits`: for a receipt, or for the other half. */
  readonly state: 'pair' | 'waits' | 'revoked' | 'ended';
  readonly pem: string;
  /** Of the one who has it for the one who issued it; null until it is there. */
  readonly receipt: string | null;
}

export interface CrossNeed {
  /** One of the four of gunma 4-9. */
  readonly case: 'theirs-ends' | 'ours-ends' | 'theirs-changes' | 'ours-changes';
  readonly why: string;
  readonly ends: string;
  /** Null for changes. */
  readonly withinDays: number | null;
}

export interface CrossPeerReport {
  readonly peer: string;
  readonly title: { readonly ja: string; readonly en: string };
  /** RFC 4514 text. */
  readonly name: string;
  /** What has to come next, for people. */
  readonly state: 'certified' | 'cancelled' | 'in-exchange' | 'none';
  readonly since: string | null;
  /** When each step was last taken; null before. */
  readonly requested: string | null;
  readonly examined: string | null;
  readonly tested: string | null;
  /** SHA-256 of the peer's own certificate, as it was examined with. */
  readonly peerCertificate: string | null;
  /** Newest first. */
  readonly issued: readonly CrossCertificateReport[];
  readonly received: readonly CrossCertificateReport[];
  /** CertificatePair in base64; null when none is published. */
  readonly pair: string | null;
  readonly needs: readonly CrossNeed[];
  /** What waits for the custodians' approval. */
  readonly pending: { readonly serialNumber: string; readonly sha256: string } | null;
}

export interface CrossRequestReport {
  readonly peer: string;
  /** PKCS#10. */
  readonly pem: string;
  readonly sha256: string;
  /** Of our own certificate, for the peer to compare. */
  readonly certificate: { readonly pem: string; readonly sha256: string };
}

export interface CrossExamineInput {
  readonly peer: string;
  /** PEM, or base64 of DER. */
  readonly request: string;
  readonly certificate: string;
  readonly fingerprint: string;
  /** Only says what is wrong. */
  readonly isTrial: boolean;
}

export interface CrossExamination {
  readonly peer: string;
  readonly findings: readonly CrossFinding[];
  /** It has no fault and was taken. */
  readonly isTaken: boolean;
}

export type CrossIssueReport =
  | { readonly kind: 'issued'; readonly peer: string; readonly certificate: CrossCertificateReport }
  | {
      readonly kind: 'waits';
      readonly peer: string;
      /** Of the proposal that custodians approve. */
      readonly hash: string;
      readonly sha256: string;
      readonly quorum: number;
    };

/** What an act has completed. */
export interface CrossOutcomeReport {
  readonly peer: string;
  readonly isPaired: boolean;
  /** Serial numbers of what it replaced, revoked. */
  readonly superseded: readonly string[];
}

export interface CrossRenewReport {
  readonly peer: string;
  readonly needs: readonly CrossNeed[];
  /** For theirs: our new request. */
  readonly request: CrossRequestReport | null;
  /** For ours: the new certificate. */
  readonly issued: CrossIssueReport | null;
}

export interface CrossOperations {
  show(input: { readonly peer: string | null }): Promise<readonly CrossPeerReport[]>;
  request(input: { readonly peer: string }, operator: Operator): Promise<CrossRequestReport>;
  /** @throws {CaError} `CA_CROSS_REFUSED` when it has faults and is no trial. */
  examine(input: CrossExamineInput, operator: Operator): Promise<CrossExamination>;
  /** Reads the peer's directory. @throws {ReadbackError} */
  test(
    input: { readonly peer: string; readonly url: string | null },
    operator: Operator,
  ): Promise<CrossExamination & { readonly url: string }>;
  issue(input: { readonly peer: string }, operator: Operator): Promise<CrossIssueReport>;
  receipt(
    input: { readonly peer: string; readonly text: string; readonly isPaper: boolean },
    operator: Operator,
  ): Promise<CrossOutcomeReport>;
  accept(
    input: { readonly peer: string; readonly certificate: string; readonly isTrial: boolean },
    operator: Operator,
  ): Promise<CrossExamination & CrossOutcomeReport & { readonly receipt: string | null }>;
  renew(
    input: { readonly peer: string; readonly cases: readonly string[] },
    operator: Operator,
  ): Promise<CrossRenewReport>;
  revoke(
    input: { readonly peer: string; readonly reason: string },
    operator: Operator,
  ): Promise<{ readonly peer: string; readonly revoked: readonly string[] }>;
}

const flag = { type: 'boolean' };
const file = { type: 'string', maxLength: 65_536 };
const orNull = (schema: Record<string, unknown>): Record<string, unknown> => ({
  anyOf: [schema, { type: 'null' }],
});
const peer = objectOf({ peer: textSchema });

export const crossSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'cross-show': objectOf({ peer: orNull(textSchema) }),
  'cross-request': peer,
  'cross-examine': objectOf({
    ...{ peer: textSchema, request: file, certificate: file, fingerprint: textSchema },
    isTrial: flag,
  }),
  'cross-test': objectOf({ peer: textSchema, url: orNull(textSchema) }),
  'cross-issue': peer,
  'cross-receipt': objectOf({ peer: textSchema, text: file, isPaper: flag }),
  'cross-accept': objectOf({ peer: textSchema, certificate: file, isTrial: flag }),
  'cross-renew': objectOf({
    peer: textSchema,
    cases: { type: 'array', items: textSchema, maxItems: 4 },
  }),
  'cross-revoke': objectOf({ peer: textSchema, reason: textSchema }),
};

interface Request {
  readonly body: unknown;
  readonly operator: Operator;
}

type Acts = Omit<CrossOperations, 'show'>;
type ActName = keyof Acts;

const acts: readonly ActName[] = [
  'request',
  'examine',
  'test',
  'issue',
  'receipt',
  'accept',
  'renew',
  'revoke',
];

/** The server's end. */
export function crossHandlers(
  operations: CrossOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  const act =
    (name: ActName) =>
    ({ body, operator }: Request): Promise<unknown> =>
      // The body was held against the schema of the same name.
      (operations[name] as (input: unknown, operator: Operator) => Promise<unknown>).call(
        operations,
        body,
        operator,
      );
  return {
    'cross-show': ({ body }) => operations.show(body as { readonly peer: string | null }),
    ...Object.fromEntries(acts.map((name) => [`cross-${name}`, act(name)])),
  };
}

/** The client's end. */
export function remoteCross(call: <T>(name: string, body: unknown) => Promise<T>): CrossOperations {
  return {
    show: (input) => call('cross-show', input),
    request: (input) => call('cross-request', input),
    examine: (input) => call('cross-examine', input),
    test: (input) => call('cross-test', input),
    issue: (input) => call('cross-issue', input),
    receipt: (input) => call('cross-receipt', input),
    accept: (input) => call('cross-accept', input),
    renew: (input) => call('cross-renew', input),
    revoke: (input) => call('cross-revoke', input),
  };
}
