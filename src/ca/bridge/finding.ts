/**
 * What is wrong with something that a peer has handed over: one finding for each fault, all of them at once.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { CaError } from '../errors.ts';

/** Stable names; what each is found in says `path`. */
export type FindingCode =
  /** It cannot be read at all. */
  | 'malformed'
  | 'not-version-3'
  /** An algorithm that is not supported, or no longer safe. */
  | 'algorithm'
  /** By another key, or over other bytes. */
  | 'signature'
  | 'key-weak'
  /** The key is ours, another peer's, or in a certificate for somebody else. */
  | 'key-reused'
  /** Another key than the one that was announced, asked for, or signs now. */
  | 'key-mismatch'
  | 'name'
  /** The same name, written in other bytes: verifiers that compare bytes find no path. */
  | 'name-encoding'
  /** Issuer and subject are one CA: self-signed or a link certificate. */
  | 'self-issued'
  | 'not-self-signed'
  | 'fingerprint'
  | 'not-a-ca'
  | 'key-usage'
  | 'path-length'
  | 'not-yet-valid'
  | 'expired'
  | 'validity'
  | 'serial-number'
  | 'policies'
  | 'mappings'
  | 'name-constraints'
  | 'extension'
  | 'key-identifier'
  | 'distribution-point'
  /** Nothing of ours asks for it, or it is there already. */
  | 'not-asked-for'
  | 'known'
  /** A receipt, or what a directory holds, that is about something else. */
  | 'other-certificate'
  | 'missing'
  | 'list';

export interface Finding {
  /** What it is in, e.g. `certificate.extensions.basicConstraints`. */
  readonly path: string;
  readonly code: FindingCode;
  /** For people: what is wrong and what is right. */
  readonly message: string;
}

/** Gathers findings. */
export class Findings {
  readonly #list: Finding[] = [];

  get list(): readonly Finding[] {
    return this.#list;
  }

  add(path: string, code: FindingCode, message: string): void {
    this.#list.push({ path, code, message });
  }

  /** What `read` makes of something, or one finding and undefined when it is malformed. */
  read<T>(path: string, read: () => T, code: FindingCode = 'malformed'): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isCertdirError(error)) {
        throw error;
      }
      this.add(path, code, error.message);
      return undefined;
    }
  }
}

/**
 * Refuses what has a fault.
 *
 * @param what As the message names it: "the request".
 * @throws {CaError} `CA_CROSS_REFUSED` with every finding in its message.
 */
export function assertFlawless(what: string, findings: readonly Finding[]): void {
  if (findings.length > 0) {
    const told = findings.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new CaError('CA_CROSS_REFUSED', `${what} is refused: ${told}`);
  }
}
