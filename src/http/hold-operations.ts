/**
 * Holding a certificate and releasing it: the part of the operations (`operations.ts`) behind `certdir ca hold` and
 * `certdir ca release`, and both ends of it on the control socket. What may be held is decided in
 * `ca/certificates/holding.ts`.
 *
 * @module
 */

import type { Operator } from './operator.ts';
import { objectOf, textSchema } from './request-schema.ts';

export interface HoldInput {
  readonly serialNumber: string;
}

/** The receipt of a hold, or of a release. */
export interface HoldReport {
  readonly serialNumber: string;
  readonly subject: string;
  /** What the certificate is now. */
  readonly state: 'held' | 'good';
  /** Since when; RFC 3339. */
  readonly since: string;
  readonly partition: string;
  /** When the list that says so is due at the latest. */
  readonly publicationDue: string;
}

export interface HoldOperations {
  /**
   * Holds a good certificate: in its list with the reason certificateHold until it is released, revoked or expires.
   *
   * @throws {CaError} `CA_HOLD_NOT_ALLOWED` by the policy or for one that is not good, `CA_SERIAL_UNKNOWN`,
   *   `CA_ALREADY_REVOKED`, `CA_CERTIFICATE_EXPIRED`.
   */
  hold(input: HoldInput, operator: Operator): Promise<HoldReport>;
  /**
   * Makes a held certificate good again.
   *
   * @throws {CaError} `CA_NOT_HELD`, `CA_SERIAL_UNKNOWN`, `CA_CERTIFICATE_EXPIRED`.
   */
  release(input: HoldInput, operator: Operator): Promise<HoldReport>;
}

const certificate = objectOf({ serialNumber: textSchema });

export const holdSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'certificate-hold': certificate,
  'certificate-release': certificate,
};

interface Request {
  readonly body: unknown;
  readonly operator: Operator;
}

/** The server's end. */
export function holdHandlers(
  operations: HoldOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  return {
    'certificate-hold': ({ body, operator }) => operations.hold(body as HoldInput, operator),
    'certificate-release': ({ body, operator }) => operations.release(body as HoldInput, operator),
  };
}

/** The client's end. */
export function remoteHolds(call: <T>(name: string, body: unknown) => Promise<T>): HoldOperations {
  return {
    hold: (input) => call('certificate-hold', input),
    release: (input) => call('certificate-release', input),
  };
}
